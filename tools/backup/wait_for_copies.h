#pragma once
#include "base/op_context.h"
#include "tools/backup/backup_environment.h"

namespace oracxfs {

// Returns when each active provider has verified this content, or is known to be down; false: ctx.stop came first.
bool wait_for_copies(const BackupEnvironment& environment, VersionId version, const OpContext& ctx);

}  // namespace oracxfs
