#include "fs/fuse_adapter.h"

#include <fuse_lowlevel.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/log.h"

namespace oracxfs {
namespace {

// Everything that changes goes through this mount, and foreign changes are told to the kernel: it may remember for long.
constexpr double kLongSeconds = 86'400;
// A provider's folder changes with the provider's replicas, behind the kernel's back.
constexpr double kShortSeconds = 1;
constexpr Inode kViewMask = Inode{0x3f} << 48;

Filesystem& filesystem_of(fuse_req_t request) { return *static_cast<Filesystem*>(fuse_req_userdata(request)); }

int errno_of(const Error& error) { return info(error.code).errno_value; }
int xattr_errno(const Error& error) { return error.code == Errc::not_found ? ENODATA : errno_of(error); }

Caller caller_of(fuse_req_t request) {
    const fuse_ctx* context = fuse_req_ctx(request);
    return {context->uid, context->gid, context->pid, static_cast<std::uint32_t>(context->umask)};
}

bool in_provider_folder(Inode inode) { return (inode & kViewMask) != 0 && inode >> 62 == 0; }

struct stat stat_of(const FileAttributes& attributes) {
    struct stat result {};
    // A file shows one number in all folders: tools then see that a provider's folder holds the same file, and refuse to
    // copy it onto itself.
    result.st_ino = !attributes.directory && in_provider_folder(attributes.inode) ? attributes.inode & ((Inode{1} << 48) - 1)
                                                                                  : attributes.inode;
    result.st_mode = attributes.mode | (attributes.directory ? S_IFDIR : S_IFREG);
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

fuse_entry_param entry_of(const FileAttributes& attributes) {
    fuse_entry_param entry{};
    entry.ino = attributes.inode;
    entry.attr = stat_of(attributes);
    entry.attr_timeout = entry.entry_timeout = in_provider_folder(attributes.inode) ? kShortSeconds : kLongSeconds;
    return entry;
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
        reply(request_);
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

// --- callbacks ---------------------------------------------------------------------------------------------------------

void on_init(void*, fuse_conn_info* connection) {
    const auto want = [&](unsigned flag) {
        if ((connection->capable & flag) != 0) connection->want |= flag;
    };
    want(FUSE_CAP_SPLICE_WRITE);
    want(FUSE_CAP_SPLICE_MOVE);
    want(FUSE_CAP_PARALLEL_DIROPS);
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_WRITEBACK_CACHE);  // write(2) must have reached staging
    connection->max_background = 64;
    connection->congestion_threshold = 48;
}

void reply_entry(fuse_req_t request, const Result<FileAttributes>& attributes) {
    if (!attributes) return void(fuse_reply_err(request, errno_of(attributes.error())));
    const fuse_entry_param entry = entry_of(*attributes);
    fuse_reply_entry(request, &entry);
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] {
        const auto found = filesystem_of(request).lookup(parent, name);
        if (!found && found.error().code == Errc::not_found) {
            fuse_entry_param absent{};
            absent.entry_timeout = in_provider_folder(parent) ? kShortSeconds : kLongSeconds;
            return void(fuse_reply_entry(request, &absent));  // remembered by the kernel
        }
        reply_entry(request, found);
    });
}

void on_forget(fuse_req_t request, fuse_ino_t inode, std::uint64_t count) {
    filesystem_of(request).forget(inode, count);
    fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) filesystem_of(request).forget(forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(request);
}

void on_getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    guarded(request, [&] {
        const auto attributes = filesystem_of(request).attributes(inode);
        if (!attributes) return void(fuse_reply_err(request, errno_of(attributes.error())));
        const struct stat result = stat_of(*attributes);
        fuse_reply_attr(request, &result, in_provider_folder(inode) ? kShortSeconds : kLongSeconds);
    });
}

