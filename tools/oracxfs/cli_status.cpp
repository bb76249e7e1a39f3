// status, wait, replicas

#include <fmt/format.h>

#include <algorithm>

#include "base/translate.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/progress.h"
#include "tools/oracxfs/shown.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {
namespace {

Json path_args(const Cli& cli, const std::string& typed) {
    Json args = Json::object();
    set_bytes(args, "path", typed.empty() ? std::string() : cli.path_in_mount(typed));
    return args;
}

// "at_risk" -> "AT RISK", "dégradé" -> "DÉGRADÉ".
std::string upper(std::string_view text) {
    std::string result;
    bool latin = false;  // behind the first byte of a letter of Latin-1
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c >= 'a' && c <= 'z') result += static_cast<char>(c - 'a' + 'A');
        else if (latin && byte >= 0xa0 && byte <= 0xbe && byte != 0xb7) result += static_cast<char>(byte - 0x20);
        else result += c == '_' ? ' ' : c;
        latin = byte == 0xc3;
    }
    return result;
}

Paint paint_for(const std::string& state) {
    if (state == "protected") return Paint::good;
    if (state == "degraded" || state == "not_configured") return Paint::warning;
    return Paint::bad;
}

// "Auth needed"
std::string state_title(const std::string& state) {
    std::string shown = shown_word(state);
    std::replace(shown.begin(), shown.end(), '_', ' ');
    shown[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(shown[0])));
    return shown;
}

std::uint64_t count_of(const Json& number) { return static_cast<std::uint64_t>(number.as_int()); }

std::vector<std::string> provider_row(const Output& out, const Json& provider, WallTime now) {
    const std::string& name = provider["name"].as_string();
    const std::string& word = provider["state"].as_string();
    const Json& files = provider["files"];
    std::string space = tr("space unknown");
    if (provider["quota"]["free"].is_int()) space = trf("{} free", shown_size(provider["quota"]["free"]));
    const std::uint64_t verified = count_of(files["verified"]);
    std::string held = ntrf("{} file verified", "{} files verified", verified, verified);
    if (provider["pending_files"].as_int() > 0) held += ", " + trf("{} pending", provider["pending_files"].as_int());
    if (files["damaged"].as_int() > 0) held += ", " + trf("{} damaged", files["damaged"].as_int());
    const bool enabled = provider["enabled"].as_bool();
    // The line of a provider that is not used is fixed for people who look for it.
    const std::string title = word == "inactive" ? trf("{}: Inactive", name) : name + ": " + state_title(word);
    return {"  " + out.mark(word) + " " + title, enabled ? space : "", enabled ? held : "", enabled ? trf("last ok {}", shown_age(provider["last_ok"], now)) : "",
            provider["reason"].is_string() ? provider["reason"].as_string() + " " + tr_sentence(printable(provider["reason_text"].as_string())) : ""};
}

std::string render_backups(const Json& data, WallTime now) {
    const Json& schedule = data["auto_sync"];
    std::string text;
    if (!schedule["enabled"].as_bool()) {
        text = tr("Automatic sync: Inactive");
    } else {
        text = trf("Automatic sync: on, every {}", shown_duration(Millis(schedule["every_ms"].as_int())));
        if (!schedule["next"].items().empty()) text += ", " + trf("next {}", shown_time(schedule["next"].items().front()));
    }
    text += "\n" + trf("Backups in the cloud: {}", data["backups"]["count"].as_int());
    if (data["newest_backup"].is_object())
        text += " (" + trf("newest {}, oldest {}, damaged {}", shown_age(data["newest_backup"]["time"], now), shown_age(data["backups"]["oldest"], now), data["backups"]["damaged_copies"].as_int()) + ")";
    return text + "\n";
}

// Whether it was ever tried to come back.
std::string render_recovery(const Json& data, WallTime now) {
    const Json& recovery = data["recovery"];
    const Json& drill = recovery["drill"];
    std::string text;
    if (drill.is_object())
        text = trf("Recovery drill: {} {}, from {}, {} files in {}", shown_word(drill["state"].as_string()), shown_age(drill["at"], now), drill["from"].as_string(), drill["files"].as_int(), shown_duration(Millis(drill["took_ms"].as_int())));
    else if (data["newest_backup"].is_object())
        text = tr("Recovery drill: never tried; `oracxfs recovery drill` does it");
    if (data["newest_backup"].is_object() && !recovery["kit_at"].is_string()) text += std::string(text.empty() ? "" : "\n") + tr("Recovery kit: never printed; `oracxfs recovery kit` makes it");
    return text.empty() ? text : text + "\n";
}

