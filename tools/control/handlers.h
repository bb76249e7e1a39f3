#pragma once
// Commands by name. The same handlers answer the control socket and, when no daemon runs, the command line itself.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/op_context.h"

namespace oracxfs {

// Sends one event on the way ("progress", "rows", ...). Never fails: a client that is gone requests ctx.stop.
using Emit = std::function<void(const Json& event)>;
using Handler = std::function<Result<Json>(const Json& args, const OpContext& ctx, const Emit& emit)>;

// Filled before it is used; constant and thread-safe afterwards.
class HandlerRegistry {
  public:
    void add(std::string command, Handler handler) { handlers_[std::move(command)] = std::move(handler); }
    [[nodiscard]] bool has(const std::string& command) const { return handlers_.contains(command); }
    [[nodiscard]] std::vector<std::string> commands() const;
    // usage when the command is not known; what a handler throws becomes internal.
    Result<Json> call(const std::string& command, const Json& args, const OpContext& ctx, const Emit& emit) const;

  private:
    std::map<std::string, Handler> handlers_;
};

}  // namespace oracxfs
