// The token endpoint of OAuthEmulator, and what leads to it without a browser: device codes and revocation.

#include <algorithm>

#include "providers/http/http_client.h"
#include "tests/emulators/oauth_state.h"

namespace oracxfs::test {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

bool is_form(const HttpsRequest& request) {
    const std::string_view type = request.header("content-type");
    return request.method == "POST" && type.substr(0, type.find(';')) == kFormType;
}

// RFC 7636, 4.1.
bool is_verifier(std::string_view text) {
    return text.size() >= 43 && text.size() <= 128 &&
           text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") ==
               std::string_view::npos;
}

}  // namespace

HttpsResponse OAuthEmulator::token(HttpsRequest& request) {
    // Secrets in addresses end up in logs.
    if (!request.query.empty()) return oauth_error(400, "invalid_request", "parameters belong in the body");
    if (!is_form(request)) return oauth_error(400, "invalid_request", "Content-Type must be " + std::string(kFormType));
    auto form = Form::parse(request.body());
    if (!form) return oauth_error(400, "invalid_request", "a parameter is repeated or not well encoded");
    if (const std::string_view header = request.header("authorization"); !header.empty()) {
        if (dialect_ == OAuthDialect::google || !header.starts_with("Basic "))
            return oauth_error(400, "invalid_request", "client authentication belongs in the body");
        form->has_basic = true;
        std::string plain(header.substr(6));
        std::replace(plain.begin(), plain.end(), '+', '-');
        std::replace(plain.begin(), plain.end(), '/', '_');
        while (plain.ends_with('=')) plain.pop_back();
        const std::string pair = from_base64url(plain).value_or("");
        form->basic_id = pair.substr(0, pair.find(':'));
        form->basic_secret = pair.find(':') == std::string::npos ? "" : pair.substr(pair.find(':') + 1);
        if (form->find("client_secret")) return oauth_error(400, "invalid_request", "two ways of client authentication");
    }
    const std::lock_guard lock(mutex_);
    const std::string kind = form->get("grant_type");
    if (kind == "authorization_code") return exchange(*form);
    if (kind == "refresh_token") return refresh(*form);
    if (dialect_ == OAuthDialect::google && kind == "urn:ietf:params:oauth:grant-type:device_code") return poll_device(*form);
    if (dialect_ == OAuthDialect::google && kind == "urn:ietf:params:oauth:grant-type:jwt-bearer") return assertion(*form);
    return oauth_error(400, kind.empty() ? "invalid_request" : "unsupported_grant_type");
}

std::optional<HttpsResponse> OAuthEmulator::wrong_client(const Form& form, bool secret_wanted) const {
    const std::string id = form.has_basic ? form.basic_id : form.get("client_id");
    if (id.empty()) return oauth_error(400, "invalid_request", "client_id is missing.");
    const OAuthClient* const client = find_client(id);
    if (client == nullptr || state_->client_removed)
        return oauth_error(dialect_ == OAuthDialect::google ? 401 : 400, "invalid_client", "The OAuth client was not found.");
    const std::optional<std::string> secret = form.has_basic ? form.basic_secret : form.find("client_secret");
    if (!secret && secret_wanted) return oauth_error(400, "invalid_request", "client_secret is missing.");
    if (secret && *secret != client->secret) return oauth_error(401, "invalid_client", "Unauthorized");
    return std::nullopt;
}

HttpsResponse OAuthEmulator::issue(std::uint64_t number, const std::set<std::string>& scopes, bool with_refresh) {
    State& s = *state_;
    State::Grant& grant = s.grants.at(number);
    const bool google = dialect_ == OAuthDialect::google;
    const std::string access = make_name(google ? "ya29.a0" : "sl.u.", 140);
    s.access[access] = {number, scopes, clock_.wall() + s.options.token_lifetime, false};
    Json body = Json::object({{"access_token", access}, {"token_type", google ? "Bearer" : "bearer"}});
    const std::int64_t seconds = s.options.token_lifetime.count();
    switch (s.options.expires_in) {
        case OAuthOptions::ExpiresIn::number: body.set("expires_in", seconds); break;
        case OAuthOptions::ExpiresIn::text: body.set("expires_in", std::to_string(seconds)); break;
        case OAuthOptions::ExpiresIn::absent: break;
    }
    if (with_refresh) {
        grant.refresh_token = make_name(google ? "1//0g" : "", 64);
        body.set("refresh_token", grant.refresh_token);
    }
    if (google || with_refresh) body.set("scope", joined(scopes));
    return HttpsResponse::json(body.dump());
}

