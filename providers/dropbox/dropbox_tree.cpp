// Folders, listings, moves and removals.

#include <algorithm>

#include "base/hash.h"
#include "base/log.h"
#include "providers/dropbox/dropbox_provider_impl.h"

namespace oracxfs {

using dropbox::DropboxApi;
using dropbox::FolderPage;
using dropbox::Metadata;
using dropbox::Reply;

namespace {

constexpr int kMoveRepeatsMax = 3;
constexpr Millis kMovePause{500};

}  // namespace

// --- listings --------------------------------------------------------------------------------------------------------

Result<ListPage> DropboxProvider::list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) {
    auto page = named(do_list(ctx, directory, cursor), "list", directory);
    // A page may be empty although more follow.
    while (page && page->entries.empty() && page->leftovers.empty() && !page->next.empty())
        page = named(do_list(ctx, directory, page->next), "list", directory);
    return page;
}

Result<ListPage> DropboxProvider::do_list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) {
    ORACX_TRYV(check_key(directory));
    if (!dropbox::check_storable(directory)) return fail(Errc::not_found, "look into it", "it is not there");
    ORACX_TRY(const dropbox::Turnstile::Pass pass, home_.listings.enter(ctx, home_.clock));
    ORACX_TRY(const Reply reply, cursor.empty()
                                     ? home_.api->rpc(ctx, "files/list_folder", dropbox::listing_argument(home_.names.path_of(directory)))
                                     : home_.api->rpc(ctx, "files/list_folder/continue", Json::object({{"cursor", cursor}})));
    ListPage page;
    if (!reply.ok()) {
        // Whoever deletes our folder has emptied it; it comes back with the next upload.
        if (directory.empty() && reply.not_found()) return page;
        return fail(error_of(reply, "list"));
    }
    ORACX_TRY(const FolderPage listed, dropbox::parse_folder_page(reply.result));
    for (const Metadata& entry : listed.entries)
        if (entry.kind == Metadata::Kind::folder) home_.names.note(entry);
    for (const Metadata& entry : listed.entries) {
        // Removed while we were listing: a later page tells it of an entry of an earlier one.
        if (entry.kind == Metadata::Kind::deleted || !entry.downloadable) continue;
        const auto key = home_.names.key_of(entry, directory);
        if (!key || !check_key(*key)) continue;
        (dropbox::has_internal_part(*key) ? page.leftovers : page.entries).push_back(object_of(*key, entry));
    }
    if (listed.has_more)
        page.next = listed.cursor;
    else if (directory.empty())
        home_.names.set_complete();
    return page;
}

// --- removals --------------------------------------------------------------------------------------------------------

Status DropboxProvider::remove(const OpContext& ctx, const RemoteObject& object, RemoveMode) {
    // Both modes are one there: what is removed stays in the history, and nobody but Dropbox takes it out.
    return named(do_remove(ctx, object), "remove", object.key);
}

Status DropboxProvider::do_remove(const OpContext& ctx, const RemoteObject& object) {
    if (object.key.empty()) return fail(Errc::invalid, "remove", "the provider's folder itself");
    ORACX_TRYV(check_key(object.key));
    std::string rev = object.rev;
    if (rev.empty()) {
        // delete_v2 takes folders with everything in them; without a rev to name, it has to be seen that it is a file.
        ORACX_TRY(const auto there, look_at(ctx, object.key));
        if (!there) return {};
        if (there->kind != Metadata::Kind::file) return fail(Errc::is_directory, "remove");
        rev = there->rev;
    }
    ORACX_TRY(const Reply reply, home_.commit(ctx, [&] {
        return home_.api->rpc(ctx, "files/delete_v2", Json::object({{"path", home_.names.path_of(object.key)}, {"parent_rev", rev}}));
    }));
    if (reply.ok() || reply.not_found()) return {};
    Error error = error_of(reply, "remove");
    if (reply.conflict() || reply.problem.has("parent_rev") || error.code == Errc::is_directory || error.code == Errc::not_directory ||
        reply.status == 409) {
        // The words for "another rev is there" are not documented; looking is.
        ORACX_TRY(const auto there, look_at(ctx, object.key));
        if (!there) return {};
        if (there->rev != rev) return fail(Errc::changed, "remove", "another version is there: " + (there->rev.empty() ? "a folder" : there->rev));
    }
    return fail(std::move(error));
}

Result<RemoteObject> DropboxProvider::make_directory(const OpContext& ctx, const ObjectKey& key) {
    return named(do_make_directory(ctx, key), "make folder", key);
}

