// local: add a folder as a provider (the other kinds have files of their own).
// providers list|show|test|enable|disable|remove|rename

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.h"
#include "base/translate.h"
#include "tools/config/schema.h"
#include "tools/oracxfs/add_provider.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/provider_test.h"
#include "tools/oracxfs/shown.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {
namespace {

constexpr Millis kTestMax{120'000};

Json step_report(const ProviderTestStep& step) {
    return Json::object({{"step", step.name}, {"ok", !step.error.has_value()}, {"ms", step.took.count()}});
}

}  // namespace

Result<std::unique_ptr<Provider>> open_provider(Cli& cli, const ProviderEntry& entry, const FreshSecrets& fresh, Clock& clock) {
    ProviderSurroundings surroundings;
    const Places& places = cli.places();
    surroundings.state_directory = places.state;
    surroundings.instance = random_hex(4);
    surroundings.forbidden_paths = {places.staging, places.cache, places.log_dir, places.run};
    if (const auto config = cli.config()) surroundings.forbidden_paths.push_back(config->mount.dir);
    if (const auto owner = cli.owner(); owner && !owner->mount_point.empty()) surroundings.forbidden_paths.push_back(owner->mount_point);
    surroundings.secret = [&cli, fresh](const std::string& name) -> Result<std::string> {
        if (const auto found = fresh.find(name); found != fresh.end()) return found->second;
        return cli.secrets().get(name);
    };
    surroundings.clock = &clock;
    return make_provider(make_registry(), entry, surroundings);
}

TestOutcome run_test(Cli& cli, const ProviderEntry& entry, const FreshSecrets& fresh) {
    TestOutcome outcome;
    SystemClock clock;
    const auto provider = open_provider(cli, entry, fresh, clock);
    if (!provider) {
        outcome.error = provider.error();
        return outcome;
    }
    const OpContext ctx{cli.stop_token(), clock.steady() + kTestMax};
    const ProviderTestReport report = test_provider(**provider, ctx, clock, [&](const ProviderTestStep& step) {
        outcome.steps.push(step_report(step));
        if (!cli.out().json())
            cli.out().note(step.error ? trf("  failed {} ({} ms)", tr(step.name), step.took.count()) : trf("  ok     {} ({} ms)", tr(step.name), step.took.count()));
    }, entry.type);
    if (const ProviderTestStep* failed = report.failed()) {
        outcome.error = *failed->error;
        outcome.error->provider = entry.name;
        outcome.error->message = fmt::format("the test failed at the step \"{}\": {}", failed->name, failed->error->message);
    }
    return outcome;
}

void add_common(CLI::App& app, AddFlags& flags, const std::string& default_name) {
    flags.name = default_name;
    app.add_option("--name", flags.name, "Its name here and its folder in the mount (default: " + default_name + ")")->type_name("NAME");
    app.add_flag("--no-test", flags.no_test, "Save it without testing it");
    app.add_flag("--replace", flags.replace, "Change the provider of this name");
}

Result<ProviderEntry> checked_entry(Cli& cli, const std::string& name, const Json& values, ConfigDocument& document) {
    document.set("providers." + name, values);
    ORACX_TRY(const Config config, make_config(document, cli.environment()));
    const ProviderEntry* entry = config.provider(name);
    if (entry == nullptr) return fail(Errc::internal, "add provider " + name);
    return *entry;
}

namespace {

Result<CommandResult> save_provider(Cli& cli, const AddFlags& flags, const Json& values, const FreshSecrets& fresh, Json steps) {
    ORACX_TRY(ConfigDocument document, cli.document());
    if (!document.exists()) document.set("version", 1);
    const bool known = document.find("providers." + flags.name) != nullptr;
    document.set("providers." + flags.name, values);
    for (const auto& [secret, value] : fresh) ORACX_TRYV(cli.secrets().put(secret, value));
    ORACX_TRYV(cli.save(document));
    // A daemon that has used it before goes on with what it has in memory.
    if (known && !fresh.empty() && cli.daemon_socket())
        ORACX_TRYV(cli.ask_daemon("provider-reopen", Json::object({{"name", flags.name}, {"signed_in", true}})));
    std::string text = flags.no_test ? trf("provider {} is saved, untested", flags.name) : trf("provider {} is tested and saved", flags.name);
    if (!cli.daemon_socket()) text += "; " + tr("it is used from the next `oracxfs mount` on");
    return CommandResult{Json::object({{"name", flags.name}, {"type", values["type"]}, {"tested", !flags.no_test}, {"steps", std::move(steps)}}), std::move(text), 0, {}, false};
}

}  // namespace

Result<CommandResult> add_provider(Cli& cli, const AddFlags& flags, Json values, const FreshSecrets& given) {
    if (!is_provider_name(flags.name))
        return fail(Errc::usage, "--name " + flags.name, "1 to 32 characters of a-z, 0-9 and - are allowed");
    ORACX_TRY(ConfigDocument document, cli.document());
    if (is_reserved_provider_name(flags.name) && document.find("providers." + flags.name) == nullptr)
        return fail(Errc::usage, "--name " + flags.name, "this name is reserved");
    if (const Json* existing = document.find("providers." + flags.name); existing != nullptr && !flags.replace) {
        if (*existing != values)
            return fail(Errc::exists, "add provider " + flags.name, "there is one of this name with other settings; --replace changes it");
    }
    ORACX_TRY(const ProviderEntry entry, checked_entry(cli, flags.name, values, document));
    FreshSecrets fresh = given;
    ORACX_TRYV(check_account_of_token(cli, entry, fresh));
    Json steps = Json::array();
    if (!flags.no_test) {
        TestOutcome test = run_test(cli, entry, fresh);
        if (test.error) {
            CommandResult outcome;
            outcome.data = Json::object({{"name", flags.name}, {"saved", false}, {"steps", std::move(test.steps)}});
            outcome.error = std::move(test.error);
            cli.out().note("nothing was saved");
            return outcome;
        }
        steps = std::move(test.steps);
    }
    return save_provider(cli, flags, values, fresh, std::move(steps));
}

namespace {

Run declare_local(CLI::App& app) {
    struct Flags : AddFlags {
        std::string path;
    };
    const auto flags = std::make_shared<Flags>();
    add_common(app, *flags, "local");
    app.add_option("--path", flags->path, "The folder, best on another disk; its parent must exist")->type_name("DIR")->required();
    return [flags](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const std::string expanded, expand_path(flags->path, cli.environment()));
        const std::string path = absolute_path(expanded, std::filesystem::current_path().string());
        return add_provider(cli, *flags, Json::object({{"type", "local"}, {"enabled", true}, {"path", path}}), {});
    };
}

// --- providers ---------------------------------------------------------------------------------------------------------

Result<CommandResult> list_providers(Cli& cli) {
    ORACX_TRY(const Json report, cli.ask("status", nullptr));
    std::vector<std::vector<std::string>> rows;
    for (const Json& provider : report["providers"].items())
        rows.push_back({provider["name"].as_string(), provider["type"].as_string(), shown_word(provider["state"].as_string()),
                        std::to_string(provider["files"]["verified"].as_int()), std::to_string(provider["pending_files"].as_int()),
                        provider["reason"].is_string() ? provider["reason"].as_string() : ""});
    std::string text = rows.empty() ? tr("no providers; add one with `oracxfs local`, `oracxfs sftp` or `oracxfs ftp`")
                                    : format_table({"NAME", "TYPE", "STATE", ">VERIFIED", ">PENDING", "REASON"}, rows);
    return CommandResult{report["providers"], std::move(text), 0, {}, false};
}

}  // namespace

