#pragma once
// A JSON API behind bearer tokens: signs requests, renews the token once after a 401, waits as told by Retry-After, and
// slows down after 429s by a token bucket that recovers (learned pace). Thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "providers/http/http_client.h"
#include "providers/http/oauth.h"

namespace oracxfs::http {

struct ApiOptions {
    double requests_per_second_max = 0;  // 0 = until the service objects
    // Some services say "slow down" with another status than 429, or use 429 for something else. Default: 429, and 503 as
    // the answer to an idempotent request.
    std::function<bool(const Response&)> is_throttle;
    // Which answers a new token may cure. Default: 401. Others (Dropbox's 401 missing_scope) come back as a Response.
    std::function<bool(const Response&)> is_stale_token;
    Millis throttle_wait_max{20'000};  // all waits of a call; longer ones are not slept here: the answer is Errc::throttled with retry_after
};

class ApiClient {
  public:
    static std::unique_ptr<ApiClient> make(Client& client, TokenSource& tokens, Clock& clock, ApiOptions options);
    virtual ~ApiClient() = default;

    // As Client::perform, with request.bearer filled in. 401: token renewed, repeated once (a request whose sink already took
    // bytes is not repeated), then Errc::unauthenticated. A throttled request is repeated after the wait while
    // ctx and throttle_wait_max allow, else Errc::throttled. 5xx and other statuses come back as a Response.
    virtual Result<Response> perform(const OpContext& ctx, Request request) = 0;
    [[nodiscard]] virtual Client& client() = 0;
};

// The body as JSON of at most 64 levels. unavailable ("not JSON") for anything else, e.g. a captive portal's HTML.
Result<Json> json_body(const Response& response);

}  // namespace oracxfs::http
