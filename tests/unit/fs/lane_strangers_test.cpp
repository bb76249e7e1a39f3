// What others put where a folder or a file of ours must be: it stays, under another name.

#include "tests/support/blobs.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

struct LaneStrangersTest : ReplicationTest {
    LaneStrangersTest() : ReplicationTest({MemoryOptions{}}) {}

    NodeId make_directory(const std::string& name) {
        NodeRow row;
        row.id = catalog->reserve_node().value();
        row.parent = kRootNode;
        row.name = name;
        row.kind = NodeKind::directory;
        EXPECT_THAT(catalog->make_directory(row, ids), IsOk());
        return row.id;
    }
    MemoryProvider& there() { return providers[0]->memory(); }
    bool is_folder(const std::string& key) {
        const auto object = there().stat({}, key);
        return object && object->is_directory;
    }
    // The one file that is not ours.
    std::optional<Bytes> kept() {
        for (const ObjectKey& key : there().files())
            if (key.find("conflicted copy") != std::string::npos) return there().content(key);
        return std::nullopt;
    }
};

TEST_F(LaneStrangersTest, AFileInThePlaceOfANewFolder) {
    const Bytes strange = random_content(1'000, 1);
    there().add_behind("d", strange);
    make_directory("d");
    drive_for(Millis(5'000));
    EXPECT_TRUE(is_folder("d"));
    EXPECT_EQ(kept(), strange);
    EXPECT_EQ(events("conflict"), 1u);
}

TEST_F(LaneStrangersTest, AFileInThePlaceOfAMovedFolder) {
    const NodeId folder = make_directory("d");
    drive(0);
    const Bytes strange = random_content(1'000, 2);
    there().add_behind("f", strange);
    ASSERT_THAT(catalog->rename_node(folder, kRootNode, "f", std::nullopt, false, ids), IsOk());
    drive_for(Millis(5'000));
    EXPECT_TRUE(is_folder("f"));
    EXPECT_FALSE(is_folder("d"));
    EXPECT_EQ(kept(), strange);
}

TEST_F(LaneStrangersTest, AFileThatReplacedAFolderOfOurs) {
    make_directory("d");
    drive(0);
    const Bytes strange = random_content(1'000, 7);
    ASSERT_TRUE(there().remove_behind("d"));
    there().add_behind("d", strange);
    drive_for(Millis(180'000), Millis(10'000));
    EXPECT_TRUE(is_folder("d"));
    EXPECT_EQ(kept(), strange);
}

TEST_F(LaneStrangersTest, AFolderThatReplacedAFileOfOurs) {
    const Bytes content = random_content(1'000, 8), strange = random_content(1'000, 9);
    commit("a", content);
    drive(0);
    ASSERT_TRUE(there().remove_behind("a"));
    there().add_behind("a/x", strange);
    drive_for(Millis(180'000), Millis(10'000));
    EXPECT_EQ(there().content("a"), content);
    EXPECT_EQ(kept(), strange);
}

TEST_F(LaneStrangersTest, AFolderInThePlaceOfAFile) {
    const Bytes content = random_content(1'000, 3), strange = random_content(1'000, 4);
    there().add_behind("a/x", strange);
    commit("a", content);
    drive_for(Millis(5'000));
    EXPECT_EQ(there().content("a"), content);
    EXPECT_EQ(kept(), strange);
}

// A provider that tells objects apart by their ids does not replace what it is not asked to replace.
TEST_F(LaneStrangersTest, AFileThatReplacedOneOfOursIsReplacedByTheNextVersion) {
    commit("a", random_content(1'000, 10));
    drive(0);
    there().add_behind("a", random_content(1'000, 11));
    bool lists = true;
    providers[0]->on_verify = [&](const OpContext& ctx, const RemoteObject& object, const ContentDigests& digests) -> Status {
        const Status same = providers[0]->inner().verify(ctx, object, digests);
        if (!same && std::exchange(lists, false)) commit("a", random_content(1'000, 12));  // while the change is found out
        return same;
    };
    drive_for(Millis(180'000), Millis(10'000));
    EXPECT_FALSE(lists);
    EXPECT_EQ(there().content("a"), random_content(1'000, 12));
    EXPECT_EQ(there().files().size(), 1u);
}

TEST_F(LaneStrangersTest, AFileInThePlaceOfAFile) {
    const Bytes content = random_content(1'000, 5), strange = random_content(1'000, 6);
    there().add_behind("a", strange);
    commit("a", content);
    drive_for(Millis(5'000));
    EXPECT_EQ(there().content("a"), content);
    EXPECT_EQ(kept(), strange);
}

}  // namespace
}  // namespace oracxfs::test
