#include "providers/http/service_account.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <atomic>
#include <limits>
#include <vector>

#include "base/log.h"
#include "providers/http/curl_handles.h"
#include "providers/http/oauth_wire.h"
#include "providers/http/token_keeper.h"

namespace oracxfs::http {
namespace {

using PrivateKey = std::unique_ptr<EVP_PKEY, FreeWith<&EVP_PKEY_free>>;

constexpr std::int64_t kLifeSeconds = 3600;
// A server whose clock is a little behind must not see a token of the future.
constexpr Millis kIssuedBefore{10'000};

std::span<const std::uint8_t> octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A daemon must not ask for a pass phrase on some terminal.
int no_pass_phrase(char*, int, int, void*) { return 0; }

PrivateKey read_key(const std::string& pem) {
    if (pem.size() > std::numeric_limits<int>::max()) return nullptr;
    const std::unique_ptr<BIO, FreeWith<&BIO_free_all>> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PrivateKey key(source ? PEM_read_bio_PrivateKey(source.get(), nullptr, &no_pass_phrase, nullptr) : nullptr);
    ERR_clear_error();
    if (key && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) key.reset();
    return key;
}

// Keys that went through an environment variable have a backslash and an n in place of each line feed.
std::string with_line_feeds(std::string pem) {
    if (pem.find('\n') != std::string::npos) return pem;
    for (std::size_t at = pem.find("\\n"); at != std::string::npos; at = pem.find("\\n", at + 1)) pem.replace(at, 2, "\n");
    return pem;
}

class ServiceAccountGrant final : public Grant {
  public:
    ServiceAccountGrant(Client& client, Clock& clock, std::string key, JwtClaims claims, std::string token_url)
        : client_(client), clock_(clock), key_(std::move(key)), claims_(std::move(claims)), token_url_(std::move(token_url)) {}

    Result<KeptToken> load() override {
        loaded_at_ = clock_.steady();
        return KeptToken{};
    }

    // Nobody signs in for a service account, but its administrator may have set things right.
    bool has_changed() override { return clock_.steady() - loaded_at_ > std::chrono::minutes(10); }

    Result<KeptToken> renew(const OpContext& ctx, const std::string&) override {
        const Millis before = skew();
        ORACX_TRY(TokenReply reply, ask(ctx));
        // A wrong clock is refused like a wrong key; the answer tells the right time.
        if (!reply.answer && reply.error == "invalid_grant" && skew() != before) {
            ORACX_TRY(TokenReply second, ask(ctx));
            reply = std::move(second);
        }
        if (reply.answer) {
            const Millis life = reply.answer->life.value_or(std::chrono::seconds(kLifeSeconds));
            return KeptToken{reply.answer->access_token, asked_server_ + life, asked_at_ + life, life};
        }
        Error error = to_error(reply, "sign in as " + claims_.issuer);
        if (error.code == Errc::unauthenticated) error.why += "; check the clock of this machine and the service account's key";
        return fail(std::move(error));
    }

    [[nodiscard]] Millis skew() const override { return Millis(skew_ms_); }
    [[nodiscard]] Error refused_twice() const override {
        return Error(Errc::unauthenticated, "the service refuses the access token, also a new one",
                     "check what the service account " + claims_.issuer + " may do");
    }

  private:
    Result<TokenReply> ask(const OpContext& ctx) {
        const WallTime now = clock_.wall();
        JwtClaims claims = claims_;
        claims.issued = now + skew() - kIssuedBefore;
        const std::string input = jwt_signing_input(claims);
        ORACX_TRY(const std::string signature, sign_rs256(key_, input));
        asked_at_ = clock_.steady();
        asked_server_ = now + skew();
        auto reply = post_token(client_, ctx, clock_,
                                {token_url_,
                                 {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                                  {"assertion", input + "." + signature}}});
        if (reply && reply->date) skew_ms_ = clock_skew(*reply, clock_.wall()).count();
        return reply;
    }

    Client& client_;
    Clock& clock_;
    const std::string key_;
    const JwtClaims claims_;
    const std::string token_url_;
    SteadyTime loaded_at_{}, asked_at_{};
    WallTime asked_server_{};
    std::atomic<Millis::rep> skew_ms_{0};
};

}  // namespace

std::string jwt_signing_input(const JwtClaims& claims) {
    Json header = Json::object({{"alg", "RS256"}, {"typ", "JWT"}});
    if (!claims.key_id.empty()) header.set("kid", claims.key_id);
    const auto issued = std::chrono::floor<std::chrono::seconds>(claims.issued.time_since_epoch()).count();
    Json body = Json::object({{"iss", claims.issuer},
                              {"scope", claims.scope},
                              {"aud", claims.audience},
                              {"iat", std::int64_t{issued}},
                              {"exp", std::int64_t{issued + kLifeSeconds}}});
    if (!claims.subject.empty()) body.set("sub", claims.subject);
    return base64url(octets(header.dump())) + "." + base64url(octets(body.dump()));
}

Result<std::string> sign_rs256(const std::string& pem, const std::string& input) {
    const PrivateKey key = read_key(pem);
    if (!key) return fail(Errc::config, "the private key of the service account is not an RSA key in PEM form");
    const std::unique_ptr<EVP_MD_CTX, FreeWith<&EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    std::size_t size = 0;
    const bool sized = context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                       EVP_DigestSign(context.get(), nullptr, &size, octets(input).data(), input.size()) == 1;
    std::vector<std::uint8_t> signature(sized ? size : 0);
    const bool done = sized && EVP_DigestSign(context.get(), signature.data(), &size, octets(input).data(), input.size()) == 1;
    ERR_clear_error();
    if (!done) return fail(Errc::config, "the private key of the service account can't sign");
    signature.resize(size);
    return base64url(signature);
}

Result<std::unique_ptr<TokenSource>> make_service_account_source(Client& client, Clock& clock, std::string_view key_json,
                                                                 std::vector<std::string> scopes, std::string token_url,
                                                                 std::string subject) {
    constexpr const char* kWhat = "this is not the key file of a service account";
    const auto json = parse_json(key_json, {.max_bytes = 256u << 10, .max_depth = 16});
    if (!json) return fail(Errc::config, kWhat, "not JSON: " + json.error().message);
    if ((*json)["type"].as_string() != "service_account")
        return fail(Errc::config, kWhat, "its \"type\" is not \"service_account\"");
    JwtClaims claims;
    claims.issuer = (*json)["client_email"].as_string();
    claims.key_id = (*json)["private_key_id"].as_string();
    claims.scope = joined_scopes(scopes);
    claims.audience = "https://oauth2.googleapis.com/token";  // whatever way the request takes
    claims.subject = std::move(subject);
    std::string key = with_line_feeds((*json)["private_key"].as_string());
    if (claims.issuer.empty() || key.empty()) return fail(Errc::config, kWhat, "client_email or private_key is missing");
    ORACX_TRYV(sign_rs256(key, "probe"));
    return std::unique_ptr<TokenSource>(make_token_keeper(
        clock, std::make_unique<ServiceAccountGrant>(client, clock, std::move(key), std::move(claims), std::move(token_url))));
}

}  // namespace oracxfs::http
