#include "fs/tree.h"

#include "base/free_memory.h"

namespace oracxfs {

Status Tree::load_root() {
    ORACX_TRY(NodeRow row, catalog_.node(kRootNode));
    root_ = add(std::move(row), nullptr);
    root_->stored = true;
    root_->references = 1;
    return {};
}

NodePtr Tree::add(NodeRow row, Node* parent) {
    auto node = std::make_shared<Node>();
    node->row = std::move(row);
    if (node->row.kind == NodeKind::directory) node->directory = std::make_unique<DirectoryState>();
    nodes_.insert(node);
    if (parent != nullptr) {
        node->parent = parent;
        parent->directory->children.insert(node.get());
    }
    return node;
}

Status Tree::load_children(Node& directory) {
    if (directory.directory->loaded) return {};
    ORACX_TRY(std::vector<NodeRow> rows, catalog_.children(directory.row.id));
    directory.directory->children.reserve(rows.size());
    nodes_.reserve(nodes_.size() + rows.size());
    for (NodeRow& row : rows) {
        if (nodes_.contains(row.id)) continue;
        add(std::move(row), &directory)->stored = true;
    }
    directory.directory->loaded = true;
    if (rows.size() >= kManyThings) {
        std::vector<NodeRow>().swap(rows);
        give_back_free_memory();
    }
    return {};
}

Result<Node*> Tree::child(Node& directory, std::string_view name) {
    ORACX_TRYV(load_children(directory));
    return loaded_child(directory, name);
}

Node* Tree::loaded_child(Node& directory, std::string_view name) const {
    const auto found = directory.directory->children.find(name);
    return found == directory.directory->children.end() ? nullptr : *found;
}

NodePtr Tree::find(NodeId id) const {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : *found;
}

Result<NodePtr> Tree::get(NodeId id) {
    if (NodePtr node = find(id)) return node;
    ORACX_TRY(const NodeRow row, catalog_.node(id));
    ORACX_TRY(const NodePtr parent, get(row.parent));
    ORACX_TRYV(load_children(*parent));
    if (NodePtr node = find(id)) return node;
    return fail(Errc::not_found, "inode " + std::to_string(id.value));
}

void Tree::link(Node& node, Node& parent, std::string name) {
    node.row.name = std::move(name);
    node.row.parent = parent.row.id;
    node.parent = &parent;
    parent.directory->children.insert(&node);
}

void Tree::unlink(Node& node) {
    if (node.parent == nullptr) return;
    auto& children = node.parent->directory->children;
    const auto found = children.find(node.row.name);
    if (found != children.end() && *found == &node) children.erase(found);
    node.parent = nullptr;
}

void Tree::forget_if_unused(const NodePtr& node) {
    if (node->references != 0 || node->handles != 0) return;
    if (node->unlinked) nodes_.erase(node);
}

std::string Tree::path(const Node& node) const {
    std::string path;
    for (const Node* at = &node; at->parent != nullptr; at = at->parent)
        path = path.empty() ? at->row.name : at->row.name + "/" + path;
    return path;
}

}  // namespace oracxfs
