#pragma once
// Runs jobs when they are due: one thread that decides and sleeps, and one for each run, so that a heartbeat does not
// wait for a backup of hours.
//
// When a job is due is told by next_due(), which is asked anew each time; here is only what happens then. A job never
// runs twice at once. Jobs of one group run one after the other. A run that fails is tried again with growing pauses
// until its next slot. What was run is stored when it begins and when it ends: after a crash the run counts as failed
// and is tried again after a pause, so that a job that kills the program does not kill it in a loop.
//
// The thread looks at the clocks once a minute at least. Then it notices sleep of the machine and a wall clock that was
// set, which no timer tells.
//
// Threads: everything may be called from any thread, also from a job and from callbacks, but for stop() and the
// destructor, which wait for them.

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tools/scheduler/job_state.h"
#include "tools/scheduler/local_time.h"
#include "tools/scheduler/schedule.h"

namespace oracxfs {

struct RunContext {
    std::stop_token stop;  // cancel() or the end of the program: come back soon, with Errc::cancelled
    WallTime slot{};
    DueReason reason = DueReason::planned;
    bool by_hand = false;
};

struct ScheduledJob {
    std::string name;
    // Asked again and again, so that a changed configuration is used at once. Never waits.
    std::function<Schedule()> schedule;
    std::function<Status(const RunContext&)> run;
    // Why it has to wait although it is due ("on battery power"), in words. Does not hold up a run by hand. Never waits.
    std::function<std::optional<std::string>()> hold = {};
    std::string group = {};    // "" = no group
    bool quiet = false;        // runs so often that only its failures are worth a line in the log
    RetryPauses retry = {};    // longest = 0: a failed run is not tried again before its next slot
};

struct JobStatus {
    std::string name;
    bool running = false;
    bool requested = false;        // by hand, and has not begun yet
    std::string waiting_for;       // due, but: the words of `hold`, or the job of its group that is running
    std::optional<DueRun> next;    // nothing: switched off
    JobState state;                // the run under way, or the last one
    std::optional<Error> store_error;  // its state could not be stored or read
};

struct ClockJumps {
    std::uint64_t count = 0;
    Millis last_by{0};  // forward > 0
    std::optional<WallTime> last_at;
};

class Scheduler {
  public:
    struct Options {
        std::uint64_t seed = 0;       // of the pauses' jitter
        Millis look_pause{60'000};    // between two looks at the clocks
        Millis jump_min{5'000};       // that the wall clock may differ from the steady one in that time
        // A run began, or ended and was stored. Called without locks, from the run's thread.
        std::function<void(const std::string& job, const RunRecord& record)> on_run = {};
    };
    // Called once, when the run has ended and was stored (or will never begin: cancelled). From any thread, without locks.
    using Done = std::function<void(const Status&)>;

    Scheduler(Clock& clock, ScheduleStore& store, const LocalTime& zone, Options options);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    void add(ScheduledJob job);  // before start(); names are unique
    void start();
    // Asks every run to stop and waits for it; what was running is begun again at the next start. Idempotent.
    void stop();

    // As soon as its group is free. Asking again before it has begun joins the same run.
    // Errors: not_found, busy (it is running), cancelled (the scheduler has been stopped).
    Status run_now(const std::string& name, Done done = {});
    // The job was run by somebody else, from `began` until now: it counts as a run by hand does. Only without start().
    Status note_run(const std::string& name, WallTime began, const Status& result);
    // Stops a run, or takes back a request; it is not tried again before its next slot. Errors: not_found (no such job, or
    // nothing to cancel).
    Status cancel(const std::string& name);
    // The configuration or the world has changed: look now.
    void replan();

    [[nodiscard]] std::vector<std::string> running() const;
    [[nodiscard]] Result<std::optional<DueRun>> next(const std::string& name) const;
    [[nodiscard]] Result<std::vector<DueRun>> upcoming(const std::string& name, std::size_t count = 5) const;
    [[nodiscard]] std::vector<JobStatus> status() const;
    [[nodiscard]] ClockJumps clock_jumps() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
