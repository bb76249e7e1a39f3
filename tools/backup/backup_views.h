#pragma once
// Commands that look at backups, or mark them: they need the catalogue only, so they work without a daemon, too.

#include <functional>

#include "tools/control/handlers.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {

// "backups-list", "backups-show", "backups-files", "backups-mark" (pin, label), "prune-preview", "runs".
void add_backup_views(HandlerRegistry& registry, std::function<StateView()> view);

// Puts "auto_sync", "backups" and "newest_backup" into a status report, and lowers its verdict to at_risk when the newest
// verified backup is too old.
Status add_backup_status(Json& report, const StateView& view);

}  // namespace oracxfs
