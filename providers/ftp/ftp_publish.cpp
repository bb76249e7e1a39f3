#include "providers/ftp/ftp_publish.h"

#include "base/crash_point.h"
#include "base/log.h"
#include "providers/ftp/ftp_status.h"

namespace oracxfs::ftp {
namespace {

constexpr Millis kUndoTime{5'000};

Status check_target(FtpCall& call, const PublishJob& job) {
    ORACX_TRY(const auto target, call.find(job.key));
    if (!job.replaces) {
        if (!target) return {};
        return fail(Errc::exists, "publish", "something has this name already");
    }
    if (!target) return fail(Errc::changed, "publish", "what is to be replaced has gone");
    const std::string rev = target->is_file() ? rev_of(*target) : "no file";
    if (rev != job.replaces->rev) return fail(Errc::changed, "publish", "found " + rev + ", expected " + job.replaces->rev);
    return {};
}

// The old version is in the trash and the new one did not get its name: back with it, on another connection if this one
// is gone. What cannot be undone is logged; nothing is lost, it is in the trash.
void put_back(FtpCall& call, const std::string& trashed, const PublishJob& job) {
    const OpContext ctx{{}, call.home().clock.steady() + kUndoTime};
    const CallWait brief(ctx, call.home().clock);
    const auto undo = [&](FtpConnection& connection) -> Status {
        FtpCall another(call.home(), connection, brief);
        ORACX_TRY(const auto target, another.find(job.key));
        if (target) return {};  // it was published after all, or somebody else took the name
        ORACX_TRY(const Reply moved, another.move(trashed, call.home().path(job.key)));
        if (!moved.ok()) return fail(error_of(moved, "move back"));
        return {};
    };
    Status undone;
    if (call.connection().usable()) {
        undone = undo(call.connection());
    } else if (auto lease = call.home().pool.take(brief)) {
        undone = undo(lease->connection());
    } else {
        undone = fail(std::move(lease).error());
    }
    if (!undone)
        log::error("ftp", call.home().config.name() + ": the old version of " + job.key + " is at " + trashed + " and could not be moved back: " +
                              undone.error().to_string());
}

// The server refused the move: finds out why.
Error explain(FtpCall& call, const PublishJob& job, const Reply& reply) {
    Error error = error_of(reply, "publish");
    const auto target = call.find(job.key);
    if (!target) return error;
    if (*target && !job.replaces) return Error(Errc::exists, "publish", "something has this name already");
    const auto source = call.find_path(job.from);
    if (source && !*source) return Error(Errc::not_found, "publish", "what was to be moved has gone: '" + reply.text() + "'");
    if (error.code == Errc::unavailable) error.code = Errc::denied;  // pure-ftpd says 451 to all that does not work
    return error;
}

Result<Reply> move(FtpCall& call, const PublishJob& job) {
    const std::string to = call.home().path(job.key);
    ORACX_TRY(Reply moved, call.move(job.from, to));
    if (moved.ok()) return moved;
    const ObjectKey parent(parent_key(job.key));
    if (!parent.empty()) {
        ORACX_TRY(const auto folder, call.find(parent));
        if (!folder) {
            // It was known and has gone in the meantime.
            call.home().directories.forget({});
            ORACX_TRYV(call.make_directories(parent));
            return call.move(job.from, to);
        }
    }
    // Some servers never overwrite.
    if (job.replaces && !job.keep_replaced && moved.code >= 500) {
        ORACX_TRY(const Reply removed, call.change("DELE " + to));
        if (removed.ok()) return call.move(job.from, to);
    }
    return moved;
}

}  // namespace

Status set_time(FtpCall& call, const std::string& path, std::int64_t mtime, ListEntry& entry) {
    const Features& features = call.connection().features();
    if (!features.mfmt && !features.mdtm) return {};
    // Without MFMT, MDTM with a time in front sets it on many servers; the others take the time for a part of the name.
    ORACX_TRY(const Reply set, call.ask((features.mfmt ? "MFMT " : "MDTM ") + format_time(mtime) + " " + path));
    if (set.code == 213 || set.code == 253) entry.mtime = mtime;
    return {};
}

Result<RemoteObject> publish(FtpCall& call, PublishJob job) {
    ORACX_TRYV(call.make_directories(ObjectKey(parent_key(job.key))));
    if (job.replaces && job.entry.is_file() && rev_of(job.entry) == job.replaces->rev)
        ORACX_TRYV(set_time(call, job.from, job.entry.mtime.value_or(0) + 1, job.entry));
    ORACX_TRYV(check_target(call, job));
    ORACX_CRASH_POINT("ftp.before_publish");
    std::optional<std::string> trashed;
    if (job.replaces && job.keep_replaced) {
        ORACX_TRY(trashed, call.move_to_trash(job.key));
        if (!trashed) return fail(Errc::changed, "publish", "what is to be replaced has gone");
        ORACX_CRASH_POINT("ftp.old_in_trash");
    }
    auto moved = move(call, job);
    if (moved && moved->ok()) {
        ORACX_CRASH_POINT("ftp.published");
        return object_of(job.key, job.entry);
    }
    Error error = moved ? explain(call, job, *moved) : std::move(moved).error();
    if (trashed) put_back(call, *trashed, job);
    return fail(std::move(error));
}

}  // namespace oracxfs::ftp
