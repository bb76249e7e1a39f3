#pragma once
// One SSH connection: TCP, handshake, host key check, sign-in. Never blocks outside of a Waiter.
//
// libssh2 has no locks and one socket a session: a connection is used by one thread at a time.
//
// Life: open() -> attempt() for single libssh2 calls, or run() to wait for one -> destroy. After a failed call that is
// not "would block" the connection is finished: destroy it.

#include <libssh2.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "providers/sftp/host_keys.h"
#include "providers/sftp/waiter.h"

namespace oracxfs::sftp {

struct SshTarget {
    std::string host;
    std::uint16_t port = 22;
    std::string user;
    HostKeyPolicy host_keys;
    std::string key_file;  // empty: none
    bool use_agent = false;
    std::function<Result<std::string>(const std::string& what)> secret;  // may be empty
    Millis timeout{20'000};                                             // of a step without any progress
    std::string preferred_host_key_type;  // tried first; the type that matched last time
};

class SshConnection {
  public:
    // Errors: unavailable, host_key_unknown, host_key_changed, unauthenticated, cancelled, deadline.
    static Result<std::unique_ptr<SshConnection>> open(const SshTarget& target, const Waiter& waiter);
    ~SshConnection();
    SshConnection(const SshConnection&) = delete;
    SshConnection& operator=(const SshConnection&) = delete;

    [[nodiscard]] LIBSSH2_SESSION* session() const { return session_.get(); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] Millis timeout() const { return timeout_; }
    [[nodiscard]] const std::string& host_key_type() const { return host_key_type_; }
    [[nodiscard]] std::string_view server_banner() const;

    // Calls `step` (returns a libssh2 code) unless another call has left an SSH packet half sent: libssh2 then accepts
    // nothing but a repetition of that very call. `who` tells the calls apart.
    template <class Step>
    long attempt(const void* who, Step step) {
        if (half_sent_ != nullptr && half_sent_ != who) return LIBSSH2_ERROR_EAGAIN;
        const long code = step();
        half_sent_ = code == LIBSSH2_ERROR_EAGAIN && wants_out() ? who : nullptr;
        return code;
    }
    // Repeats `step` until it does not answer EAGAIN. The code, or unavailable (timeout without an answer), cancelled.
    Result<long> run(const Waiter& waiter, std::string_view what, const std::function<long()>& step);

    // POLLIN or POLLOUT: what the next call waits for.
    [[nodiscard]] short poll_events() const;
    // What the session says about its last failure, as `unavailable`.
    [[nodiscard]] Error last_error(std::string_view what) const;

  private:
    SshConnection(UniqueFd fd, Millis timeout);
    static Result<std::unique_ptr<SshConnection>> open_with(const SshTarget& target,
                                                            const HostKeyPolicy::Knowledge& knowledge,
                                                            const std::string& key_types, const Waiter& waiter);
    [[nodiscard]] bool wants_out() const;
    Status set_methods(const std::string& key_types);
    Status handshake(const Waiter& waiter);

    struct FreeSession {
        void operator()(LIBSSH2_SESSION* session) const noexcept;
    };
    UniqueFd fd_;
    const Millis timeout_;
    std::string host_key_type_;
    const void* half_sent_ = nullptr;
    std::unique_ptr<LIBSSH2_SESSION, FreeSession> session_;
    bool shaking_hands_ = false;  // and not done
};

// Signs in by the first configured method that works: key file, agent, password, keyboard-interactive.
Status sign_in(SshConnection& connection, const SshTarget& target, const Waiter& waiter);

// libssh2 before 1.11 signs RSA with SHA-1 only, which servers have refused since OpenSSH 8.8.
inline constexpr bool kRsaWorks = LIBSSH2_VERSION_NUM >= 0x010b00;

}  // namespace oracxfs::sftp
