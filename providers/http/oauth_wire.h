#pragma once
// What the token endpoint is asked and what it answers, and small things that several ways of signing in share.

#include <cstdint>
#include <map>
#include <span>

#include "providers/http/oauth.h"

namespace oracxfs::http {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct TokenAnswer {
    std::string access_token, refresh_token;
    std::optional<std::string> scope;  // nothing = as asked for (RFC 6749, 5.1)
    std::optional<Millis> life;        // one minute to a day, whatever was said
    std::string account_id, team_id;   // Dropbox
};

// One answer of the token endpoint: tokens, or why there are none.
struct TokenReply {
    std::optional<TokenAnswer> answer;
    std::string error;        // RFC 6749, 5.2: decides
    std::string description;  // for people; without control characters and of limited length
    bool transient = false;   // nothing was decided: try again later
    int status = 0;
    std::optional<Millis> retry_after;
    std::optional<WallTime> date;  // the server's clock
};

TokenReply read_token_reply(const Response& response, WallTime now);

// A POST of a form to a token endpoint, of at most 30 s. Errors: those of Client::perform.
struct TokenPost {
    std::string url;
    Fields fields;
    bool idempotent = true;
};
Result<TokenReply> post_token(Client& client, const OpContext& ctx, Clock& clock, const TokenPost& post);

// unauthenticated for invalid_grant, unavailable for what is transient, config for the rest. `what`: "renew the access token".
Error to_error(const TokenReply& reply, std::string what);

// How much later the server's clock is than ours; 0 below a minute, which the network may explain.
Millis clock_skew(const TokenReply& reply, WallTime now);

// "oracxfs dropbox --name d" in backquotes, or plain words.
std::string how_to_sign_in(const OAuthEndpoints& endpoints);

std::string base64url(std::span<const std::uint8_t> bytes);
bool equal_secrets(std::string_view a, std::string_view b);  // takes as long whatever differs
std::string joined_scopes(const std::vector<std::string>& scopes);
// Those of `wanted` that `granted` (space-separated, any order) lacks.
std::vector<std::string> missing_scopes(const std::vector<std::string>& wanted, std::string_view granted);

// The record of a first sign-in; says what is missing.
Result<TokenRecord> first_record(const TokenAnswer& answer, const SignInRequest& request, WallTime now);

// --- the browser's way back (RFC 6749, 4.1.2) ---

struct Redirect {
    enum class Kind { code, declined, foreign, malformed };
    Kind kind = Kind::malformed;
    std::string code;
    std::string error;  // for people, for `declined`
};
Redirect read_redirect(std::string_view query, std::string_view expected_state);

}  // namespace oracxfs::http
