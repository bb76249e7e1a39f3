#pragma once
// Retention carried out: what goes is shown first, and what goes is what was shown.

#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/op_context.h"
#include "tools/backup/backup_environment.h"
#include "tools/backup/packages.h"

namespace oracxfs {

struct PrunePlan {
    std::vector<PackageInfo> packages;  // newest first
    RetentionPlan plan;
    std::unordered_map<std::string, std::size_t> by_name;  // where its decision stands in the plan
    // The decision for a package; null if there is none.
    [[nodiscard]] const PackageDecision* decision(const std::string& name) const;
};
Result<PrunePlan> plan_prune(Catalog& catalog, const Config& config, WallTime now, bool force);
Json prune_report(const PrunePlan& prune);

// Removes what the plan removes, oldest first, each as `rm` in the mount would: it stays in each provider's trash for
// retention.trash_days. `plan_id`: refused when a new plan would not be the same; "" = whatever is planned now.
// Errors: refused (a guard holds the plan, or it is another one), local_io.
Result<Json> carry_out_prune(const BackupEnvironment& environment, const std::string& plan_id, bool force, const OpContext& ctx);

// One package, by hand. The last verified copy of everything goes only with `even_the_last`.
Status delete_package(const BackupEnvironment& environment, const PackageInfo& package, bool even_the_last);

}  // namespace oracxfs
