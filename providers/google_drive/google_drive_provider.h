#pragma once
// Provider kind "google-drive": files in Google Drive by its API v3. Rules: docs/PROVIDERS.md.

#include "providers/http/oauth.h"
#include "providers/registry.h"

namespace oracxfs {

inline constexpr const char* kGoogleDriveType = "google-drive";

// Reads the configuration only. Secrets: "service_account" (a key file's JSON), else "token" (http::TokenRecord).
// Errors: config.
Result<std::unique_ptr<Provider>> make_google_drive_provider(const ProviderConfig& config);

// How to sign in, by the provider's entry ("scope", "base_url"); for the command line.
http::OAuthEndpoints google_drive_endpoints(const Json& entry, const std::string& provider_name);

// Remembers which folder of Drive belongs to the provider. Removed by whoever sets the provider up anew: only then a
// vanished folder is made again.
std::string google_drive_root_file(const std::string& state_directory, const std::string& provider_name);

}  // namespace oracxfs
