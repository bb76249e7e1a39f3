// What is stored, and what people hand in as files.

#include <algorithm>
#include <string>

#include "base/log.h"
#include "providers/http/oauth.h"

namespace oracxfs::http {
namespace {

constexpr std::size_t kFileBytesMax = 256u << 10;

std::optional<WallTime> time_at(const Json& json, std::string_view key) {
    const Json& value = json[key];
    if (!value.is_int()) return std::nullopt;
    return wall_from_ms(value.as_int());
}

// The parser's words quote nothing, but its columns say nothing about a secret either.
Result<Json> parse_object(std::string_view text) {
    auto json = parse_json(text, {.max_bytes = kFileBytesMax, .max_depth = 16});
    if (!json) return fail(Errc::invalid, "not JSON", json.error().message);
    if (!json->is_object()) return fail(Errc::invalid, "not a JSON object");
    return json;
}

Error wrong_file(std::string why) {
    return Error(Errc::config, "this is not the JSON of an OAuth client as downloaded from Google", std::move(why));
}

}  // namespace

std::string TokenRecord::dump() const {
    Json json = Json::object();
    const auto set = [&](std::string_view key, const std::string& value) {
        if (!value.empty()) json.set(key, value);
    };
    set("access_token", access_token);
    set("refresh_token", refresh_token);
    if (expires) json.set("expires_ms", to_ms(*expires));
    set("scope", scope);
    set("client_id", client_id);
    set("client_secret", client_secret);
    set("account", account);
    set("account_id", account_id);
    if (signed_in) json.set("signed_in_ms", to_ms(*signed_in));
    return json.dump();
}

Result<TokenRecord> TokenRecord::parse(std::string_view text) {
    ORACX_TRY(const Json json, parse_object(text));
    TokenRecord record;
    record.access_token = json["access_token"].as_string();
    record.refresh_token = json["refresh_token"].as_string();
    record.expires = time_at(json, "expires_ms");
    record.scope = json["scope"].as_string();
    record.client_id = json["client_id"].as_string();
    record.client_secret = json["client_secret"].as_string();
    record.account = json["account"].as_string();
    record.account_id = json["account_id"].as_string();
    record.signed_in = time_at(json, "signed_in_ms");
    if (record.access_token.empty() && record.refresh_token.empty())
        return fail(Errc::invalid, "neither an access token nor a refresh token in it");
    log::redact_value(record.refresh_token);
    log::redact_value(record.client_secret);
    return record;
}

Result<GoogleClient> parse_google_client(std::string_view text) {
    if (text.starts_with("AIza"))
        return fail(wrong_file("it is an API key; create a client of the kind \"Desktop app\" instead"));
    const auto json = parse_object(text);
    if (!json) return fail(wrong_file(json.error().to_string()));
    const std::string& type = (*json)["type"].as_string();
    if (type == "service_account") return fail(wrong_file("it is a service account's key; give it as such"));
    if (type == "authorized_user") return fail(wrong_file("it holds somebody's tokens; the file of the client is needed"));
    const Json* const installed = json->find("installed");
    const Json* const web = json->find("web");
    if ((installed == nullptr) == (web == nullptr))
        return fail(wrong_file("it must have one member, \"installed\" or \"web\""));
    // The addresses in the file are not taken: a forged file could send code and tokens elsewhere.
    const Json& members = installed != nullptr ? *installed : *web;
    GoogleClient client{members["client_id"].as_string(), members["client_secret"].as_string(), web != nullptr};
    if (client.client_id.empty()) return fail(wrong_file("client_id is missing"));
    if (client.client_secret.empty())
        return fail(wrong_file("client_secret is missing; it is shown only when the client is created"));
    log::redact_value(client.client_secret);
    return client;
}

}  // namespace oracxfs::http
