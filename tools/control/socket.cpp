#include "tools/control/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace oracxfs {
namespace {

constexpr int kSendSeconds = 20;
constexpr int kBacklog = 64;

// A socket's address. A long path is reached through a descriptor of its folder.
struct Address {
    sockaddr_un value{};
    UniqueFd folder;
};

Result<Address> address_of(const std::string& path) {
    Address address;
    address.value.sun_family = AF_UNIX;
    std::string text = path;
    if (text.size() >= sizeof address.value.sun_path) {
        const std::filesystem::path full(path);
        address.folder = UniqueFd(::open(full.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!address.folder) return fail(error_from_errno(errno, "open " + full.parent_path().string()));
        text = "/proc/self/fd/" + std::to_string(address.folder.get()) + "/" + full.filename().string();
        if (text.size() >= sizeof address.value.sun_path) return fail(Errc::name_too_long, "use socket " + path);
    }
    std::memcpy(static_cast<char*>(address.value.sun_path), text.c_str(), text.size() + 1);
    return address;
}

const sockaddr* generic(const Address& address) { return reinterpret_cast<const sockaddr*>(&address.value); }

Result<UniqueFd> make_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return fail(error_from_errno(errno, "make a socket"));
    return fd;
}

}  // namespace

Result<UniqueFd> connect_unix(const std::string& path) {
    auto address = address_of(path);
    if (!address) return fail(Errc::daemon_unreachable, "reach the daemon", address.error().why);
    ORACX_TRY(UniqueFd fd, make_socket());
    int result = 0;
    do {
        result = ::connect(fd.get(), generic(*address), sizeof address->value);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        const Error error = error_from_errno(errno, "connect");
        return fail(Errc::daemon_unreachable, "reach the daemon at " + path, error.why);
    }
    return fd;
}

Result<UniqueFd> listen_unix(const std::string& path) {
    ORACX_TRY(const Address address, address_of(path));
    ORACX_TRY(UniqueFd fd, make_socket());
    // The caller owns the state's lock, so a socket that is there belongs to a daemon that died.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(error_from_errno(errno, "replace " + path));
    if (::bind(fd.get(), generic(address), sizeof address.value) != 0) return fail(error_from_errno(errno, "listen at " + path));
    // Its folder is 0700, so nobody got in between.
    if (::chmod(path.c_str(), 0600) != 0) return fail(error_from_errno(errno, "protect " + path));
    if (::listen(fd.get(), kBacklog) != 0) return fail(error_from_errno(errno, "listen at " + path));
    return fd;
}

Result<std::string> LineChannel::read_line(const std::stop_token& stop, Millis patience) {
    // poll() knows nothing of stop tokens: this descriptor carries the news.
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail(error_from_errno(errno, "make an event descriptor"));
    const std::stop_callback on_stop(stop, [&wake] { (void)::eventfd_write(wake.get(), 1); });
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched_);
        if (end != std::string::npos) {
            std::string line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            searched_ = 0;
            return line;
        }
        searched_ = buffer_.size();
        if (buffer_.size() > line_bytes_max_) return fail(Errc::too_large, "read a line", "it is longer than allowed");
        const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return fail(Errc::deadline, "read a line", "nothing came");
        std::array<pollfd, 2> fds = {pollfd{fd_.get(), POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
        if (ready < 0 && errno != EINTR) return fail(error_from_errno(errno, "wait for a line"));
        if (stop.stop_requested()) return fail(Errc::cancelled, "read a line");
        if (ready <= 0 || fds[0].revents == 0) continue;
        std::array<char, 16 << 10> chunk{};
        const ssize_t got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0)
            return fail(got == 0 && buffer_.empty() ? Errc::not_found : Errc::unavailable, "read a line", "the peer closed the connection");
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    }
}

Status LineChannel::write_line(std::string_view line) {
    const timeval patience{kSendSeconds, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    std::string text(line);
    text += '\n';
    std::string_view rest = text;
    while (!rest.empty()) {
        const ssize_t put = ::send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fail(Errc::unavailable, "answer", "the peer is gone");
        rest.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

}  // namespace oracxfs
