#include "tests/emulators/oauth_emulator.h"

#include <algorithm>
#include <stdexcept>

#include "base/hash.h"
#include "providers/http/http_client.h"
#include "tests/emulators/oauth_state.h"

namespace oracxfs::test {
namespace {

constexpr std::string_view kDriveScopes = "https://www.googleapis.com/auth/";

bool is_loopback(std::string_view uri) {
    if (!uri.starts_with("http://")) return false;
    uri.remove_prefix(7);
    const std::string_view host = uri.substr(0, uri.find('/'));
    for (const std::string_view name : {"127.0.0.1", "[::1]", "localhost"})
        if (host == name || (host.starts_with(name) && host[name.size()] == ':')) return true;
    return false;
}

HttpsResponse page(int status, const std::string& text) {
    return HttpsResponse::text("<!DOCTYPE html><html><body>" + text + "</body></html>", status, "text/html; charset=utf-8");
}

}  // namespace

std::set<std::string> words_of(std::string_view text) {
    std::set<std::string> words;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        if (!word.empty()) words.emplace(word);
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return words;
}

std::string joined(const std::set<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string base64url(std::string_view bytes) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    unsigned int held = 0;
    int bits = 0;
    for (const char c : bytes) {
        held = held << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6) text += kDigits[held >> (bits - 6) & 63];
    }
    if (bits > 0) text += kDigits[held << (6 - bits) & 63];
    return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string bytes;
    unsigned int held = 0;
    int bits = 0;
    for (const char c : text) {
        const auto digit = kDigits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        held = held << 6 | static_cast<unsigned int>(digit);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes += static_cast<char>(held >> bits & 255);
    }
    return bytes;
}

std::string sha256_bytes(std::string_view text) {
    const Sha256 digest = sha256_of(std::as_bytes(std::span(text)));
    return {digest.begin(), digest.end()};
}

HttpsResponse oauth_error(int status, std::string error, std::string description) {
    Json body = Json::object({{"error", std::move(error)}});
    if (!description.empty()) body.set("error_description", std::move(description));
    return HttpsResponse::json(body.dump(), status);
}

std::optional<OAuthEmulator::Form> OAuthEmulator::Form::parse(std::string_view text) {
    Form form;
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        const auto equals = pair.find('=');
        const auto name = http::percent_decode(pair.substr(0, equals), http::Decoding::form);
        const auto value = equals == std::string_view::npos
                               ? std::optional<std::string>("")
                               : http::percent_decode(pair.substr(equals + 1), http::Decoding::form);
        if (!name || !value || !form.fields.emplace(*name, *value).second) return std::nullopt;
    }
    return form;
}

OAuthEmulator::OAuthEmulator(OAuthDialect dialect, Clock& clock, std::uint64_t seed)
    : dialect_(dialect), clock_(clock), random_(seed ^ 0x0A07), state_(std::make_unique<State>()) {
    if (dialect == OAuthDialect::dropbox) {
        client_ = {"testappkey12345", "testappsecret12", ClientKind::installed, {"http://localhost:53682/"}, {}};
        web_client_ = client_;
        device_client_ = {};
    } else {
        const auto id = [this] { return "123456789012-" + make_name("", 12) + ".apps.googleusercontent.com"; };
        client_ = {id(), "GOCSPX-" + make_name("", 28), ClientKind::installed, {"http://localhost"}, {}};
        web_client_ = {id(), "GOCSPX-" + make_name("", 28), ClientKind::web,
                       {"http://localhost:10000/admin/cloud/google-drive/callback"}, {}};
        device_client_ = {id(), "GOCSPX-" + make_name("", 28), ClientKind::device, {}, {}};
        state_->options.token_lifetime = std::chrono::seconds(3599);
    }
}

OAuthEmulator::~OAuthEmulator() = default;

std::string OAuthEmulator::make_name(std::string_view prefix, std::size_t characters) {
    static constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
    std::string name(prefix);
    for (std::size_t i = 0; i < characters; ++i) name += kAlphabet[random_() % kAlphabet.size()];
    return name;
}

std::string OAuthEmulator::client_json(const OAuthClient& client) const {
    Json uris = Json::array();
    for (const std::string& uri : client.redirect_uris) uris.push(uri);
    const Json members = Json::object({{"client_id", client.id},
                                       {"project_id", "demo-project-123456"},
                                       {"auth_uri", "https://accounts.google.com/o/oauth2/auth"},
                                       {"token_uri", "https://oauth2.googleapis.com/token"},
                                       {"auth_provider_x509_cert_url", "https://www.googleapis.com/oauth2/v1/certs"},
                                       {"client_secret", client.secret},
                                       {"redirect_uris", uris}});
    return Json::object({{client.kind == ClientKind::web ? "web" : "installed", members}}).dump_pretty();
}

std::set<std::string> OAuthEmulator::all_scopes() const {
    if (dialect_ == OAuthDialect::dropbox)
        return {"account_info.read", "files.content.read", "files.content.write", "files.metadata.read",
                "files.metadata.write"};
    std::set<std::string> scopes{"email", "openid", "profile"};
    for (const char* name : {"drive", "drive.file", "drive.appdata", "drive.readonly", "drive.metadata.readonly"})
        scopes.insert(std::string(kDriveScopes) + name);
    return scopes;
}

