// Runs by hand, and how runs are cancelled and stopped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/scheduler/scheduler_fixture.h"

namespace oracxfs::test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;

// ---- By hand ----

TEST_F(SchedulerTest, ARunThatIsDueAndAskedForInTheSameMomentIsByHand) {
    auto backup = backup_.job();
    backup.hold = [this]() -> std::optional<std::string> {
        EXPECT_THAT(scheduler_->run_now("backup"), IsOk());
        return std::nullopt;
    };
    begin({std::move(backup)});
    events_.skip_to("backup ok");
    EXPECT_TRUE(backup_.last().by_hand);
    scheduler_.reset();
}

TEST_F(SchedulerTest, TellsWhoeverAskedHowItEnded) {
    backup_.set(off());
    backup_.set_result(fail(Errc::quota_full, "put x"));
    begin();
    for (const char* who : {"one", "two"})
        ASSERT_THAT(
            scheduler_->run_now(
                "backup",
                [this, who](const Status& status) {
                    events_.add(std::string(who) + " " +
                                (status ? "ok" : std::string(info(status.error().code).name)));
                }),
            testing::AnyOf(IsOk(), HasCode(Errc::busy)));
    // Joined, unless the first had begun already.
    events_.skip_to("one quota_full");
}

TEST_F(SchedulerTest, TwoRequestsBeforeItBeginsAreOneRun) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    backup.group = scrub.group = "packages";
    backup_.set(off());
    scrub_.close();
    begin({std::move(backup), std::move(scrub)});
    events_.skip_to("scrub works");
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status&) { events_.add("one"); }),
                IsOk());
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status&) { events_.add("two"); }),
                IsOk());
    scrub_.open();
    events_.skip_to("one");
    events_.skip_to("two");
    EXPECT_EQ(backup_.runs(), 1);
}

TEST_F(SchedulerTest, ARunByHandMovesTheNextOne) {
    begin();
    first_run();
    clock_.advance(2h);
    ASSERT_THAT(scheduler_->run_now("backup"), IsOk());
    events_.skip_to("backup ok");
    EXPECT_EQ(status_of("backup").next->time,
              std::chrono::floor<std::chrono::seconds>(clock_.wall()) + 6h);
}

TEST_F(SchedulerTest, AnUnknownJobIsNotFound) {
    begin();
    EXPECT_THAT(scheduler_->run_now("x"), HasCode(Errc::not_found));
    EXPECT_THAT(scheduler_->cancel("x"), HasCode(Errc::not_found));
    EXPECT_THAT(scheduler_->next("x"), HasCode(Errc::not_found));
    EXPECT_THAT(scheduler_->upcoming("x"), HasCode(Errc::not_found));
}

TEST_F(SchedulerTest, ACallbackMayAskTheScheduler) {
    backup_.set(off());
    begin();
    ASSERT_THAT(scheduler_->run_now(
                    "backup",
                    [this](const Status&) {
                        EXPECT_EQ(scheduler_->status().size(), 2u);
                        EXPECT_THAT(scheduler_->run_now(
                                        "backup", [this](const Status&) { events_.add("again"); }),
                                    IsOk());
                    }),
                IsOk());
    events_.skip_to("again");
    EXPECT_EQ(backup_.runs(), 2);
}

// ---- Cancelling, stopping, dying ----

TEST_F(SchedulerTest, ACancelledRunIsNotTriedAgainBeforeItsNextSlot) {
    backup_.close();
    begin();
    events_.skip_to("backup works");
    ASSERT_THAT(scheduler_->cancel("backup"), IsOk());
    events_.skip_to("backup cancelled");
    EXPECT_EQ(status_of("backup").next->reason, DueReason::planned);
    EXPECT_THAT(scheduler_->cancel("backup"), HasCode(Errc::not_found));
}

TEST_F(SchedulerTest, ARequestCanBeTakenBack) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    backup.group = scrub.group = "packages";
    backup_.set(off());
    scrub_.close();
    begin({std::move(backup), std::move(scrub)});
    events_.skip_to("scrub works");
    ASSERT_THAT(
        scheduler_->run_now("backup",
                            [this](const Status& s) {
                                events_.add(s ? "ok" : std::string(info(s.error().code).name));
                            }),
        IsOk());
    ASSERT_THAT(scheduler_->cancel("backup"), IsOk());
    events_.skip_to("cancelled");
    scrub_.open();
    events_.skip_to("scrub ok");
    settle();
    EXPECT_EQ(backup_.runs(), 0);
}

TEST_F(SchedulerTest, StoppingInterruptsARunWhichIsBegunAgainAtTheNextStart) {
    backup_.close();
    begin();
    events_.skip_to("backup works");
    scheduler_->stop();
    events_.skip_to("backup interrupted");
    EXPECT_THAT(scheduler_->run_now("backup"), HasCode(Errc::cancelled));
    scheduler_.reset();
    backup_.open();
    clock_.advance(5s);
    begin();
    events_.skip_to("backup ok");
    EXPECT_EQ(backup_.last().reason, DueReason::retry);
}

TEST_F(SchedulerTest, StoppingTellsThoseWhoseRunNeverBegan) {
    auto backup = backup_.job();
    auto scrub = scrub_.job();
    backup.group = scrub.group = "packages";
    backup_.set(off());
    scrub_.close();
    begin({std::move(backup), std::move(scrub)});
    events_.skip_to("scrub works");
    ASSERT_THAT(
        scheduler_->run_now("backup",
                            [this](const Status& s) {
                                events_.add(s ? "ok" : std::string(info(s.error().code).name));
                            }),
        IsOk());
    scheduler_->stop();
    events_.skip_to("cancelled");
    EXPECT_EQ(backup_.runs(), 0);
}

TEST_F(SchedulerTest, AJobThatKilledTheProgramIsTriedAgainAfterAPause) {
    // What a start finds after that: a run that has begun.
    JobState state;
    state.schedule = slots_in_words(every(6h));
    state.history.since = clock_.wall() - 10h;
    state.history.last =
        RunRecord{clock_.wall() - 1min, clock_.wall() - 1min, std::nullopt, RunResult::running, 2,
                  std::nullopt};
    ASSERT_THAT(store_.put("schedule.backup", job_state_to_text(state)), IsOk());
    begin();
    settle();
    EXPECT_EQ(backup_.runs(), 0);
    const JobStatus status = status_of("backup");
    EXPECT_EQ(status.state.history.last->result, RunResult::interrupted);
    EXPECT_EQ(status.state.history.last->failures, 3u);
    EXPECT_EQ(status.state.last_error->code, Errc::outcome_unknown);
    EXPECT_THAT(status.next->time - clock_.wall(), AllOf(Ge(3min), Le(4min)));
    pass_to_next("ok");
}

TEST_F(SchedulerTest, WhatIsStoredWhileItRunsSaysSo) {
    backup_.close();
    begin();
    events_.skip_to("backup works");
    const auto text = store_.get("schedule.backup");
    ASSERT_THAT(text, IsOk());
    const auto state = job_state_from_text(text->value_or(""));
    ASSERT_THAT(state, IsOk());
    EXPECT_EQ(state->history.last->result, RunResult::running);
    backup_.open();
}

}  // namespace
}  // namespace oracxfs::test