HttpsResponse OAuthEmulator::exchange(const Form& form) {
    State& s = *state_;
    const bool google = dialect_ == OAuthDialect::google;
    const auto verifier = form.find("code_verifier");
    if (!google && verifier && (form.find("client_secret") || form.has_basic))
        return oauth_error(400, "invalid_request", "both code_verifier and client_secret");
    if (auto wrong = wrong_client(form, google || !verifier)) return *wrong;
    const auto it = s.codes.find(form.get("code"));
    const std::string gone = google ? "Malformed auth code." : "code doesn't exist or has expired";
    if (it == s.codes.end()) return oauth_error(400, "invalid_grant", gone);
    State::Code& code = it->second;
    if (code.grant != 0) {
        // RFC 6749, 4.1.2: a code presented twice may have been stolen.
        s.grants.at(code.grant).alive = false;
        return oauth_error(400, "invalid_grant", gone);
    }
    const std::string client_id = form.has_basic ? form.basic_id : form.get("client_id");
    if (code.client_id != client_id || code.expires <= clock_.wall()) return oauth_error(400, "invalid_grant", gone);
    if (code.redirect_uri != form.find("redirect_uri"))
        return google ? oauth_error(400, "redirect_uri_mismatch", "Bad Request")
                      : oauth_error(400, "invalid_grant", "redirect_uri mismatch");
    if (code.challenge.empty() == verifier.has_value()) return oauth_error(400, "invalid_grant", "code_verifier");
    if (verifier && (!is_verifier(*verifier) || base64url(sha256_bytes(*verifier)) != code.challenge))
        return oauth_error(400, "invalid_grant", google ? "Invalid code verifier." : "invalid code verifier");
    code.grant = ++s.last_grant;
    s.grants[code.grant] = {client_id, code.scopes, {}, true, {}, {}};
    ++s.exchanges;
    HttpsResponse response = issue(code.grant, code.scopes, code.offline && s.options.refresh_token_at_exchange);
    if (google) return response;
    Json body = parse_json(response.body).value_or(Json());
    body.set("scope", joined(code.scopes));
    body.set("uid", "12345");
    body.set("account_id", "dbid:AAtest0000000000000000000000000000000");
    return HttpsResponse::json(body.dump());
}

HttpsResponse OAuthEmulator::refresh(const Form& form) {
    State& s = *state_;
    const bool google = dialect_ == OAuthDialect::google;
    if (auto wrong = wrong_client(form, google)) return *wrong;
    const std::string refresh_token = form.get("refresh_token");
    if (refresh_token.empty()) return oauth_error(400, "invalid_request", "refresh_token is missing");
    const auto it = std::find_if(s.grants.begin(), s.grants.end(), [&](const auto& pair) {
        return pair.second.refresh_token == refresh_token && pair.second.alive;
    });
    const std::string client_id = form.has_basic ? form.basic_id : form.get("client_id");
    if (it == s.grants.end() || it->second.client_id != client_id)
        return oauth_error(400, "invalid_grant",
                           google ? "Token has been expired or revoked." : "refresh token is invalid or revoked");
    std::set<std::string> scopes = it->second.scopes;
    if (const auto wanted = form.find("scope")) {
        const std::set<std::string> subset = words_of(*wanted);
        if (!std::includes(scopes.begin(), scopes.end(), subset.begin(), subset.end()))
            return oauth_error(400, "invalid_scope", "Some requested scopes were invalid.");
        scopes = subset;
    }
    ++s.refreshes;
    return issue(it->first, scopes, s.options.rotate_refresh);
}

