// secrets set|remove|list

#include <unistd.h>

#include <algorithm>

#include "tools/backup/backup_environment.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/secret_input.h"

namespace oracxfs {
namespace {

constexpr std::size_t kSecretNameBytesMax = 200;

// Typed twice, because nobody sees what is typed.
Result<std::string> ask_twice(const std::string& name) {
    ORACX_TRY(std::string first, prompt_secret("Value of " + name));
    ORACX_TRY(const std::string second, prompt_secret("Once more"));
    if (first != second) return fail(Errc::invalid, "set secret " + name, "the two entries differ");
    return first;
}

Result<std::string> value_for(Cli& cli, const std::string& name, const std::string& file) {
    if (!file.empty()) return read_secret_file(file);
    if (::isatty(STDIN_FILENO) != 1) return read_secret_stdin();
    if (cli.flags().no_input) return fail(Errc::refused, "ask for " + name, "--no-input is given; use --from-file");
    return ask_twice(name);
}

Run declare_set(CLI::App& app) {
    struct Flags {
        std::string name, file;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("NAME", flags->name, "For instance backup/passphrase")->required();
    app.add_option("--from-file", flags->file, "Take the first line of this file; else of stdin, or it is asked for")->type_name("FILE");
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRYV(check_secret_name(flags->name));
        ORACX_TRY(const std::string value, value_for(cli, flags->name, flags->file));
        ORACX_TRYV(cli.secrets().put(flags->name, value));
        // A provider that waited for it tries again.
        cli.reload_daemon();
        CommandResult outcome;
        outcome.data = Json::object({{"name", flags->name}});
        outcome.text = flags->name + " is stored";
        if (flags->name == kPackagePassphrase) cli.out().note("Keep a copy elsewhere: without it nobody can open the packages that are encrypted with it");
        return outcome;
    };
}

Run declare_remove(CLI::App& app) {
    const auto name = std::make_shared<std::string>();
    app.add_option("NAME", *name, "As `secrets list` shows it")->required();
    return [name](Cli& cli) -> Result<CommandResult> {
        ORACX_TRYV(check_secret_name(*name));
        ORACX_TRY(const auto names, cli.secrets().names());
        if (std::find(names.begin(), names.end(), *name) == names.end()) return fail(Errc::not_found, "remove secret " + *name, "none is stored under that name");
        ORACX_TRYV(cli.confirm("Forget " + *name + "? What needs it stops working.", "forget secret " + *name));
        ORACX_TRYV(cli.secrets().remove(*name));
        CommandResult outcome;
        outcome.data = Json::object({{"name", *name}});
        outcome.text = *name + " is forgotten";
        return outcome;
    };
}

Result<CommandResult> list(Cli& cli) {
    ORACX_TRY(const auto names, cli.secrets().names());
    CommandResult outcome;
    Json array = Json::array();
    for (const std::string& name : names) {
        array.push(name);
        outcome.text += printable(name) + "\n";
    }
    if (names.empty()) outcome.text = "no secret is stored\n";
    outcome.data = Json::object({{"names", std::move(array)}});
    return outcome;
}

}  // namespace

Status check_secret_name(const std::string& name) {
    const bool good = !name.empty() && name.size() <= kSecretNameBytesMax && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == std::string::npos;
    if (!good) return fail(Errc::usage, "name a secret", "a name is letters, digits and -_./, for instance backup/passphrase");
    return {};
}

void add_secret_commands(CommandTable& table) {
    const std::string group = "Configuration";
    table.push_back({"secrets", group, "Passphrases and passwords, kept encrypted", {}});
    table.push_back({"secrets set", group, "Store one; its value never comes from the command line", declare_set});
    table.push_back({"secrets remove", group, "Forget one", declare_remove});
    table.push_back({"secrets list", group, "Show the names, never the values", [](CLI::App&) -> Run { return list; }});
}

}  // namespace oracxfs
