#include "tools/oracxfs/state_lock.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/json.h"

namespace oracxfs {
namespace {

// The kernel offers no wait with a time limit for these locks; the pauses are short against a process that ends.
constexpr Millis kLookPause{10};

struct flock whole_file(short type) {
    struct flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    return request;
}

LockOwner read_owner(int fd) {
    std::array<char, 16 << 10> buffer{};
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), 0);
    LockOwner owner;
    if (got <= 0) return owner;
    const auto json = parse_json({buffer.data(), static_cast<std::size_t>(got)});
    if (!json) return owner;
    owner.pid = static_cast<pid_t>((*json)["pid"].as_int());
    owner.daemon = (*json)["daemon"].as_bool();
    owner.socket = (*json)["socket"].as_string();
    owner.mount_point = (*json)["mount_point"].as_string();
    return owner;
}

bool is_held(int fd) {
    struct flock request = whole_file(F_WRLCK);
    return ::fcntl(fd, F_OFD_GETLK, &request) == 0 && request.l_type != F_UNLCK;
}

tl::unexpected<Error> busy(const LockOwner& owner) {
    std::string why = owner.daemon ? "a daemon" : "another command";
    if (owner.pid > 0) why += " (process " + std::to_string(owner.pid) + ")";
    why += owner.mount_point.empty() ? " uses this state" : " serves it at " + owner.mount_point;
    return fail(Errc::busy, "use the state", std::move(why));
}

}  // namespace

Result<StateLock> StateLock::acquire(const std::string& file, const LockOwner& self, Millis patience) {
    const std::string folder = std::filesystem::path(file).parent_path().string();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return fail(error_from_errno(error.value(), "create " + folder));
    UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail(error_from_errno(errno, "open " + file));
    SystemClock clock;
    const SteadyTime deadline = clock.steady() + patience;
    for (;;) {
        struct flock request = whole_file(F_WRLCK);
        if (::fcntl(fd.get(), F_OFD_SETLK, &request) == 0) break;
        if (errno != EAGAIN && errno != EACCES) return fail(error_from_errno(errno, "lock " + file));
        const LockOwner owner = read_owner(fd.get());
        if (owner.daemon || clock.steady() >= deadline) return busy(owner);
        clock.sleep_for(kLookPause, {});
    }
    StateLock lock(std::move(fd));
    ORACX_TRYV(lock.describe(self));
    return lock;
}

std::optional<LockOwner> StateLock::owner(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || !is_held(fd.get())) return std::nullopt;
    return read_owner(fd.get());
}

Status StateLock::wait_until_free(const std::string& file, Millis patience) {
    const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return {};
    SystemClock clock;
    const SteadyTime deadline = clock.steady() + patience;
    while (is_held(fd.get())) {
        if (clock.steady() >= deadline) return fail(Errc::deadline, "wait for the daemon to end");
        clock.sleep_for(kLookPause, {});
    }
    return {};
}

Status StateLock::describe(const LockOwner& self) {
    const std::string text = Json::object({{"pid", std::int64_t{self.pid}},
                                           {"daemon", self.daemon},
                                           {"socket", self.socket},
                                           {"mount_point", self.mount_point}})
                                 .dump() + "\n";
    if (::ftruncate(fd_.get(), 0) != 0 || ::pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
        return fail(error_from_errno(errno, "write the lock file"));
    return {};
}

}  // namespace oracxfs
