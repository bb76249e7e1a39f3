#pragma once
// The one table of commands: parsing, help and dispatch are taken from it.

#include <CLI/App.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tools/oracxfs/cli.h"

namespace oracxfs {

using Run = std::function<Result<CommandResult>(Cli& cli)>;

struct Command {
    std::string path;     // "providers list"
    std::string group;    // heading in the help; "" = a group of subcommands of its own
    std::string summary;
    // Adds the command's options and returns what runs it.
    std::function<Run(CLI::App& app)> declare;
};
using CommandTable = std::vector<Command>;

void add_setup_commands(CommandTable& table);     // setup
void add_provider_commands(CommandTable& table);  // local sftp providers ...
void add_mount_commands(CommandTable& table);     // mount unmount
void add_status_commands(CommandTable& table);    // status wait replicas
void add_notification_commands(CommandTable& table);  // notifications
void add_log_commands(CommandTable& table);       // log
void add_sync_commands(CommandTable& table);     // sync auto-sync runs
void add_backup_commands(CommandTable& table);   // backups ...
void add_version_commands(CommandTable& table);   // versions restore-version
void add_restore_commands(CommandTable& table);    // backups files, backups restore
void add_scrub_commands(CommandTable& table);      // scrub, backups verify, backups repair
void add_recovery_commands(CommandTable& table);   // recovery ...
void add_secret_commands(CommandTable& table);    // secrets ...
void add_config_commands(CommandTable& table);    // config ...
void add_doctor_commands(CommandTable& table);    // doctor
void add_admin_commands(CommandTable& table);     // admin ...
void add_help_commands(CommandTable& table);      // explain help version
void add_reference_commands(CommandTable& table); // completions, menu, internal ...

Json run_doctor(Cli& cli);  // {"checks": [...], "bad": n}

const CommandTable& command_table();

// The whole program. Returns the exit code.
int run_cli(int argc, char** argv);

}  // namespace oracxfs
