// Ends a grant: RFC 7009, and Dropbox's call of its own.

#include "providers/http/api_client.h"
#include "providers/http/oauth_wire.h"

namespace oracxfs::http {
namespace {

constexpr const char* kWhat = "end the access at the service";

Status by_form(Client& client, const OpContext& ctx, const OAuthEndpoints& endpoints, const TokenRecord& record) {
    // With the refresh token all access tokens end that came from it.
    const std::string& token = record.refresh_token.empty() ? record.access_token : record.refresh_token;
    const std::string body = form(Fields{{"token", token}});
    Request request;
    request.method = "POST";
    request.url = endpoints.revoke_url;
    request.content_type = "application/x-www-form-urlencoded";
    request.body = std::as_bytes(std::span(body));
    ORACX_TRY(const Response response, client.perform(ctx, request));
    if (response.ok()) return {};
    const auto json = json_body(response);
    const std::string error = json ? (*json)["error"].as_string() : std::string();
    if (response.status < 500 && (error == "invalid_token" || error == "invalid_grant")) return {};
    return fail(Error(Errc::unavailable, kWhat, "status " + std::to_string(response.status)).with_native(response.status));
}

Result<int> call_with(Client& client, const OpContext& ctx, const std::string& url, const std::string& access_token) {
    constexpr std::string_view kNull = "null";
    Request request;
    request.method = "POST";
    request.url = url;
    request.bearer = access_token;
    request.content_type = "application/json";
    request.body = std::as_bytes(std::span(kNull));
    ORACX_TRY(const Response response, client.perform(ctx, request));
    if (!response.ok() && response.status != 401)
        return fail(Error(Errc::unavailable, kWhat, "status " + std::to_string(response.status)).with_native(response.status));
    return response.status;
}

// An access token that has ended is refused like one whose grant has ended: only a new one tells them apart.
Status by_bearer(Client& client, const OpContext& ctx, const OAuthEndpoints& endpoints, const TokenRecord& record) {
    if (!record.access_token.empty()) {
        ORACX_TRY(const int status, call_with(client, ctx, endpoints.revoke_url, record.access_token));
        if (status != 401) return {};
    }
    if (record.refresh_token.empty()) return {};
    Fields fields{{"grant_type", "refresh_token"}, {"refresh_token", record.refresh_token}, {"client_id", record.client_id}};
    if (endpoints.secret_in_refresh && !record.client_secret.empty())
        fields.emplace_back("client_secret", record.client_secret);
    const std::string body = form(fields);
    Request request;
    request.method = "POST";
    request.url = endpoints.token_url;
    request.content_type = "application/x-www-form-urlencoded";
    request.body = std::as_bytes(std::span(body));
    ORACX_TRY(const Response response, client.perform(ctx, request));
    const TokenReply reply = read_token_reply(response, WallTime{});
    if (!reply.answer && reply.error == "invalid_grant") return {};
    if (!reply.answer) return fail(to_error(reply, kWhat));
    ORACX_TRYV(call_with(client, ctx, endpoints.revoke_url, reply.answer->access_token));
    return {};
}

}  // namespace

Status revoke(Client& client, const OpContext& ctx, const OAuthEndpoints& endpoints, const TokenRecord& record) {
    if (endpoints.revoke_url.empty()) return fail(Errc::unsupported, kWhat, "the service has no way to do that");
    return endpoints.revoke_by_bearer ? by_bearer(client, ctx, endpoints, record) : by_form(client, ctx, endpoints, record);
}

}  // namespace oracxfs::http
