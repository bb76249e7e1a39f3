// The change feed: a cursor over everything below the root folder, and the long poll that waits for it.

#include <algorithm>

#include "providers/dropbox/dropbox_provider_impl.h"

namespace oracxfs {

using dropbox::FolderPage;
using dropbox::Metadata;
using dropbox::Reply;

namespace {

constexpr std::chrono::seconds kLongpollWait{120};
constexpr std::int64_t kBackoffSecondsMax = 3'600;

}  // namespace

// The service's cursor, and what it is good for: with another folder or account it would tell of somebody else's files.
std::string DropboxProvider::feed_cursor(const std::string& cursor) const {
    return Json::object({{"folder", home_.config.root}, {"account", account_id()}, {"cursor", cursor}}).dump();
}

Result<std::string> DropboxProvider::service_cursor(const std::string& text) const {
    const auto json = parse_json(text);
    const std::string account = account_id();
    const std::string told = json ? (*json)["account"].as_string() : "";
    if (!json || (*json)["folder"].as_string() != home_.config.root || (!account.empty() && !told.empty() && account != told))
        return fail(Errc::changed, "go on from the cursor", "it belongs to another folder or account");
    return (*json)["cursor"].as_string();
}

std::string DropboxProvider::account_id() const {
    const auto text = home_.config.tokens.load();
    const auto record = text ? http::TokenRecord::parse(*text) : fail(text.error());
    return record ? record->account_id : "";
}

Result<ChangePage> DropboxProvider::changes(const OpContext& ctx, const std::string& cursor) {
    return named(do_changes(ctx, cursor), "read changes", {});
}

Result<ChangePage> DropboxProvider::do_changes(const OpContext& ctx, const std::string& cursor) {
    ChangePage page;
    if (cursor.empty()) {
        const Json argument = dropbox::listing_argument(home_.config.root);
        ORACX_TRY(Reply reply, home_.api->rpc(ctx, "files/list_folder/get_latest_cursor", argument));
        if (reply.not_found() && !home_.config.root.empty()) {
            ORACX_TRYV(home_.ensure_root(ctx));
            ORACX_TRY(reply, home_.api->rpc(ctx, "files/list_folder/get_latest_cursor", argument));
        }
        if (!reply.ok()) return fail(error_of(reply, "ask for a cursor"));
        const std::string begin = reply.result["cursor"].as_string();
        if (begin.empty()) return fail(Errc::unavailable, "ask for a cursor", "the answer holds none");
        page.next = feed_cursor(begin);
        return page;
    }
    ORACX_TRY(const std::string from, service_cursor(cursor));
    ORACX_TRY(const Reply reply, home_.api->rpc(ctx, "files/list_folder/continue", Json::object({{"cursor", from}})));
    if (!reply.ok()) {
        home_.names.forget_all();
        Error error = error_of(reply, "go on from the cursor");
        // The root folder itself has gone; or it is no cursor of this app.
        if (reply.not_found() || error.code == Errc::invalid) error.code = Errc::changed;
        return fail(std::move(error));
    }
    ORACX_TRY(const FolderPage listed, dropbox::parse_folder_page(reply.result));
    for (const Metadata& entry : listed.entries) {
        if (home_.names.is_root(entry)) {
            if (entry.kind != Metadata::Kind::deleted) continue;
            home_.names.forget_all();
            return fail(Errc::changed, "go on from the cursor", "the folder " + home_.config.root + " was removed");
        }
        ORACX_TRYV(learn_parents(ctx, entry));
        if (entry.kind == Metadata::Kind::folder) home_.names.note(entry);
        const auto key = home_.names.key_of(entry, {});
        if (entry.kind == Metadata::Kind::deleted) home_.names.forget_folded(entry.path_lower);
        if (!key || !check_key(*key) || dropbox::has_internal_part(*key)) continue;
        Change change;
        change.gone = entry.kind == Metadata::Kind::deleted || !entry.downloadable;
        if (change.gone)
            change.object.key = *key;
        else
            change.object = object_of(*key, entry);
        page.changes.push_back(std::move(change));
    }
    page.next = feed_cursor(listed.cursor);
    page.more = listed.has_more;
    return page;
}

// An entry's path shows the folders above it in any case. Those that this process has not met are asked for.
Status DropboxProvider::learn_parents(const OpContext& ctx, const Metadata& entry) {
    for (const std::string& path : home_.names.unknown_parents(entry)) {
        ORACX_TRY(const auto folder, home_.find(ctx, path));
        if (folder && folder->kind == Metadata::Kind::folder) home_.names.note(*folder);
    }
    return {};
}

Result<bool> DropboxProvider::wait_for_changes(const OpContext& ctx, const std::string& cursor) {
    const auto wait = [&]() -> Result<bool> {
        ORACX_TRYV(still_wanted(ctx, home_.clock));
        if (cursor.empty()) return fail(Errc::invalid, "wait", "without a cursor");
        ORACX_TRY(const std::string from, service_cursor(cursor));
        SteadyTime not_before;
        {
            const std::lock_guard lock(longpoll_mutex_);
            not_before = no_longpoll_before_;
        }
        const auto pause = std::chrono::ceil<Millis>(not_before - home_.clock.steady());
        if (pause > Millis(0)) ORACX_TRYV(home_.pause(ctx, pause));
        ORACX_TRY(const Reply reply, home_.api->longpoll(ctx, from, kLongpollWait));
        if (!reply.ok()) return fail(error_of(reply, "wait for changes"));
        if (const std::int64_t backoff = reply.result["backoff"].as_int(); backoff > 0) {
            const std::lock_guard lock(longpoll_mutex_);
            no_longpoll_before_ = home_.clock.steady() + std::chrono::seconds(std::min(backoff, kBackoffSecondsMax));
        }
        return reply.result["changes"].as_bool();
    };
    return named(wait(), "wait for changes", {});
}

}  // namespace oracxfs
