#include "providers/http/api_client.h"

#include <deque>
#include <future>

#include "providers/http/request_pace.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"

namespace oracxfs::http {
namespace {

using test::FakeClock;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;
using testing::IsEmpty;
using std::chrono::seconds;

// Answers as planned, and keeps what was asked.
class PlannedClient final : public Client {
  public:
    Result<Response> perform(const OpContext&, const Request& request) override {
        bearers.push_back(request.bearer);
        if (answers.empty()) return Response{200, {}, "{}"};
        Response response = std::move(answers.front());
        answers.pop_front();
        return response;
    }
    [[nodiscard]] std::uint64_t requests() const override { return bearers.size(); }

    std::deque<Response> answers;
    std::vector<std::string> bearers;
};

// "t0", and the next number after each refusal.
class CountingTokens final : public TokenSource {
  public:
    Result<std::string> token(const OpContext&) override {
        if (error) return fail(*error);
        return "t" + std::to_string(refusals.size());
    }
    void refused(const std::string& token) override { refusals.push_back(token); }
    void accepted() override { ++accepts; }

    std::optional<Error> error;
    std::vector<std::string> refusals;
    int accepts = 0;
};

class ApiClientTest : public testing::Test {
  protected:
    Result<Response> call(const OpContext& ctx = {}) {
        Request request;
        request.method = "POST";
        request.url = "https://api.example/2/x?secret=1";
        request.idempotent = idempotent_;
        return api().perform(ctx, request);
    }
    ApiClient& api() {
        if (!api_) api_ = ApiClient::make(client_, tokens_, clock_, options_);
        return *api_;
    }

    FakeClock clock_{FakeClock::Sleep::advances};
    PlannedClient client_;
    CountingTokens tokens_;
    ApiOptions options_;
    bool idempotent_ = true;
    std::unique_ptr<ApiClient> api_;
};

TEST_F(ApiClientTest, SignsRequestsAndTellsThatTheTokenWorked) {
    ASSERT_THAT(call(), IsOk());
    EXPECT_THAT(client_.bearers, ElementsAre("t0"));
    EXPECT_EQ(tokens_.accepts, 1);
}

TEST_F(ApiClientTest, RenewsARefusedTokenOnce) {
    client_.answers = {{401, {}, ""}};
    ASSERT_THAT(call(), IsOk());
    EXPECT_THAT(client_.bearers, ElementsAre("t0", "t1"));
    EXPECT_THAT(tokens_.refusals, ElementsAre("t0"));
}

TEST_F(ApiClientTest, GivesUpWhenTheNewTokenIsRefusedToo) {
    client_.answers = {{401, {}, ""}, {401, {}, ""}, {401, {}, ""}, {200, {}, ""}};
    const auto response = call();
    ASSERT_THAT(response, HasCode(Errc::unauthenticated));
    EXPECT_EQ(response.error().to_string().find("secret"), std::string::npos);
    EXPECT_THAT(tokens_.refusals, ElementsAre("t0", "t1", "t2"));
    EXPECT_EQ(tokens_.accepts, 0);
}

TEST_F(ApiClientTest, DoesNotRenewWhereThatIsNoCure) {
    options_.is_stale_token = [](const Response& r) { return r.status == 401 && r.body != "missing_scope"; };
    client_.answers = {{401, {}, "missing_scope"}, {403, {}, ""}};
    auto response = call();
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 401);
    EXPECT_EQ(tokens_.accepts, 0);
    response = call();
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 403);
    EXPECT_THAT(tokens_.refusals, IsEmpty());
}

TEST_F(ApiClientTest, PassesOnThatThereIsNoToken) {
    tokens_.error = Error(Errc::unauthenticated, "sign in");
    EXPECT_THAT(call(), HasCode(Errc::unauthenticated));
    EXPECT_THAT(client_.bearers, IsEmpty());
}

TEST_F(ApiClientTest, OtherStatusesAreResponses) {
    for (const int status : {308, 400, 403, 404, 409, 500, 502, 504}) {
        client_.answers = {{status, {}, ""}};
        const auto response = call();
        ASSERT_THAT(response, IsOk());
        EXPECT_EQ(response->status, status);
    }
    EXPECT_THAT(clock_.pauses(), IsEmpty());
}

TEST_F(ApiClientTest, WaitsAsLongAsItIsTold) {
    client_.answers = {{429, {{"retry-after", "7"}}, "text, not JSON"}};
    ASSERT_THAT(call(), IsOk());
    EXPECT_THAT(clock_.pauses(), ElementsAre(Millis(7000)));
}

TEST_F(ApiClientTest, WaitsLongerEachTimeWhenItIsToldNothing) {
    options_.throttle_wait_max = seconds(200);
    client_.answers = {{429, {}, ""}, {503, {}, ""}, {429, {}, ""}, {429, {}, ""}};
    ASSERT_THAT(call(), IsOk());
    const auto pauses = clock_.pauses();
    ASSERT_EQ(pauses.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_GE(pauses[i], seconds(1u << i) / 2);
        EXPECT_LE(pauses[i], seconds(1u << i) + seconds(5)) << "and the learned pace adds at most one request's time";
    }
}

TEST_F(ApiClientTest, DoesNotSleepLongerThanAllowed) {
    client_.answers = {{429, {{"retry-after", "300"}}, ""}};
    const auto response = call();
    ASSERT_THAT(response, HasCode(Errc::throttled));
    EXPECT_EQ(response.error().retry_after, seconds(300));
    EXPECT_THAT(clock_.pauses(), IsEmpty());
    // The others need not ask to know.
    EXPECT_THAT(call(), HasCode(Errc::throttled));
    EXPECT_EQ(client_.bearers.size(), 1u);
    clock_.advance(seconds(300));
    EXPECT_THAT(call(), IsOk());
}