tl::unexpected<Error> no_such_provider(const Config& config, const std::string& name) {
    std::vector<Candidate> known;
    for (const ProviderEntry& entry : config.providers) add_candidates(known, entry.name, "");
    std::string hint = suggestion(name, known);
    if (hint.starts_with("allowed here: ")) hint = "configured: " + hint.substr(14);
    return fail(Error(Errc::not_found, "find provider " + name, hint.empty() ? "none is configured" : std::move(hint)).with_provider(name));
}

namespace {

using OnProvider = std::function<Result<CommandResult>(Cli& cli, const ProviderEntry& entry)>;

Run declare_on_provider(CLI::App& app, const OnProvider& body) {
    const auto name = std::make_shared<std::string>();
    app.add_option("NAME", *name, "The provider's name")->required();
    return [name, body](Cli& cli) -> Result<CommandResult> {
        ORACX_TRY(const Config config, cli.config());
        const ProviderEntry* entry = config.provider(*name);
        if (entry == nullptr) return no_such_provider(config, *name);
        return body(cli, *entry);
    };
}

Result<CommandResult> show_provider(Cli& cli, const ProviderEntry& entry) {
    ORACX_TRY(const Json report, cli.ask("status", nullptr));
    Json data = Json::object();
    for (const Json& provider : report["providers"].items())
        if (provider["name"].as_string() == entry.name) data = provider;
    data.set("settings", entry.values);
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const char* key, const char* label, const std::string& shown) {
        if (!data[key].is_null()) rows.push_back({tr(label), shown});
    };
    add("name", ORACX_TEXT("name"), data["name"].as_string());
    add("type", ORACX_TEXT("type"), data["type"].as_string());
    add("state", ORACX_TEXT("state"), shown_word(data["state"].as_string()));
    add("reason", ORACX_TEXT("reason"), data["reason"].as_string());
    add("reason_text", ORACX_TEXT("why"), tr_sentence(printable(data["reason_text"].as_string())));
    add("last_ok", ORACX_TEXT("last success"), shown_time(data["last_ok"]));
    add("pending_files", ORACX_TEXT("files waiting"), data["pending_files"].dump());
    add("pending_bytes", ORACX_TEXT("bytes waiting"), shown_size(data["pending_bytes"]));
    for (const auto& [key, value] : entry.values.members())
        if (key != "type" && !value.is_null()) rows.push_back({key, value.is_string() ? value.as_string() : value.dump()});
    return CommandResult{std::move(data), format_table({"", ""}, rows), 0, {}, false};
}

