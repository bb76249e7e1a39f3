#include <fcntl.h>
#include <libssh2.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/log.h"
#include "providers/sftp/ssh_connection.h"

namespace oracxfs::sftp {
namespace {

constexpr std::size_t kKeyFileBytesMax = 64u << 10;
// Servers count every refused try and close after six (MaxAuthTries).
constexpr int kAgentTriesMax = 4;
constexpr const char* kRsaHint =
    "RSA keys are signed with SHA-1 by libssh2 before 1.11, which servers refuse: use an Ed25519 or ECDSA key "
    "(`ssh-keygen -t ed25519`)";

// Wipes a secret when it goes out of use.
struct Secret {
    std::string value;
    explicit Secret(std::string text) : value(std::move(text)) {}
    Secret(Secret&&) = default;
    Secret& operator=(Secret&&) = delete;
    ~Secret() { OPENSSL_cleanse(value.data(), value.size()); }
};

Result<std::optional<Secret>> find_secret(const SshTarget& target, const std::string& what) {
    if (!target.secret) return std::optional<Secret>();
    auto found = target.secret(what);
    if (!found) {
        if (found.error().code == Errc::not_found) return std::optional<Secret>();
        return fail(std::move(found).error());
    }
    log::redact_value(*found);
    return std::optional<Secret>(Secret(std::move(*found)));
}

Result<Secret> read_key_file(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return fail(Error(Errc::unauthenticated, "read key file " + path, error_from_errno(errno, {}).why).with_native(errno));
    if ((status.st_mode & 077) != 0)
        log::warn("sftp", "key file " + path + " can be read by others; `chmod 600` it");
    Secret key(std::string(kKeyFileBytesMax, '\0'));
    const ssize_t got = ::read(fd.get(), key.value.data(), key.value.size());
    if (got < 0) return fail(Errc::unauthenticated, "read key file " + path, error_from_errno(errno, {}).why);
    key.value.resize(static_cast<std::size_t>(got));
    return key;
}

// OpenSSH's format carries the public key in clear in front; the old PEM format names the kind.
bool is_rsa_key(std::string_view text) {
    if (text.find("BEGIN RSA PRIVATE KEY") != std::string_view::npos) return true;
    constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----";
    const std::size_t begin = text.find(kBegin);
    if (begin == std::string_view::npos) return false;
    std::string digits;
    for (const char c : text.substr(begin + kBegin.size())) {
        if (c == '-') break;
        if (c != '\n' && c != '\r') digits += c;
    }
    const auto blob = base64_decode(digits);
    return blob && std::string_view(*blob).substr(0, 256).find("ssh-rsa") != std::string_view::npos;
}

// One sign-in attempt after the other; collects why each failed.
class SignIn {
  public:
    SignIn(SshConnection& connection, const SshTarget& target, const Waiter& waiter)
        : connection_(connection), session_(connection.session()), target_(target), waiter_(waiter) {}

    Status perform() {
        ORACX_TRY(const bool already, list_methods());
        if (already) return {};
        for (const auto method : {&SignIn::by_key_file, &SignIn::by_agent, &SignIn::by_password, &SignIn::by_keyboard}) {
            ORACX_TRY(const bool signed_in, (this->*method)());
            if (signed_in) return {};
        }
        if (tried_.empty()) tried_ = "neither a key, an agent nor a password is configured";
        return fail(Errc::unauthenticated, "sign in to " + target_.host + " as " + target_.user,
                    tried_ + "; the server accepts: " + offered_);
    }

  private:
    Result<bool> list_methods() {
        const char* list = nullptr;
        ORACX_TRYV(connection_.run(waiter_, "ask for sign-in methods", [&]() -> long {
            list = libssh2_userauth_list(session_, target_.user.c_str(), static_cast<unsigned>(target_.user.size()));
            return list == nullptr ? libssh2_session_last_errno(session_) : 0;
        }));
        if (list != nullptr) {
            offered_ = list;
            return false;
        }
        if (libssh2_userauth_authenticated(session_) != 0) return true;
        return fail(connection_.last_error("ask for sign-in methods"));
    }

    [[nodiscard]] bool offers(std::string_view method) const {
        return ("," + offered_ + ",").find("," + std::string(method) + ",") != std::string::npos;
    }

    void note(const std::string& why) { tried_ += (tried_.empty() ? "" : "; ") + why; }

    // True: signed in. False: refused, noted. An error: the connection is gone.
    Result<bool> outcome(long code, const std::string& method, const std::string& hint = {}) {
        if (code == 0) return true;
        const Error error = connection_.last_error("sign in by " + method);
        switch (code) {
            case LIBSSH2_ERROR_SOCKET_DISCONNECT:
            case LIBSSH2_ERROR_SOCKET_SEND:
            case LIBSSH2_ERROR_SOCKET_RECV:
                // Too many refused tries end like this as well.
                if (tried_.empty()) return fail(error);
                return fail(Errc::unauthenticated, "sign in to " + target_.host + " as " + target_.user,
                            tried_ + "; then the server closed the connection");
            default:
                // A line that broke while libssh2 waited for the answer has the same number as a refusal.
                if (tried_.empty() && error.why.find("Waiting for") != std::string::npos)
                    return fail(Errc::unavailable, "sign in to " + target_.host, "the connection ended during the sign-in");
                note(method + ": " + error.why + (hint.empty() ? "" : "; " + hint));
                return false;
        }
    }

