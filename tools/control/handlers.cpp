#include "tools/control/handlers.h"

#include <exception>

namespace oracxfs {

std::vector<std::string> HandlerRegistry::commands() const {
    std::vector<std::string> names;
    for (const auto& [name, handler] : handlers_) names.push_back(name);
    return names;
}

Result<Json> HandlerRegistry::call(const std::string& command, const Json& args, const OpContext& ctx, const Emit& emit) const {
    const auto found = handlers_.find(command);
    if (found == handlers_.end()) return fail(Errc::usage, "unknown command \"" + command + "\"");
    try {
        return found->second(args, ctx, emit);
    } catch (const std::exception& error) {
        return fail(Errc::internal, command, error.what());
    }
}

}  // namespace oracxfs
