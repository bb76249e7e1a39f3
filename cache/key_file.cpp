#include "cache/key_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/unique_fd.h"

namespace oracxfs {
namespace {

tl::unexpected<Error> failed(int err, const char* what, const std::string& path) {
    return fail(error_from_errno(err, std::string(what) + " " + path));
}

Status check_private(const struct stat& status, const std::string& path) {
    if ((status.st_mode & 077) == 0) return {};
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%o", static_cast<unsigned>(status.st_mode & 0777));
    return fail(Errc::denied, "open " + path,
                "its mode is " + std::string(mode.data()) + ": others can get at it; `chmod 600` it, and think about what they saw");
}

Status write_fully(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(errno, "write", path);
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

}  // namespace

Status check_private(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return check_private(status, path);
    if (errno == ENOENT) return {};
    return failed(errno, "open", path);
}

bool KeyFile::exists() const {
    struct stat status {};
    return ::stat(path_.c_str(), &status) == 0 || errno != ENOENT;
}

Result<SecretKey> KeyFile::read(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed(errno, "open", path);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return failed(errno, "open", path);
    ORACX_TRYV(check_private(status, path));

    WipedString text(std::string(256, '\0'));  // longer is no key either
    std::size_t size = 0;
    while (size < text.value.size()) {
        const ssize_t count = ::read(fd.get(), text.value.data() + size, text.value.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed(errno, "read", path);
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    auto key = SecretKey::from_hex(std::string_view(text.value).substr(0, size));
    if (!key) return fail(Errc::invalid, "read " + path, "it does not hold 64 hex digits");
    return std::move(*key);
}

Status KeyFile::write_new(const SecretKey& key) const {
    ORACX_TRYV(remove(new_path_));
    const UniqueFd fd(::open(new_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return failed(errno, "create", new_path_);
    WipedString text(key.to_hex());
    ORACX_TRYV(write_fully(fd.get(), text.value, new_path_));
    ORACX_TRYV(write_fully(fd.get(), "\n", new_path_));
    if (::fsync(fd.get()) != 0) return failed(errno, "sync", new_path_);
    return sync_folder();
}

Status KeyFile::adopt_new() const {
    if (::rename(new_path_.c_str(), path_.c_str()) != 0) return failed(errno, "rename to", path_);
    return sync_folder();
}

Status KeyFile::remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(errno, "remove", path);
    return {};
}

Status KeyFile::sync_folder() const {
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return failed(errno, "sync", folder);
    return {};
}

}  // namespace oracxfs
