// Metadata, folders, delete, move, copy, revisions and download of DropboxEmulator.

#include <algorithm>
#include <charconv>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

constexpr std::string_view kBody = "request body";

const Json& too_many() {
    static const Json error = tag("too_many_write_operations");
    return error;
}

// A WriteError or LookupError into the endpoint's union.
template <class Step>
auto wrapped(const std::string& name, Step step) {
    try {
        return step();
    } catch (const RouteError& inner) {
        throw RouteError{tag(name, inner.error)};
    }
}

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

struct ByteRange {
    std::uint64_t first = 0, bytes = 0;
};

// Of "bytes=a-b", "bytes=a-" and "bytes=-n"; nothing = not satisfiable.
std::optional<ByteRange> range_of(std::string_view header, std::uint64_t size) {
    if (!header.starts_with("bytes=")) throw BadCall{"Bad HTTP \"Range\" header"};
    header.remove_prefix(6);
    const auto dash = header.find('-');
    const std::string_view left = header.substr(0, dash), right = header.substr(std::min(dash, header.size() - 1) + 1);
    const auto first = number_of(left);
    const auto last = number_of(right);
    if (dash == std::string_view::npos || (!first && !left.empty()) || (!last && !right.empty()) || (!first && !last) ||
        (first && last && *first > *last))
        throw BadCall{"Bad HTTP \"Range\" header"};
    if (size == 0) return std::nullopt;
    if (!first) return *last == 0 ? std::nullopt : std::optional(ByteRange{size - std::min(size, *last), std::min(size, *last)});
    if (*first >= size) return std::nullopt;
    return ByteRange{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

}  // namespace

Json DropboxEmulator::get_metadata(Call&, const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    const std::string path = arguments.path("path", Arguments::kPath | Arguments::kId | Arguments::kRev | Arguments::kRoot);
    const bool include_deleted = arguments.flag("include_deleted", false);
    (void)arguments.flag("include_media_info", false);
    (void)arguments.flag("include_has_explicit_shared_members", false);
    arguments.done();
    if (path.empty()) throw BadCall{"request body: path: The root folder is unsupported."};
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    if (path.starts_with("rev:")) {
        const VersionHandle version = s.look_up_version(path, "path");
        return s.metadata(*version, version->display, true);
    }
    if (include_deleted && path.starts_with('/')) {
        const auto parsed = parse_dropbox_path(path);
        if (parsed && s.find(parsed->lower) == nullptr && s.deleted_at.contains(parsed->lower))
            return s.deleted_metadata(parsed->display);
    }
    return s.metadata(s.look_up(path, "path"), true);
}

Json DropboxEmulator::create_folder(Call& call, const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    std::string path = arguments.path("path", Arguments::kPath);
    const bool autorename = arguments.flag("autorename", false);
    arguments.done();
    while (path.ends_with(' ')) path.pop_back();
    return commit(call, tag("path", too_many()), [&](State& s) {
        return wrapped("path", [&] {
            DropboxPath target = s.writable_path(path);
            if (const DropboxNode* there = s.find(target.lower)) {
                if (!autorename) throw RouteError{conflict(there->folder() ? "folder" : "file")};
                target = *parse_dropbox_path(s.free_name(target, ""));
            }
            return Json::object({{"metadata", s.metadata(s.make_folder(target), false)}});
        });
    });
}

Json DropboxEmulator::delete_entry(Call& call, const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    const std::string path = arguments.path("path", Arguments::kPath | Arguments::kId);
    const std::string parent_rev = arguments.text("parent_rev", "");
    arguments.done();
    return commit(call, too_many(), [&](State& s) {
        std::string lower;
        const DropboxNode& node = s.look_up(path, "path_lookup", &lower);
        if (!parent_rev.empty() && node.folder()) throw RouteError{tag("path_lookup", tag("not_file"))};
        if (!parent_rev.empty() && node.version->rev != parent_rev) throw RouteError{tag("path_write", conflict("file"))};
        if (s.count_below(lower) > s.options.files_per_operation) throw RouteError{tag("too_many_files")};
        Json result = Json::object({{"metadata", s.metadata(node, true)}});
        s.remove(lower);
        return result;
    });
}

namespace {

struct Relocation {
    std::string from, to;
    bool autorename = false;
};

Relocation read_relocation(const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    Relocation wanted;
    wanted.from = arguments.path("from_path", Arguments::kPath);
    wanted.to = arguments.path("to_path", Arguments::kPath);
    wanted.autorename = arguments.flag("autorename", false);
    (void)arguments.flag("allow_ownership_transfer", false);
    (void)arguments.flag("allow_shared_folder", false);
    arguments.done();
    return wanted;
}

Json relocate(DropboxEmulator::State& s, const Relocation& wanted, bool copies, bool full) {
    std::string from;
    const DropboxNode& node = s.look_up(wanted.from, "from_lookup", &from);
    DropboxPath to = wrapped("to", [&] { return s.writable_path(wanted.to); });
    if (to.lower.starts_with(from + "/")) throw RouteError{tag("cant_move_folder_into_itself")};
    // Also a change of case alone, which the service can't do.
    if (const DropboxNode* there = s.find(to.lower)) {
        if (!wanted.autorename) throw RouteError{tag("to", conflict(there->folder() ? "folder" : "file"))};
        to = *parse_dropbox_path(s.free_name(to, ""));
    }
    if (s.count_below(from) > s.options.files_per_operation) throw RouteError{tag("too_many_files")};
    if (copies) {
        std::uint64_t bytes = node.folder() ? 0 : node.version->content.size();
        for (const auto& [path, each] : s.nodes)
            if (path.starts_with(from + "/") && !each.folder()) bytes += each.version->content.size();
        if (full || s.used + bytes > s.options.quota_bytes) throw RouteError{tag("insufficient_quota")};
    }
    s.move(from, to, copies);
    return Json::object({{"metadata", s.metadata(*s.find(to.lower), true)}});
}

}  // namespace

Json DropboxEmulator::move_entry(Call& call, const Json& argument) {
    const Relocation wanted = read_relocation(argument);
    return commit(call, tag("to", too_many()), [&](State& s) { return relocate(s, wanted, false, false); });
}

Json DropboxEmulator::copy_entry(Call& call, const Json& argument) {
    const Relocation wanted = read_relocation(argument);
    return commit(call, tag("to", too_many()),
                  [&](State& s) { return relocate(s, wanted, true, call.has(Fault::Kind::full)); });
}

Json DropboxEmulator::list_revisions(Call&, const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    const std::string mode = arguments.choice("mode", {"path", "id"}, "path");
    const std::string path = arguments.path("path", mode == "id" ? Arguments::kPath | Arguments::kId : Arguments::kPath);
    const auto limit = static_cast<std::size_t>(arguments.number("limit", 1, 100, 10));
    const std::string before = arguments.text("before_rev", "");
    arguments.done();
    if (!before.empty() && mode == "id") throw RouteError{tag("before_rev_not_supported")};
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    std::vector<VersionHandle> versions;
    Json result = Json::object();
    if (mode == "id") {
        const std::string id = s.look_up(path, "path").id;
        for (const auto& [rev, version] : s.versions)
            if (version->id == id) versions.push_back(version);
        std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) { return a->order < b->order; });
        if (versions.empty()) throw RouteError{tag("path", tag("not_file"))};
        result.set("is_deleted", false);
    } else {
        const auto parsed = parse_dropbox_path(path);
        if (!parsed) throw RouteError{tag("path", tag("malformed_path"))};
        const DropboxNode* const node = s.find(parsed->lower);
        if (node != nullptr && node->folder()) throw RouteError{tag("path", tag("not_file"))};
        const auto it = s.history.find(parsed->lower);
        if (it == s.history.end()) throw RouteError{tag("path", tag("not_found"))};
        versions = it->second;
        result.set("is_deleted", node == nullptr);
        if (node == nullptr) result.set("server_deleted", s.deleted_at[parsed->lower]);
    }
    std::reverse(versions.begin(), versions.end());
    if (!before.empty()) {
        const auto it = std::find_if(versions.begin(), versions.end(), [&](const auto& v) { return v->rev == before; });
        if (it == versions.end()) throw RouteError{tag("invalid_before_rev")};
        versions.erase(versions.begin(), it + 1);
    }
    Json entries = Json::array();
    for (std::size_t i = 0; i < std::min(limit, versions.size()); ++i)
        entries.push(s.metadata(*versions[i], versions[i]->display, false));
    result.set("entries", std::move(entries));
    result.set("has_more", versions.size() > limit);
    return result;
}