void on_setattr(fuse_req_t request, fuse_ino_t inode, struct stat* wanted, int to_set, fuse_file_info* file) {
    guarded(request, [&] {
        AttributeChange change;
        if ((to_set & FUSE_SET_ATTR_MODE) != 0) change.mode = wanted->st_mode & 07777;
        if ((to_set & FUSE_SET_ATTR_UID) != 0) change.uid = wanted->st_uid;
        if ((to_set & FUSE_SET_ATTR_GID) != 0) change.gid = wanted->st_gid;
        if ((to_set & FUSE_SET_ATTR_SIZE) != 0) change.size = static_cast<std::uint64_t>(wanted->st_size);
        if ((to_set & FUSE_SET_ATTR_MTIME) != 0)
            change.mtime_ns = static_cast<std::int64_t>(wanted->st_mtim.tv_sec) * 1'000'000'000 + wanted->st_mtim.tv_nsec;
        if ((to_set & FUSE_SET_ATTR_MTIME_NOW) != 0) {
            timespec now{};
            ::clock_gettime(CLOCK_REALTIME, &now);
            change.mtime_ns = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
        }
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).set_attributes(
            inode, file != nullptr ? std::optional<Handle>(file->fh) : std::nullopt, change, pending->token(),
            [pending, inode](const Result<FileAttributes>& attributes) {
                pending->answer([&](fuse_req_t answered) {
                    if (!attributes) return void(fuse_reply_err(answered, errno_of(attributes.error())));
                    const struct stat result = stat_of(*attributes);
                    fuse_reply_attr(answered, &result, in_provider_folder(inode) ? kShortSeconds : kLongSeconds);
                });
            });
        pending->arm();
    });
}

void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    guarded(request, [&] {
        reply_entry(request, filesystem_of(request).make_directory(parent, name, mode, caller_of(request)));
    });
}

void reply_status(fuse_req_t request, const Status& status) { fuse_reply_err(request, status ? 0 : errno_of(status.error())); }

void on_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] { reply_status(request, filesystem_of(request).remove(parent, name)); });
}

void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] { reply_status(request, filesystem_of(request).remove_directory(parent, name)); });
}

void on_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t new_parent, const char* new_name, unsigned flags) {
    guarded(request, [&] {
        if ((flags & ~static_cast<unsigned>(RENAME_NOREPLACE)) != 0) return void(fuse_reply_err(request, EINVAL));
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).rename(parent, name, new_parent, new_name, (flags & RENAME_NOREPLACE) != 0, pending->token(),
                                      [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_symlink(fuse_req_t request, const char*, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); }
void on_link(fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); }

void on_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t) {
    guarded(request, [&] {
        if (!S_ISREG(mode)) return void(fuse_reply_err(request, EPERM));
        Filesystem& filesystem = filesystem_of(request);
        const auto created = filesystem.create(parent, name, mode, true, true, caller_of(request));
        if (!created) return void(fuse_reply_err(request, errno_of(created.error())));
        filesystem.release(created->handle);
        reply_entry(request, created->attributes);
    });
}

void on_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, fuse_file_info* file) {
    guarded(request, [&] {
        const bool write = (file->flags & O_ACCMODE) != O_RDONLY;
        const auto created = filesystem_of(request).create(parent, name, mode, (file->flags & O_EXCL) != 0, write, caller_of(request));
        if (!created) return void(fuse_reply_err(request, errno_of(created.error())));
        file->fh = created->handle;
        file->keep_cache = created->keep_cache;
        const fuse_entry_param entry = entry_of(created->attributes);
        if (fuse_reply_create(request, &entry, file) == -ENOENT) filesystem_of(request).release(created->handle);
    });
}

void on_open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    guarded(request, [&] {
        const int access = file->flags & O_ACCMODE;
        const auto opened = filesystem_of(request).open(inode, access != O_WRONLY, access != O_RDONLY,
                                                        (file->flags & O_TRUNC) != 0 && access != O_RDONLY);
        if (!opened) return void(fuse_reply_err(request, errno_of(opened.error())));
        file->fh = opened->handle;
        file->keep_cache = opened->keep_cache;
        file->noflush = access == O_RDONLY;
        if (fuse_reply_open(request, file) == -ENOENT) filesystem_of(request).release(opened->handle);
    });
}

void on_release(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    guarded(request, [&] {
        filesystem_of(request).release(file->fh);
        fuse_reply_err(request, 0);
    });
}

void on_read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).read(file->fh, static_cast<std::uint64_t>(offset), size, pending->token(), [pending](const Result<ReadData>& data) {
            pending->answer([&](fuse_req_t answered) {
                if (!data) return void(fuse_reply_err(answered, errno_of(data.error())));
                if (!data->file) return void(fuse_reply_buf(answered, reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size()));
                fuse_bufvec buffer{};
                buffer.count = 1;
                buffer.buf[0].size = data->length;
                buffer.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
                buffer.buf[0].fd = data->file->fd();
                buffer.buf[0].pos = static_cast<off_t>(data->offset);
                fuse_reply_data(answered, &buffer, FUSE_BUF_SPLICE_MOVE);
            });
        });
        pending->arm();
    });
}

