#include "tools/scheduler/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/unit/scheduler/retention_builders.h"
#include "tests/unit/scheduler/zone_setup.h"

namespace oracxfs {

void PrintTo(const DueRun& run, std::ostream* out) {
    *out << format_utc(run.time) << " for " << format_utc(run.slot) << " (" << to_string(run.reason) << ")";
}

}  // namespace oracxfs

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;

const FixedZone kUtc;

Schedule every(Millis pause) {
    Schedule schedule;
    schedule.every = pause;
    return schedule;
}

Schedule daily_at(std::vector<std::chrono::minutes> at) {
    Schedule schedule;
    schedule.every = 12h;
    schedule.at = std::move(at);
    return schedule;
}

RunHistory ran_at(WallTime slot, RunResult result = RunResult::ok) {
    RunHistory history;
    history.last = RunRecord{slot, slot, slot + 5min, result, 0, std::nullopt};
    return history;
}

RunHistory never(WallTime since) {
    RunHistory history;
    history.since = since;
    return history;
}

DueRun planned(WallTime time) { return {time, time, DueReason::planned}; }

std::vector<std::string> local_texts(const std::vector<DueRun>& runs, const LocalTime& zone) {
    std::vector<std::string> texts;
    for (const DueRun& run : runs) texts.push_back(local_text(zone, run.time));
    return texts;
}

// ---- every ----

TEST(ScheduleEvery, IsDueThatLongAfterTheLastSlot) {
    EXPECT_EQ(next_due(every(6h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 8h), kUtc), planned(utc(2025, 1, 5, 12h)));
    RunHistory late = ran_at(utc(2025, 1, 5, 6h));
    late.last->start += 4min;
    EXPECT_EQ(next_due(every(6h), late, utc(2025, 1, 5, 8h), kUtc), planned(utc(2025, 1, 5, 12h)));
}

TEST(ScheduleEvery, IsDueAtOnceWhenItNeverRan) {
    const WallTime now = utc(2025, 1, 5, 8h) + 250ms;
    EXPECT_EQ(next_due(every(6h), never(now), now, kUtc), (DueRun{now, utc(2025, 1, 5, 8h), DueReason::first}));
}

TEST(ScheduleEvery, IsNotDueWhenSwitchedOff) {
    Schedule off = every(6h);
    off.enabled = false;
    EXPECT_EQ(next_due(off, never({}), utc(2025, 1, 5), kUtc), std::nullopt);
    EXPECT_THAT(next_runs(off, never({}), utc(2025, 1, 5), kUtc), IsEmpty());
}

TEST(ScheduleEvery, ARunThatIsALittleLateIsStillThePlannedOne) {
    EXPECT_EQ(next_due(every(6h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 12h + 15min), kUtc), planned(utc(2025, 1, 5, 12h)));
}

TEST(ScheduleEvery, DaysOfSleepAreMadeUpForByOneRun) {
    const WallTime now = utc(2025, 1, 9, 7h);
    const auto due = next_due(every(6h), ran_at(utc(2025, 1, 5, 6h)), now, kUtc);
    EXPECT_EQ(due, (DueRun{now, now, DueReason::missed}));
    EXPECT_EQ(next_due(every(6h), ran_at(due->slot), now + 5min, kUtc), planned(utc(2025, 1, 9, 13h)));
}

TEST(ScheduleEvery, WithoutCatchUpMissedRunsAreLeftOut) {
    Schedule schedule = every(6h);
    schedule.catch_up = false;
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 9, 7h), kUtc), planned(utc(2025, 1, 9, 12h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 9, 12h + 10min), kUtc), planned(utc(2025, 1, 9, 12h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 12h + 16min), kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleEvery, AClockThatIsPutForwardRunsOnce) {
    const WallTime now = utc(2031, 1, 1);
    const auto due = next_due(every(6h), ran_at(utc(2025, 1, 5, 6h)), now, kUtc);
    EXPECT_EQ(due, (DueRun{now, now, DueReason::missed}));
    EXPECT_EQ(next_due(every(6h), ran_at(now), now + 1s, kUtc), planned(now + 6h));
}

TEST(ScheduleEvery, AClockThatIsPutBackRunsOnceInsteadOfWaitingForYears) {
    const WallTime now = utc(2025, 1, 5, 7h);
    EXPECT_EQ(next_due(every(6h), ran_at(utc(2031, 1, 1)), now, kUtc), (DueRun{now, now, DueReason::clock}));
    EXPECT_EQ(next_due(every(6h), ran_at(now), now + 1s, kUtc), planned(now + 6h));
}

