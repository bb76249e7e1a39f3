#include "providers/ftp/ftp_sockets.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace oracxfs::ftp {
namespace {

std::uint16_t port_of(const curl_sockaddr& address) {
    if (address.family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address.addr).sin_port);
    if (address.family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address.addr).sin6_port);
    return 0;
}

}  // namespace

void FtpSockets::shut_down() {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) (void)::shutdown(fd, SHUT_RDWR);
}

std::uint64_t FtpSockets::unacknowledged_bytes() const {
    const std::lock_guard lock(mutex_);
    int bytes = 0;
    if (data_ < 0 || ::ioctl(data_, SIOCOUTQ, &bytes) != 0) return 0;
    return static_cast<std::uint64_t>(std::max(bytes, 0));
}

curl_socket_t FtpSockets::open(const curl_sockaddr& address) {
    const bool control = port_of(address) == control_port_;
    if (control && control_forbidden_) {
        control_refused_ = true;
        return CURL_SOCKET_BAD;
    }
    const int fd = ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    if (!control) data_ = fd;
    return fd;
}

curl_socket_t FtpSockets::open_hook(void* self, curlsocktype, curl_sockaddr* address) {
    return static_cast<FtpSockets*>(self)->open(*address);
}

int FtpSockets::close_hook(void* self, curl_socket_t fd) {
    auto& sockets = *static_cast<FtpSockets*>(self);
    const std::lock_guard lock(sockets.mutex_);
    std::erase(sockets.open_, fd);
    if (sockets.data_ == fd) sockets.data_ = -1;
    return ::close(fd);  // under the lock: its number may be somebody else's at once
}

}  // namespace oracxfs::ftp
