// What a request brings back from a server that behaves.

#include <atomic>
#include <cstdlib>
#include <set>
#include <thread>

#include "tests/support/patience.h"
#include "tests/unit/providers/http_fixture.h"

namespace oracxfs::test {
namespace {

using http::Request;
using http::Response;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t kMiB = 1u << 20;

TEST(HttpClient, SendsWhatItWasGivenAndNothingElse) {
    HttpsRequest seen;
    HttpsServer server([&](HttpsRequest& r) {
        r.body();
        seen = r;
        return HttpsResponse::text("answer", 201).with("X-One", "a").with("x-ONE", " b ");
    });
    const auto client = make_client(server);
    Request r = request("POST", server.url("/a%2Fb/../c?x=1%202"));
    r.bearer = "secret-token";
    r.content_type = "application/json";
    r.headers = {{"Dropbox-API-Arg", "{\"path\":\"/x\"}"}, {"X-Empty", ""}};
    const std::string body = "{\"a\":1}";
    r.body = view_of(body);
    const auto response = client->perform({}, r);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, "answer");
    EXPECT_EQ(response->header("x-one"), "b");

    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.target, "/a%2Fb/../c?x=1%202");
    EXPECT_EQ(seen.body(), body);
    EXPECT_EQ(seen.header("authorization"), "Bearer secret-token");
    EXPECT_EQ(seen.header("content-type"), "application/json");
    EXPECT_EQ(seen.header("content-length"), "7");
    EXPECT_EQ(seen.header("dropbox-api-arg"), "{\"path\":\"/x\"}");
    EXPECT_TRUE(seen.has_header("x-empty"));
    EXPECT_THAT(std::string(seen.header("user-agent")), testing::StartsWith("oracxfs/"));
    EXPECT_FALSE(seen.has_header("expect"));
    EXPECT_FALSE(seen.has_header("cookie"));
}

TEST(HttpClient, AddsNoContentTypeOfItsOwn) {
    std::vector<HttpsRequest> seen;
    HttpsServer server([&](HttpsRequest& r) {
        seen.push_back(r);
        return HttpsResponse::text("");
    });
    const auto client = make_client(server);
    for (const char* const method : {"POST", "PUT", "PATCH", "DELETE", "GET"}) {
        const auto response = client->perform({}, request(method, server.url("/")));
        ASSERT_THAT(response, IsOk());
    }
    ASSERT_EQ(seen.size(), 5u);
    for (const HttpsRequest& r : seen) EXPECT_FALSE(r.has_header("content-type")) << r.method;
    EXPECT_EQ(seen[0].header("content-length"), "0");
    EXPECT_EQ(seen[1].header("content-length"), "0");
    EXPECT_EQ(seen[3].method, "DELETE");
    EXPECT_FALSE(seen[4].has_header("content-length"));
}

TEST(HttpClient, AnyStatusIsAResponseAndRedirectsAreNotFollowed) {
    std::atomic<int> elsewhere{0};
    HttpsServer server([&](HttpsRequest& r) {
        if (r.path == "/elsewhere") ++elsewhere;
        const int status = r.path == "/elsewhere" ? 200 : std::stoi(r.path.substr(1));
        return HttpsResponse::text("body", status).with("Location", "/elsewhere");
    });
    const auto client = make_client(server);
    for (const int status : {301, 302, 307, 308, 401, 404, 409, 429, 500, 503}) {
        const auto response = client->perform({}, request("PUT", server.url("/" + std::to_string(status))));
        ASSERT_THAT(response, IsOk());
        EXPECT_EQ(response->status, status);
        EXPECT_EQ(response->body, "body");
    }
    EXPECT_EQ(elsewhere, 0);
}

TEST(HttpClient, HeadAndEmptyAnswersHaveNoBody) {
    HttpsServer server([](HttpsRequest& r) { return HttpsResponse::text("body", r.method == "HEAD" ? 200 : 204); });
    const auto client = make_client(server);
    const auto head = client->perform({}, request("HEAD", server.url("/")));
    ASSERT_THAT(head, IsOk());
    EXPECT_EQ(head->header("content-length"), "4");
    EXPECT_EQ(head->body, "");
    const auto nothing = client->perform({}, request("DELETE", server.url("/")));
    ASSERT_THAT(nothing, IsOk());
    EXPECT_EQ(nothing->status, 204);
}

