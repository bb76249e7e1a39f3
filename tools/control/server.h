#pragma once
// The daemon's control socket: run/control.sock, for this user and root only.
//
// A request is one line {"command": "...", "args": {...}}; the answer is any number of event lines and a last line
// {"type": "result", ...envelope}. Requests on one connection are answered one after the other; connections are served at
// once, each by a thread of a pool that grows on demand. A client that goes away cancels its request.

#include <memory>
#include <string>

#include "tools/control/handlers.h"

namespace oracxfs {

struct ControlServerOptions {
    std::string socket;                        // its folder is created with mode 0700
    std::size_t request_bytes_max = 1u << 20;
    unsigned connections_max = 64;             // more are answered with busy
    Millis idle{60'000};                       // a connection without a request is closed after this
};

class ControlServer {
  public:
    // Listens at once; requests are served until stop(). `handlers` outlives the server.
    static Result<std::unique_ptr<ControlServer>> start(const ControlServerOptions& options, const HandlerRegistry& handlers);
    virtual ~ControlServer() = default;
    // Cancels the requests that are running, waits for them, removes the socket. Not from a handler.
    virtual void stop() = 0;
};

}  // namespace oracxfs