std::set<std::string> OAuthEmulator::default_scopes() const {
    if (dialect_ == OAuthDialect::google) return {std::string(kDriveScopes) + "drive.file"};
    return {"account_info.read", "files.content.read", "files.content.write", "files.metadata.read"};
}

std::string OAuthEmulator::authorize_url() const {
    return base_url_ + (dialect_ == OAuthDialect::dropbox ? "/oauth2/authorize" : "/o/oauth2/v2/auth");
}
std::string OAuthEmulator::token_url() const {
    return base_url_ + (dialect_ == OAuthDialect::dropbox ? "/oauth2/token" : "/token");
}
std::string OAuthEmulator::device_url() const {
    return dialect_ == OAuthDialect::dropbox ? std::string() : base_url_ + "/device/code";
}
std::string OAuthEmulator::revoke_url() const {
    return base_url_ + (dialect_ == OAuthDialect::dropbox ? "/2/auth/token/revoke" : "/revoke");
}

std::string OAuthEmulator::endpoint_of(std::string_view path) const {
    if (dialect_ == OAuthDialect::dropbox) {
        if (path == "/oauth2/authorize") return "oauth.authorize";
        if (path == "/oauth2/token") return "oauth.token";
        return {};
    }
    if (path == "/o/oauth2/v2/auth" || path == "/o/oauth2/auth") return "oauth.authorize";
    if (path == "/token") return "oauth.token";
    if (path == "/device/code") return "oauth.device";
    if (path == "/revoke") return "oauth.revoke";
    return {};
}

HttpsResponse OAuthEmulator::handle(const std::string& endpoint, HttpsRequest& request) {
    if (endpoint == "oauth.authorize") return authorize(request);
    if (endpoint == "oauth.token") return token(request);
    if (endpoint == "oauth.device") return device_code(request);
    return revoke_token(request);
}

IssuedTokens OAuthEmulator::grant(std::optional<std::set<std::string>> scopes) {
    const std::lock_guard lock(mutex_);
    State& s = *state_;
    const std::uint64_t number = ++s.last_grant;
    IssuedTokens issued;
    issued.refresh = make_name(dialect_ == OAuthDialect::google ? "1//0g" : "", 64);
    issued.access = make_name(dialect_ == OAuthDialect::google ? "ya29.a0" : "sl.u.", 140);
    issued.lifetime = s.options.token_lifetime;
    const std::set<std::string> granted = scopes.value_or(default_scopes());
    issued.scope = joined(granted);
    s.grants[number] = {client_.id, granted, issued.refresh, true, {}, {}};
    s.access[issued.access] = {number, granted, clock_.wall() + s.options.token_lifetime, false};
    return issued;
}

IssuedTokens OAuthEmulator::grant_expired() {
    IssuedTokens issued = grant();
    expire(issued.access);
    return issued;
}

HttpsResponse OAuthEmulator::authorize(HttpsRequest& request) {
    State& s = *state_;
    const std::lock_guard lock(mutex_);
    const auto form = Form::parse(request.query);
    if (!form || request.method != "GET") return page(400, "invalid_request");
    const OAuthClient* const client = find_client(form->get("client_id"));
    if (client == nullptr || s.client_removed) return page(401, "invalid_client");
    const auto redirect = form->find("redirect_uri");
    const bool listed = redirect && std::find(client->redirect_uris.begin(), client->redirect_uris.end(), *redirect) !=
                                        client->redirect_uris.end();
    if (dialect_ == OAuthDialect::google) {
        const bool allowed = redirect && client->kind != ClientKind::device &&
                             (client->kind == ClientKind::installed ? is_loopback(*redirect) : listed);
        if (!allowed) return page(400, "redirect_uri_mismatch");
    } else if (redirect && !listed) {
        return page(400, "Invalid redirect_uri");
    }
    std::set<std::string> scopes = words_of(form->get("scope"));
    const std::set<std::string> known = all_scopes();
    if (!std::includes(known.begin(), known.end(), scopes.begin(), scopes.end())) return page(400, "invalid_scope");
    if (scopes.empty() && dialect_ == OAuthDialect::google) return page(400, "invalid_request: scope is missing");
    if (scopes.empty()) scopes = known;
    if (!client->scopes.empty()) std::erase_if(scopes, [&](const auto& scope) { return !client->scopes.contains(scope); });
    std::erase_if(scopes, [&](const auto& scope) { return s.options.declined_scopes.contains(scope); });
    if (form->get("response_type") != "code") return page(400, "unsupported_response_type");
    const std::string challenge = form->get("code_challenge");
    if (!challenge.empty() && form->get("code_challenge_method") != "S256")
        return page(400, "invalid_request: code_challenge_method");

    std::string answer;
    const std::string code = make_name(dialect_ == OAuthDialect::google ? "4/0A" : "", 40);
    if (s.options.user_declines) {
        answer = "error=access_denied&error_description=The+user+chose+not+to+give+access";
    } else {
        const bool google_repeats = dialect_ == OAuthDialect::google && form->get("prompt") != "consent" &&
                                    std::any_of(s.grants.begin(), s.grants.end(), [&](const auto& pair) {
                                        return pair.second.client_id == client->id && pair.second.alive;
                                    });
        const bool offline = dialect_ == OAuthDialect::google ? form->get("access_type") == "offline" && !google_repeats
                                                              : form->get("token_access_type") == "offline";
        s.codes[code] = {client->id, redirect, challenge, scopes, offline, clock_.wall() + std::chrono::minutes(5), 0};
        answer = "code=" + http::percent_encode(code);
    }
    if (const auto state = form->find("state")) answer = "state=" + http::percent_encode(*state) + "&" + answer;
    if (dialect_ == OAuthDialect::google && !s.options.user_declines)
        answer += "&scope=" + http::percent_encode(joined(scopes));
    if (!redirect) return page(200, s.options.user_declines ? "declined" : "<input value=\"" + code + "\">");
    HttpsResponse response = page(302, "");
    response.headers.emplace_back("Location", *redirect + (redirect->find('?') == std::string::npos ? "?" : "&") + answer);
    return response;
}

