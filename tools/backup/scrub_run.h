#pragma once
// Scrubbing: stored copies are compared with what was written, a provider a thread, and what came of it is remembered as a
// run. What a run looks at and how is decided by tools/scheduler/scrub_plan.h.

#include "base/json.h"
#include "tools/backup/backup_environment.h"
#include "tools/backup/packages.h"
#include "tools/control/handlers.h"
#include "tools/scheduler/scrub_plan.h"

namespace oracxfs {

struct ScrubOptions {
    ScrubRequest request;
    bool repair = false;     // wait until what was found bad is good again, as far as the providers can be reached
    bool keep_place = true;  // go on where the last run was, and remember where this one came to
};

// {"download", "repair", "older_than_ms", "sample_percent"}; what is absent is as scrub.* says.
Result<ScrubOptions> scrub_options_from(const Json& args, const ScrubConfig& config, WallTime now);

// Blocks. Events: {"type": "progress", ...}, {"type": "found", "path", "provider", "outcome", "error"}. The answer tells what
// came of it: {"run", "state", "providers": {NAME: counters}, "total", "found": [...], "repaired", "code"}.
Result<Json> run_scrub(const BackupEnvironment& environment, const ScrubOptions& options, const OpContext& ctx, const Emit& emit);

// All copies of one package, or that of one provider: {"package", "copies": [{"provider", "outcome", "error"}], "code"}.
Result<Json> verify_package(const BackupEnvironment& environment, const PackageInfo& package, const std::string& provider, bool download,
                            const OpContext& ctx, const Emit& emit);

// Makes what is missing or bad of a package due now, and waits until each provider has it or is known to be down.
// {"package", "copies": [{"provider", "state", "error"}], "verified", "wanted", "code"}.
Result<Json> repair_package(const BackupEnvironment& environment, const PackageInfo& package, const OpContext& ctx);

}  // namespace oracxfs
