// help, explain, version

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/translate.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/help_topics.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

constexpr std::array kAllCodes = {
#define X(name, e_code, err, exit_code, retry, hint) Errc::name,
#include "base/error_codes.def"
#undef X
};

std::string errors_topic() {
    std::string text;
    for (const Errc code : kAllCodes) text += trf("{:20} exit {:<4} {}", info(code).e_code, info(code).exit_code, tr(info(code).hint)) + "\n";
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
        } else if (std::string text = help_topic(*topic); !text.empty()) {
            outcome.text = std::move(text);
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
    const char* retry = row.retry == RetryClass::later  ? ORACX_TEXT("it is tried again by itself")
                        : row.retry == RetryClass::look ? ORACX_TEXT("the next attempt looks first")
                                                        : ORACX_TEXT("it needs a change");
    return CommandResult{Json::object({{"code", row.e_code}, {"name", row.name}, {"exit_code", row.exit_code}, {"retry", retry}, {"next", row.hint}}),
                         trf("{} ({})\nexit:  {}\nretry: {}\nnext:  {}\nmore:  docs/ERRORS.md\n", row.e_code, row.name, row.exit_code, tr(retry), tr(row.hint)), 0, {}, false};
}

Result<CommandResult> explain_file(Cli& cli, const std::string& typed) {
    Json args = Json::object();
    const std::string path = cli.path_in_mount(typed);
    set_bytes(args, "path", path);
    ORACX_TRY(Json data, cli.ask("explain-path", std::move(args)));
    std::string text = printable(path) + "\n";
    for (const Json& row : data["replicas"].items()) {
        text += fmt::format("  {} {}: {}", cli.out().mark(row["state"].as_string()), row["provider"].as_string(), shown_word(row["state"].as_string()));
        if (row["error"].is_string()) text += "  " + tr_sentence(printable(row["error"].as_string()));
        text += "\n";
        if (row["error"].is_string())
            if (const auto code = errc_from_name(row["error"].as_string().substr(0, row["error"].as_string().find(' '))))
                text += "      " + trf("next: {}", tr(info(*code).hint)) + "\n";
    }
    for (const Json& event : data["events"].items())
        text += fmt::format("  {} {} {}\n", event["at"].as_string(), shown_word(event["level"].as_string()), tr_sentence(printable(event["message"].as_string())));
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
