#include "tools/oracxfs/commands.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>

#include "base/log.h"
#include "base/translate.h"
#include "tools/oracxfs/language.h"
#include "tools/oracxfs/menu.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

CommandTable make_table() {
    CommandTable table;
    add_setup_commands(table);
    add_provider_commands(table);
    add_mount_commands(table);
    add_status_commands(table);
    add_log_commands(table);
    add_sync_commands(table);
    add_backup_commands(table);
    add_version_commands(table);
    add_restore_commands(table);
    add_scrub_commands(table);
    add_recovery_commands(table);
    add_secret_commands(table);
    add_notification_commands(table);
    add_config_commands(table);
    add_doctor_commands(table);
    add_admin_commands(table);
    add_help_commands(table);
    add_reference_commands(table);
    return table;
}

// Options that would put a secret where every user of the machine can read it (ps, /proc, shell history).
struct SecretOption {
    std::string_view name;
    std::string_view instead;
};
constexpr std::array kSecretOptions = {
    SecretOption{"--password", "--password-file FILE or --password-stdin"},
    SecretOption{"--pass", "--password-file FILE or --password-stdin"},
    SecretOption{"--token", "--token-file FILE or --token-stdin"},
    SecretOption{"--secret", "--token-file FILE or --token-stdin"},
    SecretOption{"--refresh-token", "--refresh-token-file FILE"},
    SecretOption{"--app-secret", "--app-secret-file FILE"},
    SecretOption{"--passphrase", "ORACXFS_PASSPHRASE_FILE in the environment"},
    SecretOption{"--key-passphrase", "--key-passphrase-file FILE"},
};

std::optional<Error> find_secret_option(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        if (argument == "--") return std::nullopt;
        const std::string_view name = std::string_view(argument).substr(0, argument.find('='));
        for (const SecretOption& option : kSecretOptions)
            if (name == option.name)
                return Error(Errc::usage, fmt::format("{} is not accepted on the command line", option.name),
                             fmt::format("other users could read it there; use {}", option.instead));
    }
    return std::nullopt;
}

void add_global_options(CLI::App& app, GlobalFlags& flags) {
    const std::string group = "Global options";
    app.add_option("-c,--config", flags.config_file, "Use this cloud_config.json")->type_name("FILE")->group(group);
    app.add_option("--socket", flags.socket, "The daemon's control socket")->type_name("PATH")->group(group);
    app.add_flag("--json", flags.json, "Print one JSON envelope on stdout")->group(group);
    app.add_flag("-q,--quiet", flags.quiet, "Print results and errors only")->group(group);
    app.add_flag("-v,--verbose", flags.verbose, "Log to stderr; twice for more")->group(group);
    app.add_option("--color", flags.color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}))->type_name("WHEN")->group(group);
    app.add_flag("--no-color", flags.no_color, "The same as --color=never")->group(group);
    app.add_option("--lang", flags.lang, "Language of what is shown: en or fr")->check(CLI::IsMember(languages()))->type_name("LANG")->group(group);
    app.add_option("--progress", flags.progress, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}))->type_name("WHEN")->group(group);
    app.add_flag("-y,--yes", flags.yes, "Confirm what asks for confirmation")->group(group);
    app.add_flag("--no-input", flags.no_input, "Never ask")->group(group);
}

// Help in the reader's language. The words of the command line itself stay as they are.
void show_in_language(CLI::App& app) {
    app.description(tr(app.get_description()));
    app.footer(tr(app.get_footer()));
    if (app.get_parent() != nullptr) app.group(tr(app.get_group()));
    for (const char* label : {ORACX_TEXT("Usage"), ORACX_TEXT("OPTIONS"), ORACX_TEXT("SUBCOMMAND"), ORACX_TEXT("Positionals"), ORACX_TEXT("REQUIRED"), ORACX_TEXT("Excludes")})
        app.get_formatter()->label(label, tr(label));
    for (CLI::Option* option : app.get_options()) {
        option->description(tr(option->get_description()));
        option->group(tr(option->get_group()));  // ORACX_TEXT("Options") where none is said
    }
    for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) show_in_language(*command);
}

struct Program {
    CLI::App app{"RAID-1 over clouds that you mount as a folder", "oracxfs"};
    GlobalFlags flags;
    std::map<const CLI::App*, std::pair<std::string, Run>> runs;

    Program() {
        app.require_subcommand(0, 1);
        app.set_help_flag("-h,--help", "Show this help");
        app.footer("Help on one command: oracxfs COMMAND --help     More: oracxfs help TOPIC");
        add_global_options(app, flags);
        bool version = false;
        app.add_flag("--version", version, "Show the version")->group("Global options");
        for (const Command& command : command_table()) add(command);
        show_in_language(app);
    }

    void add(const Command& command) {
        CLI::App* parent = &app;
        std::string rest = command.path;
        if (const std::size_t space = rest.find(' '); space != std::string::npos) {
            parent = app.get_subcommand(rest.substr(0, space));
            rest = rest.substr(space + 1);
        }
        CLI::App* added = parent->add_subcommand(rest, command.summary);
        added->fallthrough();
        if (parent == &app) added->group(command.group);
        if (command.declare)
            runs[added] = {command.path, command.declare(*added)};
        else
            added->require_subcommand(1);
    }

