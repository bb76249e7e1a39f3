#pragma once
// The sockets of one connection. libcurl opens and closes them through here, so that another thread can end a wait that
// libcurl itself would only end after a minute (the answer after the last byte is awaited in one blocking call).

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include <curl/curl.h>

namespace oracxfs::ftp {

// Thread-safe.
class FtpSockets {
  public:
    explicit FtpSockets(std::uint16_t control_port) : control_port_(control_port) {}

    // No control connection but the one that exists may be opened from now on: libcurl would silently sign in again
    // when the server has closed an idle one.
    void forbid_control(bool forbidden) { control_forbidden_ = forbidden; }
    // libcurl wanted to: the idle connection was dead, and nothing had been sent.
    [[nodiscard]] bool control_was_refused() const { return control_refused_; }

    void shut_down();
    // What has been handed over for the data connection and is not acknowledged by the peer. 0 if there is none.
    [[nodiscard]] std::uint64_t unacknowledged_bytes() const;

    // For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION.
    static curl_socket_t open_hook(void* self, curlsocktype purpose, curl_sockaddr* address);
    static int close_hook(void* self, curl_socket_t fd);

  private:
    curl_socket_t open(const curl_sockaddr& address);

    const std::uint16_t control_port_;
    std::atomic<bool> control_forbidden_ = false, control_refused_ = false;
    mutable std::mutex mutex_;
    std::vector<int> open_;
    int data_ = -1;
};

}  // namespace oracxfs::ftp
