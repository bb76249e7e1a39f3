// Signing in with a browser on another device: RFC 8628, and Google's differences from it.

#include <algorithm>

#include "providers/http/api_client.h"
#include "providers/http/oauth_wire.h"
#include "providers/wait.h"

namespace oracxfs::http {
namespace {

constexpr const char* kWhat = "sign in by device code";
constexpr std::int64_t kSecondsMax = 24 * 60 * 60;

Fields with_secret(Fields fields, const SignInRequest& request) {
    if (request.endpoints.secret_in_refresh && !request.client_secret.empty())
        fields.emplace_back("client_secret", request.client_secret);
    return fields;
}

Millis seconds_of(const Json& value, std::int64_t fallback) {
    return std::chrono::seconds(std::clamp<std::int64_t>(value.as_int(fallback), 1, kSecondsMax));
}

}  // namespace

Result<DeviceCode> begin_device_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request) {
    const std::string body = form(Fields{{"client_id", request.client_id}, {"scope", joined_scopes(request.endpoints.scopes)}});
    Request post;
    post.method = "POST";
    post.url = request.endpoints.device_url;
    post.headers = {{"Accept", "application/json"}};
    post.content_type = "application/x-www-form-urlencoded";
    post.body = std::as_bytes(std::span(body));
    const SteadyTime asked = clock.steady();
    ORACX_TRY(const Response response, client.perform(ctx, post));
    const auto json = json_body(response);
    const bool has_code = json && response.ok() && (*json)["device_code"].is_string();
    if (!has_code) {
        const TokenReply reply = read_token_reply(response, clock.wall());
        Error error = to_error(reply, kWhat);
        if (reply.error == "rate_limit_exceeded") error.code = Errc::throttled;
        return fail(std::move(error));
    }
    DeviceCode code;
    code.device_code = (*json)["device_code"].as_string();
    code.user_code = (*json)["user_code"].as_string();
    // RFC 8628 says verification_uri, Google verification_url.
    code.verification_url = (*json)["verification_url"].as_string();
    if (code.verification_url.empty()) code.verification_url = (*json)["verification_uri"].as_string();
    if (code.user_code.empty() || code.verification_url.empty())
        return fail(Errc::unavailable, kWhat, "the service named no code or no address");
    code.interval = seconds_of((*json)["interval"], 5);
    code.expires = asked + seconds_of((*json)["expires_in"], 1800);
    return code;
}

Result<TokenRecord> finish_device_sign_in(Client& client, const OpContext& ctx, Clock& clock, const SignInRequest& request,
                                          const DeviceCode& code) {
    const TokenPost post{request.endpoints.token_url,
                         with_secret({{"client_id", request.client_id},
                                      {"device_code", code.device_code},
                                      {"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}},
                                     request)};
    Millis interval = std::max<Millis>(code.interval, std::chrono::seconds(1));
    bool doubled = false;
    for (;;) {
        if (clock.steady() + interval >= code.expires)
            return fail(Errc::unauthenticated, kWhat, "the code has expired before it was entered: start again");
        clock.sleep_for(interval, ctx.stop);
        ORACX_TRYV(still_wanted(ctx, clock));
        const WallTime now = clock.wall();
        auto reply = post_token(client, ctx, clock, post);
        ORACX_TRYV(still_wanted(ctx, clock));
        if (reply && reply->answer) return first_record(*reply->answer, request, now + clock_skew(*reply, clock.wall()));
        const std::string error = reply ? reply->error : std::string();
        if (error == "authorization_pending") continue;
        if (error == "slow_down") {
            interval += std::chrono::seconds(5);
        } else if (error == "access_denied") {
            return fail(Errc::unauthenticated, kWhat, "it was declined");
        } else if (error == "expired_token" || error == "invalid_grant") {
            return fail(Errc::unauthenticated, kWhat, "the code has expired: start again");
        } else if (reply && !reply->transient) {
            return fail(to_error(*reply, kWhat));
        } else if (!std::exchange(doubled, true)) {
            interval *= 2;  // RFC 8628, 3.5: a line that is overloaded
        }
    }
}

}  // namespace oracxfs::http
