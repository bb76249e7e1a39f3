#include "base/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <limits>
#include <optional>

#include "base/unique_fd.h"

namespace oracxfs {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

tl::unexpected<Error> fail_errno(std::string what) {
    return fail(error_from_errno(errno, std::move(what)));
}

// Repeats a system call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
    decltype(call()) answer;
    do {
        answer = call();
    } while (answer < 0 && errno == EINTR);
    return answer;
}

class SystemFile final : public DiskFile {
  public:
    SystemFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override {
        while (!data.empty()) {
            const ssize_t written = uninterrupted([&] {
                return ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
            });
            if (written < 0) return fail_errno("write " + path_);
            if (written == 0) return fail(Errc::local_io, "write " + path_, "the disk took nothing");
            offset += static_cast<std::uint64_t>(written);
            data = data.subspan(static_cast<std::size_t>(written));
        }
        return {};
    }

    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t count = uninterrupted([&] {
                return ::pread(fd_.get(), into.data() + done, into.size() - done,
                               static_cast<off_t>(offset + done));
            });
            if (count < 0) return fail_errno("read " + path_);
            if (count == 0) break;
            done += static_cast<std::size_t>(count);
        }
        return done;
    }

    Status truncate(std::uint64_t size) override {
        if (uninterrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0)
            return fail_errno("truncate " + path_);
        return {};
    }

    Status sync() override {
        // Linux reports a failed write-back once and then calls the lost pages clean. A second fsync would succeed
        // without the bytes being on the disk, so the failure sticks to this open file.
        if (lost_.load()) return fail(Errc::local_io, "sync " + path_, "an earlier sync failed");
        if (uninterrupted([&] { return ::fdatasync(fd_.get()); }) != 0) {
            lost_.store(true);
            return fail_errno("sync " + path_);
        }
        return {};
    }

    void start_writing_back(std::uint64_t offset, std::uint64_t length) override {
        // Waits for nothing. What goes wrong is told by sync().
        ::sync_file_range(fd_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(length),
                          SYNC_FILE_RANGE_WRITE);
    }

    [[nodiscard]] Result<std::uint64_t> size() const override {
        ORACX_TRY(const struct stat info, status());
        return static_cast<std::uint64_t>(info.st_size);
    }

    [[nodiscard]] Result<std::uint64_t> allocated_bytes() const override {
        ORACX_TRY(const struct stat info, status());
        return static_cast<std::uint64_t>(info.st_blocks) * 512;
    }

    [[nodiscard]] int fd() const override { return fd_.get(); }

  private:
    [[nodiscard]] Result<struct stat> status() const {
        struct stat info {};
        if (::fstat(fd_.get(), &info) != 0) return fail_errno("stat " + path_);
        return info;
    }

    const UniqueFd fd_;
    const std::string path_;
    std::atomic<bool> lost_ = false;
};

Status make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    const int error = errno;
    struct stat info {};
    if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
    if (error == EEXIST) return fail(error_from_errno(ENOTDIR, "make directory " + path));
    return fail(error_from_errno(error, "make directory " + path));
}

Status ended_early() { return fail(Errc::local_io, "copy", "the source is shorter than expected"); }

Status copy_by_hand(DiskFile& from, DiskFile& to, std::uint64_t offset, std::uint64_t end) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(end - offset, 1u << 20));
    while (offset < end) {
        const auto part =
            std::span(buffer).first(std::min<std::uint64_t>(end - offset, buffer.size()));
        ORACX_TRY(const std::size_t count, from.read_at(offset, part));
        if (count == 0) return ended_early();
        ORACX_TRYV(to.write_at(offset, part.first(count)));
        offset += count;
    }
    return {};
}

