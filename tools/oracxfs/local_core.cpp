#include "tools/oracxfs/local_core.h"

#include "tools/oracxfs/notify_setup.h"
#include "tools/oracxfs/service.h"

namespace oracxfs {
namespace {

constexpr Millis kNotifyMax{30'000};  // what could not be delivered goes out with the next command or daemon
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
        Notifier notifier(notifier_parts(*core, backups));
        const bool tells = !config.notify.targets.empty();
        if (tells) notifier.start();
        answer = work(*core, backups);
        if (tells) notifier.finish(kNotifyMax);
    }
    core->stop(kGrace, cli.signals().second());
    return answer;
}

Result<Json> ask_or_work(Cli& cli, const std::string& command, const Json& args, const Emit& emit) {
    // A daemon that ends in the middle is no reason to begin anew here.
    if (cli.daemon_socket() || cli.owner().value_or(LockOwner{}).daemon) return cli.ask_daemon(command, args, emit);
    return with_core(cli, [&](Core& core, BackupService& backups) {
        HandlerRegistry registry;
        add_state_handlers(registry, [&core] { return core.view(); });
        backups.add_handlers(registry);
        return registry.call(command, args, {cli.signals().token(), std::nullopt}, emit ? emit : [](const Json&) {});
    });
}

}  // namespace oracxfs
