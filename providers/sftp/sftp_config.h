#pragma once
// The configuration of one SFTP provider.

#include <string>

#include "providers/registry.h"
#include "providers/sftp/ssh_connection.h"

namespace oracxfs::sftp {

// automatic: the server's hash where it has one. hash: nothing but that for large files. readback: never that.
enum class VerifyMode { automatic, hash, readback };

struct SftpConfig {
    std::string name;
    SshTarget target;
    std::string folder;  // relative to the login directory, or absolute; "" = the login directory
    unsigned connections = 4;
    VerifyMode verify = VerifyMode::automatic;
};

// config when a value is of no use. Reads no file but looks at no network either.
Result<SftpConfig> read_config(const ProviderConfig& config);

}  // namespace oracxfs::sftp