TEST(ScheduleEvery, AClockThatIsPutRightByMinutesChangesNothing) {
    EXPECT_EQ(next_due(every(6h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 5h + 10min), kUtc), planned(utc(2025, 1, 5, 12h)));
}

TEST(ScheduleEvery, AShorterIntervalIsDueAsItWouldHaveBeen) {
    EXPECT_EQ(next_due(every(12h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 9h), kUtc), planned(utc(2025, 1, 5, 18h)));
    EXPECT_EQ(next_due(every(4h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 9h), kUtc), planned(utc(2025, 1, 5, 10h)));
    EXPECT_EQ(next_due(every(1h), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 9h), kUtc)->time, utc(2025, 1, 5, 9h));
}

TEST(ScheduleEvery, ARunByHandMovesTheNextOne) {
    EXPECT_EQ(next_due(every(6h), ran_at(utc(2025, 1, 5, 7h + 30min)), utc(2025, 1, 5, 8h), kUtc), planned(utc(2025, 1, 5, 13h + 30min)));
}

TEST(ScheduleEvery, GoesOverYearEndsAndLeapDays) {
    EXPECT_THAT(next_runs(every(24h), ran_at(utc(2024, 2, 27, 6h)), utc(2024, 2, 27, 7h), kUtc, 3),
                ElementsAre(planned(utc(2024, 2, 28, 6h)), planned(utc(2024, 2, 29, 6h)), planned(utc(2024, 3, 1, 6h))));
    EXPECT_THAT(next_runs(every(12h), ran_at(utc(2024, 12, 31, 6h)), utc(2024, 12, 31, 7h), kUtc, 2),
                ElementsAre(planned(utc(2024, 12, 31, 18h)), planned(utc(2025, 1, 1, 6h))));
}

TEST(ScheduleEvery, DoesNotCareWhenClocksOnTheWallChange) {
    const ScopedZone scoped("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_THAT(next_runs(every(12h), ran_at(utc(2025, 3, 29, 6h)), utc(2025, 3, 29, 7h), SystemLocalTime(), 3),
                ElementsAre(planned(utc(2025, 3, 29, 18h)), planned(utc(2025, 3, 30, 6h)), planned(utc(2025, 3, 30, 18h))));
}

// ---- at ----

TEST(ScheduleAt, IsDueAtTheNextOfItsTimes) {
    const Schedule schedule = daily_at({6h, 18h});
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 8h), kUtc), planned(utc(2025, 1, 5, 18h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 18h)), utc(2025, 1, 5, 18h), kUtc), planned(utc(2025, 1, 6, 6h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 18h), kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleAt, WaitsForItsTimeWhenItNeverRan) {
    const Schedule schedule = daily_at({6h, 18h});
    EXPECT_EQ(next_due(schedule, never(utc(2025, 1, 5, 7h)), utc(2025, 1, 5, 7h), kUtc), planned(utc(2025, 1, 5, 18h)));
    EXPECT_EQ(next_due(schedule, never(utc(2025, 1, 5, 7h)), utc(2025, 1, 5, 18h) + 4ms, kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleAt, AFirstRunThatWasSleptThroughIsMadeUpForToo) {
    const WallTime now = utc(2025, 1, 7, 9h);
    EXPECT_EQ(next_due(daily_at({6h}), never(utc(2025, 1, 5, 7h)), now, kUtc), (DueRun{now, utc(2025, 1, 7, 6h), DueReason::missed}));
}

TEST(ScheduleAt, DaysOfSleepAreMadeUpForByOneRun) {
    const Schedule schedule = daily_at({6h, 18h});
    const WallTime now = utc(2025, 1, 9, 7h);
    const auto due = next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), now, kUtc);
    EXPECT_EQ(due, (DueRun{now, utc(2025, 1, 9, 6h), DueReason::missed}));
    EXPECT_EQ(next_due(schedule, ran_at(due->slot), now + 5min, kUtc), planned(utc(2025, 1, 9, 18h)));
}

TEST(ScheduleAt, WithoutCatchUpMissedRunsAreLeftOut) {
    Schedule schedule = daily_at({6h, 18h});
    schedule.catch_up = false;
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 9, 7h), kUtc), planned(utc(2025, 1, 9, 18h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 9, 6h + 15min), kUtc), planned(utc(2025, 1, 9, 6h)));
}

