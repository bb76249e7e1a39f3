// doctor

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "base/translate.h"
#include "fs/mount_table.h"
#include "tools/config/units.h"
#include "tools/control/client.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/killed_daemon.h"

namespace oracxfs {
namespace {

struct Check {
    std::string name;
    std::string state;  // ok | warning | bad | skipped
    std::string words;
    std::string fix;    // what to do; "" when nothing is to be done
};

class Doctor {
  public:
    Doctor(Cli& cli, bool fix) : cli_(cli), fix_(fix) {}

    std::vector<Check> run() {
        check_fuse();
        check_config();
        check_folders();
        check_clock();
        check_disk();
        check_secrets();
        check_daemon();
        check_mount();
        check_state();
        return std::move(checks_);
    }

  private:
    void add(std::string name, std::string state, std::string words, std::string fix = {}) {
        checks_.push_back({std::move(name), std::move(state), std::move(words), std::move(fix)});
    }

    void check_fuse() {
        const UniqueFd fd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
        if (fd)
            add("/dev/fuse", "ok", "can be opened");
        else if (errno == ENOENT)
            add("/dev/fuse", "bad", "is missing", "modprobe fuse, or give the container the device /dev/fuse");
        else
            add("/dev/fuse", "bad", error_from_errno(errno, "open").why, "let this user open /dev/fuse");
        bool found = false;
        std::string path = cli_.environment()("PATH").value_or("/usr/bin:/bin");
        for (std::size_t begin = 0; begin <= path.size();) {
            const std::size_t end = std::min(path.find(':', begin), path.size());
            found |= ::access((path.substr(begin, end - begin) + "/fusermount3").c_str(), X_OK) == 0;
            begin = end + 1;
        }
        if (found)
            add("fusermount3", "ok", "is installed");
        else
            add("fusermount3", "bad", "is not installed", "apt install fuse3");
    }

    void check_config() {
        const auto document = cli_.document();
        if (!document) return add("configuration", "bad", document.error().message + " " + document.error().why, "oracxfs config check");
        const auto problems = oracxfs::check_config(*document, cli_.environment());
        if (!problems.empty()) return add("configuration", "bad", problems.front().message, "oracxfs config check");
        const auto config = make_config(*document, cli_.environment());
        const auto enabled = std::count_if(config->providers.begin(), config->providers.end(), [](const ProviderEntry& p) { return p.enabled; });
        if (enabled == 0)
            add("configuration", "warning", "is valid, but no provider is active", "oracxfs local --help, oracxfs sftp --help");
        else if (enabled == 1)
            add("configuration", "warning", "is valid, but one provider alone is no redundancy", "add a second provider");
        else
            add("configuration", "ok", fmt::format("is valid, {} active providers", enabled));
    }

    void check_folders() {
        const Places& places = cli_.places();
        struct stat status {};
        if (::stat(places.state.c_str(), &status) != 0) return add("state folder", "skipped", places.state + " does not exist yet");
        if (status.st_uid != ::geteuid()) return add("state folder", "bad", places.state + " belongs to another user", "chown it to the user that runs oracxfs");
        if ((status.st_mode & 077) == 0) return add("state folder", "ok", places.state + " is private");
        if (fix_ && ::chmod(places.state.c_str(), 0700) == 0) return add("state folder", "ok", places.state + " was open to others: repaired");
        add("state folder", "warning", places.state + " can be read by others", "chmod 700 " + places.state + ", or oracxfs doctor --fix");
    }

    void check_clock() {
        const auto now = SystemClock().wall();
        if (now < WallTime(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)))
            add("clock", "bad", "shows " + format_utc(now), "set the clock (timedatectl set-ntp true)");
        else
            add("clock", "ok", format_utc(now));
    }

    void check_disk() {
        struct statvfs space {};
        std::string folder = cli_.places().state;
        while (::statvfs(folder.c_str(), &space) != 0 && folder.size() > 1) folder = std::filesystem::path(folder).parent_path().string();
        const std::uint64_t free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
        const auto config = cli_.config();
        const std::uint64_t wanted = config ? config->staging.min_free : 0;
        if (free_bytes < wanted * 2)
            add("disk", "bad", format_size(free_bytes) + " free for staging", "free space on the disk of " + cli_.places().state);
        else
            add("disk", "ok", format_size(free_bytes) + " free for staging");
    }

    void check_secrets() {
        const auto names = cli_.secrets().names();
        if (names)
            add("secrets", "ok", fmt::format("{} stored, the key fits", names->size()));
        else
            add("secrets", "bad", names.error().why.empty() ? names.error().message : names.error().why, std::string(info(names.error().code).hint));
    }

    void check_daemon() {
        if (const auto socket = cli_.daemon_socket()) return add("daemon", "ok", "answers at " + *socket);
        if (const auto owner = cli_.owner(); owner && owner->daemon && was_killed(owner->pid))
            return add("daemon", "bad", fmt::format("process {} was killed and hangs in the kernel", owner->pid), "oracxfs mount");
        if (const auto owner = cli_.owner(); owner && owner->daemon)
            return add("daemon", "bad", fmt::format("process {} holds the state but does not answer", owner->pid), fmt::format("kill {}", owner->pid));
        if (::access(cli_.places().socket.c_str(), F_OK) == 0) {
            if (fix_ && ::unlink(cli_.places().socket.c_str()) == 0) return add("daemon", "ok", "a socket of a dead daemon was removed");
            return add("daemon", "warning", "not running; a socket of a dead one is left", "oracxfs mount, or oracxfs doctor --fix");
        }
        add("daemon", "skipped", "not running", "oracxfs mount");
    }

