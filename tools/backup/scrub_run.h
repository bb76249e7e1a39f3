#pragma once
// Scrubbing: stored copies are compared with what was written, a provider a thread, and what came of it is remembered as a
// run. What a run looks at and how is decided by tools/scheduler/scrub_plan.h.

#include <condition_variable>
#include <mutex>

#include "base/json.h"
#include "tools/backup/backup_environment.h"
#include "tools/control/handlers.h"
#include "tools/scheduler/scrub_plan.h"

namespace oracxfs {

// Lets scrubs stand still: what is being looked at is looked at to its end, then nothing more. Thread-safe.
class ScrubGate {
  public:
    void set_paused(bool paused);
    [[nodiscard]] bool paused() const;
    // Returns when it is open; false: stop came first.
    bool pass(const std::stop_token& stop);

  private:
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool paused_ = false;
};

struct ScrubOptions {
    ScrubRequest request;
    bool repair = false;     // wait until what was found bad is good again, as far as the providers can be reached
    std::optional<std::uint64_t> download_limit;  // bytes per second, of all providers together
    ScrubGate* gate = nullptr;
    bool keep_place = true;  // go on where the last run was, and remember where this one came to
};

// {"download", "repair", "older_than_ms", "sample_percent", "download_limit"}; what is absent is as scrub.* says.
Result<ScrubOptions> scrub_options_from(const Json& args, const ScrubConfig& config, WallTime now);

// Blocks. Events: {"type": "progress", ..., "providers": {NAME: counters}}, {"type": "found", "path", "provider", "outcome", "error"}. The answer tells what
// came of it: {"run", "state", "providers": {NAME: counters}, "total", "found": [...], "repaired", "code"}.
Result<Json> run_scrub(const BackupEnvironment& environment, const ScrubOptions& options, const OpContext& ctx, const Emit& emit);

}  // namespace oracxfs
