#pragma once
// Registers Dropbox: registry.add(kDropboxType, make_dropbox_provider).

#include "providers/registry.h"

namespace oracxfs {

inline constexpr const char* kDropboxType = "dropbox";

// Whose account the sign-in is for (its account_id). Asks the service.
Result<std::string> dropbox_account(const ProviderConfig& config, const OpContext& ctx);

// Reads the configuration, connects nowhere. Errors: config.
Result<std::unique_ptr<Provider>> make_dropbox_provider(const ProviderConfig& config);

}  // namespace oracxfs
