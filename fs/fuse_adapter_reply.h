#pragma once
// Private to the FUSE adapter: what a request says and how it is answered.

#include <fuse_lowlevel.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stop_token>

#include "base/log.h"
#include "fs/filesystem.h"

namespace oracxfs::fuse {

// The callbacks that libfuse calls, see fuse_adapter_operations.cpp. The session's user data is a Filesystem.
[[nodiscard]] fuse_lowlevel_ops operations();

// Everything that changes goes through this mount, and foreign changes are told to the kernel: it may remember for long.
inline constexpr double kLongSeconds = 86'400;
// A provider's folder changes with the provider's replicas, behind the kernel's back.
inline constexpr double kShortSeconds = 1;
inline constexpr Inode kViewMask = Inode{0x3f} << 48;

inline Filesystem& filesystem_of(fuse_req_t request) { return *static_cast<Filesystem*>(fuse_req_userdata(request)); }

inline int errno_of(const Error& error) { return info(error.code).errno_value; }
inline int xattr_errno(const Error& error) { return error.code == Errc::not_found ? ENODATA : errno_of(error); }

inline Caller caller_of(fuse_req_t request) {
    const fuse_ctx* context = fuse_req_ctx(request);
    return {context->uid, context->gid, context->pid, static_cast<std::uint32_t>(context->umask)};
}

inline bool in_provider_folder(Inode inode) { return (inode & kViewMask) != 0 && inode >> 61 == 0; }
// Nobody tells the kernel when something changes there.
inline bool changes_by_itself(Inode inode) { return in_provider_folder(inode) || is_virtual(inode); }

// How long the kernel may remember what a name stands for. In a provider's folder not at all: a rename in the root changes
// it, and whoever compares names in two folders (cp, before it empties one) must not take one file for two.
inline double name_seconds(Inode inode) {
    if (in_provider_folder(inode)) return 0;
    return changes_by_itself(inode) ? kShortSeconds : kLongSeconds;
}

inline struct stat stat_of(const FileAttributes& attributes) {
    struct stat result {};
    // A file shows one number in all folders: tools then see that a provider's folder holds the same file, and refuse to
    // copy it onto itself.
    result.st_ino = !attributes.directory && in_provider_folder(attributes.inode) ? attributes.inode & ((Inode{1} << 48) - 1)
                                                                                  : attributes.inode;
    result.st_mode = attributes.mode | (attributes.directory ? S_IFDIR : attributes.symlink ? S_IFLNK : S_IFREG);
    result.st_nlink = attributes.links;
    result.st_uid = attributes.uid;
    result.st_gid = attributes.gid;
    result.st_size = static_cast<off_t>(attributes.size);
    result.st_blocks = static_cast<blkcnt_t>((attributes.size + 511) / 512);
    result.st_blksize = 128 << 10;
    const auto time = [](std::int64_t ns) {
        std::int64_t seconds = ns / 1'000'000'000, rest = ns % 1'000'000'000;
        if (rest < 0) {
            seconds -= 1;
            rest += 1'000'000'000;
        }
        return timespec{static_cast<time_t>(seconds), static_cast<long>(rest)};
    };
    result.st_mtim = time(attributes.mtime_ns);
    result.st_atim = result.st_mtim;
    result.st_ctim = time(attributes.ctime_ns);
    return result;
}

inline fuse_entry_param entry_of(const FileAttributes& attributes) {
    fuse_entry_param entry{};
    entry.ino = attributes.inode;
    entry.attr = stat_of(attributes);
    entry.attr_timeout = changes_by_itself(attributes.inode) ? kShortSeconds : kLongSeconds;
    entry.entry_timeout = name_seconds(attributes.inode);
    return entry;
}

// Answers come from threads that outlive the loop, and libfuse closes its descriptor some time before it forgets the number,
// which may be another file's by then. One mount a process.
struct SessionGate {
    std::shared_mutex mutex;  // held (shared) while an answer is written; nothing that waits is done under it
    std::atomic<bool> open{false};
};
inline SessionGate& session_gate() {
    static SessionGate gate;
    return gate;
}

// A request that is answered later, from whichever thread. The kernel's INTERRUPT becomes a stop request.
class Pending : public std::enable_shared_from_this<Pending> {
  public:
    explicit Pending(fuse_req_t request) : request_(request) {}

    std::stop_token token() { return stop_.get_token(); }

    // Call after the operation was started: from now on a signal to the caller is noticed. Not earlier, because most
    // operations have answered by then and save the registration.
    void arm() {
        const std::lock_guard lock(mutex_);
        if (answered_) return;
        armed_ = true;
        fuse_req_interrupt_func(request_, [](fuse_req_t, void* data) { static_cast<Pending*>(data)->stop_.request_stop(); }, this);
    }

    template <class Reply>
    void answer(const Reply& reply) {
        const std::lock_guard lock(mutex_);
        if (answered_) return;
        answered_ = true;
        // libfuse waits here for a running interrupt callback, so none can come after the reply frees the request.
        if (armed_) fuse_req_interrupt_func(request_, nullptr, nullptr);
        const std::shared_lock alive(session_gate().mutex);
        if (session_gate().open) reply(request_);  // else the kernel ends what is left
    }
    void answer_status(const Status& status) {
        answer([&](fuse_req_t request) { fuse_reply_err(request, status ? 0 : errno_of(status.error())); });
    }

  private:
    fuse_req_t request_;
    std::stop_source stop_;
    std::mutex mutex_;
    bool armed_ = false;
    bool answered_ = false;
};

// No exception may cross into libfuse, and every request is answered.
template <class Body>
void guarded(fuse_req_t request, const Body& body) {
    try {
        body();
    } catch (const std::exception& error) {
        log::error("fuse", error.what());
        fuse_reply_err(request, EIO);
    }
}

}  // namespace oracxfs::fuse
