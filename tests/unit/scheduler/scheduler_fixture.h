#pragma once
// A scheduler with jobs that do what the test says, a clock that the test turns, and events to wait
// for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/unit/scheduler/zone_setup.h"
#include "tools/scheduler/scheduler.h"

namespace oracxfs::test {

using namespace std::chrono_literals;

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
        for (std::string seen = next(); seen != event; seen = next())
            ASSERT_NE(seen, "") << "waited for " << event;
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
            if (run.result != RunResult::running)
                events_.add(job + " " + std::string(to_string(run.result)));
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
    // Everything that is due now has been begun afterwards: the marker is looked at after all
    // others.
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

}  // namespace oracxfs::test
