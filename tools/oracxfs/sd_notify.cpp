#include "tools/oracxfs/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"

namespace oracxfs {

void sd_notify(std::string_view message) {
    const char* name = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (name == nullptr || (name[0] != '/' && name[0] != '@')) return;
    const std::string path = name;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(static_cast<char*>(address.sun_path), path.data(), path.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    (void)::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
}

// WATCHDOG_USEC and WATCHDOG_PID as in sd_watchdog_enabled(3).
std::optional<Millis> watchdog_interval() {
    const auto number = [](const char* name) -> std::optional<std::int64_t> {
        const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
        if (text == nullptr) return std::nullopt;
        const std::string_view digits = text;
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (error != std::errc{} || end != digits.data() + digits.size() || value <= 0) return std::int64_t{0};
        return value;
    };
    const auto microseconds = number("WATCHDOG_USEC");
    if (!microseconds || *microseconds < 2'000) return std::nullopt;
    if (const auto pid = number("WATCHDOG_PID"); pid && *pid != ::getpid()) return std::nullopt;
    return Millis(*microseconds / 1'000);
}

}  // namespace oracxfs