void on_write(fuse_req_t request, fuse_ino_t, const char* data, std::size_t size, off_t offset, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).write(file->fh, static_cast<std::uint64_t>(offset), std::as_bytes(std::span(data, size)), pending->token(),
                                     [pending, size](const Status& status) {
                                         pending->answer([&](fuse_req_t answered) {
                                             if (status)
                                                 fuse_reply_write(answered, size);
                                             else
                                                 fuse_reply_err(answered, errno_of(status.error()));
                                         });
                                     });
        pending->arm();
    });
}

void on_flush(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).flush(file->fh, caller_of(request), pending->token(),
                                     [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_fsync(fuse_req_t request, fuse_ino_t, int, fuse_file_info* file) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).fsync(file->fh, pending->token(), [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_fsyncdir(fuse_req_t request, fuse_ino_t inode, int, fuse_file_info*) {
    guarded(request, [&] {
        const auto pending = std::make_shared<Pending>(request);
        filesystem_of(request).fsync_directory(inode, pending->token(), [pending](const Status& status) { pending->answer_status(status); });
        pending->arm();
    });
}

void on_opendir(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    guarded(request, [&] {
        const auto opened = filesystem_of(request).open_directory(inode);
        if (!opened) return void(fuse_reply_err(request, errno_of(opened.error())));
        file->fh = *opened;
        file->cache_readdir = file->keep_cache = !in_provider_folder(inode);
        if (fuse_reply_open(request, file) == -ENOENT) filesystem_of(request).close_directory(*opened);
    });
}

void read_directory(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file, bool plus) {
    guarded(request, [&] {
        std::vector<char> buffer(size);
        std::size_t used = 0;
        // Positions: 0 ".", 1 "..", then the directory's items; an entry's offset is that of the next one.
        off_t position = offset;
        bool full = false;
        const auto add = [&](const char* name, const FileAttributes& attributes) {
            std::size_t length = 0;
            if (plus) {
                const fuse_entry_param entry = entry_of(attributes);
                length = fuse_add_direntry_plus(request, buffer.data() + used, size - used, name, &entry, position + 1);
            } else {
                const struct stat result = stat_of(attributes);
                length = fuse_add_direntry(request, buffer.data() + used, size - used, name, &result, position + 1);
            }
            if (length > size - used) {
                full = true;
                return false;
            }
            used += length;
            return true;
        };
        for (const char* dots : {".", ".."}) {
            if (position > (dots[1] == '.' ? 1 : 0)) continue;
            FileAttributes attributes;
            attributes.inode = inode;
            attributes.directory = true;
            if (!add(dots, attributes)) break;
            position += 1;
        }
        if (!full) {
            const Status status = filesystem_of(request).read_directory(
                file->fh, static_cast<std::uint64_t>(position - 2), plus, [&](const DirectoryItem& item) {
                    if (!item.name.empty() && !add(item.name.c_str(), item.attributes)) return false;
                    position += 1;
                    return true;
                });
            if (!status) return void(fuse_reply_err(request, errno_of(status.error())));
        }
        fuse_reply_buf(request, buffer.data(), used);
    });
}

void on_readdir(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file) {
    read_directory(request, inode, size, offset, file, false);
}
void on_readdirplus(fuse_req_t request, fuse_ino_t inode, std::size_t size, off_t offset, fuse_file_info* file) {
    read_directory(request, inode, size, offset, file, true);
}

void on_releasedir(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    filesystem_of(request).close_directory(file->fh);
    fuse_reply_err(request, 0);
}

void on_statfs(fuse_req_t request, fuse_ino_t inode) {
    guarded(request, [&] {
        const auto space = filesystem_of(request).space(inode);
        if (!space) return void(fuse_reply_err(request, errno_of(space.error())));
        struct statvfs result {};
        constexpr std::uint64_t kUnit = 4096;
        result.f_bsize = result.f_frsize = kUnit;
        result.f_blocks = space->total_bytes / kUnit;
        result.f_bfree = result.f_bavail = space->free_bytes / kUnit;
        result.f_files = space->files + 1'000'000'000;
        result.f_ffree = result.f_favail = 1'000'000'000;
        result.f_namemax = 255;
        fuse_reply_statfs(request, &result);
    });
}

void reply_bytes(fuse_req_t request, const std::string& value, std::size_t size) {
    if (size == 0)
        fuse_reply_xattr(request, value.size());
    else if (value.size() > size)
        fuse_reply_err(request, ERANGE);
    else
        fuse_reply_buf(request, value.data(), value.size());
}

void on_getxattr(fuse_req_t request, fuse_ino_t inode, const char* name, std::size_t size) {
    guarded(request, [&] {
        // Asked before every write(2) and by every `ls -l`: answered without a look at anything.
        if (std::strncmp(name, "user.", 5) != 0) return void(fuse_reply_err(request, EOPNOTSUPP));
        const auto value = filesystem_of(request).xattr(inode, name);
        if (!value) return void(fuse_reply_err(request, xattr_errno(value.error())));
        reply_bytes(request, *value, size);
    });
}

void on_listxattr(fuse_req_t request, fuse_ino_t inode, std::size_t size) {
    guarded(request, [&] {
        const auto names = filesystem_of(request).xattr_names(inode);
        if (!names) return void(fuse_reply_err(request, errno_of(names.error())));
        std::string list;
        for (const std::string& name : *names) list.append(name).push_back('\0');
        reply_bytes(request, list, size);
    });
}

void on_setxattr(fuse_req_t request, fuse_ino_t inode, const char* name, const char* value, std::size_t size, int flags) {
    guarded(request, [&] {
        const Status status = filesystem_of(request).set_xattr(inode, name, std::string(value, size), (flags & XATTR_CREATE) != 0,
                                                               (flags & XATTR_REPLACE) != 0);
        fuse_reply_err(request, status ? 0 : xattr_errno(status.error()));
    });
}

void on_removexattr(fuse_req_t request, fuse_ino_t inode, const char* name) {
    guarded(request, [&] {
        const Status status = filesystem_of(request).remove_xattr(inode, name);
        fuse_reply_err(request, status ? 0 : xattr_errno(status.error()));
    });
}

fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops ops{};
    ops.init = on_init;
    ops.lookup = on_lookup;
    ops.forget = on_forget;
    ops.forget_multi = on_forget_multi;
    ops.getattr = on_getattr;
    ops.setattr = on_setattr;
    ops.mkdir = on_mkdir;
    ops.mknod = on_mknod;
    ops.unlink = on_unlink;
    ops.rmdir = on_rmdir;
    ops.rename = on_rename;
    ops.symlink = on_symlink;
    ops.link = on_link;
    ops.create = on_create;
    ops.open = on_open;
    ops.release = on_release;
    ops.read = on_read;
    ops.write = on_write;
    ops.flush = on_flush;
    ops.fsync = on_fsync;
    ops.fsyncdir = on_fsyncdir;
    ops.opendir = on_opendir;
    ops.readdir = on_readdir;
    ops.readdirplus = on_readdirplus;
    ops.releasedir = on_releasedir;
    ops.statfs = on_statfs;
    ops.getxattr = on_getxattr;
    ops.listxattr = on_listxattr;
    ops.setxattr = on_setxattr;
    ops.removexattr = on_removexattr;
    return ops;
}

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
    Filesystem* filesystem = nullptr;
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
        fuse_session_unmount(session);
    }
};