TEST_F(ApiClientTest, DoesNotSleepBeyondTheDeadline) {
    client_.answers = {{429, {{"retry-after", "5"}}, ""}};
    EXPECT_THAT(call({{}, clock_.steady() + seconds(3)}), HasCode(Errc::throttled));
}

TEST_F(ApiClientTest, EndsWhenTheServiceNeverStopsObjecting) {
    for (int i = 0; i < 100; ++i) client_.answers.push_back({429, {{"retry-after", "0"}}, ""});
    EXPECT_THAT(call(), HasCode(Errc::throttled));
    EXPECT_LT(client_.bearers.size(), 20u) << "no hammering, whatever Retry-After says";
}

TEST_F(ApiClientTest, DoesNotRepeatA503OfWhatMayHaveHappened) {
    idempotent_ = false;
    client_.answers = {{503, {}, ""}};
    const auto response = call();
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 503);
    client_.answers = {{429, {{"retry-after", "1"}}, ""}};
    ASSERT_THAT(call(), IsOk());
    EXPECT_EQ(client_.bearers.size(), 3u);
}

TEST_F(ApiClientTest, KnowsOtherWaysToSaySlowDown) {
    options_.is_throttle = [](const Response& r) { return r.status == 403 && r.body == "rateLimitExceeded"; };
    client_.answers = {{403, {}, "rateLimitExceeded"}, {429, {}, ""}};
    const auto response = call();
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 429);
}

TEST_F(ApiClientTest, StopsWhenToldSo) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THAT(call({stop.get_token(), {}}), HasCode(Errc::cancelled));
    EXPECT_THAT(client_.bearers, IsEmpty());
}

TEST_F(ApiClientTest, AWaitEndsWithItsCaller) {
    FakeClock clock;  // nobody moves it
    const auto api = ApiClient::make(client_, tokens_, clock, options_);
    client_.answers = {{429, {{"retry-after", "5"}}, ""}};
    std::stop_source stop;
    auto answer = std::async(std::launch::async, [&] {
        Request request;
        request.url = "https://api.example/2/x";
        return api->perform({stop.get_token(), {}}, request);
    });
    clock.wait_for_sleepers(1);
    stop.request_stop();
    EXPECT_THAT(answer.get(), HasCode(Errc::cancelled));
    EXPECT_EQ(client_.bearers.size(), 1u);
}

TEST_F(ApiClientTest, KeepsToTheConfiguredRate) {
    options_.requests_per_second_max = 2;
    const SteadyTime begin = clock_.steady();
    for (int i = 0; i < 11; ++i) ASSERT_THAT(call(), IsOk());
    EXPECT_EQ(std::chrono::round<Millis>(clock_.steady() - begin), Millis(5000));
}

TEST(RequestPaceTest, HalvesOnAComplaintAndRecovers) {
    RequestPace pace(0);
    SteadyTime now = SteadyTime{} + seconds(1000);
    for (int i = 0; i < 100; ++i) {
        ASSERT_EQ(pace.book(now, now).start, now) << "nothing is limited before a complaint";
        now += Millis(100);
    }
    const SteadyTime started = now;
    pace.slow_down(now, started, seconds(1));
    EXPECT_NEAR(pace.rate(now), 5, 0.2);
    for (int i = 0; i < 15; ++i) pace.slow_down(now + Millis(10), started - Millis(1), seconds(1));
    EXPECT_NEAR(pace.rate(now), 5, 0.2) << "answers to what was under way count once";
    EXPECT_NEAR(pace.rate(now + seconds(31)), 10, 0.5);
    EXPECT_EQ(pace.rate(now + seconds(300)), 0) << "forgotten";
}

TEST(RequestPaceTest, SpreadsTheCallersWhoWaited) {
    RequestPace pace(0);
    const SteadyTime now = SteadyTime{} + seconds(1000);
    for (int i = 0; i < 4; ++i) pace.book(now, now);
    pace.slow_down(now, now, seconds(10));
    const double rate = pace.rate(now);
    std::vector<SteadyTime> starts;
    for (int i = 0; i < 5; ++i) starts.push_back(pace.book(now, now + seconds(60)).start);
    EXPECT_EQ(starts.front(), now + seconds(10));
    for (std::size_t i = 1; i < starts.size(); ++i)
        EXPECT_NEAR(std::chrono::duration<double>(starts[i] - starts[i - 1]).count(), 1 / rate, 0.01);
    EXPECT_FALSE(pace.book(now, now + seconds(5)).booked);
}

TEST(RequestPaceTest, NeverStandsStill) {
    RequestPace pace(0);
    SteadyTime now = SteadyTime{} + seconds(1000);
    for (int i = 0; i < 50; ++i) pace.slow_down(now, now, Millis(0)), now += seconds(1);
    EXPECT_GE(pace.rate(now), 0.2);
}

TEST(JsonBody, IsJsonOrAPortalInBetween) {
    EXPECT_EQ(json_body({200, {}, R"({"a":1})"})->find("a")->as_int(), 1);
    for (const std::string& bad : {std::string(), std::string("<html>secret</html>"), std::string("{\"a\":1}x"),
                                   std::string(65, '[') + std::string(65, ']')}) {
        const auto json = json_body({200, {}, bad});
        ASSERT_THAT(json, HasCode(Errc::unavailable));
        EXPECT_EQ(json.error().to_string().find("secret"), std::string::npos);
    }
}

}  // namespace
}  // namespace oracxfs::http
