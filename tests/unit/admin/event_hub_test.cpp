#include "tools/admin/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Json number(int n) { return Json::object({{"n", n}}); }

std::string drain(HttpStream& stream, HttpStream::Pulled* last = nullptr) {
    std::string all;
    std::array<char, 37> buffer{};  // small and odd: events are cut anywhere
    for (;;) {
        std::size_t count = 0;
        const auto pulled = stream.pull(buffer, count);
        if (last != nullptr) *last = pulled;
        if (pulled != HttpStream::Pulled::some) return all;
        all.append(buffer.data(), count);
    }
}

std::uint64_t first_id(const std::string& text) { return std::stoull(text.substr(text.find("\"id\":") + 5)); }

TEST(EventText, IsOneEvent) { EXPECT_EQ(event_text(7, "run", Json::object({{"a", "x\ny"}})), "id: 7\nevent: run\ndata: {\"a\":\"x\\ny\"}\n\n"); }

TEST(EventRing, GivesWhatWasMissed) {
    EventRing ring(3, 100);
    for (int i = 0; i < 3; ++i) ring.push("e", number(i));
    ASSERT_TRUE(ring.since(101));
    EXPECT_THAT(*ring.since(101), SizeIs(2));
    EXPECT_EQ(ring.since(101)->front().id, 102u);
    EXPECT_THAT(*ring.since(103), SizeIs(0));
    EXPECT_THAT(*ring.since(100), SizeIs(3));
}

TEST(EventRing, SaysWhenItCannot) {
    EventRing ring(3, 100);
    for (int i = 0; i < 4; ++i) ring.push("e", number(i));
    EXPECT_FALSE(ring.since(100));  // the first one is gone
    EXPECT_TRUE(ring.since(101));
    EXPECT_FALSE(ring.since(105));  // none of ours
    EXPECT_FALSE(EventRing(3, 100).since(7));
}

class EventHubTest : public testing::Test {
  protected:
    FakeClock clock_;
    EventHub::Options options_;
};

TEST_F(EventHubTest, SaysHelloAndThenWhatHappens) {
    EventHub hub(clock_, options_);
    const auto stream = hub.open("s", number(0), std::nullopt);
    hub.publish("state", number(1));
    const std::string text = drain(*stream);
    EXPECT_THAT(text, testing::StartsWith("retry: 3000\nevent: hello\n"));
    EXPECT_THAT(text, HasSubstr("event: state\ndata: {\"n\":1}\n\n"));
}

TEST_F(EventHubTest, ReplaysWhatWasMissed) {
    EventHub hub(clock_, options_);
    std::uint64_t seen = 0;
    {
        const auto stream = hub.open("s", number(0), std::nullopt);
        seen = first_id(drain(*stream));
        stream->closed();
    }
    hub.publish("run", number(1));
    hub.publish("run", number(2));
    const auto again = hub.open("s", number(0), seen + 1);
    const std::string text = drain(*again);
    EXPECT_THAT(text, Not(HasSubstr("{\"n\":1}")));
    EXPECT_THAT(text, HasSubstr("{\"n\":2}"));
    EXPECT_THAT(text, Not(HasSubstr("event: reset")));
}

TEST_F(EventHubTest, AsksToLookAnewWhenTooMuchWasMissed) {
    options_.ring = 2;
    EventHub hub(clock_, options_);
    const auto stream = hub.open("s", number(0), std::nullopt);
    const std::uint64_t seen = first_id(drain(*stream));
    for (int i = 0; i < 3; ++i) hub.publish("run", number(i));
    EXPECT_THAT(drain(*hub.open("s", number(0), seen)), HasSubstr("event: reset"));
    EXPECT_THAT(drain(*hub.open("s", number(0), 5)), HasSubstr("event: reset"));  // of an earlier program
}

TEST_F(EventHubTest, ProgressIsToldOnlyNowAndThenAndOnlyTheNewest) {
    EventHub hub(clock_, options_);
    const auto stream = hub.open("s", number(0), std::nullopt);
    drain(*stream);
    for (int i = 0; i < 100; ++i) hub.progress(number(i));
    hub.tick();
    hub.tick();
    const std::string text = drain(*stream);
    EXPECT_EQ(text, "event: progress\ndata: {\"n\":99}\n\n");
    EXPECT_THAT(drain(*hub.open("s", number(0), std::nullopt)), Not(HasSubstr("progress")));  // is not replayed
}

TEST_F(EventHubTest, OneThatDoesNotReadIsAskedToLookAnew) {
    options_.queued = 10;
    EventHub hub(clock_, options_);
    const auto stream = hub.open("s", number(0), std::nullopt);
    for (int i = 0; i < 50; ++i) hub.publish("run", number(i));
    const std::string text = drain(*stream);
    EXPECT_THAT(text, HasSubstr("event: reset"));
    EXPECT_THAT(text, HasSubstr("{\"n\":49}"));
    EXPECT_LT(text.size(), 1'000u);
}

TEST_F(EventHubTest, PingsEveryFifteenSeconds) {
    EventHub hub(clock_, options_);
    const auto stream = hub.open("s", number(0), std::nullopt);
    drain(*stream);
    hub.tick();
    EXPECT_EQ(drain(*stream), "");
    clock_.advance(Millis(15'000));
    hub.tick();
    EXPECT_EQ(drain(*stream), ": ping\n\n");
}

TEST_F(EventHubTest, StreamsAreCountedForOneAndForAll) {
    options_.streams = 3;
    options_.streams_of_one = 2;
    EventHub hub(clock_, options_);
    const auto a = hub.open("a", number(0), std::nullopt), b = hub.open("a", number(0), std::nullopt);
    EXPECT_EQ(hub.open("a", number(0), std::nullopt), nullptr);
    EXPECT_NE(hub.open("b", number(0), std::nullopt), nullptr);
    EXPECT_EQ(hub.open("c", number(0), std::nullopt), nullptr);
    a->closed();
    EXPECT_NE(hub.open("c", number(0), std::nullopt), nullptr);
}

TEST_F(EventHubTest, EndsTheStreamsOfASessionThatEnded) {
    EventHub hub(clock_, options_);
    const auto stream = hub.open("a", number(0), std::nullopt);
    int woken = 0;
    stream->on_ready([&] { ++woken; });
    hub.close_of("a");
    HttpStream::Pulled last{};
    drain(*stream, &last);
    EXPECT_EQ(last, HttpStream::Pulled::end);
    EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace oracxfs::test
