#include "tests/emulators/dropbox_state.h"

#include <algorithm>

namespace oracxfs::test {
namespace {

bool is_below(std::string_view path, std::string_view folder) {
    return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

std::string without_namespace(std::string_view text) {
    if (!text.starts_with("ns:")) return std::string(text);
    const auto slash = text.find('/');
    // The app folder's own namespace is the only one.
    if (text.substr(3, slash == std::string_view::npos ? slash : slash - 3) != "1234567890") return "/\x01";
    return slash == std::string_view::npos ? std::string() : std::string(text.substr(slash));
}

// The last so many components of a path, each with its slash.
std::string last_components(const std::string& path, std::ptrdiff_t count) {
    std::size_t at = path.size();
    for (; count > 0; --count) at = path.rfind('/', at - 1);
    return path.substr(at);
}

}  // namespace

bool DropboxScope::covers(std::string_view path) const {
    if (recursive) return path == lower || is_below(path, lower);
    return is_below(path, lower) && path.find('/', lower.size() + 1) == std::string_view::npos;
}

std::string DropboxEmulator::State::make_name(std::string_view prefix, std::size_t characters) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    std::string name(prefix);
    for (std::size_t i = 0; i < characters; ++i) name += kAlphabet[random() % kAlphabet.size()];
    return name;
}

std::string DropboxEmulator::State::next_rev() {
    last_rev += 1 + random() % 4096;
    std::string rev;
    for (std::uint64_t rest = last_rev; rest > 0; rest >>= 4) rev.insert(rev.begin(), "0123456789abcdef"[rest & 15]);
    return rev;
}

const DropboxNode* DropboxEmulator::State::find(std::string_view lower) const {
    const auto it = nodes.find(lower);
    return it == nodes.end() ? nullptr : &it->second;
}

const DropboxNode& DropboxEmulator::State::look_up(std::string_view text, const std::string& wrap,
                                                   std::string* lower) const {
    std::string path;
    if (text.starts_with("id:")) {
        const auto it = paths.find(text);
        if (it == paths.end()) throw RouteError{tag(wrap, tag("not_found"))};
        path = it->second;
    } else {
        const auto parsed = parse_dropbox_path(without_namespace(text));
        if (!parsed) throw RouteError{tag(wrap, tag("malformed_path"))};
        path = parsed->lower;
    }
    const DropboxNode* const node = find(path);
    if (node == nullptr) throw RouteError{tag(wrap, tag("not_found"))};
    if (lower != nullptr) *lower = path;
    return *node;
}

VersionHandle DropboxEmulator::State::look_up_version(std::string_view text, const std::string& wrap) const {
    if (text.starts_with("rev:")) {
        const auto it = versions.find(text.substr(4));
        if (it == versions.end()) throw RouteError{tag(wrap, tag("not_found"))};
        return it->second;
    }
    const DropboxNode& node = look_up(text, wrap);
    if (node.folder()) throw RouteError{tag(wrap, tag("not_file"))};
    return node.version;
}

DropboxPath DropboxEmulator::State::writable_path(std::string_view text) const {
    const auto path = parse_dropbox_path(without_namespace(text));
    if (!path || path->display.empty()) throw RouteError{tag("malformed_path")};
    for (std::size_t at = 0; at < path->display.size();) {
        const std::size_t end = std::min(path->display.find('/', at + 1), path->display.size());
        switch (check_dropbox_name(std::string_view(path->display).substr(at + 1, end - at - 1))) {
            case NameRule::good: break;
            case NameRule::malformed: throw RouteError{tag("malformed_path")};
            case NameRule::disallowed: throw RouteError{tag("disallowed_name")};
        }
        at = end;
    }
    for (std::string above = parent_of(path->lower); !above.empty(); above = parent_of(above))
        if (const DropboxNode* node = find(above); node != nullptr && !node->folder())
            throw RouteError{conflict("file_ancestor")};
    return *path;
}

std::string DropboxEmulator::State::free_name(const DropboxPath& path, std::string_view kind) const {
    const std::string name = path.name();
    const auto dot = name.rfind('.');
    const std::string stem = dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
    const std::string extension = name.substr(stem.size());
    for (int i = 2;; ++i) {
        const std::string suffix = !kind.empty() && i == 2 ? " (" + std::string(kind) + ")"
                                   : kind.empty()          ? " (" + std::to_string(i) + ")"
                                                           : " (" + std::string(kind) + " " + std::to_string(i - 1) + ")";
        std::string other = parent_of(path.display) + "/" + stem + suffix + extension;
        if (find(lower_case(other)) == nullptr) return other;
    }
}

VersionHandle DropboxEmulator::State::commit(const DropboxCommit& wanted, const Content& content, const std::string& hash,
                                             bool full) {
    DropboxPath path = writable_path(wanted.path);
    const DropboxNode* const there = find(path.lower);
    std::string rename_as;
    if (there != nullptr && there->folder()) {
        if (!wanted.autorename) throw RouteError{conflict("folder")};
        rename_as = free_name(path, "");
    } else if (there != nullptr) {
        if (there->version->hash == hash && !wanted.strict_conflict) return there->version;
        const bool may = wanted.mode == "overwrite" || (wanted.mode == "update" && wanted.rev == there->version->rev);
        if (!may && !wanted.autorename) throw RouteError{conflict("file")};
        if (!may) rename_as = free_name(path, wanted.mode == "update" ? "conflicted copy" : "");
    } else if (wanted.mode == "update" && wanted.strict_conflict) {
        throw RouteError{conflict("file")};
    }
    if (!rename_as.empty()) path = *parse_dropbox_path(rename_as);
    const DropboxNode* const replaced = find(path.lower);
    const std::uint64_t freed = replaced != nullptr ? replaced->version->content.size() : 0;
    if (full || used - freed + content.size() > options.quota_bytes) throw RouteError{tag("insufficient_space")};
    return write_file(path, content, hash, wanted.client_modified);
}

VersionHandle DropboxEmulator::State::write_file(const DropboxPath& path, const Content& content, const std::string& hash,
                                                 const std::string& client_modified) {
    if (const std::string above = parent_of(path.display); !above.empty()) make_folder(*parse_dropbox_path(above));
    DropboxNode& node = nodes[path.lower];
    const bool fresh = node.id.empty();
    if (fresh) {
        node.id = make_name("id:", 22);
        node.display = path.display;
        paths[node.id] = path.lower;
    } else {
        used -= node.version->content.size();
    }
    auto version = std::make_shared<DropboxVersion>();
    version->rev = next_rev();
    version->id = node.id;
    version->display = node.display;
    version->hash = hash;
    version->content = content;
    version->client_modified = client_modified.empty() ? now : client_modified;
    version->server_modified = now;
    version->order = ++order;
    node.version = version;
    used += content.size();
    versions[version->rev] = version;
    history[path.lower].push_back(version);
    deleted_at.erase(path.lower);
    record(path.lower, metadata(node, true));
    return version;
}

const DropboxNode& DropboxEmulator::State::make_folder(const DropboxPath& path) {
    if (const DropboxNode* there = find(path.lower)) return *there;
    if (const std::string above = parent_of(path.display); !above.empty()) make_folder(*parse_dropbox_path(above));
    DropboxNode& node = nodes[path.lower];
    node.display = path.display;
    node.id = make_name("id:", 22);
    paths[node.id] = path.lower;
    deleted_at.erase(path.lower);
    record(path.lower, metadata(node, true));
    return node;
}

void DropboxEmulator::State::remove(const std::string& lower) {
    const std::string display = nodes.at(lower).display;
    for (auto it = nodes.lower_bound(lower); it != nodes.end() && it->first.starts_with(lower);) {
        if (it->first != lower && !is_below(it->first, lower)) {
            ++it;
            continue;
        }
        if (!it->second.folder()) used -= it->second.version->content.size();
        deleted_at[it->first] = now;
        paths.erase(it->second.id);
        it = nodes.erase(it);
    }
    record(lower, deleted_metadata(display));
}

void DropboxEmulator::State::move(const std::string& from, const DropboxPath& to, bool copies) {
    std::vector<std::pair<std::string, DropboxNode>> moved;
    for (auto it = nodes.lower_bound(from); it != nodes.end() && it->first.starts_with(from); ++it)
        if (it->first == from || is_below(it->first, from)) moved.emplace_back(it->first, it->second);
    if (!copies) remove(from);
    if (const std::string above = parent_of(to.display); !above.empty()) make_folder(*parse_dropbox_path(above));
    for (auto& [lower, node] : moved) {
        const std::string target = to.lower + lower.substr(from.size());
        const auto below = std::count(lower.begin() + static_cast<std::ptrdiff_t>(from.size()), lower.end(), '/');
        node.display = to.display + last_components(node.display, below);
        if (copies) node.id = make_name("id:", 22);
        paths[node.id] = target;
        deleted_at.erase(target);
        if (!node.folder()) {
            auto version = std::make_shared<DropboxVersion>(*node.version);
            version->id = node.id;
            version->display = node.display;
            version->rev = next_rev();
            version->order = ++order;
            versions[version->rev] = version;
            history[target].push_back(version);
            used += version->content.size();
            node.version = version;
        }
        nodes[target] = node;
        record(target, metadata(node, true), !node.folder() && !node.version->downloadable);
    }
}

std::size_t DropboxEmulator::State::count_below(std::string_view lower) const {
    std::size_t count = 0;
    for (auto it = nodes.lower_bound(lower); it != nodes.end() && it->first.starts_with(lower); ++it)
        if (is_below(it->first, lower)) ++count;
    return count;
}

Json DropboxEmulator::State::metadata(const DropboxVersion& version, const std::string& display, bool with_tag) const {
    Json json = Json::object();
    if (with_tag) json.set(".tag", "file");
    json.set("name", display.substr(display.rfind('/') + 1));
    json.set("id", version.id);
    json.set("client_modified", version.client_modified);
    json.set("server_modified", version.server_modified);
    json.set("rev", version.rev);
    json.set("size", std::uint64_t{version.content.size()});
    json.set("path_lower", lower_case(display));
    json.set("path_display", display);
    json.set("is_downloadable", version.downloadable);
    if (version.downloadable)
        json.set("content_hash", version.hash);
    else
        json.set("export_info", Json::object({{"export_as", "markdown"}}));
    return json;
}

Json DropboxEmulator::State::metadata(const DropboxNode& node, bool with_tag) const {
    if (!node.folder()) return metadata(*node.version, node.display, with_tag);
    Json json = Json::object();
    if (with_tag) json.set(".tag", "folder");
    json.set("name", node.display.substr(node.display.rfind('/') + 1));
    json.set("id", node.id);
    json.set("path_lower", lower_case(node.display));
    json.set("path_display", node.display);
    return json;
}

Json DropboxEmulator::State::deleted_metadata(const std::string& display) const {
    return Json::object({{".tag", "deleted"},
                         {"name", display.substr(display.rfind('/') + 1)},
                         {"path_lower", lower_case(display)},
                         {"path_display", display}});
}

DropboxEntry DropboxEmulator::State::entry(const DropboxNode& node) const {
    DropboxEntry entry;
    entry.path = node.display;
    entry.id = node.id;
    entry.folder = node.folder();
    if (entry.folder) return entry;
    entry.rev = node.version->rev;
    entry.content_hash = node.version->hash;
    entry.size = node.version->content.size();
    entry.client_modified = node.version->client_modified;
    entry.server_modified = node.version->server_modified;
    entry.downloadable = node.version->downloadable;
    return entry;
}

void DropboxEmulator::State::record(const std::string& lower, Json entry, bool cloud_document) {
    changes.push_back({lower, std::move(entry), cloud_document});
    changed.notify_all();
}

}  // namespace oracxfs::test