HttpsResponse OAuthEmulator::device_code(HttpsRequest& request) {
    if (!is_form(request) || !request.query.empty()) return oauth_error(400, "invalid_request");
    const auto form = Form::parse(request.body());
    if (!form) return oauth_error(400, "invalid_request");
    const std::lock_guard lock(mutex_);
    State& s = *state_;
    const OAuthClient* const client = find_client(form->get("client_id"));
    if (client == nullptr || client->kind != ClientKind::device || s.client_removed)
        return oauth_error(401, "invalid_client", "Invalid client type.");
    const std::set<std::string> scopes = words_of(form->get("scope"));
    static const std::set<std::string> allowed{"email", "openid", "profile", "https://www.googleapis.com/auth/drive.appdata",
                                               "https://www.googleapis.com/auth/drive.file"};
    if (scopes.empty() || !std::includes(allowed.begin(), allowed.end(), scopes.begin(), scopes.end()))
        return oauth_error(400, "invalid_scope", "Invalid device flow scope: " + form->get("scope"));
    const std::string code = make_name("AH-1", 40);
    State::Device& device = s.devices[code];
    device.user_code = make_name("", 4) + "-" + make_name("", 4);
    device.client_id = client->id;
    device.scopes = scopes;
    device.interval = s.options.device_interval;
    device.expires = clock_.wall() + std::chrono::seconds(1800);
    return HttpsResponse::json(Json::object({{"device_code", code},
                                             {"user_code", device.user_code},
                                             {"verification_url", "https://www.google.com/device"},
                                             {"expires_in", 1800},
                                             {"interval", std::int64_t{device.interval.count()}}})
                                   .dump());
}

HttpsResponse OAuthEmulator::poll_device(const Form& form) {
    using Answer = State::Device::Answer;
    State& s = *state_;
    if (auto wrong = wrong_client(form, true)) return *wrong;
    const auto it = s.devices.find(form.get("device_code"));
    if (it == s.devices.end() || it->second.client_id != form.get("client_id"))
        return oauth_error(400, "invalid_grant", "Malformed device code.");
    State::Device& device = it->second;
    const SteadyTime now = clock_.steady();
    const bool early = device.polled && now < *device.polled + device.interval;
    device.polled = now;
    if (device.answer == Answer::denied) return oauth_error(403, "access_denied", "Forbidden");
    if (device.answer == Answer::expired || device.expires <= clock_.wall()) return oauth_error(400, "expired_token");
    if (early) {
        device.interval += std::chrono::seconds(5);
        return oauth_error(403, "slow_down", "Forbidden");
    }
    if (device.answer == Answer::pending) return oauth_error(428, "authorization_pending", "Precondition Required");
    const std::uint64_t number = ++s.last_grant;
    s.grants[number] = {device.client_id, device.scopes, {}, true, {}, {}};
    const std::set<std::string> scopes = device.scopes;
    s.devices.erase(it);
    return issue(number, scopes, true);
}

void OAuthEmulator::approve_device(const std::string& user_code) {
    const std::lock_guard lock(mutex_);
    for (auto& [code, device] : state_->devices)
        if (device.user_code == user_code) device.answer = State::Device::Answer::approved;
}

void OAuthEmulator::deny_device(const std::string& user_code) {
    const std::lock_guard lock(mutex_);
    for (auto& [code, device] : state_->devices)
        if (device.user_code == user_code) device.answer = State::Device::Answer::denied;
}

void OAuthEmulator::expire_device(const std::string& user_code) {
    const std::lock_guard lock(mutex_);
    for (auto& [code, device] : state_->devices)
        if (device.user_code == user_code) device.answer = State::Device::Answer::expired;
}

std::chrono::seconds OAuthEmulator::device_interval(const std::string& user_code) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [code, device] : state_->devices)
        if (device.user_code == user_code) return device.interval;
    return std::chrono::seconds(0);
}

HttpsResponse OAuthEmulator::revoke_token(HttpsRequest& request) {
    if (!is_form(request) || !request.query.empty()) return oauth_error(400, "invalid_request");
    const auto form = Form::parse(request.body());
    if (!form || form->get("token").empty()) return oauth_error(400, "invalid_request");
    const std::lock_guard lock(mutex_);
    State& s = *state_;
    const std::string token = form->get("token");
    bool found = false;
    std::string client_id;
    for (auto& [number, grant] : s.grants) {
        const auto access = s.access.find(token);
        const bool ours = grant.refresh_token == token || (access != s.access.end() && access->second.grant == number);
        if (!ours || !grant.alive) continue;
        found = true;
        client_id = grant.client_id;
    }
    if (!found) return oauth_error(400, "invalid_token", "Token expired or revoked");
    // All clients of the project lose all that the user granted to it.
    for (auto& [number, grant] : s.grants)
        if (grant.service_account.empty()) grant.alive = false;
    ++s.revocations;
    return HttpsResponse::json("{}");
}

}  // namespace oracxfs::test
