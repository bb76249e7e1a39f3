#include "tools/control/envelope.h"

#include <algorithm>

#include "base/clock.h"

namespace oracxfs {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string from_base64(std::string_view text) {
    std::string bytes;
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const std::size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) break;
        group = group << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(group >> bits & 0xff);
    }
    return bytes;
}

Json list_of(const std::vector<std::string>& texts) {
    Json list = Json::array();
    for (const std::string& text : texts) list.push(text);
    return list;
}

}  // namespace

std::string base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (std::size_t j = 0; j < 4; ++j) text += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

bool is_utf8(std::string_view bytes) {
    // dump() replaces what is not UTF-8, so a round trip tells.
    const auto parsed = parse_json(Json(bytes).dump());
    return parsed && parsed->as_string() == bytes;
}

void set_bytes(Json& object, std::string_view key, std::string_view bytes) {
    object.set(key, bytes);
    if (!is_utf8(bytes)) object.set(std::string(key) + "_b64", base64(bytes));
}

std::string get_bytes(const Json& object, std::string_view key) {
    const Json* encoded = object.find(std::string(key) + "_b64");
    return encoded != nullptr ? from_base64(encoded->as_string()) : object[key].as_string();
}

Json error_to_json(const Error& error) {
    const ErrcInfo& row = info(error.code);
    Json json = Json::object({{"code", row.e_code},
                              {"message", error.message},
                              {"why", error.why},
                              {"next", Json::array().push(error.advice())},
                              {"provider", error.provider.empty() ? Json() : Json(error.provider)}});
    if (error.path.empty())
        json.set("path", nullptr);
    else
        set_bytes(json, "path", error.path);
    json.set("retryable", row.retry == RetryClass::later);
    if (error.native != 0) json.set("native", error.native);
    if (error.retry_after) json.set("retry_after_ms", error.retry_after->count());
    json.set("doc", "docs/ERRORS.md#" + std::string(row.e_code));
    return json;
}

Error error_from_json(const Json& json) {
    Error error(errc_from_name(json["code"].as_string()).value_or(Errc::internal), json["message"].as_string(),
                json["why"].as_string());
    // The code's own hint need not be carried along.
    if (const auto& steps = json["next"].items(); !steps.empty() && steps.front().as_string() != error.advice()) error.next = steps.front().as_string();
    error.provider = json["provider"].as_string();
    error.path = get_bytes(json, "path");
    error.native = static_cast<int>(json["native"].as_int());
    if (const Json* pause = json.find("retry_after_ms")) error.retry_after = Millis(pause->as_int());
    return error;
}

Json make_envelope(std::string_view command, int exit_code, Json data, const std::vector<std::string>& warnings) {
    return Json::object({{"schema", "oracxfs/1"},
                         {"command", command},
                         {"ok", exit_code == 0},
                         {"exit_code", exit_code},
                         {"data", std::move(data)},
                         {"warnings", list_of(warnings)},
                         {"error", nullptr}});
}

Json make_error_envelope(std::string_view command, const Error& error, Json data, const std::vector<std::string>& warnings) {
    Json envelope = make_envelope(command, info(error.code).exit_code, std::move(data), warnings);
    envelope.set("ok", false);
    envelope.set("error", error_to_json(error));
    return envelope;
}

}  // namespace oracxfs
