#include "tools/scheduler/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>

#include "base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/unit/scheduler/zone_setup.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;

class MemoryStore final : public ScheduleStore {
  public:
    Result<std::optional<std::string>> get(const std::string& key) override {
        const std::lock_guard lock(mutex_);
        if (broken_) return fail(Errc::local_io, "read " + key);
        const auto found = values_.find(key);
        if (found == values_.end()) return std::optional<std::string>();
        return std::optional<std::string>(found->second);
    }
    Status put(const std::string& key, const std::string& value) override {
        const std::lock_guard lock(mutex_);
        if (broken_) return fail(Errc::local_full, "write " + key);
        values_[key] = value;
        return {};
    }
    void set_broken(bool broken) {
        const std::lock_guard lock(mutex_);
        broken_ = broken;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::string> values_;
    bool broken_ = false;
};

// What happened, in order, to be waited for.
class Events {
  public:
    void add(std::string event) {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
        changed_.notify_all();
    }
    // Takes the next one. "" if none comes for so long that something must be stuck.
    std::string next() {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, 60s, [&] { return !events_.empty(); })) return "";
        std::string event = std::move(events_.front());
        events_.pop_front();
        return event;
    }
    // Takes events until that one.
    void skip_to(const std::string& event) {
        for (std::string seen = next(); seen != event; seen = next()) ASSERT_NE(seen, "") << "waited for " << event;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> events_;
};

// A job that does what the test says.
class FakeJob {
  public:
    explicit FakeJob(Events& events, std::string name) : events_(events), name_(std::move(name)) {
        schedule_.every = 6h;
    }

    ScheduledJob job() {
        ScheduledJob made;
        made.name = name_;
        made.schedule = [this] {
            const std::lock_guard lock(mutex_);
            return schedule_;
        };
        made.run = [this](const RunContext& context) { return run(context); };
        made.hold = [this]() -> std::optional<std::string> {
            const std::lock_guard lock(mutex_);
            return hold_;
        };
        return made;
    }
    Status run(const RunContext& context) {
        std::unique_lock lock(mutex_);
        runs_ += 1;
        at_once_ += 1;
        most_at_once_ = std::max(most_at_once_, at_once_);
        last_ = context;
        events_.add(name_ + " works");
        const bool open = changed_.wait(lock, context.stop, [&] { return !closed_; });
        at_once_ -= 1;
        if (!open) return fail(Errc::cancelled, name_);
        return result_;
    }

    void set(const Schedule& schedule) {
        const std::lock_guard lock(mutex_);
        schedule_ = schedule;
    }
    void set_result(Status result) {
        const std::lock_guard lock(mutex_);
        result_ = std::move(result);
    }
    void set_hold(std::optional<std::string> hold) {
        const std::lock_guard lock(mutex_);
        hold_ = std::move(hold);
    }
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    void open() {
        const std::lock_guard lock(mutex_);
        closed_ = false;
        changed_.notify_all();
    }
    int runs() const {
        const std::lock_guard lock(mutex_);
        return runs_;
    }
    int most_at_once() const {
        const std::lock_guard lock(mutex_);
        return most_at_once_;
    }
    RunContext last() const {
        const std::lock_guard lock(mutex_);
        return last_;
    }

  private:
    Events& events_;
    const std::string name_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    Schedule schedule_;
    Status result_;
    std::optional<std::string> hold_;
    bool closed_ = false;
    int runs_ = 0, at_once_ = 0, most_at_once_ = 0;
    RunContext last_;
};

class SchedulerTest : public testing::Test {
  protected:
    void SetUp() override {
        log::Options quiet;
        quiet.level = log::Level::error;
        log::configure(quiet);
        marker_.set(off());
    }
    void TearDown() override { scheduler_.reset(); }

    static Schedule off() {
        Schedule schedule;
        schedule.enabled = false;
        return schedule;
    }
    static Schedule every(Millis pause) {
        Schedule schedule;
        schedule.every = pause;
        return schedule;
    }
    static Schedule daily_at(std::vector<std::chrono::minutes> at) {
        Schedule schedule = every(12h);
        schedule.at = std::move(at);
        return schedule;
    }

    Scheduler& begin(std::vector<ScheduledJob> jobs) {
        Scheduler::Options options;
        options.on_run = [this](const std::string& job, const RunRecord& run) {
            if (run.result != RunResult::running) events_.add(job + " " + std::string(to_string(run.result)));
        };
        scheduler_ = std::make_unique<Scheduler>(clock_, store_, zone_, std::move(options));
        for (ScheduledJob& job : jobs) scheduler_->add(std::move(job));
        scheduler_->add(marker_.job());
        scheduler_->start();
        return *scheduler_;
    }
    Scheduler& begin() { return begin({backup_.job()}); }

