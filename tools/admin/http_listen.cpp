// Addresses to listen at.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "tools/admin/http_listen.h"

namespace oracxfs {
namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

std::optional<SocketAddress> socket_address(const ListenAddress& address) {
    SocketAddress result;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    if (::inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address.port);
        result.length = sizeof *v4;
        return result;
    }
    if (::inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address.port);
        result.length = sizeof *v6;
        return result;
    }
    return std::nullopt;
}

}  // namespace

bool ListenAddress::is_loopback() const { return host.starts_with("127.") || host == "::1"; }

std::string ListenAddress::to_string() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
    const auto refuse = [&] { return fail(Errc::invalid, "listen on " + std::string(text), "give an address and a port, as \"127.0.0.1:10000\" or \"[::1]:10000\""); };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return refuse();
    ListenAddress address;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    address.host = host == "localhost" ? "127.0.0.1" : std::string(host);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (port.empty() || error != std::errc() || end != port.data() + port.size() || !socket_address(address)) return refuse();
    return address;
}

Result<ListeningSocket> listen_on(const ListenAddress& address) {
    const std::string what = "listen on " + address.to_string();
    const auto target = socket_address(address);
    if (!target) return fail(Errc::invalid, what, "this is no address");
    ListeningSocket listening{UniqueFd(::socket(target->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), address};
    if (!listening.fd) return fail(errno == EAFNOSUPPORT ? Error(Errc::unsupported, what, "this machine does not speak that protocol") : error_from_errno(errno, what));
    const int on = 1;
    ::setsockopt(listening.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (target->storage.ss_family == AF_INET6) ::setsockopt(listening.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(listening.fd.get(), reinterpret_cast<const sockaddr*>(&target->storage), target->length) != 0 || ::listen(listening.fd.get(), 256) != 0) {
        if (errno == EADDRINUSE) return fail(Errc::busy, what, "another program holds this port");
        if (errno == EADDRNOTAVAIL) return fail(Errc::unsupported, what, "this machine has no such address");
        return fail(error_from_errno(errno, what));
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (::getsockname(listening.fd.get(), reinterpret_cast<sockaddr*>(&bound), &length) != 0) return fail(error_from_errno(errno, what));
    listening.address.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
    return listening;
}

std::string address_text(const sockaddr* address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address == nullptr) return "";
    if (address->sa_family == AF_INET) ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text, sizeof text);
    if (address->sa_family == AF_INET6) ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text, sizeof text);
    return text;
}

}  // namespace oracxfs
