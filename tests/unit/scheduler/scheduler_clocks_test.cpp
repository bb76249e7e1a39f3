// Clocks that jump.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/scheduler/scheduler_fixture.h"

namespace oracxfs::test {
namespace {

// ---- Clocks that jump ----

TEST_F(SchedulerTest, NoticesAWallClockThatIsSetForwardAndRunsOnce) {
    begin();
    first_run();
    settle();
    clock_.wait_for_sleepers(1);
    clock_.set_wall(clock_.wall() + std::chrono::days(3));
    clock_.advance(1min);
    events_.skip_to("backup ok");
    settle();
    EXPECT_EQ(backup_.runs(), 2);
    EXPECT_EQ(scheduler_->clock_jumps().count, 1u);
    EXPECT_EQ(scheduler_->clock_jumps().last_by, std::chrono::days(3));
}

TEST_F(SchedulerTest, NoticesAWallClockThatIsSetBackAndRunsOnce) {
    begin();
    first_run();
    settle();
    clock_.wait_for_sleepers(1);
    clock_.set_wall(clock_.wall() - std::chrono::days(300));
    clock_.advance(1min);
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.last().reason, DueReason::clock);
    settle();
    EXPECT_EQ(backup_.runs(), 2);
    EXPECT_EQ(scheduler_->clock_jumps().last_by, -std::chrono::days(300));
    const auto next = scheduler_->next("backup");
    ASSERT_THAT(next, IsOk());
    EXPECT_LE((*next)->time, clock_.wall() + 6h);
}

TEST_F(SchedulerTest, TimeThatPassesIsNoJump) {
    begin();
    first_run();
    for (int i = 0; i < 10; ++i) {
        clock_.advance(5h);
        settle();
    }
    EXPECT_EQ(scheduler_->clock_jumps().count, 0u);
}

}  // namespace
}  // namespace oracxfs::test
