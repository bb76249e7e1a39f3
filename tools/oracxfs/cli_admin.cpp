// admin: the web page of a running daemon.

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "tools/admin/admin_service.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "base/translate.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/sign_in_terminal.h"

namespace oracxfs {
namespace {

std::string render_status(const Json& data) {
    std::string text;
    if (data["running"].as_bool())
        text = trf("web admin: on, {}", data["url"].as_string()) + "\n";
    else
        text = (data["enabled"].as_bool() ? tr("web admin: off") : tr("web admin: off (admin.enabled is false)")) + "\n";
    if (data["error"].is_string()) text += trf("why:       {}", tr_sentence(data["error"].as_string())) + "\n";
    if (data["set_up"].is_bool() && !data["set_up"].as_bool()) text += tr("password:  none yet; begin with `oracxfs admin code`") + "\n";
    if (data["running"].as_bool()) text += trf("sessions:  {}, open connections: {}", data["sessions"].as_int(), data["connections"].as_int()) + "\n";
    return text;
}

Result<CommandResult> show_status(Cli& cli) {
    ORACX_TRY(Json data, cli.ask_daemon("admin-status", nullptr));
    CommandResult outcome;
    outcome.text = render_status(data);
    outcome.data = std::move(data);
    return outcome;
}

Result<CommandResult> switch_it(Cli& cli, const char* command) {
    ORACX_TRY(Json data, cli.ask_daemon(command, nullptr));
    CommandResult outcome;
    outcome.text = render_status(data);
    outcome.data = std::move(data);
    return outcome;
}

Result<CommandResult> show_code(Cli& cli) {
    ORACX_TRY(Json data, cli.ask_daemon("admin-code", nullptr));
    ORACX_TRY(const Json status, cli.ask_daemon("admin-status", nullptr));
    data.set("url", status["url"]);
    CommandResult outcome;
    outcome.text = fmt::format("{}\nenter it at {} within {}; it is good for one password", data["code"].as_string(), status["url"].is_string() ? status["url"].as_string() : "the web admin (it is off: `oracxfs admin start`)",
                               format_duration(Millis(data["left_ms"].as_int() / 1'000 * 1'000)));
    outcome.data = std::move(data);
    return outcome;
}

// Without a daemon the password is written where the next one finds it.
Status store_without_daemon(Cli& cli, const std::string& password) {
    ORACX_TRY(const Config config, cli.config());
    ORACX_TRY(const StateLock lock, StateLock::acquire(cli.places().lock_file, {::getpid(), false, {}, {}}, Millis(5'000)));
    SystemClock clock;
    ORACX_TRY(const auto accounts, Accounts::open(accounts_options(cli.places().state, config), clock));
    return accounts->set_password(password);
}

Run declare_password(CLI::App& app) {
    struct Flags {
        std::string file;
        bool standard_input = false;
    };
    const auto flags = std::make_shared<Flags>();
    auto* file = app.add_option("--password-file", flags->file, "First line of FILE, - for standard input")->type_name("FILE");
    app.add_flag("--password-stdin", flags->standard_input, "First line of standard input")->excludes(file);
    return [flags](Cli& cli) -> Result<CommandResult> {
        std::string password;
        if (flags->standard_input) {
            ORACX_TRY(password, read_secret_stdin());
        } else if (!flags->file.empty()) {
            ORACX_TRY(password, read_secret_file(flags->file));
        } else {
            ORACX_TRY(password, prompt_secret("New password of the web admin (not shown)"));
            ORACX_TRY(const std::string again, prompt_secret("Once more"));
            if (again != password) return fail(Errc::usage, "set the password", "the two are not the same");
        }
        if (cli.daemon_socket())
            ORACX_TRYV(cli.ask_daemon("admin-password", Json::object({{"password", password}})));
        else
            ORACX_TRYV(store_without_daemon(cli, password));
        return CommandResult{Json::object({{"set", true}}), "the password of the web admin is set; all its sessions have ended", 0, {}, false};
    };
}

Result<CommandResult> show_url(Cli& cli, bool open) {
    ORACX_TRY(const Json status, cli.ask_daemon("admin-status", nullptr));
    if (!status["running"].as_bool()) return fail(Errc::unavailable, "open the web admin", status["error"].is_string() ? status["error"].as_string() : "it is off; `oracxfs admin start`");
    const std::string& url = status["url"].as_string();
    if (open) open_browser(url);
    return CommandResult{Json::object({{"url", url}}), url, 0, {}, false};
}

Run declare_sessions(CLI::App& app) {
    const auto end = std::make_shared<bool>(false);
    app.add_flag("--end-all", *end, "Sign everybody out");
    return [end](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(Json data, cli.ask_daemon("admin-sessions", Json::object({{"end_all", *end}})));
        std::vector<std::vector<std::string>> rows;
        for (const Json& session : data["sessions"].items())
            rows.push_back({session["id"].as_string(), session["created"].as_string(), session["last_used"].as_string(), printable(session["address"].as_string()), printable(session["agent"].as_string())});
        CommandResult outcome;
        outcome.text = *end ? fmt::format("{} sessions ended\n", data["ended"].as_int()) : rows.empty() ? "nobody is signed in\n" : format_table({"SESSION", "SINCE", "LAST USED", "FROM", ""}, rows);
        outcome.data = std::move(data);
        return outcome;
    };
}

struct TokenFlags {
    std::string action = "list", id, name, scope = "read";
    std::int64_t days = 0;
};

Result<CommandResult> work_on_tokens(Cli& cli, const TokenFlags& flags) {
    if (flags.action == "add" && flags.name.empty()) return fail(Errc::usage, "make an API token", "give --name");
    if (flags.action == "remove" && flags.id.empty()) return fail(Errc::usage, "remove an API token", "give its id, as `oracxfs admin tokens` shows it");
    ORACX_TRY(Json data, cli.ask_daemon("admin-tokens", Json::object({{"action", flags.action}, {"id", flags.id}, {"name", flags.name}, {"scope", flags.scope}, {"days", flags.days}})));
    CommandResult outcome;
    if (flags.action == "add") {
        outcome.text = data["token"].as_string() + "\nit is shown this once; send it as \"Authorization: Bearer ...\"";
        if (cli.out().json()) {  // what is printed as JSON passes through redaction; this one value is what was asked for
            Output::write_stdout(make_envelope("admin tokens", 0, data).dump() + "\n");
            outcome.printed = true;
        }
    } else if (flags.action == "remove") {
        outcome.text = "API token " + flags.id + " is removed";
    } else {
        std::vector<std::vector<std::string>> rows;
        for (const Json& token : data["tokens"].items())
            rows.push_back({token["id"].as_string(), printable(token["name"].as_string()), token["scope"].as_string(), token["created"].as_string(), token["expires"].is_string() ? token["expires"].as_string() : "never",
                            token["last_used"].is_string() ? token["last_used"].as_string() : "never"});
        outcome.text = rows.empty() ? "there are no API tokens\n" : format_table({"TOKEN", "NAME", "SCOPE", "MADE", "ENDS", "LAST USED"}, rows);
    }
    outcome.data = std::move(data);
    return outcome;
}

Run declare_tokens(CLI::App& app) {
    const auto flags = std::make_shared<TokenFlags>();
    app.add_option("ACTION", flags->action, "list, add or remove")->check(CLI::IsMember({"list", "add", "remove"}));
    app.add_option("ID", flags->id, "Which one to remove");
    app.add_option("--name", flags->name, "What it is for")->type_name("NAME");
    app.add_option("--scope", flags->scope, "read, operate or admin")->check(CLI::IsMember({"read", "operate", "admin"}))->type_name("SCOPE");
    app.add_option("--days", flags->days, "How long it is good; 0 = until it is removed")->check(CLI::Range(0, 3650))->type_name("N");
    return [flags](Cli& cli) { return work_on_tokens(cli, *flags); };
}

}  // namespace

void add_admin_commands(CommandTable& table) {
    const std::string group = "Web admin";
    table.push_back({"admin", group, "The web page at http://localhost:10000/admin/cloud", {}});
    table.push_back({"admin status", group, "Is it on, and where", [](CLI::App&) -> Run { return show_status; }});
    table.push_back({"admin start", group, "Switch it on until the daemon ends (admin.enabled keeps it on)", [](CLI::App&) -> Run { return [](Cli& cli) { return switch_it(cli, "admin-start"); }; }});
    table.push_back({"admin stop", group, "Switch it off until the daemon ends", [](CLI::App&) -> Run { return [](Cli& cli) { return switch_it(cli, "admin-stop"); }; }});
    table.push_back({"admin url", group, "Print its address", [](CLI::App&) -> Run { return [](Cli& cli) { return show_url(cli, false); }; }});
    table.push_back({"admin open", group, "Open it in the browser", [](CLI::App&) -> Run { return [](Cli& cli) { return show_url(cli, true); }; }});
    table.push_back({"admin code", group, "Show the code that the first visit asks for", [](CLI::App&) -> Run { return show_code; }});
    table.push_back({"admin password", group, "Set a new password; ends all sessions", declare_password});
    table.push_back({"admin sessions", group, "Who is signed in", declare_sessions});
    table.push_back({"admin tokens", group, "API tokens: list, add --name N --scope S, remove ID", declare_tokens});
}

}  // namespace oracxfs
