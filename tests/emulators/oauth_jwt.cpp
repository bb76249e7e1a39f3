// Service accounts of OAuthEmulator: key files, and RFC 7523 assertions with RS256.

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <stdexcept>

#include "tests/emulators/oauth_state.h"

namespace oracxfs::test {
namespace {

struct FreeBio {
    void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

std::string pem_of(EVP_PKEY* key) {
    const std::unique_ptr<BIO, FreeBio> bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        throw std::runtime_error("service account key");
    char* data = nullptr;
    const long bytes = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(bytes)};
}

bool is_signed_by(EVP_PKEY* key, std::string_view input, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1) return false;
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
}

}  // namespace

std::string OAuthEmulator::make_service_account(const std::string& email, std::set<std::string> subjects) {
    KeyHandle key(EVP_RSA_gen(2048));
    if (!key) throw std::runtime_error("RSA key");
    const std::string pem = pem_of(key.get());
    const std::lock_guard lock(mutex_);
    State::ServiceAccount& account = state_->service_accounts[email];
    account.key_id = make_name("", 40);
    account.key = std::move(key);
    account.subjects = std::move(subjects);
    return Json::object({{"type", "service_account"},
                         {"project_id", "demo"},
                         {"private_key_id", account.key_id},
                         {"private_key", pem},
                         {"client_email", email},
                         {"client_id", "123456789012345678901"},
                         {"auth_uri", "https://accounts.google.com/o/oauth2/auth"},
                         {"token_uri", "https://oauth2.googleapis.com/token"},
                         {"auth_provider_x509_cert_url", "https://www.googleapis.com/oauth2/v1/certs"},
                         {"client_x509_cert_url", "https://www.googleapis.com/robot/v1/metadata/x509/backup"},
                         {"universe_domain", "googleapis.com"}})
        .dump_pretty();
}

HttpsResponse OAuthEmulator::assertion(const Form& form) {
    State& s = *state_;
    const std::string text = form.get("assertion");
    const auto first = text.find('.');
    const auto second = first == std::string::npos ? first : text.find('.', first + 1);
    if (second == std::string::npos) return oauth_error(400, "invalid_grant", "Bad Request");
    const auto header_text = from_base64url(std::string_view(text).substr(0, first));
    const auto claims_text = from_base64url(std::string_view(text).substr(first + 1, second - first - 1));
    const auto signature = from_base64url(std::string_view(text).substr(second + 1));
    if (!header_text || !claims_text || !signature) return oauth_error(400, "invalid_grant", "Invalid JWT Signature.");
    const auto header = parse_json(*header_text);
    const auto claims = parse_json(*claims_text);
    if (!header || !claims) return oauth_error(400, "invalid_grant", "Bad Request");
    const auto it = s.service_accounts.find((*claims)["iss"].as_string());
    if (it == s.service_accounts.end()) return oauth_error(400, "invalid_grant", "Invalid grant: account not found");
    const State::ServiceAccount& account = it->second;
    const bool kid_fits = (*header)["kid"].is_null() || (*header)["kid"].as_string() == account.key_id;
    if ((*header)["alg"].as_string() != "RS256" || (*header)["typ"].as_string() != "JWT" || !kid_fits ||
        !is_signed_by(account.key.get(), std::string_view(text).substr(0, second), *signature))
        return oauth_error(400, "invalid_grant", "Invalid JWT Signature.");
    const std::string& audience = (*claims)["aud"].as_string();
    if (audience != "https://oauth2.googleapis.com/token" && audience != token_url())
        return oauth_error(400, "invalid_grant", "Invalid JWT: Failed audience check.");
    const Json& issued = (*claims)["iat"];
    const Json& expires = (*claims)["exp"];
    const std::int64_t now = to_ms(clock_.wall() + s.options.date_skew) / 1000;
    const std::int64_t life = expires.as_int() - issued.as_int();
    if (!issued.is_int() || !expires.is_int() || life <= 0 || life > 3600 || issued.as_int() > now + 300 ||
        issued.as_int() < now - 3600 || expires.as_int() <= now)
        return oauth_error(400, "invalid_grant",
                           "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                           "Check your iat and exp values in the JWT claim.");
    const std::set<std::string> scopes = words_of((*claims)["scope"].as_string());
    const std::set<std::string> known = all_scopes();
    if (scopes.empty() || !std::includes(known.begin(), known.end(), scopes.begin(), scopes.end()))
        return oauth_error(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.");
    const std::string& subject = (*claims)["sub"].as_string();
    if (!subject.empty() && subject != it->first && !account.subjects.contains(subject))
        return oauth_error(401, "unauthorized_client",
                           "Client is unauthorized to retrieve access tokens using this method, or client not authorized "
                           "for any of the scopes requested.");
    const std::uint64_t number = ++s.last_grant;
    s.grants[number] = {it->first, scopes, {}, true, it->first, subject == it->first ? std::string() : subject};
    ++s.assertions;
    HttpsResponse response = issue(number, scopes, false);
    Json body = parse_json(response.body).value_or(Json());
    body.erase("scope");
    return HttpsResponse::json(body.dump());
}

}  // namespace oracxfs::test
