// help, explain, version

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"

namespace oracxfs {
namespace {

constexpr std::array kAllCodes = {
#define X(name, e_code, err, exit_code, retry, hint) Errc::name,
#include "base/error_codes.def"
#undef X
};

struct Topic {
    std::string_view name, text;
};
constexpr std::array kTopics = {
    Topic{"exit-codes", R"(Exit codes of oracxfs are stable.
  0   done; all active providers hold verified copies where that was asked
  1   unexpected failure
  2   wrong usage
  3   partial: safe, but not at all providers
  4   sign-in needed
  5   temporary: retried by itself
  6   integrity: a copy does not match
  7   quota or disk full
  8   not found
  9   busy, or uploads still pending
  10  not configured, or the configuration is invalid
  11  the daemon is not reachable
  12  passphrase wrong or master key unavailable
  13  host key unknown or changed
  14  refused: needs --yes
  15  mount failed
  130, 143  interrupted by SIGINT, SIGTERM; what was begun goes on later
)"},
    Topic{"json", R"(With --json each command prints one envelope on stdout, also when it fails:
  {"schema":"oracxfs/1","command":"status","ok":true,"exit_code":0,"data":{...},"warnings":[...],"error":null}
Times are RFC 3339 in UTC, sizes bytes, durations milliseconds (_ms). A name that is not UTF-8 comes with its bytes in
"<key>_b64". New members may appear, none changes its meaning within oracxfs/1.
`log -f --json` prints one event a line.
)"},
    Topic{"environment", R"(ORACXFS_HOME             everything in one folder: configuration, state, cache, log, socket
ORACXFS_<SECTION>_<KEY>  overrides one setting, as ORACXFS_MOUNT_CLOSE_WAITS_FOR=journal
ORACXFS_PASSPHRASE_FILE  a file with the passphrase of the stored secrets
NO_COLOR, COLUMNS        respected
)"},
    Topic{"security", R"(Passwords and tokens are never taken from the command line: use --password-file, --password-stdin or the prompt.
They are kept encrypted (AES-256-GCM) in secrets.db under the key in master.key; cloud_config.json holds none.
Host keys and certificates are always checked. The control socket is for this user and root only.
)"},
    Topic{"restore", R"(Every copy is a plain file in a plain folder. To restore, copy it out of the mount, or fetch it from any one provider
with its own tools (a file manager, sftp, a browser). oracxfs is not needed for that.
)"},
};

std::string errors_topic() {
    std::string text;
    for (const Errc code : kAllCodes) text += fmt::format("{:20} exit {:<4} {}\n", info(code).e_code, info(code).exit_code, info(code).hint);
    return text;
}

const CLI::App* find_command(const CLI::App& root, const std::string& name) {
    const auto all = root.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
    return all.empty() ? nullptr : all.front();
}

Run declare_help(CLI::App& app) {
    const auto topic = std::make_shared<std::string>();
    app.add_option("TOPIC", *topic, "A command, or exit-codes, errors, json, environment, security, restore");
    return [topic, root = app.get_parent()](Cli&) -> Result<CommandResult> {
        CommandResult outcome;
        if (topic->empty()) {
            outcome.text = root->help();
        } else if (*topic == "errors") {
            outcome.text = errors_topic();
        } else if (const auto found = std::find_if(kTopics.begin(), kTopics.end(), [&](const Topic& t) { return t.name == *topic; }); found != kTopics.end()) {
            outcome.text = found->text;
        } else if (const CLI::App* command = find_command(*root, *topic)) {
            outcome.text = command->help("oracxfs");
        } else {
            return fail(Errc::usage, "no help on \"" + *topic + "\"", "topics: exit-codes, errors, json, environment, security, restore, or a command");
        }
        outcome.data = Json::object({{"text", outcome.text}});
        return outcome;
    };
}

Result<CommandResult> explain_code(Errc code) {
    const ErrcInfo& row = info(code);
    const char* retry = row.retry == RetryClass::later ? "it is tried again by itself" : row.retry == RetryClass::look ? "the next attempt looks first" : "it needs a change";
    return CommandResult{Json::object({{"code", row.e_code}, {"name", row.name}, {"exit_code", row.exit_code}, {"retry", retry}, {"next", row.hint}}),
                   fmt::format("{} ({})\nexit:  {}\nretry: {}\nnext:  {}\nmore:  docs/ERRORS.md\n", row.e_code, row.name, row.exit_code, retry, row.hint), 0, {}, false};
}

Result<CommandResult> explain_file(Cli& cli, const std::string& typed) {
    Json args = Json::object();
    const std::string path = cli.path_in_mount(typed);
    set_bytes(args, "path", path);
    ORACX_TRY(Json data, cli.ask("explain-path", std::move(args)));
    std::string text = printable(path) + "\n";
    for (const Json& row : data["replicas"].items()) {
        text += fmt::format("  {} {}: {}", cli.out().mark(row["state"].as_string()), row["provider"].as_string(), row["state"].as_string());
        if (row["error"].is_string()) text += "  " + printable(row["error"].as_string());
        text += "\n";
        if (row["error"].is_string())
            if (const auto code = errc_from_name(row["error"].as_string().substr(0, row["error"].as_string().find(' '))))
                text += fmt::format("      next: {}\n", info(*code).hint);
    }
    for (const Json& event : data["events"].items())
        text += fmt::format("  {} {} {}\n", event["at"].as_string(), event["level"].as_string(), printable(event["message"].as_string()));
    return CommandResult{std::move(data), std::move(text), 0, {}, false};
}

Run declare_explain(CLI::App& app) {
    const auto what = std::make_shared<std::string>();
    app.add_option("CODE|PATH", *what, "An error code as E-QUOTA-FULL, or a file in the mount")->required();
    return [what](Cli& cli) -> Result<CommandResult> {
        if (const auto code = errc_from_name(*what)) return explain_code(*code);
        if (what->starts_with("E-")) return fail(Errc::not_found, "explain " + *what, "there is no such code; `oracxfs help errors` lists them");
        return explain_file(cli, *what);
    };
}

Result<CommandResult> version(Cli&) {
    return CommandResult{Json::object({{"version", ORACXFS_VERSION}}), "oracxfs " ORACXFS_VERSION, 0, {}, false};
}

}  // namespace

void add_help_commands(CommandTable& table) {
    table.push_back({"explain", "Help", "Explain an error code, or what is wrong with a file", declare_explain});
    table.push_back({"help", "Help", "Help on a command or a topic", declare_help});
    table.push_back({"version", "Help", "Show the version", [](CLI::App&) -> Run { return version; }});
}

}  // namespace oracxfs