Json DropboxEmulator::restore(Call& call, const Json& argument) {
    Arguments arguments(argument, std::string(kBody));
    const std::string path = arguments.path("path", Arguments::kPath);
    const std::string rev = arguments.text("rev");
    arguments.done();
    return commit(call, tag("path_write", too_many()), [&](State& s) {
        const DropboxPath target = wrapped("path_write", [&] { return s.writable_path(path); });
        if (const DropboxNode* node = s.find(target.lower); node != nullptr && node->folder())
            throw RouteError{tag("path_write", conflict("folder"))};
        const auto it = s.history.find(target.lower);
        if (it == s.history.end()) throw RouteError{tag("path_lookup", tag("not_found"))};
        const auto version =
            std::find_if(it->second.begin(), it->second.end(), [&](const auto& each) { return each->rev == rev; });
        if (version == it->second.end()) throw RouteError{tag("invalid_revision")};
        const DropboxVersion old = **version;
        const VersionHandle made = s.write_file(target, old.content, old.hash, old.client_modified);
        return s.metadata(*made, made->display, false);
    });
}

HttpsResponse DropboxEmulator::download(Call& call, const Json& argument) {
    Arguments arguments(argument, "HTTP header \"Dropbox-API-Arg\"");
    const std::string path = arguments.path("path", Arguments::kPath | Arguments::kId | Arguments::kRev);
    arguments.done();
    VersionHandle version;
    Json metadata;
    {
        const std::lock_guard lock(state_->mutex);
        version = state_->look_up_version(path, "path");
        std::string display = version->display;
        if (!path.starts_with("rev:")) display = state_->look_up(path, "path").display;
        metadata = state_->metadata(*version, display, false);
    }
    if (!version->downloadable) throw RouteError{tag("unsupported_file")};
    HttpsResponse response;
    response.headers = {{"Content-Type", "application/octet-stream"},
                        {"Dropbox-API-Result", header_safe(metadata.dump())},
                        {"ETag", "\"" + version->rev + "\""},
                        {"Accept-Ranges", "bytes"}};
    if (call.http.header("if-none-match") == "\"" + version->rev + "\"") {
        response.status = 304;
        return response;
    }
    const Content& content = version->content;
    if (!call.http.has_header("range")) {
        response.body = content.all();
        return response;
    }
    const auto range = range_of(call.http.header("range"), content.size());
    if (!range) {
        response = route_error(416, tag("range", tag("not_satisfiable")));
        response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(content.size()));
        return response;
    }
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                                       std::to_string(range->first + range->bytes - 1) + "/" +
                                                       std::to_string(content.size()));
    response.body = content.read(range->first, range->bytes);
    return response;
}

}  // namespace oracxfs::test
