#pragma once
// Notices go out into the world. An address that only means something on this machine or its own link (loopback,
// link-local, unspecified) is refused unless it is listed: whoever may set an address must not be able to reach services
// that trust this machine. The address that a name resolves to is checked, too.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

struct sockaddr;

namespace oracxfs {

bool is_local_address(const sockaddr& address);
// `listed`: entries of notify.allowed_local, "host" or "host:port" ("[::1]:8080").
bool is_listed(const std::vector<std::string>& listed, const std::string& host, std::uint16_t port);
// What may be connected to for a target at `host`:`port`.
std::function<bool(const sockaddr&)> address_check(const std::vector<std::string>& listed, const std::string& host, std::uint16_t port);

}  // namespace oracxfs
