#include "providers/local/part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "providers/wait.h"

namespace oracxfs::local {
namespace {

// Small enough that waiting for one window is no noticeable pause, big enough for the disk to stream.
constexpr std::uint64_t kWindowBytes = 4ull << 20;
constexpr std::size_t kBufferBytes = 256u << 10;
constexpr std::size_t kHoleBytesMin = 64u << 10;

bool all_zero(std::span<const std::byte> data) {
    return data[0] == std::byte{0} && std::memcmp(data.data(), data.data() + 1, data.size() - 1) == 0;
}

bool unsupported(int err) { return err == EINVAL || err == ENOSYS || err == EOPNOTSUPP || err == ESPIPE; }

// Errors of the write-back itself are reported here once and then forgotten by the kernel: they must not be dropped.
Status write_out(int fd, std::uint64_t from, std::uint64_t to, unsigned flags, const ObjectKey& key) {
    if (::sync_file_range(fd, static_cast<off_t>(from), static_cast<off_t>(to - from), flags) == 0 ||
        unsupported(errno))
        return {};
    return fail(io_error(errno, "write out", key));
}

int link_unnamed(int fd, int directory, const std::string& name) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    if (::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return 0;
    const int err = errno;
    if (err == EEXIST) return err;
    // Without /proc there is another way, which older kernels allow only to root.
    if (::linkat(fd, "", directory, name.c_str(), AT_EMPTY_PATH) == 0) return 0;
    return errno == EEXIST ? EEXIST : err;
}

}  // namespace

Status hash_range(int fd, std::uint64_t from, std::uint64_t to, std::span<std::byte> buffer,
                  Sha256Hasher& hasher, const ObjectKey& key) {
    ::posix_fadvise(fd, static_cast<off_t>(from), static_cast<off_t>(to - from),
                    POSIX_FADV_DONTNEED);
    while (from < to) {
        const std::size_t want = std::min<std::uint64_t>(buffer.size(), to - from);
        const ssize_t got = ::pread(fd, buffer.data(), want, static_cast<off_t>(from));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(io_error(errno, "read back", key));
        if (got == 0)
            return fail(Error(Errc::corrupt, "read back", "the file is shorter than it was written")
                            .with_path(key));
        hasher.update(buffer.first(static_cast<std::size_t>(got)));
        from += static_cast<std::uint64_t>(got);
    }
    return {};
}

PartFile::PartFile(const Folder& folder, UniqueFd fd, std::string name, ObjectKey key)
    : folder_(&folder),
      fd_(std::move(fd)),
      part_name_(std::move(name)),
      key_(std::move(key)) {}

PartFile::~PartFile() {
    if (fd_ && !part_name_.empty()) ::unlinkat(folder_->root(), part_name_.c_str(), 0);
}

Result<PartFile> PartFile::create(const Folder& folder, const std::string& upload_id,
                                  const ObjectKey& key) {
    constexpr int kFlags = O_RDWR | O_CLOEXEC;
    if (folder.features().tmpfile) {
        UniqueFd fd(::openat(folder.root(), ".", O_TMPFILE | kFlags, 0666));
        if (fd) return PartFile(folder, std::move(fd), "", key);
        // EISDIR and ENOENT come from kernels and file systems that see only the O_DIRECTORY in the flag.
        if (!unsupported(errno) && errno != EISDIR && errno != ENOENT)
            return fail(io_error(errno, "create", key));
        folder.features().tmpfile = false;
    }
    const std::string name = part_name(upload_id);
    constexpr int kCreateFlags = kFlags | O_CREAT | O_EXCL | O_NOFOLLOW;
    UniqueFd fd(::openat(folder.root(), name.c_str(), kCreateFlags, 0666));
    if (!fd && errno == EEXIST) {
        // Left by an earlier attempt of this very upload; this kind of provider starts from the beginning.
        ::unlinkat(folder.root(), name.c_str(), 0);
        fd.reset(::openat(folder.root(), name.c_str(), kCreateFlags, 0666));
    }
    if (!fd) return fail(io_error(errno, "create", key));
    return PartFile(folder, std::move(fd), name, key);
}

Status PartFile::append(std::span<const std::byte> data) {
    if (data.size() >= kHoleBytesMin && all_zero(data)) {
        size_ += data.size();
        if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0)
            return fail(io_error(errno, "write", key_));
        data = {};
    }
    while (!data.empty()) {
        const ssize_t put = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(size_));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(io_error(errno, "write", key_));
        size_ += static_cast<std::uint64_t>(put);
        data = data.subspan(static_cast<std::size_t>(put));
    }
    while (size_ - started_ >= kWindowBytes) {
        const std::uint64_t end = started_ + kWindowBytes;
        ORACX_TRYV(write_out(fd_.get(), started_, end, SYNC_FILE_RANGE_WRITE, key_));
        ORACX_TRYV(settle_before(started_));
        started_ = end;
    }
    return {};
}

