#pragma once
// What is remembered of a job from one start of the program to the next, and where.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tools/scheduler/schedule.h"

namespace oracxfs {

// A few small texts by name. Thread-safe. put() is durable enough if it survives the death of the program; what a power
// cut takes from it costs one more run of a job.
class ScheduleStore {
  public:
    virtual ~ScheduleStore() = default;
    virtual Result<std::optional<std::string>> get(const std::string& key) = 0;  // nothing: never put
    virtual Status put(const std::string& key, const std::string& value) = 0;
};

struct JobState {
    RunHistory history;
    std::string schedule;           // in words, so that a change of it is noticed
    std::optional<WallTime> last_ok;  // when the last run began that succeeded
    std::optional<Error> last_error;  // of the last run, if it failed
};

std::string job_state_to_text(const JobState& state);
// Errors: invalid. Whoever can't read it begins without a memory.
Result<JobState> job_state_from_text(std::string_view text);

// "off", "every 21600000", "at 360 1080": the same for schedules with the same slots, whatever their jitter.
std::string slots_in_words(const Schedule& schedule);

}  // namespace oracxfs
