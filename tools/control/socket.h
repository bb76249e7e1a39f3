#pragma once
// A UNIX stream socket that carries one JSON value a line.

#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/unique_fd.h"

namespace oracxfs {

// Connects or listens at `path`, also where it is longer than the 107 bytes of a socket address.
Result<UniqueFd> connect_unix(const std::string& path);  // daemon_unreachable
Result<UniqueFd> listen_unix(const std::string& path);   // replaces a left-over socket; mode 0600

// One end of a connection. One thread at a time reads, one writes.
class LineChannel {
  public:
    LineChannel(UniqueFd fd, std::size_t line_bytes_max) : fd_(std::move(fd)), line_bytes_max_(line_bytes_max) {}

    // The next line without its line feed. Errors: not_found (the peer closed between lines), unavailable (closed or
    // broken within a line), too_large, cancelled, deadline (nothing came within `patience`).
    Result<std::string> read_line(const std::stop_token& stop, Millis patience);
    // Errors: unavailable (the peer is gone or takes nothing for 20 s).
    Status write_line(std::string_view line);
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    UniqueFd fd_;
    const std::size_t line_bytes_max_;
    std::string buffer_;
    std::size_t searched_ = 0;
};

}  // namespace oracxfs
