#include "base/hash.h"
#include "providers/http/oauth_wire.h"
#include "providers/http/service_account.h"
#include "tests/unit/providers/oauth_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

namespace oracxfs::test {
namespace {

using http::Response;
using http::SignIn;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using std::chrono::hours;
using std::chrono::seconds;

std::span<const std::uint8_t> octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::map<std::string, std::string> query_of(const std::string& url) {
    http::Request request;
    const std::string query = url.substr(url.find('?') + 1);
    request.body = std::as_bytes(std::span(query));
    return fields_of(request);
}

TEST(Base64Url, KnowsTheVectors) {
    EXPECT_EQ(http::base64url(octets("\xfb\xff\xbf")), "-_-_");
    EXPECT_EQ(http::base64url(octets("\xff\xef")), "_-8");
    EXPECT_EQ(http::base64url(octets(std::string_view("\0", 1))), "AA");
    EXPECT_EQ(http::base64url({}), "");
}

TEST(Pkce, ChallengeIsTheHashOfTheVerifier) {
    // RFC 7636, appendix B.
    const Sha256 hash = sha256_of(std::as_bytes(std::span(std::string_view("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))));
    EXPECT_EQ(http::base64url(hash), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    const http::Pkce one = http::make_pkce(), two = http::make_pkce();
    EXPECT_EQ(one.verifier.size(), 43u);
    EXPECT_NE(one.verifier, two.verifier);
    EXPECT_EQ(one.challenge, http::base64url(sha256_of(std::as_bytes(std::span(one.verifier)))));
}

class SignInTest : public testing::Test {
  protected:
    SignInTest() {
        request_.client_id = "client";
        request_.client_secret = "hush-hush";
        request_.endpoints = test_endpoints();
        request_.endpoints.authorize_extra = {{"token_access_type", "offline"}};
        service_.handler = [this](const FakeService::Call&) { return answer_; };
    }
    Result<http::TokenRecord> finish(const std::string& redirect_uri = "http://127.0.0.1:53682/") {
        sign_in_ = http::begin_sign_in(request_, redirect_uri);
        return http::finish_sign_in(service_, {}, clock_, request_, sign_in_, "4/0A+code");
    }

    FakeClock clock_{FakeClock::Sleep::advances};
    FakeService service_;
    http::SignInRequest request_;
    SignIn sign_in_;
    Response answer_ = token_answer("access", R"(,"expires_in":14400,"refresh_token":"refresh-1",)"
                                              R"("scope":"files.write other files.read","account_id":"dbid:1")");
};

TEST_F(SignInTest, AddressHasAllThatTheServiceNeeds) {
    const SignIn one = http::begin_sign_in(request_, "http://127.0.0.1:53682/");
    EXPECT_EQ(query_of(one.url), (std::map<std::string, std::string>{{"response_type", "code"},
                                                                     {"client_id", "client"},
                                                                     {"redirect_uri", "http://127.0.0.1:53682/"},
                                                                     {"scope", "files.read files.write"},
                                                                     {"state", one.state},
                                                                     {"code_challenge", one.pkce.challenge},
                                                                     {"code_challenge_method", "S256"},
                                                                     {"token_access_type", "offline"}}));
    EXPECT_GE(one.state.size(), 22u) << "128 bits";
    EXPECT_THAT(one.url, Not(HasSubstr("hush-hush")));
    EXPECT_THAT(one.url, Not(HasSubstr(one.pkce.verifier)));
    const SignIn two = http::begin_sign_in(request_, "");
    EXPECT_NE(one.state, two.state);
    EXPECT_NE(one.pkce.verifier, two.pkce.verifier) << "each attempt has its own";
    EXPECT_FALSE(query_of(two.url).contains("redirect_uri"));
}

TEST_F(SignInTest, ExchangesTheCode) {
    const auto record = finish();
    ASSERT_THAT(record, IsOk());
    EXPECT_EQ(record->access_token, "access");
    EXPECT_EQ(record->refresh_token, "refresh-1");
    EXPECT_EQ(record->expires, clock_.wall() + hours(4));
    EXPECT_EQ(record->client_id, "client");
    EXPECT_EQ(record->account_id, "dbid:1");
    EXPECT_EQ(record->signed_in, clock_.wall());
    const auto call = service_.calls().at(0);
    EXPECT_EQ(call.content_type, "application/x-www-form-urlencoded");
    EXPECT_EQ(call.fields, (std::map<std::string, std::string>{{"grant_type", "authorization_code"},
                                                               {"code", "4/0A+code"},
                                                               {"client_id", "client"},
                                                               {"code_verifier", sign_in_.pkce.verifier},
                                                               {"redirect_uri", "http://127.0.0.1:53682/"}}));
}

TEST_F(SignInTest, SendsNoRedirectAddressThatWasNotThereBefore) {
    ASSERT_THAT(finish(""), IsOk());
    EXPECT_FALSE(service_.calls().at(0).fields.contains("redirect_uri"));
}

TEST_F(SignInTest, SendsTheSecretWhereTheServiceWantsIt) {
    request_.endpoints.secret_in_refresh = true;
    ASSERT_THAT(finish(), IsOk());
    EXPECT_THAT(service_.calls().at(0).fields, AllOf(Contains(Pair("client_secret", "hush-hush")),
                                                     Contains(Pair("code_verifier", sign_in_.pkce.verifier))));
}

TEST_F(SignInTest, LongTokensAreKeptWhole) {
    const std::string longest(5000, 'a');
    answer_ = token_answer(longest, R"(,"refresh_token":"refresh-1")");
    const auto record = finish();
    ASSERT_THAT(record, IsOk());
    EXPECT_EQ(record->access_token, longest);
    EXPECT_EQ(record->expires, clock_.wall() + hours(1));
    EXPECT_EQ(record->scope, "files.read files.write") << "no scope in the answer: as asked for";
}

TEST_F(SignInTest, SaysWhatIsMissing) {
    answer_ = token_answer("access", R"(,"expires_in":14400)");
    auto record = finish();
    ASSERT_THAT(record, HasCode(Errc::unauthenticated));
    EXPECT_THAT(record.error().why, HasSubstr("no refresh token"));

    answer_ = token_answer("access", R"(,"refresh_token":"r","scope":"files.read profile")");
    record = finish();
    ASSERT_THAT(record, HasCode(Errc::unauthenticated));
    EXPECT_THAT(record.error().why, HasSubstr("missing: files.write"));

    answer_ = token_answer("access", R"(,"refresh_token":"r","team_id":"dbtid:1")");
    record = finish();
    ASSERT_THAT(record, HasCode(Errc::unauthenticated));
    EXPECT_THAT(record.error().why, HasSubstr("team"));
}

TEST_F(SignInTest, RefusalsOfTheCode) {
    answer_ = oauth_error("invalid_grant", 400, "code doesn't exist or has expired");
    auto record = finish();
    ASSERT_THAT(record, HasCode(Errc::unauthenticated));
    EXPECT_THAT(record.error().why, HasSubstr("sign in again"));
    answer_ = oauth_error("redirect_uri_mismatch");
    EXPECT_THAT(finish(), HasCode(Errc::config));
    answer_ = oauth_error("invalid_client", 401);
    EXPECT_THAT(finish(), HasCode(Errc::config));
    answer_ = {200, {}, "<html>log in to this wifi</html>"};
    EXPECT_THAT(finish(), HasCode(Errc::unavailable));
}

TEST_F(SignInTest, LostAnswerMeansStartingAgain) {
    service_.handler = [](const FakeService::Call&) -> Result<Response> { return fail(Errc::outcome_unknown, "lost"); };
    const auto record = finish();
    ASSERT_THAT(record, HasCode(Errc::unavailable));
    EXPECT_THAT(record.error().why, HasSubstr("sign in again"));
    EXPECT_EQ(service_.requests(), 1u);
}

// --- what is pasted ---

class Paste : public testing::Test {
  protected:
    Result<std::string> paste(const std::string& text) { return http::code_from_paste(sign_in_, text); }
    SignIn sign_in_{"", "the-state", "http://127.0.0.1:1/", {}};
};

TEST_F(Paste, TakesACodeOrTheWholeAddress) {
    EXPECT_EQ(*paste("  abc-DEF_1\r\n"), "abc-DEF_1");
    EXPECT_EQ(*paste("4/0A+x"), "4/0A+x") << "a bare code is taken as it is";
    EXPECT_EQ(*paste("http://127.0.0.1:1/?state=the-state&code=4%2F0A%2Bx%252F&scope=a"), "4/0A+x%2F") << "decoded once";
    EXPECT_EQ(*paste("http://127.0.0.1:1/?code=c&state=the-state#fragment"), "c");
    EXPECT_EQ(*paste("?code=c&state=the-state"), "c");
    EXPECT_EQ(*paste("state=the-state&code=c"), "c");
}

TEST_F(Paste, RefusesWhatIsNotForThisAttempt) {
    for (const char* const bad : {"", "  ", "two words", "http://127.0.0.1:1/", "?code=c", "?state=the-state",
                                  "?code=c&state=other", "?code=c&code=d&state=the-state", "?code=c&state=the-state&state=the-state",
                                  "?code=c&error=e&state=the-state", "?code=%zz&state=the-state", "?code=&state=the-state",
                                  "?code=a%0d%0ab&state=the-state", "?code=c&state=", "caf\xc3\xa9"})
        EXPECT_THAT(paste(bad), HasCode(Errc::invalid)) << bad;
    EXPECT_THAT(paste(std::string(20'000, 'x')), HasCode(Errc::invalid));
}

TEST_F(Paste, SaysThatItWasDeclined) {
    const auto code = paste("?error=access_denied&error_description=no%0athanks&state=the-state");
    ASSERT_THAT(code, HasCode(Errc::unauthenticated));
    EXPECT_THAT(code.error().why, HasSubstr("access_denied: no thanks"));
}

TEST_F(Paste, NeedsAState) {
    sign_in_.state.clear();
    EXPECT_THAT(paste("?code=c&state="), HasCode(Errc::invalid));
}

// --- device flow ---

class DeviceTest : public SignInTest {
  protected:
    Result<http::TokenRecord> poll(std::vector<Response> answers) {
        service_.handler = [this, answers = std::move(answers)](const FakeService::Call&) {
            return answers.at(std::min(polls_++, answers.size() - 1));
        };
        http::DeviceCode code;
        code.device_code = "device";
        code.expires = clock_.steady() + seconds(1800);
        polls_ = 0;
        return http::finish_device_sign_in(service_, {}, clock_, request_, code);
    }
    std::size_t polls_ = 0;
};

TEST_F(DeviceTest, BeginsWithACode) {
    answer_ = json_answer(R"({"device_code":"AH-1","user_code":"ABCD-EFGH","verification_url":"https://g.example/device",)"
                          R"("expires_in":1800,"interval":7})");
    auto code = http::begin_device_sign_in(service_, {}, clock_, request_);
    ASSERT_THAT(code, IsOk());
    EXPECT_EQ(code->user_code, "ABCD-EFGH");
    EXPECT_EQ(code->verification_url, "https://g.example/device");
    EXPECT_EQ(code->interval, seconds(7));
    EXPECT_EQ(code->expires, clock_.steady() + seconds(1800));
    EXPECT_EQ(service_.calls().at(0).fields,
              (std::map<std::string, std::string>{{"client_id", "client"}, {"scope", "files.read files.write"}}));
    answer_ = json_answer(R"({"device_code":"AH-1","user_code":"A","verification_uri":"https://g.example/d"})");
    code = http::begin_device_sign_in(service_, {}, clock_, request_);
    ASSERT_THAT(code, IsOk());
    EXPECT_EQ(code->verification_url, "https://g.example/d");
    EXPECT_EQ(code->interval, seconds(5));
}

TEST_F(DeviceTest, BeginMayFail) {
    answer_ = json_answer(R"({"error_code":"rate_limit_exceeded"})", 403);
    EXPECT_THAT(http::begin_device_sign_in(service_, {}, clock_, request_), HasCode(Errc::throttled));
    answer_ = oauth_error("invalid_client", 401, "Invalid client type.");
    EXPECT_THAT(http::begin_device_sign_in(service_, {}, clock_, request_), HasCode(Errc::config));
    answer_ = {200, {}, "<html>"};
    EXPECT_THAT(http::begin_device_sign_in(service_, {}, clock_, request_), HasCode(Errc::unavailable));
}

TEST_F(DeviceTest, PollsUntilItIsGranted) {
    const auto record = poll({oauth_error("authorization_pending", 428), oauth_error("slow_down", 403),
                              oauth_error("authorization_pending", 428), answer_});
    ASSERT_THAT(record, IsOk());
    EXPECT_EQ(record->refresh_token, "refresh-1");
    EXPECT_THAT(clock_.pauses(), testing::ElementsAre(seconds(5), seconds(5), seconds(10), seconds(10)))
        << "slow_down holds for good";
    EXPECT_THAT(service_.calls().at(0).fields,
                AllOf(Contains(Pair("device_code", "device")),
                      Contains(Pair("grant_type", "urn:ietf:params:oauth:grant-type:device_code"))));
}

TEST_F(DeviceTest, EndsWhenItIsDeclinedOrExpired) {
    EXPECT_THAT(poll({oauth_error("access_denied", 403)}), HasCode(Errc::unauthenticated));
    EXPECT_THAT(poll({oauth_error("expired_token", 400)}), HasCode(Errc::unauthenticated));
    EXPECT_THAT(poll({oauth_error("invalid_client", 401)}), HasCode(Errc::config));
    const SteadyTime begin = clock_.steady();
    EXPECT_THAT(poll({oauth_error("authorization_pending", 428)}), HasCode(Errc::unauthenticated));
    EXPECT_LE(clock_.steady() - begin, seconds(1800));
}

TEST_F(DeviceTest, BadLineOnlySlowsItDown) {
    const auto record = poll({{500, {}, ""}, {503, {}, ""}, answer_});
    ASSERT_THAT(record, IsOk());
    EXPECT_THAT(clock_.pauses(), testing::ElementsAre(seconds(5), seconds(10), seconds(10)));
}

TEST_F(DeviceTest, StopsWhenToldSo) {
    std::stop_source stop;
    stop.request_stop();
    http::DeviceCode code;
    code.expires = clock_.steady() + seconds(1800);
    EXPECT_THAT(http::finish_device_sign_in(service_, {stop.get_token(), {}}, clock_, request_, code), HasCode(Errc::cancelled));
}

// --- revocation ---

class RevokeTest : public SignInTest {
  protected:
    RevokeTest() {
        record_.access_token = "access";
        record_.refresh_token = "refresh-1";
        record_.client_id = "client";
    }
    Status revoke() { return http::revoke(service_, {}, request_.endpoints, record_); }
    http::TokenRecord record_;
};

TEST_F(RevokeTest, ByFormEndsTheRefreshToken) {
    answer_ = {200, {}, ""};
    ASSERT_THAT(revoke(), IsOk());
    EXPECT_EQ(service_.calls().at(0).fields, (std::map<std::string, std::string>{{"token", "refresh-1"}}));
    answer_ = oauth_error("invalid_token", 400);
    EXPECT_THAT(revoke(), IsOk()) << "was ended before";
    answer_ = {503, {}, ""};
    EXPECT_THAT(revoke(), HasCode(Errc::unavailable));
}

TEST_F(RevokeTest, ByBearerRenewsAnOldTokenFirst) {
    request_.endpoints.revoke_by_bearer = true;
    std::vector<std::string> bearers;
    service_.handler = [&](const FakeService::Call& call) -> Response {
        if (call.url.ends_with("/token")) return token_answer("fresh");
        EXPECT_EQ(call.body, "null");
        EXPECT_EQ(call.content_type, "application/json");
        bearers.push_back(call.bearer);
        return {call.bearer == "fresh" ? 200 : 401, {}, "null"};
    };
    ASSERT_THAT(revoke(), IsOk());
    EXPECT_THAT(bearers, testing::ElementsAre("access", "fresh"));
}

TEST_F(RevokeTest, ByBearerKnowsWhatWasEndedBefore) {
    request_.endpoints.revoke_by_bearer = true;
    service_.handler = [&](const FakeService::Call& call) -> Response {
        return call.url.ends_with("/token") ? oauth_error("invalid_grant") : Response{401, {}, ""};
    };
    EXPECT_THAT(revoke(), IsOk());
    service_.handler = [&](const FakeService::Call& call) -> Response {
        return call.url.ends_with("/token") ? Response{500, {}, ""} : Response{401, {}, ""};
    };
    EXPECT_THAT(revoke(), HasCode(Errc::unavailable));
}

// --- records and clients ---

TEST(TokenRecord, ReadsWhatItWrites) {
    http::TokenRecord record{"a", "r", wall_from_ms(1'700'000'000'000), "s t", "id", "secret-x", "ada", "dbid:1", wall_from_ms(5)};
    const auto copy = http::TokenRecord::parse(record.dump());
    ASSERT_THAT(copy, IsOk());
    EXPECT_EQ(copy->dump(), record.dump());
    EXPECT_EQ(copy->expires, record.expires);
    for (const char* const bad : {"", "[]", "{}", "{\"access_token\":1}", "{\"access_token\":\"a\",\"access_token\":\"b\"}"})
        EXPECT_THAT(http::TokenRecord::parse(bad), HasCode(Errc::invalid)) << bad;
}

TEST(GoogleClientFile, IsReadForItsClientOnly) {
    const auto client = http::parse_google_client(
        R"({"installed":{"client_id":"1-a.apps.googleusercontent.com","client_secret":"GOCSPX-secret",)"
        R"("token_uri":"https://evil.example/token","redirect_uris":["urn:ietf:wg:oauth:2.0:oob","http://localhost"]}})");
    ASSERT_THAT(client, IsOk());
    EXPECT_EQ(client->client_id, "1-a.apps.googleusercontent.com");
    EXPECT_EQ(client->client_secret, "GOCSPX-secret");
    EXPECT_FALSE(client->web);
    const auto web = http::parse_google_client(R"({"web":{"client_id":"i","client_secret":"s-e-c"}})");
    ASSERT_THAT(web, IsOk());
    EXPECT_TRUE(web->web);
}

TEST(GoogleClientFile, SaysWhatElseItIs) {
    const std::vector<std::pair<std::string, std::string>> others{
        {R"({"type":"service_account","private_key":"PEM-SECRET"})", "service account"},
        {R"({"type":"authorized_user","refresh_token":"SECRET"})", "tokens"},
        {"AIzaSECRET", "API key"},
        {"{}", "installed"},
        {R"({"installed":{},"web":{}})", "installed"},
        {R"({"installed":{"client_id":"x"}})", "client_secret"},
        {R"({"installed":{"client_secret":"x"}})", "client_id"},
        {R"({"installed":"x"})", "client_id"},
        {"SECRET", "not JSON"}};
    for (const auto& [text, word] : others) {
        const auto client = http::parse_google_client(text);
        ASSERT_THAT(client, HasCode(Errc::config)) << text;
        EXPECT_THAT(client.error().why, AllOf(HasSubstr(word), Not(HasSubstr("SECRET"))));
    }
}

// --- service accounts ---

struct TestKey {
    TestKey() : key(EVP_RSA_gen(2048), &EVP_PKEY_free) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
        PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* data = nullptr;
        const long size = BIO_get_mem_data(out.get(), &data);
        pem.assign(data, static_cast<std::size_t>(size));
    }
    bool verifies(const std::string& assertion) const {
        const auto dot = assertion.rfind('.');
        const std::string input = assertion.substr(0, dot);
        std::string text = assertion.substr(dot + 1);
        std::replace(text.begin(), text.end(), '-', '+');
        std::replace(text.begin(), text.end(), '_', '/');
        while (text.size() % 4 != 0) text += '=';
        std::vector<std::uint8_t> signature(text.size());
        EVP_DecodeBlock(signature.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
        signature.resize(256);
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
               EVP_DigestVerify(context.get(), signature.data(), signature.size(), octets(input).data(), input.size()) == 1;
    }
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key;
    std::string pem;
};

const TestKey& test_key() {
    static const TestKey key;
    return key;
}

std::string key_file(const std::string& pem) {
    return Json::object({{"type", "service_account"},
                         {"private_key_id", "kid-1"},
                         {"private_key", pem},
                         {"client_email", "svc@demo.iam.gserviceaccount.com"}})
        .dump();
}

TEST(ServiceAccount, SigningInputIsTheVector) {
    http::JwtClaims claims;
    claims.issuer = "svc@demo.iam.gserviceaccount.com";
    claims.scope = "https://www.googleapis.com/auth/drive.file";
    claims.audience = "https://oauth2.googleapis.com/token";
    claims.issued = wall_from_ms(1'700'000'000'000);
    const std::string input = http::jwt_signing_input(claims);
    EXPECT_TRUE(input.starts_with("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdmNAZGVtby5pYW0u"));
    EXPECT_EQ(to_hex(sha256_of(std::as_bytes(std::span(input)))),
              "e55a78b0c18ce17ed6bfba2e09c366d504c8bb82f5c981730283ba9c90dd5425");
}

class ServiceAccountTest : public SignInTest {
  protected:
    std::unique_ptr<http::TokenSource> make(const std::string& file) {
        auto source = http::make_service_account_source(service_, clock_, file, {"drive"}, "https://auth.example/token", "ada@example.com");
        EXPECT_THAT(source, IsOk());
        return std::move(*source);
    }
};

TEST_F(ServiceAccountTest, SignsItsRequestsAndKeepsTheToken) {
    for (const bool escaped : {false, true}) {
        std::string pem = test_key().pem;
        for (std::size_t at = 0; escaped && (at = pem.find('\n')) != std::string::npos;) pem.replace(at, 1, "\\n");
        const auto source = make(key_file(pem));
        const auto before = service_.requests();
        for (int i = 0; i < 3; ++i) {
            const auto token = source->token({});
            ASSERT_THAT(token, IsOk());
            EXPECT_EQ(*token, "access");
        }
        ASSERT_EQ(service_.requests(), before + 1);
        const auto fields = service_.calls().back().fields;
        EXPECT_EQ(fields.at("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
        EXPECT_TRUE(test_key().verifies(fields.at("assertion")));
    }
}

TEST_F(ServiceAccountTest, LearnsTheTimeFromARefusal) {
    std::vector<std::string> assertions;
    service_.handler = [&](const FakeService::Call& call) -> Response {
        assertions.push_back(call.fields.at("assertion"));
        Response response = assertions.size() == 1 ? oauth_error("invalid_grant", 400, "Invalid JWT") : answer_;
        // An hour behind ours (2026-11-23 20:36:28).
        response.headers.push_back({"date", "Mon, 23 Nov 2026 19:36:28 GMT"});
        return response;
    };
    EXPECT_THAT(make(key_file(test_key().pem))->token({}), IsOk());
    ASSERT_EQ(assertions.size(), 2u);
    EXPECT_NE(assertions[0], assertions[1]);
    http::JwtClaims claims;
    claims.key_id = "kid-1";
    claims.issuer = "svc@demo.iam.gserviceaccount.com";
    claims.scope = "drive";
    claims.audience = "https://oauth2.googleapis.com/token";
    claims.subject = "ada@example.com";
    claims.issued = clock_.wall() - hours(1) - seconds(10);
    EXPECT_TRUE(assertions[1].starts_with(http::jwt_signing_input(claims) + "."));
}

TEST_F(ServiceAccountTest, RefusalPointsToClockAndKey) {
    answer_ = oauth_error("invalid_grant", 400, "Invalid JWT Signature.");
    const auto source = make(key_file(test_key().pem));
    const auto token = source->token({});
    ASSERT_THAT(token, HasCode(Errc::unauthenticated));
    EXPECT_THAT(token.error().why, AllOf(HasSubstr("clock"), HasSubstr("key")));
    EXPECT_THAT(source->token({}), HasCode(Errc::unauthenticated));
    EXPECT_EQ(service_.requests(), 1u);
    answer_ = token_answer("access");
    clock_.advance(std::chrono::minutes(11));
    EXPECT_THAT(source->token({}), IsOk());
}

TEST_F(ServiceAccountTest, UselessKeyIsAConfigurationError) {
    const std::string encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (const std::string& file : {std::string("x"), std::string("{}"), std::string(R"({"type":"authorized_user"})"),
                                    key_file(""), key_file("nonsense"), key_file(encrypted)})
        EXPECT_THAT(http::make_service_account_source(service_, clock_, file, {}, "https://auth.example/token"),
                    HasCode(Errc::config));
}

}  // namespace
}  // namespace oracxfs::test
