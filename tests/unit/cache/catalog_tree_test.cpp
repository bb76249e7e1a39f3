#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CatalogTreeTest : public CatalogTest {
  protected:
    std::vector<std::string> names(const std::string& directory) {
        std::vector<std::string> result;
        const auto rows = catalog_->children(find(directory).id);
        EXPECT_THAT(rows, IsOk());
        for (const NodeRow& node : *rows) result.push_back(node.name);
        return result;
    }
};

TEST_F(CatalogTreeTest, ANewCatalogueHasAnEmptyRoot) {
    EXPECT_TRUE(report_.created);
    const auto root = catalog_->node(kRootNode);
    ASSERT_THAT(root, IsOk());
    EXPECT_EQ(root->kind, NodeKind::directory);
    EXPECT_EQ(root->mode, 0755u);
    EXPECT_EQ(catalog_->path_of(kRootNode).value(), "");
    EXPECT_EQ(find("").id, kRootNode);
    EXPECT_THAT(names(""), IsEmpty());
}

TEST_F(CatalogTreeTest, DirectoriesNestAndAreFoundByPath) {
    mkdir("a");
    const NodeId b = mkdir("a/b");
    mkdir("c");
    EXPECT_EQ(find("a/b").id, b);
    EXPECT_EQ(catalog_->path_of(b).value(), "a/b");
    EXPECT_THAT(names(""), ElementsAre("a", "c"));
    EXPECT_THAT(names("a"), ElementsAre("b"));
    EXPECT_FALSE(exists("a/x"));
    EXPECT_FALSE(exists("a//b"));
    EXPECT_FALSE(exists("/a"));
    EXPECT_FALSE(exists("a/"));
}

