#include "fs/tree.h"

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

class TreeTest : public CatalogTest {
  protected:
    TreeTest() : tree(std::make_unique<Tree>(*catalog_)) { EXPECT_THAT(tree->load_root(), IsOk()); }

    Node* child(Node& directory, const std::string& name) {
        const auto found = tree->child(directory, name);
        EXPECT_THAT(found, IsOk());
        return found.value_or(nullptr);
    }

    std::unique_ptr<Tree> tree;
};

TEST_F(TreeTest, RootIsThere) {
    EXPECT_EQ(tree->root().row.id, kRootNode);
    EXPECT_EQ(tree->path(tree->root()), "");
    EXPECT_TRUE(tree->root().stored);
    EXPECT_EQ(child(tree->root(), "absent"), nullptr);
}

TEST_F(TreeTest, DirectoriesAreLoadedWhole) {
    mkdir("d");
    const VersionId version = write("d/a");
    write("d/b");
    Node* const d = child(tree->root(), "d");
    ASSERT_NE(d, nullptr);
    EXPECT_FALSE(d->directory->loaded);
    Node* const a = child(*d, "a");
    ASSERT_NE(a, nullptr);
    EXPECT_TRUE(d->directory->loaded);
    EXPECT_EQ(d->directory->children.size(), 2u);
    EXPECT_EQ(tree->loaded_child(*d, "b")->row.name, "b");
    EXPECT_EQ(tree->loaded_child(*d, "c"), nullptr);
    EXPECT_EQ(a->row.version, version);
    EXPECT_TRUE(a->stored);
    EXPECT_EQ(a->directory, nullptr);
    EXPECT_EQ(tree->path(*a), "d/a");
}

TEST_F(TreeTest, WhatIsMadeBeforeTheDirectoryIsLoadedIsThereOnce) {
    mkdir("d");
    write("d/a");
    Node* const d = child(tree->root(), "d");
    ASSERT_THAT(tree->get(find("d/a").id), IsOk());
    ASSERT_THAT(tree->load_children(*d), IsOk());
    EXPECT_EQ(d->directory->children.size(), 1u);
}

TEST_F(TreeTest, GetLoadsTheWayDown) {
    mkdir("d");
    mkdir("d/e");
    write("d/e/f");
    const NodeId id = find("d/e/f").id;
    EXPECT_EQ(tree->find(id), nullptr);
    const auto node = tree->get(id);
    ASSERT_THAT(node, IsOk());
    EXPECT_EQ(tree->path(**node), "d/e/f");
    EXPECT_EQ(tree->find(id), *node);
    EXPECT_EQ(child(*child(tree->root(), "d"), "e"), (*node)->parent);
    EXPECT_THAT(tree->get(NodeId{123'456}), HasCode(Errc::not_found));
}

TEST_F(TreeTest, NamesMoveWithTheirFolder) {
    mkdir("d");
    mkdir("e");
    write("d/a");
    Node* const d = child(tree->root(), "d");
    Node* const e = child(tree->root(), "e");
    Node* const a = child(*d, "a");
    tree->unlink(*d);
    tree->link(*d, *e, "moved");
    EXPECT_EQ(tree->path(*a), "e/moved/a");
    EXPECT_EQ(d->row.parent, e->row.id);
    EXPECT_EQ(child(tree->root(), "d"), nullptr);
    EXPECT_EQ(child(*e, "moved"), d);
}

TEST_F(TreeTest, TheKeyOfARenamedChildIsItsOwnName) {
    write("a");
    Node* const a = child(tree->root(), "a");
    tree->unlink(*a);
    tree->link(*a, tree->root(), std::string(300, 'n'));  // no longer where the old name's bytes were
    EXPECT_EQ(child(tree->root(), std::string(300, 'n')), a);
    EXPECT_EQ(child(tree->root(), "a"), nullptr);
    EXPECT_EQ(tree->root().directory->children.size(), 1u);
}

TEST_F(TreeTest, UnlinkTakesOnlyItsOwnName) {
    write("a");
    write("b");
    Node* const a = child(tree->root(), "a");
    Node* const b = child(tree->root(), "b");
    // b takes a's place, as a rename does; a is still open.
    tree->unlink(*a);
    tree->unlink(*b);
    tree->link(*b, tree->root(), "a");
    tree->unlink(*a);
    EXPECT_EQ(child(tree->root(), "a"), b);
    EXPECT_EQ(a->parent, nullptr);
}

TEST_F(TreeTest, AnUnlinkedNodeLivesAsLongAsSomebodyRefersToIt) {
    write("a");
    const NodePtr a = tree->find(child(tree->root(), "a")->row.id);
    a->references = 1;
    a->pin();
    tree->unlink(*a);
    a->unlinked = true;
    tree->forget_if_unused(a);
    EXPECT_EQ(tree->find(a->row.id), a);
    a->references = 0;
    tree->forget_if_unused(a);
    EXPECT_EQ(tree->find(a->row.id), a) << "it is open";
    a->handles = 0;
    tree->forget_if_unused(a);
    EXPECT_EQ(tree->find(a->row.id), nullptr);
}

TEST_F(TreeTest, ALinkedNodeIsNotForgotten) {
    write("a");
    const NodePtr a = tree->find(child(tree->root(), "a")->row.id);
    tree->forget_if_unused(a);
    EXPECT_EQ(tree->find(a->row.id), a);
    EXPECT_EQ(child(tree->root(), "a"), a.get());
}

TEST_F(TreeTest, NewNodesAreFoundAtOnce) {
    NodeRow row;
    row.id = catalog_->reserve_node().value();
    row.parent = kRootNode;
    row.name = "new";
    const NodePtr node = tree->add(row, &tree->root());
    EXPECT_FALSE(node->stored);
    EXPECT_EQ(child(tree->root(), "new"), node.get());
    EXPECT_EQ(*tree->get(row.id), node);
}

TEST_F(TreeTest, PinMakesTheStateOnceAndCounts) {
    write("a");
    Node* const a = child(tree->root(), "a");
    FileState& state = a->pin();
    EXPECT_EQ(&a->pin(), &state);
    EXPECT_EQ(a->handles, 2u);
    EXPECT_EQ(&a->state(), &state);
}

}  // namespace
}  // namespace oracxfs::test
