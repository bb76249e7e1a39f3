#include "tools/admin/admin_context.h"

#include <algorithm>
#include <charconv>

#include "tools/control/envelope.h"

namespace oracxfs {

Result<Json> AdminContext::ask(const ApiCall& call, const std::string& command, Json args, Json* rows) const {
    if (!env.handlers.has(command)) return fail(Errc::unsupported, command, "this program can't do it");
    const OpContext ctx{call.stop, std::nullopt};
    return env.handlers.call(command, args, ctx, [&](const Json& event) {
        if (rows == nullptr) return;
        if (const Json* list = event.find("rows"))
            for (const Json& row : list->items()) rows->push(row);
        else if (event["type"].as_string() == "event")
            rows->push(event);
    });
}

void AdminContext::audit(const ApiCall& call, const std::string& what) const {
    const auto config = env.config();
    const std::string who = call.who.scope == Scope::none ? "somebody" : call.who.token.empty() ? "admin" : "token " + call.who.name;
    env.event("info", "admin", what + ", by " + who + " from " + source_of(call.request, *config), "");
}

std::string source_of(const HttpRequest& request, const Config& config) {
    if (config.admin.behind_proxy) {
        // The proxy adds to the end what it sees itself; what stands before that, anybody may have written.
        if (auto forwarded = request.header("x-forwarded-for")) {
            std::string last = forwarded->substr(forwarded->rfind(',') == std::string::npos ? 0 : forwarded->rfind(',') + 1);
            std::erase_if(last, [](char c) { return c == ' ' || static_cast<unsigned char>(c) < 32; });
            if (!last.empty() && last.size() <= 64) return last;
        }
    }
    return request.peer;
}

bool is_secure(const HttpRequest& request, const Config& config) {
    return request.secure || (config.admin.behind_proxy && request.header("x-forwarded-proto").value_or("") == "https");
}

// Cookies know no ports: two programs on one machine must not sign each other out.
std::string cookie_name(const HttpRequest& request) { return "oracxfs_session_" + std::to_string(request.port); }

Status allow_members(const Json& body, std::span<const std::string_view> names) {
    if (body.is_null()) return {};
    if (!body.is_object()) return fail(Errc::invalid, "read the request", "its body must be a JSON object");
    for (const auto& [key, value] : body.members())
        if (std::find(names.begin(), names.end(), key) == names.end()) return fail(Errc::invalid, "read the request", "\"" + key + "\" is not known here");
    return {};
}

Result<std::int64_t> query_number(const HttpRequest& request, std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    if (!request.has_query(name)) return otherwise;
    const std::string text = request.query_value(name);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return fail(Errc::invalid, "read " + std::string(name), "a whole number from " + std::to_string(least) + " to " + std::to_string(most) + " is needed");
    return value;
}

std::string query_bytes(const HttpRequest& request, std::string_view name) {
    const std::string encoded = std::string(name) + "_b64";
    Json pair = Json::object({{std::string(name), request.query_value(name)}});
    if (request.has_query(encoded)) pair.set(encoded, request.query_value(encoded));
    return get_bytes(pair, name);
}

}  // namespace oracxfs
