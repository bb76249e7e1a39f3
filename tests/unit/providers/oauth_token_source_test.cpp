#include <atomic>
#include <thread>

#include "tests/unit/providers/oauth_fixture.h"

namespace oracxfs::test {
namespace {

using http::Response;
using http::TokenRecord;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Tue, 24 Nov 2026 ... as the service's clock would write it.
std::string http_date(WallTime time) {
    static constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string utc = format_utc(time);  // 2026-11-23T20:36:28Z
    const std::chrono::weekday day(std::chrono::floor<std::chrono::days>(time));
    return std::string(kDays.at(day.c_encoding())) + ", " + utc.substr(8, 2) + " " +
           kMonths.at(static_cast<std::size_t>(std::stoi(utc.substr(5, 2)) - 1)) + " " + utc.substr(0, 4) + " " +
           utc.substr(11, 8) + " GMT";
}

class TokenSourceTest : public testing::Test {
  protected:
    TokenSourceTest() {
        record_.access_token = "old";
        record_.refresh_token = "refresh/+1";
        record_.client_id = "client";
        record_.client_secret = "hush-hush";
        record_.scope = "files.read files.write";
        record_.account = "ada@example.com";
        record_.expires = clock_.wall() + hours(1);
        service_.handler = [this](const FakeService::Call&) { return token_answer("new" + std::to_string(++renewals_)); };
    }

    http::TokenSource& source() {
        if (!source_) {
            if (!stored_) store_.put(record_);
            source_ = http::make_token_source(service_, clock_, endpoints_, store_.store());
        }
        return *source_;
    }
    std::string token() {
        const auto token = source().token({});
        EXPECT_THAT(token, IsOk());
        return token ? *token : "";
    }

