// Secrets that somebody entered in a browser, in the form in which the providers want them.

#include <algorithm>

#include "base/log.h"
#include "providers/google_drive/token_file.h"
#include "providers/http/oauth.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/provider_handlers.h"

namespace oracxfs {
namespace {

Status only(const Json& secrets, std::initializer_list<std::string_view> names) {
    for (const auto& [key, value] : secrets.members()) {
        if (std::find(names.begin(), names.end(), key) == names.end()) return fail(Errc::invalid, "read the secrets", "\"" + key + "\" is none of this kind of provider");
        if (!value.is_string()) return fail(Errc::invalid, "read the secrets", "\"" + key + "\" must be a text");
        log::redact_value(value.as_string());
    }
    return {};
}

Result<FreshSecrets> as_they_are(const std::string& name, const Json& secrets) {
    FreshSecrets fresh;
    for (const auto& [key, value] : secrets.members())
        if (!value.as_string().empty()) fresh[secret_name(name, key)] = value.as_string();
    return fresh;
}

Result<FreshSecrets> of_dropbox(const std::string& name, const Json& settings, const Json& secrets) {
    http::TokenRecord record;
    record.client_id = settings["app_key"].as_string();
    record.client_secret = secrets["app_secret"].as_string();
    if (const std::string& refresh = secrets["refresh_token"].as_string(); !refresh.empty()) {
        if (record.client_id.empty()) return fail(Errc::invalid, "read the secrets", "a refresh token belongs to an app: give app_key in the settings");
        record.refresh_token = refresh;
    } else if (const std::string& token = secrets["token"].as_string(); token.starts_with('{')) {
        ORACX_TRY(record, http::TokenRecord::parse(token));
    } else {
        record.access_token = token;
    }
    if (record.access_token.empty() && record.refresh_token.empty()) return FreshSecrets{};
    return FreshSecrets{{secret_name(name, "token"), record.dump()}};
}

Result<FreshSecrets> of_google(Cli& cli, const std::string& name, const Json& secrets) {
    const std::string key_name = secret_name(name, "service_account");
    if (const std::string& key = secrets["service_account"].as_string(); !key.empty()) return FreshSecrets{{key_name, key}};
    const std::string& token = secrets["token"].as_string();
    if (token.empty()) return FreshSecrets{};
    std::optional<http::GoogleClient> client;
    if (const std::string& text = secrets["client"].as_string(); !text.empty()) {
        ORACX_TRY(client, http::parse_google_client(text));
        log::redact_value(client->client_secret);
    } else {
        ORACX_TRY(const auto last, last_client(cli, name));
        if (last && !last->client_id.empty()) client = http::GoogleClient{last->client_id, last->client_secret};
    }
    ORACX_TRY(const http::TokenRecord record, parse_google_token(token, client));
    FreshSecrets fresh{{secret_name(name, "token"), record.dump()}};
    if (cli.secrets().get(key_name)) fresh[key_name] = "{}";  // a key of a service account would go first
    return fresh;
}

}  // namespace

Result<FreshSecrets> fresh_secrets_from(Cli& cli, const std::string& type, const std::string& name, const Json& settings, const Json& secrets) {
    if (secrets.is_null() || secrets.members().empty()) return FreshSecrets{};
    if (type == "sftp") {
        ORACX_TRYV(only(secrets, {"password", "key_passphrase"}));
        return as_they_are(name, secrets);
    }
    if (type == "ftp") {
        ORACX_TRYV(only(secrets, {"password"}));
        return as_they_are(name, secrets);
    }
    if (type == "dropbox") {
        ORACX_TRYV(only(secrets, {"token", "refresh_token", "app_secret"}));
        return of_dropbox(name, settings, secrets);
    }
    if (type == "google-drive") {
        ORACX_TRYV(only(secrets, {"token", "client", "service_account"}));
        return of_google(cli, name, secrets);
    }
    ORACX_TRYV(only(secrets, {}));
    return FreshSecrets{};
}

}  // namespace oracxfs
