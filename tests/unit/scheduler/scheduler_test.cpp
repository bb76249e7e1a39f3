// When a job is begun, and that it is never begun twice at once; weeks in a moment.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <optional>
#include <random>
#include <string>

#include "tests/unit/scheduler/scheduler_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- When ----

TEST_F(SchedulerTest, RunsAJobAtOnceAndThenWhenItIsDue) {
    begin();
    first_run();
    EXPECT_EQ(backup_.last().reason, DueReason::first);
    EXPECT_FALSE(backup_.last().by_hand);
    const auto next = scheduler_->next("backup");
    ASSERT_THAT(next, IsOk());
    EXPECT_EQ((*next)->time, std::chrono::floor<std::chrono::seconds>(clock_.wall()) + 6h);

    clock_.advance(6h - 1min);
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    clock_.advance(1min);
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.runs(), 2);
    EXPECT_EQ(backup_.last().reason, DueReason::planned);
    EXPECT_EQ(backup_.last().slot, (*next)->slot);
}

TEST_F(SchedulerTest, ARunThatSomebodyElseMadeCounts) {
    const auto elsewhere = [&](const Status& result) {
        Scheduler other(clock_, store_, zone_, {});
        other.add(backup_.job());
        ASSERT_THAT(other.note_run("backup", clock_.wall() - 10min, result), IsOk());
        EXPECT_THAT(other.note_run("nothing", clock_.wall(), {}), HasCode(Errc::not_found));
    };
    elsewhere({});
    begin();
    settle();
    EXPECT_EQ(backup_.runs(), 0);
    const auto next = scheduler_->next("backup");
    ASSERT_THAT(next, IsOk());
    EXPECT_EQ((*next)->time, std::chrono::floor<std::chrono::seconds>(clock_.wall() - 10min) + 6h);
    EXPECT_EQ((*next)->reason, DueReason::planned);

    scheduler_.reset();
    elsewhere(fail(Errc::unavailable, "back up"));
    begin();
    EXPECT_EQ(status_of("backup").state.history.last->failures, 1u);
    EXPECT_EQ((*scheduler_->next("backup"))->reason, DueReason::retry);

    scheduler_.reset();
    elsewhere(fail(Errc::cancelled, "back up"));
    begin();
    EXPECT_EQ(status_of("backup").state.history.last->result, RunResult::cancelled);
    EXPECT_EQ((*scheduler_->next("backup"))->reason, DueReason::planned);
}

TEST_F(SchedulerTest, DaysOfSleepAreOneRun) {
    begin();
    first_run();
    clock_.advance(std::chrono::days(10));
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.last().reason, DueReason::missed);
    settle();
    settle();
    EXPECT_EQ(backup_.runs(), 2);
}

TEST_F(SchedulerTest, RunsTheTimesThatItShows) {
    Schedule jittered = every(6h);
    jittered.jitter = 1h;
    jittered.seed = 3;
    backup_.set(jittered);
    begin();
    first_run();
    const auto shown = scheduler_->upcoming("backup", 5);
    ASSERT_THAT(shown, IsOk());
    ASSERT_EQ(shown->size(), 5u);
    for (const DueRun& run : *shown) {
        clock_.advance(run.time - clock_.wall());
        events_.skip_to("backup ok");
        EXPECT_EQ(backup_.last().slot, run.slot);
        EXPECT_EQ(status_of("backup").state.history.last->start, run.time);
    }
}

TEST_F(SchedulerTest, AJobThatIsOffIsRunByHandOnly) {
    backup_.set(off());
    begin();
    clock_.advance(std::chrono::days(10));
    settle();
    EXPECT_EQ(backup_.runs(), 0);
    EXPECT_EQ(status_of("backup").next, std::nullopt);
    ASSERT_THAT(scheduler_->run_now("backup"), IsOk());
    events_.skip_to("backup ok");
    EXPECT_TRUE(backup_.last().by_hand);
}

TEST_F(SchedulerTest, AChangedConfigurationIsUsedAtOnce) {
    backup_.set(every(12h));
    begin();
    first_run();
    clock_.advance(3h);
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    backup_.set(every(1h));
    scheduler_->replan();
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.runs(), 2);
}