TEST(ScheduleAt, TimesThatWereNotAskedForAreNotMissed) {
    // Changed at noon: ten o'clock has not been missed, it was not asked for.
    RunHistory history = ran_at(utc(2025, 1, 5, 6h));
    history.since = utc(2025, 1, 5, 12h);
    EXPECT_EQ(next_due(daily_at({10h, 22h}), history, utc(2025, 1, 5, 12h), kUtc), planned(utc(2025, 1, 5, 22h)));
    EXPECT_EQ(next_due(daily_at({10h, 22h}), history, utc(2025, 1, 6, 1h), kUtc)->reason, DueReason::missed);
}

TEST(ScheduleAt, ARunByHandInBetweenIsOneMore) {
    EXPECT_EQ(next_due(daily_at({6h, 18h}), ran_at(utc(2025, 1, 5, 13h)), utc(2025, 1, 5, 14h), kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleAt, AClockThatIsPutBackRunsOnceAndGoesOn) {
    const Schedule schedule = daily_at({6h, 18h});
    RunHistory history = ran_at(utc(2031, 1, 1, 6h));
    history.since = utc(2024, 1, 1);
    const WallTime now = utc(2025, 1, 5, 8h);
    const auto due = next_due(schedule, history, now, kUtc);
    EXPECT_EQ(due, (DueRun{now, utc(2025, 1, 5, 6h), DueReason::clock}));
    history = ran_at(due->slot);
    EXPECT_EQ(next_due(schedule, history, now + 1s, kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleAt, AClockThatIsPutBackBeforeAllThatIsKnownStillRunsAtItsTimes) {
    const Schedule schedule = daily_at({6h, 18h});
    RunHistory history = ran_at(utc(2031, 1, 1, 6h));
    history.since = utc(2030, 1, 1);
    EXPECT_EQ(next_due(schedule, history, utc(2025, 1, 5, 8h), kUtc), planned(utc(2025, 1, 5, 18h)));
    EXPECT_EQ(next_due(schedule, history, utc(2025, 1, 5, 18h) + 3ms, kUtc), planned(utc(2025, 1, 5, 18h)));
}

TEST(ScheduleAt, AClockThatIsPutRightByMinutesDoesNotRunATimeTwice) {
    EXPECT_EQ(next_due(daily_at({6h, 18h}), ran_at(utc(2025, 1, 5, 6h)), utc(2025, 1, 5, 5h + 50min), kUtc), planned(utc(2025, 1, 5, 18h)));
}

struct ZoneCase {
    const char* zone;
    std::vector<std::chrono::minutes> at;
    WallTime from;
    std::vector<std::string> expected;  // local
};

class ScheduleInZone : public testing::TestWithParam<ZoneCase> {};

TEST_P(ScheduleInZone, RunsOnceADayAtTheLocalTime) {
    ORACX_NEED_ZONE(GetParam().zone);
    const ScopedZone scoped(GetParam().zone);
    const SystemLocalTime zone;
    const auto runs = next_runs(daily_at(GetParam().at), ran_at(GetParam().from), GetParam().from, zone, GetParam().expected.size());
    EXPECT_EQ(local_texts(runs, zone), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Forward, ScheduleInZone,
    testing::Values(ZoneCase{"Europe/Paris", {2h + 30min}, utc(2025, 3, 28, 12h), {"2025-03-29 02:30", "2025-03-30 03:00", "2025-03-31 02:30"}},
                    // Both are skipped: one run.
                    ZoneCase{"Europe/Paris", {2h, 2h + 30min, 3h}, utc(2025, 3, 29, 12h), {"2025-03-30 03:00", "2025-03-31 02:00", "2025-03-31 02:30"}},
                    ZoneCase{"Europe/Paris", {6h, 18h}, utc(2025, 3, 29, 12h), {"2025-03-29 18:00", "2025-03-30 06:00", "2025-03-30 18:00"}},
                    ZoneCase{"America/New_York", {2h}, utc(2025, 3, 8, 12h), {"2025-03-09 03:00", "2025-03-10 02:00"}},
                    ZoneCase{"Australia/Lord_Howe", {2h + 10min}, utc(2025, 10, 3, 20h), {"2025-10-05 02:30", "2025-10-06 02:10"}},
                    ZoneCase{"Pacific/Apia", {6h}, utc(2011, 12, 29, 12h), {"2011-12-29 06:00", "2011-12-31 00:00", "2011-12-31 06:00"}}));

INSTANTIATE_TEST_SUITE_P(
    Back, ScheduleInZone,
    testing::Values(ZoneCase{"Europe/Paris", {2h + 30min}, utc(2025, 10, 24, 12h), {"2025-10-25 02:30", "2025-10-26 02:30", "2025-10-27 02:30"}},
                    ZoneCase{"America/New_York", {1h + 30min}, utc(2025, 11, 1, 12h), {"2025-11-02 01:30", "2025-11-03 01:30"}},
                    ZoneCase{"Australia/Lord_Howe", {1h + 45min}, utc(2025, 4, 4, 20h), {"2025-04-06 01:45", "2025-04-07 01:45"}},
                    ZoneCase{"UTC", {2h + 30min}, utc(2025, 10, 25, 12h), {"2025-10-26 02:30", "2025-10-27 02:30"}}));

INSTANTIATE_TEST_SUITE_P(
    Calendar, ScheduleInZone,
    testing::Values(ZoneCase{"Europe/Paris", {23h + 30min}, utc(2024, 2, 27, 23h), {"2024-02-28 23:30", "2024-02-29 23:30", "2024-03-01 23:30"}},
                    ZoneCase{"America/New_York", {0min}, utc(2024, 12, 30, 12h), {"2024-12-31 00:00", "2025-01-01 00:00", "2025-01-02 00:00"}}));

TEST(ScheduleAt, ATimeThatIsThereTwiceIsNotRunAgainTheSecondTime) {
    const ScopedZone scoped("CET-1CEST,M3.5.0,M10.5.0/3");
    const SystemLocalTime zone;
    const WallTime first = utc(2025, 10, 26, 30min);
    EXPECT_EQ(local_text(zone, first), "2025-10-26 02:30");
    EXPECT_EQ(local_text(zone, first + 1h), "2025-10-26 02:30");
    EXPECT_EQ(next_due(daily_at({2h + 30min}), ran_at(first), first + 1h, zone)->time, utc(2025, 10, 27, 1h + 30min));
}

TEST(ScheduleAt, AMachineThatTravelsFollowsTheLocalTime) {
    const Schedule schedule = daily_at({6h, 18h});
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 5h)), utc(2025, 1, 5, 8h), FixedZone(1h)), planned(utc(2025, 1, 5, 17h)));
    EXPECT_EQ(next_due(schedule, ran_at(utc(2025, 1, 5, 5h)), utc(2025, 1, 5, 10h), FixedZone(-5h))->time, utc(2025, 1, 5, 11h));
}

// ---- Jitter ----

TEST(ScheduleJitter, IsTheSameForASlotAndAnotherForTheNext) {
    Schedule schedule = every(6h);
    schedule.jitter = 5min;
    schedule.seed = 7;
    std::set<Millis> delays;
    WallTime slot = utc(2025, 1, 5);
    for (int i = 0; i < 200; ++i, slot += 6h) {
        const auto due = next_due(schedule, ran_at(slot), slot + 1h, kUtc);
        EXPECT_EQ(due, next_due(schedule, ran_at(slot), slot + 5h, kUtc));
        EXPECT_EQ(due->slot, slot + 6h);
        EXPECT_THAT(due->time - due->slot, AllOf(Ge(0ms), Le(5min)));
        delays.insert(due->time - due->slot);
    }
    EXPECT_GT(delays.size(), 100u);
    EXPECT_LE(*delays.begin(), 10s);
    EXPECT_GE(*delays.rbegin(), 290s);
}

TEST(ScheduleJitter, DiffersFromMachineToMachine) {
    Schedule schedule = every(6h);
    schedule.jitter = 1h;
    std::set<WallTime> times;
    for (schedule.seed = 0; schedule.seed < 50; ++schedule.seed)
        times.insert(next_due(schedule, ran_at(utc(2025, 1, 5)), utc(2025, 1, 5, 1h), kUtc)->time);
    EXPECT_GT(times.size(), 45u);
}

TEST(ScheduleJitter, NeverReachesTheNextSlot) {
    Schedule schedule = every(10min);
    schedule.jitter = 24h;
    Schedule at = daily_at({6h, 6h + 2min});
    at.jitter = 24h;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        schedule.seed = at.seed = seed;
        const auto due = next_due(schedule, ran_at(utc(2025, 1, 5)), utc(2025, 1, 5, 1min), kUtc);
        EXPECT_LE(due->time - due->slot, 5min);
        const auto early = next_due(at, ran_at(utc(2025, 1, 5)), utc(2025, 1, 5, 1min), kUtc);
        EXPECT_EQ(early->slot, utc(2025, 1, 5, 6h));
        EXPECT_LE(early->time - early->slot, 1min);
    }
}