// The answer on one screen.
std::string render_status(const Output& out, const Json& data, WallTime now) {
    const std::string& state = data["state"].as_string();
    const std::int64_t wanted = data["copies"]["wanted"].as_int(), verified = data["copies"]["verified"].as_int();
    const std::int64_t incomplete = data["files"]["incomplete"].as_int(), under_way = data["files"]["under_way"].as_int();
    // Nothing is wrong, it has only just begun.
    const bool first = state == "unprotected" && under_way > 0 && under_way == incomplete;
    std::string verdict = out.paint(first ? Paint::warning : paint_for(state), upper(shown_word(state)));
    if (state != "not_configured") verdict += std::string(out.utf8() ? " — " : " - ") + ntrf("{} of {} copies", "{} of {} copies", static_cast<std::uint64_t>(verified), verified, wanted);
    const std::string title = tr("CLOUD STORAGE STATUS");
    std::string text = title + std::string(55 - std::min<std::size_t>(display_width(title), 50), ' ') + verdict + "\n" + tr("Configured providers:") + "\n";
    std::vector<std::vector<std::string>> rows;
    for (const Json& provider : data["providers"].items()) rows.push_back(provider_row(out, provider, now));
    text += rows.empty() ? "  " + tr("none") + "\n" : format_table({"", "", "", "", ""}, rows);
    const Json& files = data["files"];
    text += trf("Files: {} ({})", files["total"].as_int(), shown_size(files["bytes"]));
    if (under_way > 0) text += ", " + trf("{} under way", under_way);
    if (incomplete > under_way) text += ", " + trf("{} not yet everywhere", incomplete - under_way);
    if (files["without_copy"].as_int() > 0) text += ", " + out.paint(first || state == "degraded" ? Paint::none : Paint::bad, trf("{} without a verified copy", files["without_copy"].as_int()));
    text += "\n";
    if (data.find("backups") != nullptr) text += render_backups(data, now) + render_recovery(data, now);
    const Json& mount = data["mount"];
    if (!mount["mounted"].as_bool())
        text += tr("Not mounted");
    else if (mount["read_only"].as_bool())
        text += trf("Mounted at {} (close waits for {}, read-only)", mount["dir"].as_string(), mount["close_waits_for"].as_string());
    else
        text += trf("Mounted at {} (close waits for {})", mount["dir"].as_string(), mount["close_waits_for"].as_string());
    text += "\n";
    for (const Json& step : data["next"].items()) text += trf("Next step: {}", tr_sentence(step.as_string())) + "\n";
    return text;
}

struct StatusFlags {
    std::string path;
    bool watch = false;
    bool check = false;
    std::string max_age;
    std::uint32_t min_copies = 0;
};

Result<CommandResult> status_of_file(Cli& cli, const std::string& typed) {
    Json rows = Json::array();
    ORACX_TRYV(cli.ask("replicas", path_args(cli, typed), [&](const Json& event) {
        for (const Json& row : event["rows"].items()) rows.push(row);
    }));
    std::string text, last;
    for (const Json& row : rows.items()) {
        const std::string path = get_bytes(row, "path");
        if (path != last) text += printable(path) + "  " + shown_size(row["size"]) + "  sha256 " + row["sha256"].as_string().substr(0, 12) + "\n";
        last = path;
        const std::string& state = row["state"].as_string();
        text += "  " + cli.out().mark(state) + " " + row["provider"].as_string() + ": " + shown_word(state);
        if (row["verified_at"].is_string()) text += " " + shown_age(row["verified_at"], SystemClock().wall());
        if (row["error"].is_string()) text += "  " + tr_sentence(printable(row["error"].as_string()));
        text += "\n";
    }
    if (rows.items().empty()) text = tr("nothing to replicate there") + "\n";
    return CommandResult{Json::object({{"replicas", std::move(rows)}}), std::move(text), 0, {}, false};
}

