#include "providers/local/folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>

#include "base/assert.h"

namespace oracxfs::local {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr int kDirectoryFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kAttempts = 8;  // openat2 says EAGAIN when a rename elsewhere got in between

int openat2_beneath(int root, const std::string& path) {
    open_how how{};
    // Without O_NOFOLLOW, which would call a link "not a directory": RESOLVE_NO_SYMLINKS says ELOOP.
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    for (int i = 0; i < kAttempts; ++i) {
        const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0) return static_cast<int>(fd);
        if (errno != EAGAIN) break;
    }
    return -1;
}

bool not_implemented(int err) { return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP; }

}  // namespace

Error io_error(int err, std::string what, const ObjectKey& key) {
    Error error = error_from_errno(err, std::move(what));
    switch (err) {
        case ENOSPC:
        case EDQUOT: error.code = Errc::quota_full; break;
        case EACCES:
        case EPERM:
        case EROFS: error.code = Errc::denied; break;
        case ELOOP:
            error.code = Errc::denied;
            error.why = "a symbolic link is in the way";
            break;
        case EILSEQ: error.code = Errc::name_refused; break;
        default:
            // The disk under the provider, not the disk under the staging folder: a matter of this replica alone.
            if (error.code == Errc::local_io) error.code = Errc::unavailable;
    }
    error.path = key;
    return error;
}

Status DirtyDirectories::add(const ObjectKey& key, int directory) {
    if (directories_.contains(key)) return {};
    UniqueFd fd(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return fail(io_error(errno, "open folder to sync it", key));
    directories_.emplace(key, std::move(fd));
    return {};
}

Status DirtyDirectories::sync() {
    for (const auto& [key, fd] : directories_) {
        if (const int err = sync_directory(fd.get()); err != 0) {
            Error error = io_error(err, "sync folder", key);
            error.code = Errc::outcome_unknown;
            return fail(std::move(error));
        }
    }
    directories_.clear();
    return {};
}

Result<UniqueFd> Folder::open_directory(const ObjectKey& key) const {
    if (features_.openat2 && key.size() < PATH_MAX) {
        UniqueFd fd(openat2_beneath(root(), key.empty() ? "." : key));
        if (fd) return fd;
        // EPERM: old container sandboxes refuse calls they do not know.
        if (errno != ENOSYS && errno != EPERM) return fail(io_error(errno, "open folder", key));
        features_.openat2 = false;
    }
    return walk(key, nullptr);
}

Result<UniqueFd> Folder::make_directories(const ObjectKey& key, DirtyDirectories& dirty) const {
    Result<UniqueFd> found = open_directory(key);
    if (found || found.error().code != Errc::not_found) return found;
    return walk(key, &dirty);
}

Result<UniqueFd> Folder::walk(const ObjectKey& key, DirtyDirectories* create) const {
    UniqueFd here(::openat(root(), ".", kDirectoryFlags));
    if (!here) return fail(io_error(errno, "open folder", key));
    for (std::size_t begin = 0; begin < key.size();) {
        const std::size_t end = std::min(key.find('/', begin), key.size());
        const std::string name = key.substr(begin, end - begin);
        UniqueFd next(::openat(here.get(), name.c_str(), kDirectoryFlags));
        if (!next && errno == ENOENT && create != nullptr) {
            if (::mkdirat(here.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
                return fail(io_error(errno, "create folder", key));
            ORACX_TRYV(create->add(key.substr(0, begin == 0 ? 0 : begin - 1), here.get()));
            next.reset(::openat(here.get(), name.c_str(), kDirectoryFlags));
        }
        if (!next) {
            // O_NOFOLLOW with O_DIRECTORY reports a link as ENOTDIR; tell the two apart as openat2 does.
            int err = errno;
            struct stat status {};
            if (err == ENOTDIR &&
                ::fstatat(here.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(status.st_mode))
                err = ELOOP;
            return fail(io_error(err, "open folder", key));
        }
        here = std::move(next);
        begin = end + 1;
    }
    return here;
}

Result<struct stat> status_of(int directory, const std::string& name, const ObjectKey& key) {
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(io_error(errno, "look at", key));
    return status;
}

Result<UniqueFd> open_file(int directory, const std::string& name, const ObjectKey& key) {
    // Looked at first: opening a device or a pipe can have effects.
    ORACX_TRY(const struct stat status, status_of(directory, name, key));
    if (S_ISDIR(status.st_mode)) return fail(io_error(EISDIR, "open", key));
    if (!S_ISREG(status.st_mode))
        return fail(Error(Errc::denied, "open", "not a regular file").with_path(key));
    UniqueFd fd(::openat(directory, name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd) return fail(io_error(errno, "open", key));
    return fd;
}

bool has_stable_inodes(int fd) {
    constexpr std::uint32_t kFat = 0x4d44;
    constexpr std::uint32_t kExFat = 0x2011bab0;
    constexpr std::uint32_t kFuse = 0x65735546;  // depends on who is behind it
    constexpr std::uint32_t kCifs = 0xff534d42;
    constexpr std::uint32_t kSmb2 = 0xfe534d42;
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) return false;
    const auto type = static_cast<std::uint32_t>(status.f_type);
    return type != kFat && type != kExFat && type != kFuse && type != kCifs && type != kSmb2;
}

std::string rev_of(const struct stat& status, const Features& features) {
    const ino_t inode = features.stable_inodes ? status.st_ino : 0;
    return std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
           std::to_string(status.st_mtim.tv_nsec) + "-" + std::to_string(inode);
}

RemoteObject object_of(const ObjectKey& key, const struct stat& status, const Features& features) {
    RemoteObject object;
    object.key = key;
    object.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    object.is_directory = S_ISDIR(status.st_mode);
    if (object.is_directory) return object;
    object.size = static_cast<std::uint64_t>(status.st_size);
    object.rev = rev_of(status, features);
    return object;
}

int rename_no_replace(Features& features, int from_directory, const std::string& from,
                      int to_directory, const std::string& to) {
    if (features.no_replace) {
        if (::renameat2(from_directory, from.c_str(), to_directory, to.c_str(),
                        RENAME_NOREPLACE) == 0)
            return 0;
        if (!not_implemented(errno)) return errno;
        features.no_replace = false;
    }
    struct stat status {};
    if (::fstatat(from_directory, from.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if (features.hard_links && S_ISREG(status.st_mode)) {
        if (::linkat(from_directory, from.c_str(), to_directory, to.c_str(), 0) == 0)
            return ::unlinkat(from_directory, from.c_str(), 0) == 0 ? 0 : errno;
        if (errno != EPERM && !not_implemented(errno)) return errno;
        features.hard_links = false;
    }
    const std::lock_guard lock(features.look_and_move);
    if (::fstatat(to_directory, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return EEXIST;
    if (errno != ENOENT) return errno;
    return ::renameat(from_directory, from.c_str(), to_directory, to.c_str()) == 0 ? 0 : errno;
}

int sync_directory(int directory) {
    if (::fsync(directory) == 0 || errno == EINVAL || errno == ENOSYS) return 0;
    return errno;
}

Status check_new_key(const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    if (key.empty()) return fail(Errc::invalid, "check key", "the root folder is not an object");
    std::size_t begin = 0;
    while (begin <= key.size()) {
        const std::size_t end = std::min(key.find('/', begin), key.size());
        if (end - begin > kNameBytesMax)
            return fail(Error(Errc::name_too_long, "check key", "a name is longer than 255 bytes")
                            .with_path(key));
        begin = end + 1;
    }
    return {};
}

}  // namespace oracxfs::local