TEST_F(SchedulerTest, ATimeOfTheDayThatIsSetAfterItHasPassedIsNotMissed) {
    begin();  // it is 20:36
    first_run();
    clock_.advance(5min);
    backup_.set(daily_at({20h}));
    const auto next = scheduler_->next("backup");
    ASSERT_THAT(next, IsOk());
    EXPECT_EQ(format_utc((*next)->time), "2026-11-24T20:00:00Z");
    scheduler_->replan();
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    EXPECT_EQ(format_utc(status_of("backup").next->time), "2026-11-24T20:00:00Z");
}

TEST_F(SchedulerTest, ATimeOfTheDayThatPassedWhileTheProgramWasDownIsMadeUpFor) {
    backup_.set(daily_at({6h}));
    begin();
    settle();
    EXPECT_EQ(backup_.runs(), 0);
    scheduler_.reset();
    clock_.advance(24h);
    begin();
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.last().reason, DueReason::missed);
    EXPECT_EQ(format_utc(backup_.last().slot), "2026-11-24T06:00:00Z");
}

TEST_F(SchedulerTest, RemembersItsRunsOverARestart) {
    begin();
    first_run();
    const JobStatus before = status_of("backup");
    scheduler_.reset();
    clock_.advance(1h);
    begin();
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    EXPECT_EQ(status_of("backup").state.history.last, before.state.history.last);
    EXPECT_EQ(status_of("backup").state.last_ok, before.state.history.last->start);
    EXPECT_EQ(status_of("backup").next->time, before.next->time);
}

// ---- Never twice at once ----

TEST_F(SchedulerTest, AJobThatIsRunningIsNotBegunAgain) {
    backup_.close();
    begin();
    events_.skip_to("backup works");
    EXPECT_THAT(scheduler_->running(), ElementsAre("backup"));
    EXPECT_THAT(scheduler_->run_now("backup"), HasCode(Errc::busy));
    clock_.advance(30h);
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    backup_.open();
    // What it was too busy for is made up for once.
    events_.skip_to("backup ok");
    events_.skip_to("backup ok");
    settle();
    EXPECT_EQ(backup_.runs(), 2);
    EXPECT_EQ(backup_.most_at_once(), 1);
    EXPECT_THAT(scheduler_->running(), IsEmpty());
}

TEST_F(SchedulerTest, JobsOfDifferentGroupsRunBesideOneAnother) {
    backup_.close();
    begin({backup_.job(), scrub_.job()});
    events_.skip_to("scrub ok");
    EXPECT_THAT(scheduler_->running(), ElementsAre("backup"));
    backup_.open();
    events_.skip_to("backup ok");
}

TEST_F(SchedulerTest, JobsOfOneGroupRunOneAfterTheOther) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    backup.group = scrub.group = "packages";
    backup_.close();
    begin({std::move(backup), std::move(scrub)});
    events_.skip_to("backup works");
    settle();
    EXPECT_EQ(scrub_.runs(), 0);
    EXPECT_EQ(status_of("scrub").waiting_for, "backup");
    backup_.open();
    events_.skip_to("scrub works");
    events_.skip_to("scrub ok");
    EXPECT_EQ(status_of("scrub").waiting_for, "");
}

TEST_F(SchedulerTest, ARunByHandWaitsForItsGroupAndGoesFirstThen) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    FakeJob tidy(events_, "tidy");
    auto last = tidy.job();
    backup.group = scrub.group = last.group = "packages";
    tidy.set(off());
    tidy.close();
    backup_.close();
    begin({std::move(backup), std::move(scrub), std::move(last)});
    events_.skip_to("backup works");
    ASSERT_THAT(scheduler_->run_now("tidy"), IsOk());
    settle();
    EXPECT_TRUE(status_of("tidy").requested);
    backup_.open();
    events_.skip_to("tidy works");
    EXPECT_EQ(scrub_.runs(), 0);
    tidy.open();
    events_.skip_to("scrub ok");
    scheduler_.reset();
}

