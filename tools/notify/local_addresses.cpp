#include "tools/notify/local_addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace oracxfs {
namespace {

bool is_local_v4(std::uint32_t host_order) {
    return host_order >> 24 == 127 || host_order >> 24 == 0 || host_order >> 16 == 0xa9fe;  // 127/8, 0/8, 169.254/16
}

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

}  // namespace

bool is_local_address(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &address, sizeof v4);
        return is_local_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (address.sa_family != AF_INET6) return true;  // nothing that leads into the world
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    const in6_addr& ip = v6.sin6_addr;
    if (IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_UNSPECIFIED(&ip) || IN6_IS_ADDR_LINKLOCAL(&ip)) return true;
    const bool carries_v4 = IN6_IS_ADDR_V4MAPPED(&ip) || IN6_IS_ADDR_V4COMPAT(&ip);
    std::uint32_t inner = 0;
    std::memcpy(&inner, ip.s6_addr + 12, sizeof inner);
    return carries_v4 && is_local_v4(ntohl(inner));
}

bool is_listed(const std::vector<std::string>& listed, const std::string& host, std::uint16_t port) {
    const std::string name = lower(host);
    const bool bare_v6 = name.find(':') != std::string::npos && !name.starts_with('[');
    const std::string spelled = bare_v6 ? "[" + name + "]" : name;
    return std::any_of(listed.begin(), listed.end(), [&](const std::string& entry) {
        const std::string one = lower(entry);
        return one == spelled || one == name || one == spelled + ":" + std::to_string(port);
    });
}

std::function<bool(const sockaddr&)> address_check(const std::vector<std::string>& listed, const std::string& host, std::uint16_t port) {
    if (is_listed(listed, host, port)) return [](const sockaddr&) { return true; };
    return [](const sockaddr& address) { return !is_local_address(address); };
}

}  // namespace oracxfs
