#include "providers/google_drive/drive_tree.h"

#include <algorithm>

namespace oracxfs::drive {
namespace {

constexpr int kDepthMax = 256;  // Drive allows 100; more is a circle
constexpr std::size_t kOutsideMax = 10'000;

std::size_t hash_of(std::string_view component) { return std::hash<std::string_view>{}(component); }

}  // namespace

void DriveTree::reset(std::string root_id) {
    const std::lock_guard lock(mutex_);
    folders_.clear();
    outside_.clear();
    root_ = std::move(root_id);
    if (!root_.empty()) folders_[root_];
}

void DriveTree::forget_completeness() {
    const std::lock_guard lock(mutex_);
    for (auto& [id, folder] : folders_) folder.complete = false;
}

std::string DriveTree::root() const {
    const std::lock_guard lock(mutex_);
    return root_;
}

void DriveTree::link(const std::string& folder, std::string_view component, const std::string& id) {
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return;
    const std::size_t hash = hash_of(component);
    auto [begin, end] = found->second.children.equal_range(hash);
    if (std::none_of(begin, end, [&](const auto& child) { return child.second == id; })) found->second.children.emplace(hash, id);
}

void DriveTree::unlink(const std::string& folder, std::string_view component, const std::string& id) {
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return;
    auto [begin, end] = found->second.children.equal_range(hash_of(component));
    for (auto child = begin; child != end; ++child)
        if (child->second == id) {
            found->second.children.erase(child);
            return;
        }
}

void DriveTree::drop(const std::string& id) {
    std::vector<std::string> gone{id};
    while (!gone.empty()) {
        const std::string next = std::move(gone.back());
        gone.pop_back();
        const auto found = folders_.find(next);
        if (found == folders_.end()) continue;
        for (const auto& [hash, child] : found->second.children)
            if (folders_.contains(child)) gone.push_back(child);
        unlink(found->second.parent, found->second.component, next);
        folders_.erase(found);
    }
}

void DriveTree::saw(const FileMeta& file) {
    if (file.kind == FileKind::special) return;
    const std::lock_guard lock(mutex_);
    if (file.id == root_) return;
    const std::string component = component_of(file.name);
    const std::string parent = file.parents.empty() ? "" : file.parents.front();
    if (file.kind == FileKind::folder) {
        if (file.trashed) return drop(file.id);
        outside_.erase(file.id);
        const auto known = folders_.find(file.id);
        if (known != folders_.end() && (known->second.parent != parent || known->second.component != component))
            unlink(known->second.parent, known->second.component, file.id);
        Folder& folder = folders_[file.id];
        folder.parent = parent;
        folder.component = component;
        folder.created = file.created;
    }
    if (file.trashed) return unlink(parent, component, file.id);
    for (const std::string& each : file.parents) link(each, component, file.id);
}

void DriveTree::may_hold(const std::string& folder, std::string_view component, const std::string& id) {
    const std::lock_guard lock(mutex_);
    link(folder, component, id);
}

void DriveTree::forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (id != root_) drop(id);
}

void DriveTree::forget_name(const std::string& folder, std::string_view component, const std::string& id) {
    const std::lock_guard lock(mutex_);
    unlink(folder, component, id);
}

bool DriveTree::is_complete(const std::string& folder) const {
    const std::lock_guard lock(mutex_);
    const auto found = folders_.find(folder);
    return found != folders_.end() && found->second.complete;
}

void DriveTree::set_complete(const std::string& folder) {
    const std::lock_guard lock(mutex_);
    if (const auto found = folders_.find(folder); found != folders_.end()) found->second.complete = true;
}

std::size_t DriveTree::size_of(const std::string& folder) const {
    const std::lock_guard lock(mutex_);
    const auto found = folders_.find(folder);
    return found == folders_.end() ? 0 : found->second.children.size();
}

std::vector<std::string> DriveTree::candidates(const std::string& folder, std::string_view component) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return ids;
    const auto [begin, end] = found->second.children.equal_range(hash_of(component));
    for (auto child = begin; child != end; ++child) ids.push_back(child->second);
    std::sort(ids.begin(), ids.end());
    return ids;
}

std::vector<std::string> DriveTree::folders_named(const std::string& folder, std::string_view component) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<WallTime, std::string>> named;
    const auto found = folders_.find(folder);
    if (found == folders_.end()) return {};
    const auto [begin, end] = found->second.children.equal_range(hash_of(component));
    for (auto child = begin; child != end; ++child) {
        const auto known = folders_.find(child->second);
        if (known == folders_.end() || known->second.parent != folder || known->second.component != component) continue;
        named.emplace_back(known->second.created, child->second);
    }
    std::sort(named.begin(), named.end());
    std::vector<std::string> ids;
    for (auto& [created, id] : named) ids.push_back(std::move(id));
    return ids;
}

bool DriveTree::is_folder(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return folders_.contains(id);
}

std::optional<std::string> DriveTree::key_of(const std::string& folder, std::string* unknown) const {
    if (unknown != nullptr) unknown->clear();
    const std::lock_guard lock(mutex_);
    std::string key;
    std::string at = folder;
    for (int depth = 0; depth < kDepthMax; ++depth) {
        if (at == root_) return key;
        const auto found = folders_.find(at);
        if (found == folders_.end()) {
            if (unknown != nullptr && !at.empty() && !outside_.contains(at)) *unknown = at;
            return std::nullopt;
        }
        key = key.empty() ? found->second.component : found->second.component + "/" + key;
        at = found->second.parent;
    }
    return std::nullopt;
}

void DriveTree::set_outside(const std::string& id) {
    const std::lock_guard lock(mutex_);
    if (outside_.size() >= kOutsideMax) outside_.clear();
    outside_.insert(id);
}

std::vector<std::string> DriveTree::all_folders() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (const auto& [id, folder] : folders_) ids.push_back(id);
    return ids;
}

}  // namespace oracxfs::drive
