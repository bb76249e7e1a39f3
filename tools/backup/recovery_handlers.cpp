// What the command line and the web can ask about coming back after a loss.

#include "tools/backup/backup_service.h"
#include "tools/backup/catalogue_recovery.h"
#include "tools/backup/drill_run.h"

namespace oracxfs {

void BackupService::add_recovery_handlers(HandlerRegistry& registry) {
    registry.add("recovery-from", [this](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> {
        RecoveryRequest request;
        request.provider = args["provider"].as_string();
        request.packages_only = args["packages_only"].as_bool();
        request.go_on_with_series = args["go_on"].as_bool();
        return run_recovery(env_, request, ctx, emit);
    });
    registry.add("recovery-drill", [this](const Json& args, const OpContext& ctx, const Emit& emit) { return run_drill(env_, drill_request_from(args), ctx, emit); });
}

}  // namespace oracxfs
