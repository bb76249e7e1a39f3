#include "tools/oracxfs/local_core.h"

#include "tools/oracxfs/service.h"

namespace oracxfs {
namespace {

constexpr Millis kGrace{5'000};  // for uploads under way when the command ends; what is left goes on with the next daemon

}  // namespace

Result<Json> with_core(Cli& cli, const std::function<Result<Json>(Core& core, BackupService& backups)>& work) {
    ORACX_TRY(Config config, cli.config());
    const Config as_written = config;
    ORACX_TRY(const auto core, Core::open({cli.places(), cli.environment(), config, {}, false, {}, as_written}));
    for (const std::string& warning : core->warnings()) cli.out().warn(warning);
    core->start();
    Result<Json> answer = Json();
    {
        BackupService backups(core->backup_environment());
        answer = work(*core, backups);
    }
    core->stop(kGrace, cli.signals().second());
    return answer;
}

Result<Json> ask_or_work(Cli& cli, const std::string& command, const Json& args, const Emit& emit) {
    auto answer = cli.ask_daemon(command, args, emit);
    if (answer || answer.error().code != Errc::daemon_unreachable || cli.owner().value_or(LockOwner{}).daemon) return answer;
    return with_core(cli, [&](Core& core, BackupService& backups) {
        HandlerRegistry registry;
        add_state_handlers(registry, [&core] { return core.view(); });
        backups.add_handlers(registry);
        return registry.call(command, args, {cli.signals().token(), std::nullopt}, emit ? emit : [](const Json&) {});
    });
}

}  // namespace oracxfs