TEST_F(CatalogTreeTest, AttributesComeBackAsTheyWereGiven) {
    VersionCommit commit = prepare("f", {}, {.size = 70'000});
    commit.node.mode = 04755;
    commit.node.uid = 4'294'967'294u;
    commit.node.gid = 7;
    commit.node.mtime_ns = -5;
    commit.node.ctime_ns = 1'795'466'188'123'456'789;
    commit.node.created_ns = 3;
    ASSERT_THAT(catalog_->commit_version(commit), IsOk());
    NodeRow found = find("f");
    EXPECT_EQ(found.mode, 04755u);
    EXPECT_EQ(found.uid, 4'294'967'294u);
    EXPECT_EQ(found.gid, 7u);
    EXPECT_EQ(found.mtime_ns, -5);
    EXPECT_EQ(found.ctime_ns, 1'795'466'188'123'456'789);
    EXPECT_EQ(found.created_ns, 3);
    EXPECT_EQ(found.size, 70'000u);
    EXPECT_EQ(found.version, commit.version);

    found.mode = 0600;
    found.mtime_ns = 99;
    found.size = 1;  // not an attribute
    ASSERT_THAT(catalog_->set_attributes(found), IsOk());
    EXPECT_EQ(find("f").mode, 0600u);
    EXPECT_EQ(find("f").mtime_ns, 99);
    EXPECT_EQ(find("f").size, 70'000u);
    found.id = NodeId{12345};
    EXPECT_THAT(catalog_->set_attributes(found), HasCode(Errc::not_found));
}

TEST_F(CatalogTreeTest, NamesAreBytes) {
    std::vector<std::string> all;
    for (int byte = 1; byte < 256; ++byte)
        if (byte != '/') all.push_back(std::string("x") + static_cast<char>(byte));
    for (const std::string& name : all) write(name);
    EXPECT_EQ(names(""), all) << "in the order of their bytes";
    EXPECT_TRUE(exists("x\xff"));
    EXPECT_EQ(catalog_->path_of(find("x\n").id).value(), "x\n");
    ASSERT_THAT(rename("x\xff", "\xc3\x28"), IsOk());
    EXPECT_TRUE(exists("\xc3\x28"));
}

TEST_F(CatalogTreeTest, NamesThatAreNoneAreRefused) {
    for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("a\0b", 3)}) {
        NodeRow row;
        row.id = catalog_->reserve_node().value();
        row.parent = kRootNode;
        row.name = name;
        row.kind = NodeKind::directory;
        EXPECT_THAT(catalog_->make_directory(row, {}), HasCode(Errc::invalid)) << name;
    }
}

TEST_F(CatalogTreeTest, ANameIsGivenOnce) {
    mkdir("a");
    NodeRow again = named("a");
    again.id = catalog_->reserve_node().value();
    EXPECT_THAT(catalog_->make_directory(again, {}), HasCode(Errc::exists));
    VersionCommit commit = prepare("b", {}, {});
    commit.node.name = "a";
    EXPECT_THAT(catalog_->commit_version(commit), HasCode(Errc::exists));
    EXPECT_THAT(names(""), ElementsAre("a"));
}

TEST_F(CatalogTreeTest, ParentsMustBeDirectories) {
    write("f");
    NodeRow row = named("f/x");
    row.id = catalog_->reserve_node().value();
    EXPECT_THAT(catalog_->make_directory(row, {}), HasCode(Errc::not_directory));
    row.parent = NodeId{999'999};
    EXPECT_THAT(catalog_->make_directory(row, {}), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->rename_node(find("f").id, NodeId{999'999}, "x", {}, false, {}), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->rename_node(find("f").id, find("f").id, "x", {}, false, {}), HasCode(Errc::not_directory));
}

TEST_F(CatalogTreeTest, RenameMovesANameWithAllBelowIt) {
    mkdir("a");
    mkdir("a/b");
    const VersionId version = write("a/b/f");
    mkdir("c");
    ASSERT_THAT(rename("a/b", "c/d"), IsOk());
    EXPECT_EQ(find("c/d/f").version, version);
    EXPECT_FALSE(exists("a/b"));
    EXPECT_EQ(catalog_->path_of(find("c/d/f").id).value(), "c/d/f");
}

TEST_F(CatalogTreeTest, RenameReplacesOnlyWhatItWasToldTo) {
    const VersionId a = write("a");
    write("b");
    const NodeId node = find("a").id;
    EXPECT_THAT(catalog_->rename_node(node, kRootNode, "b", std::nullopt, false, {}), HasCode(Errc::exists));
    EXPECT_THAT(catalog_->rename_node(node, kRootNode, "b", node, false, {}), HasCode(Errc::exists));
    EXPECT_THAT(catalog_->rename_node(node, kRootNode, "c", find("b").id, false, {}), HasCode(Errc::changed));
    EXPECT_THAT(names(""), ElementsAre("a", "b"));
    ASSERT_THAT(rename("a", "b"), IsOk());
    EXPECT_THAT(names(""), ElementsAre("b"));
    EXPECT_EQ(find("b").version, a);
    EXPECT_EQ(find("b").id, node);
}

TEST_F(CatalogTreeTest, RenameKeepsKindsApart) {
    mkdir("empty");
    mkdir("full");
    write("full/x");
    mkdir("other");
    write("f");
    EXPECT_THAT(rename("f", "empty"), HasCode(Errc::is_directory));
    EXPECT_THAT(rename("empty", "f"), HasCode(Errc::not_directory));
    EXPECT_THAT(rename("empty", "full"), HasCode(Errc::not_empty));
    EXPECT_THAT(rename("full", "empty"), IsOk());
    EXPECT_THAT(names(""), ElementsAre("empty", "f", "other"));
    EXPECT_TRUE(exists("empty/x"));
}

TEST_F(CatalogTreeTest, ADirectoryDoesNotMoveIntoItself) {
    mkdir("a");
    mkdir("a/b");
    EXPECT_THAT(rename("a", "a/b/c"), HasCode(Errc::invalid));
    EXPECT_THAT(rename("a", "a/c"), HasCode(Errc::invalid));
    EXPECT_THAT(catalog_->rename_node(kRootNode, kRootNode, "x", {}, false, {}), HasCode(Errc::invalid));
    EXPECT_THAT(rename("a", "a"), IsOk());
}

TEST_F(CatalogTreeTest, OnlyEmptyDirectoriesAreRemoved) {
    mkdir("a");
    write("a/f");
    EXPECT_THAT(remove("a"), HasCode(Errc::not_empty));
    EXPECT_THAT(remove("a/f"), IsOk());
    EXPECT_THAT(remove("a"), IsOk());
    EXPECT_THAT(names(""), IsEmpty());
    EXPECT_THAT(catalog_->remove_node(kRootNode), HasCode(Errc::invalid));
    EXPECT_THAT(catalog_->remove_node(NodeId{777}), HasCode(Errc::not_found));
}

TEST_F(CatalogTreeTest, DeepPathsAreBuiltAndFound) {
    std::string path = "d";
    mkdir(path);
    for (int depth = 1; depth < 500; ++depth) {
        path += "/d" + std::to_string(depth);
        mkdir(path);
    }
    const VersionId version = write(path + "/f");
    EXPECT_EQ(find(path + "/f").version, version);
    EXPECT_EQ(catalog_->path_of(find(path + "/f").id).value(), path + "/f");
}

TEST_F(CatalogTreeTest, CountsAddUpTheTree) {
    mkdir("a");
    write("a/f", {}, {.size = 100});
    const auto expect = [&](std::uint64_t files, std::uint64_t directories, std::uint64_t bytes) {
        const auto counts = catalog_->tree_counts().value();
        EXPECT_EQ(counts.files, files);
        EXPECT_EQ(counts.directories, directories);
        EXPECT_EQ(counts.bytes, bytes);
    };
    expect(1, 1, 100);
    write("g", {}, {.size = 11});
    write("g", {}, {.size = 5});
    mkdir("b");
    expect(2, 2, 105);
    ASSERT_THAT(rename("g", "a/f"), IsOk());
    expect(1, 2, 5);
    ASSERT_THAT(remove("b"), IsOk());
    EXPECT_THAT(remove("a"), HasCode(Errc::not_empty));
    expect(1, 1, 5);
    ASSERT_THAT(remove("a/f"), IsOk());
    expect(0, 1, 0);
    reopen();
    expect(0, 1, 0);
}

TEST_F(CatalogTreeTest, AttributesOfUsersLiveAsLongAsTheFile) {
    write("f");
    const NodeId node = find("f").id;
    ASSERT_THAT(catalog_->set_xattr(node, "user.b", "1"), IsOk());
    ASSERT_THAT(catalog_->set_xattr(node, "user.a", std::string("\0x", 2)), IsOk());
    ASSERT_THAT(catalog_->set_xattr(node, "user.b", ""), IsOk());
    EXPECT_THAT(catalog_->xattr_names(node).value(), ElementsAre("user.a", "user.b"));
    EXPECT_EQ(catalog_->xattr(node, "user.a").value(), std::string("\0x", 2));
    EXPECT_EQ(catalog_->xattr(node, "user.b").value(), "");
    EXPECT_EQ(catalog_->xattr(node, "user.c").value(), std::nullopt);
    EXPECT_THAT(catalog_->remove_xattr(node, "user.c"), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->remove_xattr(node, "user.b"), IsOk());
    EXPECT_THAT(catalog_->xattr_names(node).value(), ElementsAre("user.a"));
    EXPECT_THAT(catalog_->set_xattr(NodeId{777}, "user.a", ""), HasCode(Errc::not_found));
    ASSERT_THAT(remove("f"), IsOk());
    EXPECT_THAT(catalog_->xattr_names(node).value(), IsEmpty());
}

}  // namespace
}  // namespace oracxfs::test