Result<CommandResult> test_one(Cli& cli, const ProviderEntry& entry) {
    TestOutcome test = run_test(cli, entry, {});
    CommandResult outcome;
    outcome.data = Json::object({{"name", entry.name}, {"steps", std::move(test.steps)}});
    outcome.error = std::move(test.error);
    if (!outcome.error) {
        outcome.text = trf("provider {} works", entry.name);
        // It may have been down until now: the daemon need not wait for its own next look.
        if (cli.daemon_socket()) (void)cli.ask_daemon("provider-probe", Json::object({{"name", entry.name}}));
    }
    return outcome;
}

}  // namespace

Result<CommandResult> enable_provider(Cli& cli, const ProviderEntry& entry, bool on) {
    ORACX_TRY(ConfigDocument document, cli.document());
    if (!on) {
        ORACX_TRY(const Config config, cli.config());
        const auto enabled = std::count_if(config.providers.begin(), config.providers.end(), [](const ProviderEntry& p) { return p.enabled; });
        if (entry.enabled && enabled == 1)
            ORACX_TRYV(cli.confirm(entry.name + " is the only active provider: nothing is replicated without it. Go on?", "disable the only active provider"));
    }
    document.set("providers." + entry.name + ".enabled", on);
    ORACX_TRYV(cli.save(document));
    return CommandResult{Json::object({{"name", entry.name}, {"enabled", on}}), fmt::format("provider {} is {}", entry.name, on ? "active" : "inactive"), 0, {}, false};
}

Result<CommandResult> remove_provider(Cli& cli, const ProviderEntry& entry) {
    const bool granted = entry.type == "dropbox" || entry.type == "google-drive";
    if (granted)
        cli.out().note(fmt::format("The access that was granted stays as well; `oracxfs {} disconnect --revoke --name {}` ends it first.", entry.type, entry.name));
    ORACX_TRYV(cli.confirm(fmt::format("Remove provider {}? oracxfs forgets it, with its password or sign-in. Its files stay as they are ({}), "
                                       "but are not counted as copies any more. Go on?", entry.name, place_of(entry)), "remove provider " + entry.name));
    ORACX_TRY(ConfigDocument document, cli.document());
    document.erase("providers." + entry.name);
    ORACX_TRYV(cli.save(document));
    if (cli.daemon_socket()) {
        ORACX_TRYV(cli.ask_daemon("provider-forget", Json::object({{"name", entry.name}})));
    } else {
        ORACX_TRYV(cli.with_catalog([&](Catalog& catalog) -> Status {
            ORACX_TRY(const auto rows, catalog.providers());
            for (const ProviderRow& row : rows)
                if (row.name == entry.name) return catalog.forget_provider(row.id);
            return {};
        }));
    }
    ORACX_TRYV(cli.secrets().remove_owner(entry.name));
    return CommandResult{Json::object({{"name", entry.name}}), fmt::format("provider {} is removed; its files were not touched: {}", entry.name, place_of(entry)), 0, {}, false};
}

