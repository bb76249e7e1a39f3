// backups list|show|prune|pin|unpin|delete

#include <fmt/format.h>

#include "base/translate.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/local_core.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

std::string reasons_of(const Json& package) {
    std::string text = package["pinned"].as_bool() ? tr("pinned") : "";
    for (const char* key : {"kept_because", "removed_because"})
        for (const Json& reason : package[key].items())
            if (const std::string shown = tr_sentence(reason.as_string()); shown != text) text += (text.empty() ? "" : ", ") + shown;
    return text;
}

Run declare_list(CLI::App& app) {
    struct Flags {
        std::string provider, state, since;
        std::int64_t limit = 0;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("--provider", flags->provider, "Only those that this provider should hold")->type_name("NAME");
    app.add_option("--state", flags->state, "Only those with a copy in this state")->type_name("STATE");
    app.add_option("--since", flags->since, "Only the newer ones, for instance 30d")->type_name("DUR");
    app.add_option("-n,--limit", flags->limit, "The newest N")->type_name("N");
    return [flags](Cli& cli) -> Result<CommandResult> {
        Json args = Json::object({{"provider", flags->provider}, {"state", flags->state}});
        if (flags->limit > 0) args.set("limit", flags->limit);
        if (!flags->since.empty()) {
            const auto age = parse_duration(flags->since);
            if (!age) return fail(Errc::usage, "--since " + flags->since, "give a duration such as 30d");
            args.set("since_ms", to_ms(SystemClock().wall() - *age));
        }
        Json list = Json::array();
        ORACX_TRYV(cli.ask("backups-list", args, [&](const Json& event) {
            for (const Json& row : event["rows"].items()) list.push(row);
        }));
        std::vector<std::vector<std::string>> rows;
        for (const Json& package : list.items()) {
            std::string copies;
            for (const Json& replica : package["replicas"].items())
                copies += (copies.empty() ? "" : " ") + cli.out().mark(replica["state"].as_string()) + replica["provider"].as_string();
            rows.push_back({printable(get_bytes(package, "name")), shown_time(package["time"]), shown_size(package["size"]),
                            fmt::format("{}/{}", package["copies"]["verified"].as_int(), package["copies"]["wanted"].as_int()), copies, reasons_of(package),
                            printable(package["label"].as_string())});
        }
        CommandResult outcome;
        outcome.text = rows.empty() ? "no backup yet: `oracxfs sync` makes one\n" : format_table({"backup", "time", ">size", ">verified", "copies", "kept because", ""}, rows);
        outcome.data = Json::object({{"backups", std::move(list)}});
        return outcome;
    };
}

std::shared_ptr<std::string> backup_option(CLI::App& app) {
    auto name = std::make_shared<std::string>();
    app.add_option("BACKUP", *name, "Its name, a part of it that fits no other (20250105_060000), or latest")->required();
    return name;
}

Run declare_show(CLI::App& app) {
    return [name = backup_option(app)](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json package, cli.ask("backups-show", Json::object({{"backup", *name}})));
        std::vector<std::vector<std::string>> rows = {{"  " + tr("made"), shown_time(package["time"])}, {"  " + tr("size"), shown_size(package["size"])}, {"  sha256", package["sha256"].as_string()}};
        if (package["members"].is_int()) rows.push_back({"  " + tr("members"), trf("{} ({} before packing)", package["members"].as_int(), shown_size(package["bytes_in"]))});
        if (const std::string why = reasons_of(package); !why.empty()) rows.push_back({"  " + tr("kept"), why});
        if (!package["label"].as_string().empty()) rows.push_back({"  " + tr("label"), printable(package["label"].as_string())});
        std::string text = printable(get_bytes(package, "name")) + "\n" + format_table({"", ""}, rows);
        for (const Json& replica : package["replicas"].items())
            text += fmt::format("  {} {}: {}{}{}\n", cli.out().mark(replica["state"].as_string()), replica["provider"].as_string(), shown_word(replica["state"].as_string()),
                                replica["verified_at"].is_string() ? ", " + trf("checked {}", shown_time(replica["verified_at"])) : "",
                                replica["error"].is_string() ? "  " + tr_sentence(printable(replica["error"].as_string())) : "");
        CommandResult outcome;
        outcome.text = std::move(text);
        outcome.data = std::move(package);
        return outcome;
    };
}