std::string OAuthEmulator::browse(const std::string& address) {
    HttpsRequest request;
    request.method = "GET";
    const auto mark = address.find('?');
    if (mark == std::string::npos || address.substr(0, mark) != authorize_url()) return {};
    request.query = address.substr(mark + 1);
    const HttpsResponse response = authorize(request);
    for (const auto& [name, value] : response.headers)
        if (name == "Location") return value;
    const auto at = response.body.find("value=\"");
    if (response.status != 200 || at == std::string::npos) return {};
    return response.body.substr(at + 7, response.body.find('"', at + 7) - at - 7);
}

const OAuthClient* OAuthEmulator::find_client(std::string_view id) const {
    for (const OAuthClient* client : {&client_, &web_client_, &device_client_})
        if (!id.empty() && client->id == id) return client;
    return nullptr;
}

void OAuthEmulator::set_options(const OAuthOptions& options) {
    const std::lock_guard lock(mutex_);
    state_->options = options;
}

OAuthOptions OAuthEmulator::options() const {
    const std::lock_guard lock(mutex_);
    return state_->options;
}

void OAuthEmulator::expire_access_tokens() {
    const std::lock_guard lock(mutex_);
    for (auto& [token, access] : state_->access) access.expires = clock_.wall() - std::chrono::seconds(1);
}

void OAuthEmulator::invalidate_access_tokens() {
    const std::lock_guard lock(mutex_);
    for (auto& [token, access] : state_->access) access.invalid = true;
}

void OAuthEmulator::revoke_grants() {
    const std::lock_guard lock(mutex_);
    for (auto& [number, grant] : state_->grants) grant.alive = false;
}

void OAuthEmulator::remove_client() {
    const std::lock_guard lock(mutex_);
    state_->client_removed = true;
}

std::uint64_t OAuthEmulator::refreshes() const {
    const std::lock_guard lock(mutex_);
    return state_->refreshes;
}
std::uint64_t OAuthEmulator::exchanges() const {
    const std::lock_guard lock(mutex_);
    return state_->exchanges;
}
std::uint64_t OAuthEmulator::assertions() const {
    const std::lock_guard lock(mutex_);
    return state_->assertions;
}
std::uint64_t OAuthEmulator::revocations() const {
    const std::lock_guard lock(mutex_);
    return state_->revocations;
}
std::uint64_t OAuthEmulator::live_grants() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::uint64_t>(std::count_if(state_->grants.begin(), state_->grants.end(),
                                                    [](const auto& pair) { return pair.second.alive; }));
}

WallTime OAuthEmulator::service_time() const {
    const std::lock_guard lock(mutex_);
    return clock_.wall() + state_->options.date_skew;
}

OAuthEmulator::TokenInfo OAuthEmulator::look_up(std::string_view token) const {
    const std::lock_guard lock(mutex_);
    TokenInfo info;
    const auto it = state_->access.find(token);
    if (it == state_->access.end()) return info;
    const State::Grant& grant = state_->grants.at(it->second.grant);
    info.scopes = it->second.scopes;
    info.service_account = grant.service_account;
    info.subject = grant.subject;
    info.grant = it->second.grant;
    if (it->second.invalid || !grant.alive) return info;
    info.state = it->second.expires <= clock_.wall() ? TokenState::expired : TokenState::good;
    return info;
}

void OAuthEmulator::expire(std::string_view token) {
    const std::lock_guard lock(mutex_);
    if (const auto it = state_->access.find(token); it != state_->access.end())
        it->second.expires = clock_.wall() - std::chrono::seconds(1);
}

void OAuthEmulator::revoke(std::string_view token) {
    const std::lock_guard lock(mutex_);
    const auto it = state_->access.find(token);
    if (it == state_->access.end()) return;
    state_->grants[it->second.grant].alive = false;
    ++state_->revocations;
}

}  // namespace oracxfs::test
