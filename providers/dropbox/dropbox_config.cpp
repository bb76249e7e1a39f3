#include "providers/dropbox/dropbox_config.h"

#include <algorithm>

#include "providers/dropbox/dropbox_names.h"

namespace oracxfs::dropbox {
namespace {

constexpr std::int64_t kConnectionsMax = 8;
constexpr Millis kTokenLife{4 * 3'600'000};
constexpr const char* kTokenSecret = "token";

http::TokenStore token_store(const ProviderConfig& config, std::string app_key) {
    http::TokenStore store;
    store.load = [secret = config.secret, app_key = std::move(app_key)]() -> Result<std::string> {
        if (!secret) return fail(Errc::not_found, "read the token", "none is stored");
        ORACX_TRY(std::string text, secret(kTokenSecret));
        if (app_key.empty()) return text;
        // The key of the app may stand in the configuration instead.
        ORACX_TRY(http::TokenRecord record, http::TokenRecord::parse(text));
        if (!record.client_id.empty()) return text;
        record.client_id = app_key;
        return record.dump();
    };
    // Without a store (a test before the provider is saved) renewed tokens live in memory only.
    store.save = [save = config.store_secret](const std::string& text) { return save ? save(kTokenSecret, text) : Status(); };
    return store;
}

}  // namespace

Hosts read_hosts(const Json& config) {
    Hosts hosts;
    const auto set = [&](const char* key, std::string& host) {
        std::string url = config[key].as_string();
        while (url.ends_with('/')) url.pop_back();
        if (!url.empty()) host = std::move(url);
    };
    for (std::string* host : {&hosts.api, &hosts.content, &hosts.notify, &hosts.web}) set("base_url", *host);
    set("api_url", hosts.api);
    set("content_url", hosts.content);
    set("notify_url", hosts.notify);
    set("authorize_url", hosts.web);
    return hosts;
}

Result<DropboxConfig> read_config(const ProviderConfig& config) {
    const Json& json = config.config;
    DropboxConfig out;
    out.name = config.name;
    ORACX_TRY(out.root, clean_root(json["folder"].is_string() ? json["folder"].as_string() : "/ORACXPRED"));
    out.app_key = json["app_key"].as_string();
    out.hosts = read_hosts(json);
    out.ca_file = json["ca_file"].as_string();
    const double timeout = json["timeout"].as_double(20);
    if (!(timeout > 0 && timeout <= 3600)) return fail(Errc::config, "read timeout", "expected seconds, more than 0");
    out.timeout = Millis(static_cast<std::int64_t>(timeout * 1000));
    out.connections = static_cast<unsigned>(std::clamp<std::int64_t>(json["connections"].as_int(4), 1, kConnectionsMax));
    out.tokens = token_store(config, out.app_key);
    return out;
}

const std::vector<std::string>& needed_scopes() {
    static const std::vector<std::string> scopes{"account_info.read", "files.metadata.read", "files.content.read", "files.content.write"};
    return scopes;
}

std::string missing_scope(std::string_view granted) {
    if (granted.empty()) return {};
    const std::string all = " " + std::string(granted) + " ";
    for (const std::string& scope : needed_scopes())
        if (all.find(" " + scope + " ") == std::string::npos) return scope;
    return {};
}

http::OAuthEndpoints oauth_endpoints(const Hosts& hosts, const std::string& provider_name) {
    http::OAuthEndpoints out;
    out.authorize_url = hosts.web + "/oauth2/authorize";
    out.token_url = hosts.api + "/oauth2/token";
    out.revoke_url = hosts.api + "/2/auth/token/revoke";
    out.scopes = needed_scopes();
    out.authorize_extra = {{"token_access_type", "offline"}};
    out.secret_in_refresh = true;
    out.default_life = kTokenLife;
    out.revoke_by_bearer = true;
    out.sign_in_command = "oracxfs dropbox connect --name " + provider_name;
    return out;
}

}  // namespace oracxfs::dropbox
