#include "tools/control/client.h"

#include "tools/control/envelope.h"

namespace oracxfs {
namespace {
constexpr Millis kForever{365ll * 86'400'000};
constexpr JsonLimits kAnswerLimits{256u << 20, 64, false};
}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& socket) {
    ORACX_TRY(UniqueFd fd, connect_unix(socket));
    return ControlClient(std::move(fd));
}

Result<Json> ControlClient::call(const std::string& command, Json args, const OpContext& ctx, const Emit& on_event) {
    const auto gone = [&](std::string why) { return fail(Errc::daemon_unreachable, "ask the daemon: " + command, std::move(why)); };
    // A server that turns us away has answered already and takes nothing: its answer tells more than our failure.
    const Status sent = channel_.write_line(Json::object({{"command", command}, {"args", std::move(args)}}).dump());
    for (;;) {
        const auto line = channel_.read_line(ctx.stop, kForever);
        if (!line && line.error().code == Errc::cancelled) return fail(line.error());
        if (!line) return gone(sent ? "it ended before it answered" : "it ended the connection");
        const auto message = parse_json(*line, kAnswerLimits);
        if (!message) return gone("its answer is not understood: " + message.error().why);
        if ((*message)["type"].as_string() != "result") {
            if (on_event) on_event(*message);
            continue;
        }
        if (const Json& error = (*message)["error"]; error.is_object()) return fail(error_from_json(error));
        return (*message)["data"];
    }
}

}  // namespace oracxfs
