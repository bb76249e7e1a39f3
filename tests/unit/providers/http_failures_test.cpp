// What a request reports when the server, the line or the caller ends it.

#include <atomic>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/patience.h"
#include "tests/unit/providers/http_fixture.h"

namespace oracxfs::test {
namespace {

using http::Request;
using testing::HasSubstr;
using testing::Not;
using Finish = HttpsResponse::Finish;
using Framing = HttpsResponse::Framing;

constexpr std::size_t kMiB = 1u << 20;

HttpsResponse nothing(Finish finish) {
    HttpsResponse response;
    response.silent = true;
    response.finish = finish;
    return response;
}

HttpsResponse cut(Finish finish, Framing framing) {
    HttpsResponse response = HttpsResponse::text(std::string(5000, 'x'));
    response.framing = framing;
    response.cut_after = 3000;
    response.finish = finish;
    return response;
}

// How a kind of failure is reported for a request that may be repeated, and for one that may not.
void expect_lost_answer(const HttpsServer::Handler& handler, bool tls = true, bool silent = false) {
    for (const bool idempotent : {true, false}) {
        HttpsServer server(handler, {.tls = tls});
        const auto client = make_client(server, {.stall_timeout = patient(silent ? Millis(1'000) : Millis(30'000))});
        Request r = request("POST", server.url("/x?upload_id=secret-query"));
        r.idempotent = idempotent;
        r.bearer = "secret-token";
        r.body = view_of("secret-body");
        const auto response = client->perform({}, r);
        EXPECT_THAT(response, HasCode(idempotent ? Errc::unavailable : Errc::outcome_unknown));
        if (!response) {
            EXPECT_THAT(response.error().to_string(), Not(HasSubstr("secret")));
            EXPECT_EQ(response.error().silent, silent);
        }
        EXPECT_EQ(server.requests(), 1u) << "a new connection that breaks is nothing to repeat by oneself";
    }
}

TEST(HttpFailures, ResetBeforeTheAnswer) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), nothing(Finish::reset); });
}
TEST(HttpFailures, CloseBeforeTheAnswer) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), nothing(Finish::close); });
}
TEST(HttpFailures, HangBeforeTheAnswer) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), nothing(Finish::hang); }, true, true);
}
TEST(HttpFailures, ResetInTheBody) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::reset, Framing::length); });
}
TEST(HttpFailures, HangInTheBody) {
    // Silence in the middle takes as long to notice as silence from the beginning.
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::hang, Framing::length); }, true, true);
}
TEST(HttpFailures, TruncatedByLength) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::close, Framing::length); });
}
TEST(HttpFailures, TruncatedChunks) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::close, Framing::chunked); });
}
TEST(HttpFailures, TruncatedWithoutAnyLength) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::drop, Framing::until_close); });
}
TEST(HttpFailures, BodyWithoutAnyLengthAndWithoutTls) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), cut(Finish::close, Framing::until_close); }, false);
}
TEST(HttpFailures, NotHttpAtAll) {
    expect_lost_answer([](HttpsRequest& r) {
        r.body();
        HttpsResponse response;
        response.raw = "SSH-2.0-OpenSSH_9.2\r\n";
        response.finish = Finish::close;
        return response;
    });
}
TEST(HttpFailures, HugeHeaders) {
    expect_lost_answer([](HttpsRequest& r) {
        r.body();
        HttpsResponse response = HttpsResponse::text("x");
        for (int i = 0; i < 400; ++i) response.headers.emplace_back("X-" + std::to_string(i), std::string(1000, 'h'));
        return response;
    });
}
TEST(HttpFailures, AnswerLongerThanExpected) {
    expect_lost_answer([](HttpsRequest& r) { return r.body(), HttpsResponse::text(std::string(5 * kMiB, 'x')); });
}

TEST(HttpFailures, BodyOfAnErrorNeedsNoLength) {
    HttpsServer server([](HttpsRequest&) {
        HttpsResponse response = HttpsResponse::text("<html>gateway</html>", 502);
        response.framing = Framing::until_close;
        return response;
    });
    const auto response = make_client(server)->perform({}, request("GET", server.url("/")));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 502);
}