    void check_mount() {
        const auto config = cli_.config();
        if (!config) return;
        const std::string& dir = config->mount.dir;
        struct stat status {};
        if (::stat(dir.c_str(), &status) == 0 || errno != ENOTCONN) return add("mount point", "ok", is_mounted(dir) ? dir + " is mounted" : dir + " is free");
        if (!fix_) return add("mount point", "bad", dir + " holds a dead mount", "oracxfs doctor --fix");
        const auto repaired = repair_stale_mount(dir);
        if (repaired)
            add("mount point", "ok", "a dead mount at " + dir + " was detached");
        else
            add("mount point", "bad", repaired.error().why, "fusermount3 -u -z " + dir);
    }

    void check_state() {
        const auto report = cli_.ask("status", nullptr);
        if (!report) return add("catalogue", "bad", report.error().to_string(), std::string(info(report.error().code).hint));
        add("catalogue", "ok", fmt::format("{} files", (*report)["files"]["total"].as_int()));
        for (const Json& provider : (*report)["providers"].items()) {
            if (!provider["enabled"].as_bool()) continue;
            const std::string name = "provider " + provider["name"].as_string();
            if (provider["state"].as_string() == "active")
                add(name, "ok", fmt::format("{} files verified", provider["files"]["verified"].as_int()));
            else
                add(name, "warning", provider["state"].as_string() + " " + provider["reason"].as_string(), "oracxfs providers test " + provider["name"].as_string());
        }
    }

    Cli& cli_;
    const bool fix_;
    std::vector<Check> checks_;
};

// For a report to somebody else: what the doctor found, the configuration (it holds no secrets), the end of the log.
Status write_bundle(Cli& cli, const std::string& file, const Json& checks) {
    constexpr std::uintmax_t kLogBytes = 256 << 10;
    const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) return fail(error_from_errno(errno, "write " + file));
    Json bundle = Json::object({{"version", ORACXFS_VERSION}, {"at", format_utc(SystemClock().wall())}, {"checks", checks}});
    if (const auto document = cli.document()) bundle.set("configuration", document->root());
    if (const auto report = cli.ask("status", nullptr)) bundle.set("status", *report);
    std::ifstream stream(cli.places().log_file, std::ios::binary);
    std::error_code ignored;
    const std::uintmax_t size = std::filesystem::file_size(cli.places().log_file, ignored);
    if (stream && !ignored) {
        if (size > kLogBytes) stream.seekg(static_cast<std::streamoff>(size - kLogBytes));
        Json lines = Json::array();
        for (std::string line; std::getline(stream, line);) lines.push(log::redact(line));
        bundle.set("log", std::move(lines));
    }
    const std::string text = log::redact(bundle.dump_pretty());
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return fail(error_from_errno(errno, "write " + file));
    return {};
}

Json check_report(const std::vector<Check>& checks) {
    Json list = Json::array();
    std::int64_t bad = 0;
    for (const Check& check : checks) {
        bad += check.state == "bad" ? 1 : 0;
        list.push(Json::object({{"check", check.name}, {"state", check.state}, {"message", check.words}, {"fix", check.fix.empty() ? Json() : Json(check.fix)}}));
    }
    return Json::object({{"checks", std::move(list)}, {"bad", bad}});
}

Run declare_doctor(CLI::App& app) {
    struct Flags {
        bool fix = false;
        std::string bundle;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_flag("--fix", flags->fix, "Repair what can be repaired safely");
    app.add_option("--bundle", flags->bundle, "Write a report without secrets to FILE")->type_name("FILE");
    return [flags](Cli& cli) -> Result<CommandResult> {
        // Secrets are looked up once, so that they are known and cannot slip into what is shown.
        if (const auto names = cli.secrets().names())
            for (const std::string& name : *names) (void)cli.secrets().get(name);
        const auto checks = Doctor(cli, flags->fix).run();
        Json report = check_report(checks);
        std::vector<std::vector<std::string>> rows;
        for (const Check& check : checks) {
            rows.push_back({cli.out().mark(check.state) + " " + tr_sentence(check.name), tr_sentence(printable(check.words)), check.fix.empty() ? "" : trf("next: {}", tr_sentence(check.fix))});
        }
        if (!flags->bundle.empty()) ORACX_TRYV(write_bundle(cli, flags->bundle, report["checks"]));
        CommandResult outcome;
        outcome.text = format_table({"", "", ""}, rows);
        if (!flags->bundle.empty()) outcome.text += trf("report written to {}", flags->bundle) + "\n";
        outcome.exit_code = report["bad"].as_int() > 0 ? 1 : 0;
        outcome.data = std::move(report);
        return outcome;
    };
}

}  // namespace

Json run_doctor(Cli& cli) { return check_report(Doctor(cli, false).run()); }

void add_doctor_commands(CommandTable& table) {
    table.push_back({"doctor", "Look", "Check everything oracxfs needs; each finding has its fix", declare_doctor});
}

}  // namespace oracxfs