TEST(ScheduleJitter, ARunThatWaitsForItsJitterIsNotMissed) {
    Schedule schedule = daily_at({6h});
    schedule.jitter = 2h;
    schedule.catch_up = false;
    for (schedule.seed = 0; schedule.seed < 20; ++schedule.seed) {
        const auto before = next_due(schedule, ran_at(utc(2025, 1, 4, 6h)), utc(2025, 1, 5, 5h), kUtc);
        const auto at_the_slot = next_due(schedule, ran_at(utc(2025, 1, 4, 6h)), utc(2025, 1, 5, 6h), kUtc);
        const auto at_the_time = next_due(schedule, ran_at(utc(2025, 1, 4, 6h)), before->time, kUtc);
        EXPECT_EQ(before, at_the_slot);
        EXPECT_EQ(before, at_the_time);
    }
}

// ---- Retries ----

TEST(ScheduleRetry, ComesBeforeTheNextSlot) {
    RunHistory history = ran_at(utc(2025, 1, 5, 6h), RunResult::failed);
    history.last->retry_at = utc(2025, 1, 5, 6h + 2min);
    EXPECT_EQ(next_due(every(6h), history, utc(2025, 1, 5, 6h + 1min), kUtc),
              (DueRun{utc(2025, 1, 5, 6h + 2min), utc(2025, 1, 5, 6h), DueReason::retry}));
    EXPECT_EQ(next_due(daily_at({6h, 18h}), history, utc(2025, 1, 5, 6h + 1min), kUtc),
              (DueRun{utc(2025, 1, 5, 6h + 2min), utc(2025, 1, 5, 6h), DueReason::retry}));
}

