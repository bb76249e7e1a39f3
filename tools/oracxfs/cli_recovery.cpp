// recovery from|kit|drill

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/unique_fd.h"
#include "tools/backup/recovery_kit.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"
#include "tools/oracxfs/local_core.h"
#include "tools/oracxfs/progress.h"
#include "tools/oracxfs/secret_input.h"

namespace oracxfs {
namespace {

constexpr std::size_t kProblemsShown = 20;

std::string size_of(const Json& bytes) { return shown_size(bytes); }

std::optional<Error> error_of(const Json& report, const std::string& what) {
    if (report["code"].is_null()) return std::nullopt;
    Error error(errc_from_name(report["code"].as_string()).value_or(Errc::partial), what, report["error"].as_string());
    std::size_t shown = 0;
    for (const Json& problem : report["problems"].items()) {
        if (shown++ == kProblemsShown) break;
        const std::string name = get_bytes(problem, problem.find("name") != nullptr ? "name" : "path");
        error.why += fmt::format("; {}: {}", printable(name), printable(problem["why"].as_string()));
    }
    return error;
}

// Shows how far it is while it goes on.
Result<Json> work_visibly(Cli& cli, const std::string& command, const Json& args) {
    SystemClock clock;
    ProgressView progress(cli.out(), clock, cli.environment());
    auto report = ask_or_work(cli, command, args, [&](const Json& event) {
        if (!cli.out().json() && event["type"].as_string() == "progress") progress.update(event);
    });
    progress.clear();
    return report;
}

Run declare_from(CLI::App& app) {
    struct Flags {
        std::string provider;
        bool packages_only = false, go_on = false;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("PROVIDER", flags->provider, "Which one; add it first, for instance with `oracxfs sftp`")->required();
    app.add_flag("--backups-only", flags->packages_only, "Only the backup packages; the other files are found later, while a daemon runs");
    app.add_flag("--continue-retention", flags->go_on, "Count the backups found as made here, so that retention may prune them; only when the other machine is gone");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const Config config, cli.config());
        if (config.provider(flags->provider) == nullptr)
            return fail(Error(Errc::not_found, "recover from " + flags->provider, "there is no provider of that name; add it first, for instance with `oracxfs sftp --name " + flags->provider + " ...`").with_provider(flags->provider));
        ORACX_TRY(Json report, work_visibly(cli, "recovery-from", Json::object({{"provider", flags->provider}, {"packages_only", flags->packages_only}, {"go_on", flags->go_on}})));
        CommandResult outcome;
        outcome.text = fmt::format("{} files ({}) and {} folders were found at {} and are known now; {} were known before\n{} of them are verified\n", report["files"].as_int(), size_of(report["bytes"]), report["folders"].as_int(),
                                   flags->provider, report["known"].as_int(), report["verified"].as_int());
        if (report["newest"].is_string())
            outcome.text += fmt::format("newest backup: {}\nrestore it:    oracxfs backups restore latest --to DIR\n", report["newest"].as_string());
        else
            outcome.text += "no backup package is among them\n";
        outcome.error = error_of(report, "not everything could be taken over");
        outcome.data = std::move(report);
        return outcome;
    };
}

Run declare_drill(CLI::App& app) {
    struct Flags {
        std::string backup = "latest", from, passphrase_file;
        std::vector<std::string> paths;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("PATH", flags->paths, "Only these members, folders or patterns; none: everything");
    app.add_option("--backup", flags->backup, "Its name, a part of it that fits no other, or latest (default)")->type_name("BACKUP");
    app.add_option("--from", flags->from, "From this provider; without it the one whose last drill is longest ago")->type_name("PROVIDER");
    app.add_option("--passphrase-file", flags->passphrase_file, "A file with the package's passphrase, - for stdin; else the stored secret backup/passphrase")->type_name("FILE");
    return [flags](Cli& cli) -> Result<CommandResult> {
        Json args = Json::object({{"backup", flags->backup}, {"from", flags->from}});
        Json paths = Json::array();
        for (const std::string& path : flags->paths) {
            Json item = Json::object();
            set_bytes(item, "path", path);
            paths.push(std::move(item));
        }
        args.set("paths", std::move(paths));
        if (!flags->passphrase_file.empty()) {
            ORACX_TRY(const std::string passphrase, read_secret_file(flags->passphrase_file));
            args.set("passphrase", passphrase);
        }
        ORACX_TRY(Json report, work_visibly(cli, "recovery-drill", args));
        CommandResult outcome;
        outcome.text = fmt::format("{} from {}: {} files, {} restored in {}, {} of them compared with the manifest; they are removed again\n", printable(get_bytes(report, "package")), report["from"].as_string(),
                                   report["files"].as_int(), size_of(report["bytes"]), format_duration(Millis(report["took_ms"].as_int())), report["verified"].as_int());
        outcome.error = error_of(report, "the drill failed: this copy would not bring everything back");
        outcome.data = std::move(report);
        return outcome;
    };
}

Status write_file(const std::string& path, std::string_view text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return fail(error_from_errno(errno, "write " + path));
    while (!text.empty()) {
        const ssize_t wrote = ::write(file.get(), text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return fail(error_from_errno(errno, "write " + path));
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (::fsync(file.get()) != 0 && errno != EINVAL) return fail(error_from_errno(errno, "write " + path));
    return {};
}

Run declare_kit(CLI::App& app) {
    struct Flags {
        bool html = false;
        std::string output;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_flag("--html", flags->html, "As a web page, for printing");
    app.add_option("-o,--output", flags->output, "Into this file instead of the standard output")->type_name("FILE");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json facts, cli.ask("recovery-kit", nullptr));
        const bool html = flags->html || flags->output.ends_with(".html");
        const std::string sheet = html ? kit_as_html(facts) : kit_as_text(facts);
        CommandResult outcome;
        outcome.data = std::move(facts);
        outcome.text = sheet;
        outcome.verbatim = true;  // it is in its language already
        if (!flags->output.empty()) {
            ORACX_TRYV(write_file(flags->output, sheet));
            outcome.verbatim = false;
            outcome.text = "the recovery kit is in " + printable(flags->output) + "; print it, and keep it elsewhere";
            outcome.data.set("output", flags->output);
        }
        return outcome;
    };
}

}  // namespace

void add_recovery_commands(CommandTable& table) {
    const std::string group = "Backups";
    table.push_back({"recovery", group, "Come back when this machine, or its state, is gone", {}});
    table.push_back({"recovery from", group, "Rebuild the catalogue from what a provider holds", declare_from});
    table.push_back({"recovery kit", group, "A sheet to print: where everything is and how to get it back", declare_kit});
    table.push_back({"recovery drill", group, "Really restore a backup, compare it, time it, and throw it away", declare_drill});
}

}  // namespace oracxfs
