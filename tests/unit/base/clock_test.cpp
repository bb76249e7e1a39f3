#include "base/clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/fake_clock.h"

namespace oracxfs {
namespace {

using namespace std::chrono_literals;
using test::FakeClock;

TEST(FormatUtc, PrintsRfc3339WithoutFractions) {
    EXPECT_EQ(format_utc(wall_from_ms(1'795'466'188'000)), "2026-11-23T20:36:28Z");
    EXPECT_EQ(format_utc(wall_from_ms(0)), "1970-01-01T00:00:00Z");
    EXPECT_EQ(format_utc(wall_from_ms(1'709'251'199'999)), "2024-02-29T23:59:59Z");
    EXPECT_EQ(format_utc(wall_from_ms(-1)), "1969-12-31T23:59:59Z");
}

TEST(WallTime, KeepsMillisecondsThroughConversion) {
    EXPECT_EQ(to_ms(wall_from_ms(1'709'251'199'987)), 1'709'251'199'987);
}

TEST(SystemClock, SleepReachesAPastDeadlineAtOnce) {
    SystemClock clock;
    EXPECT_TRUE(clock.sleep_until(clock.steady() - 1s, {}));
}

TEST(SystemClock, SleepDoesNotEndBeforeTheDeadline) {
    SystemClock clock;
    const SteadyTime deadline = clock.steady() + 20ms;
    EXPECT_TRUE(clock.sleep_until(deadline, {}));
    EXPECT_GE(clock.steady(), deadline);
}

TEST(SystemClock, StopEndsALongSleep) {
    SystemClock clock;
    std::stop_source stop;
    bool reached = true;
    {
        std::jthread sleeper([&] { reached = clock.sleep_for(24h, stop.get_token()); });
        stop.request_stop();
    }
    EXPECT_FALSE(reached);
}

TEST(SystemClock, WallTimeIsThisCentury) {
    EXPECT_GT(SystemClock().wall(), wall_from_ms(1'700'000'000'000));
    EXPECT_LT(SystemClock().wall(), wall_from_ms(4'102'444'800'000));
}

TEST(FakeClock, MovesBothTimesOnAdvance) {
    FakeClock clock;
    const WallTime wall = clock.wall();
    const SteadyTime steady = clock.steady();
    clock.advance(90s);
    EXPECT_EQ(clock.wall() - wall, 90s);
    EXPECT_EQ(clock.steady() - steady, 90s);
}

TEST(FakeClock, AdvanceWakesASleeperOnlyAtItsDeadline) {
    FakeClock clock;
    std::atomic<bool> awake = false;
    std::jthread sleeper([&, deadline = clock.steady() + 10s] {
        EXPECT_TRUE(clock.sleep_until(deadline, {}));
        awake = true;
    });
    clock.wait_for_sleepers(1);
    clock.advance(9s);
    clock.wait_for_sleepers(1);  // still there
    EXPECT_FALSE(awake);
    clock.advance(1s);
    sleeper.join();
    EXPECT_TRUE(awake);
}

TEST(Utc, MillisecondsAreShownAndReadAgain) {
    const WallTime time = wall_from_ms(1'795'466'188'042);
    EXPECT_EQ(format_utc_millis(time), "2026-11-23T20:36:28.042Z");
    EXPECT_EQ(parse_utc("2026-11-23T20:36:28.042Z"), time);
    EXPECT_EQ(parse_utc("2026-11-23T20:36:28Z"), time - Millis(42));
    EXPECT_EQ(parse_utc("2026-11-23T20:36:28.5Z"), time + Millis(458));
    EXPECT_EQ(parse_utc("2026-11-23T20:36:28.0429999Z"), time);
    EXPECT_EQ(parse_utc("1969-12-31T23:59:59Z"), wall_from_ms(-1000));
}

TEST(Utc, NothingElseIsATime) {
    for (const char* text : {"", "Z", "2026-11-23", "2026-11-23T20:36:28", "2026-11-23T20:36:28+01:00", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T20:36:28.Z",
                             "2026-11-23T20:36:28.04xZ", "2026-11-2xT20:36:28Z", "2026-11-23 20:36:28Z"})
        EXPECT_FALSE(parse_utc(text)) << text;
}

TEST(FakeClock, StopWakesASleeper) {
    FakeClock clock;
    std::stop_source stop;
    bool reached = true;
    {
        std::jthread sleeper([&] { reached = clock.sleep_for(10s, stop.get_token()); });
        clock.wait_for_sleepers(1);
        stop.request_stop();
    }
    EXPECT_FALSE(reached);
}

TEST(FakeClock, WallClockMayJumpWhileTheSteadyOneStays) {
    FakeClock clock;
    const SteadyTime steady = clock.steady();
    clock.set_wall(wall_from_ms(1'000));
    EXPECT_EQ(to_ms(clock.wall()), 1'000);
    EXPECT_EQ(clock.steady(), steady);
}

TEST(FakeClock, SelfAdvancingSleepRecordsThePauses) {
    FakeClock clock(FakeClock::Sleep::advances);
    EXPECT_TRUE(clock.sleep_for(3s, {}));
    EXPECT_TRUE(clock.sleep_for(5ms, {}));
    EXPECT_EQ(clock.pauses(), (std::vector<Millis>{3s, 5ms}));
}

}  // namespace
}  // namespace oracxfs
