#include "tools/oracxfs/notify_setup.h"

#include "tools/backup/backup_views.h"

namespace oracxfs {

StateView full_view(Core& core, BackupService& backups) {
    StateView view = core.view();
    view.schedule = [&backups] { return backups.schedule_report(); };
    return view;
}

NotifierParts notifier_parts(Core& core, BackupService& backups, std::function<void(const Json&)> on_report) {
    SenderParts sender{core.clock(), core.environment(), [&core](const std::string& name) { return core.secret(name); }};
    const auto status = [&core, &backups]() -> Result<Json> {
        const StateView view = full_view(core, backups);
        ORACX_TRY(Json report, status_report(view));
        ORACX_TRYV(add_backup_status(report, view));
        return report;
    };
    return {core.activity(), core.disk(), std::move(sender), core.places().state, [&core] { return core.config(); }, status, std::move(on_report)};
}

}  // namespace oracxfs
