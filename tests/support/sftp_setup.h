#pragma once
// SftpProvider against a test's own sshd.

#include <memory>
#include <string>

#include "base/clock.h"
#include "providers/sftp/sftp_provider.h"
#include "tests/support/sshd.h"

namespace oracxfs::test {

// Key sign-in, pinned host key, the server's test folder. `port` 0: the server's own.
ProviderConfig sftp_config(const Sshd& server, Clock& clock, int port = 0);
std::unique_ptr<Provider> sftp_provider(const ProviderConfig& config);

}  // namespace oracxfs::test