Run declare_pin(CLI::App& app, bool pinned) {
    const auto label = std::make_shared<std::string>();
    const auto name = backup_option(app);
    if (pinned) app.add_option("--label", *label, "Words to remember it by")->type_name("TEXT");
    return [name, label, pinned](Cli& cli) -> Result<CommandResult> {
        Json args = Json::object({{"backup", *name}, {"pinned", pinned}});
        if (!label->empty()) args.set("label", *label);
        ORACX_TRY(Json package, cli.ask("backups-mark", args));
        CommandResult outcome;
        outcome.text = printable(get_bytes(package, "name")) + (pinned ? " is pinned: it is never pruned" : " is not pinned any more");
        outcome.data = std::move(package);
        return outcome;
    };
}

Run declare_delete(CLI::App& app) {
    const auto last = std::make_shared<bool>(false);
    app.add_flag("--even-the-last", *last, "Also when no other backup has a verified copy");
    return [name = backup_option(app), last](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const Json package, cli.ask("backups-show", Json::object({{"backup", *name}})));
        const std::string full = get_bytes(package, "name");
        ORACX_TRYV(cli.confirm("Delete " + printable(full) + " at all providers?", "delete " + full));
        ORACX_TRY(Json gone, ask_or_work(cli, "backups-delete", Json::object({{"backup", full}, {"even_the_last", *last}})));
        CommandResult outcome;
        outcome.text = printable(full) + " is deleted; the providers keep it in their trash for some days";
        outcome.data = std::move(gone);
        return outcome;
    };
}

std::string render_plan(const Json& plan) {
    std::vector<std::vector<std::string>> rows;
    for (const char* list : {"remove", "keep"})
        for (const Json& package : plan[list].items())
            rows.push_back({shown_word(std::string(list) == "keep" ? "keep" : package["fate"].as_string() == "held" ? "held" : "remove"), printable(get_bytes(package, "name")), shown_size(package["size"]), reasons_of(package)});
    std::string text = format_table({"", "backup", ">size", "because"}, rows);
    for (const auto& [provider, bytes] : plan["freed_bytes"].members()) text += trf("frees {} at {}", shown_size(bytes), provider) + "\n";
    for (const Json& hold : plan["holds"].items()) text += trf("nothing is removed: {}", tr_sentence(hold.as_string())) + "\n";
    return text;
}

Run declare_prune(CLI::App& app) {
    struct Flags {
        bool dry_run = false, force = false;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_flag("--dry-run", flags->dry_run, "Only show what would go");
    app.add_flag("--force", flags->force, "Also more than retention.max_delete_percent");
    return [flags](Cli& cli) -> Result<CommandResult> {
        const Json asked = Json::object({{"force", flags->force}});
        ORACX_TRY(Json plan, cli.ask("prune-preview", asked));
        CommandResult outcome;
        const std::size_t going = plan["remove"].items().size();
        const bool nothing = going == 0;
        if (flags->dry_run || nothing) {
            outcome.text = render_plan(plan) + (nothing ? tr("nothing to remove") + "\n" : "");
            outcome.data = std::move(plan);
            return outcome;
        }
        if (!cli.out().json()) Output::write_stdout(render_plan(plan));
        if (plan["holds"].items().empty())
            ORACX_TRYV(cli.confirm(going == 1 ? "Remove 1 backup at all providers?" : fmt::format("Remove {} backups at all providers?", going), "prune"));
        ORACX_TRY(outcome.data, ask_or_work(cli, "backups-prune", Json::object({{"plan_id", plan["plan_id"].as_string()}, {"force", flags->force}})));
        const std::size_t removed = outcome.data["removed"].items().size();
        outcome.text = ntrf("{} backup removed; the providers keep it in their trash for some days", "{} backups removed; the providers keep them in their trash for some days", removed, removed);
        return outcome;
    };
}

}  // namespace

void add_backup_commands(CommandTable& table) {
    const std::string group = "Backups";
    table.push_back({"backups", group, "Look at, restore from, and tidy backups", {}});
    table.push_back({"backups list", group, "All backups, and where each copy is", declare_list});
    table.push_back({"backups show", group, "One backup in detail", declare_show});
    table.push_back({"backups prune", group, "Remove what retention does not keep; shows it first", declare_prune});
    table.push_back({"backups pin", group, "Never prune this one", [](CLI::App& app) { return declare_pin(app, true); }});
    table.push_back({"backups unpin", group, "Let retention decide again", [](CLI::App& app) { return declare_pin(app, false); }});
    table.push_back({"backups delete", group, "Remove one backup", declare_delete});
}

}  // namespace oracxfs
