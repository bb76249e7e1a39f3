#pragma once
// An FtpProvider on a test server.

#include <memory>

#include "providers/ftp/ftp_provider.h"
#include "tests/support/ftp_server.h"

namespace oracxfs::test {

// `port` instead of the server's own (a proxy). The provider's folder is "replica" in the account's folder.
ProviderConfig ftp_config(const FtpServer& server, Clock& clock, int port = 0);
std::unique_ptr<Provider> ftp_provider(const ProviderConfig& config);

}  // namespace oracxfs::test
