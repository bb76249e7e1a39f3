// Jobs that fail, and a store that fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "tests/unit/scheduler/scheduler_fixture.h"

namespace oracxfs::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;

// ---- Failures ----

TEST_F(SchedulerTest, AFailedJobIsTriedAgainWithGrowingPauses) {
    backup_.set(every(24h));
    backup_.set_result(fail(Errc::unavailable, "put x", "no route to host"));
    begin();
    events_.skip_to("backup failed");
    std::vector<Millis> pauses;
    for (int i = 0; i < 9; ++i) {
        const JobStatus status = status_of("backup");
        EXPECT_EQ(status.state.history.last->failures, static_cast<std::uint32_t>(i + 1));
        EXPECT_THAT(status.state.last_error->to_string(), HasSubstr("no route to host"));
        ASSERT_TRUE(status.next.has_value());
        EXPECT_EQ(status.next->reason, DueReason::retry);
        pauses.push_back(status.next->time - *status.state.history.last->end);
        pass_to_next("failed");
    }
    EXPECT_THAT(pauses.front(), AllOf(Ge(45s), Le(60s)));
    EXPECT_THAT(pauses.back(), AllOf(Ge(45min), Le(60min)));
    EXPECT_TRUE(std::is_sorted(pauses.begin(), pauses.begin() + 6));

    backup_.set_result({});
    pass_to_next("ok");
    EXPECT_EQ(status_of("backup").state.history.last->failures, 0u);
    EXPECT_EQ(status_of("backup").state.last_error, std::nullopt);
    EXPECT_EQ(status_of("backup").next->reason, DueReason::planned);
}

TEST_F(SchedulerTest, ADayOfFailuresIsNoStorm) {
    backup_.set(every(6h));
    backup_.set_result(fail(Errc::unavailable, "put x"));
    begin();
    events_.skip_to("backup failed");
    const WallTime until = clock_.wall() + 24h;
    while (status_of("backup").next->time < until) pass_to_next("failed");
    EXPECT_LE(backup_.runs(), 6 + 28 + 4);
    EXPECT_GE(backup_.runs(), 20);
}

TEST_F(SchedulerTest, WhatOnlyAPersonCanPutRightIsTriedSeldom) {
    backup_.set(every(24h));
    backup_.set_result(fail(Errc::unauthenticated, "sign in"));
    begin();
    events_.skip_to("backup failed");
    EXPECT_EQ(status_of("backup").next->time, clock_.wall() + 1h);
}

TEST_F(SchedulerTest, WaitsAsLongAsThePeerWishes) {
    backup_.set(every(24h));
    backup_.set_result(fail(Error(Errc::throttled, "put x").with_retry_after(7h)));
    begin();
    events_.skip_to("backup failed");
    EXPECT_EQ(status_of("backup").next->time, clock_.wall() + 7h);
}

TEST_F(SchedulerTest, AJobWithoutRetriesWaitsForItsNextSlot) {
    auto backup = backup_.job();
    backup.retry.longest = 0ms;
    backup_.set_result(fail(Errc::unavailable, "put x"));
    begin({std::move(backup)});
    events_.skip_to("backup failed");
    EXPECT_EQ(status_of("backup").next->reason, DueReason::planned);
}

TEST_F(SchedulerTest, AnExceptionOfALibraryIsAFailureNotTheEnd) {
    auto backup = backup_.job();
    backup.run = [](const RunContext&) -> Status { throw std::runtime_error("out of cheese"); };
    begin({std::move(backup)});
    events_.skip_to("backup failed");
    EXPECT_EQ(status_of("backup").state.last_error->code, Errc::internal);
    EXPECT_EQ(status_of("backup").state.last_error->why, "out of cheese");
}

// ---- A store that fails ----

TEST_F(SchedulerTest, AStoreThatFailsStopsNoBackupAndIsShown) {
    store_.set_broken(true);
    begin();
    first_run();
    ASSERT_TRUE(status_of("backup").store_error.has_value());
    EXPECT_EQ(status_of("backup").store_error->code, Errc::local_full);
    settle();
    EXPECT_EQ(backup_.runs(), 1);
    store_.set_broken(false);
    clock_.advance(6h);
    events_.skip_to("backup ok");
    EXPECT_EQ(status_of("backup").store_error, std::nullopt);
}

TEST_F(SchedulerTest, AStateThatCanNotBeReadIsABeginningWithoutMemory) {
    for (const char* text : {"", "{", "{}", "{\"version\":1,\"since_ms\":0,\"last\":{}}",
                             "{\"version\":2,\"since_ms\":0}"}) {
        ASSERT_THAT(store_.put("schedule.backup", text), IsOk());
        EXPECT_THAT(job_state_from_text(text), HasCode(Errc::invalid)) << text;
    }
    begin();
    first_run();
    EXPECT_EQ(backup_.last().reason, DueReason::first);
}

TEST(JobStateText, IsReadBackAsItWas) {
    JobState state;
    state.schedule = "every 5";
    state.history.since = wall_from_ms(1'000);
    state.history.last = RunRecord{
        wall_from_ms(1), wall_from_ms(2), wall_from_ms(3), RunResult::failed, 4, wall_from_ms(5)};
    state.last_ok = wall_from_ms(6);
    state.last_error = Error(Errc::quota_full, "put x", "disk full").with_provider("nas");
    const auto read = job_state_from_text(job_state_to_text(state));
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(read->schedule, state.schedule);
    EXPECT_EQ(read->history.since, state.history.since);
    EXPECT_EQ(read->history.last, state.history.last);
    EXPECT_EQ(read->last_ok, state.last_ok);
    EXPECT_EQ(read->last_error->to_string(), state.last_error->to_string());
}

}  // namespace
}  // namespace oracxfs::test