TEST(HttpFailures, BodyThatWasNotGivenWholeCannotHaveBeenActedOn) {
    HttpsServer server([](HttpsRequest& r) {
        std::vector<char> piece(1000);
        r.stream->read(piece);
        return nothing(Finish::reset);
    });
    const auto client = make_client(server);
    const std::string content = pattern(64 * kMiB);
    Request r = request("POST", server.url("/"));
    r.idempotent = false;
    r.body = view_of(content);
    EXPECT_THAT(client->perform({}, r), HasCode(Errc::unavailable));
}

TEST(HttpFailures, NobodyListens) {
    int port = 0;
    std::unique_ptr<http::Client> client;
    {
        HttpsServer server([](HttpsRequest&) { return HttpsResponse{}; });
        port = server.port();
        client = make_client(server);
    }
    Request r = request("POST", "https://localhost:" + std::to_string(port) + "/");
    r.idempotent = false;
    EXPECT_THAT(client->perform({}, r), HasCode(Errc::unavailable)) << "nothing was sent";
}

TEST(HttpFailures, SinkHasTakenATruePrefix) {
    const std::string content = pattern(9 * kMiB);
    HttpsServer server([&](HttpsRequest&) {
        HttpsResponse response = HttpsResponse::text(content);
        response.cut_after = 7 * kMiB;
        response.finish = Finish::reset;
        return response;
    });
    const auto client = make_client(server);
    std::string got;
    Request r = request("GET", server.url("/"));
    r.sink = [&](std::span<const std::byte> bytes) {
        got.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return true;
    };
    EXPECT_THAT(client->perform({}, r), HasCode(Errc::unavailable));
    EXPECT_LE(got.size(), 7 * kMiB);
    EXPECT_TRUE(content.starts_with(got));
}

TEST(HttpFailures, SlowDripIsNoStall) {
    const Millis stall = patient(Millis(1'200));
    HttpsServer server([stall](HttpsRequest&) {
        HttpsResponse response = HttpsResponse::text("0123456789");
        response.drip_bytes = 1;
        response.drip_delay = stall / 8;
        return response;
    });
    const auto client = make_client(server, {.stall_timeout = stall});
    const auto response = client->perform({}, request("GET", server.url("/")));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->body, "0123456789");
}

TEST(HttpFailures, RequestMaySetAStallTimeoutOfItsOwn) {
    HttpsServer server([](HttpsRequest& asked) {
        if (asked.path == "/never") return nothing(Finish::hang);
        HttpsResponse response = HttpsResponse::text("late");
        response.delay = Millis(1000);
        return response;
    });
    const auto client = make_client(server, {.stall_timeout = Millis(200)});
    EXPECT_THAT(client->perform({}, request("GET", server.url("/never"))), HasCode(Errc::unavailable));
    Request r = request("GET", server.url("/late"));
    r.stall_timeout = patient(Millis(60'000));
    EXPECT_THAT(client->perform({}, r), IsOk());
}

// --- the caller's wishes ---

TEST(HttpFailures, StopEndsAWaitingRequest) {
    HttpsServer server([](HttpsRequest&) { return nothing(Finish::hang); });
    const auto client = make_client(server);
    std::stop_source stop;
    const std::jthread stopper([&] {
        server.wait_for_requests(1);
        stop.request_stop();
    });
    Request r = request("POST", server.url("/"));
    r.idempotent = false;
    EXPECT_THAT(client->perform({stop.get_token(), {}}, r), HasCode(Errc::cancelled));
}

TEST(HttpFailures, StopEndsAnUploadThatNobodyReads) {
    HttpsServer server([&](HttpsRequest& r) {
        r.stop = {};
        return nothing(Finish::hang);
    });
    const auto client = make_client(server);
    const std::string content = pattern(64 * kMiB);
    std::stop_source stop;
    Request r = request("PUT", server.url("/"));
    r.body = view_of(content);
    r.on_sent = [&](std::uint64_t sent) {
        if (sent > kMiB) stop.request_stop();
    };
    EXPECT_THAT(client->perform({stop.get_token(), {}}, r), HasCode(Errc::cancelled));
}

TEST(HttpFailures, StopEndsARequestThatWaitsForAConnection) {
    HttpsServer server([](HttpsRequest&) { return nothing(Finish::hang); });
    const auto client = make_client(server, {.connections_max = 1});
    std::stop_source first, second;
    std::jthread occupier([&] {
        EXPECT_THAT(client->perform({first.get_token(), {}}, request("GET", server.url("/1"))), HasCode(Errc::cancelled));
    });
    server.wait_for_requests(1);
    const std::jthread stopper([&] { second.request_stop(); });
    EXPECT_THAT(client->perform({second.get_token(), {}}, request("GET", server.url("/2"))), HasCode(Errc::cancelled));
    first.request_stop();
    occupier.join();
    EXPECT_EQ(server.requests(), 1u);
}

TEST(HttpFailures, StopBeforeTheStartSendsNothing) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse{}; });
    const auto client = make_client(server);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THAT(client->perform({stop.get_token(), {}}, request("GET", server.url("/"))), HasCode(Errc::cancelled));
    EXPECT_EQ(client->requests(), 0u);
}

