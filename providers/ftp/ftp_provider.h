#pragma once
// Registers FTP: registry.add(kFtpType, make_ftp_provider).

#include "providers/registry.h"

namespace oracxfs {

inline constexpr const char* kFtpType = "ftp";

// Reads the configuration, connects nowhere. Errors: config.
Result<std::unique_ptr<Provider>> make_ftp_provider(const ProviderConfig& config);

}  // namespace oracxfs
