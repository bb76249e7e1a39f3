// What tests see and change behind DropboxEmulator's API.

#include <algorithm>
#include <stdexcept>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

const DropboxNode* node_at(const DropboxEmulator::State& s, std::string_view path_or_id) {
    if (path_or_id.starts_with("id:")) {
        const auto it = s.paths.find(path_or_id);
        return it == s.paths.end() ? nullptr : s.find(it->second);
    }
    const auto path = parse_dropbox_path(path_or_id);
    return path ? s.find(path->lower) : nullptr;
}

DropboxPath path_or_throw(std::string_view text) {
    auto path = parse_dropbox_path(text);
    if (!path || path->display.empty()) throw std::invalid_argument("not a path: " + std::string(text));
    return *std::move(path);
}

}  // namespace

std::vector<DropboxEntry> DropboxEmulator::tree() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<DropboxEntry> entries;
    for (const auto& [path, node] : state_->nodes) entries.push_back(state_->entry(node));
    return entries;
}

std::optional<DropboxEntry> DropboxEmulator::find(std::string_view path_or_id) const {
    const std::lock_guard lock(state_->mutex);
    const DropboxNode* const node = node_at(*state_, path_or_id);
    if (node == nullptr) return std::nullopt;
    return state_->entry(*node);
}

std::optional<std::string> DropboxEmulator::content(std::string_view path_or_id) const {
    const std::lock_guard lock(state_->mutex);
    const DropboxNode* const node = node_at(*state_, path_or_id);
    if (node == nullptr || node->folder()) return std::nullopt;
    return node->version->content.all();
}

std::size_t DropboxEmulator::revisions(std::string_view path) const {
    const std::lock_guard lock(state_->mutex);
    const auto it = state_->history.find(path_or_throw(path).lower);
    return it == state_->history.end() ? 0 : it->second.size();
}

std::uint64_t DropboxEmulator::used_bytes() const {
    const std::lock_guard lock(state_->mutex);
    return state_->used;
}

std::size_t DropboxEmulator::open_sessions() const {
    const std::lock_guard lock(state_->mutex);
    return static_cast<std::size_t>(std::count_if(state_->sessions.begin(), state_->sessions.end(), [](const auto& pair) {
        return !pair.second.finished && !pair.second.gone;
    }));
}

DropboxEntry DropboxEmulator::put(std::string_view path, std::string content) {
    const DropboxPath target = path_or_throw(path);
    const Content bytes(std::move(content));
    const std::string hash = content_hash_of(bytes);
    const std::lock_guard lock(state_->mutex);
    state_->now = format_utc(now());
    if (const DropboxNode* there = state_->find(target.lower); there != nullptr && there->folder())
        throw std::invalid_argument("a folder is at " + std::string(path));
    state_->write_file(target, bytes, hash, {});
    return state_->entry(*state_->find(target.lower));
}

DropboxEntry DropboxEmulator::make_folder(std::string_view path) {
    const DropboxPath target = path_or_throw(path);
    const std::lock_guard lock(state_->mutex);
    state_->now = format_utc(now());
    return state_->entry(state_->make_folder(target));
}

bool DropboxEmulator::remove(std::string_view path) {
    const DropboxPath target = path_or_throw(path);
    const std::lock_guard lock(state_->mutex);
    state_->now = format_utc(now());
    if (state_->find(target.lower) == nullptr) return false;
    state_->remove(target.lower);
    return true;
}

bool DropboxEmulator::move(std::string_view from, std::string_view to) {
    const DropboxPath source = path_or_throw(from), target = path_or_throw(to);
    const std::lock_guard lock(state_->mutex);
    state_->now = format_utc(now());
    if (state_->find(source.lower) == nullptr || state_->find(target.lower) != nullptr) return false;
    state_->move(source.lower, target, false);
    return true;
}

bool DropboxEmulator::make_cloud_document(std::string_view path) {
    const DropboxPath target = path_or_throw(path);
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    s.now = format_utc(now());
    if (const DropboxNode* there = s.find(target.lower); there != nullptr && there->folder()) return false;
    s.write_file(target, Content(), content_hash_of(Content()), {});
    DropboxNode& node = s.nodes.at(target.lower);
    auto version = std::make_shared<DropboxVersion>(*node.version);
    version->downloadable = false;
    s.versions[version->rev] = version;
    s.history[target.lower].back() = version;
    node.version = version;
    s.changes.back().entry = s.metadata(node, true);
    s.changes.back().cloud_document = true;
    return true;
}

bool DropboxEmulator::damage(std::string_view path_or_id, std::uint64_t offset) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    const DropboxNode* const found = node_at(s, path_or_id);
    if (found == nullptr || found->folder() || offset >= found->version->content.size()) return false;
    const std::string lower = s.paths.at(found->id);
    DropboxNode& node = s.nodes.at(lower);
    auto version = std::make_shared<DropboxVersion>(*node.version);
    version->content.flip(offset);
    s.versions[version->rev] = version;
    s.history[lower].back() = version;
    node.version = version;
    return true;
}

void DropboxEmulator::reset_cursors() {
    const std::lock_guard lock(state_->mutex);
    for (auto& [name, cursor] : state_->cursors) cursor.reset = true;
    state_->changed.notify_all();
}

void DropboxEmulator::expire_sessions() {
    const std::lock_guard lock(state_->mutex);
    for (auto& [id, session] : state_->sessions) session.gone = true;
}

void DropboxEmulator::set_quota(std::uint64_t bytes) {
    const std::lock_guard lock(state_->mutex);
    state_->options.quota_bytes = bytes;
}

void DropboxEmulator::set_page_entries(std::size_t entries) {
    const std::lock_guard lock(state_->mutex);
    state_->options.page_entries = entries;
}

}  // namespace oracxfs::test
