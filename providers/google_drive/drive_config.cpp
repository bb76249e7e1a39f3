#include "providers/google_drive/drive_config.h"

#include <algorithm>

#include "providers/google_drive/drive_json.h"
#include "providers/google_drive/google_drive_provider.h"

namespace oracxfs {

http::OAuthEndpoints google_drive_endpoints(const Json& entry, const std::string& provider_name) {
    std::string base = entry["base_url"].as_string();
    while (base.ends_with('/')) base.pop_back();
    http::OAuthEndpoints out;
    out.authorize_url = (base.empty() ? "https://accounts.google.com" : base) + "/o/oauth2/v2/auth";
    const std::string service = base.empty() ? "https://oauth2.googleapis.com" : base;
    out.token_url = service + "/token";
    out.device_url = service + "/device/code";
    out.revoke_url = service + "/revoke";
    const bool everything = entry["scope"].as_string() == "drive";
    out.scopes = {everything ? "https://www.googleapis.com/auth/drive" : "https://www.googleapis.com/auth/drive.file"};
    // Google hands out a refresh token only with a fresh consent.
    out.authorize_extra = {{"access_type", "offline"}, {"prompt", "consent"}};
    out.secret_in_refresh = true;
    out.sign_in_command = "oracxfs google-drive connect --name " + provider_name;
    out.week_hint =
        "projects whose consent screen is in \"Testing\" lose their sign-ins after 7 days: publish it (\"In production\"), "
        "then sign in again";
    return out;
}

namespace drive {
namespace {

Result<std::vector<std::string>> folder_components(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t slash = std::min(text.find('/'), text.size());
        const std::string part(text.substr(0, slash));
        text.remove_prefix(std::min(slash + 1, text.size()));
        if (part.empty()) continue;
        if (part == "." || part == "..") return fail(Errc::config, "read folder", "'.' and '..' are not allowed in it");
        if (const Status good = check_component(part); !good) return fail(Errc::config, "read folder", good.error().why);
        out.push_back(part);
    }
    if (out.empty()) return fail(Errc::config, "read folder", "it must have a name: Drive itself is not given away");
    return out;
}

}  // namespace

std::string DriveConfig::folder_path() const {
    std::string out;
    for (const std::string& part : folder) out += (out.empty() ? "" : "/") + part;
    return out;
}

Result<DriveConfig> read_config(const ProviderConfig& config) {
    const Json& entry = config.config;
    DriveConfig out;
    out.name = config.name;
    const std::string& folder = entry["folder"].as_string();
    ORACX_TRY(out.folder, folder_components(folder.empty() ? "ORACXPRED" : folder));
    const std::string& scope = entry["scope"].as_string();
    if (!scope.empty() && scope != "drive.file" && scope != "drive")
        return fail(Errc::config, "read scope", "expected drive.file or drive");
    out.scope = scope == "drive" ? Scope::everything : Scope::own_files;
    out.shared_drive = entry["shared_drive"].as_string();
    out.act_for = entry["act_for"].as_string();
    std::string base = entry["base_url"].as_string();
    while (base.ends_with('/')) base.pop_back();
    if (base.empty()) base = "https://www.googleapis.com";
    out.api_url = base + "/drive/v3";
    out.upload_url = base + "/upload/drive/v3";
    out.ca_file = entry["ca_file"].as_string();
    const double timeout = entry["timeout"].as_double(20);
    if (!(timeout > 0 && timeout <= 3600)) return fail(Errc::config, "read timeout", "expected seconds, more than 0");
    out.timeout = Millis(static_cast<std::int64_t>(timeout * 1000));
    out.connections = static_cast<std::uint32_t>(std::clamp<std::int64_t>(entry["connections"].as_int(4), 1, 16));
    out.state_directory = config.state_directory;
    out.endpoints = google_drive_endpoints(entry, config.name);
    out.secret = config.secret;
    out.store_secret = config.store_secret;
    return out;
}

}  // namespace drive
}  // namespace oracxfs