TEST(HttpClient, KeepsItsConnection) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x"); });
    const auto client = make_client(server);
    for (int i = 0; i < 5; ++i) ASSERT_THAT(client->perform({}, request("GET", server.url("/"))), IsOk());
    EXPECT_EQ(server.connections(), 1u);
    EXPECT_EQ(client->requests(), 5u);
}

TEST(HttpClient, InterimAnswersAndTrailersAreNotTheHead) {
    HttpsServer server([](HttpsRequest&) {
        HttpsResponse response;
        response.raw =
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n4\r\nbody\r\n0\r\nA: 2\r\nHTTP/1.1 500: x\r\n\r\n";
        return response;
    });
    const auto client = make_client(server);
    const auto response = client->perform({}, request("GET", server.url("/")));
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->header("a"), "1");
    EXPECT_EQ(response->header("link"), "");
    EXPECT_EQ(response->body, "body");
}

TEST(HttpClient, UploadsALargeBodyAndCountsIt) {
    const std::string content = pattern(48 * kMiB + 17);
    std::atomic<bool> same{false};
    HttpsServer server([&](HttpsRequest& r) {
        same = r.body() == content;
        return HttpsResponse::text("");
    });
    const auto client = make_client(server);
    for (const char* const method : {"PUT", "POST"}) {
        std::vector<std::uint64_t> counts;
        Request r = request(method, server.url("/"));
        r.body = view_of(content);
        r.on_sent = [&](std::uint64_t sent) { counts.push_back(sent); };
        same = false;
        ASSERT_THAT(client->perform({}, r), IsOk());
        EXPECT_TRUE(same);
        ASSERT_FALSE(counts.empty());
        EXPECT_TRUE(std::is_sorted(counts.begin(), counts.end()));
        EXPECT_EQ(counts.back(), content.size());
    }
}

TEST(HttpClient, SinkTakesTheBodyOfASuccessInOrderOnTheCallersThread) {
    const std::string content = pattern(24 * kMiB + 5);
    HttpsServer server([&](HttpsRequest& r) {
        HttpsResponse response = HttpsResponse::text(content, r.path == "/part" ? 206 : 200);
        if (r.path == "/chunked") response.framing = HttpsResponse::Framing::chunked;
        return response;
    });
    const auto client = make_client(server);
    for (const char* const path : {"/", "/part", "/chunked"}) {
        std::string got;
        bool own_thread = true;
        Request r = request("GET", server.url(path));
        r.response_max = 10;  // not for a sink
        r.sink = [&, me = std::this_thread::get_id()](std::span<const std::byte> bytes) {
            own_thread = own_thread && me == std::this_thread::get_id();
            got.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            return true;
        };
        const auto response = client->perform({}, r);
        ASSERT_THAT(response, IsOk());
        EXPECT_EQ(response->body, "");
        EXPECT_TRUE(own_thread);
        EXPECT_TRUE(got == content) << path;
    }
}

TEST(HttpClient, SinkDoesNotSeeTheBodyOfAnError) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("why", 409); });
    const auto client = make_client(server);
    Request r = request("GET", server.url("/"));
    r.sink = [](std::span<const std::byte>) {
        ADD_FAILURE() << "the sink was called";
        return true;
    };
    const auto response = client->perform({}, r);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 409);
    EXPECT_EQ(response->body, "why");
}

TEST(HttpClient, SinkMayHaveEnough) {
    HttpsServer server([](HttpsRequest&) {
        HttpsResponse response;
        response.more = [](std::string& piece) {
            piece.assign(64 << 10, 'x');
            return true;  // for ever
        };
        return response;
    });
    const auto client = make_client(server);
    std::size_t got = 0;
    Request r = request("GET", server.url("/"));
    r.sink = [&](std::span<const std::byte> bytes) { return (got += bytes.size()) < kMiB; };
    const auto response = client->perform({}, r);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->status, 200);
    EXPECT_GE(got, kMiB);
}