TEST(HttpFailures, DeadlineEndsAWaitingRequest) {
    HttpsServer server([](HttpsRequest&) { return nothing(Finish::hang); });
    FakeClock clock;
    http::ClientOptions options;
    options.clock = &clock;
    const auto client = make_client(server, options);
    const std::jthread time([&] {
        server.wait_for_requests(1);
        clock.advance(Millis(5000));
    });
    EXPECT_THAT(client->perform({{}, clock.steady() + Millis(5000)}, request("GET", server.url("/"))),
                HasCode(Errc::deadline));
    EXPECT_THAT(client->perform({{}, clock.steady()}, request("GET", server.url("/"))), HasCode(Errc::deadline));
    EXPECT_EQ(server.requests(), 1u);
}

// --- kept connections that have died ---

// Answers the first request of the first connection, and ends the second one on it as told.
struct StaleServer {
    explicit StaleServer(Finish finish, std::size_t read_before_end = ~std::size_t{0})
        : server([this, finish, read_before_end](HttpsRequest& r) {
              if (r.connection == 1 && r.on_connection == 2) {
                  std::vector<char> piece(std::min<std::size_t>(read_before_end, kMiB));
                  std::size_t got = 0;
                  while (got < read_before_end) {
                      const std::size_t n = r.stream->read(piece);
                      if (n == 0) break;
                      got += n;
                  }
                  return nothing(finish);
              }
              ++answered;
              return HttpsResponse::text(std::string(r.body()));
          }) {}
    std::atomic<int> answered{0};
    HttpsServer server;
};

TEST(HttpStaleConnection, IsReplacedUnderAnIdempotentRequest) {
    for (const Finish finish : {Finish::reset, Finish::close, Finish::drop})
        for (const char* const method : {"GET", "PUT", "POST"}) {
            StaleServer stale(finish);
            const auto client = make_client(stale.server);
            ASSERT_THAT(client->perform({}, request("GET", stale.server.url("/"))), IsOk());
            Request r = request(method, stale.server.url("/"));
            if (r.method != "GET") r.body = view_of("content");
            const auto response = client->perform({}, r);
            ASSERT_THAT(response, IsOk()) << method;
            EXPECT_EQ(response->body, r.method == "GET" ? "" : "content");
            EXPECT_EQ(stale.answered, 2);
        }
}

TEST(HttpStaleConnection, IsReplacedUnderALargeUpload) {
    for (const std::size_t read_first : {std::size_t{0}, 3 * kMiB}) {
        StaleServer stale(Finish::reset, read_first);
        const auto client = make_client(stale.server);
        Request first = request("GET", stale.server.url("/"));
        first.http1_only = true;
        ASSERT_THAT(client->perform({}, first), IsOk());
        const std::string content = pattern(24 * kMiB);
        Request r = request("PUT", stale.server.url("/"));
        r.body = view_of(content);
        r.response_max = 64 * kMiB;
        const auto response = client->perform({}, r);
        ASSERT_THAT(response, IsOk());
        EXPECT_TRUE(response->body == content);
    }
}

