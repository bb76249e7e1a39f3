#pragma once
// The settings of one google-drive provider.

#include <functional>
#include <string>
#include <vector>

#include "providers/http/oauth.h"
#include "providers/registry.h"

namespace oracxfs::drive {

enum class Scope { own_files, everything };  // "drive.file", "drive"

struct DriveConfig {
    std::string name;
    std::vector<std::string> folder;  // below "My Drive" (or the shared drive), at least one component
    Scope scope = Scope::own_files;
    std::string shared_drive;  // its id; "" = My Drive
    std::string act_for;       // service account: whom to act for; "" = itself
    std::string api_url;       // ".../drive/v3", without a slash at the end
    std::string upload_url;    // ".../upload/drive/v3"
    std::string ca_file;
    Millis timeout{20'000};
    std::uint32_t connections = 4;
    std::string state_directory;
    http::OAuthEndpoints endpoints;
    std::function<Result<std::string>(const std::string& what)> secret;
    std::function<Status(const std::string& what, const std::string& value)> store_secret;

    [[nodiscard]] std::string folder_path() const;  // "A/B"
};

Result<DriveConfig> read_config(const ProviderConfig& config);

}  // namespace oracxfs::drive
