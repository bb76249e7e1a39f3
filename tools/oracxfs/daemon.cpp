#include "tools/oracxfs/daemon.h"

#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>

#include "base/log.h"
#include "base/unique_fd.h"
#include "fs/fuse_adapter.h"
#include "fs/mount_table.h"
#include "tools/backup/backup_service.h"
#include "tools/backup/backup_views.h"
#include "tools/backup/package_browser.h"
#include "tools/backup/vault_file.h"
#include "tools/control/envelope.h"
#include "tools/control/server.h"
#include "tools/admin/admin_service.h"
#include "tools/oracxfs/core.h"
#include "tools/oracxfs/language.h"
#include "tools/oracxfs/notify_setup.h"
#include "tools/oracxfs/provider_handlers.h"
#include "tools/oracxfs/sd_notify.h"
#include "tools/oracxfs/service.h"
#include "tools/oracxfs/signals.h"

namespace oracxfs {
namespace {

constexpr Millis kGrace{5'000};         // for uploads under way when the daemon ends
constexpr Millis kProbeMax{5'000};
constexpr Millis kProbeLook{20};
constexpr Millis kTidyPause{3'600'000};

// Open files of programs, uploads and connections each take a descriptor; the usual soft limit of 1,024 is soon reached.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Large buffers (what is read ahead, chunks on their way) go back to the system when they are freed. Left to itself glibc
// keeps them in an arena of each thread that ever held one: 180 MiB after reading one large file instead of 70.
void give_back_large_buffers() {
#ifdef __GLIBC__
    ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

// Passwords are in this memory: no core files, no debugger of the same user.
void protect_memory() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__  // the leak check traces its own process
    ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

log::Level level_from(const std::string& word) {
    if (word == "debug") return log::Level::debug;
    if (word == "warning") return log::Level::warn;
    if (word == "error") return log::Level::error;
    return log::Level::info;
}

log::Level wanted_level(const DaemonOptions& options, const Config& config) {
    return options.verbose > 1 ? log::Level::debug : level_from(config.log.level);
}

void configure_log(const DaemonOptions& options) {
    log::Options logging;
    logging.level = wanted_level(options, options.config);
    logging.file = options.places.log_file;
    logging.to_stderr = options.foreground;
    log::configure(logging);
}

AdminEnvironment admin_environment(const DaemonOptions& options, const HandlerRegistry& handlers, Core& core) {
    return {handlers,
            core.clock(),
            [&core] { return core.config(); },
            options.places.config_file,
            options.places.state,
            options.environment,
            [&core](const std::string& level, const std::string& kind, const std::string& message, const std::string& code) { core.event(level, kind, message, code); },
            [&core](const std::string& path) -> Result<std::shared_ptr<RangeReader>> {
                ORACX_TRY(auto file, VaultReader::open(core.filesystem(), path));
                return std::shared_ptr<RangeReader>(std::move(file));
            },
            &core.activity(),
            texts_of};
}

// What the socket can do to a running daemon, beyond looking.
void add_daemon_handlers(HandlerRegistry& registry, Core& core, BackupService& backups, Notifier& notifier, AdminService& admin, const std::string& mount_point, const std::function<void()>& end) {
    add_state_handlers(registry, [&core, &backups] { return full_view(core, backups); });
    backups.add_handlers(registry);
    notifier.add_handlers(registry);
    registry.add("ping", [](const Json&, const OpContext&, const Emit&) -> Result<Json> {
        return Json::object({{"pid", std::int64_t{::getpid()}}, {"version", ORACXFS_VERSION}});
    });
    admin.add_handlers(registry);
    registry.add("reload", [&core, &backups, &notifier, &admin](const Json&, const OpContext&, const Emit&) {
        auto result = core.reload();
        backups.settings_changed();
        notifier.settings_changed();
        admin.settings_changed();
        return result;
    });
    registry.add("provider-probe", [&core](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
        const std::string& name = args["name"].as_string();
        core.probe_provider(name);
        // Whoever asks goes on to wait for uploads: the provider should not count as down any more when they do.
        const SteadyTime deadline = core.clock().steady() + kProbeMax;
        while (core.is_down(name) && core.clock().steady() < deadline)
            if (!core.clock().sleep_for(kProbeLook, ctx.stop)) break;
        return Json::object({{"down", core.is_down(name)}});
    });
    registry.add("provider-reopen", [&core](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
        const std::string& name = args["name"].as_string();
        ORACX_TRY(const bool in_use, core.reopen_provider(name));
        core.event("info", args["signed_in"].as_bool() ? "signed_in" : "signed_out", name + (args["signed_in"].as_bool() ? " has new sign-in data" : " is signed out"), {}, name);
        // Until it is known how it stands, so that `status` is right when the command has ended.
        const bool expected = !args["signed_in"].as_bool();
        const SteadyTime deadline = core.clock().steady() + kProbeMax;
        while (in_use && core.is_down(name) != expected && core.clock().steady() < deadline)
            if (!core.clock().sleep_for(kProbeLook, ctx.stop)) break;
        return Json::object({{"down", core.is_down(name)}});
    });
    registry.add("provider-rename", [&core](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRYV(core.rename_provider(args["from"].as_string(), args["to"].as_string()));
        return Json();
    });
    registry.add("provider-forget", [&core](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRYV(core.forget_provider(args["name"].as_string()));
        return Json();
    });
    registry.add("unmount", [mount_point, end](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        // A lazy end is ours: the session stops first, because a mount that is in use lives on for its users when detached
        // and would keep the session waiting for them. Otherwise the kernel is asked, who knows of programs that use it.
        if (args["lazy"].as_bool())
            end();
        else
            ORACX_TRYV(detach_mount(mount_point, false));
        return Json::object({{"mount_point", mount_point}});
    });
}

// Keeps the logs short.
void tidy_now_and_then(Core& core, const std::stop_token& stop) {
    do core.tidy_log();
    while (core.clock().sleep_for(kTidyPause, stop));
}

void show_verdict(const Json& report) {
    sd_notify("STATUS=" + report["state"].as_string() + ", " + std::to_string(report["files"]["incomplete"].as_int()) + " files not yet everywhere");
}

// A sign of life for systemd, when it asked for one: only after the catalogue and the lanes have answered, so that a daemon
// that hangs is started again.
void feed_watchdog(Core& core, Millis pause, const std::stop_token& stop) {
    do {
        if (const auto answered = core.catalog().node(kRootNode); !answered) {
            log::error("daemon", "no sign of life for systemd: " + answered.error().to_string());
            continue;
        }
        (void)core.replicator().health();
        sd_notify("WATCHDOG=1");
    } while (core.clock().sleep_for(pause, stop));
}

}  // namespace

Status detach_mount(const std::string& mount_point, bool lazy) {
    if (::umount2(mount_point.c_str(), lazy ? MNT_DETACH : 0) == 0) return {};
    if (errno == EBUSY) return fail(Errc::busy, "unmount " + mount_point, "a program uses it; end it, or use --lazy");
    if (errno == EINVAL) return {};  // not mounted any more
    if (errno != EPERM) return fail(error_from_errno(errno, "unmount " + mount_point));
    const pid_t child = ::fork();
    if (child == 0) {
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, STDERR_FILENO);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        if (lazy)
            ::execlp("fusermount3", "fusermount3", "-u", "-z", "--", mount_point.c_str(), nullptr);
        else
            ::execlp("fusermount3", "fusermount3", "-u", "--", mount_point.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    if (child > 0 && status == 0) return {};
    if (!is_mounted(mount_point)) return {};
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return fail(Errc::mount_failed, "unmount " + mount_point, "fusermount3 is missing (package fuse3)");
    return fail(Errc::busy, "unmount " + mount_point, "a program uses it; end it, or use --lazy");
}

Status run_daemon(const DaemonOptions& options, const std::function<void(const std::vector<std::string>&)>& ready) {
    raise_descriptor_limit();
    give_back_large_buffers();
    protect_memory();
    configure_log(options);
    log::info("daemon", std::string("oracxfs ") + ORACXFS_VERSION + " starts, mount point " + options.mount_point);

    std::unique_ptr<Core> core;
    std::unique_ptr<BackupService> backups;
    std::unique_ptr<Notifier> notifier;
    HandlerRegistry handlers;
    std::unique_ptr<AdminService> admin;
    std::atomic<bool> serving{false};
    SignalWatch signals(
        [&] {
            if (!serving) return;
            (void)core->reload();  // says itself in the log what became of it
            backups->settings_changed();
            notifier->settings_changed();
            admin->settings_changed();
        },
        true);
    ORACX_TRY(core, Core::open({options.places, options.environment, options.config, options.mount_point, options.read_only,
                                [&](const Config& config) { log::set_level(wanted_level(options, config)); },
                                options.as_written}));

    MountOptions mount_options;
    mount_options.mount_point = options.mount_point;
    mount_options.read_only = options.read_only;
    mount_options.allow_other = options.config.mount.allow_other;
    mount_options.options = options.options;
    mount_options.debug = options.foreground && options.verbose > 2;
    ORACX_TRY(auto mount, FuseMount::mount(core->filesystem(), mount_options));

    backups = std::make_unique<BackupService>(core->backup_environment());
    notifier = std::make_unique<Notifier>(notifier_parts(*core, *backups, show_verdict));
    core->filesystem().set_virtual_folder(std::make_shared<PackageBrowser>(core->backup_environment()));
    admin = std::make_unique<AdminService>(admin_environment(options, handlers, *core));
    backups->observe([&admin](const Json& event) { admin->run_event(event); });
    add_daemon_handlers(handlers, *core, *backups, *notifier, *admin, options.mount_point, [&] { mount->exit(); });
    const InsideOptions inside{options.places, options.environment, handlers};
    add_provider_handlers(handlers, inside);
    const std::shared_ptr<void> sign_ins = add_oauth_handlers(handlers, inside, core->clock());
    ControlServerOptions control;
    control.socket = options.places.socket;
    ORACX_TRY(const auto server, ControlServer::start(control, handlers));

    core->start();
    if (!options.read_only) backups->start();
    notifier->start();
    (void)admin->start(false);  // what is wrong with it stands in the log and in its status; all else goes on
    serving = true;
    Status served;
    {
        const std::stop_callback on_signal(signals.token(), [&] { mount->exit(); });
        const std::jthread tidy([&](const std::stop_token& stop) { tidy_now_and_then(*core, stop); });
        std::jthread watchdog;
        if (const auto interval = watchdog_interval())
            watchdog = std::jthread([&, pause = *interval / 2](const std::stop_token& stop) { feed_watchdog(*core, pause, stop); });
        served = mount->run([&] {
            log::info("daemon", "mounted");
            core->event("info", "mount", "mounted at " + options.mount_point + (options.read_only ? ", read-only" : ""));
            sd_notify("READY=1\nMAINPID=" + std::to_string(::getpid()));
            ready(core->warnings());
        });
    }
    serving = false;
    sd_notify("STOPPING=1");
    log::info("daemon", "unmounted, ending");
    core->event("info", "mount", "unmounted from " + options.mount_point);
    notifier->stop();
    admin->stop();
    backups->stop();  // a run under way is begun again at the next start
    admin->end_tasks();
    server->stop();  // before the mount goes away: the request that ended it may still be in its handler
    core->stop(kGrace, signals.second());
    mount.reset();  // whoever still waited has been answered by now, which needs the session, though nobody hears it
    log::info("daemon", "ended");
    log::flush();
    return served;
}

// --- into the background -------------------------------------------------------------------------------------------------

namespace {

void report(int fd, const Json& message) {
    const std::string line = message.dump() + "\n";
    (void)!::write(fd, line.data(), line.size());
}

// Nothing of the terminal stays with the daemon.
void leave_terminal() {
    const UniqueFd null(::open("/dev/null", O_RDWR));
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
}

[[noreturn]] void run_child(const DaemonOptions& options, UniqueFd pipe) {
    ::setsid();
    (void)!::chdir("/");
    bool announced = false;
    const Status served = run_daemon(options, [&](const std::vector<std::string>& warnings) {
        Json list = Json::array();
        for (const std::string& warning : warnings) list.push(warning);
        report(pipe.get(), Json::object({{"ready", true}, {"warnings", std::move(list)}}));
        announced = true;
        leave_terminal();
        pipe.reset();
    });
    if (!served) {
        log::error("daemon", served.error().to_string());
        if (!announced) report(pipe.get(), Json::object({{"ready", false}, {"error", error_to_json(served.error())}}));
    }
    log::flush();
    ::_exit(served ? 0 : info(served.error().code).exit_code);
}

volatile sig_atomic_t g_child = 0;  // for the handler: whoever interrupts `oracxfs mount` ends what it has begun
void pass_on(int number) {
    if (g_child > 0) ::kill(g_child, number == SIGINT ? SIGTERM : number);
}

}  // namespace

Result<Launched> launch_daemon(const DaemonOptions& options) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(error_from_errno(errno, "make a pipe"));
    UniqueFd reading(ends[0]), writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) return fail(error_from_errno(errno, "start the daemon"));
    if (child == 0) {
        reading.reset();
        run_child(options, std::move(writing));
    }
    writing.reset();
    g_child = child;
    struct sigaction action {};
    action.sa_handler = pass_on;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t got = ::read(reading.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const auto message = parse_json(text);
    if (!message) {
        int status = 0;
        ::waitpid(child, &status, 0);
        std::string why = "it ended";
        if (WIFSIGNALED(status)) why += " by signal " + std::to_string(WTERMSIG(status));
        return fail(Errc::internal, "start the daemon", why + "; see " + options.places.log_file);
    }
    if (!(*message)["ready"].as_bool()) return fail(error_from_json((*message)["error"]));
    Launched launched{child, {}};
    for (const Json& warning : (*message)["warnings"].items()) launched.warnings.push_back(warning.as_string());
    return launched;
}

}  // namespace oracxfs
