#pragma once
// A real OpenSSH server on loopback, with keys and configuration of its own, as the user who runs the test.

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

struct SshdOptions {
    bool internal_sftp = false;  // ForceCommand internal-sftp: no shell
    std::string host_key_type = "ed25519";
    std::vector<std::string> extra_lines;  // of sshd_config
    int port = 0;                          // 0: any free one
    std::string path = {};                 // PATH of its commands; "": the server's own
    std::string sftp = "internal-sftp";    // what serves the files: a command
};

class Sshd {
  public:
    // Nothing, and a printed reason, where sshd cannot be run.
    static std::unique_ptr<Sshd> start(const SshdOptions& options = {});
    static bool available();
    ~Sshd();
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] const std::string& user() const { return user_; }
    [[nodiscard]] std::string key_file() const { return dir_ / "id"; }
    [[nodiscard]] std::string host_key_line() const;  // "ssh-ed25519 AAAA..."
    [[nodiscard]] std::string log() const;
    // A folder on the server for the test's files (absolute).
    [[nodiscard]] std::string folder() const { return dir_ / "data"; }

    void kill_connections() const;   // SIGKILL to what serves existing connections
    void freeze() const;             // SIGSTOP to the listener and to all connections
    void thaw() const;
    // Until nobody serves a connection any more: what was asked for before it broke has been done. False after `most`.
    [[nodiscard]] bool wait_for_ends(std::chrono::milliseconds most) const;
    void stop();                     // no new connections; existing ones go on

  private:
    Sshd() = default;
    [[nodiscard]] std::vector<pid_t> children() const;
    void signal_all(int number) const;
    bool launch(const SshdOptions& options);

    TempDir dir_;
    std::string user_;
    int port_ = 0;
    UniqueFd held_port_;
    pid_t pid_ = 0;
};

// A TCP port that nobody listens on. `held` keeps everybody else off it; a server that sets SO_REUSEADDR may listen there.
int free_port(UniqueFd& held);

}  // namespace oracxfs::test
