#pragma once
// Private to the scheduler: its insides. What decides is in scheduler_loop.cpp, one run in scheduler_run.cpp.

#include <atomic>
#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "tools/scheduler/scheduler.h"

namespace oracxfs {

struct Scheduler::Impl {
    struct Entry {
        ScheduledJob job;
        // Stores one state after the other, never an older one over a newer. Taken before `mutex`.
        std::mutex store_mutex;

        // Guarded by Impl::mutex.
        JobState state;
        bool running = false;
        bool cancelled = false;  // the run, by a user
        std::stop_source stop{std::nostopstate};
        bool requested = false;
        std::vector<Done> waiting;   // for the run that was requested
        std::vector<Done> attending;  // the run that is under way
        std::string waiting_for;
        std::optional<Error> store_error;
    };
    struct Run {
        std::atomic<bool> ended = false;
        std::jthread thread;
    };
    struct Moment {
        WallTime wall{};
        SteadyTime steady{};
    };
    struct Candidate {
        Entry* entry;
        DueRun due;
        bool by_hand;
    };

    Impl(Clock& c, ScheduleStore& s, const LocalTime& z, Options o) : clock(c), store(s), zone(z), options(std::move(o)) {}

    Entry* find(const std::string& name) const;

    // ---- State ----
    void load(Entry& entry);
    void record(Entry& entry);
    // Slots before a change of the schedule were not asked for.
    void notice_change(Entry& entry, const Schedule& schedule, WallTime now);

    // ---- The deciding thread ----
    // Both clocks at one moment. Between two readings a thread may stand still for long.
    [[nodiscard]] Moment moment() const;
    void loop();
    void ring();
    void reap();
    void notice_jump();
    // Begins what is due; returns when to look again.
    SteadyTime step();
    // When to look at it again.
    WallTime not_yet(Entry& entry, const std::optional<DueRun>& due);
    // Whom a group waits for that was found busy in this step. It may become free before the step is over; the next
    // step decides then, so that nobody overtakes those who came first.
    using Waits = std::map<std::string, std::string>;
    void begin_if_free(const Candidate& candidate, WallTime now, Waits& waits);
    const Entry* busy_in_group(const Entry& entry) const;

    // ---- One run ----
    // With `mutex` held.
    void begin(Entry& entry, const Candidate& candidate, WallTime now);
    static Status guarded_run(const ScheduledJob& job, const RunContext& context);
    void run_one(Entry& entry, const RunContext& context, const RunRecord& begun);
    RunRecord finish(Entry& entry, const Status& result);

    // ---- The end ----
    void stop();

    Clock& clock;
    ScheduleStore& store;
    const LocalTime& zone;
    const Options options;
    std::vector<std::unique_ptr<Entry>> entries;  // fixed after start()

    Moment reference;  // of the deciding thread: the last look at the clocks

    mutable std::mutex mutex;  // a leaf: nobody is called with it held, but for the log
    bool stopping = false;
    std::stop_source wake{std::nostopstate};
    std::list<std::unique_ptr<Run>> runs;
    ClockJumps jumps;

    std::jthread thread;
};

}  // namespace oracxfs