Result<RemoteObject> DropboxProvider::do_make_directory(const OpContext& ctx, const ObjectKey& key) {
    ORACX_TRYV(dropbox::check_storable(key));
    ORACX_TRYV(still_wanted(ctx, home_.clock));
    RemoteObject folder;
    folder.key = key;
    folder.is_directory = true;
    if (key.empty()) {
        ORACX_TRYV(home_.ensure_root(ctx));
        return folder;
    }
    ORACX_TRYV(home_.check_parents(ctx, key));
    ORACX_TRY(const Reply reply, home_.commit(ctx, [&] {
        return home_.api->rpc(ctx, "files/create_folder_v2", Json::object({{"path", home_.names.path_of(key)}, {"autorename", false}}));
    }));
    if (reply.conflict()) {
        ORACX_TRY(const auto there, look_at(ctx, key));
        if (!there) return fail(Errc::unavailable, "make it", "it was there a moment ago, and is gone now");
        if (there->kind != Metadata::Kind::folder || there->name != base_name(key)) return fail(occupied_error(key, *there));
        home_.names.add(key);
        return object_of(key, *there);
    }
    if (!reply.ok()) return fail(error_of(reply, "make it"));
    ORACX_TRY(const Metadata made, dropbox::parse_metadata(reply.result["metadata"], Metadata::Kind::folder));
    if (made.name != base_name(key)) return fail(Errc::name_refused, "make it", "Dropbox calls it \"" + made.name + "\"");
    home_.names.add(key);
    return object_of(key, made);
}

Status DropboxProvider::remove_directory(const OpContext& ctx, const ObjectKey& key) {
    return named(do_remove_directory(ctx, key), "remove folder", key);
}

Status DropboxProvider::do_remove_directory(const OpContext& ctx, const ObjectKey& key) {
    if (key.empty()) return fail(Errc::invalid, "remove", "the provider's folder itself");
    ORACX_TRYV(check_key(key));
    if (!dropbox::check_storable(key)) return still_wanted(ctx, home_.clock);
    const std::string path = home_.names.path_of(key);
    // delete_v2 would take a full folder as well. Between the look and the removal somebody may put a file there; it can
    // be restored from the history.
    ORACX_TRY(Reply listing, home_.api->rpc(ctx, "files/list_folder", Json::object({{"path", path}, {"limit", 1}})));
    for (;;) {
        if (!listing.ok()) {
            if (listing.not_found()) return {};
            return fail(error_of(listing, "look into it"));
        }
        ORACX_TRY(const FolderPage page, dropbox::parse_folder_page(listing.result));
        const auto is_there = [](const Metadata& entry) { return entry.kind != Metadata::Kind::deleted; };
        if (std::any_of(page.entries.begin(), page.entries.end(), is_there)) return fail(Errc::not_empty, "remove", "something is in it");
        if (!page.has_more) break;
        ORACX_TRY(listing, home_.api->rpc(ctx, "files/list_folder/continue", Json::object({{"cursor", page.cursor}})));
    }
    ORACX_TRY(const Reply reply, home_.commit(ctx, [&] { return home_.api->rpc(ctx, "files/delete_v2", Json::object({{"path", path}})); }));
    if (!reply.ok() && !reply.not_found()) return fail(error_of(reply, "remove"));
    home_.names.forget(key);
    return {};
}

// --- moves -----------------------------------------------------------------------------------------------------------

Result<RemoteObject> DropboxProvider::rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                             const std::optional<RemoteObject>& replaces) {
    return named(do_rename(ctx, object, to, replaces), "rename", object.key);
}

