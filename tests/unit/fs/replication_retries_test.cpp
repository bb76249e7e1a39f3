// replication.retries: when an upload that keeps failing counts as failed.

#include <gtest/gtest.h>

#include "fs/replication_plan.h"

namespace oracxfs {
namespace {

const WallTime kNow = wall_from_ms(1'795'466'188'000);

ReplicaJob queued_job() {
    ReplicaJob job;
    job.row.version = VersionId{7};
    job.row.provider = ProviderId{1};
    job.row.due = kNow;
    job.wanted = true;
    job.want_key = "f";
    return job;
}

// The state after each of `failures` failing uploads in a row.
std::vector<ReplicaState> states_after(std::uint32_t retries, std::size_t failures, Errc error) {
    RetryTimes times;
    times.retries = retries;
    ReplicaJob job = queued_job();
    std::vector<ReplicaState> states;
    for (std::size_t i = 0; i < failures; ++i) {
        const Step step = next_step(job, kNow, Millis(0));
        EXPECT_EQ(step.kind, Step::Kind::put);
        const ReplicaRow begun = begin_step(job.row, step);
        const Outcome outcome = after_put(job, begun, step, fail(error, "put"), kNow, times);
        EXPECT_EQ(outcome.changes.size(), 1u);
        job.row = outcome.changes.back().row;
        EXPECT_TRUE(job.row.due.has_value()) << "it is never given up";
        states.push_back(job.row.state);
    }
    return states;
}

using States = std::vector<ReplicaState>;
constexpr ReplicaState kQueued = ReplicaState::queued, kFailed = ReplicaState::failed;

TEST(Retries, AreCountedAfterTheFirstAttempt) {
    EXPECT_EQ(states_after(2, 5, Errc::corrupt), (States{kQueued, kQueued, kFailed, kFailed, kFailed}));
}

TEST(Retries, NoneMeansThatTheFirstFailureCounts) { EXPECT_EQ(states_after(0, 2, Errc::corrupt), (States{kFailed, kFailed})); }

TEST(Retries, FiveAreTheDefault) {
    EXPECT_EQ(RetryTimes().retries, 5u);
    EXPECT_EQ(states_after(5, 6, Errc::corrupt), (States{kQueued, kQueued, kQueued, kQueued, kQueued, kFailed}));
}

TEST(Retries, WhatWillFailAgainIsFailedAtOnce) { EXPECT_EQ(states_after(1000, 1, Errc::too_large), (States{kFailed})); }

TEST(Retries, AProviderThatIsDownUsesNoneUp) {
    EXPECT_EQ(states_after(0, 3, Errc::unavailable), (States{kQueued, kQueued, kQueued}));
}

}  // namespace
}  // namespace oracxfs
