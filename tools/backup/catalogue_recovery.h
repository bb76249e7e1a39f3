#pragma once
// A catalogue from what lies at one provider: for a machine that begins anew, or whose catalogue is lost.
//
// Every file is read once, because the catalogue promises to know the hash of everything; nothing at the provider is
// changed. What is known already stays as it is, so it may be done again, and after an interruption it goes on. The newest
// packages come first: they can be restored before all is done.

#include "base/json.h"
#include "tools/backup/backup_environment.h"
#include "tools/control/handlers.h"

namespace oracxfs {

struct RecoveryRequest {
    std::string provider;
    bool packages_only = false;
    bool go_on_with_series = false;  // its packages count as made here: retention may prune them
};

// Blocks. Events: {"type": "progress", "phase": "recovering", ...}. The answer: {"run", "state", "provider", "files", "folders",
// "bytes", "known", "verified", "packages", "newest", "problems": [{"path", "why"}], "problem_count", "code"}.
// Errors: not_found (no such provider), busy, and what the provider says when it cannot be listed.
Result<Json> run_recovery(const BackupEnvironment& environment, const RecoveryRequest& request, const OpContext& ctx, const Emit& emit);

}  // namespace oracxfs
