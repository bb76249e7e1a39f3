// mount, unmount

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "fs/mount_table.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/daemon.h"
#include "tools/oracxfs/killed_daemon.h"
#include "tools/oracxfs/progress.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

constexpr Millis kEndPatience{60'000};  // for a daemon that was asked to end

struct MountFlags {
    std::string dir, close_waits_for;
    std::vector<std::string> options;
    bool foreground = false, read_only = false, allow_other = false;
};

Result<std::string> typed_or_configured(Cli& cli, const std::string& typed, const std::string& configured) {
    if (typed.empty()) return configured;
    ORACX_TRY(const std::string expanded, expand_path(typed, cli.environment()));
    return absolute_path(expanded, std::filesystem::current_path().string());
}

Status prepare_mount_point(Cli& cli, const std::string& dir) {
    ORACX_TRY(const bool repaired, repair_stale_mount(dir));
    if (repaired) cli.out().note("a dead mount at " + dir + " was detached");
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (error) return fail(Errc::mount_failed, "create " + dir, error.message());
    struct stat status {};
    if (::stat(dir.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return fail(Errc::mount_failed, "mount " + dir, "it is not a folder");
    if (is_mounted(dir)) return fail(Errc::busy, "mount " + dir, "something is mounted there already");
    // What lies below would be hidden, and people would miss it.
    if (!std::filesystem::is_empty(dir, error) && !error)
        cli.out().warn(dir + " is not empty: what is in it is hidden while mounted");
    return {};
}

Status clear_away_killed_daemon(Cli& cli) {
    ORACX_TRY(const bool hung, finish_killed_daemon(cli.places().lock_file));
    if (hung) cli.out().note("a daemon that had been killed hung in the kernel; its mount was aborted");
    return {};
}

Result<CommandResult> mount(Cli& cli, const MountFlags& flags) {
    ORACX_TRY(Config config, cli.config());
    const Config as_written = config;
    if (!flags.close_waits_for.empty()) {
        const auto policy = parse_ack_policy(flags.close_waits_for);
        if (!policy) return fail(Errc::usage, "--close-waits-for " + flags.close_waits_for, policy.error().why);
        config.mount.close_waits_for = *policy;
        config.mount.close_waits_for.min_replicas = config.replication.min_replicas;
    }
    if (flags.allow_other) config.mount.allow_other = true;
    ORACX_TRY(const std::string dir, typed_or_configured(cli, flags.dir, config.mount.dir));
    ORACX_TRYV(clear_away_killed_daemon(cli));
    if (const auto owner = cli.owner(); owner && owner->daemon)
        return fail(Errc::busy, "mount " + dir, fmt::format("process {} serves this state already, at {}", owner->pid, owner->mount_point));
    ORACX_TRYV(prepare_mount_point(cli, dir));
    config.mount.dir = dir;
    DaemonOptions options{cli.places(), cli.environment(), config, as_written, dir, flags.read_only, flags.options, flags.foreground, cli.flags().verbose};
    CommandResult outcome;
    outcome.data = Json::object({{"mount_point", dir}, {"read_only", flags.read_only}, {"close_waits_for", to_string(config.mount.close_waits_for)}});
    if (flags.foreground) {
        ORACX_TRYV(run_daemon(options, [&](const std::vector<std::string>& warnings) {
            for (const std::string& warning : warnings) cli.out().warn(warning);
            cli.out().note("mounted at " + dir);
        }));
        return outcome;
    }
    ORACX_TRY(const Launched launched, launch_daemon(options));
    for (const std::string& warning : launched.warnings) cli.out().warn(warning);
    outcome.data.set("pid", std::int64_t{launched.pid});
    outcome.text = "mounted at " + dir;
    return outcome;
}

Run declare_mount(CLI::App& app) {
    const auto flags = std::make_shared<MountFlags>();
    app.add_option("DIR", flags->dir, "Where (default: mount.dir of the configuration)");
    app.add_flag("--foreground", flags->foreground, "Stay in the foreground");
    app.add_option("--close-waits-for", flags->close_waits_for, "all, quorum=N or journal: what a finished copy means")->type_name("POLICY");
    app.add_flag("--read-only", flags->read_only, "Nothing can be written");
    app.add_flag("--allow-other", flags->allow_other, "Other users may enter");
    app.add_option("-o", flags->options, "Mount options, as for mount(8)")->type_name("OPTS")->allow_extra_args(false);
    return [flags](Cli& cli) { return mount(cli, *flags); };
}

// --- unmount -------------------------------------------------------------------------------------------------------------

struct UnmountFlags {
    std::string dir, wait;
    bool lazy = false;
};

std::string name_files(const Json& pending) {
    std::string text;
    std::size_t named = 0;
    for (const Json& file : pending["files"].items()) {
        if (++named > 10) return text + "...";
        text += (text.empty() ? "" : ", ") + printable(get_bytes(file, "path"));
        std::string where;
        for (const Json& missing : file["missing"].items()) where += (where.empty() ? "" : ", ") + missing["provider"].as_string() + " " + shown_word(missing["state"].as_string());
        if (!where.empty()) text += " (" + where + ")";
    }
    return text;
}

// Exit 9 when the time is over and something is still under way. Providers that are down are not waited for.
Result<Json> wait_for_uploads(Cli& cli, Millis patience) {
    SystemClock clock;
    ProgressView progress(cli.out(), clock, cli.environment());
    const Json args = Json::object({{"path", ""}, {"timeout_ms", patience.count()}, {"progress", !cli.out().json()}});
    ORACX_TRY(Json answer, cli.ask_daemon("wait", args, [&](const Json& event) { progress.update(event); }));
    const std::int64_t left = answer["pending_files"].as_int();
    if (answer["state"].as_string() == "pending")
        return fail(Errc::pending, left == 1 ? "1 file is not yet safe everywhere" : fmt::format("{} files are not yet safe everywhere", left),
                    name_files(answer) + "; still mounted. Leave now with --lazy: uploads go on at the next mount");
    return answer;
}

// No daemon answers: perhaps a dead mount is left.
Result<CommandResult> unmount_without_daemon(Cli& cli, const std::string& dir, bool lazy) {
    ORACX_TRY(const bool repaired, repair_stale_mount(dir));
    if (repaired) return CommandResult{Json::object({{"mount_point", dir}, {"was_dead", true}}), "a dead mount at " + dir + " was detached", 0, {}, false};
    if (const auto owner = cli.owner(); owner && owner->daemon && lazy) {
        ORACX_TRYV(detach_mount(owner->mount_point, true));
        return CommandResult{Json::object({{"mount_point", owner->mount_point}}), "detached from " + owner->mount_point, 0, {}, false};
    }
    if (is_mounted(dir)) {
        ORACX_TRYV(detach_mount(dir, lazy));
        return CommandResult{Json::object({{"mount_point", dir}}), "unmounted " + dir, 0, {}, false};
    }
    return fail(Errc::daemon_unreachable, "unmount " + dir, "it is not mounted");
}

Result<CommandResult> unmount(Cli& cli, const UnmountFlags& flags) {
    std::optional<Millis> patience;
    if (!flags.wait.empty()) {
        patience = parse_duration(flags.wait);
        if (!patience) return fail(Errc::usage, "--wait " + flags.wait, "give a duration such as 30s or 10m");
    }
    ORACX_TRY(const Config config, cli.config());
    ORACX_TRYV(clear_away_killed_daemon(cli));
    const auto owner = cli.owner();
    const std::string served = owner && owner->daemon ? owner->mount_point : std::string();
    ORACX_TRY(const std::string dir, typed_or_configured(cli, flags.dir, served.empty() ? config.mount.dir : served));
    if (served.empty() || !cli.daemon_socket()) return unmount_without_daemon(cli, dir, flags.lazy);
    if (dir != served) return fail(Errc::not_found, "unmount " + dir, "this state is mounted at " + served);
    if (patience) {
        ORACX_TRY(const Json waited, wait_for_uploads(cli, *patience));
        static_cast<void>(waited);
    }
    const auto pending = cli.ask_daemon("pending", Json::object({{"path", ""}}));
    const std::int64_t left = pending ? (*pending)["pending_files"].as_int() : 0;
    if (left > 0)
        cli.out().warn(left == 1 ? fmt::format("1 file is not yet at all providers: {}. It is kept on this machine and sent after the next mount", name_files(*pending))
                                 : fmt::format("{} files are not yet at all providers: {}. They are kept on this machine and sent after the next mount", left, name_files(*pending)));
    ORACX_TRYV(cli.ask_daemon("unmount", Json::object({{"lazy", flags.lazy}})));
    ORACX_TRYV(StateLock::wait_until_free(cli.places().lock_file, kEndPatience));
    return CommandResult{Json::object({{"mount_point", dir}, {"pending_files", left}}), "unmounted " + dir, 0, {}, false};
}

Run declare_unmount(CLI::App& app) {
    const auto flags = std::make_shared<UnmountFlags>();
    app.add_option("DIR", flags->dir, "The mount point (default: the one in use)");
    app.add_option("--wait", flags->wait, "First wait for uploads, so long at most (then exit 9)")->type_name("DUR");
    app.add_flag("--lazy", flags->lazy, "Also while programs use it");
    return [flags](Cli& cli) { return unmount(cli, *flags); };
}

}  // namespace

void add_mount_commands(CommandTable& table) {
    table.push_back({"mount", "Mount", "Mount the folder; returns when it answers", declare_mount});
    table.push_back({"unmount", "Mount", "Unmount it and end the daemon", declare_unmount});
}

}  // namespace oracxfs