    // The innermost command that was named.
    const CLI::App* chosen() const {
        const CLI::App* at = &app;
        while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
        return at;
    }
};

std::string first_command(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments)
        if (!argument.starts_with('-')) return argument;
    return "";
}

// Before anything was parsed, so that also a wrong command line is answered in JSON, or in the reader's language.
GlobalFlags early_flags(const std::vector<std::string>& arguments) {
    GlobalFlags flags;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (argument == "--") break;
        const std::string_view name = std::string_view(argument).substr(0, argument.find('='));
        const auto value = [&]() -> std::string {
            if (name.size() < argument.size()) return argument.substr(name.size() + 1);
            return i + 1 < arguments.size() ? arguments[i + 1] : std::string();
        };
        if (argument == "--json") flags.json = true;
        if (argument == "--no-color") flags.no_color = true;
        if (name == "--color") flags.color = value();
        if (name == "--lang") flags.lang = value();
        if (name == "--config" || name == "-c") flags.config_file = value();
    }
    return flags;
}

// What the configuration says about it; nothing when it can't be read: the command will say why.
std::string configured_language(const GlobalFlags& flags, const Environment& environment) {
    if (const auto value = environment("ORACXFS_LANGUAGE")) return *value;
    const std::string file = flags.config_file.empty() ? find_places(environment).config_file : flags.config_file;
    const auto document = ConfigDocument::load(file);
    const Json* language = document ? document->find("language") : nullptr;
    return language != nullptr ? language->as_string() : std::string();
}

void speak(const GlobalFlags& flags, const Environment& environment) {
    // JSON is for programs, and always the same.
    const std::string language = flags.json ? languages().front() : choose_language(flags.lang, environment, configured_language(flags, environment));
    if (const Status spoken = use_language(language, speaks_utf8(environment)); !spoken && !flags.lang.empty())
        Output::write_stderr("warning: no texts in this language: " + spoken.error().why + " (" + catalogue_file(language) + ")\n");
}

// "oracxfs config set"
std::string command_of(const CLI::App& command) {
    return (command.get_parent() != nullptr ? command_of(*command.get_parent()) + " " : std::string()) + command.get_name();
}

int usage_error(const std::vector<std::string>& arguments, const Error& error) {
    Cli cli(early_flags(arguments), system_environment());
    return cli.out().finish(first_command(arguments), error);
}

int show_help_as_json(const std::vector<std::string>& arguments, const std::string& text) {
    Cli cli(early_flags(arguments), system_environment());
    return cli.out().finish(first_command(arguments), CommandResult{Json::object({{"text", text}}), text, 0, {}, false});
}

int run_parsed(Program& program) {
    Cli cli(program.flags, system_environment());
    log::Options logging;
    logging.level = program.flags.verbose == 0 ? log::Level::error : program.flags.verbose == 1 ? log::Level::info : log::Level::debug;
    log::configure(logging);
    if (program.app.get_option("--version")->count() > 0) {
        CommandResult outcome{Json::object({{"version", ORACXFS_VERSION}}), "oracxfs " ORACXFS_VERSION, 0, {}, false};
        return cli.out().finish("version", outcome);
    }
    const CLI::App* chosen = program.chosen();
    const auto run = program.runs.find(chosen);
    if (run == program.runs.end()) {
        if (cli.out().json()) return cli.out().finish("", Error(Errc::usage, "no command was given"));
        if (chosen == &program.app && may_ask(cli) && ::isatty(STDOUT_FILENO) == 1) return run_menu(cli);
        Output::write_stderr(program.app.help());
        return info(Errc::usage).exit_code;
    }
    const auto& [name, body] = run->second;
    auto outcome = body(cli);
    if (!outcome && outcome.error().code == Errc::cancelled && cli.signals().signal() == SIGTERM) {
        cli.out().finish(name, outcome.error());
        return 128 + SIGTERM;
    }
    return outcome ? cli.out().finish(name, *outcome) : cli.out().finish(name, outcome.error());
}

}  // namespace

const CommandTable& command_table() {
    static const CommandTable table = make_table();
    return table;
}

int run_cli(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    try {
        const Environment environment = system_environment();
        speak(early_flags(arguments), environment);
        if (const auto refused = find_secret_option(arguments)) return usage_error(arguments, *refused);
        Program program;
        try {
            program.app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            const CLI::App* const chosen = program.chosen();
            const std::string text = chosen->help(chosen->get_parent() != nullptr ? command_of(*chosen->get_parent()) : "", CLI::AppFormatMode::Normal);
            if (early_flags(arguments).json) return show_help_as_json(arguments, text);
            Output::write_stdout(text);
            return 0;
        } catch (const CLI::ParseError& error) {
            std::string words = error.what();
            if (!words.empty() && words.back() == '.') words.pop_back();
            return usage_error(arguments, Error(Errc::usage, words).with_next(fmt::format("see `{} --help`", command_of(*program.chosen()))));
        }
        return run_parsed(program);
    } catch (const std::exception& error) {
        return usage_error(arguments, Error(Errc::internal, "run the command", error.what()));
    }
}

}  // namespace oracxfs
