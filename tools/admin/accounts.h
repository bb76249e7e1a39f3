#pragma once
// Who may use the web admin: the password, sessions, API tokens, the first-run code, and how often somebody may try.
//
// Kept in `admin.json` in the state folder, mode 0600, replaced in one step: the password as an scrypt hash, sessions and
// tokens as SHA-256 of their random 256 bits, so that whoever reads the file can't sign in with it. Uses are noted there now
// and then; a session's end is computed from what is known.
//
// Thread-safe. Time comes from the clock; the wall clock counts, because sessions outlive the program.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "tools/admin/login_delay.h"

namespace oracxfs {

enum class Scope : std::uint8_t { none, read, operate, admin };  // each may do what those before it may
std::string_view to_string(Scope scope);
std::optional<Scope> scope_from(std::string_view word);

// Who asks.
struct Principal {
    Scope scope = Scope::none;  // none: nobody is signed in
    std::string session;        // "s-..." of a session; "" for tokens
    std::string token;          // "k-..."
    std::string name;           // for the activity log: "admin", or the token's name
    std::string csrf;           // what the header has to say; "" for tokens
};

struct AccountsOptions {
    std::string file;             // admin.json
    Millis session_idle{1'800'000};
    Millis session_longest{43'200'000};
    Millis remembered{7ll * 86'400'000};  // both, for "remember me"
    std::size_t sessions_max = 25;
    std::size_t tokens_max = 50;
    Millis code_life{900'000};
    int code_tries = 5;
};

class Accounts {
  public:
    // An absent file: nothing is set up. Errors: denied (others may read it), corrupt, local_io.
    static Result<std::unique_ptr<Accounts>> open(const AccountsOptions& options, Clock& clock);
    ~Accounts();

    // --- first run ---
    [[nodiscard]] bool has_password() const;
    struct Code {
        std::string text;  // "7KQ4-M2XD"
        Millis left{0};
        int tries_left = 0;
    };
    Code first_run_code();  // the one there is while it is good, else a new one
    // Sets the first password. exists: there is one. denied: wrong (`tries_left` says how often more), pending: used up or too
    // old, get a new one. invalid: the password is too short.
    Status set_up(const std::string& code, const std::string& password, int& tries_left);

    // --- password ---
    Status set_password(const std::string& password);  // ends all sessions; invalid
    Status change_password(const std::string& old, const std::string& fresh, const Principal& who, const std::string& source);

    // --- sessions ---
    struct Session {
        std::string id;  // "s-..."
        WallTime created, last_used, expires;
        bool remember = false;
        std::string address, agent;
    };
    struct SignedIn {
        std::string cookie;  // for the browser; known to nobody else
        Session session;
        Principal who;
    };
    // unauthenticated: wrong. throttled (retry_after): too often. Takes a tenth of a second and 32 MiB, one at a time.
    Result<SignedIn> sign_in(const std::string& password, bool remember, const std::string& source, const std::string& agent);
    // After set_up.
    Result<SignedIn> begin_session(bool remember, const std::string& source, const std::string& agent);
    // These never wait for the disk.
    Principal by_cookie(const std::string& cookie);
    Principal by_token(const std::string& token);
    void note_uses();  // writes them down when that was not done for five minutes
    [[nodiscard]] std::vector<Session> sessions() const;
    [[nodiscard]] std::optional<Session> session(const std::string& id) const;
    Result<std::size_t> end_session(const std::string& id);                   // not_found
    Result<std::size_t> end_sessions(const std::string& all_but);             // how many

    // --- API tokens ---
    struct Token {
        std::string id, name;  // "k-..."
        Scope scope = Scope::read;
        WallTime created;
        std::optional<WallTime> expires, last_used;
    };
    Result<std::pair<Token, std::string>> add_token(const std::string& name, Scope scope, std::optional<Millis> life);  // and its text
    [[nodiscard]] std::vector<Token> tokens() const;
    Status remove_token(const std::string& id);  // not_found

    void set_session_idle(Millis idle);
    Status flush();  // notes of uses, too

  private:
    struct StoredSession : Session {
        std::string hash;
    };
    struct StoredToken : Token {
        std::string hash;
    };

    Accounts(AccountsOptions options, Clock& clock) : options_(std::move(options)), clock_(clock), delay_(clock) {}
    Status load();
    Status save();  // without a lock: whoever signs in must not make others wait for the disk
    [[nodiscard]] Json to_json() const;
    [[nodiscard]] WallTime end_of(const Session& session) const;
    void forget_old();  // lock held
    Status check_password(const std::string& password);
    Status store_password(const std::string& password);

    AccountsOptions options_;
    Clock& clock_;
    LoginDelay delay_;
    std::mutex hashing_;  // one scrypt at a time; taken before mutex_
    std::mutex writing_;  // the file; taken before mutex_, which is not held while it is written
    mutable std::mutex mutex_;
    std::string salt_, hash_;  // "" = no password
    std::vector<StoredSession> sessions_;
    std::vector<StoredToken> tokens_;
    std::optional<Code> code_;
    WallTime code_made_{};
    WallTime saved_{};
};

}  // namespace oracxfs
