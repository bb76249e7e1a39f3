// What the command line and the web can ask about what is in packages and how good their copies are.

#include "tools/backup/backup_service.h"
#include "tools/backup/package_access.h"
#include "tools/backup/package_check.h"
#include "tools/backup/restore_run.h"
#include "tools/control/envelope.h"

namespace oracxfs {

void BackupService::add_restore_handlers(HandlerRegistry& registry) {
    registry.add("backups-files", [this](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> {
        ORACX_TRY(const PackageInfo package, find_package(env_.catalog, *env_.config(), args["backup"].as_string()));
        ORACX_TRY(auto reader, open_known_index(env_.catalog, package.node));
        if (!reader) {
            ORACX_TRY(reader, open_package(env_, package, "", std::nullopt, ctx));
        }
        return report_members(*reader, package, get_bytes(args, "path"), emit);
    });
    registry.add("backups-restore", [this](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> {
        ORACX_TRY(RestoreRequest request, restore_request_from(args));
        return args["stream"].as_bool() ? stream_member(env_, std::move(request), ctx, emit) : run_restore(env_, std::move(request), ctx, emit);
    });
    registry.add("backups-verify", [this](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> {
        ORACX_TRY(const PackageInfo package, find_package(env_.catalog, *env_.config(), args["backup"].as_string()));
        return verify_package(env_, package, args["provider"].as_string(), args["download"].as_bool(), ctx, emit);
    });
    registry.add("backups-repair", [this](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
        ORACX_TRY(const PackageInfo package, find_package(env_.catalog, *env_.config(), args["backup"].as_string()));
        return repair_package(env_, package, ctx);
    });
}

}  // namespace oracxfs
