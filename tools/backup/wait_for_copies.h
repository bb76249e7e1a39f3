#pragma once
#include <functional>

#include "base/op_context.h"
#include "tools/backup/backup_environment.h"

namespace oracxfs {

// Returns when each active provider has verified this content, or is known to be down; false: ctx.stop came first.
// `meanwhile` is called after each `pause` and once at the end, without a lock held.
bool wait_for_copies(const BackupEnvironment& environment, VersionId version, const OpContext& ctx,
                     const std::function<void()>& meanwhile = [] {}, Millis pause = Millis(1'000));

}  // namespace oracxfs