// Copies one range inside the kernel; by hand from where the kernel can't.
Status copy_range(DiskFile& from, DiskFile& to, std::uint64_t offset, std::uint64_t end) {
    while (offset < end) {
        auto in = static_cast<off64_t>(offset);
        auto out = static_cast<off64_t>(offset);
        const std::size_t wanted = std::min<std::uint64_t>(end - offset, 1u << 30);
        const ssize_t count = uninterrupted(
            [&] { return ::copy_file_range(from.fd(), &in, to.fd(), &out, wanted, 0); });
        if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
            return fail_errno("copy");
        // 0 also comes from file systems that do not support it properly: reading tells the two apart.
        if (count <= 0) return copy_by_hand(from, to, offset, end);
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

// Skips the holes of the source. `to` must be empty: what is not written reads as zeros there.
Status copy_data_only(DiskFile& from, DiskFile& to, std::uint64_t size) {
    std::uint64_t offset = 0;
    while (offset < size) {
        const off_t data = ::lseek(from.fd(), static_cast<off_t>(offset), SEEK_DATA);
        if (data < 0 && errno == ENXIO) break;  // only a hole is left
        if (data < 0) return copy_range(from, to, offset, size);
        const off_t hole = ::lseek(from.fd(), data, SEEK_HOLE);
        if (hole < 0) return copy_range(from, to, offset, size);
        const auto start = std::min(static_cast<std::uint64_t>(data), size);
        const auto end = std::min(static_cast<std::uint64_t>(hole), size);
        ORACX_TRYV(copy_range(from, to, start, end));
        offset = std::max(end, start);
        if (static_cast<std::uint64_t>(data) >= size) break;
    }
    return to.truncate(size);
}

}  // namespace

Result<std::unique_ptr<DiskFile>> SystemDisk::open(const std::string& path, OpenMode mode) {
    int flags = O_CLOEXEC;
    switch (mode) {
        case OpenMode::read_only: flags |= O_RDONLY; break;
        case OpenMode::read_write: flags |= O_RDWR; break;
        case OpenMode::create_new: flags |= O_RDWR | O_CREAT | O_EXCL; break;
    }
    UniqueFd fd(uninterrupted([&] { return ::open(path.c_str(), flags, 0600); }));
    if (!fd) return fail_errno("open " + path);
    return std::make_unique<SystemFile>(std::move(fd), path);
}

Status SystemDisk::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename " + from + " to " + to);
    return {};
}

Status SystemDisk::remove(const std::string& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR && (::rmdir(path.c_str()) == 0 || errno == ENOENT)) return {};
    return fail_errno("remove " + path);
}

Status SystemDisk::make_directories(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        struct stat info {};
        // Looked at first: a parent may exist where we may not create anything (EROFS, EACCES).
        if (::stat(parent.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
        ORACX_TRYV(make_directory(parent));
    }
    return make_directory(path);
}

Status SystemDisk::sync_directory(const std::string& path) {
    const UniqueFd fd(uninterrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) return fail_errno("open directory " + path);
    if (uninterrupted([&] { return ::fsync(fd.get()); }) != 0)
        return fail_errno("sync directory " + path);
    return {};
}

Result<std::vector<DiskEntry>> SystemDisk::list(const std::string& path) {
    UniqueFd fd(uninterrupted(
        [&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) return fail_errno("open directory " + path);
    const Directory directory(::fdopendir(fd.get()));
    if (!directory) return fail_errno("open directory " + path);
    const int directory_fd = fd.release();  // `directory` closes it from here on

    std::vector<DiskEntry> entries;
    for (;;) {
        errno = 0;
        // The stream is ours alone, so readdir is safe here.
        const dirent* const entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe)
        if (entry == nullptr) break;
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        struct stat info {};
        if (::fstatat(directory_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) continue;  // removed since the name was read
            return fail_errno("stat " + path + "/" + name);
        }
        entries.push_back({name, S_ISDIR(info.st_mode), static_cast<std::uint64_t>(info.st_size)});
    }
    if (errno != 0) return fail_errno("list " + path);
    return entries;
}

Result<DiskSpace> SystemDisk::space(const std::string& path) {
    struct statvfs info {};
    if (uninterrupted([&] { return ::statvfs(path.c_str(), &info); }) != 0)
        return fail_errno("ask for free space of " + path);
    return DiskSpace{std::uint64_t{info.f_blocks} * info.f_frsize,
                     std::uint64_t{info.f_bavail} * info.f_frsize};
}

Status SystemDisk::copy(DiskFile& from, DiskFile& to, std::uint64_t size) {
    if (size == 0) return {};
    if (from.fd() < 0 || to.fd() < 0) return copy_by_hand(from, to, 0, size);
    ORACX_TRY(const std::uint64_t source_size, from.size());
    if (source_size < size) return ended_early();
    if (source_size == size && ::ioctl(to.fd(), FICLONE, from.fd()) == 0) return {};
    ORACX_TRY(const std::uint64_t target_size, to.size());
    if (target_size == 0) return copy_data_only(from, to, size);
    return copy_range(from, to, 0, size);
}

}  // namespace oracxfs
