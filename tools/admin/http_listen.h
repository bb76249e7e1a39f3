#pragma once
// Sockets that wait for connections.

#include <sys/socket.h>

#include <string>

#include "base/unique_fd.h"
#include "tools/admin/http_server.h"

namespace oracxfs {

struct ListeningSocket {
    UniqueFd fd;
    ListenAddress address;  // with the port that was given for 0
};
// busy: another program has it. unsupported: this machine has no such address (no IPv6, say).
Result<ListeningSocket> listen_on(const ListenAddress& address);

std::string address_text(const sockaddr* address);  // "127.0.0.1"

}  // namespace oracxfs
