#include "providers/dropbox/dropbox_home.h"

namespace oracxfs::dropbox {
namespace {

constexpr int kContentionRepeatsMax = 5;
constexpr Millis kContentionPause{1'000};
constexpr Millis kContentionPauseMax{8'000};
constexpr int kHiccupRepeatsMax = 2;
constexpr Millis kHiccupPause{300};
constexpr int kPageEntries = 2'000;

}  // namespace

bool is_hiccup(const Error& error) { return error.code == Errc::unavailable && !error.silent; }

Status DropboxHome::pause(const OpContext& ctx, Millis time) {
    const SteadyTime until = clock.steady() + time;
    if (ctx.deadline && until >= *ctx.deadline) return fail(Errc::deadline, "wait", "the next attempt would come too late");
    if (!clock.sleep_until(until, ctx.stop)) return fail(Errc::cancelled, "cancelled");
    return still_wanted(ctx, clock);
}

Millis DropboxHome::jitter(Millis upper) {
    const std::lock_guard lock(random_mutex_);
    return Millis(std::uniform_int_distribution<Millis::rep>(upper.count() / 2, upper.count())(random));
}

Result<Reply> DropboxHome::repeat(const OpContext& ctx, const std::function<Result<Reply>()>& call) {
    for (int repeats = 0;; ++repeats) {
        Result<Reply> reply = call();
        const bool hiccup = reply ? reply->in_doubt() : is_hiccup(reply.error());
        if (!hiccup || repeats == kHiccupRepeatsMax) return reply;
        ORACX_TRYV(pause(ctx, jitter(kHiccupPause * (1 << repeats))));
    }
}

Result<Reply> DropboxHome::commit(const OpContext& ctx, const std::function<Result<Reply>()>& call) {
    ORACX_TRY(const Turnstile::Pass pass, commits.enter(ctx, clock));
    for (int repeats = 0;; ++repeats) {
        Result<Reply> reply = call();
        const bool contention = reply && !reply->ok() && reply->problem.has("too_many_write_operations");
        if (!contention || repeats == kContentionRepeatsMax) return reply;
        const Millis upper = std::min(kContentionPause * (1 << repeats), kContentionPauseMax);
        const Millis wish = reply->retry_after.value_or(reply->problem.retry_after.value_or(Millis(0)));
        // In the queue's front: whoever came next would meet the same contention.
        if (const Status waited = pause(ctx, std::max(wish, jitter(upper))); !waited)
            return waited.error().code == Errc::cancelled ? Result<Reply>(fail(waited.error())) : reply;
    }
}

Result<std::optional<Metadata>> DropboxHome::find(const OpContext& ctx, const std::string& path) {
    const Json argument = Json::object({{"path", path}});
    ORACX_TRY(const Reply reply, repeat(ctx, [&] { return api->rpc(ctx, "files/get_metadata", argument); }));
    if (reply.ok()) {
        ORACX_TRY(Metadata metadata, parse_metadata(reply.result));
        if (metadata.kind == Metadata::Kind::deleted) return std::optional<Metadata>();
        return std::optional(std::move(metadata));
    }
    // A file on the way to it: then it is not there either.
    if (reply.not_found() || (reply.status == 409 && reply.problem.last() == "not_folder")) return std::optional<Metadata>();
    return fail(error_of(reply, "look at it"));
}

Status DropboxHome::check_parents(const OpContext& ctx, const ObjectKey& key) {
    for (std::string_view folder = parent_key(key); !folder.empty(); folder = parent_key(folder)) {
        const auto known = names.look_up(ObjectKey(folder));
        if (known == FolderNames::Knowledge::same) break;  // it was checked together with what is above it
        if (known == FolderNames::Knowledge::absent) continue;
        ORACX_TRY(const auto there, find(ctx, names.path_of(ObjectKey(folder))));
        if (there && there->name != base_name(folder)) return fail(twin_error(ObjectKey(folder), there->name));
    }
    // It is there, or will be in a moment by a put or move that makes it.
    names.add(ObjectKey(parent_key(key)));
    return {};
}

Status DropboxHome::ensure_root(const OpContext& ctx) {
    if (config.root.empty()) return {};
    ORACX_TRY(const Reply reply, commit(ctx, [&] {
        return api->rpc(ctx, "files/create_folder_v2", Json::object({{"path", config.root}, {"autorename", false}}));
    }));
    if (reply.ok() || (reply.conflict() && reply.problem.last() == "folder")) return {};
    if (reply.conflict()) return fail(Errc::config, "make the folder " + config.root, "a file has this name at Dropbox");
    return fail(error_of(reply, "make the folder " + config.root));
}

Error twin_error(const ObjectKey& key, const std::string& existing_name) {
    return Error(Errc::name_refused, "check the name",
                 "Dropbox tells no upper and lower case apart: \"" + std::string(base_name(key)) + "\" is \"" + existing_name + "\" there");
}

Error occupied_error(const ObjectKey& key, const Metadata& there) {
    if (there.name != base_name(key)) return twin_error(key, there.name);
    return Error(Errc::exists, "give it its name", there.kind == Metadata::Kind::folder ? "a folder has this name" : "something else has this name");
}

Json listing_argument(const std::string& path) {
    return Json::object({{"path", path}, {"recursive", true}, {"limit", kPageEntries}, {"include_deleted", false},
                         {"include_mounted_folders", true}, {"include_non_downloadable_files", false}});
}

bool has_internal_part(const ObjectKey& key) {
    for (std::string_view at = key; !at.empty(); at = parent_key(at))
        if (is_internal_name(base_name(at))) return true;
    return false;
}

RemoteObject object_of(const ObjectKey& key, const Metadata& metadata) {
    RemoteObject object;
    object.key = key;
    object.id = metadata.id;
    object.is_directory = metadata.kind == Metadata::Kind::folder;
    if (object.is_directory) return object;
    object.rev = metadata.rev;
    object.size = metadata.size;
    object.mtime_ns = metadata.mtime_ns;
    return object;
}

}  // namespace oracxfs::dropbox