    JobStatus status_of(const std::string& name) {
        for (JobStatus& status : scheduler_->status())
            if (status.name == name) return status;
        ADD_FAILURE() << "no job " << name;
        return {};
    }
    // Everything that is due now has been begun afterwards: the marker is looked at after all others.
    void settle() {
        ASSERT_THAT(scheduler_->run_now("marker"), IsOk());
        events_.skip_to("marker ok");
    }
    void first_run() { events_.skip_to("backup ok"); }
    // Until the run that is planned next has ended.
    void pass_to_next(const std::string& ending) {
        const auto next = scheduler_->next("backup");
        ASSERT_THAT(next, IsOk());
        ASSERT_TRUE(next->has_value());
        clock_.advance(std::max((*next)->time - clock_.wall(), Millis(0)));
        events_.skip_to("backup " + ending);
    }

    FakeClock clock_;
    MemoryStore store_;
    FixedZone zone_;
    Events events_;
    FakeJob backup_{events_, "backup"};
    FakeJob scrub_{events_, "scrub"};
    FakeJob marker_{events_, "marker"};
    std::unique_ptr<Scheduler> scheduler_;
};

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
    // Between the look at the run by hand, which has to wait, and the look at this one, the group becomes free.
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
        ASSERT_THAT(scheduler_->run_now("backup",
                                        [this, who](const Status& status) {
                                            events_.add(std::string(who) + " " + (status ? "ok" : std::string(info(status.error().code).name)));
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
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status&) { events_.add("one"); }), IsOk());
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status&) { events_.add("two"); }), IsOk());
    scrub_.open();
    events_.skip_to("one");
    EXPECT_EQ(events_.next(), "two");
    EXPECT_EQ(backup_.runs(), 1);
}

TEST_F(SchedulerTest, ARunByHandMovesTheNextOne) {
    begin();
    first_run();
    clock_.advance(2h);
    ASSERT_THAT(scheduler_->run_now("backup"), IsOk());
    events_.skip_to("backup ok");
    EXPECT_EQ(status_of("backup").next->time, std::chrono::floor<std::chrono::seconds>(clock_.wall()) + 6h);
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
    ASSERT_THAT(scheduler_->run_now("backup",
                                    [this](const Status&) {
                                        EXPECT_EQ(scheduler_->status().size(), 2u);
                                        EXPECT_THAT(scheduler_->run_now("backup", [this](const Status&) { events_.add("again"); }), IsOk());
                                    }),
                IsOk());
    events_.skip_to("again");
    EXPECT_EQ(backup_.runs(), 2);
}

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
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status& s) { events_.add(s ? "ok" : std::string(info(s.error().code).name)); }), IsOk());
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
    ASSERT_THAT(scheduler_->run_now("backup", [this](const Status& s) { events_.add(s ? "ok" : std::string(info(s.error().code).name)); }), IsOk());
    scheduler_->stop();
    events_.skip_to("cancelled");
    EXPECT_EQ(backup_.runs(), 0);
}

TEST_F(SchedulerTest, AJobThatKilledTheProgramIsTriedAgainAfterAPause) {
    // What a start finds after that: a run that has begun.
    JobState state;
    state.schedule = slots_in_words(every(6h));
    state.history.since = clock_.wall() - 10h;
    state.history.last = RunRecord{clock_.wall() - 1min, clock_.wall() - 1min, std::nullopt, RunResult::running, 2, std::nullopt};
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
    for (const char* text : {"", "{", "{}", "{\"version\":1,\"since_ms\":0,\"last\":{}}", "{\"version\":2,\"since_ms\":0}"}) {
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
    state.history.last = RunRecord{wall_from_ms(1), wall_from_ms(2), wall_from_ms(3), RunResult::failed, 4, wall_from_ms(5)};
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

// ---- Weeks in a moment ----

// Every decision of four weeks, with failures, and a machine that sleeps now and then: the test goes from due time to due
// time, and nothing may run that was not due, or not run that was.
TEST_F(SchedulerTest, FourWeeksAreExactlyWhatWasDue) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto one_in = [&](int n) { return std::uniform_int_distribution<int>(1, n)(random) == 1; };
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