TEST(HttpStaleConnection, NeverRepeatsWhatMayHaveBeenActedOn) {
    for (const Finish finish : {Finish::reset, Finish::close, Finish::drop})
        for (const std::string_view body : {"", "content"}) {
            StaleServer stale(finish);
            const auto client = make_client(stale.server);
            ASSERT_THAT(client->perform({}, request("GET", stale.server.url("/"))), IsOk());
            Request r = request("POST", stale.server.url("/"));
            r.body = view_of(body);
            r.idempotent = false;
            EXPECT_THAT(client->perform({}, r), HasCode(Errc::outcome_unknown));
            EXPECT_EQ(stale.answered, 1);
            EXPECT_EQ(stale.server.requests(), 2u);
        }
}

TEST(HttpStaleConnection, ClosedWhileIdleIsNoticedBeforeSending) {
    HttpsServer server([](HttpsRequest& r) { return HttpsResponse::text(std::to_string(r.connection)); });
    const auto client = make_client(server);
    for (int i = 0; i < 4; ++i) {
        Request r = request("POST", server.url("/"));
        r.idempotent = false;
        ASSERT_THAT(client->perform({}, r), IsOk());
        server.close_idle();
        server.wait_for_open(0);
    }
    EXPECT_EQ(server.connections(), 4u);
}

// --- TLS ---

struct BadTls {
    const char* name;
    HttpsServerOptions options;
    const char* reason;
};

class HttpTls : public testing::TestWithParam<BadTls> {};

TEST_P(HttpTls, RefusesTheServer) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse{}; }, GetParam().options);
    const auto client = make_client(server);
    Request r = request("POST", server.url("/"));
    r.idempotent = false;
    const auto response = client->perform({}, r);
    ASSERT_THAT(response, HasCode(Errc::unavailable));
    EXPECT_THAT(response.error().why, HasSubstr(GetParam().reason));
    EXPECT_EQ(server.requests(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, HttpTls,
    testing::Values(BadTls{"wrong_host", {.certificate = Certificate::wrong_host}, "no alternative certificate subject name"},
                    BadTls{"expired", {.certificate = Certificate::expired}, "is the clock of this machine right?"},
                    BadTls{"not_yet_valid", {.certificate = Certificate::not_yet_valid}, "is the clock of this machine right?"},
                    BadTls{"self_signed", {.certificate = Certificate::self_signed}, "self-signed"},
                    BadTls{"tls_1_1", {.tls_1_1_only = true}, "no trusted TLS connection"}),
    [](const auto& kind) { return kind.param.name; });

TEST(HttpTlsTrust, ComesFromTheGivenFileOnly) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse{}; });
    const TestCa other;
    const auto client = make_client(server, {.ca_file = other.ca_file()});
    const auto response = client->perform({}, request("GET", server.url("/")));
    ASSERT_THAT(response, HasCode(Errc::unavailable));
    EXPECT_THAT(response.error().why, HasSubstr("ca_file"));
    auto system = http::Client::create({});
    ASSERT_THAT(system, IsOk());
    EXPECT_THAT((*system)->perform({}, request("GET", server.url("/"))), HasCode(Errc::unavailable));
    EXPECT_EQ(server.requests(), 0u);
}

TEST(HttpAddresses, ThatMustNotBeConnectedToGetNothing) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x"); });
    http::ClientOptions options;
    bool allowed = false;
    options.may_connect = [&](const sockaddr&) { return allowed; };
    const auto client = make_client(server, std::move(options));
    const auto refused = client->perform({}, request("GET", server.url("/")));
    ASSERT_THAT(refused, HasCode(Errc::unavailable));
    EXPECT_THAT(refused.error().why, testing::HasSubstr("must not be connected to"));
    EXPECT_EQ(server.connections(), 0u);
    allowed = true;
    EXPECT_THAT(client->perform({}, request("GET", server.url("/"))), IsOk());
}

TEST(HttpAddresses, PlainHttpToOtherMachinesMustBeWanted) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x"); });
    http::ClientOptions options;
    options.may_connect = [](const sockaddr&) { return false; };  // nothing leaves this machine
    EXPECT_THAT(make_client(server, options)->perform({}, request("GET", "http://192.0.2.1/")), HasCode(Errc::invalid));
    options.plain_http = true;
    EXPECT_THAT(make_client(server, options)->perform({}, request("GET", "http://192.0.2.1/")), HasCode(Errc::unavailable));
}

}  // namespace
}  // namespace oracxfs::test
