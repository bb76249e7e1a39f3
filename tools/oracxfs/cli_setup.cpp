// setup

#include <fmt/format.h>

#include <filesystem>

#include "base/translate.h"
#include "tools/oracxfs/commands.h"

namespace oracxfs {
namespace {

// Two folders that act as two clouds, to try everything without an account.
Result<CommandResult> set_up_demo(Cli& cli) {
    ORACX_TRY(ConfigDocument document, cli.document());
    ORACX_TRY(const Config config, make_config(document, cli.environment()));
    const std::string base = cli.places().state + "/demo";
    Json added = Json::array();
    const bool ours = config.provider("local-a") != nullptr && config.provider("local-b") != nullptr;
    if (!config.providers.empty() && !ours)
        return CommandResult{Json::object({{"added", std::move(added)}}), "providers are configured already; the demo changes nothing", 0, {}, false};
    for (const char* letter : {"a", "b"}) {
        const std::string folder = base + "/" + letter;
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        if (error) return fail(error_from_errno(error.value(), "create " + folder));
        std::filesystem::permissions(cli.places().state, std::filesystem::perms::owner_all, error);
        const std::string name = std::string("local-") + letter;
        if (config.provider(name) != nullptr) continue;
        if (!document.exists()) document.set("version", 1);
        document.set("providers." + name, Json::object({{"type", "local"}, {"enabled", true}, {"path", folder}}));
        added.push(name);
    }
    if (!added.items().empty()) ORACX_TRYV(cli.save(document));
    std::string text = added.items().empty() ? tr("the demo is set up already") : tr("two demo providers are configured");
    text += fmt::format("\n  local-a  {0}/a\n  local-b  {0}/b\n", base) + trf("next: oracxfs mount, then copy a file to {}", config.mount.dir) + "\n";
    return CommandResult{Json::object({{"added", std::move(added)}}), std::move(text), 0, {}, false};
}

constexpr std::string_view kGuide = R"(oracxfs keeps every file you copy into one folder at several providers.

1. Add at least two providers; each is tested with a small file before it is saved:
     oracxfs local --name disk2 --path /mnt/disk2/ORACXPRED
     oracxfs sftp  --name nas --host nas.lan --user backup --key ~/.ssh/id_ed25519
   Or try it with two folders first:
     oracxfs setup --demo
2. Mount the folder:
     oracxfs mount
3. Copy files into it, and look:
     cp my.zip ~/OracxCloud/
     oracxfs status
)";

Run declare_setup(CLI::App& app) {
    const auto demo = std::make_shared<bool>(false);
    app.add_flag("--demo", *demo, "Two local folders as providers, if none is configured");
    return [demo](Cli& cli) -> Result<CommandResult> {
        if (*demo) return set_up_demo(cli);
        return CommandResult{Json::object({{"text", kGuide}}), tr(kGuide), 0, {}, false};
    };
}

}  // namespace

void add_setup_commands(CommandTable& table) {
    table.push_back({"setup", "Providers", "First steps; --demo sets up two local folders", declare_setup});
}

}  // namespace oracxfs
