#pragma once
// The configuration of one FTP provider.

#include <functional>
#include <string>

#include "base/clock.h"
#include "providers/registry.h"

namespace oracxfs::ftp {

enum class TlsMode {
    explicit_required,  // AUTH TLS; nothing is sent before it
    implicit,           // ftps://
    if_offered,         // allow_plain_ftp: unencrypted when the server knows no TLS
};
enum class VerifyMode { automatic, hash, readback };

// What is needed to sign in.
struct FtpTarget {
    std::string provider;  // its configured name, for logs
    std::string host;
    std::uint16_t port = 21;
    std::string user;
    std::function<Result<std::string>(const std::string& what)> secret;
    TlsMode tls = TlsMode::explicit_required;
    bool tls13 = false;   // false: TLS 1.2, see docs/PROVIDERS.md
    std::string ca_file;  // "": the system's
    Millis timeout{20'000};  // without any sign of life
};

struct FtpConfig {
    FtpTarget target;
    std::string folder;  // relative to the login directory, or absolute; "" = the login directory
    unsigned connections = 4;
    VerifyMode verify = VerifyMode::automatic;

    [[nodiscard]] const std::string& name() const { return target.provider; }
};

// config when a value is of no use. Looks at no file and no network.
Result<FtpConfig> read_config(const ProviderConfig& config);

}  // namespace oracxfs::ftp
