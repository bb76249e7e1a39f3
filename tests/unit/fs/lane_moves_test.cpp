// Renamed files of which somebody else removed, changed or covered the copy before it could be moved.

#include "tests/support/blobs.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

struct LaneMovesTest : ReplicationTest {
    LaneMovesTest() : ReplicationTest({MemoryOptions{}}) {}

    void rename(const std::string& from, const std::string& to) {
        const auto source = catalog->find(from), target = catalog->find(to);
        std::optional<NodeId> replaced;
        if (*target) replaced = (*target)->id;
        ASSERT_THAT(catalog->rename_node((*source)->id, kRootNode, to, replaced, false, ids), IsOk());
    }
    MemoryProvider& there() { return providers[0]->memory(); }
};

// drive() fails on a busy loop.
TEST_F(LaneMovesTest, ARemovedOneIsPutUnderItsNewName) {
    const Bytes content = random_content(1'000, 1);
    const VersionId version = commit("a", content);
    drive(0);
    ASSERT_TRUE(there().remove_behind("a"));
    rename("a", "b");
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(there().content("b"), content);
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(events("healed"), 1u);
}

TEST_F(LaneMovesTest, ARemovedOneReplacesWhatItsNewNameHeld) {
    const Bytes content = random_content(1'000, 2);
    commit("b", random_content(1'000, 3));
    const VersionId version = commit("a", content);
    drive(0);
    ASSERT_TRUE(there().remove_behind("a"));
    rename("a", "b");
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(there().content("b"), content);
    EXPECT_EQ(there().files().size(), 1u);
}

TEST_F(LaneMovesTest, AChangedOneIsReplacedByTheGoodContentAndKept) {
    const Bytes content = random_content(1'000, 4);
    const VersionId version = commit("a", content);
    drive(0);
    there().add_behind("a", random_content(1'000, 5));
    rename("a", "b");
    drive_for(Millis(2'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(there().content("b"), content);
    EXPECT_EQ(there().files().size(), 1u);
    EXPECT_EQ(there().trash_count(), 1u) << "the strange bytes are kept";
}

TEST_F(LaneMovesTest, OurOwnOldVersionAtTheTargetIsNotTakenForAStranger) {
    const Bytes content = random_content(1'000, 6);
    commit("b", random_content(1'000, 7));
    const VersionId version = commit("a", content);
    drive(0);
    there().add_behind("a", random_content(1'000, 8));
    rename("a", "b");
    drive_for(Millis(2'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(there().content("b"), content);
    EXPECT_EQ(there().files().size(), 1u);
    EXPECT_EQ(events("conflict"), 0u);
}

TEST_F(LaneMovesTest, AStrangerAtTheTargetIsKeptUnderAnotherName) {
    const Bytes content = random_content(1'000, 9), strange = random_content(1'000, 10);
    const VersionId version = commit("a", content);
    drive(0);
    there().add_behind("b", strange);
    rename("a", "b");
    drive_for(Millis(2'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(there().content("b"), content);
    EXPECT_EQ(there().files().size(), 2u);
    EXPECT_EQ(events("conflict"), 1u);
}

}  // namespace
}  // namespace oracxfs::test