Result<CommandResult> rename_provider(Cli& cli, const std::string& from, const std::string& to) {
    ORACX_TRY(const Config config, cli.config());
    if (config.provider(from) == nullptr) return no_such_provider(config, from);
    if (!is_provider_name(to)) return fail(Errc::usage, "rename to " + to, "1 to 32 characters of a-z, 0-9 and - are allowed");
    if (is_reserved_provider_name(to)) return fail(Errc::usage, "rename to " + to, "this name is reserved");
    if (config.provider(to) != nullptr) return fail(Errc::exists, "rename to " + to, "there is a provider of this name");
    ORACX_TRY(ConfigDocument document, cli.document());
    const Json names = Json::object({{"from", from}, {"to", to}});
    if (cli.daemon_socket()) {
        ORACX_TRYV(cli.ask_daemon("provider-rename", names));
    } else {
        ORACX_TRYV(cli.with_catalog([&](Catalog& catalog) -> Status {
            const Status renamed = catalog.rename_provider(from, to);
            return !renamed && renamed.error().code == Errc::not_found ? Status() : renamed;  // never used yet
        }));
    }
    ORACX_TRYV(cli.secrets().rename_owner(from, to));
    document.rename_key("providers", from, to);
    if (const Json* auth = document.find("providers." + to + ".auth"); auth != nullptr && auth->as_string() == "secret:" + from)
        document.set("providers." + to + ".auth", "secret:" + to);
    ORACX_TRYV(cli.save(document));
    return CommandResult{names, fmt::format("provider {} is now {}", from, to), 0, {}, false};
}

namespace {

Run declare_rename(CLI::App& app) {
    struct Flags {
        std::string from, to;
    };
    const auto flags = std::make_shared<Flags>();
    app.add_option("NAME", flags->from, "The provider's name")->required();
    app.add_option("NEW", flags->to, "Its new name")->required();
    return [flags](Cli& cli) { return rename_provider(cli, flags->from, flags->to); };
}

}  // namespace

void add_provider_commands(CommandTable& table) {
    const std::string group = "Providers";
    table.push_back({"local", group, "Add a folder on a disk as a provider", declare_local});
    table.push_back({"sftp", group, "Add an SFTP account as a provider", declare_sftp});
    table.push_back({"ftp", group, "Add an FTP account (with TLS) as a provider", declare_ftp});
    table.push_back({"dropbox", group, "Add a Dropbox as a provider; signs in when called bare", declare_dropbox});
    table.push_back({"google-drive", group, "Add a Google Drive as a provider; signs in when called bare", declare_google_drive});
    table.push_back({"dropbox connect", group, "Sign in again at the Dropbox of a provider", declare_dropbox_connect});
    table.push_back({"dropbox disconnect", group, "Forget the sign-in at Dropbox; settings and files stay",
                     [](CLI::App& app) { return declare_disconnect(app, dropbox_kind()); }});
    table.push_back({"google-drive connect", group, "Sign in again at the Google Drive of a provider", declare_google_drive_connect});
    table.push_back({"google-drive disconnect", group, "Forget the sign-in at Google; settings and files stay",
                     [](CLI::App& app) { return declare_disconnect(app, google_drive_kind()); }});
    table.push_back({"providers", group, "List, test and change providers", {}});
    table.push_back({"providers list", group, "List them with their states", [](CLI::App&) -> Run { return list_providers; }});
    table.push_back({"providers show", group, "Show one with its settings", [](CLI::App& app) { return declare_on_provider(app, show_provider); }});
    table.push_back({"providers test", group, "Connect, write, read, hash, delete a test file", [](CLI::App& app) { return declare_on_provider(app, test_one); }});
    table.push_back({"providers enable", group, "Use it", [](CLI::App& app) {
                         return declare_on_provider(app, [](Cli& cli, const ProviderEntry& entry) { return enable_provider(cli, entry, true); });
                     }});
    table.push_back({"providers disable", group, "Stop using it; what it holds stays", [](CLI::App& app) {
                         return declare_on_provider(app, [](Cli& cli, const ProviderEntry& entry) { return enable_provider(cli, entry, false); });
                     }});
    table.push_back({"providers remove", group, "Forget it; its files stay where they are", [](CLI::App& app) {
                         // There is no other way: oracxfs never deletes all that a provider holds.
                         app.add_flag("--keep-files")->description("Its files stay at the provider; so it is always, the flag only says it aloud");
                         return declare_on_provider(app, remove_provider);
                     }});
    table.push_back({"providers rename", group, "Give it another name", declare_rename});
}

}  // namespace oracxfs
