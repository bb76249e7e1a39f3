// sync, auto-sync, runs

#include <fmt/format.h>

#include "base/translate.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/local_core.h"
#include "tools/oracxfs/progress.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

// What a person sees while a run goes on.
class SyncView {
  public:
    SyncView(Cli& cli, Clock& clock) : cli_(cli), progress_(cli.out(), clock, cli.environment()) {}

    void start() {
        if (!cli_.out().json()) say(tr("Starting cloud sync..."));
    }
    void event(const Json& event) {
        const std::string& type = event["type"].as_string();
        if (cli_.out().json()) {
            if (type != "run_ended") Output::write_stdout(event.dump() + "\n");
            return;
        }
        if (type == "progress") {
            progress_.update(event);
        } else if (type == "packed") {
            progress_.clear();
            const auto members = static_cast<std::uint64_t>(event["members"].as_int());
            say(trf("Backup package created: {}", get_bytes(event, "package")) + " (" + shown_size(event["bytes"]) + ", " + ntrf("{} member", "{} members", members, members) + ")");
        } else if (type == "replica") {
            progress_.clear();
            replica(event);
        } else if (type == "warning") {
            progress_.clear();
            cli_.out().warn(event["message"].as_string());
            for (const Json& problem : event["problems"].items())
                cli_.out().note(fmt::format("  {}: {} {}", tr_sentence(problem["what"].as_string()), printable(get_bytes(problem, "path")), tr_sentence(printable(problem["why"].as_string()))));
        } else if (type == "pruned") {
            progress_.clear();
            say(ntrf("Pruned: {} old backup", "Pruned: {} old backups", event["removed"].items().size(), event["removed"].items().size()));
        }
    }
    void finish() { progress_.clear(); }

  private:
    void say(const std::string& text) const {
        if (!cli_.out().quiet()) Output::write_stdout(text + "\n");
    }
    void replica(const Json& event) const {
        const std::string& state = event["state"].as_string();
        const std::string& provider = event["provider"].as_string();
        if (state == "uploading") say(trf("Uploading to {}: {}", provider, get_bytes(event, "package")));
        if (state == "verified") say(trf("OK {}: file uploaded successfully", provider));
        if (state == "failed" || state == "damaged") cli_.out().warn(fmt::format("{}: {} {}", provider, shown_word(state), tr_sentence(event["error"].as_string())));
    }

    Cli& cli_;
    ProgressView progress_;
};

// The last word of a run, and the exit code.
CommandResult outcome_of(const Json& run, std::uint32_t ok_if) {
    CommandResult outcome;
    const std::string& state = run["state"].as_string();
    const std::int64_t verified = run["verified"].as_int(), wanted = run["wanted"].as_int();
    const std::string error = run["error"].as_string();
    if (state == "succeeded") {
        outcome.text = "Sync succeeded!";
    } else if (state == "unchanged") {
        outcome.text = "Nothing has changed since the last backup; none was made";
    } else if (state == "partial" || (ok_if > 0 && verified >= ok_if)) {
        outcome.text = fmt::format("Partial sync: {} of {} copies", verified, wanted);
        if (ok_if == 0 || verified < ok_if) outcome.error = Error(Errc::partial, fmt::format("the backup is safe at {} of {} providers", verified, wanted), error);
    } else {
        const Errc code = errc_from_name(run["code"].as_string()).value_or(Errc::internal);
        const bool kept = run["package"].is_string();
        outcome.error = Error(code, kept ? "no provider took the backup; it is kept here and goes out later" : "no backup was made", error);
    }
    outcome.data = run;
    return outcome;
}