    FakeClock clock_{FakeClock::Sleep::advances};
    FakeService service_;
    MemoryStore store_;
    TokenRecord record_;
    http::OAuthEndpoints endpoints_ = test_endpoints();
    bool stored_ = false;
    std::atomic<int> renewals_{0};
    std::unique_ptr<http::TokenSource> source_;
};

TEST_F(TokenSourceTest, HandsOutTheStoredTokenWhileItIsGood) {
    EXPECT_EQ(token(), "old");
    EXPECT_EQ(token(), "old");
    EXPECT_EQ(service_.requests(), 0u);
}

TEST_F(TokenSourceTest, RenewsFiveMinutesBeforeTheEnd) {
    EXPECT_EQ(token(), "old");
    clock_.advance(minutes(54));
    EXPECT_EQ(token(), "old");
    clock_.advance(minutes(1) + seconds(1));
    EXPECT_EQ(token(), "new1");
    const auto call = service_.calls().at(0);
    EXPECT_EQ(call.url, "https://auth.example/token");
    EXPECT_EQ(call.bearer, "");
    EXPECT_EQ(call.fields, (std::map<std::string, std::string>{
                               {"grant_type", "refresh_token"}, {"refresh_token", "refresh/+1"}, {"client_id", "client"}}));
}

TEST_F(TokenSourceTest, SendsTheSecretWhereTheServiceWantsIt) {
    endpoints_.secret_in_refresh = true;
    record_.access_token.clear();
    token();
    EXPECT_THAT(service_.calls().at(0).fields, Contains(Pair("client_secret", "hush-hush")));
}

TEST_F(TokenSourceTest, MergesTheAnswerIntoTheStoredRecord) {
    record_.access_token.clear();
    EXPECT_EQ(token(), "new1");
    const TokenRecord kept = store_.record();
    EXPECT_EQ(kept.access_token, "new1");
    EXPECT_EQ(kept.refresh_token, "refresh/+1") << "an absent refresh token keeps the old one";
    EXPECT_EQ(kept.client_id, "client");
    EXPECT_EQ(kept.client_secret, "hush-hush");
    EXPECT_EQ(kept.account, "ada@example.com");
    EXPECT_EQ(kept.expires, clock_.wall() + hours(1));
}

TEST_F(TokenSourceTest, StoresARotatedRefreshTokenBeforeUse) {
    record_.access_token.clear();
    service_.handler = [&](const FakeService::Call&) {
        return token_answer("new", ",\"expires_in\":3600,\"refresh_token\":\"refresh-2\"");
    };
    store_.break_saving(true);
    EXPECT_THAT(source().token({}), HasCode(Errc::local_full));
    store_.break_saving(false);
    clock_.advance(minutes(2));
    EXPECT_EQ(token(), "new");
    EXPECT_EQ(service_.requests(), 1u) << "the tokens were kept, not asked for with a refresh token that has ended";
    EXPECT_EQ(store_.record().refresh_token, "refresh-2");
}

TEST_F(TokenSourceTest, SixteenCallersMakeOneRenewal) {
    record_.access_token.clear();
    std::atomic<int> inside{0};
    std::atomic<bool> go{false};
    service_.handler = [&](const FakeService::Call&) {
        ++inside;
        go.wait(false);
        return token_answer("new");
    };
    source();
    std::vector<std::jthread> callers;
    std::atomic<int> good{0}, started{0};
    for (int i = 0; i < 16; ++i)
        callers.emplace_back([&] {
            ++started;
            const auto got = source_->token({});
            if (got && *got == "new") ++good;
        });
    while (started < 16 || inside < 1) std::this_thread::yield();
    go = true;
    go.notify_all();
    callers.clear();
    EXPECT_EQ(good, 16);
    EXPECT_EQ(service_.requests(), 1u);
}

TEST_F(TokenSourceTest, SixteenRefusalsOfOneTokenMakeOneRenewal) {
    EXPECT_EQ(token(), "old");
    std::vector<std::jthread> callers;
    for (int i = 0; i < 16; ++i)
        callers.emplace_back([&] {
            source_->refused("old");
            EXPECT_EQ(token(), "new1");
        });
    callers.clear();
    source_->refused("old");  // a late one
    EXPECT_EQ(token(), "new1");
    EXPECT_EQ(service_.requests(), 1u);
}

TEST_F(TokenSourceTest, TokensRefusedRightAfterTheirRenewalAreTheEndForAWhile) {
    EXPECT_EQ(token(), "old");
    source().refused("old");
    EXPECT_EQ(token(), "new1");
    source().refused("new1");
    EXPECT_EQ(token(), "new2");
    source().refused("new2");
    for (int i = 0; i < 3; ++i) {
        const auto got = source().token({});
        ASSERT_THAT(got, HasCode(Errc::unauthenticated));
        EXPECT_THAT(got.error().why, HasSubstr("oracxfs dropbox --name d"));
    }
    EXPECT_EQ(service_.requests(), 2u) << "no endless loop";
    clock_.advance(minutes(3));
    EXPECT_EQ(token(), "new3") << "the service may have had a bad minute";
}

TEST_F(TokenSourceTest, RefusalsWithSuccessInBetweenAreOrdinary) {
    for (int i = 0; i < 5; ++i) {
        const std::string now = token();
        source().accepted();
        source().refused(now);
    }
    EXPECT_EQ(token(), "new5");
}

TEST_F(TokenSourceTest, EarlyRenewalThatFailsKeepsTheGoodToken) {
    record_.expires = clock_.wall() + minutes(4);
    for (const auto& bad : {Response{503, {}, "<html>"}, oauth_error("invalid_grant"), oauth_error("invalid_client", 401)}) {
        service_.handler = [&](const FakeService::Call&) { return bad; };
        EXPECT_EQ(token(), "old");
        EXPECT_EQ(token(), "old");
        clock_.advance(seconds(31));
    }
    EXPECT_EQ(service_.requests(), 3u) << "one try now and then";
    service_.handler = [&](const FakeService::Call&) { return token_answer("new"); };
    EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, RevokedAccessIsFinalUntilSomebodySignsInAnew) {
    record_.access_token.clear();
    service_.handler = [&](const FakeService::Call&) { return oauth_error("invalid_grant", 400, "revoked"); };
    for (int i = 0; i < 3; ++i) {
        const auto got = source().token({});
        ASSERT_THAT(got, HasCode(Errc::unauthenticated));
        EXPECT_THAT(got.error().why, HasSubstr("revoked"));
        EXPECT_THAT(got.error().why, HasSubstr("`oracxfs dropbox --name d`"));
    }
    EXPECT_EQ(service_.requests(), 1u);
    EXPECT_EQ(store_.record().refresh_token, "refresh/+1") << "the record stays";
    record_.refresh_token = "refresh-2";
    store_.put(record_);
    service_.handler = [&](const FakeService::Call& call) {
        EXPECT_EQ(call.fields.at("refresh_token"), "refresh-2");
        return token_answer("new");
    };
    EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, AnotherProcessMayHaveRenewed) {
    record_.access_token.clear();
    service_.handler = [&](const FakeService::Call& call) -> Response {
        if (call.fields.at("refresh_token") == "refresh/+1") {
            record_.refresh_token = "rotated";
            store_.put(record_);
            return oauth_error("invalid_grant");
        }
        return token_answer("new");
    };
    EXPECT_EQ(token(), "new");
    // And a token that it has just got is taken as it is.
    clock_.advance(minutes(56));
    record_.access_token = "theirs";
    record_.expires = clock_.wall() + hours(1);
    store_.put(record_);
    EXPECT_EQ(token(), "theirs");
    EXPECT_EQ(service_.requests(), 2u);
}

class Transient : public TokenSourceTest, public testing::WithParamInterface<Response> {};

TEST_P(Transient, IsTriedAgainAndKeepsTheRecord) {
    record_.access_token.clear();
    int bad = 2;
    service_.handler = [&](const FakeService::Call&) { return bad-- > 0 ? GetParam() : token_answer("new"); };
    EXPECT_EQ(token(), "new");
    EXPECT_EQ(service_.requests(), 3u);
    EXPECT_EQ(store_.record().refresh_token, "refresh/+1");
}

TEST_P(Transient, IsUnavailableAfterAWhileAndRecovers) {
    record_.access_token.clear();
    service_.handler = [&](const FakeService::Call&) { return GetParam(); };
    EXPECT_THAT(source().token({}), HasCode(Errc::unavailable));
    const auto asked = service_.requests();
    EXPECT_LE(asked, 3u);
    EXPECT_THAT(source().token({}), HasCode(Errc::unavailable));
    EXPECT_EQ(service_.requests(), asked) << "no storm while the service is down";
    clock_.advance(minutes(2));
    service_.handler = [&](const FakeService::Call&) { return token_answer("new"); };
    EXPECT_EQ(token(), "new");
}

INSTANTIATE_TEST_SUITE_P(Answers, Transient,
                         testing::Values(Response{500, {}, ""}, Response{503, {}, "<html>busy</html>"},
                                         Response{429, {{"retry-after", "3"}}, "slow down"}, Response{408, {}, "{}"},
                                         Response{200, {}, "<html>log in to this wifi</html>"},
                                         Response{400, {}, "<html>proxy</html>"}, Response{200, {}, "{}"},
                                         Response{200, {}, R"({"access_token":""})"},
                                         Response{200, {}, R"({"access_token":"a\r\nX: y"})"},
                                         Response{400, {}, R"({"error":"temporarily_unavailable"})"},
                                         Response{400, {}, R"({"error":"internal_failure"})"}, Response{200, {}, "[]"}));

TEST_F(TokenSourceTest, NoNetworkIsNoSignOut) {
    record_.access_token.clear();
    service_.handler = [](const FakeService::Call&) -> Result<Response> { return fail(Errc::unavailable, "no network"); };
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(source().token({}), HasCode(Errc::unavailable));
        clock_.advance(minutes(2));
    }
    service_.handler = [](const FakeService::Call&) { return token_answer("new"); };
    EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, ErrorInASuccessIsAnError) {
    record_.access_token.clear();
    service_.handler = [](const FakeService::Call&) {
        return json_answer(R"({"access_token":"x","error":"invalid_grant"})", 200);
    };
    EXPECT_THAT(source().token({}), HasCode(Errc::unauthenticated));
}

TEST_F(TokenSourceTest, WrongClientIsAConfigurationError) {
    record_.access_token.clear();
    service_.handler = [](const FakeService::Call&) { return oauth_error("invalid_client", 401, "Unauthorized"); };
    EXPECT_THAT(source().token({}), HasCode(Errc::config));
    EXPECT_THAT(source().token({}), HasCode(Errc::config));
    EXPECT_EQ(service_.requests(), 1u);
}

TEST_F(TokenSourceTest, LifeMayBeAStringMissingOrAbsurd) {
    record_.access_token.clear();
    endpoints_.default_life = hours(4);
    const std::vector<std::pair<std::string, Millis>> lives{
        {R"(,"expires_in":"7200")", hours(2)}, {"", hours(4)},          {R"(,"expires_in":0)", minutes(1)},
        {R"(,"expires_in":-5)", minutes(1)},   {R"(,"expires_in":1e300)", hours(24)}, {R"(,"expires_in":"soon")", hours(4)},
        {R"(,"expires_in":null)", hours(4)}};
    for (const auto& [text, life] : lives) {
        service_.handler = [&, &text = text](const FakeService::Call&) { return token_answer("new", text); };
        const WallTime before = clock_.wall();
        token();
        EXPECT_EQ(store_.record().expires, before + life) << text;
        clock_.advance(hours(25));
    }
}

TEST_F(TokenSourceTest, ShortLifeIsNotRenewedAtEveryCall) {
    record_.access_token.clear();
    service_.handler = [&](const FakeService::Call&) {
        return token_answer("new" + std::to_string(++renewals_), ",\"expires_in\":60");
    };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(token(), "new1");
    clock_.advance(seconds(31));
    EXPECT_EQ(token(), "new2");
}

TEST_F(TokenSourceTest, ClockThatIsWrongIsCorrectedByTheServers) {
    record_.access_token.clear();
    const Millis ahead = hours(3);  // the server's clock
    service_.handler = [&](const FakeService::Call&) {
        Response response = token_answer("new" + std::to_string(++renewals_));
        response.headers.push_back({"date", http_date(clock_.wall() + ahead)});
        return response;
    };
    EXPECT_EQ(token(), "new1");
    EXPECT_EQ(token(), "new1");
    EXPECT_NEAR(static_cast<double>(to_ms(*store_.record().expires)), static_cast<double>(to_ms(clock_.wall() + ahead + hours(1))), 1000);
    clock_.advance(minutes(50));
    EXPECT_EQ(token(), "new1");
    clock_.advance(minutes(6));
    EXPECT_EQ(token(), "new2");
}

TEST_F(TokenSourceTest, TimePassesWhileTheMachineSleeps) {
    record_.access_token.clear();
    EXPECT_EQ(token(), "new1");
    clock_.set_wall(clock_.wall() + hours(8));  // the steady clock stood still
    EXPECT_EQ(token(), "new2");
}

TEST_F(TokenSourceTest, WallClockThatJumpsBackDoesNotProlongALife) {
    record_.access_token.clear();
    EXPECT_EQ(token(), "new1");
    clock_.set_wall(clock_.wall() - hours(8));
    clock_.advance(minutes(56));
    EXPECT_EQ(token(), "new2");
}

TEST_F(TokenSourceTest, TokenWithoutRefreshTokenWorksUntilItEnds) {
    record_.refresh_token.clear();
    record_.expires.reset();
    EXPECT_EQ(token(), "old");
    source().refused("old");
    const auto got = source().token({});
    ASSERT_THAT(got, HasCode(Errc::unauthenticated));
    EXPECT_THAT(got.error().message, HasSubstr("no refresh token"));
    EXPECT_EQ(service_.requests(), 0u);
}

TEST_F(TokenSourceTest, NobodyHasSignedIn) {
    stored_ = true;
    auto got = source().token({});
    ASSERT_THAT(got, HasCode(Errc::unauthenticated));
    EXPECT_THAT(got.error().why, HasSubstr("oracxfs dropbox --name d"));
    store_.put(record_);
    EXPECT_EQ(token(), "old");
}

TEST_F(TokenSourceTest, DamagedRecordSaysSo) {
    stored_ = true;
    store_.set("{\"access_token\":");
    EXPECT_THAT(source().token({}), HasCode(Errc::unauthenticated));
}

TEST_F(TokenSourceTest, NamesTheCauseOfADeathAfterAWeek) {
    endpoints_.week_hint = "publish the app";
    record_.access_token.clear();
    record_.signed_in = clock_.wall() - hours(24 * 7);
    service_.handler = [](const FakeService::Call&) { return oauth_error("invalid_grant"); };
    auto got = source().token({});
    ASSERT_THAT(got, HasCode(Errc::unauthenticated));
    EXPECT_THAT(got.error().why, HasSubstr("publish the app"));
    record_.signed_in = clock_.wall() - hours(24 * 30);
    store_.put(record_);
    got = source().token({});
    ASSERT_THAT(got, HasCode(Errc::unauthenticated));
    EXPECT_THAT(got.error().why, Not(HasSubstr("publish the app")));
}

TEST_F(TokenSourceTest, CallerWhoGoesAwayLeavesTheRenewalToTheNext) {
    record_.access_token.clear();
    std::stop_source stop;
    service_.handler = [&](const FakeService::Call&) -> Result<Response> {
        stop.request_stop();
        return fail(Errc::cancelled, "cancelled");
    };
    EXPECT_THAT(source().token({stop.get_token(), {}}), HasCode(Errc::cancelled));
    service_.handler = [](const FakeService::Call&) { return token_answer("new"); };
    EXPECT_EQ(token(), "new");
}

TEST_F(TokenSourceTest, WaitingCallerMayGoAway) {
    record_.access_token.clear();
    std::atomic<bool> inside{false}, go{false};
    service_.handler = [&](const FakeService::Call&) {
        inside = true;
        inside.notify_all();
        go.wait(false);
        return token_answer("new");
    };
    source();
    std::jthread first([&] { EXPECT_EQ(token(), "new"); });
    inside.wait(false);
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_THAT(source().token({stop.get_token(), {}}), HasCode(Errc::cancelled));
    go = true;
    go.notify_all();
}

TEST_F(TokenSourceTest, ErrorsShowNoSecret) {
    record_.access_token.clear();
    for (const auto& bad : {oauth_error("invalid_grant", 400, "x"), oauth_error("invalid_client", 401), Response{500, {}, "refresh/+1"}}) {
        service_.handler = [&](const FakeService::Call&) { return bad; };
        source_.reset();
        const auto got = source().token({});
        ASSERT_FALSE(got);
        for (const char* const secret : {"refresh/+1", "hush-hush"})
            EXPECT_THAT(got.error().to_string(), Not(HasSubstr(secret)));
    }
}

}  // namespace
}  // namespace oracxfs::test
