#pragma once
// The notifier over a core and its backup job.

#include "tools/backup/backup_service.h"
#include "tools/notify/notifier.h"
#include "tools/oracxfs/core.h"

namespace oracxfs {

StateView full_view(Core& core, BackupService& backups);
// Both outlive it.
NotifierParts notifier_parts(Core& core, BackupService& backups, std::function<void(const Json&)> on_report = {});

}  // namespace oracxfs