TEST(HttpClient, SinkThatThrowsEndsTheRequest) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text(std::string(kMiB, 'x')); });
    const auto client = make_client(server);
    Request r = request("GET", server.url("/"));
    r.sink = [](std::span<const std::byte>) -> bool { throw std::runtime_error("sink"); };
    EXPECT_THROW(static_cast<void>(client->perform({}, r)), std::runtime_error);
    EXPECT_THAT(client->perform({}, request("GET", server.url("/"))), IsOk());
}

// Bytes that the caller does not take stay at the server.
TEST(HttpClient, SlowSinkHoldsTheServerBack) {
    constexpr std::size_t kTotal = 192 * kMiB;
    std::atomic<std::size_t> produced{0};
    HttpsServer server([&](HttpsRequest&) {
        HttpsResponse response;
        response.announced = kTotal;
        response.more = [&](std::string& piece) {
            if (produced >= kTotal) return false;
            piece.assign(kMiB, 'x');
            produced += kMiB;
            return true;
        };
        return response;
    });
    const Millis stall = patient(Millis(1'000));
    const auto client = make_client(server, {.stall_timeout = stall});
    std::size_t got = 0;
    std::size_t ahead = 0;
    Request r = request("GET", server.url("/"));
    r.sink = [&](std::span<const std::byte> bytes) {
        if (std::exchange(got, got + bytes.size()) != 0) return true;
        // Until the server stands still for longer than the client's stall time-out, which is not meant for this.
        SystemClock clock;
        for (std::size_t before = 0; before != produced;) {
            before = produced;
            clock.sleep_for(stall + Millis(200), {});
        }
        ahead = produced - got;
        return true;
    };
    ASSERT_THAT(client->perform({}, r), IsOk());
    EXPECT_EQ(got, kTotal);
    EXPECT_LT(ahead, 48 * kMiB);
}

TEST(HttpClient, ServesManyCallersAtOnceOverFewConnections) {
    std::atomic<int> now{0}, most{0};
    HttpsServer server([&](HttpsRequest& r) {
        const int here = ++now;
        int seen = most;
        while (here > seen && !most.compare_exchange_weak(seen, here)) {
        }
        HttpsResponse response = HttpsResponse::text(std::string(r.body()));
        --now;
        return response;
    });
    const auto client = make_client(server, {.connections_max = 3});
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 12; ++i)
            callers.emplace_back([&, i] {
                for (int k = 0; k < 8; ++k) {
                    const std::string body = pattern(static_cast<std::size_t>(1000 * i + k), static_cast<unsigned>(i * 100 + k));
                    Request r = request("PUT", server.url("/"));
                    r.body = view_of(body);
                    const auto response = client->perform({}, r);
                    if (response && response->body == body) ++good;
                }
            });
    }
    EXPECT_EQ(good, 12 * 8);
    EXPECT_LE(most, 3);
    EXPECT_LE(server.connections(), 3u);
}

TEST(HttpClient, OffersHttp2ForSmallRequestsOnly) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x").with("Connection", "close"); });
    const auto client = make_client(server);
    ASSERT_THAT(client->perform({}, request("GET", server.url("/"))), IsOk());
    Request sinking = request("GET", server.url("/"));
    sinking.sink = [](std::span<const std::byte>) { return true; };
    ASSERT_THAT(client->perform({}, sinking), IsOk());
    Request old = request("GET", server.url("/"));
    old.http1_only = true;
    ASSERT_THAT(client->perform({}, old), IsOk());
    EXPECT_THAT(server.alpn_offers(), ElementsAre(HasSubstr("h2"), Not(HasSubstr("h2")), Not(HasSubstr("h2"))));
}

