#include "providers/dropbox/dropbox_publish.h"

#include "base/crash_point.h"
#include "base/log.h"

namespace oracxfs::dropbox {
namespace {

constexpr int kRepeatsMax = 2;
constexpr Millis kPause{500};

// Is it this very content, put there after what it replaces?
bool is_meant(const Publication& what, const Metadata& there) {
    if (there.kind != Metadata::Kind::file || there.size != what.size || there.name != base_name(what.key)) return false;
    return what.content_hash && there.content_hash == what.content_hash;
}

// Takes back what must not stay: an earlier revision comes again, or nothing.
void take_back(DropboxHome& home, const OpContext& ctx, const Publication& what, const Metadata& stored) {
    const std::string path = stored.path_lower.empty() ? home.names.path_of(what.key) : stored.path_lower;
    const auto& replaces = what.options.replaces;
    const auto reply = home.commit(ctx, [&] {
        if (replaces && !replaces->rev.empty())
            return home.api->rpc(ctx, "files/restore", Json::object({{"path", path}, {"rev", replaces->rev}}));
        return home.api->rpc(ctx, "files/delete_v2", Json::object({{"path", path}, {"parent_rev", stored.rev}}));
    });
    if (!reply || !reply->ok())
        log::warn("dropbox", home.config.name + ": could not take back " + what.key + ": " +
                                 (reply ? error_of(*reply, "remove") : reply.error()).to_string());
}

}  // namespace

Json commit_info(const std::string& path, const PutOptions& options) {
    Json info = Json::object({{"path", path}, {"autorename", false}, {"mute", true}, {"strict_conflict", true}});
    if (options.replaces)
        info.set("mode", tagged("update", options.replaces->rev));
    else
        info.set("mode", "add");
    if (options.mtime_ns > 0) info.set("client_modified", time_text(options.mtime_ns));
    return info;
}

Result<RemoteObject> accept(DropboxHome& home, const OpContext& ctx, const Publication& what, const Metadata& stored) {
    ORACX_CRASH_POINT("dropbox.published");
    if (stored.name != base_name(what.key)) {
        take_back(home, ctx, what, stored);
        return fail(Errc::name_refused, "give it its name", "Dropbox stored it as \"" + stored.name + "\"");
    }
    const bool other_hash = what.content_hash && stored.content_hash && *stored.content_hash != *what.content_hash;
    if (stored.size != what.size || other_hash) {
        take_back(home, ctx, what, stored);
        return fail(Errc::corrupt, "verify", "what Dropbox stored differs from what was sent");
    }
    home.names.add(ObjectKey(parent_key(what.key)));
    return object_of(what.key, stored);
}

Result<RemoteObject> explain_conflict(DropboxHome& home, const OpContext& ctx, const Publication& what, bool in_doubt) {
    ORACX_TRY(const auto there, home.find(ctx, home.names.path_of(what.key)));
    const auto& replaces = what.options.replaces;
    if (!there) return fail(replaces ? Errc::changed : Errc::exists, "give it its name", "it was there a moment ago, and is gone now");
    // The answer got lost; or what is to be replaced has these very bytes already.
    const bool same_rev = replaces && there->rev == replaces->rev;
    if (is_meant(what, *there) && (in_doubt || same_rev)) return object_of(what.key, *there);
    if (replaces) return fail(Errc::changed, "replace", "another version is there: " + (there->rev.empty() ? "a folder" : there->rev));
    return fail(occupied_error(what.key, *there));
}

Result<std::optional<RemoteObject>> look_for(DropboxHome& home, const OpContext& ctx, const Publication& what) {
    const auto unsure = [](const Error& why) { return fail(Errc::outcome_unknown, "commit", "no answer came, and looking failed: " + why.why); };
    const auto there = home.find(ctx, home.names.path_of(what.key));
    if (!there) {
        if (there.error().code == Errc::cancelled) return fail(there.error());
        return unsure(there.error());
    }
    const bool old = *there && what.options.replaces && (*there)->rev == what.options.replaces->rev;
    if (!*there || old || !is_meant(what, **there)) return std::optional<RemoteObject>();
    home.names.add(ObjectKey(parent_key(what.key)));
    return std::optional(object_of(what.key, **there));
}

Result<Published> publish(DropboxHome& home, const OpContext& ctx, const Publication& what, const std::function<Result<Reply>()>& send) {
    bool in_doubt = false;
    for (int repeats = 0;; ++repeats) {
        ORACX_CRASH_POINT("dropbox.before_publish");
        Result<Reply> reply = home.commit(ctx, send);
        const bool lost = reply ? reply->in_doubt() : reply.error().code == Errc::outcome_unknown;
        if (reply && reply->ok()) {
            ORACX_TRY(const Metadata stored, parse_metadata(reply->result));
            ORACX_TRY(RemoteObject object, accept(home, ctx, what, stored));
            return Published{std::move(object), {}};
        }
        if (reply && reply->conflict()) {
            ORACX_TRY(RemoteObject object, explain_conflict(home, ctx, what, in_doubt));
            return Published{std::move(object), {}};
        }
        // Looking would meet the same silence; whoever comes back later looks.
        if (!reply && reply.error().silent) {
            Error error = std::move(reply).error();
            if (in_doubt) error.code = Errc::outcome_unknown;
            return fail(std::move(error));
        }
        const bool unsent = !reply && reply.error().code == Errc::unavailable;
        if (lost || in_doubt) {
            in_doubt = true;
            ORACX_TRY(auto object, look_for(home, ctx, what));
            if (object) return Published{std::move(object), {}};
        }
        // Repeating is safe: a first commit that comes through late makes the second one a conflict.
        if ((lost || unsent) && repeats < kRepeatsMax) {
            ORACX_TRYV(home.pause(ctx, home.jitter(kPause * (1 << repeats))));
            continue;
        }
        if (lost) {
            Error error(Errc::outcome_unknown, "commit", reply ? error_of(*reply, "").why : reply.error().why);
            return fail(std::move(error));
        }
        if (!reply) return fail(std::move(reply).error());
        if (in_doubt && !reply->problem.has("lookup_failed")) return fail(Errc::outcome_unknown, "commit", error_of(*reply, "").why);
        return Published{std::nullopt, std::move(*reply)};
    }
}

}  // namespace oracxfs::dropbox
