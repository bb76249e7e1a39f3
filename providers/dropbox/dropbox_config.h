#pragma once
// The configuration of one Dropbox provider, and what is fixed about the service: addresses and permissions.

#include <string>

#include "providers/http/oauth.h"
#include "providers/registry.h"

namespace oracxfs::dropbox {

// Without a path behind the host. `base_url` sets all of them: a gateway, or one service for everything.
struct Hosts {
    std::string api = "https://api.dropboxapi.com";
    std::string content = "https://content.dropboxapi.com";
    std::string notify = "https://notify.dropboxapi.com";
    std::string web = "https://www.dropbox.com";
};

struct DropboxConfig {
    std::string name;
    std::string root;  // "/ORACXPRED"; "" = the root of the account, or of the app's folder
    std::string app_key;
    Hosts hosts;
    std::string ca_file;
    Millis timeout{20'000};
    unsigned connections = 4;
    http::TokenStore tokens;
};

// config when a value is of no use. Reads nothing but its argument.
Result<DropboxConfig> read_config(const ProviderConfig& config);
// From the keys base_url, api_url, content_url, notify_url and authorize_url.
Hosts read_hosts(const Json& config);

// What an app needs to be allowed, in the words of Dropbox's App Console.
const std::vector<std::string>& needed_scopes();
// The first of them that `granted` (separated by blanks) lacks; "" if none, or if nothing is known.
std::string missing_scope(std::string_view granted);
http::OAuthEndpoints oauth_endpoints(const Hosts& hosts, const std::string& provider_name);

}  // namespace oracxfs::dropbox
