#pragma once
// Work on the state without a daemon: everything is opened under the lock, the lanes run, nothing is mounted.

#include <functional>

#include "tools/backup/backup_service.h"
#include "tools/oracxfs/cli.h"
#include "tools/oracxfs/core.h"

namespace oracxfs {

// busy when a daemon or another command owns the state.
Result<Json> with_core(Cli& cli, const std::function<Result<Json>(Core& core, BackupService& backups)>& work);
// The daemon's handler for `command`, or the same one here. Ctrl-C cancels.
Result<Json> ask_or_work(Cli& cli, const std::string& command, const Json& args, const Emit& emit = {});

}  // namespace oracxfs
