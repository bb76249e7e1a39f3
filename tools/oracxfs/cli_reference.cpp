// completions, menu; internal: what the build and the completion scripts call.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/translate.h"
#include "base/unique_fd.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/menu.h"
#include "tools/oracxfs/reference.h"
#include "tools/oracxfs/wizard.h"

namespace oracxfs {
namespace {

const CLI::App* top_of(const CLI::App* app) {
    while (app->get_parent() != nullptr) app = app->get_parent();
    return app;
}

Run declare_completions(CLI::App& app) {
    const auto shell = std::make_shared<std::string>();
    app.add_option("SHELL", *shell, "Which one")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
    return [shell, root = &app](Cli&) -> Result<CommandResult> {
        const CommandReference reference = reference_of(*top_of(root));
        CommandResult outcome;
        outcome.text = *shell == "bash" ? bash_completion(reference) : *shell == "zsh" ? zsh_completion(reference) : fish_completion(reference);
        outcome.data = Json::object({{"shell", *shell}, {"text", outcome.text}});
        outcome.verbatim = true;
        return outcome;
    };
}

Status write_file(const std::string& path, std::string_view text) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) return fail(error_from_errno(errno, "write " + path));
    while (!text.empty()) {
        const ssize_t put = ::write(fd.get(), text.data(), text.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return fail(error_from_errno(errno, "write " + path));
        text.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

Run declare_man(CLI::App& app) {
    const auto folder = std::make_shared<std::string>();
    app.add_option("DIR", *folder, "Where the pages are written")->required();
    return [folder, root = &app](Cli&) -> Result<CommandResult> {
        std::error_code error;
        std::filesystem::create_directories(*folder, error);
        if (error) return fail(error_from_errno(error.value(), "create " + *folder));
        Json files = Json::array();
        for (const ManPage& page : man_pages(reference_of(*top_of(root)), ORACXFS_VERSION)) {
            ORACX_TRYV(write_file(*folder + "/" + page.file, page.text));
            files.push(page.file);
        }
        CommandResult outcome;
        outcome.data = Json::object({{"files", std::move(files)}});
        return outcome;
    };
}

// One name a line, quickly or not at all: somebody waits with the finger on the Tab key.
Result<std::vector<std::string>> names_of(Cli& cli, const std::string& kind) {
    std::vector<std::string> names;
    if (kind == to_string(Names::providers)) {
        ORACX_TRY(const Config config, cli.config());
        for (const ProviderEntry& entry : config.providers) names.push_back(entry.name);
    } else if (kind == to_string(Names::settings)) {
        ORACX_TRY(const ConfigDocument document, cli.document());
        for (const EffectiveSetting& setting : effective_settings(document, cli.environment())) names.push_back(setting.path);
    } else {
        ORACX_TRYV(cli.ask("backups-list", Json::object({{"provider", ""}, {"state", ""}}), [&](const Json& event) {
            for (const Json& row : event["rows"].items()) names.push_back(get_bytes(row, "name"));
        }));
        names.emplace_back("latest");
    }
    // A name that a shell would read as something else is left out.
    names.erase(std::remove_if(names.begin(), names.end(), [](const std::string& name) { return printable(name) != name || name.find_first_of(" '\"\\$`") != std::string::npos; }), names.end());
    return names;
}

Run declare_names(CLI::App& app) {
    const auto kind = std::make_shared<std::string>();
    app.add_option("KIND", *kind, "Of what")->required()->check(CLI::IsMember({"providers", "backups", "settings"}));
    return [kind](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const auto names, names_of(cli, *kind));
        Json list = Json::array();
        CommandResult outcome;
        for (const std::string& name : names) {
            list.push(name);
            outcome.text += name + "\n";
        }
        outcome.data = Json::object({{"names", std::move(list)}});
        outcome.verbatim = true;
        return outcome;
    };
}

Result<CommandResult> menu(Cli& cli) {
    if (!may_ask(cli)) return fail(Errc::usage, "show the menu", "it needs a terminal");
    CommandResult outcome;
    outcome.exit_code = run_menu(cli);
    outcome.printed = true;
    return outcome;
}

}  // namespace

void add_reference_commands(CommandTable& table) {
    table.push_back({"menu", "Help", "The usual commands by number, as a bare `oracxfs` shows them", [](CLI::App&) -> Run { return menu; }});
    table.push_back({"completions", "Help", "Print the script that completes command lines in a shell", declare_completions});
    table.push_back({"internal", "", "What the build and the completion scripts call", {}});
    table.push_back({"internal man", "", "Write the manual pages", declare_man});
    table.push_back({"internal names", "", "Names for completion", declare_names});
}

}  // namespace oracxfs
