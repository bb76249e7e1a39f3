// Listings, cursors and long polls of DropboxEmulator.

#include <algorithm>

#include "tests/emulators/dropbox_state.h"

namespace oracxfs::test {
namespace {

DropboxScope read_scope(DropboxEmulator::State& s, const Json& argument) {
    Arguments arguments(argument, "request body");
    const std::string path = arguments.path("path", Arguments::kPath | Arguments::kId | Arguments::kRoot);
    DropboxScope scope;
    scope.recursive = arguments.flag("recursive", false);
    scope.include_deleted = arguments.flag("include_deleted", false);
    scope.include_cloud_documents = arguments.flag("include_non_downloadable_files", true);
    (void)arguments.flag("include_has_explicit_shared_members", false);
    (void)arguments.flag("include_mounted_folders", true);
    (void)arguments.flag("include_restorable_info", false);
    const std::int64_t limit = arguments.number("limit", 1, 2000, 2000);
    scope.limit = std::min(static_cast<std::size_t>(limit), s.options.page_entries);
    arguments.done();
    if (path.empty()) return scope;
    const DropboxNode& node = s.look_up(path, "path", &scope.lower);
    if (!node.folder()) throw RouteError{tag("path", tag("not_folder"))};
    return scope;
}

bool shown(const DropboxScope& scope, const DropboxNode& node) {
    return scope.include_cloud_documents || node.folder() || node.version->downloadable;
}

std::shared_ptr<const std::vector<std::string>> paths_in(const DropboxEmulator::State& s, const DropboxScope& scope) {
    auto paths = std::make_shared<std::vector<std::string>>();
    for (auto it = s.nodes.lower_bound(scope.lower); it != s.nodes.end() && it->first.starts_with(scope.lower); ++it)
        if (scope.covers(it->first) && shown(scope, it->second)) paths->push_back(it->first);
    if (scope.include_deleted)
        for (const auto& [path, time] : s.deleted_at)
            if (scope.covers(path)) paths->push_back(path);
    return paths;
}

std::string keep(DropboxEmulator::State& s, DropboxCursor cursor) {
    std::string name = s.make_name("AA", 60);
    s.cursors.emplace(name, std::move(cursor));
    return name;
}

Json page(DropboxEmulator::State& s, DropboxCursor cursor) {
    const DropboxScope& scope = cursor.scope;
    Json entries = Json::array();
    bool more = false;
    const bool listing = cursor.listing && cursor.next < cursor.listing->size();
    const bool waits = s.options.empty_pages && cursor.page++ % 2 == 0;
    if (listing) {
        while (!waits && cursor.next < cursor.listing->size() && entries.items().size() < scope.limit) {
            const std::string& path = (*cursor.listing)[cursor.next++];
            // What went away in the meantime is told by the changes that follow.
            if (const DropboxNode* node = s.find(path))
                entries.push(s.metadata(*node, true));
            else if (s.deleted_at.contains(path))
                entries.push(s.deleted_metadata(path));
        }
        more = cursor.next < cursor.listing->size();
        if (!more) cursor.listing.reset();
    } else {
        if (!scope.lower.empty() && s.find(scope.lower) == nullptr) throw RouteError{tag("path", tag("not_found"))};
        const auto wanted = [&](const DropboxEmulator::State::Change& change) {
            return scope.covers(change.lower) && (scope.include_cloud_documents || !change.cloud_document);
        };
        const bool any = std::any_of(s.changes.begin() + static_cast<std::ptrdiff_t>(cursor.change), s.changes.end(), wanted);
        while (!(waits && any) && cursor.change < s.changes.size() && entries.items().size() < scope.limit) {
            const auto& change = s.changes[cursor.change++];
            if (wanted(change)) entries.push(change.entry);
        }
        more = std::any_of(s.changes.begin() + static_cast<std::ptrdiff_t>(cursor.change), s.changes.end(), wanted);
        if (!more) cursor.change = s.changes.size();
    }
    return Json::object({{"entries", std::move(entries)}, {"cursor", keep(s, std::move(cursor))}, {"has_more", more}});
}

DropboxCursor& cursor_of(DropboxEmulator::State& s, const std::string& name) {
    const auto it = s.cursors.find(name);
    if (it == s.cursors.end()) throw BadCall{"Invalid \"cursor\" parameter: not one of ours"};
    if (it->second.reset) throw RouteError{tag("reset")};
    return it->second;
}

}  // namespace

Json DropboxEmulator::list_folder(Call&, const Json& argument) {
    const std::lock_guard lock(state_->mutex);
    State& s = *state_;
    DropboxCursor cursor;
    cursor.scope = read_scope(s, argument);
    cursor.change = s.changes.size();
    cursor.listing = paths_in(s, cursor.scope);
    return page(s, std::move(cursor));
}

Json DropboxEmulator::list_folder_continue(Call& call, const Json& argument) {
    Arguments arguments(argument, "request body");
    const std::string name = arguments.text("cursor");
    arguments.done();
    const std::lock_guard lock(state_->mutex);
    DropboxCursor& cursor = cursor_of(*state_, name);
    if (call.has(Fault::Kind::cursor_reset)) {
        cursor.reset = true;
        throw RouteError{tag("reset")};
    }
    return page(*state_, cursor);
}

Json DropboxEmulator::get_latest_cursor(Call&, const Json& argument) {
    const std::lock_guard lock(state_->mutex);
    DropboxCursor cursor;
    cursor.scope = read_scope(*state_, argument);
    cursor.change = state_->changes.size();
    return Json::object({{"cursor", keep(*state_, std::move(cursor))}});
}

Json DropboxEmulator::longpoll(Call& call, const Json& argument) {
    Arguments arguments(argument, "request body");
    const std::string name = arguments.text("cursor");
    const std::chrono::seconds timeout(arguments.number("timeout", 30, 480, 30));
    arguments.done();
    State& s = *state_;
    std::unique_lock lock(s.mutex);
    (void)cursor_of(s, name);
    if (call.has(Fault::Kind::cursor_reset)) s.cursors.at(name).reset = true;
    const auto has_news = [&] {
        const DropboxCursor& cursor = s.cursors.at(name);
        if (cursor.reset || (cursor.listing && cursor.next < cursor.listing->size())) return true;
        return std::any_of(s.changes.begin() + static_cast<std::ptrdiff_t>(cursor.change), s.changes.end(),
                           [&](const State::Change& change) { return cursor.scope.covers(change.lower); });
    };
    const auto wait = std::min(std::chrono::milliseconds(timeout), s.options.longpoll_wait_max);
    const bool changes = s.changed.wait_for(lock, call.http.stop, wait, has_news);
    if (cursor_of(s, name).reset) throw RouteError{tag("reset")};
    Json result = Json::object({{"changes", changes}});
    if (s.options.longpoll_backoff) result.set("backoff", *s.options.longpoll_backoff);
    return result;
}

}  // namespace oracxfs::test
