#include "tools/packager/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace oracxfs {
namespace {

constexpr std::size_t kBufferBytes = 512u << 10;

Result<std::size_t> read_fully(int fd, std::uint64_t offset, std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t count = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(error_from_errno(errno, "read"));
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    return done;
}

Status write_fully(int fd, std::span<const std::byte> data) {
    while (!data.empty()) {
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(error_from_errno(errno, "write a temporary file"));
        data = data.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<UniqueFd> create(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail(error_from_errno(errno, "create " + path));
    return fd;
}

}  // namespace

std::function<Result<std::size_t>(std::span<std::byte>)> file_input(const UniqueFd& fd) {
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return [number = fd.get(), offset = std::uint64_t{0}](std::span<std::byte> into) mutable -> Result<std::size_t> {
        ORACX_TRY(const std::size_t count, read_fully(number, offset, into));
        offset += count;
        return count;
    };
}

Result<UniqueFd> copy_to_temporary(const UniqueFd& from, const std::string& path, std::uint64_t size, const std::stop_token& stop) {
    ORACX_TRY(UniqueFd to, create(path));
    ::unlink(path.c_str());
    if (::ioctl(to.get(), FICLONE, from.get()) == 0) return to;
    std::vector<std::byte> buffer(kBufferBytes);
    for (std::uint64_t done = 0; done < size;) {
        if (stop.stop_requested()) return fail(Errc::cancelled, "copy");
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - done));
        ORACX_TRY(const std::size_t count, read_fully(from.get(), done, std::span(buffer).first(wanted)));
        if (count == 0) break;
        ORACX_TRYV(write_fully(to.get(), std::span(buffer).first(count)));
        done += count;
    }
    return to;
}

Result<Sha256> hash_file(const UniqueFd& fd, std::uint64_t size, const std::stop_token& stop) {
    std::vector<std::byte> buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kBufferBytes, size)));
    Sha256Hasher hasher;
    for (std::uint64_t done = 0; done < size;) {
        if (stop.stop_requested()) return fail(Errc::cancelled, "read");
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - done));
        ORACX_TRY(const std::size_t count, read_fully(fd.get(), done, std::span(buffer).first(wanted)));
        if (count == 0) return fail(Errc::local_io, "read", "the file has become shorter");
        hasher.update(std::span(buffer).first(count));
        done += count;
    }
    return hasher.finish();
}

Result<Sha256> spool(const std::function<Result<std::size_t>(std::span<std::byte>)>& input, const std::string& path) {
    ORACX_TRY(const UniqueFd fd, create(path));
    std::vector<std::byte> buffer(kBufferBytes);
    Sha256Hasher hasher;
    for (;;) {
        ORACX_TRY(const std::size_t count, input(buffer));
        if (count == 0) return hasher.finish();
        ORACX_TRYV(write_fully(fd.get(), std::span(buffer).first(count)));
        hasher.update(std::span(buffer).first(count));
    }
}

}  // namespace oracxfs