TEST(ScheduleRetry, HoursLaterIsAPlaceOfItsOwnForTheNextOne) {
    RunHistory history = ran_at(utc(2025, 1, 5, 6h), RunResult::failed);
    history.last->retry_at = utc(2025, 1, 5, 11h);
    EXPECT_EQ(next_due(every(6h), history, utc(2025, 1, 5, 10h), kUtc)->slot, utc(2025, 1, 5, 11h));
    EXPECT_EQ(next_due(daily_at({6h, 18h}), history, utc(2025, 1, 5, 10h), kUtc)->slot, utc(2025, 1, 5, 6h));
}

TEST(ScheduleRetry, GivesWayToTheSlotThatComesFirst) {
    RunHistory history = ran_at(utc(2025, 1, 5, 6h), RunResult::failed);
    history.last->retry_at = utc(2025, 1, 5, 12h + 30min);
    EXPECT_EQ(next_due(every(6h), history, utc(2025, 1, 5, 11h), kUtc), planned(utc(2025, 1, 5, 12h)));
}

TEST(ScheduleRetry, AndAMissedSlotAreOneRun) {
    RunHistory history = ran_at(utc(2025, 1, 5, 6h), RunResult::failed);
    history.last->retry_at = utc(2025, 1, 5, 6h + 2min);
    const WallTime now = utc(2025, 1, 8, 9h);
    EXPECT_EQ(next_due(daily_at({6h, 18h}), history, now, kUtc), (DueRun{now, utc(2025, 1, 8, 6h), DueReason::missed}));
}

TEST(ScheduleRetry, IsNotDoneForAScheduleThatIsOff) {
    RunHistory history = ran_at(utc(2025, 1, 5, 6h), RunResult::failed);
    history.last->retry_at = utc(2025, 1, 5, 6h + 2min);
    Schedule off = every(6h);
    off.enabled = false;
    EXPECT_EQ(next_due(off, history, utc(2025, 1, 5, 7h), kUtc), std::nullopt);
}

