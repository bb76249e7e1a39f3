#include "providers/sftp/sftp_publish.h"

#include <algorithm>

#include "base/crash_point.h"

namespace oracxfs::sftp {
namespace {

constexpr int kTriesMax = 3;
// Below this a file system counts as full, whatever its blocks and reserves.
constexpr std::uint64_t kFullBytes = 64u << 10;

}  // namespace

Publisher::Publisher(SftpHome& home, SftpChannel& channel, PublishJob job, Done done)
    : home_(home), channel_(channel), job_(std::move(job)), done_(std::move(done)), attrs_(job_.attrs) {}

bool Publisher::needs_target(const SftpChannel& channel, bool replaces) {
    return replaces || !channel.abilities().rename_refuses;
}

Status Publisher::check_target(const Answer& target) const {
    if (!target.ok() && !target.absent()) return fail(error_of(target, "look at the target", job_.key));
    if (!job_.replaces) {
        if (target.absent()) return {};
        return fail(Errc::exists, "publish", "something has this name already");
    }
    if (target.absent()) return fail(Errc::changed, "publish", "what is to be replaced has gone");
    const std::string rev = target.attrs.is_regular() ? rev_of(target.attrs) : "no file";
    if (rev != job_.replaces->rev)
        return fail(Errc::changed, "publish", "found " + rev + ", expected " + job_.replaces->rev);
    return {};
}

void Publisher::start(const std::optional<Answer>& target) {
    if (target) {
        if (Status status = check_target(*target); !status) return done_(std::move(status));
    }
    if (job_.replaces && rev_of(attrs_) == job_.replaces->rev && attrs_.is_regular()) {
        attrs_.mtime = attrs_.mtime.value_or(0) + 1;
        Attrs later;
        later.mtime = attrs_.mtime;
        channel_.setstat(job_.from, later, {});
    }
    if (!job_.close_handle.empty()) channel_.close(job_.close_handle);
    if (job_.replaces && job_.keep_replaced) return keep_old();
    move();
}

// A second name in the trash keeps the old content while the move replaces it in one step. Where hard links do not
// exist, the old file is moved away first and its name is free for a moment.
void Publisher::keep_old() {
    trash_key_ = std::string(kTrashFolder) + "/" + trash_entry(home_.clock.wall(), job_.key);
    home_.request_directories(channel_, ObjectKey(parent_key(trash_key_)));
    if (channel_.abilities().hardlink && channel_.abilities().posix_rename) {
        channel_.hardlink(home_.path(job_.key), home_.path(trash_key_), [this](Answer& answer) { old_kept(answer, true); });
    } else {
        channel_.rename(home_.path(job_.key), home_.path(trash_key_), [this](Answer& answer) { old_kept(answer, false); });
    }
}

void Publisher::old_kept(const Answer& answer, bool linked) {
    if (answer.ok()) {
        home_.directories.add(kTrashFolder);
        return move();
    }
    if (!linked) {
        home_.directories.forget(kTrashFolder);
        return done_(fail(error_of(answer, "move the old version to the trash", job_.key)));
    }
    home_.directories.forget(kTrashFolder);
    home_.request_directories(channel_, ObjectKey(parent_key(trash_key_)));
    channel_.rename(home_.path(job_.key), home_.path(trash_key_), [this](Answer& next) { old_kept(next, false); });
}

void Publisher::move() {
    ++tries_;
    in_doubt_ = true;
    home_.request_directories(channel_, ObjectKey(parent_key(job_.key)));
    const std::string to = home_.path(job_.key);
    const auto handler = [this](Answer& answer) { moved(answer); };
    if (!job_.replaces) return channel_.rename(job_.from, to, handler);
    if (channel_.abilities().posix_rename) return channel_.posix_rename(job_.from, to, handler);
    if (!job_.keep_replaced) channel_.remove(to, {});
    channel_.rename(job_.from, to, handler);
}

void Publisher::moved(const Answer& answer) {
    in_doubt_ = false;
    if (answer.ok()) {
        home_.directories.add(parent_key(job_.key));
        return done_({});
    }
    if (answer.absent() && tries_ < kTriesMax && home_.directories.contains(parent_key(job_.key)) &&
        !parent_key(job_.key).empty()) {
        // A parent that was known has gone in the meantime.
        home_.directories.forget({});
        return move();
    }
    explain(answer);
}

void Publisher::explain(const Answer& answer) {
    if (answer.code == Fx::file_already_exists) return done_(fail(error_of(answer, "publish", job_.key)));
    channel_.lstat(home_.path(job_.key), [this, answer](Answer& target) {
        if (target.ok() && !job_.replaces) return done_(fail(Errc::exists, "publish", "something has this name already"));
        if (answer.absent()) {
            // Either a parent is a file, or the part is gone.
            channel_.lstat(job_.from, [this, answer](Answer& source) {
                const bool gone = source.absent();
                done_(fail(gone ? Errc::unavailable : Errc::not_directory, "publish",
                           gone ? "the uploaded part has gone" : "a parent of it is no folder"));
            });
            return;
        }
        done_(fail(error_of(answer, "publish", job_.key)));
    });
}

Result<RemoteObject> publish(SftpCall& call, PublishJob job, const std::optional<Answer>& target) {
    std::optional<Status> outcome;
    const ObjectKey key = job.key;
    Publisher publisher(call.home(), call.channel(), std::move(job), [&](Status status) { outcome = std::move(status); });
    publisher.start(target);
    while (!outcome) {
        call.set_in_doubt(publisher.in_doubt());
        if (Status driven = call.channel().drive(call.waiter()); !driven) {
            call.set_in_doubt(publisher.in_doubt());
            call.channel().detach_handlers();
            return fail(std::move(driven).error());
        }
    }
    call.set_in_doubt(false);
    ORACX_TRYV(std::move(*outcome));
    return object_of(key, publisher.attrs());
}

void note_full_disk(const StatVfs& space, std::uint64_t missing_bytes, Error& error) {
    const bool no_inodes = space.inodes > 0 && space.inodes_available == 0;
    if (!no_inodes && space.available() >= std::max(missing_bytes, kFullBytes)) return;
    error.code = Errc::quota_full;
    error.why = "disk full on server: " + std::to_string(space.available() / 1024) + " KiB left";
}

Result<Error> explain_write_failure(SftpHome& home, SftpChannel& channel, const Waiter& waiter, const Answer& answer,
                                    std::uint64_t missing_bytes) {
    Error error = error_of(answer, "write");
    if (answer.code != Fx::failure || !channel.abilities().statvfs) return error;
    ORACX_TRY(const Answer numbers,
              channel.ask(waiter, [&](Handler handler) { channel.statvfs(home.path({}), std::move(handler)); }));
    if (!numbers.ok()) return error;
    ORACX_TRY(const StatVfs space, decode_statvfs(numbers.extended));
    note_full_disk(space, missing_bytes, error);
    return error;
}

}  // namespace oracxfs::sftp
