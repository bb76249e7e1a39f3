#include "tools/control/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <condition_variable>
#include <latch>
#include <thread>

#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"
#include "tools/control/client.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;

class ControlTest : public testing::Test {
  protected:
    void start(ControlServerOptions options = {}) {
        handlers_.add("echo", [](const Json& args, const OpContext&, const Emit&) -> Result<Json> { return args; });
        handlers_.add("count", [](const Json& args, const OpContext&, const Emit& emit) -> Result<Json> {
            for (std::int64_t i = 0; i < args["to"].as_int(); ++i) emit(Json::object({{"type", "progress"}, {"i", i}}));
            return Json("done");
        });
        handlers_.add("fail", [](const Json&, const OpContext&, const Emit&) -> Result<Json> {
            return fail(Error(Errc::quota_full, "put x", "no room").with_provider("nas").with_path("a/b"));
        });
        handlers_.add("throw", [](const Json&, const OpContext&, const Emit&) -> Result<Json> { throw std::runtime_error("oh"); });
        handlers_.add("hang", [this](const Json&, const OpContext& ctx, const Emit&) -> Result<Json> {
            std::mutex mutex;
            std::condition_variable_any wake;
            std::unique_lock lock(mutex);
            hanging_.count_down();
            wake.wait(lock, ctx.stop, [] { return false; });
            cancelled_.count_down();
            return fail(Errc::cancelled, "hang");
        });
        options.socket = dir_ / "run/control.sock";
        auto server = ControlServer::start(options, handlers_);
        ASSERT_THAT(server, IsOk());
        server_ = std::move(*server);
    }
    [[nodiscard]] std::string socket() const { return dir_ / "run/control.sock"; }
    Result<Json> call(const std::string& command, Json args = nullptr, const Emit& on_event = {}) {
        auto client = ControlClient::connect(socket());
        if (!client) return fail(client.error());
        return client->call(command, std::move(args), {}, on_event);
    }

    test::TempDir dir_;
    HandlerRegistry handlers_;
    std::latch hanging_{1};
    std::latch cancelled_{1};
    std::unique_ptr<ControlServer> server_;
};

TEST_F(ControlTest, ARequestIsAnswered) {
    start();
    const auto answer = call("echo", Json::object({{"a", 1}}));
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ((*answer)["a"].as_int(), 1);
}

TEST_F(ControlTest, EventsComeBeforeTheResultAndInOrder) {
    start();
    std::vector<std::int64_t> seen;
    const auto answer = call("count", Json::object({{"to", 100}}), [&](const Json& event) { seen.push_back(event["i"].as_int()); });
    ASSERT_THAT(answer, IsOk());
    ASSERT_EQ(seen.size(), 100u);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i));
}

TEST_F(ControlTest, AnErrorArrivesWithAllItsParts) {
    start();
    const auto answer = call("fail");
    ASSERT_THAT(answer, HasCode(Errc::quota_full));
    EXPECT_EQ(answer.error().message, "put x");
    EXPECT_EQ(answer.error().why, "no room");
    EXPECT_EQ(answer.error().provider, "nas");
    EXPECT_EQ(answer.error().path, "a/b");
}

TEST_F(ControlTest, WhatAHandlerThrowsIsAnError) {
    start();
    EXPECT_THAT(call("throw"), HasCode(Errc::internal));
    EXPECT_THAT(call("echo"), IsOk());
}

TEST_F(ControlTest, OneConnectionTakesSeveralRequests) {
    start();
    auto client = ControlClient::connect(socket());
    ASSERT_THAT(client, IsOk());
    EXPECT_THAT(client->call("echo", 1, {}), IsOk());
    EXPECT_THAT(client->call("fail", 1, {}), HasCode(Errc::quota_full));
    EXPECT_THAT(client->call("echo", 1, {}), IsOk());
}

TEST_F(ControlTest, AClientThatWaitsDoesNotKeepOthersWaiting) {
    start();
    std::jthread waiting([this] { (void)call("hang"); });
    hanging_.wait();
    EXPECT_THAT(call("echo"), IsOk());
    server_->stop();
}

TEST_F(ControlTest, AClientThatGoesAwayCancelsItsRequest) {
    start();
    {
        auto fd = connect_unix(socket());
        ASSERT_THAT(fd, IsOk());
        LineChannel channel(std::move(*fd), 1024);
        ASSERT_THAT(channel.write_line("{\"command\":\"hang\"}"), IsOk());
        hanging_.wait();
    }
    cancelled_.wait();  // a hang here means that nobody noticed
}

