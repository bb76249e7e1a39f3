#pragma once
// OAuth 2.0 as Dropbox and Google speak it: authorise, token (authorization_code with PKCE, refresh_token, device code, JWT
// bearer), device code and revoke. Part of each emulated service; its endpoints in fault rules and counters are
// oauth.authorize, oauth.token, oauth.device and oauth.revoke.
//
// Thread-safe.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "tests/support/https_server.h"

namespace oracxfs::test {

enum class OAuthDialect { dropbox, google };

enum class ClientKind {
    installed,  // Dropbox: a public client with PKCE. Google: "Desktop app", needs its secret; the loopback's port is free
    web,        // redirect URIs exactly as registered
    device,     // Google: "TVs and Limited Input devices"
};

struct OAuthClient {
    std::string id, secret;
    ClientKind kind = ClientKind::installed;
    std::vector<std::string> redirect_uris;
    std::set<std::string> scopes;  // Dropbox: ticked in the console; empty = all
};

struct IssuedTokens {
    std::string access, refresh;
    std::string scope;  // separated by blanks
    std::chrono::seconds lifetime{0};
};

struct OAuthOptions {
    std::chrono::seconds token_lifetime{14'400};
    enum class ExpiresIn { number, text, absent } expires_in = ExpiresIn::number;
    bool rotate_refresh = false;             // each refresh gives a new refresh token and ends the old one
    bool refresh_token_at_exchange = true;   // Google leaves it out at a second consent
    std::set<std::string> declined_scopes;   // unticked by the user on the consent page
    bool user_declines = false;              // error=access_denied
    std::chrono::seconds date_skew{0};       // of the service's clock: in Date headers and for JWTs
    std::chrono::seconds device_interval{5};
};

class OAuthEmulator {
  public:
    OAuthEmulator(OAuthDialect dialect, Clock& clock, std::uint64_t seed);
    ~OAuthEmulator();
    OAuthEmulator(const OAuthEmulator&) = delete;
    OAuthEmulator& operator=(const OAuthEmulator&) = delete;

    // --- what a test needs to begin with ---
    [[nodiscard]] const OAuthClient& client() const { return client_; }         // installed
    [[nodiscard]] const OAuthClient& web_client() const { return web_client_; }
    [[nodiscard]] const OAuthClient& device_client() const { return device_client_; }
    [[nodiscard]] std::string client_json(const OAuthClient& client) const;     // as downloaded from Google
    [[nodiscard]] std::set<std::string> all_scopes() const;                     // that the dialect knows
    [[nodiscard]] std::string authorize_url() const, token_url() const, device_url() const, revoke_url() const;
    // Tokens as after a sign-in of the installed client; nothing = the scopes a provider needs (Google: drive.file).
    IssuedTokens grant(std::optional<std::set<std::string>> scopes = std::nullopt);
    IssuedTokens grant_expired();  // the access token is expired already, the refresh token good
    // The key file of a new service account; `subject`: whom it may act for (domain-wide delegation).
    std::string make_service_account(const std::string& email = "backup@demo.iam.gserviceaccount.com",
                                     std::set<std::string> subjects = {});
    // The user's browser: opens the address of a sign-in, agrees, and gives where it is sent to ("" = the page shows an
    // error). Without a redirect_uri: the code that the page shows (Dropbox).
    std::string browse(const std::string& authorize_address);
    void approve_device(const std::string& user_code);
    void deny_device(const std::string& user_code);
    void expire_device(const std::string& user_code);

    // --- changing the service ---
    void set_options(const OAuthOptions& options);
    [[nodiscard]] OAuthOptions options() const;
    void expire_access_tokens();     // all that were issued so far; refresh tokens stay good
    void invalidate_access_tokens(); // all that were issued so far: "invalid", as after revocation by the user
    void revoke_grants();            // refresh answers invalid_grant from now on, access tokens are invalid
    void remove_client();            // invalid_client

    [[nodiscard]] std::uint64_t refreshes() const;   // answered with a token
    [[nodiscard]] std::uint64_t exchanges() const;   // of codes
    [[nodiscard]] std::uint64_t assertions() const;  // JWTs
    [[nodiscard]] std::uint64_t revocations() const;
    [[nodiscard]] std::uint64_t live_grants() const;
    [[nodiscard]] std::chrono::seconds device_interval(const std::string& user_code) const;  // after slow_down

    // --- for the services ---
    enum class TokenState { good, expired, invalid };
    struct TokenInfo {
        TokenState state = TokenState::invalid;
        std::set<std::string> scopes;
        std::string service_account;  // "" = a person
        std::string subject;          // whom the service account acts for
        std::uint64_t grant = 0;
    };
    [[nodiscard]] TokenInfo look_up(std::string_view access_token) const;
    void expire(std::string_view access_token);
    void revoke(std::string_view access_token);  // with its refresh token and its siblings
    void set_base_url(std::string base_url) { base_url_ = std::move(base_url); }
    // "oauth.token" and so on; "" = not ours.
    [[nodiscard]] std::string endpoint_of(std::string_view path) const;
    HttpsResponse handle(const std::string& endpoint, HttpsRequest& request);
    [[nodiscard]] WallTime service_time() const;  // with the skew

  private:
    struct State;
    struct Form;
    HttpsResponse token(HttpsRequest& request);
    HttpsResponse exchange(const Form& form);
    HttpsResponse refresh(const Form& form);
    HttpsResponse poll_device(const Form& form);
    HttpsResponse assertion(const Form& form);
    HttpsResponse device_code(HttpsRequest& request);
    HttpsResponse revoke_token(HttpsRequest& request);
    HttpsResponse authorize(HttpsRequest& request);
    std::optional<HttpsResponse> wrong_client(const Form& form, bool secret_wanted) const;
    const OAuthClient* find_client(std::string_view id) const;
    HttpsResponse issue(std::uint64_t grant, const std::set<std::string>& scopes, bool with_refresh);
    std::string make_name(std::string_view prefix, std::size_t characters);
    std::set<std::string> default_scopes() const;

    const OAuthDialect dialect_;
    Clock& clock_;
    OAuthClient client_, web_client_, device_client_;
    std::string base_url_;
    mutable std::mutex mutex_;
    std::mt19937_64 random_;
    std::unique_ptr<State> state_;
};

}  // namespace oracxfs::test
