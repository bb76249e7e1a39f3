#pragma once
// Registers SFTP: registry.add(kSftpType, make_sftp_provider).

#include "providers/registry.h"

namespace oracxfs {

inline constexpr const char* kSftpType = "sftp";

// Reads the configuration, connects nowhere. Errors: config.
Result<std::unique_ptr<Provider>> make_sftp_provider(const ProviderConfig& config);

}  // namespace oracxfs
