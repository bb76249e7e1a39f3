#include "tools/oracxfs/commands.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <map>

#include "base/log.h"

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
    add_secret_commands(table);
    add_notification_commands(table);
    add_config_commands(table);
    add_doctor_commands(table);
    add_help_commands(table);
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
    app.add_option("--progress", flags.progress, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}))->type_name("WHEN")->group(group);
    app.add_flag("-y,--yes", flags.yes, "Confirm what asks for confirmation")->group(group);
    app.add_flag("--no-input", flags.no_input, "Never ask")->group(group);
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

// Before anything was parsed, so that also a wrong command line is answered in JSON.
GlobalFlags early_flags(const std::vector<std::string>& arguments) {
    GlobalFlags flags;
    for (const std::string& argument : arguments) {
        if (argument == "--") break;
        if (argument == "--json") flags.json = true;
        if (argument == "--color=never") flags.color = "never";
    }
    return flags;
}

int usage_error(const std::vector<std::string>& arguments, const Error& error) {
    Cli cli(early_flags(arguments), system_environment());
    return cli.out().finish(first_command(arguments), error);
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
        if (const auto refused = find_secret_option(arguments)) return usage_error(arguments, *refused);
        Program program;
        try {
            program.app.parse(argc, argv);
        } catch (const CLI::CallForHelp&) {
            Output::write_stdout(program.chosen()->help("", CLI::AppFormatMode::Normal));
            return 0;
        } catch (const CLI::ParseError& error) {
            std::string words = error.what();
            if (!words.empty() && words.back() == '.') words.pop_back();
            return usage_error(arguments, Error(Errc::usage, words));
        }
        return run_parsed(program);
    } catch (const std::exception& error) {
        return usage_error(arguments, Error(Errc::internal, "run the command", error.what()));
    }
}

}  // namespace oracxfs
