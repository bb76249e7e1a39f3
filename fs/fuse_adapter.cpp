#include "fs/fuse_adapter.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fs/fuse_adapter_reply.h"

namespace oracxfs {
namespace {

// Words of fstab and mount(8) that are not for a file system.
bool is_ignored_option(std::string_view word) {
    constexpr std::array<std::string_view, 12> kWords = {"_netdev", "nofail", "noauto", "auto", "user", "users",
                                                         "nouser", "defaults", "owner", "group", "relatime", "rw"};
    return word.starts_with("x-") || word.starts_with("X-") || word.starts_with("comment=") ||
           std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}
bool is_passed_option(std::string_view word) {
    constexpr std::array<std::string_view, 15> kWords = {"ro", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime",
                                                         "atime", "sync", "async", "dirsync", "allow_other", "allow_root",
                                                         "default_permissions"};
    return word.starts_with("fsname=") || std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace

struct FuseMount::Impl {
    fuse_session* session = nullptr;
    std::string mount_point;
    unsigned threads_max = 8;
    std::mutex mutex;
    bool mounted = false;
    std::jthread waker;

    void unmount() {
        const std::lock_guard lock(mutex);
        if (!mounted) return;
        mounted = false;
        {
            const std::unique_lock nobody_answers(fuse::session_gate().mutex);
            fuse::session_gate().open = false;
        }
        fuse_session_unmount(session);
    }
};

FuseMount::FuseMount() : impl_(std::make_unique<Impl>()) {}

FuseMount::~FuseMount() {
    if (impl_->session == nullptr) return;
    impl_->unmount();
    fuse_session_destroy(impl_->session);
}

Result<std::unique_ptr<FuseMount>> FuseMount::mount(Filesystem& filesystem, const MountOptions& options) {
    std::string words = "fsname=" + options.name + ",subtype=oracxfs,default_permissions,noatime";
    if (options.read_only) words += ",ro";
    if (options.allow_other) words += ",allow_other";
    for (const std::string& group : options.options) {
        std::stringstream stream(group);
        for (std::string word; std::getline(stream, word, ',');) {
            if (word.empty() || is_ignored_option(word)) continue;
            if (!is_passed_option(word))
                return fail(Errc::usage, "mount option \"" + word + "\"", "it is not known; see mount.fuse3(8) for those that are passed on");
            words += "," + word;
        }
    }
    if (::access("/dev/fuse", F_OK) != 0)
        return fail(Errc::mount_failed, "mount " + options.mount_point, "/dev/fuse is missing: load the fuse module, or give the container the device");

    std::vector<std::string> arguments = {"oracxfs", "-o", words};
    if (options.debug) arguments.emplace_back("-d");
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    fuse_args args = FUSE_ARGS_INIT(static_cast<int>(pointers.size()), pointers.data());
    const fuse_lowlevel_ops ops = fuse::operations();

    auto mount = std::unique_ptr<FuseMount>(new FuseMount());  // NOLINT: the constructor is private
    Impl& impl = *mount->impl_;
    impl.mount_point = options.mount_point;
    impl.threads_max = options.threads_max;
    impl.session = fuse_session_new(&args, &ops, sizeof ops, &filesystem);
    fuse_opt_free_args(&args);
    if (impl.session == nullptr) return fail(Errc::mount_failed, "mount " + options.mount_point, "libfuse refused the options " + words);
    if (fuse_session_mount(impl.session, options.mount_point.c_str()) != 0)
        return fail(Errc::mount_failed, "mount " + options.mount_point,
                    "the kernel or fusermount3 refused: is fuse3 installed, is the folder yours and not in use?");
    impl.mounted = true;
    fuse::session_gate().open = true;
    fuse_session* session = impl.session;
    filesystem.set_on_invalidate([session](const Filesystem::Invalidation& change) {
        if (!fuse::session_gate().open) return;
        if (change.inode != 0) (void)fuse_lowlevel_notify_inval_inode(session, change.inode, 0, 0);  // ENOENT: not known, fine
        if (change.parent != 0) {
            (void)fuse_lowlevel_notify_inval_entry(session, change.parent, change.name.c_str(), change.name.size());
            (void)fuse_lowlevel_notify_inval_inode(session, change.parent, 0, 0);
        }
    });
    return mount;
}

Status FuseMount::run(const std::function<void()>& ready) {
    // The first request is the kernel's INIT, sent at mount; statfs is answered after it, so one says that we serve.
    std::jthread announcer([this, &ready] {
        struct statvfs unused {};
        if (::statvfs(impl_->mount_point.c_str(), &unused) == 0 && ready) ready();
    });
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, impl_->threads_max);
    fuse_loop_cfg_set_idle_threads(config, impl_->threads_max);
    fuse_loop_cfg_set_clone_fd(config, 0);
    const int result = fuse_session_loop_mt(impl_->session, config);
    fuse_loop_cfg_destroy(config);
    impl_->unmount();
    if (announcer.joinable()) announcer.join();
    if (impl_->waker.joinable()) impl_->waker.join();
    if (result < 0) {
        Error error = error_from_errno(-result, "serve " + impl_->mount_point);
        error.code = Errc::mount_failed;
        return fail(std::move(error));
    }
    return {};
}

void FuseMount::exit() {
    fuse_session_exit(impl_->session);
    // The loop notices with the next request: this is one. It ends with the mount at the latest.
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->mounted || impl_->waker.joinable()) return;
    impl_->waker = std::jthread([path = impl_->mount_point] {
        struct statvfs unused {};
        (void)::statvfs(path.c_str(), &unused);
    });
}

namespace {

// mountinfo writes spaces and the like as \040.
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
            i += 3;
        } else {
            plain.push_back(text[i]);
        }
    }
    return plain;
}

bool listed_as_ours(const std::string& mount_point) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::stringstream fields(line);
        std::string id, parent, device, root, point;
        fields >> id >> parent >> device >> root >> point;
        if (unescape(point) == mount_point && line.find(" - fuse.oracxfs ") != std::string::npos) return true;
    }
    return false;
}

// Has the daemon of this mount died? What the kernel remembers of the folder would be told for a long time after that, but
// free space is always asked for. In a process of its own, since a daemon that hangs would make this one hang.
bool is_dead(const std::string& mount_point) {
    constexpr int kPatienceMs = 5'000;
    const pid_t child = ::fork();
    if (child == 0) {
        struct statvfs unused {};
        const bool dead = ::statvfs(mount_point.c_str(), &unused) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
        ::_exit(dead ? 1 : 0);
    }
    if (child < 0) return false;
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    pollfd wait{ended.get(), POLLIN, 0};
    if (!ended || ::poll(&wait, 1, kPatienceMs) != 1) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

}  // namespace

Result<bool> repair_stale_mount(const std::string& mount_point) {
    if (!listed_as_ours(mount_point)) {
        struct stat unused {};
        if (::stat(mount_point.c_str(), &unused) == 0 || errno != ENOTCONN) return false;
        return fail(Errc::mount_failed, "mount " + mount_point, "a dead mount of another program is there; detach it with `fusermount3 -u -z`");
    }
    if (!is_dead(mount_point)) return false;
    if (::umount2(mount_point.c_str(), MNT_DETACH) == 0) return true;
    const pid_t child = ::fork();
    if (child == 0) {
        ::execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", mount_point.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    if (child < 0 || status != 0)
        return fail(Errc::mount_failed, "detach the dead mount at " + mount_point, "fusermount3 -u -z failed");
    return true;
}

bool is_mounted(const std::string& mount_point) { return listed_as_ours(mount_point); }

}  // namespace oracxfs
