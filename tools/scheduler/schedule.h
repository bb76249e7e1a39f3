#pragma once
// When a job is due: pure functions of the schedule, of what was run last, and of now.
//
// A *slot* is the moment that the schedule asks for; a run is *due* a little later, by the slot's jitter. Slots are
//   every  the last run's slot + `every`; elapsed time, so clocks that are put forward or back don't matter
//   at     those times of each day by this machine's local time; `every` is not looked at then
// Nothing is counted down and nothing is remembered between calls, so sleep, downtime, a clock that jumps and a changed
// configuration need no care: ask again. Whatever was missed, and however often, is made up by one run at most.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "tools/config/config.h"
#include "tools/scheduler/local_time.h"

namespace oracxfs {

struct Schedule {
    bool enabled = true;
    Millis every{0};
    std::vector<std::chrono::minutes> at;  // since midnight, ascending; not empty: instead of `every`
    Millis jitter{0};                      // each run is late by 0 to this, at most by half the way to the next slot
    bool catch_up = true;                  // make up for slots that were missed; else wait for the next one
    std::uint64_t seed = 0;                // of the jitter: the same for all time, another on each machine
    bool operator==(const Schedule&) const = default;
};
Schedule schedule_of(const AutoSyncConfig& config, std::uint64_t seed);
Schedule schedule_of(const ScrubConfig& config, std::uint64_t seed);

enum class RunResult : std::uint8_t {
    running,      // has begun; found at a start of the program: it died meanwhile
    ok,
    failed,
    interrupted,  // the program was stopped or died
    cancelled,    // by a user, who does not want it at once again
};
std::string_view to_string(RunResult result);
std::optional<RunResult> run_result_from(std::string_view text);

struct RunRecord {
    WallTime slot{};  // what it was run for. By hand: its start
    WallTime start{};
    std::optional<WallTime> end;
    RunResult result = RunResult::running;
    std::uint32_t failures = 0;        // in a row, this one included
    std::optional<WallTime> retry_at;  // set when it is to be tried again before its next slot
    bool operator==(const RunRecord&) const = default;
};

struct RunHistory {
    std::optional<RunRecord> last;
    WallTime since{};  // since when the schedule is as it is: slots before that were not asked for
};

enum class DueReason : std::uint8_t {
    first,    // it never ran
    planned,
    missed,   // the machine slept or was off, or the job could not begin in time
    retry,
    clock,    // the last run lies in the future: the clock was put back, and nobody knows how long ago it was
};
std::string_view to_string(DueReason reason);

struct DueRun {
    WallTime time{};  // now or before: at once
    WallTime slot{};
    DueReason reason = DueReason::planned;
    bool operator==(const DueRun&) const = default;
};

// Nothing if the schedule is off.
std::optional<DueRun> next_due(const Schedule& schedule, const RunHistory& history, WallTime now, const LocalTime& zone);

// The next `count` runs if each of them begins when it is due and succeeds; those that will be run, jitter included.
std::vector<DueRun> next_runs(const Schedule& schedule, const RunHistory& history, WallTime now, const LocalTime& zone,
                              std::size_t count = 5);

// How much older than its schedule the newest backup may get at most between two runs: `every`, or the longest way from
// one time of the day to the next. Zero if the schedule is off.
Millis longest_pause(const Schedule& schedule);

// Pauses before a job that failed is tried again: the first, doubled each time up to the longest, shorter by up to a
// quarter so that several machines don't come back in step.
struct RetryPauses {
    Millis first{60'000};
    Millis longest{3'600'000};
};
// `failures`: in a row, 1 = the first one.
Millis retry_pause(const RetryPauses& pauses, std::uint32_t failures, std::uint64_t seed);

}  // namespace oracxfs