Run declare_sync(CLI::App& app) {
    struct Flags {
        std::string label;
        std::uint32_t ok_if = 0;
        bool force = false;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("--label", flags->label, "Words to remember this backup by")->type_name("TEXT");
    app.add_option("--ok-if", flags->ok_if, "Exit 0 also when only so many copies are verified")->type_name("N");
    app.add_flag("--force", flags->force, "Also when nothing has changed (backup.skip_if_unchanged)");
    return [flags](Cli& cli) -> Result<CommandResult> {
        SystemClock clock;
        SyncView view(cli, clock);
        view.start();
        const Json args = Json::object({{"label", flags->label}, {"force", flags->force}});
        const auto answer = ask_or_work(cli, "sync", args, [&](const Json& event) { view.event(event); });
        view.finish();
        CommandResult outcome;
        if (answer)
            outcome = outcome_of(*answer, flags->ok_if);
        else
            outcome.error = answer.error();
        if (!cli.out().json()) return outcome;
        // The last line of the stream: the envelope.
        const int exit_code = outcome.error ? info(outcome.error->code).exit_code : 0;
        Json line = outcome.error ? make_error_envelope("sync", *outcome.error, outcome.data) : make_envelope("sync", 0, outcome.data);
        Json typed = Json::object({{"type", "result"}});
        for (const auto& [key, value] : line.members()) typed.set(key, value);
        Output::write_stdout(typed.dump() + "\n");
        outcome.printed = true;
        outcome.exit_code = exit_code;
        return outcome;
    };
}

// --- auto-sync -----------------------------------------------------------------------------------------------------------

Result<CommandResult> auto_sync_status(Cli& cli) {
    ORACX_TRY(const Config config, cli.config());
    auto report = cli.ask_daemon("schedule", nullptr);
    const bool daemon = report.has_value();
    if (!daemon && report.error().code != Errc::daemon_unreachable) return fail(report.error());
    CommandResult outcome;
    outcome.data = daemon ? *report
                          : Json::object({{"enabled", config.auto_sync.enabled}, {"every", format_duration(config.auto_sync.every)}, {"every_ms", config.auto_sync.every.count()}, {"next", Json::array()}});
    outcome.data.set("daemon", daemon);
    if (!config.auto_sync.enabled) {
        outcome.text = tr("Automatic sync: Inactive") + "\n";
    } else {
        std::string times;
        for (const std::string& time : config.auto_sync.at) times += (times.empty() ? "" : ", ") + time;
        outcome.text = times.empty() ? trf("Automatic sync: on, every {}", shown_duration(config.auto_sync.every)) : trf("Automatic sync: on, at {}", times);
        outcome.text += "\n";
        for (const Json& time : outcome.data["next"].items()) outcome.text += "  " + trf("next {}", shown_time(time)) + "\n";
        if (!daemon) outcome.text += "No daemon runs, so nothing is started by itself: `oracxfs mount`\n";
    }
    return outcome;
}

Run declare_auto_sync_on(CLI::App& app) {
    struct Flags {
        std::string every;
        std::vector<std::string> at;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("--every", flags->every, "12h by default; 6h is recommended")->type_name("DUR");
    app.add_option("--at", flags->at, "At these times of the day instead, for instance 06:00,18:00")->delimiter(',')->type_name("TIMES");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(ConfigDocument document, cli.document());
        if (!flags->every.empty()) {
            ORACX_TRYV(set_from_text(document, "auto_sync.every", flags->every, cli.environment()));
            if (flags->at.empty()) document.set("auto_sync.at", Json::array());
        }
        if (!flags->at.empty()) {
            Json times = Json::array();
            for (const std::string& time : flags->at) times.push(time);
            ORACX_TRYV(set_from_text(document, "auto_sync.at", times.dump(), cli.environment()));
        }
        document.set("auto_sync.enabled", true);
        ORACX_TRYV(cli.save(document));
        return auto_sync_status(cli);
    };
}

Result<CommandResult> auto_sync_off(Cli& cli) {
    ORACX_TRY(ConfigDocument document, cli.document());
    document.set("auto_sync.enabled", false);
    ORACX_TRYV(cli.save(document));
    return auto_sync_status(cli);
}

// --- runs ----------------------------------------------------------------------------------------------------------------

Run declare_runs(CLI::App& app) {
    struct Flags {
        std::string run, kind;
        std::int64_t limit = 20;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("RUN", flags->run, "Only this one, for instance r-42");
    app.add_option("--kind", flags->kind, "backup, prune, scrub, restore, drill or recovery")->type_name("KIND");
    app.add_option("-n,--limit", flags->limit, "The newest N")->type_name("N");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json data, cli.ask("runs", Json::object({{"run", flags->run}, {"kind", flags->kind}, {"limit", flags->limit}})));
        std::vector<std::vector<std::string>> rows;
        const auto add = [&](const Json& run) {
            rows.push_back({run["run"].as_string(), shown_word(run["kind"].as_string()), cli.out().mark(run["state"].as_string()) + " " + shown_word(run["state"].as_string()), shown_time(run["started"]),
                            run["took_ms"].is_int() ? shown_duration(Millis(run["took_ms"].as_int())) : "", run["bytes_out"].as_int() > 0 ? shown_size(run["bytes_out"]) : "",
                            run["package"].is_string() ? printable(get_bytes(run, "package")) : "", tr_sentence(printable(run["error"].as_string()))});
        };
        if (data.find("runs") != nullptr)
            for (const Json& run : data["runs"].items()) add(run);
        else
            add(data);
        CommandResult outcome;
        outcome.text = rows.empty() ? "no run yet\n" : format_table({"run", "kind", "state", "started", ">took", ">size", "package", ""}, rows);
        outcome.data = std::move(data);
        return outcome;
    };
}

}  // namespace

void add_sync_commands(CommandTable& table) {
    const std::string group = "Backups";
    table.push_back({"sync", group, "Back up now: pack, send to all providers, verify, prune", declare_sync});
    table.push_back({"auto-sync", group, "Back up by itself, every 12 hours or as you like", {}});
    table.push_back({"auto-sync on", group, "Switch it on", declare_auto_sync_on});
    table.push_back({"auto-sync off", group, "Switch it off", [](CLI::App&) -> Run { return auto_sync_off; }});
    table.push_back({"auto-sync status", group, "Show when the next backups are due", [](CLI::App&) -> Run { return auto_sync_status; }});
    table.push_back({"runs", group, "Show what was run, and what came of it", declare_runs});
}

}  // namespace oracxfs
