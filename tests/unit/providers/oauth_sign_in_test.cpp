#include "base/hash.h"
#include "providers/http/oauth_wire.h"
#include "tests/unit/providers/oauth_fixture.h"
#include "tests/unit/providers/sign_in_fixture.h"

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

}  // namespace
}  // namespace oracxfs::test
