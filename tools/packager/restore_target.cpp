#include "tools/packager/restore_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/hash.h"
#include "tools/packager/beneath.h"

namespace oracxfs {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::array<timespec, 2> times_of(std::int64_t mtime_ns) {
    std::int64_t seconds = mtime_ns / kNsPerSecond, rest = mtime_ns % kNsPerSecond;
    if (rest < 0) {
        --seconds;
        rest += kNsPerSecond;
    }
    timespec omitted{};
    omitted.tv_nsec = UTIME_OMIT;
    timespec modified{};
    modified.tv_sec = seconds;
    modified.tv_nsec = rest;
    return {omitted, modified};
}

Error failed(const std::string& name) {
    if (errno == ELOOP || errno == EXDEV) return {Errc::denied, "restore " + name, "a symbolic link stands in its way"};
    return error_from_errno(errno, "restore " + name);
}

}  // namespace

Result<RestoreTarget> RestoreTarget::open(const std::string& path, bool make) {
    if (make) {
        std::error_code error;
        std::filesystem::create_directories(path, error);
        if (error) return fail(error_from_errno(error.value(), "make the folder " + path));
    }
    // The user's own choice: links in this path are followed.
    UniqueFd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root && (make || errno != ENOENT)) return fail(error_from_errno(errno, "open the folder " + path));
    return RestoreTarget(std::move(root));
}

Result<UniqueFd> RestoreTarget::open_parent(const std::string& name) const {
    UniqueFd folder = open_beneath(root_.get(), std::string(parent_of(name)), O_PATH | O_DIRECTORY);
    if (!folder) return fail(failed(name));
    return folder;
}

Result<std::optional<RestoreTarget::Present>> RestoreTarget::look(const std::string& name) const {
    using Answer = std::optional<Present>;
    if (!root_) return Answer();
    const auto parent = open_parent(name);
    struct stat status {};
    if (!parent && parent.error().code != Errc::not_found) return fail(parent.error());
    if (!parent) return Answer();
    if (::fstatat(parent->get(), std::string(last_part_of(name)).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return Answer();
        return fail(failed(name));
    }
    return Answer(Present{S_ISDIR(status.st_mode), S_ISREG(status.st_mode), std::int64_t{status.st_mtim.tv_sec} * kNsPerSecond + status.st_mtim.tv_nsec});
}

Result<std::uint64_t> RestoreTarget::free_bytes() const {
    struct statvfs space {};
    if (::fstatvfs(root_.get(), &space) != 0) return fail(error_from_errno(errno, "look for room"));
    return std::uint64_t{space.f_bavail} * space.f_frsize;
}

Status RestoreTarget::make_folder(const std::string& name) {
    if (name.empty() || open_beneath(root_.get(), name, O_PATH | O_DIRECTORY)) return {};
    if (errno != ENOENT) return fail(failed(name));
    ORACX_TRYV(make_folder(std::string(parent_of(name))));
    ORACX_TRY(const UniqueFd parent, open_parent(name));
    // Ours alone until its own permissions are set, at the end.
    if (::mkdirat(parent.get(), std::string(last_part_of(name)).c_str(), 0700) != 0 && errno != EEXIST) return fail(failed(name));
    return {};
}

Status RestoreTarget::set_folder(const std::string& name, std::uint32_t mode, std::int64_t mtime_ns) {
    const UniqueFd folder = open_beneath(root_.get(), name, O_RDONLY | O_DIRECTORY);
    if (!folder) return fail(failed(name));
    if (mode != 0 && ::fchmod(folder.get(), mode & 0777u) != 0) return fail(failed(name));
    const auto times = times_of(mtime_ns);
    if (::futimens(folder.get(), times.data()) != 0) return fail(failed(name));
    return {};
}

Status RestoreTarget::make_link(const std::string& name, const std::string& target, bool replace) {
    ORACX_TRY(const UniqueFd parent, open_parent(name));
    const std::string last(last_part_of(name));
    const std::string temporary = ".oracxfs-restore-" + random_hex(8);
    if (::symlinkat(target.c_str(), parent.get(), temporary.c_str()) != 0) return fail(failed(name));
    const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
    if (::renameat2(parent.get(), temporary.c_str(), parent.get(), last.c_str(), flags) == 0) return {};
    Error error = failed(name);
    ::unlinkat(parent.get(), temporary.c_str(), 0);
    return fail(std::move(error));
}

Result<RestoreTarget::File> RestoreTarget::create(const std::string& name) {
    ORACX_TRY(UniqueFd parent, open_parent(name));
    std::string temporary = ".oracxfs-restore-" + random_hex(8);
    UniqueFd fd(::openat(parent.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return fail(failed(name));
    return File(std::move(parent), std::move(fd), std::move(temporary), name);
}

RestoreTarget::File::~File() {
    if (fd_ && !temporary_.empty()) ::unlinkat(folder_.get(), temporary_.c_str(), 0);
}

Status RestoreTarget::File::write(ByteSpan data) {
    while (!data.empty()) {
        const ssize_t count = ::write(fd_.get(), data.data(), data.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(failed(name_));
        data = data.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Status RestoreTarget::File::publish(std::uint32_t mode, std::int64_t mtime_ns, bool replace) {
    if (mode != 0 && ::fchmod(fd_.get(), mode & 0777u) != 0) return fail(failed(name_));
    const auto times = times_of(mtime_ns);
    if (::futimens(fd_.get(), times.data()) != 0) return fail(failed(name_));
    const std::string last(last_part_of(name_));
    int code = ::renameat2(folder_.get(), temporary_.c_str(), folder_.get(), last.c_str(), replace ? 0 : RENAME_NOREPLACE);
    if (code != 0 && errno == EINVAL && !replace) {  // a file system without this flag
        code = ::linkat(folder_.get(), temporary_.c_str(), folder_.get(), last.c_str(), 0);
        if (code == 0) ::unlinkat(folder_.get(), temporary_.c_str(), 0);
    }
    if (code != 0) return fail(failed(name_));
    temporary_.clear();
    // Its name stands now; what closing may still say is about bytes that sync() makes safe.
    return {};
}

Status RestoreTarget::sync() {
    if (::syncfs(root_.get()) != 0) return fail(error_from_errno(errno, "sync the restored files"));
    return {};
}

}  // namespace oracxfs
