// A folder was moved at the provider, the answer got lost, and others used its old name before it was asked where it is.

#include "tests/support/blobs.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

struct LaneFoldersTest : ReplicationTest {
    LaneFoldersTest() : ReplicationTest({MemoryOptions{}}) {}

    // d/a, at the provider.
    void SetUp() override {
        NodeRow row;
        row.id = folder = catalog->reserve_node().value();
        row.parent = kRootNode;
        row.name = "d";
        row.kind = NodeKind::directory;
        ASSERT_THAT(catalog->make_directory(row, ids), IsOk());
        first = commit("a", old_content);
        ASSERT_THAT(catalog->rename_node(catalog->find("a").value()->id, folder, "a", std::nullopt, false, ids), IsOk());
        drive_for(Millis(5'000));
        ASSERT_EQ(there().content("d/a"), old_content);
    }
    // d/a has another content, which is not uploaded yet.
    void write() {
        const auto file = catalog->find("d/a");
        second = commit("new", new_content);
        ASSERT_THAT(catalog->rename_node(catalog->find("new").value()->id, folder, "a", (*file)->id, false, ids), IsOk());
    }
    // It is not known whether d/a was stored.
    void lose_answer() {
        ReplicaRow lost = row(first, 0);
        lost.key.clear();
        lost.intent_key = "d/a";
        lost.state = ReplicaState::uploading;
        lost.remote_id.clear();
        lost.remote_rev.clear();
        lost.due = clock.wall() + Millis(5'000);
        ASSERT_THAT(catalog->record({{ReplicaChange::Kind::store, lost, ReplicaState::verified}}, false), IsOk());
    }
    // d is f now, here; `moved`: at the provider as well.
    void begin_move(bool moved) {
        ASSERT_THAT(catalog->rename_node(folder, kRootNode, "f", std::nullopt, false, ids), IsOk());
        DirectoryRow row;
        row.node = folder;
        row.provider = ids[0];
        row.key = "d";
        row.intent_key = "f";
        row.due = clock.wall();
        ASSERT_THAT(catalog->record_directory(row), IsOk());
        if (moved) {
            ASSERT_TRUE(there().rename_behind("d", "f"));
        }
        puts_before = providers[0]->puts;
    }
    MemoryProvider& there() { return providers[0]->memory(); }
    int puts() { return providers[0]->puts - puts_before; }

    const Bytes old_content = random_content(1'000, 1), new_content = random_content(1'200, 2), strange = random_content(900, 3);
    NodeId folder;
    VersionId first, second;
    int puts_before = 0;
};

TEST_F(LaneFoldersTest, AFileHasItsOldName) {
    begin_move(true);
    there().add_behind("d", strange);
    ASSERT_TRUE(replicator->run_one(ids[0], {}).value());
    EXPECT_EQ(row(first, 0).key, "f/a") << "at once: it counts as good, and is read from there";
    drive_for(Millis(20'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d", "f/a"}));
    EXPECT_EQ(there().content("d"), strange);
    EXPECT_EQ(there().content("f/a"), old_content);
    EXPECT_EQ(row(first, 0).key, "f/a");
    EXPECT_EQ(state(first, 0), ReplicaState::verified);
    EXPECT_EQ(puts(), 0);
    EXPECT_EQ(events("missing"), 0u);
}

TEST_F(LaneFoldersTest, AFolderHasItsOldName) {
    begin_move(true);
    there().add_behind("d/b", strange);
    ASSERT_TRUE(replicator->run_one(ids[0], {}).value());
    EXPECT_EQ(row(first, 0).intent_key, "f/a") << "where it is, is not known";
    drive_for(Millis(20'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d/b", "f/a"}));
    EXPECT_EQ(there().content("f/a"), old_content);
    EXPECT_EQ(row(first, 0).key, "f/a");
    EXPECT_EQ(state(first, 0), ReplicaState::verified);
    EXPECT_EQ(puts(), 0);
    EXPECT_EQ(events("missing"), 0u);
}

// The old version is where the folder is now, and not somebody's file in the way of the new one.
TEST_F(LaneFoldersTest, AFileHasItsOldNameAndTheMovedOneIsToBeReplaced) {
    write();
    begin_move(true);
    there().add_behind("d", strange);
    drive_for(Millis(20'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d", "f/a"}));
    EXPECT_EQ(there().content("f/a"), new_content);
    EXPECT_EQ(state(second, 0), ReplicaState::verified);
    EXPECT_EQ(events("conflict"), 0u);
}

TEST_F(LaneFoldersTest, AFolderHasItsOldNameAndTheMovedOneIsToBeReplaced) {
    write();
    begin_move(true);
    there().add_behind("d/b", strange);
    drive_for(Millis(20'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d/b", "f/a"}));
    EXPECT_EQ(there().content("f/a"), new_content);
    EXPECT_EQ(state(second, 0), ReplicaState::verified);
    EXPECT_EQ(events("conflict"), 0u);
}

// Also an upload whose answer got lost before the folder was moved is looked for in both places.
TEST_F(LaneFoldersTest, AFolderHasItsOldNameAndTheAnswerOfAnUploadWasLost) {
    lose_answer();
    write();
    begin_move(true);
    there().add_behind("d/b", strange);
    drive_for(Millis(30'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d/b", "f/a"}));
    EXPECT_EQ(there().content("f/a"), new_content);
    EXPECT_EQ(state(second, 0), ReplicaState::verified);
    EXPECT_EQ(events("conflict"), 0u);
}

TEST_F(LaneFoldersTest, AFileHasTheOldNameOfAnUploadWhoseAnswerWasLost) {
    lose_answer();
    write();
    begin_move(true);
    there().add_behind("d/a", strange);
    drive_for(Millis(30'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"d/a", "f/a"}));
    EXPECT_EQ(there().content("d/a"), strange);
    EXPECT_EQ(there().content("f/a"), new_content);
    EXPECT_EQ(state(second, 0), ReplicaState::verified);
    EXPECT_EQ(events("conflict"), 0u);
}

// It never happened, and others made a folder of the new name.
TEST_F(LaneFoldersTest, AFolderHasItsNewName) {
    begin_move(false);
    there().add_behind("f/b", strange);
    drive_for(Millis(20'000));
    EXPECT_EQ(there().files(), (std::vector<ObjectKey>{"f/a", "f/b"}));
    EXPECT_EQ(there().content("f/a"), old_content);
    EXPECT_EQ(there().content("f/b"), strange);
    EXPECT_EQ(state(first, 0), ReplicaState::verified);
    EXPECT_EQ(puts(), 0);
    EXPECT_EQ(events("missing"), 0u);
}

// Its new name is taken by a folder (an upload made it, or somebody): what is in it moves one by one, also empty folders.
TEST_F(LaneFoldersTest, FoldersBelowFollowWhereTheNewNameIsTaken) {
    NodeRow empty;
    empty.id = catalog->reserve_node().value();
    empty.parent = folder;
    empty.name = "empty";
    empty.kind = NodeKind::directory;
    ASSERT_THAT(catalog->make_directory(empty, ids), IsOk());
    drive_for(Millis(5'000));
    ASSERT_THAT(there().stat({}, "d/empty"), IsOk());
    ASSERT_THAT(catalog->rename_node(folder, kRootNode, "f", std::nullopt, false, ids), IsOk());
    there().add_directory_behind("f");
    drive_for(Millis(20'000));
    EXPECT_THAT(there().stat({}, "f/empty"), IsOk());
    EXPECT_THAT(there().stat({}, "d"), HasCode(Errc::not_found));
    EXPECT_EQ(there().files(), std::vector<ObjectKey>{"f/a"});
}

}  // namespace
}  // namespace oracxfs::test