TEST_F(SchedulerTest, WhatBecomesFreeWhileItDecidesGoesToTheRunByHand) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    FakeJob tidy(events_, "tidy");
    auto last = tidy.job();
    backup.group = scrub.group = last.group = "packages";
    tidy.set(off());
    tidy.close();
    backup_.close();
    // Between the look at the run by hand, which has to wait, and the look at this one, the group
    // becomes free.
    std::promise<void> between, freed;
    scrub.hold = [&, told = false]() mutable -> std::optional<std::string> {
        if (!told && status_of("tidy").waiting_for == "backup") {
            told = true;
            between.set_value();
            freed.get_future().wait();
        }
        return std::nullopt;
    };
    begin({std::move(backup), std::move(scrub), std::move(last)});
    events_.skip_to("backup works");
    ASSERT_THAT(scheduler_->run_now("tidy"), IsOk());
    between.get_future().wait();
    backup_.open();
    events_.skip_to("backup ok");
    freed.set_value();
    EXPECT_EQ(events_.next(), "tidy works");
    EXPECT_EQ(scrub_.runs(), 0);
    scheduler_.reset();
}

TEST_F(SchedulerTest, AHeldJobWaitsAndSaysWhy) {
    backup_.set_hold("on battery power");
    begin();
    settle();
    EXPECT_EQ(backup_.runs(), 0);
    EXPECT_EQ(status_of("backup").waiting_for, "on battery power");
    backup_.set_hold(std::nullopt);
    clock_.advance(1min);  // nobody tells; it is looked at once a minute
    events_.skip_to("backup ok");
    EXPECT_EQ(status_of("backup").waiting_for, "");
}

TEST_F(SchedulerTest, AHeldJobRunsByHand) {
    backup_.set_hold("on battery power");
    begin();
    ASSERT_THAT(scheduler_->run_now("backup"), IsOk());
    events_.skip_to("backup ok");
}

// ---- Weeks in a moment ----

// Every decision of four weeks, with failures, and a machine that sleeps now and then: the test
// goes from due time to due time, and nothing may run that was not due, or not run that was.
TEST_F(SchedulerTest, FourWeeksAreExactlyWhatWasDue) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto one_in = [&](int n) {
        return std::uniform_int_distribution<int>(1, n)(random) == 1;
    };
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    backup.group = scrub.group = "packages";
    Schedule six = every(6h);
    six.jitter = 5min;
    six.seed = random();
    backup_.set(six);
    scrub_.set(daily_at({3h, 18h + 30min}));
    begin({std::move(backup), std::move(scrub)});
    first_run();
    settle();
    const WallTime end = clock_.wall() + std::chrono::days(28);
    int expected_backups = 1;
    int expected_scrubs = 0;
    while (clock_.wall() < end) {
        const bool fails = one_in(6);
        backup_.set_result(fails ? Status(fail(Errc::unavailable, "put x")) : Status());
        const WallTime backup_due = status_of("backup").next->time;
        const WallTime scrub_due = status_of("scrub").next->time;
        WallTime until = std::min(backup_due, scrub_due);
        ASSERT_GT(until, clock_.wall());
        if (one_in(25)) until += std::chrono::hours(one_in(2) ? 5 : 70);
        clock_.advance(until - clock_.wall());
        if (backup_due <= until) expected_backups += 1;
        if (scrub_due <= until) expected_scrubs += 1;
        int ended = (backup_due <= until ? 1 : 0) + (scrub_due <= until ? 1 : 0);
        for (; ended > 0;) {
            const std::string event = events_.next();
            ASSERT_NE(event, "");
            if (event.ends_with(" ok") || event.ends_with(" failed")) --ended;
        }
        settle();
        ASSERT_EQ(backup_.runs(), expected_backups);
        ASSERT_EQ(scrub_.runs(), expected_scrubs);
    }
    EXPECT_GT(expected_backups, 20);
    EXPECT_EQ(backup_.most_at_once(), 1);
    EXPECT_EQ(scheduler_->clock_jumps().count, 0u);
}

}  // namespace
}  // namespace oracxfs::test