    Result<bool> by_key_file() {
        if (target_.key_file.empty()) return false;
        if (!offers("publickey")) {
            note("key file: the server does not take keys");
            return false;
        }
        auto key = read_key_file(target_.key_file);
        if (!key) {
            note(key.error().to_string());
            return false;
        }
        ORACX_TRY(const auto passphrase, find_secret(target_, "key_passphrase"));
        const std::string method = "key file " + target_.key_file;
        ORACX_TRY(const long code, connection_.run(waiter_, "sign in by key", [&]() -> long {
            return libssh2_userauth_publickey_frommemory(session_, target_.user.c_str(), target_.user.size(), nullptr, 0,
                                                         key->value.data(), key->value.size(),
                                                         passphrase ? passphrase->value.c_str() : nullptr);
        }));
        std::string hint;
        if (!kRsaWorks && is_rsa_key(key->value)) hint = kRsaHint;
        else if (code == LIBSSH2_ERROR_KEYFILE_AUTH_FAILED || code == LIBSSH2_ERROR_FILE)
            hint = passphrase ? "is the passphrase right?" : "does the key need a passphrase?";
        return outcome(code, method, hint);
    }

    Result<bool> by_agent() {
        if (!target_.use_agent || !offers("publickey")) return false;
        struct FreeAgent {
            void operator()(LIBSSH2_AGENT* agent) const noexcept {
                (void)libssh2_agent_disconnect(agent);
                libssh2_agent_free(agent);
            }
        };
        const std::unique_ptr<LIBSSH2_AGENT, FreeAgent> agent(libssh2_agent_init(session_));
        if (!agent || libssh2_agent_connect(agent.get()) != 0 || libssh2_agent_list_identities(agent.get()) != 0) {
            note("agent: not reachable (SSH_AUTH_SOCK)");
            return false;
        }
        libssh2_agent_publickey* identity = nullptr;
        int tries = 0;
        while (tries < kAgentTriesMax && libssh2_agent_get_identity(agent.get(), &identity, identity) == 0) {
            const std::string type = key_type_of({reinterpret_cast<const char*>(identity->blob), identity->blob_len});
            if (!kRsaWorks && type == "ssh-rsa") continue;  // not worth one of the server's tries
            ++tries;
            ORACX_TRY(const long code, connection_.run(waiter_, "sign in by agent", [&]() -> long {
                return libssh2_agent_userauth(agent.get(), target_.user.c_str(), identity);
            }));
            ORACX_TRY(const bool signed_in,
                      outcome(code, "agent key " + std::string(identity->comment ? identity->comment : "")));
            if (signed_in) return true;
        }
        if (tries == 0) note(std::string("agent: no usable key") + (kRsaWorks ? "" : " (RSA keys are of no use here)"));
        return false;
    }

    Result<bool> by_password() {
        if (!offers("password")) return false;
        ORACX_TRY(const auto password, find_secret(target_, "password"));
        if (!password) return false;
        ORACX_TRY(const long code, connection_.run(waiter_, "sign in by password", [&]() -> long {
            return libssh2_userauth_password_ex(session_, target_.user.c_str(), static_cast<unsigned>(target_.user.size()),
                                                password->value.c_str(), static_cast<unsigned>(password->value.size()),
                                                nullptr);
        }));
        return outcome(code, "password");
    }

    Result<bool> by_keyboard() {
        if (!offers("keyboard-interactive")) return false;
        ORACX_TRY(auto password, find_secret(target_, "password"));
        if (!password) return false;
        *libssh2_session_abstract(session_) = &password->value;
        auto code = connection_.run(waiter_, "sign in by keyboard-interactive", [&]() -> long {
            return libssh2_userauth_keyboard_interactive_ex(session_, target_.user.c_str(),
                                                            static_cast<unsigned>(target_.user.size()), &SignIn::answer);
        });
        *libssh2_session_abstract(session_) = nullptr;
        if (!code) return fail(std::move(code).error());
        return outcome(*code, "keyboard-interactive");
    }

    // Every hidden prompt gets the password; others (a one-time code, say) stay empty.
    static void answer(const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT* prompts,
                       LIBSSH2_USERAUTH_KBDINT_RESPONSE* responses, void** abstract) {
        const auto* password = static_cast<const std::string*>(*abstract);
        for (int i = 0; i < count; ++i) {
            if (password == nullptr || prompts[i].echo != 0) continue;
            responses[i].text = ::strdup(password->c_str());  // freed by libssh2
            responses[i].length = responses[i].text == nullptr ? 0 : static_cast<unsigned>(password->size());
        }
    }

    SshConnection& connection_;
    LIBSSH2_SESSION* const session_;
    const SshTarget& target_;
    const Waiter& waiter_;
    std::string offered_;
    std::string tried_;
};

}  // namespace

Status sign_in(SshConnection& connection, const SshTarget& target, const Waiter& waiter) {
    return SignIn(connection, target, waiter).perform();
}

}  // namespace oracxfs::sftp
