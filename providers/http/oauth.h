#pragma once
// OAuth 2.0 for native apps: RFC 6749, 7636 (PKCE), 8252 (loopback), 8628 (device), 7523 (service accounts).
//
// A TokenSource hands out access tokens and renews them: one refresh at a time whoever asks, well before the end of their
// life, with the server's Date as the clock where it differs. Refreshed tokens are merged into the stored record (an
// absent refresh_token keeps the old one) and stored before they are used. Only `invalid_grant` is final.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/op_context.h"
#include "base/result.h"
#include "providers/http/http_client.h"

namespace oracxfs::http {

// Where tokens are kept: the provider's secret "token". Thread-safe.
struct TokenStore {
    std::function<Result<std::string>()> load;                     // JSON text of a TokenRecord; not_found if none
    std::function<Status(const std::string& text)> save;
};

// The stored form; secret as a whole.
struct TokenRecord {
    std::string access_token;
    std::string refresh_token;        // "": short-lived token only
    std::optional<WallTime> expires;  // nothing: unknown, only a 401 tells
    std::string scope;
    std::string client_id;
    std::string client_secret;        // "" for PKCE-only clients
    std::string account;              // for people: e-mail or name, if known
    std::string account_id;           // Dropbox: account_id of the token answer; else filled by the provider
    std::optional<WallTime> signed_in;  // when a person last agreed
    std::string dump() const;         // JSON
    static Result<TokenRecord> parse(std::string_view text);
};

struct OAuthEndpoints {
    std::string authorize_url, token_url, device_url, revoke_url;  // "" where the service has none
    std::vector<std::string> scopes;
    std::vector<std::pair<std::string, std::string>> authorize_extra;  // token_access_type=offline, access_type=offline, ...
    bool secret_in_refresh = false;    // send client_secret where one is known, in every request to token_url
    Millis default_life{3'600'000};    // if expires_in is absent
    bool revoke_by_bearer = false;     // Dropbox: an API call with the access token; else a form with the token (RFC 7009)
    std::string sign_in_command;       // for messages: "oracxfs dropbox --name NAME"; "" = "sign in again"
    // Google ends grants of projects in "Testing" after a week: a hint for the message when a grant died at that age.
    std::string week_hint;
};

class TokenSource {
  public:
    virtual ~TokenSource() = default;
    // A token that is good for at least a minute. unauthenticated: sign in again (says how; final until the record
    // changes); unavailable: the token service can't be reached.
    virtual Result<std::string> token(const OpContext& ctx) = 0;
    // The service answered 401 to this token: the next token() renews it, unless somebody did so already. Three new
    // tokens in a row that are refused make token() fail with unauthenticated for two minutes, or until the record changes.
    virtual void refused(const std::string& token) = 0;
    virtual void accepted() = 0;  // the token worked
};

// Reads the record at first use and again after `unauthenticated` when it changed (the user signed in anew).
std::unique_ptr<TokenSource> make_token_source(Client& client, Clock& clock, OAuthEndpoints endpoints, TokenStore store);

// Google service account: the key file's JSON text; RS256 by OpenSSL (RFC 7523). config if the key is of no use.
Result<std::unique_ptr<TokenSource>> make_service_account_source(Client& client, Clock& clock, std::string_view key_json,
                                                                 std::vector<std::string> scopes, std::string token_url,
                                                                 std::string subject = {});  // whom to act for; "" = itself

// A client JSON as downloaded from Google ("installed" or "web"); recognises service-account keys and other files given by
// mistake and says so (Errc::config).
struct GoogleClient {
    std::string client_id, client_secret;
    bool web = false;
};
Result<GoogleClient> parse_google_client(std::string_view text);

// --- signing in ---

struct Pkce {
    std::string verifier, challenge;
};
Pkce make_pkce();

struct SignInRequest {
    std::string client_id, client_secret;
    OAuthEndpoints endpoints;
};

// One attempt: where to send the browser, and what must come back.
struct SignIn {
    std::string url;
    std::string state;
    std::string redirect_uri;  // "" = the page shows a code to paste (Dropbox)
    Pkce pkce;
};
SignIn begin_sign_in(const SignInRequest& request, std::string redirect_uri);
// What was pasted: a bare code, or the whole address the browser ended at (checks state, `error`, doubled parameters).
Result<std::string> code_from_paste(const SignIn& sign_in, std::string_view pasted);
// Exchanges the code. Says what is missing: no refresh token, scopes that were not granted.
Result<TokenRecord> finish_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request,
                                   const SignIn& sign_in, const std::string& code);

// Waits on 127.0.0.1 (and ::1 when `host` is "localhost") for the browser's redirect. Rules of the reference: other paths
// 404, wrong state 403 and wait on, doubled parameter 400, `error=` ends.
class LoopbackReceiver {
  public:
    // port 0 = any. unavailable when the port is taken.
    // Once the code is there, the browser is led to an address without it: `farewell` is how long it is waited for there.
    static Result<std::unique_ptr<LoopbackReceiver>> listen(std::string host, std::uint16_t port, std::string path = "/",
                                                            Millis farewell = Millis(1'000));
    virtual ~LoopbackReceiver() = default;
    [[nodiscard]] virtual std::string redirect_uri() const = 0;
    virtual Result<std::string> wait(const OpContext& ctx, const SignIn& sign_in) = 0;  // the code
};

struct DeviceCode {
    std::string user_code, verification_url, device_code;
    Millis interval{5'000};
    SteadyTime expires{};
};
Result<DeviceCode> begin_device_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request);
// Polls as RFC 8628 says (authorization_pending, slow_down) until signed in, declined or expired.
Result<TokenRecord> finish_device_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request,
                                          const DeviceCode& code);

// Ends the grant at the service. Already ended = success.
Status revoke(Client& client, const OpContext& ctx, const OAuthEndpoints& endpoints, const TokenRecord& record);

}  // namespace oracxfs::http
