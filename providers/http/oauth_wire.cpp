#include "providers/http/oauth_wire.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <sstream>

#include "base/log.h"
#include "providers/http/api_client.h"
#include "providers/wait.h"

namespace oracxfs::http {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 1u << 20;
constexpr Millis kAnswerTime{30'000};
constexpr Millis kLifeMin = std::chrono::minutes(1);
constexpr Millis kLifeMax = std::chrono::hours(24);
constexpr Millis kSkewMin = std::chrono::minutes(1);
constexpr std::size_t kWordsMax = 300;

// What a server or a web page says, made fit for one line of a terminal.
std::string for_people(std::string_view text) {
    std::string clean;
    for (const char c : text.substr(0, kWordsMax)) {
        const auto byte = static_cast<unsigned char>(c);
        clean += byte < 0x20 || byte == 0x7f ? ' ' : c;
    }
    return clean;
}

// A number, or a number in quotes.
std::optional<Millis> life_of(const Json& value) {
    double seconds = 0;
    if (value.is_number()) {
        seconds = value.as_double();
    } else if (const std::string& text = value.as_string(); !text.empty()) {
        std::int64_t whole = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
        if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
        seconds = static_cast<double>(whole);
    } else {
        return std::nullopt;
    }
    if (!std::isfinite(seconds)) return std::nullopt;
    const double most = std::chrono::duration<double>(kLifeMax).count();
    return std::clamp(Millis(static_cast<std::int64_t>(std::clamp(seconds, 0.0, most) * 1000)), kLifeMin, kLifeMax);
}

bool is_transient(int status, const std::string& error) {
    static constexpr std::array<int, 6> kStatuses{408, 429, 500, 502, 503, 504};
    static constexpr std::array<std::string_view, 3> kErrors{"internal_failure", "server_error",
                                                             "temporarily_unavailable"};
    return status >= 500 || std::find(kStatuses.begin(), kStatuses.end(), status) != kStatuses.end() ||
           std::find(kErrors.begin(), kErrors.end(), error) != kErrors.end();
}

bool fits_a_header(const std::string& token) {
    return std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

TokenReply read_token_reply(const Response& response, WallTime now) {
    TokenReply reply;
    reply.status = response.status;
    reply.retry_after = response.retry_after(now);
    reply.date = parse_http_date(response.header("date"));
    const auto json = json_body(response);
    if (!json || !json->is_object()) {
        // Portals and proxies answer with HTML, also with status 200.
        reply.transient = true;
        reply.description = "the answer is not JSON: is a portal or proxy in between?";
        return reply;
    }
    // Some services put errors into a 200, and Google's device endpoint says error_code.
    reply.error = for_people((*json)["error"].as_string());
    if (reply.error.empty()) reply.error = for_people((*json)["error_code"].as_string());
    reply.description = for_people((*json)["error_description"].as_string());
    reply.transient = is_transient(response.status, reply.error);
    const std::string& token = (*json)["access_token"].as_string();
    if (!response.ok() || !reply.error.empty() || (*json).find("error") != nullptr) return reply;
    if (token.empty() || !fits_a_header(token)) {
        reply.transient = true;
        reply.description = "the answer has no access token";
        return reply;
    }
    TokenAnswer answer;
    answer.access_token = token;
    answer.refresh_token = (*json)["refresh_token"].as_string();
    if ((*json)["scope"].is_string()) answer.scope = (*json)["scope"].as_string();
    answer.life = life_of((*json)["expires_in"]);
    answer.account_id = (*json)["account_id"].as_string();
    answer.team_id = (*json)["team_id"].as_string();
    reply.answer = std::move(answer);
    return reply;
}

Result<TokenReply> post_token(Client& client, const OpContext& ctx, Clock& clock, const TokenPost& post) {
    const std::string body = form(post.fields);
    Request request;
    request.method = "POST";
    request.url = post.url;
    request.headers = {{"Accept", "application/json"}};
    request.content_type = "application/x-www-form-urlencoded";
    request.body = std::as_bytes(std::span(body));
    request.idempotent = post.idempotent;
    request.response_max = kAnswerBytesMax;
    OpContext limited = ctx;
    const SteadyTime own = clock.steady() + kAnswerTime;
    if (!limited.deadline || own < *limited.deadline) limited.deadline = own;
    auto response = client.perform(limited, request);
    if (!response) {
        // Our own limit is the service's fault, not the caller's wish.
        if (response.error().code == Errc::deadline && still_wanted(ctx, clock))
            return fail(Error(post.idempotent ? Errc::unavailable : Errc::outcome_unknown,
                              "the token service does not answer"));
        return fail(std::move(response).error());
    }
    return read_token_reply(*response, clock.wall());
}

Error to_error(const TokenReply& reply, std::string what) {
    std::string why = reply.error;
    if (!reply.description.empty()) why += (why.empty() ? "" : ": ") + reply.description;
    if (why.empty()) why = fmt::format("status {}", reply.status);
    Errc code = Errc::config;
    if (reply.transient)
        code = Errc::unavailable;
    else if (reply.error == "invalid_grant")
        code = Errc::unauthenticated;
    else if (reply.error == "invalid_client")
        why += " (is the client id or secret wrong, deleted, or of another kind of client?)";
    else if (reply.error == "redirect_uri_mismatch")
        why += " (the redirect address must be registered exactly as it is, or the client be of the kind \"Desktop app\")";
    Error error(code, std::move(what), std::move(why));
    error.native = reply.status;
    if (reply.transient) error.retry_after = reply.retry_after;
    return error;
}

Millis clock_skew(const TokenReply& reply, WallTime now) {
    if (!reply.date) return Millis(0);
    const auto skew = std::chrono::duration_cast<Millis>(*reply.date - now);
    return skew < kSkewMin && skew > -kSkewMin ? Millis(0) : skew;
}

std::string how_to_sign_in(const OAuthEndpoints& endpoints) {
    return endpoints.sign_in_command.empty() ? "sign in again" : "sign in again with `" + endpoints.sign_in_command + "`";
}

std::string base64url(std::span<const std::uint8_t> bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    while (text.ends_with('=')) text.pop_back();
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
}

bool equal_secrets(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string joined_scopes(const std::vector<std::string>& scopes) {
    std::string text;
    for (const std::string& scope : scopes) text += (text.empty() ? "" : " ") + scope;
    return text;
}

std::vector<std::string> missing_scopes(const std::vector<std::string>& wanted, std::string_view granted) {
    std::istringstream stream{std::string(granted)};
    std::set<std::string> has;
    for (std::string scope; stream >> scope;) has.insert(scope);
    std::vector<std::string> missing;
    for (const std::string& scope : wanted)
        if (!has.contains(scope)) missing.push_back(scope);
    return missing;
}

Result<TokenRecord> first_record(const TokenAnswer& answer, const SignInRequest& request, WallTime now) {
    const OAuthEndpoints& endpoints = request.endpoints;
    if (!answer.team_id.empty() && answer.account_id.empty())
        return fail(Errc::unauthenticated, "sign in", "this is a grant for a whole team; choose one person's account");
    if (answer.refresh_token.empty())
        return fail(Errc::unauthenticated, "sign in",
                    "the service gave no refresh token, so access would end within hours; remove this app's access in your "
                    "account's settings and sign in again");
    if (answer.scope) {
        const auto missing = missing_scopes(endpoints.scopes, *answer.scope);
        if (!missing.empty())
            return fail(Errc::unauthenticated, "sign in",
                        "not all permissions were granted; missing: " + joined_scopes(missing) +
                            "; tick them (also in the app's own settings, if it is yours) and sign in again");
    }
    TokenRecord record;
    record.access_token = answer.access_token;
    record.refresh_token = answer.refresh_token;
    record.expires = now + answer.life.value_or(endpoints.default_life);
    record.scope = answer.scope.value_or(joined_scopes(endpoints.scopes));
    record.client_id = request.client_id;
    record.client_secret = request.client_secret;
    record.account_id = answer.account_id;
    record.signed_in = now;
    log::redact_value(record.refresh_token);
    return record;
}

Redirect read_redirect(std::string_view query, std::string_view expected_state) {
    std::map<std::string, std::string> found;
    query = query.substr(0, query.find('#'));
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = pair.find('=');
        auto name = percent_decode(pair.substr(0, equals), Decoding::form);
        auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1), Decoding::form);
        if (!name || !value || !found.emplace(std::move(*name), std::move(*value)).second) return {};
    }
    const auto state = found.find("state");
    if (state == found.end()) return {};
    Redirect redirect;
    if (expected_state.empty() || !equal_secrets(state->second, expected_state)) {
        redirect.kind = Redirect::Kind::foreign;
        return redirect;
    }
    const auto code = found.find("code");
    const auto error = found.find("error");
    if ((code == found.end()) == (error == found.end())) return {};
    if (error != found.end()) {
        redirect.kind = Redirect::Kind::declined;
        redirect.error = for_people(error->second);
        if (const auto words = found.find("error_description"); words != found.end())
            redirect.error += ": " + for_people(words->second);
    } else if (!code->second.empty() && fits_a_header(code->second)) {
        redirect.kind = Redirect::Kind::code;
        redirect.code = code->second;
    }
    return redirect;
}

}  // namespace oracxfs::http