FuseMount::FuseMount() : impl_(std::make_unique<Impl>()) {}

FuseMount::~FuseMount() {
    if (impl_->session == nullptr) return;
    impl_->filesystem->set_on_invalidate(nullptr);
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
    const fuse_lowlevel_ops ops = operations();

    auto mount = std::unique_ptr<FuseMount>(new FuseMount());  // NOLINT: the constructor is private
    Impl& impl = *mount->impl_;
    impl.filesystem = &filesystem;
    impl.mount_point = options.mount_point;
    impl.threads_max = options.threads_max;
    impl.session = fuse_session_new(&args, &ops, sizeof ops, &filesystem);
    fuse_opt_free_args(&args);
    if (impl.session == nullptr) return fail(Errc::mount_failed, "mount " + options.mount_point, "libfuse refused the options " + words);
    if (fuse_session_mount(impl.session, options.mount_point.c_str()) != 0)
        return fail(Errc::mount_failed, "mount " + options.mount_point,
                    "the kernel or fusermount3 refused: is fuse3 installed, is the folder yours and not in use?");
    impl.mounted = true;
    fuse_session* session = impl.session;
    filesystem.set_on_invalidate([session](const Filesystem::Invalidation& change) {
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

}  // namespace

Result<bool> repair_stale_mount(const std::string& mount_point) {
    struct stat unused {};
    if (::stat(mount_point.c_str(), &unused) == 0 || errno != ENOTCONN) return false;
    if (!listed_as_ours(mount_point))
        return fail(Errc::mount_failed, "mount " + mount_point, "a dead mount of another program is there; detach it with `fusermount3 -u -z`");
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
