// scrub, backups verify|repair

#include <fmt/format.h>

#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "base/translate.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"
#include "tools/oracxfs/local_core.h"
#include "tools/oracxfs/progress.h"

namespace oracxfs {
namespace {

std::optional<Error> error_of(const Json& report, const std::string& what) {
    if (report["code"].is_null()) return std::nullopt;
    const Errc code = errc_from_name(report["code"].as_string()).value_or(Errc::partial);
    return Error(code, what, report["error"].as_string());
}

// --- scrub ---------------------------------------------------------------------------------------------------------------

CommandResult scrub_outcome(Json report) {
    std::vector<std::vector<std::string>> rows;
    const auto number = [](const Json& value) { return std::to_string(value.as_int()); };
    for (const auto& [provider, c] : report["providers"].members())
        rows.push_back({provider, number(c["planned"]), number(c["good"]), number(c["damaged"]), number(c["missing"]), number(c["put_off"]),
                        trf("{} by hash, {} by a look, {} by download", c["hashes"].as_int(), c["looks"].as_int(), c["downloads"].as_int())});
    CommandResult outcome;
    outcome.text = format_table({"provider", ">planned", ">good", ">damaged", ">missing", ">put off", "how"}, rows);
    for (const Json& found : report["found"].items())
        outcome.text += trf("{} at {}: {}", shown_word(found["outcome"].as_string()), found["provider"].as_string(), printable(get_bytes(found, "path"))) + (found["repaired"].as_bool() ? "  " + tr("replaced") : "") + "\n";
    for (const auto& [provider, why] : report["skipped"].members()) outcome.text += fmt::format("{} could not be asked: {}\n", provider, printable(why.as_string()));
    outcome.error = error_of(report, "not every copy is known to be good");
    outcome.data = std::move(report);
    return outcome;
}

Run declare_scrub(CLI::App& app) {
    struct Flags {
        bool download = false, repair = false;
        std::string older_than, limit;
        double sample = -1;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_flag("--download", flags->download, "Fetch everything and compare it, from all providers");
    app.add_flag("--repair", flags->repair, "Wait until what is bad has been replaced from a good copy");
    app.add_option("--older-than", flags->older_than, "Only copies that were not checked for so long, for instance 30d")->type_name("DUR");
    app.add_option("--sample", flags->sample, "Fetch and compare this share instead of scrub.sample_percent")->check(CLI::Range(0.0, 100.0))->type_name("PCT");
    app.add_option("--bwlimit", flags->limit, "Fetch at most so much per second from all providers together, for instance 2MiB/s")->type_name("RATE");
    return [flags](Cli& cli) -> Result<CommandResult> {
        Json args = Json::object({{"repair", flags->repair}});
        if (!flags->limit.empty()) {
            const auto limit = parse_rate(flags->limit);
            if (!limit || *limit == 0) return fail(Errc::usage, "--bwlimit " + flags->limit, "give a rate such as 2MiB/s");
            args.set("download_limit", *limit);
        }
        if (flags->download) args.set("download", true);
        if (flags->sample >= 0) args.set("sample_percent", flags->sample);
        if (!flags->older_than.empty()) {
            const auto age = parse_duration(flags->older_than);
            if (!age) return fail(Errc::usage, "--older-than " + flags->older_than, "give a duration such as 30d");
            args.set("older_than_ms", age->count());
        }
        SystemClock clock;
        ProgressView progress(cli.out(), clock, cli.environment());
        ORACX_TRY(Json report, ask_or_work(cli, "scrub", args, [&](const Json& event) {
                      if (!cli.out().json()) progress.update(event);
                  }));
        progress.clear();
        return scrub_outcome(std::move(report));
    };
}

std::string scrub_state(const Json& report) {
    const Json& progress = report["progress"];
    if (report["running"].as_bool()) {
        const std::string state = report["paused"].as_bool() ? tr("standing still") : tr("running");
        return progress.is_object() ? trf("{}, {} of {} copies checked", state, progress["members"].as_int(), progress["members_total"].as_int()) : state;
    }
    return report["paused"].as_bool() ? tr("paused") : report["enabled"].as_bool() ? tr("waiting") : tr("switched off (scrub.enabled)");
}

CommandResult scrub_report_outcome(Json report) {
    CommandResult outcome;
    outcome.text = trf("scrub: {}", scrub_state(report)) + "\n";
    for (const auto& [provider, c] : report["progress"]["providers"].members())
        outcome.text += "  " + trf("{}: {} of {}, {} bad", provider, c["good"].as_int() + c["damaged"].as_int() + c["missing"].as_int() + c["gone"].as_int(), c["planned"].as_int(), c["damaged"].as_int() + c["missing"].as_int()) + "\n";
    if (const Json& last = report["last"]; last.is_object() && last["ended"].is_string())
        outcome.text += trf("last: {} {}, {} copies checked", shown_time(last["ended"]), shown_word(last["state"].as_string()), last["members"].as_int()) + (last["error"].is_string() ? ", " + tr_sentence(last["error"].as_string()) : "") + "\n";
    if (report["next"].is_string() && !report["paused"].as_bool()) outcome.text += trf("next: {}", shown_time(report["next"])) + "\n";
    outcome.data = std::move(report);
    return outcome;
}

Run declare_scrub_pause(bool paused) {
    return [paused](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json report, ask_or_work(cli, "scrub-pause", Json::object({{"paused", paused}})));
        return scrub_report_outcome(std::move(report));
    };
}

// --- one backup ----------------------------------------------------------------------------------------------------------

Run declare_verify(CLI::App& app) {
    struct Flags {
        std::string backup, provider;
        bool download = false;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("BACKUP", flags->backup, "Its name, a part of it that fits no other (20250105_060000), or latest")->required();
    app.add_option("--provider", flags->provider, "Only this provider's copy")->type_name("NAME");
    app.add_flag("--download", flags->download, "Fetch every byte, also where the provider could compare by itself");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json report, ask_or_work(cli, "backups-verify", Json::object({{"backup", flags->backup}, {"provider", flags->provider}, {"download", flags->download}})));
        CommandResult outcome;
        outcome.text = printable(get_bytes(report, "package")) + "\n";
        for (const Json& copy : report["copies"].items())
            outcome.text += fmt::format("  {} {}: {}{}\n", cli.out().mark(copy["outcome"].as_string() == "good" ? "verified" : copy["outcome"].as_string()), copy["provider"].as_string(), shown_word(copy["outcome"].as_string()),
                                        copy["error"].is_string() ? "  " + tr_sentence(printable(copy["error"].as_string())) : "");
        outcome.error = error_of(report, "not every copy of this backup is known to be good");
        outcome.data = std::move(report);
        return outcome;
    };
}

Run declare_repair(CLI::App& app) {
    const auto name = std::make_shared<std::string>();
    app.add_option("BACKUP", *name, "Its name, a part of it that fits no other (20250105_060000), or latest")->required();
    return [name](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json report, ask_or_work(cli, "backups-repair", Json::object({{"backup", *name}})));
        CommandResult outcome;
        outcome.text = fmt::format("{}: {} of {} copies are verified\n", printable(get_bytes(report, "name")), report["copies"]["verified"].as_int(), report["copies"]["wanted"].as_int());
        for (const Json& replica : report["replicas"].items())
            outcome.text += fmt::format("  {} {}: {}{}\n", cli.out().mark(replica["state"].as_string()), replica["provider"].as_string(), shown_word(replica["state"].as_string()),
                                        replica["error"].is_string() ? "  " + tr_sentence(printable(replica["error"].as_string())) : "");
        outcome.error = error_of(report, "not every provider has a good copy yet");
        outcome.data = std::move(report);
        return outcome;
    };
}

}  // namespace

void add_scrub_commands(CommandTable& table) {
    const std::string group = "Backups";
    table.push_back({"backups verify", group, "Ask the providers whether their copies are good", declare_verify});
    table.push_back({"backups repair", group, "Replace bad or missing copies now, and wait for it", declare_repair});
    table.push_back({"scrub", group, "Compare all stored copies with what was written", declare_scrub});
    table.push_back({"scrub pause", group, "Let scrubbing stand still, also the planned ones", [](CLI::App&) { return declare_scrub_pause(true); }});
    table.push_back({"scrub resume", group, "Go on where it stood still", [](CLI::App&) { return declare_scrub_pause(false); }});
    table.push_back({"scrub status", group, "How far it is, what the last one found, when the next one is", [](CLI::App&) -> Run {
                         return [](Cli& cli) -> Result<CommandResult> {
                             ORACX_TRY(Json report, ask_or_work(cli, "scrub-report", Json()));
                             return scrub_report_outcome(std::move(report));
                         };
                     }});
}

}  // namespace oracxfs
