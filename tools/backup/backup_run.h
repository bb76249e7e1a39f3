#pragma once
// One run of the backup job: package, send to all, verify, and say truthfully what came of it. Pruning follows in
// tools/backup/prune.h, when the run was good enough.

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/op_context.h"
#include "tools/backup/backup_environment.h"

namespace oracxfs {

struct BackupRequest {
    std::string label;
    bool even_if_unchanged = false;
};

// What one provider made of the package.
struct ProviderOutcome {
    std::string name;
    ReplicaState state = ReplicaState::queued;
    std::uint32_t attempts = 0;
    std::string error;   // "E-UNAVAILABLE connect: timed out"; "" = none
    Json to_json() const;
};

// "run_started", "progress", "packed", "replica", "warning", "run_ended": one JSON object each, from the calling thread.
using RunEvents = std::function<void(const Json& event)>;

// Blocks. The run's row is in the catalogue from the beginning to the end, whatever happens; what it returns is that row.
// An error is returned only when not even that could be written.
// Cancel: before the package is recorded, nothing of it stays; afterwards it stays and goes on to the providers.
Result<RunRow> run_backup(const BackupEnvironment& environment, const BackupRequest& request, const OpContext& ctx,
                          const RunEvents& events);

// The row as the command line, the control socket and the web show it.
Json run_report(const RunRow& row);
inline std::string run_name(std::int64_t id) { return "r-" + std::to_string(id); }
std::optional<std::int64_t> parse_run_name(std::string_view text);

}  // namespace oracxfs
