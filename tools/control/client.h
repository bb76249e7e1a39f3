#pragma once
// The other end of the control socket.

#include <functional>
#include <string>

#include "base/json.h"
#include "base/op_context.h"
#include "tools/control/handlers.h"
#include "tools/control/socket.h"

namespace oracxfs {

class ControlClient {
  public:
    static Result<ControlClient> connect(const std::string& socket);  // daemon_unreachable

    // Sends one request and waits for its result; events go to `on_event`. Errors: the handler's own, daemon_unreachable
    // (the daemon ended meanwhile), cancelled (ctx.stop; the daemon cancels the request when this object goes away).
    Result<Json> call(const std::string& command, Json args, const OpContext& ctx, const Emit& on_event = {});

  private:
    explicit ControlClient(UniqueFd fd) : channel_(std::move(fd), 256u << 20) {}
    LineChannel channel_;
};

}  // namespace oracxfs
