// notifications list|test

#include <fmt/format.h>

#include "base/translate.h"
#include "tools/notify/notifier.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

constexpr Millis kTestMax{120'000};

// The daemon's own account, or what it left when it ended.
Result<Json> report_of(Cli& cli) {
    auto answer = cli.ask_daemon("notifications", nullptr);
    if (answer || answer.error().code != Errc::daemon_unreachable) return answer;
    ORACX_TRY(const Config config, cli.config());
    SystemDisk disk;
    auto state = read_notify_state(disk, cli.places().state);
    if (!state && state.error().code != Errc::not_found) return fail(std::move(state).error());
    return notifications_report(config, state ? *state : NotifyState{});
}

std::string last_words(const Json& target, WallTime now) {
    const Json& last = target["last"];
    if (!last.is_object()) return tr("never");
    const std::string age = shown_age(last["at"], now);
    return last["ok"].as_bool() ? age + ": " + tr_sentence(last["what"].as_string()) : trf("{}: failed, {}", age, tr_sentence(last["error"].as_string()));
}

Result<CommandResult> list(Cli& cli) {
    ORACX_TRY(Json data, report_of(cli));
    SystemClock clock;
    std::vector<std::vector<std::string>> rows;
    for (const Json& target : data["targets"].items()) {
        std::string on;
        for (const Json& word : target["on"].items()) on += (on.empty() ? "" : ",") + word.as_string();
        if (target["type"].as_string() == "heartbeat") on = tr("each run");
        const std::size_t waiting = target["waiting"].items().size();
        rows.push_back({target["id"].as_string(), target["type"].as_string(), target["enabled"].as_bool() ? tr("on") : tr("off"), printable(target["place"].as_string()), on,
                        printable(last_words(target, clock.wall())), waiting == 0 ? "" : trf("{} waiting", waiting)});
    }
    CommandResult outcome;
    if (rows.empty())
        outcome.text = "nobody is told of anything: notify.targets is empty (docs/NOTIFICATIONS.md)\n";
    else
        outcome.text = format_table({"id", "type", "", "to", "of", "last", ""}, rows);
    outcome.data = std::move(data);
    return outcome;
}

Run declare_test(CLI::App& app) {
    const auto id = std::make_shared<std::string>();
    app.add_option("ID", *id, "As `notifications list` shows it")->required();
    return [id](Cli& cli) -> Result<CommandResult> {
        auto answer = cli.ask_daemon("notification-test", Json::object({{"id", *id}}));
        if (!answer && answer.error().code == Errc::daemon_unreachable) {
            ORACX_TRY(const Config config, cli.config());
            SystemClock clock;
            const auto delivery = test_delivery_for(config, *id, clock.wall());
            if (!delivery) return fail(Errc::not_found, "test notification " + *id, "there is no such target; `oracxfs notifications list` shows them");
            const SenderParts parts{clock, cli.environment(), [&cli](const std::string& name) { return cli.secrets().get(name); }};
            answer = run_test_delivery({cli.signals().token(), clock.steady() + kTestMax}, parts, config, *delivery);
        }
        if (!answer) return fail(answer.error());
        CommandResult outcome;
        const bool unseen = (*answer)["answer"].as_string() == "no desktop session";
        outcome.text = unseen ? *id + ": there is no desktop session here, so nothing is shown"
                              : fmt::format("{}: delivered to {} ({}, {} ms)", *id, printable((*answer)["place"].as_string()), printable((*answer)["answer"].as_string()), (*answer)["took_ms"].as_int());
        outcome.data = std::move(*answer);
        return outcome;
    };
}

}  // namespace

void add_notification_commands(CommandTable& table) {
    const std::string group = "Configuration";
    table.push_back({"notifications", group, "Who is told when something is wrong", {}});
    table.push_back({"notifications list", group, "Show the targets, and how the last delivery went", [](CLI::App&) -> Run { return list; }});
    table.push_back({"notifications test", group, "Send a test to one of them", declare_test});
}

}  // namespace oracxfs