TEST_F(ControlTest, AClientThatOnlyClosedItsWritingSideGetsItsAnswer) {
    start();
    auto fd = connect_unix(socket());
    ASSERT_THAT(fd, IsOk());
    const int raw = fd->get();
    LineChannel channel(std::move(*fd), 1024);
    ASSERT_THAT(channel.write_line("{\"command\":\"echo\",\"args\":7}"), IsOk());
    ::shutdown(raw, SHUT_WR);
    const auto line = channel.read_line({}, test::patient(Millis(10'000)));
    ASSERT_THAT(line, IsOk());
    EXPECT_EQ(parse_json(*line).value()["data"].as_int(), 7);
}

TEST_F(ControlTest, StoppingCancelsWhatIsRunningAndRemovesTheSocket) {
    start();
    Result<Json> answer = Json();
    std::jthread waiting([&] { answer = call("hang"); });
    hanging_.wait();
    server_->stop();
    waiting.join();
    EXPECT_FALSE(answer.has_value());
    EXPECT_THAT(call("echo"), HasCode(Errc::daemon_unreachable));
}

TEST_F(ControlTest, HostileLinesAreAnsweredAndDoNoHarm) {
    start();
    for (const char* line : {"{", "[]", "7", "{\"command\":7}", "{\"command\":\"nope\"}", "\xff\xfe",
                             "{\"command\":\"echo\",\"command\":\"echo\"}"}) {
        auto fd = connect_unix(socket());
        ASSERT_THAT(fd, IsOk());
        LineChannel channel(std::move(*fd), 1u << 20);
        ASSERT_THAT(channel.write_line(line), IsOk());
        const auto answer = channel.read_line({}, test::patient(Millis(10'000)));
        ASSERT_THAT(answer, IsOk()) << line;
        const auto json = parse_json(*answer);
        ASSERT_THAT(json, IsOk()) << line;
        EXPECT_EQ((*json)["type"].as_string(), "result");
        EXPECT_FALSE((*json)["ok"].as_bool(true)) << line;
        EXPECT_EQ((*json)["exit_code"].as_int(), 2) << line;
    }
    EXPECT_THAT(call("echo"), IsOk());
}

TEST_F(ControlTest, ALineThatIsTooLongEndsTheConnection) {
    ControlServerOptions options;
    options.request_bytes_max = 4096;
    start(options);
    auto fd = connect_unix(socket());
    ASSERT_THAT(fd, IsOk());
    LineChannel channel(std::move(*fd), 1u << 20);
    (void)channel.write_line(std::string(64 << 10, 'x'));  // may fail: the server need not take all of it
    const auto answer = channel.read_line({}, test::patient(Millis(10'000)));
    if (answer) {
        EXPECT_EQ(parse_json(*answer).value()["error"]["code"].as_string(), "E-TOO-LARGE");
    }
    EXPECT_THAT(call("echo"), IsOk());
}

TEST_F(ControlTest, MoreClientsThanAllowedAreTurnedAway) {
    ControlServerOptions options;
    options.connections_max = 1;
    start(options);
    std::jthread waiting([this] { (void)call("hang"); });
    hanging_.wait();
    EXPECT_THAT(call("echo"), HasCode(Errc::busy));
    server_->stop();
}

TEST_F(ControlTest, SocketAndFolderAreForTheirOwnerOnly) {
    start();
    struct stat info {};
    ASSERT_EQ(::stat(socket().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat((dir_ / "run").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(ControlTest, ASocketLeftOverByADeadDaemonIsReplaced) {
    start();
    HandlerRegistry handlers;
    handlers.add("echo", [](const Json&, const OpContext&, const Emit&) -> Result<Json> { return Json("second"); });
    ControlServerOptions options;
    options.socket = socket();
    auto second = ControlServer::start(options, handlers);
    ASSERT_THAT(second, IsOk());
    const auto answer = call("echo");
    ASSERT_THAT(answer, IsOk());
    EXPECT_EQ(answer->as_string(), "second");
}

TEST(ControlSocket, PathsLongerThanASocketAddressWork) {
    const test::TempDir dir;
    HandlerRegistry handlers;
    handlers.add("echo", [](const Json& args, const OpContext&, const Emit&) -> Result<Json> { return args; });
    ControlServerOptions options;
    options.socket = dir / (std::string(100, 'd') + "/" + std::string(50, 'e') + "/control.sock");
    auto server = ControlServer::start(options, handlers);
    ASSERT_THAT(server, IsOk());
    auto client = ControlClient::connect(options.socket);
    ASSERT_THAT(client, IsOk());
    EXPECT_THAT(client->call("echo", 1, {}), IsOk());
}

TEST(Envelope, ErrorsSurviveTheWayThereAndBack) {
    Error error(Errc::throttled, "put x", "slow down");
    error.provider = "nas";
    error.path = "\xff\x01 a";
    error.retry_after = Millis(1500);
    error.native = 429;
    const Error back = error_from_json(parse_json(error_to_json(error).dump()).value());
    EXPECT_EQ(back.code, error.code);
    EXPECT_EQ(back.to_string(), error.to_string());
    EXPECT_EQ(back.path, error.path);
    EXPECT_EQ(back.retry_after, error.retry_after);
    EXPECT_EQ(back.native, 429);
}

TEST(Envelope, AnErrorSetsTheExitCode) {
    const Json envelope = make_error_envelope("status", Error(Errc::daemon_unreachable, "x"));
    EXPECT_EQ(envelope["exit_code"].as_int(), 11);
    EXPECT_FALSE(envelope["ok"].as_bool(true));
    EXPECT_EQ(envelope["error"]["code"].as_string(), "E-DAEMON");
}

TEST(Envelope, NamesThatAreNotTextKeepTheirBytes) {
    for (const std::string& bytes : {std::string("plain"), std::string("\xff"), std::string("\xff\xfe"), std::string("a\xff\xfe" "b")}) {
        Json object = Json::object();
        set_bytes(object, "name", bytes);
        EXPECT_EQ(get_bytes(parse_json(object.dump()).value(), "name"), bytes);
        EXPECT_EQ(object.find("name_b64") != nullptr, bytes != "plain");
    }
}

}  // namespace
}  // namespace oracxfs