TEST(ScheduleRetry, PausesGrowToTheLongestAndStayThere) {
    const RetryPauses policy{1min, 1h};
    Millis previous{0};
    for (std::uint32_t failures = 1; failures <= 7; ++failures) {
        const Millis full = std::min<Millis>(1min * (1 << (failures - 1)), 1h);
        const Millis pause = retry_pause(policy, failures, 3);
        EXPECT_THAT(pause, AllOf(Ge(full - full / 4), Le(full))) << failures;
        EXPECT_GT(pause, previous);
        previous = pause * 3 / 4;
    }
    EXPECT_THAT(retry_pause(policy, 4'000'000'000u, 3), AllOf(Ge(45min), Le(1h)));
    EXPECT_EQ(retry_pause(policy, 3, 3), retry_pause(policy, 3, 3));
}

// ---- From the configuration ----

TEST(ScheduleOf, AutoSyncTakesItsKeys) {
    AutoSyncConfig config;
    config.enabled = true;
    config.every = 6h;
    config.at = {"18:00", "06:05", "18:00"};
    config.jitter = 5min;
    config.catch_up = false;
    const Schedule schedule = schedule_of(config, 9);
    EXPECT_TRUE(schedule.enabled);
    EXPECT_THAT(schedule.at, ElementsAre(6h + 5min, 18h));
    EXPECT_EQ(schedule.every, 6h);
    EXPECT_EQ(schedule.jitter, 5min);
    EXPECT_FALSE(schedule.catch_up);
    EXPECT_EQ(schedule.seed, 9u);
}

TEST(ScheduleOf, ScrubTakesItsKeys) {
    ScrubConfig config;
    config.enabled = false;
    config.every = std::chrono::days(7);
    EXPECT_FALSE(schedule_of(config, 9).enabled);
    EXPECT_EQ(schedule_of(config, 9).every, std::chrono::days(7));
}

TEST(LongestPause, IsTheIntervalOrTheLongestWayFromTimeToTime) {
    EXPECT_EQ(longest_pause(every(6h)), 6h);
    EXPECT_EQ(longest_pause(daily_at({6h})), 24h);
    EXPECT_EQ(longest_pause(daily_at({6h, 18h})), 12h);
    EXPECT_EQ(longest_pause(daily_at({6h, 8h, 20h})), 12h);
    EXPECT_EQ(longest_pause(daily_at({8h, 12h, 18h})), 14h);
    Schedule off = every(6h);
    off.enabled = false;
    EXPECT_EQ(longest_pause(off), 0ms);
}

// ---- What is shown is what happens ----

struct Life {
    explicit Life(std::uint64_t seed) : random(seed) {}
    std::mt19937_64 random;
    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random); }

    Schedule schedule() {
        Schedule made = every(std::chrono::minutes(1 + below(3'000)));
        made.jitter = std::chrono::seconds(below(7'200));
        made.seed = random();
        made.catch_up = below(2) == 0;
        if (below(2) == 0) {
            std::set<std::chrono::minutes> times;
            for (int i = 1 + below(4); i > 0; --i) times.insert(std::chrono::minutes(below(1'440)));
            made.at.assign(times.begin(), times.end());
        }
        return made;
    }
};

TEST(NextRuns, AreThoseThatAreRunInRandomSchedulesAndZones) {
    const char* wanted = std::getenv("ORACXFS_SEED");
    const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
    for (std::uint64_t seed = first; seed < first + (wanted != nullptr ? 1 : 300); ++seed) {
        SCOPED_TRACE("ORACXFS_SEED=" + std::to_string(seed));
        Life life(seed);
        const std::vector<std::string> rules{"UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"};
        const ScopedZone scoped(rules[static_cast<std::size_t>(life.below(4))]);
        const SystemLocalTime zone;
        const Schedule schedule = life.schedule();
        WallTime now = utc(2024, 12, 20) + std::chrono::hours(life.below(24 * 400));
        RunHistory history = ran_at(now - std::chrono::seconds(life.below(3 * 86'400)));
        const auto shown = next_runs(schedule, history, now, zone, 12);
        ASSERT_EQ(shown.size(), 12u);
        for (const DueRun& run : shown) {
            // Asked now and then on the way, as a daemon does.
            for (int i = 0; i < 3 && now < run.time; ++i) {
                now += (run.time - now) * life.below(100) / 100;
                ASSERT_EQ(next_due(schedule, history, now, zone), run);
            }
            now = std::max(now, run.time + Millis(life.below(900)));
            const auto due = next_due(schedule, history, now, zone);
            ASSERT_TRUE(due.has_value());
            ASSERT_LE(due->time, now);
            ASSERT_EQ(due->slot, run.slot);
            history.last = RunRecord{due->slot, now, now, RunResult::ok, 0, std::nullopt};
            ASSERT_GT(next_due(schedule, history, now, zone)->time, now) << "the same slot once more";
        }
    }
}

}  // namespace
}  // namespace oracxfs::test