TEST(HttpClient, LimitedBandwidthChangesNoByte) {
    const std::string content = pattern(300'000);
    HttpsServer server([&](HttpsRequest& r) { return HttpsResponse::text(std::string(r.body())); });
    const auto client = make_client(server, {.upload_limit = 1'000'000, .download_limit = 1'500'000});
    std::vector<std::jthread> callers;
    std::atomic<int> good{0};
    for (int i = 0; i < 3; ++i)
        callers.emplace_back([&] {
            Request r = request("PUT", server.url("/"));
            r.body = view_of(content);
            const auto response = client->perform({}, r);
            if (response && response->body == content) ++good;
        });
    callers.clear();
    EXPECT_EQ(good, 3);
}

TEST(HttpClient, PlainHttpWorksOnThisMachineOnly) {
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x"); }, {.tls = false});
    const auto client = make_client(server);
    const std::string port = std::to_string(server.port());
    for (const char* const host : {"localhost", "127.0.0.1"})
        EXPECT_THAT(client->perform({}, request("GET", "http://" + std::string(host) + ":" + port + "/")), IsOk());
    for (const char* const host : {"example.com", "10.0.0.1", "localhost.example.com", "127.example.com", "[::2]"})
        EXPECT_THAT(client->perform({}, request("GET", "http://" + std::string(host) + ":" + port + "/")),
                    HasCode(Errc::invalid))
            << host;
}

class BadRequest : public testing::TestWithParam<Request> {};

TEST_P(BadRequest, IsRefusedBeforeAnythingIsSent) {
    auto client = http::Client::create({});
    ASSERT_THAT(client, IsOk());
    EXPECT_THAT((*client)->perform({}, GetParam()), HasCode(Errc::invalid));
    EXPECT_EQ((*client)->requests(), 0u);
}

Request with_header(std::string name, std::string value) {
    Request r = request("GET", "https://localhost/");
    r.headers = {{std::move(name), std::move(value)}};
    return r;
}

Request with_bearer(std::string bearer) {
    Request r = request("GET", "https://localhost/");
    r.bearer = std::move(bearer);
    return r;
}

INSTANTIATE_TEST_SUITE_P(
    Samples, BadRequest,
    testing::Values(request("GET", ""), request("GET", "localhost/"), request("GET", "ftp://localhost/"),
                    request("GET", "file:///etc/passwd"), request("GET", "https://user:secret@localhost/"),
                    request("GET", "https://localhost/a b"), request("GET", "https://localhost/\xc3\xa4"),
                    request("GET", "https://localhost/\r\nX: y"), request("GE T", "https://localhost/"),
                    request("", "https://localhost/"), with_header("X", "a\r\nY: b"), with_header("X", std::string("a\0b", 3)),
                    with_header("X\n", "a"), with_header("X:", "a"), with_header("", "a"),
                    with_header("Content-Length", "5"), with_header("host", "x"), with_bearer("a\r\nX: y")));

TEST(HttpClient, ProxyOfTheEnvironmentIsForOtherMachinesOnly) {
    std::vector<HttpsRequest> at_proxy;
    HttpsServer proxy(
        [&](HttpsRequest& r) {
            at_proxy.push_back(r);
            HttpsResponse response = HttpsResponse::text("no", 403);
            response.finish = HttpsResponse::Finish::close;
            return response;
        },
        {.tls = false});
    HttpsServer server([](HttpsRequest&) { return HttpsResponse::text("x"); });
    ::setenv("https_proxy", ("http://127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
    ::unsetenv("no_proxy");
    ::unsetenv("NO_PROXY");
    const auto client = make_client(server);
    EXPECT_THAT(client->perform({}, request("GET", server.url("/"))), IsOk());
    EXPECT_EQ(proxy.requests(), 0u);
    Request far = request("GET", "https://far.example/x?secret");
    far.bearer = "secret-token";
    EXPECT_THAT(client->perform({}, far), HasCode(Errc::unavailable));
    ::unsetenv("https_proxy");
    ASSERT_EQ(at_proxy.size(), 1u);
    EXPECT_EQ(at_proxy[0].method, "CONNECT");
    EXPECT_EQ(at_proxy[0].target, "far.example:443");
    EXPECT_FALSE(at_proxy[0].has_header("authorization"));
}

TEST(HttpClient, BadCaFileIsAConfigurationError) {
    const TempDir dir;
    EXPECT_THAT(http::Client::create({.ca_file = dir / "missing.pem"}), HasCode(Errc::config));
    EXPECT_THAT(http::Client::create({.ca_file = ORACXFS_SOURCE_DIR "/README.md"}), HasCode(Errc::config));
}

}  // namespace
}  // namespace oracxfs::test
