// config check|show|get|set|unset|path

#include <fmt/format.h>

#include "base/translate.h"
#include "tools/config/schema.h"
#include "tools/oracxfs/commands.h"

namespace oracxfs {
namespace {

std::string plain(const Json& value) { return value.is_string() ? value.as_string() : value.dump(); }

Result<CommandResult> check(Cli& cli) {
    ORACX_TRY(const ConfigDocument document, cli.document());
    const auto problems = check_config(document, cli.environment());
    Json list = Json::array();
    std::string text;
    for (const ConfigProblem& problem : problems) {
        list.push(Json::object({{"message", problem.message}, {"hint", problem.hint.empty() ? Json() : Json(problem.hint)}}));
        text += tr_sentence(problem.message) + "\n" + (problem.hint.empty() ? "" : "    " + tr_sentence(problem.hint) + "\n");
    }
    CommandResult outcome;
    outcome.data = Json::object({{"file", document.file()}, {"exists", document.exists()}, {"problems", std::move(list)}});
    outcome.text = std::move(text);
    if (!problems.empty())
        outcome.error = Error(Errc::config, fmt::format("{} has {} problem{}", document.file(), problems.size(), problems.size() == 1 ? "" : "s"));
    else
        outcome.text = document.exists() ? document.file() + ": good" : document.file() + " does not exist: defaults are used";
    return outcome;
}

Run declare_show(CLI::App& app) {
    const auto origin = std::make_shared<bool>(false);
    app.add_flag("--origin", *origin, "Tell where each value comes from");
    return [origin](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const ConfigDocument document, cli.document());
        ORACX_TRYV(make_config(document, cli.environment()));
        Json list = Json::array();
        std::vector<std::vector<std::string>> rows;
        for (const EffectiveSetting& setting : effective_settings(document, cli.environment())) {
            list.push(Json::object({{"key", setting.path}, {"value", setting.value}, {"origin", setting.origin}}));
            rows.push_back({setting.path, setting.value.dump(), *origin ? setting.origin : ""});
        }
        return CommandResult{Json::object({{"file", document.file()}, {"settings", std::move(list)}}), format_table({"", "", ""}, rows), 0, {}, false, true};
    };
}

Run declare_get(CLI::App& app) {
    const auto key = std::make_shared<std::string>();
    app.add_option("KEY", *key, "For instance mount.dir or providers.nas.port")->required();
    return [key](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const ConfigDocument document, cli.document());
        std::vector<Candidate> known;
        for (const EffectiveSetting& setting : effective_settings(document, cli.environment())) {
            if (setting.path == *key)
                return CommandResult{Json::object({{"key", setting.path}, {"value", setting.value}, {"origin", setting.origin}}), plain(setting.value), 0, {}, false, true};
            add_candidates(known, setting.path, "");
        }
        std::string hint = suggestion(*key, known);
        if (hint.starts_with("allowed here")) hint = "`oracxfs config show` lists all keys";
        return fail(Errc::config, "unknown key `" + *key + "`", std::move(hint));
    };
}

Run declare_set(CLI::App& app) {
    struct Flags {
        std::string key, value;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("KEY", flags->key, "For instance mount.cache_size")->required();
    app.add_option("VALUE", flags->value, "Text, number, true, false, null or JSON")->required();
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(ConfigDocument document, cli.document());
        ORACX_TRYV(set_from_text(document, flags->key, flags->value, cli.environment()));
        ORACX_TRYV(cli.save(document));
        return CommandResult{Json::object({{"key", flags->key}, {"value", *document.find(flags->key)}}),
                       flags->key + " = " + document.find(flags->key)->dump(), 0, {}, false, true};
    };
}

Run declare_unset(CLI::App& app) {
    const auto key = std::make_shared<std::string>();
    app.add_option("KEY", *key, "The default holds afterwards")->required();
    return [key](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(ConfigDocument document, cli.document());
        if (!document.erase(*key)) return fail(Errc::not_found, "unset " + *key, "the file does not set it");
        ORACX_TRYV(cli.save(document));
        return CommandResult{Json::object({{"key", *key}}), *key + " is not set any more", 0, {}, false};
    };
}

Result<CommandResult> path(Cli& cli) {
    const Places& places = cli.places();
    return CommandResult{Json::object({{"config", places.config_file},
                                 {"state", places.state},
                                 {"cache", places.cache},
                                 {"staging", places.staging},
                                 {"log", places.log_file},
                                 {"socket", places.socket}}),
                   places.config_file, 0, {}, false, true};
}

}  // namespace

void add_config_commands(CommandTable& table) {
    const std::string group = "Configuration";
    table.push_back({"config", group, "Look at and change cloud_config.json", {}});
    table.push_back({"config check", group, "Show all problems with their places", [](CLI::App&) -> Run { return check; }});
    table.push_back({"config show", group, "Show all settings in effect", declare_show});
    table.push_back({"config get", group, "Show one setting", declare_get});
    table.push_back({"config set", group, "Change one setting", declare_set});
    table.push_back({"config unset", group, "Return one setting to its default", declare_unset});
    table.push_back({"config path", group, "Show where the file is", [](CLI::App&) -> Run { return path; }});
}

}  // namespace oracxfs
