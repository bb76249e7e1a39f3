#include "providers/google_drive/token_file.h"

#include "base/json.h"
#include "providers/google_drive/drive_json.h"

namespace oracxfs {
namespace {

std::string first_of(const Json& json, std::initializer_list<const char*> keys) {
    for (const char* key : keys)
        if (!json[key].as_string().empty()) return json[key].as_string();
    return "";
}

std::string scopes_of(const Json& json) {
    if (json["scope"].is_string()) return json["scope"].as_string();
    std::string out;
    for (const Json& scope : json["scopes"].items()) out += (out.empty() ? "" : " ") + scope.as_string();
    return out;
}

}  // namespace

Result<http::TokenRecord> parse_google_token(std::string_view text, const std::optional<http::GoogleClient>& client) {
    const auto useless = [](std::string why) { return fail(Errc::config, "read the token file", std::move(why)); };
    const auto json = parse_json(text, {.max_bytes = 64u << 10});
    if (!json || !json->is_object()) return useless("it is not a JSON object");
    const Json& file = *json;
    if (file["type"].as_string() == "service_account") return useless("it is a service account's key: give it as --service-account");
    if (file["installed"].is_object() || file["web"].is_object())
        return useless("it is an OAuth client: give it as --credentials, and sign in");
    http::TokenRecord record;
    if (const auto own = http::TokenRecord::parse(text)) record = *own;
    record.access_token = first_of(file, {"access_token", "token"});
    record.refresh_token = first_of(file, {"refresh_token"});
    record.client_id = first_of(file, {"client_id"});
    record.client_secret = first_of(file, {"client_secret"});
    record.scope = scopes_of(file);
    if (!record.expires) record.expires = drive::parse_time(first_of(file, {"expiry", "expires"}));
    if (record.access_token.empty() && record.refresh_token.empty()) return useless("there is no token in it");
    if (client) {
        if (!record.client_id.empty() && record.client_id != client->client_id)
            return useless("its tokens belong to another OAuth client than --credentials");
        record.client_id = client->client_id;
        record.client_secret = client->client_secret;
    }
    if (!record.refresh_token.empty() && record.client_id.empty())
        return useless("a refresh token is good only together with its OAuth client: give that as --credentials");
    return record;
}

}  // namespace oracxfs
