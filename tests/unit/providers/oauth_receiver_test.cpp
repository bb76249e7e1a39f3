#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "base/unique_fd.h"
#include "tests/support/patience.h"
#include "tests/unit/providers/http_fixture.h"
#include "tests/unit/providers/oauth_fixture.h"

namespace oracxfs::test {
namespace {

using http::LoopbackReceiver;
using http::SignIn;
using testing::HasSubstr;
using testing::Not;

// A browser that sends bytes and reads until the end.
std::string visit(int port, const std::string& bytes, bool ipv6 = false) {
    UniqueFd fd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_addr = in6addr_loopback;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    const int connected = ipv6 ? ::connect(fd.get(), reinterpret_cast<sockaddr*>(&v6), sizeof v6)
                               : ::connect(fd.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4);
    if (connected != 0) return "no connection";
    std::string_view left = bytes;
    while (!left.empty()) {
        const ssize_t n = ::send(fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (n <= 0) break;
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    std::string answer;
    std::array<char, 4096> piece;
    for (ssize_t n = 0; (n = ::recv(fd.get(), piece.data(), piece.size(), 0)) > 0;)
        answer.append(piece.data(), static_cast<std::size_t>(n));
    return answer;
}

std::string get(int port, const std::string& target, bool ipv6 = false) {
    return visit(port, "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n", ipv6);
}

class Receiver : public testing::Test {
  protected:
    void listen(const std::string& host, const std::string& path = "/") {
        auto receiver = LoopbackReceiver::listen(host, 0, path, patient(Millis(10'000)));
        ASSERT_THAT(receiver, IsOk());
        receiver_ = std::move(*receiver);
        const std::string uri = receiver_->redirect_uri();
        port_ = std::stoi(uri.substr(uri.rfind(':') + 1));
        EXPECT_EQ(uri, "http://" + host + ":" + std::to_string(port_) + path);
    }
    // Waits while `visits` happen.
    template <class Visits>
    Result<std::string> wait(Visits visits) {
        const std::jthread browser(visits);
        return receiver_->wait({}, sign_in_);
    }

    SignIn sign_in_{"", "the-state", "", {}};
    std::unique_ptr<LoopbackReceiver> receiver_;
    int port_ = 0;
};

TEST_F(Receiver, TakesTheCodeAndLeadsToACleanAddress) {
    listen("127.0.0.1");
    const auto code = wait([&] {
        const std::string answer = get(port_, "/?state=the-state&code=4%2F0A&scope=x");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 303 ")) << answer;
        EXPECT_THAT(answer, HasSubstr("Location: /signed-in\r\n"));
        EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
        EXPECT_THAT(answer, HasSubstr("Referrer-Policy: no-referrer\r\n"));
        EXPECT_THAT(answer, Not(HasSubstr("4/0A")));
        EXPECT_TRUE(get(port_, "/signed-in").starts_with("HTTP/1.1 200 "));
    });
    ASSERT_THAT(code, IsOk());
    EXPECT_EQ(*code, "4/0A");
}

TEST_F(Receiver, GoesOnWaitingAfterAllThatIsNotTheRedirect) {
    listen("127.0.0.1", "/callback");
    const auto code = wait([&] {
        EXPECT_TRUE(get(port_, "/favicon.ico").starts_with("HTTP/1.1 404 "));
        EXPECT_TRUE(get(port_, "/").starts_with("HTTP/1.1 404 "));
        EXPECT_TRUE(get(port_, "/callback").starts_with("HTTP/1.1 404 "));
        EXPECT_TRUE(get(port_, "/signed-in").starts_with("HTTP/1.1 404 "));
        EXPECT_TRUE(get(port_, "/callback?code=evil&state=foreign").starts_with("HTTP/1.1 403 "));
        EXPECT_TRUE(get(port_, "/callback?code=evil").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(get(port_, "/callback?code=a&code=b&state=the-state").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(get(port_, "/callback?code=a&error=b&state=the-state").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(get(port_, "/callback?state=the-state").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(get(port_, "/callback?code=%zz&state=the-state").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(visit(port_, "POST /callback?code=a&state=the-state HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
        EXPECT_TRUE(visit(port_, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
        EXPECT_TRUE(visit(port_, "GET / HTTP/1.1\r\nX: " + std::string(9000, 'x')).starts_with("HTTP/1.1 431 "));
        get(port_, "/callback?code=right&state=the-state");
        get(port_, "/signed-in");
    });
    ASSERT_THAT(code, IsOk());
    EXPECT_EQ(*code, "right");
}

TEST_F(Receiver, SecondVisitOfTheSamePageIsAsGood) {
    listen("127.0.0.1");
    const auto code = wait([&] {
        for (int i = 0; i < 2; ++i)
            EXPECT_TRUE(get(port_, "/?code=c" + std::to_string(i) + "&state=the-state").starts_with("HTTP/1.1 303 "));
        get(port_, "/signed-in");
    });
    ASSERT_THAT(code, IsOk());
    EXPECT_EQ(*code, "c0");
}

TEST_F(Receiver, SilentBrowserDoesNotBlockTheOthers) {
    listen("127.0.0.1");
    UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    ASSERT_EQ(::connect(silent.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const auto code = wait([&] {
        get(port_, "/?code=c&state=the-state");
        get(port_, "/signed-in");
    });
    ASSERT_THAT(code, IsOk());
}

TEST_F(Receiver, LocalhostIsBothAddresses) {
    listen("localhost");
    UniqueFd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_loopback;
    if (!probe || ::bind(probe.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) GTEST_SKIP() << "no IPv6 here";
    const auto code = wait([&] {
        EXPECT_TRUE(get(port_, "/favicon.ico").starts_with("HTTP/1.1 404 "));
        get(port_, "/?code=c&state=the-state", true);
        get(port_, "/signed-in", true);
    });
    ASSERT_THAT(code, IsOk());
}

TEST_F(Receiver, DeclinedEndsTheWait) {
    listen("127.0.0.1");
    const auto code = wait([&] {
        get(port_, "/?error=access_denied&error_description=%3Cb%3Eno&state=the-state");
        get(port_, "/signed-in");
    });
    ASSERT_THAT(code, HasCode(Errc::unauthenticated));
    EXPECT_THAT(code.error().why, HasSubstr("access_denied"));
}

TEST_F(Receiver, StopAndDeadlineEndTheWait) {
    listen("127.0.0.1");
    std::stop_source stop;
    {
        const std::jthread stopper([&] { stop.request_stop(); });
        EXPECT_THAT(receiver_->wait({stop.get_token(), {}}, sign_in_), HasCode(Errc::cancelled));
    }
    EXPECT_THAT(receiver_->wait({{}, SystemClock().steady() + Millis(20)}, sign_in_), HasCode(Errc::deadline));
}

TEST_F(Receiver, BusyPortIsNamed) {
    listen("127.0.0.1");
    for (const char* const host : {"127.0.0.1", "localhost"}) {
        const auto second = LoopbackReceiver::listen(host, static_cast<std::uint16_t>(port_));
        ASSERT_THAT(second, HasCode(Errc::unavailable));
        EXPECT_THAT(second.error().message, HasSubstr(std::to_string(port_)));
    }
    EXPECT_THAT(LoopbackReceiver::listen("0.0.0.0", 0), HasCode(Errc::invalid));
    EXPECT_THAT(LoopbackReceiver::listen("127.0.0.1", 0, "x"), HasCode(Errc::invalid));
}

// Everything together, over real sockets: sign in by browser, use, renew.
TEST(OAuthEndToEnd, SignsInUsesAndRenews) {
    std::string challenge, redirect_uri;
    std::atomic<int> exchanges{0}, renewals{0};
    HttpsServer server([&](HttpsRequest& r) -> HttpsResponse {
        if (r.form_field("grant_type") == "authorization_code") {
            ++exchanges;
            EXPECT_EQ(r.form_field("code"), "the-code");
            EXPECT_EQ(r.form_field("redirect_uri"), redirect_uri);
            EXPECT_EQ(r.form_field("code_verifier")->size(), 43u);
            return HttpsResponse::json(R"({"access_token":"t0","refresh_token":"r0","expires_in":3599,"token_type":"Bearer"})");
        }
        EXPECT_EQ(r.form_field("refresh_token"), "r0");
        return HttpsResponse::json(R"({"access_token":"t)" + std::to_string(++renewals) + R"(","expires_in":"3599"})");
    });
    const auto client = make_client(server);
    SystemClock clock;
    http::SignInRequest request{"client", "", test_endpoints()};
    request.endpoints.token_url = server.url("/token");
    auto receiver = LoopbackReceiver::listen("127.0.0.1", 0, "/", patient(Millis(10'000)));
    ASSERT_THAT(receiver, IsOk());
    redirect_uri = (*receiver)->redirect_uri();
    const SignIn sign_in = http::begin_sign_in(request, redirect_uri);
    const std::jthread browser([&] {
        const auto answer = client->perform({}, test::request("GET", redirect_uri + "?code=the-code&state=" + sign_in.state));
        EXPECT_THAT(answer, IsOk());
        EXPECT_THAT(client->perform({}, test::request("GET", redirect_uri + "signed-in")), IsOk());
    });
    const auto code = (*receiver)->wait({}, sign_in);
    ASSERT_THAT(code, IsOk());
    const auto record = http::finish_sign_in(*client, {}, clock, request, sign_in, *code);
    ASSERT_THAT(record, IsOk());
    MemoryStore store;
    store.put(*record);
    const auto source = http::make_token_source(*client, clock, request.endpoints, store.store());
    EXPECT_EQ(*source->token({}), "t0");
    source->refused("t0");
    EXPECT_EQ(*source->token({}), "t1");
    EXPECT_EQ(store.record().refresh_token, "r0");
    EXPECT_EQ(exchanges, 1);
    EXPECT_EQ(renewals, 1);
}

}  // namespace
}  // namespace oracxfs::test
