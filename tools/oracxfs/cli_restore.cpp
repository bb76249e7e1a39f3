// backups files|restore

#include <fmt/format.h>

#include <filesystem>

#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"
#include "tools/oracxfs/local_core.h"
#include "tools/oracxfs/progress.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/packager/manifest.h"

namespace oracxfs {
namespace {

constexpr std::size_t kProblemsShown = 20;

std::string size_of(const Json& bytes) { return shown_size(bytes); }

// --- files ---------------------------------------------------------------------------------------------------------------

Run declare_files(CLI::App& app) {
    struct Flags {
        std::string backup, path;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("BACKUP", flags->backup, "Its name, a part of it that fits no other (20250105_060000), or latest")->required();
    app.add_option("PATH", flags->path, "Only this member, this folder, or what fits this pattern");
    return [flags](Cli& cli) -> Result<CommandResult> {
        Json args = Json::object({{"backup", flags->backup}});
        set_bytes(args, "path", flags->path);
        Json files = Json::array();
        const Emit collect = [&](const Json& event) {
            for (const Json& row : event["rows"].items()) files.push(row);
        };
        // The catalogue knows the members of most packages; only for the others is the package itself asked.
        auto answer = cli.ask("backups-files", args, collect);
        if (!answer && answer.error().code == Errc::unavailable) answer = ask_or_work(cli, "backups-files", args, collect);
        if (!answer) return fail(std::move(answer).error());
        std::vector<std::vector<std::string>> rows;
        for (const Json& file : files.items())
            rows.push_back({file["kind"].as_string() == "folder" ? "" : size_of(file["size"]), shown_time(file["mtime"]),
                            printable(get_bytes(file, "name")) + (file["refused"].is_string() ? "  (never restored: " + file["refused"].as_string() + ")" : "")});
        CommandResult outcome;
        outcome.text = format_table({">size", "changed", "name"}, rows);
        outcome.data = std::move(*answer);
        outcome.data.set("files", std::move(files));
        return outcome;
    };
}

// --- restore -------------------------------------------------------------------------------------------------------------

struct RestoreFlags {
    std::string backup, to, from, overwrite = "never", passphrase_file;
    std::vector<std::string> paths;
    bool verify = false, no_verify = false, dry_run = false, to_stdout = false;
};

Result<Json> arguments_of(const RestoreFlags& flags) {
    Json args = Json::object({{"backup", flags.backup}, {"from", flags.from}, {"overwrite", flags.overwrite}, {"verify", !flags.no_verify}, {"dry_run", flags.dry_run}, {"stream", flags.to_stdout}});
    Json paths = Json::array();
    for (const std::string& path : flags.paths) {
        Json item = Json::object();
        set_bytes(item, "path", path);
        paths.push(std::move(item));
    }
    args.set("paths", std::move(paths));
    if (!flags.to.empty()) set_bytes(args, "to", absolute_path(flags.to, std::filesystem::current_path().string()));
    if (!flags.passphrase_file.empty()) {
        ORACX_TRY(const std::string passphrase, read_secret_file(flags.passphrase_file));
        args.set("passphrase", passphrase);
    }
    return args;
}

Result<CommandResult> restore_to_stdout(Cli& cli, const RestoreFlags& flags) {
    if (cli.out().json()) return fail(Errc::usage, "--stdout", "the standard output is the member's content, so --json has no place there");
    if (flags.paths.size() != 1) return fail(Errc::usage, "--stdout", "name exactly one member");
    ORACX_TRY(const Json args, arguments_of(flags));
    bool damaged = false;
    const auto answer = ask_or_work(cli, "backups-restore", args, [&](const Json& event) {
        const auto bytes = from_base64(event["b64"].as_string());
        damaged = damaged || !bytes;
        if (bytes) Output::write_stdout(*bytes);
    });
    if (!answer) return fail(answer.error());
    if (damaged) return fail(Errc::internal, "restore", "the daemon's answer was damaged on its way");
    CommandResult outcome;
    outcome.printed = true;
    return outcome;
}

std::optional<Error> error_of(const Json& report) {
    if (report["code"].is_null()) return std::nullopt;
    const Errc code = errc_from_name(report["code"].as_string()).value_or(Errc::partial);
    const std::int64_t problems = report["problem_count"].as_int();
    Error error(code, fmt::format("{} files restored, {} were not", report["files"].as_int(), problems));
    std::size_t shown = 0;
    for (const Json& problem : report["problems"].items()) {
        if (shown++ == kProblemsShown) {
            error.why += fmt::format("; and {} more", problems - static_cast<std::int64_t>(kProblemsShown));
            break;
        }
        error.why += fmt::format("{}{} {}: {}", error.why.empty() ? "" : "; ", problem["what"].as_string(), printable(get_bytes(problem, "name")), printable(problem["why"].as_string()));
    }
    return error;
}

Run declare_restore(CLI::App& app) {
    const auto flags = std::make_shared<RestoreFlags>();
    app.add_option("BACKUP", flags->backup, "Its name, a part of it that fits no other (20250105_060000), or latest")->required();
    app.add_option("PATH", flags->paths, "Members, folders with all that is in them, or patterns; none: everything");
    app.add_option("--to", flags->to, "Into this folder; it is made if it is missing")->type_name("DIR");
    app.add_option("--from", flags->from, "Read this provider's copy, no other")->type_name("PROVIDER");
    app.add_option("--overwrite", flags->overwrite, "never (default), if-newer or always")->check(CLI::IsMember({"never", "if-newer", "always"}))->type_name("WHEN");
    app.add_option("--passphrase-file", flags->passphrase_file, "A file with the package's passphrase, - for stdin; else the stored secret backup/passphrase")->type_name("FILE");
    auto* verify = app.add_flag("--verify", flags->verify, "Compare with the hashes in the manifest; so it is always, unless told otherwise");
    app.add_flag("--no-verify", flags->no_verify, "Do not compare with the hashes in the manifest")->excludes(verify);
    app.add_flag("--dry-run", flags->dry_run, "Only show what would be restored");
    app.add_flag("--stdout", flags->to_stdout, "Print the one member named, instead of writing it to a folder");
    return [flags](Cli& cli) -> Result<CommandResult> {
        if (flags->to_stdout == !flags->to.empty()) return fail(Errc::usage, "restore", flags->to_stdout ? "give --to or --stdout, not both" : "say where to: --to DIR, or --stdout for one member");
        if (flags->to_stdout) return restore_to_stdout(cli, *flags);
        ORACX_TRY(const Json args, arguments_of(*flags));
        SystemClock clock;
        ProgressView progress(cli.out(), clock, cli.environment());
        Json plan = Json::array();
        ORACX_TRY(Json report, ask_or_work(cli, "backups-restore", args, [&](const Json& event) {
                      if (!cli.out().json()) progress.update(event);
                      for (const Json& row : event["rows"].items()) plan.push(row);
                  }));
        progress.clear();
        CommandResult outcome;
        for (const Json& row : plan.items()) outcome.text += fmt::format("{:9} {}\n", shown_word(row["what"].as_string()), printable(get_bytes(row, "name")));
        outcome.text += fmt::format("{} files, {}{} {}", report["files"].as_int(), size_of(report["bytes"]), flags->dry_run ? ", would be restored to" : " restored to", printable(get_bytes(report, "to")));
        if (report["kept"].as_int() > 0) outcome.text += fmt::format("\n{} files were there already and are kept; see --overwrite", report["kept"].as_int());
        outcome.error = error_of(report);
        if (flags->dry_run) report.set("plan", std::move(plan));
        outcome.data = std::move(report);
        return outcome;
    };
}

}  // namespace

void add_restore_commands(CommandTable& table) {
    const std::string group = "Backups";
    table.push_back({"backups files", group, "Show what is in a backup", declare_files});
    table.push_back({"backups restore", group, "Bring files back from a backup", declare_restore});
}

}  // namespace oracxfs
