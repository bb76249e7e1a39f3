#pragma once
// Real FTP servers on loopback, with certificate and configuration of their own, TLS required.

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

enum class FtpKind {
    proftpd,    // with mod_tls and mod_digest: hashes, MLSD, HASH
    vsftpd,     // LIST only, insists on TLS sessions that are resumed on data connections
    pure_ftpd,  // MLSD, no hashes; needs root
};

struct FtpServerOptions {
    FtpKind kind = FtpKind::proftpd;
    std::vector<std::string> extra_lines{};  // of the configuration file, or arguments of pure-ftpd
    bool implicit_tls = false;             // proftpd, vsftpd
    bool wrong_host = false;               // the certificate names somebody else
    int port = 0;                          // 0: any free one
    std::string folder{};                  // the account's; "": one of its own
};

class FtpServer {
  public:
    // Nothing, and a printed reason, where it cannot be run.
    static std::unique_ptr<FtpServer> start(const FtpServerOptions& options);
    // Also prints the reason.
    static bool available(FtpKind kind);
    ~FtpServer();
    FtpServer(const FtpServer&) = delete;
    FtpServer& operator=(const FtpServer&) = delete;

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] std::string user() const;
    [[nodiscard]] std::string password() const { return "hemligt-losenord"; }
    [[nodiscard]] std::string ca_file() const { return dir_ / "cert.pem"; }
    [[nodiscard]] std::string log() const;
    // The folder that the account sees, on this machine.
    [[nodiscard]] std::string folder() const { return folder_; }
    // Makes a file or folder that the test made the account's own.
    void hand_over(const std::string& path) const;

    void kill_connections() const;  // SIGKILL to what serves existing connections
    void freeze() const;            // SIGSTOP to the listener and to all connections
    void thaw() const;
    void stop();                    // no new connections; existing ones go on

  private:
    FtpServer() = default;
    bool launch(const FtpServerOptions& options);
    bool make_certificate(bool wrong_host);
    std::string password_hash();
    std::vector<std::string> prepare_proftpd(const FtpServerOptions& options);
    std::vector<std::string> prepare_vsftpd(const FtpServerOptions& options);
    std::vector<std::string> prepare_pure_ftpd(const FtpServerOptions& options);
    void signal_all(int number) const;

    TempDir dir_;
    FtpKind kind_ = FtpKind::proftpd;
    std::string folder_;
    int port_ = 0;
    UniqueFd held_port_;
    pid_t pid_ = 0;
};

}  // namespace oracxfs::test
