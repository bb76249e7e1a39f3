// log

#include <fmt/format.h>

#include <filesystem>

#include "base/translate.h"
#include "tools/activity/activity_follow.h"
#include "tools/activity/activity_handlers.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"

namespace oracxfs {
namespace {

struct LogFlags {
    bool follow = false;
    std::int64_t count = 50;
    std::string provider, run, level, category, path, since;
};

// "2h" (so long ago) or "2026-11-30T12:00:00Z".
Result<WallTime> parse_since(const std::string& text, WallTime now) {
    if (const auto age = parse_duration(text)) return now - *age;
    if (const auto time = parse_utc(text)) return *time;
    return fail(Errc::usage, "--since " + printable(text), "give an age such as 2h or 3d, or a time such as 2026-11-30T12:00:00Z");
}

std::string line_of(const Json& entry) {
    std::string line = fmt::format("{} {:7} {}", entry["at"].as_string(), entry["level"].as_string(), entry["kind"].as_string());
    std::string providers;
    for (const Json& name : entry["providers"].items()) providers += (providers.empty() ? "" : ",") + name.as_string();
    if (!providers.empty()) line += "  " + providers;
    if (entry["path"].is_string()) line += "  " + printable(get_bytes(entry, "path"));
    return line + "  " + tr_sentence(printable(entry["message"].as_string())) + "\n";
}

Result<CommandResult> follow(Cli& cli, const Json& args, std::uint64_t after_seq) {
    std::error_code ignored;
    std::filesystem::create_directories(cli.places().state, ignored);  // a state that is still to come is followed, too
    ORACX_TRY(const ActivityFilter filter, activity_filter(args));
    ORACX_TRY(auto follower, ActivityFollower::open(cli.places().state, after_seq));
    if (!cli.daemon_socket()) cli.out().note("no daemon runs; what the next one does is shown here");
    ORACX_TRYV(follower.run(cli.signals().token(), [&](const ActivityEntry& entry) {
        if (!filter.matches(entry)) return;
        Json json = activity_to_json(entry);
        json.set("type", "event");
        Output::write_stdout(cli.out().json() ? json.dump() + "\n" : line_of(json));
    }));
    CommandResult outcome;
    outcome.printed = true;
    return outcome;
}

Run declare_log(CLI::App& app) {
    const auto flags = std::make_shared<LogFlags>();
    app.add_flag("-f,--follow", flags->follow, "Go on with what happens next, also when the daemon is started anew");
    app.add_option("-n,--lines", flags->count, "So many entries")->type_name("N")->check(CLI::Range(0, 100'000));
    app.add_option("--provider", flags->provider, "Only what concerns this provider")->type_name("NAME");
    app.add_option("--run", flags->run, "Only this run, for instance r-42")->type_name("RUN");
    app.add_option("--level", flags->level, "Only from this level on: info, warning or error")->check(CLI::IsMember({"info", "warning", "error"}))->type_name("LEVEL");
    app.add_option("--category", flags->category, "run, file, repair, provider, state, conflict, prune, access, settings, service, notify or admin")->type_name("WORD");
    app.add_option("--path", flags->path, "Only this file")->type_name("PATH");
    app.add_option("--since", flags->since, "Not older: 2h, 3d, or a time in UTC")->type_name("TIME");
    return [flags](Cli& cli) -> Result<CommandResult> {
        SystemClock clock;
        Json args = Json::object({{"limit", flags->count}, {"provider", flags->provider}, {"run", flags->run}, {"level", flags->level}, {"category", flags->category}});
        if (!flags->path.empty()) set_bytes(args, "path", cli.path_in_mount(flags->path));
        if (!flags->since.empty()) {
            ORACX_TRY(const WallTime since, parse_since(flags->since, clock.wall()));
            args.set("since_ms", to_ms(since));
        }
        Json events = Json::array();
        const bool collect = cli.out().json() && !flags->follow;
        ORACX_TRY(const Json answer, cli.ask("log", args, [&](const Json& entry) {
                      if (collect) return void(events.push(entry));
                      Output::write_stdout(cli.out().json() ? entry.dump() + "\n" : line_of(entry));
                  }));
        if (flags->follow) return follow(cli, args, static_cast<std::uint64_t>(answer["last_seq"].as_int()));
        CommandResult outcome;
        outcome.printed = !collect;
        outcome.data = Json::object({{"events", std::move(events)}, {"older", answer["older"]}});
        if (answer["count"].as_int() == 0) cli.out().note("nothing to report");
        return outcome;
    };
}

}  // namespace

void add_log_commands(CommandTable& table) { table.push_back({"log", "Look", "Show what happened", declare_log}); }

}  // namespace oracxfs