Result<CommandResult> watch_status(Cli& cli) {
    SystemClock clock;
    const std::stop_token stop = cli.signals().token();
    while (!stop.stop_requested()) {
        ORACX_TRY(const Json data, cli.ask("status", nullptr));
        if (cli.out().json())
            Output::write_stdout(make_envelope("status", 0, data).dump() + "\n");
        else
            Output::write_stdout((cli.out().redraws() ? "\x1b[H\x1b[2J" : "") + render_status(cli.out(), data, clock.wall()));
        clock.sleep_for(Millis(1'000), stop);
    }
    CommandResult outcome;
    outcome.printed = true;
    return outcome;
}

Run declare_status(CLI::App& app) {
    const auto flags = std::make_shared<StatusFlags>();
    app.add_option("PATH", flags->path, "Only this file or folder of the mount");
    app.add_flag("--watch", flags->watch, "Show it again and again");
    app.add_flag("--check", flags->check, "For monitoring: exit 0 protected, 3 degraded, 5 or 6 at risk");
    app.add_option("--max-age", flags->max_age, "With --check: each provider must have answered within this time")->type_name("DUR");
    app.add_option("--min-copies", flags->min_copies, "With --check: so many verified copies of each file are enough")->type_name("N");
    return [flags](Cli& cli) -> Result<CommandResult> {
        CheckLimits limits;
        if (!flags->max_age.empty()) {
            limits.max_age = parse_duration(flags->max_age);
            if (!limits.max_age) return fail(Errc::usage, "--max-age " + flags->max_age, "give a duration such as 13h");
        }
        if (flags->min_copies > 0) limits.min_copies = flags->min_copies;
        if (!flags->path.empty()) return status_of_file(cli, flags->path);
        if (flags->watch) return watch_status(cli);
        ORACX_TRY(Json data, cli.ask("status", nullptr));
        const WallTime now = SystemClock().wall();
        CommandResult outcome;
        outcome.text = render_status(cli.out(), data, now);
        if (flags->check) outcome.exit_code = check_exit_code(data, limits, now);
        outcome.data = std::move(data);
        return outcome;
    };
}

std::string render_pending(const Json& data) {
    std::string text;
    for (const Json& file : data["files"].items()) {
        text += printable(get_bytes(file, "path")) + ":";
        for (const Json& missing : file["missing"].items())
            text += fmt::format(" {} {}{}", missing["provider"].as_string(), shown_word(missing["state"].as_string()), missing["down"].as_bool() ? " " + tr("(down)") : "");
        text += "\n";
    }
    return text;
}

Run declare_wait(CLI::App& app) {
    struct Flags {
        std::string path, timeout;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("PATH", flags->path, "Only this file or folder of the mount");
    app.add_option("--timeout", flags->timeout, "Give up after this time (exit 9)")->type_name("DUR");
    return [flags](Cli& cli) -> Result<CommandResult> {
        Json args = path_args(cli, flags->path);
        if (!flags->timeout.empty()) {
            const auto timeout = parse_duration(flags->timeout);
            if (!timeout) return fail(Errc::usage, "--timeout " + flags->timeout, "give a duration such as 30s or 10m");
            args.set("timeout_ms", timeout->count());
        }
        args.set("progress", !cli.out().json());
        SystemClock clock;
        Result<Json> answer = Json();
        {
            ProgressView progress(cli.out(), clock, cli.environment());
            answer = cli.ask_daemon("wait", args, [&](const Json& event) { progress.update(event); });
        }
        if (!answer && answer.error().code == Errc::daemon_unreachable) {
            // Nothing uploads without a daemon; but when nothing is pending there is nothing to wait for.
            ORACX_TRY(Json pending, cli.ask("pending", args));
            if (pending["pending_files"].as_int() > 0) return fail(answer.error());
            pending.set("state", "settled");
            answer = std::move(pending);
        }
        if (!answer) return fail(answer.error());
        const std::string& state = (*answer)["state"].as_string();
        const std::int64_t count = (*answer)["pending_files"].as_int();
        CommandResult outcome;
        outcome.text = state == "settled" ? tr("all copies are verified") : render_pending(*answer);
        if (state == "pending") outcome.error = Error(Errc::pending, count == 1 ? "1 file not yet safe everywhere" : fmt::format("{} files not yet safe everywhere", count), "the time is over");
        if (state == "partial") outcome.error = Error(Errc::partial, count == 1 ? "1 file not at all providers" : fmt::format("{} files not at all providers", count), "a provider is down");
        const std::int64_t without = (*answer)["without_copy"].as_int();
        if (state == "at_risk")
            outcome.error = Error(Errc::unavailable, without == 1 ? "1 file without a verified copy" : fmt::format("{} files without a verified copy", without), "no provider took them; they are kept on this machine");
        outcome.data = std::move(*answer);
        return outcome;
    };
}

Run declare_replicas(CLI::App& app) {
    const auto path = std::make_shared<std::string>();
    app.add_option("PATH", *path, "Only this file or folder of the mount");
    return [path](Cli& cli) -> Result<CommandResult> {
        Json rows = Json::array();
        ORACX_TRYV(cli.ask("replicas", path_args(cli, *path), [&](const Json& event) {
            for (const Json& row : event["rows"].items()) rows.push(row);
        }));
        std::vector<std::vector<std::string>> cells;
        for (const Json& row : rows.items())
            cells.push_back({row["provider"].as_string(), shown_word(row["state"].as_string()), shown_size(row["size"]), row["sha256"].as_string().substr(0, 12),
                             row["verified_at"].is_string() ? shown_time(row["verified_at"]) : "-", printable(get_bytes(row, "path")),
                             row["error"].is_string() ? tr_sentence(printable(row["error"].as_string())) : ""});
        std::string text = cells.empty() ? tr("no files") : format_table({"PROVIDER", "STATE", ">SIZE", "SHA-256", "VERIFIED AT", "PATH", ""}, cells);
        return CommandResult{std::move(rows), std::move(text), 0, {}, false};
    };
}

}  // namespace

void add_status_commands(CommandTable& table) {
    const std::string group = "Look";
    table.push_back({"status", group, "Am I safe? The answer on one screen", declare_status});
    table.push_back({"wait", group, "Wait until all copies are verified", declare_wait});
    table.push_back({"replicas", group, "List each file's copy at each provider", declare_replicas});
}

}  // namespace oracxfs
