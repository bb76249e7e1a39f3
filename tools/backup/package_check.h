#pragma once
// The copies of one package: are they good, and make them good.

#include "base/json.h"
#include "tools/backup/backup_environment.h"
#include "tools/backup/packages.h"
#include "tools/control/handlers.h"

namespace oracxfs {

// All copies of one package, or that of one provider: {"package", "copies": [{"provider", "outcome", "error"}], "code"}.
Result<Json> verify_package(const BackupEnvironment& environment, const PackageInfo& package, const std::string& provider, bool download,
                            const OpContext& ctx, const Emit& emit);

// Makes what is missing or bad of a package due now, and waits until each provider has it or is known to be down.
// {"package", "copies": [{"provider", "state", "error"}], "verified", "wanted", "code"}.
Result<Json> repair_package(const BackupEnvironment& environment, const PackageInfo& package, const OpContext& ctx);

}  // namespace oracxfs
