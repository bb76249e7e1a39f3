#include "fs/fuse_adapter.h"

#include <poll.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <thread>

#include "base/log.h"
#include "fs/fuse_adapter_reply.h"
#include "fs/mount_table.h"

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
    std::string mount_point, device;
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
        // A thread that tells the kernel of a folder waits for whoever has locked it, which may be a program that waits for us;
        // the connection would live as long as that thread.
        if (!hung_up()) abort_mount(mount_point, device);
        fuse_session_unmount(session);
    }

    bool hung_up() const {
        pollfd device_file{fuse_session_fd(session), 0, 0};
        return ::poll(&device_file, 1, 0) == 1 && (device_file.revents & POLLERR) != 0;
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
    impl.device = mounted_device(impl.mount_point);
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

}  // namespace oracxfs