// One move_v2 that replaces nothing, with its lost answers and the moment in which a fresh file is not found yet.
Result<Metadata> DropboxProvider::move(const OpContext& ctx, const std::string& from, const std::string& id, const ObjectKey& to) {
    const std::string target = home_.names.path_of(to);
    const Json argument = Json::object({{"from_path", from}, {"to_path", target}, {"autorename", false}, {"allow_ownership_transfer", false}});
    bool in_doubt = false;
    for (int repeats = 0;; ++repeats) {
        const auto reply = home_.commit(ctx, [&] { return home_.api->rpc(ctx, "files/move_v2", argument, DropboxApi::Repeat::unsafe); });
        if (reply && reply->ok()) return dropbox::parse_metadata(reply->result["metadata"]);
        if (!reply && reply.error().silent) {
            Error error = reply.error();
            if (in_doubt) error.code = Errc::outcome_unknown;
            return fail(std::move(error));
        }
        const bool lost = reply ? reply->in_doubt() || reply->problem.has("internal_error") : reply.error().code == Errc::outcome_unknown;
        const bool fresh = reply && reply->not_found() && reply->problem.has("from_lookup");
        if (!lost && !fresh && !in_doubt) return fail(reply ? error_of(*reply, "move") : reply.error());
        in_doubt = in_doubt || lost;
        if (in_doubt) {
            const auto there = home_.find(ctx, target);
            if (!there) return fail(Errc::outcome_unknown, "move", "no answer came, and looking failed: " + there.error().why);
            if (*there && !id.empty() && (*there)->id == id && (*there)->name == base_name(to)) return **there;
        }
        if (repeats == kMoveRepeatsMax || (!lost && !fresh)) {
            Error error = reply ? error_of(*reply, "move") : reply.error();
            if (in_doubt) error.code = Errc::outcome_unknown;
            return fail(std::move(error));
        }
        ORACX_TRYV(home_.pause(ctx, home_.jitter(kMovePause * (1 << repeats))));
    }
}

Result<RemoteObject> DropboxProvider::do_rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                                const std::optional<RemoteObject>& replaces) {
    ORACX_TRYV(check_key(object.key));
    ORACX_TRYV(dropbox::check_storable(to));
    if (object.key.empty() || to.empty()) return fail(Errc::invalid, "rename", "the provider's folder itself");
    ORACX_TRY(const auto source, look_at(ctx, object.key));
    if (!source) return fail(Errc::not_found, "look at it", "it is not there");
    if (source->kind == Metadata::Kind::file && !object.rev.empty() && source->rev != object.rev)
        return fail(Errc::changed, "compare", "found " + source->rev + ", expected " + object.rev);
    ORACX_TRYV(home_.check_parents(ctx, to));
    const std::string from = home_.names.path_of(object.key);

    const auto finish = [&](Result<Metadata> moved) -> Result<RemoteObject> {
        if (!moved) return fail(std::move(moved).error());
        if (moved->kind == Metadata::Kind::folder) {
            home_.names.forget(object.key);
            home_.names.add(to);
        } else {
            home_.names.add(ObjectKey(parent_key(to)));
        }
        if (moved->name != base_name(to)) return fail(Errc::name_refused, "rename", "Dropbox calls it \"" + moved->name + "\"");
        return object_of(to, *moved);
    };
    if (object.key == to) return object_of(to, *source);

    if (replaces) {
        ORACX_TRY(const auto target, look_at(ctx, to));
        if (!target || target->rev != replaces->rev) return fail(Errc::changed, "compare", target ? "found " + target->rev : "the target is gone");
        // move_v2 replaces nothing: the old file goes first, and comes back if the move fails.
        RemoteObject old = *replaces;
        old.key = to;
        ORACX_TRYV(do_remove(ctx, old));
        auto moved = move(ctx, from, source->id, to);
        if (!moved && moved.error().code != Errc::outcome_unknown) {
            const OpContext brief{.stop = {}, .deadline = home_.clock.steady() + home_.config.timeout};
            const auto restored = home_.commit(brief, [&] {
                return home_.api->rpc(brief, "files/restore", Json::object({{"path", home_.names.path_of(to)}, {"rev", replaces->rev}}));
            });
            if (!restored || !restored->ok())
                log::warn("dropbox", home_.config.name + ": " + to + " could not be restored after a failed rename; it is in Dropbox's history as " + replaces->rev);
        }
        return finish(std::move(moved));
    }

    auto moved = move(ctx, from, source->id, to);
    if (moved || (moved.error().code != Errc::exists && moved.error().code != Errc::denied && moved.error().code != Errc::invalid))
        return finish(std::move(moved));
    ORACX_TRY(const auto target, look_at(ctx, to));
    if (!target) return finish(std::move(moved));
    // Itself under another case: that takes two moves.
    if (target->id == source->id && !source->id.empty() && target->name != base_name(to)) {
        const ObjectKey aside = part_name("case-" + random_hex(8));
        ORACX_TRY(const Metadata away, move(ctx, from, source->id, aside));
        return finish(move(ctx, home_.names.path_of(aside), away.id, to));
    }
    return fail(moved.error().code == Errc::exists ? occupied_error(to, *target) : moved.error());
}

}  // namespace oracxfs