// Waits until everything before `end` is on the disk and reads it back, while the window after it is being written.
Status PartFile::settle_before(std::uint64_t end) {
    if (end <= verified_) return {};
    ORACX_TRYV(write_out(
        fd_.get(), verified_, end,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER, key_));
    return read_back(end);
}

Status PartFile::read_back(std::uint64_t end) {
    if (buffer_.empty()) buffer_.resize(std::min<std::uint64_t>(end - verified_, kBufferBytes));
    ORACX_TRYV(hash_range(fd_.get(), verified_, end, buffer_, hasher_, key_));
    verified_ = end;
    return {};
}

void PartFile::start_flush() {
    // A failure shows up again in flush(), which fsyncs.
    if (size_ > started_)
        ::sync_file_range(fd_.get(), static_cast<off_t>(started_),
                          static_cast<off_t>(size_ - started_), SYNC_FILE_RANGE_WRITE);
}

Status PartFile::flush(std::int64_t mtime_ns) {
    if (mtime_ns != 0) {
        constexpr std::int64_t kNanos = 1'000'000'000;
        timespec time{};
        time.tv_sec = mtime_ns / kNanos;
        time.tv_nsec = static_cast<long>(mtime_ns % kNanos);
        if (time.tv_nsec < 0) {
            time.tv_nsec += kNanos;
            --time.tv_sec;
        }
        const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, time};
        // A file system that cannot keep this time keeps its own; the content is what counts.
        if (::futimens(fd_.get(), times) != 0 && errno != EPERM && errno != EINVAL)
            return fail(io_error(errno, "set time", key_));
    }
    if (::fsync(fd_.get()) != 0) return fail(io_error(errno, "sync", key_));
    return {};
}

Status PartFile::verify(const OpContext& ctx, const Clock& clock, const Sha256& expected) {
    while (verified_ < size_) {
        ORACX_TRYV(still_wanted(ctx, clock));
        ORACX_TRYV(read_back(std::min(size_, verified_ + kWindowBytes)));
    }
    if (hasher_.finish() == expected) return {};
    return fail(Error(Errc::corrupt, "read back", "the disk returns other bytes than were written")
                    .with_path(key_));
}

int PartFile::publish(int directory, const std::string& name) {
    if (part_name_.empty()) return link_unnamed(fd_.get(), directory, name);
    const int err = rename_no_replace(folder_->features(), folder_->root(), part_name_, directory, name);
    if (err == 0) part_name_.clear();
    return err;
}

int PartFile::publish_as_part(const std::string& upload_id) {
    if (!part_name_.empty()) {
        part_name_.clear();  // it is there already
        return 0;
    }
    const std::string name = part_name(upload_id);
    const int err = publish(folder_->root(), name);
    if (err != EEXIST) return err;
    ::unlinkat(folder_->root(), name.c_str(), 0);
    return publish(folder_->root(), name);
}

Result<struct stat> PartFile::status() const {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return fail(io_error(errno, "look at", key_));
    return status;
}

}  // namespace oracxfs::local
