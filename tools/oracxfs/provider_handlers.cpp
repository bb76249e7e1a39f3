#include "tools/oracxfs/provider_handlers.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "providers/http/oauth.h"
#include "tools/config/schema.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/cloud_access.h"
#include "tools/oracxfs/provider_factory.h"
#include "tools/oracxfs/secret_input.h"

namespace oracxfs {
namespace {

struct TypeInfo {
    std::string_view type, title;
    std::array<std::string_view, 3> secrets;  // "" = fewer
    bool signs_in = false;
};
constexpr std::array kTypes = {
    TypeInfo{"local", "Folder on this machine", {}, false},
    TypeInfo{"sftp", "SFTP", {"password", "key_passphrase"}, false},
    TypeInfo{"ftp", "FTP", {"password"}, false},
    TypeInfo{"dropbox", "Dropbox", {"token", "refresh_token", "app_secret"}, true},
    TypeInfo{"google-drive", "Google Drive", {"token", "client", "service_account"}, true},
};

std::string_view kind_word(Kind kind) {
    switch (kind) {
        case Kind::boolean: return "boolean";
        case Kind::integer: return "integer";
        case Kind::number: return "number";
        case Kind::choice: return "choice";
        case Kind::size: return "size";
        case Kind::rate: return "rate";
        case Kind::duration: return "duration";
        case Kind::path: return "path";
        case Kind::url: return "url";
        default: return "text";
    }
}

Json setting_report(const Setting& setting) {
    Json choices = Json::array();
    for (std::string_view words = setting.choices; !words.empty();) {
        const std::size_t bar = std::min(words.find('|'), words.size());
        choices.push(words.substr(0, bar));
        words.remove_prefix(std::min(bar + 1, words.size()));
    }
    const auto fallback = setting.fallback.empty() ? Result<Json>(Json()) : parse_json(setting.fallback);
    return Json::object({{"key", setting.path},
                         {"kind", kind_word(setting.kind)},
                         {"default", fallback ? *fallback : Json()},
                         {"required", setting.fallback.empty()},
                         {"nullable", setting.nullable},
                         {"choices", choices.items().empty() ? Json() : std::move(choices)}});
}

Json type_list() {
    Json types = Json::array();
    for (const TypeInfo& info : kTypes) {
        Json settings = Json::array(), secrets = Json::array(), ways = Json::array();
        for (const Setting& setting : provider_settings(info.type))
            if (setting.path != "type" && setting.path != "enabled" && setting.path != "auth") settings.push(setting_report(setting));
        for (const std::string_view secret : info.secrets)
            if (!secret.empty()) secrets.push(secret);
        if (info.signs_in) ways.push("redirect").push("paste");
        if (info.type == "google-drive") ways.push("device");
        types.push(Json::object({{"type", info.type}, {"title", info.title}, {"settings", std::move(settings)}, {"secrets", std::move(secrets)}, {"sign_in", std::move(ways)}}));
    }
    return Json::object({{"types", std::move(types)}});
}

Result<ProviderEntry> find_entry(Cli& cli, const std::string& name) {
    ORACX_TRY(const Config config, cli.config());
    const ProviderEntry* entry = config.provider(name);
    if (entry == nullptr) return no_such_provider(config, name);
    return *entry;
}

// So much of it that its owner knows it again.
Json secret_report(Cli& cli, const std::string& full_name) {
    const auto value = cli.secrets().get(full_name);
    Json json = Json::object({{"set", value.has_value()}, {"hint", nullptr}});
    if (!value) return json;
    std::string shown = *value;
    if (const auto record = shown.starts_with('{') ? http::TokenRecord::parse(shown) : Result<http::TokenRecord>(fail(Errc::invalid, ""))) {
        shown = record->refresh_token.empty() ? record->access_token : record->refresh_token;
        json.set("account", record->account.empty() ? Json() : Json(record->account));
        json.set("added", record->signed_in ? Json(format_utc(*record->signed_in)) : Json());
        json.set("renewable", !record->refresh_token.empty());
    } else if (shown.starts_with('{')) {
        return json;  // a key file: nothing of it is worth showing
    }
    if (shown.size() >= 16) json.set("hint", "…" + shown.substr(shown.size() - 4));
    return json;
}

Result<Json> show(Cli& cli, const std::string& name) {
    ORACX_TRY(const ProviderEntry entry, find_entry(cli, name));
    ORACX_TRY(const Json status, cli.ask("status", nullptr));
    Json report = Json::object({{"name", name}});
    for (const Json& provider : status["providers"].items())
        if (provider["name"].as_string() == name) report = provider;
    ORACX_TRY(const ConfigDocument document, cli.document());
    Json settings = Json::object(), secrets = Json::object();
    if (const Json* written = document.find("providers." + name))
        for (const auto& [key, value] : written->members())
            if (key != "type" && key != "enabled" && key != "auth") settings.set(key, value);
    report.set("settings", std::move(settings));
    const std::vector<std::string> kept = entry.type == "sftp" ? std::vector<std::string>{"password", "key_passphrase"} : entry.type == "ftp" ? std::vector<std::string>{"password"}
                                        : entry.type == "google-drive" ? std::vector<std::string>{"token", "service_account"} : entry.type == "dropbox" ? std::vector<std::string>{"token"} : std::vector<std::string>{};
    for (const std::string& secret : kept) {
        Json one = secret_report(cli, secret_name(name, secret));
        if (one["account"].is_string()) report.set("account", one["account"]);
        secrets.set(secret, std::move(one));
    }
    report.set("secrets", std::move(secrets));
    return report;
}

Result<Json> list(Cli& cli) {
    ORACX_TRY(const Json status, cli.ask("status", nullptr));
    return Json::object({{"providers", status["providers"]}});
}

Status check_type(const std::string& type) {
    if (std::any_of(kTypes.begin(), kTypes.end(), [&](const TypeInfo& info) { return info.type == type; })) return {};
    return fail(Errc::invalid, "add a provider of the type \"" + type + "\"", "local, sftp, ftp, dropbox and google-drive are known");
}

// `settings` over `values`; null takes one back to its default.
Status apply(Json& values, const Json& settings) {
    if (!settings.is_null() && !settings.is_object()) return fail(Errc::invalid, "read the settings", "they must be an object");
    for (const auto& [key, value] : settings.members()) {
        if (key == "type" || key == "enabled" || key == "auth") return fail(Errc::invalid, "read the settings", "\"" + key + "\" does not belong there");
        if (value.is_null())
            values.erase(key);
        else
            values.set(key, value);
    }
    return {};
}

Result<Json> add(Cli& cli, const Json& args) {
    const std::string& type = args["type"].as_string();
    AddFlags flags;
    flags.name = args["name"].as_string().empty() ? type : args["name"].as_string();
    flags.no_test = !args["test"].as_bool(true);
    flags.replace = args["replace"].as_bool();
    ORACX_TRYV(check_type(type));
    if (!is_provider_name(flags.name)) return fail(Errc::invalid, "add provider " + flags.name, "its name: 1 to 32 characters of a-z, 0-9 and -");
    ORACX_TRY(const Config config, cli.config());
    if (!flags.replace && config.provider(flags.name) != nullptr) return fail(Errc::exists, "add provider " + flags.name, "there is one of this name");
    Json values = Json::object({{"type", type}, {"enabled", args["enabled"].as_bool(true)}});
    ORACX_TRYV(apply(values, args["settings"]));
    ORACX_TRY(const FreshSecrets fresh, fresh_secrets_from(cli, type, flags.name, args["settings"], args["secrets"]));
    auto outcome = add_provider(cli, flags, std::move(values), fresh);
    if (!outcome) return fail(std::move(outcome).error());
    return outcome_report(outcome);
}

Result<Json> change(Cli& cli, const Json& args) {
    std::string name = args["name"].as_string();
    ORACX_TRY(ProviderEntry entry, find_entry(cli, name));
    if (const std::string& new_name = args["new_name"].as_string(); !new_name.empty()) {
        ORACX_TRYV(rename_provider(cli, name, new_name));
        name = new_name;
        ORACX_TRY(entry, find_entry(cli, name));
    }
    ORACX_TRY(const ConfigDocument document, cli.document());
    const Json* written = document.find("providers." + name);
    if (written == nullptr) return fail(Errc::changed, "change provider " + name, "it is gone from the configuration");
    Json values = *written;
    ORACX_TRYV(apply(values, args["settings"]));
    if (const Json* enabled = args.find("enabled")) values.set("enabled", enabled->as_bool());
    ORACX_TRY(const FreshSecrets fresh, fresh_secrets_from(cli, entry.type, name, values, args["secrets"]));
    if (values == *written && fresh.empty()) return Json::object({{"name", name}, {"type", entry.type}, {"ok", true}, {"saved", true}, {"tested", false}, {"steps", Json::array()}, {"error", nullptr}});
    AddFlags flags;
    flags.name = name;
    flags.replace = true;
    flags.no_test = !args["test"].as_bool(false);
    auto outcome = add_provider(cli, flags, std::move(values), fresh);
    if (!outcome) return fail(std::move(outcome).error());
    return outcome_report(outcome);
}

Json test_report(const std::string& name, TestOutcome outcome) {
    return Json::object({{"name", name}, {"ok", !outcome.error.has_value()}, {"steps", std::move(outcome.steps)}, {"error", outcome.error ? error_to_json(*outcome.error) : Json()}});
}

Result<Json> test(Cli& cli, const std::string& name) {
    ORACX_TRY(const ProviderEntry entry, find_entry(cli, name));
    TestOutcome outcome = run_test(cli, entry, {});
    // It may have been down until now: nobody need wait for the next look.
    if (!outcome.error) (void)cli.ask_daemon("provider-probe", Json::object({{"name", name}}));
    return test_report(name, std::move(outcome));
}

// What is not saved, with the secrets of the provider of that name where none are given.
Result<Json> try_out(Cli& cli, const Json& args) {
    const std::string& type = args["type"].as_string();
    ORACX_TRYV(check_type(type));
    const std::string name = args["name"].as_string().empty() ? type : args["name"].as_string();
    if (!is_provider_name(name)) return fail(Errc::invalid, "test provider " + name, "its name: 1 to 32 characters of a-z, 0-9 and -");
    ORACX_TRY(ConfigDocument document, cli.document());
    const Json* written = document.find("providers." + name);
    Json values = written != nullptr && (*written)["type"].as_string() == type ? *written : Json::object({{"type", type}});
    values.set("enabled", true);
    ORACX_TRYV(apply(values, args["settings"]));
    ORACX_TRY(const FreshSecrets fresh, fresh_secrets_from(cli, type, name, values, args["secrets"]));
    ORACX_TRY(const ProviderEntry entry, checked_entry(cli, name, values, document));
    return test_report(name, run_test(cli, entry, fresh));
}

// The key that an SFTP server shows to somebody who knows none.
Result<std::string> look_at_host_key(Cli& cli, const std::string& host, std::int64_t port) {
    if (host.empty() || port < 1 || port > 65'535) return fail(Errc::invalid, "look at a host key", "host and port are needed");
    ORACX_TRY(ConfigDocument document, cli.document());
    const Json values = Json::object({{"type", "sftp"}, {"enabled", true}, {"host", host}, {"port", port}, {"user", "nobody"}, {"folder", "."}, {"known_hosts", "/dev/null"}});
    ORACX_TRY(const ProviderEntry entry, checked_entry(cli, "host-key", values, document));
    const TestOutcome outcome = run_test(cli, entry, {{secret_name("host-key", "password"), "none"}});
    if (!outcome.error) return fail(Errc::internal, "look at a host key", "nothing was asked about it");
    if (outcome.error->code == Errc::host_key_unknown)
        if (std::string offered = offered_fingerprint(*outcome.error); !offered.empty()) return offered;
    Error error = *outcome.error;
    error.provider = host;
    return fail(std::move(error));
}

Result<Json> trust_host(Cli& cli, const Json& args) {
    const std::string& name = args["name"].as_string();
    ORACX_TRY(const ProviderEntry entry, find_entry(cli, name));
    if (entry.type != "sftp") return fail(Errc::invalid, "trust the host of " + name, "only SFTP servers have a host key");
    const std::string& fingerprint = args["fingerprint"].as_string();
    if (fingerprint.empty()) {
        ORACX_TRY(const std::string offered, look_at_host_key(cli, entry.values["host"].as_string(), entry.values["port"].as_int(22)));
        return Json::object({{"name", name}, {"known", entry.values["host_key"]}, {"offered", offered}});
    }
    if (!fingerprint.starts_with("SHA256:") || fingerprint.size() != 50) return fail(Errc::invalid, "trust the host of " + name, "a fingerprint looks like SHA256: and 43 characters");
    ORACX_TRY(ConfigDocument document, cli.document());
    document.set("providers." + name + ".host_key", fingerprint);
    ORACX_TRYV(cli.save(document));
    (void)cli.ask_daemon("provider-probe", Json::object({{"name", name}}));
    return Json::object({{"name", name}, {"host_key", fingerprint}});
}

Result<Json> data_of(Result<CommandResult> outcome) {
    if (!outcome) return fail(std::move(outcome).error());
    if (outcome->error) return fail(*outcome->error);
    return std::move(outcome->data);
}

}  // namespace

Cli make_inside(const InsideOptions& options, const OpContext& ctx, bool yes) {
    GlobalFlags flags;
    flags.json = flags.quiet = flags.no_input = true;
    flags.yes = yes;
    return Cli(std::move(flags), options.environment, options.places, options.registry, ctx.stop);
}

Json outcome_report(Result<CommandResult>& outcome) {
    Json report = outcome->data;
    const bool ok = !outcome->error;
    report.set("ok", ok);
    report.set("saved", ok);
    if (report.find("steps") == nullptr) report.set("steps", Json::array());
    report.set("error", ok ? Json() : error_to_json(*outcome->error));
    return report;
}

void add_provider_handlers(HandlerRegistry& registry, const InsideOptions& options) {
    const auto add_one = [&](const char* command, auto body) {
        registry.add(command, [options, body](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
            Cli cli = make_inside(options, ctx, args["confirm"].as_bool());
            return body(cli, args);
        });
    };
    registry.add("provider-types", [](const Json&, const OpContext&, const Emit&) -> Result<Json> { return type_list(); });
    add_one("provider-list", [](Cli& cli, const Json&) { return list(cli); });
    add_one("provider-show", [](Cli& cli, const Json& args) { return show(cli, args["name"].as_string()); });
    add_one("provider-add", add);
    add_one("provider-change", change);
    add_one("provider-test", [](Cli& cli, const Json& args) { return test(cli, args["name"].as_string()); });
    add_one("provider-try", try_out);
    add_one("provider-trust-host", trust_host);
    add_one("provider-host-key", [](Cli& cli, const Json& args) -> Result<Json> {
        ORACX_TRY(std::string offered, look_at_host_key(cli, args["host"].as_string(), args["port"].as_int(22)));
        return Json::object({{"fingerprint", std::move(offered)}});
    });
    add_one("provider-enable", [](Cli& cli, const Json& args) -> Result<Json> {
        ORACX_TRY(const ProviderEntry entry, find_entry(cli, args["name"].as_string()));
        return data_of(enable_provider(cli, entry, args["enabled"].as_bool()));
    });
    registry.add("provider-remove", [options](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
        Cli cli = make_inside(options, ctx, true);  // who sends it means it
        ORACX_TRY(const ProviderEntry entry, find_entry(cli, args["name"].as_string()));
        return data_of(remove_provider(cli, entry));
    });
    add_one("provider-sign-out", [](Cli& cli, const Json& args) -> Result<Json> {
        ORACX_TRY(const ProviderEntry entry, find_entry(cli, args["name"].as_string()));
        if (entry.type != "dropbox" && entry.type != "google-drive") return fail(Errc::invalid, "sign out " + entry.name, "nobody signs in at this kind of provider");
        return data_of(sign_out_provider(cli, entry.type == "dropbox" ? dropbox_kind() : google_drive_kind(), entry.name, args["revoke"].as_bool()));
    });
    add_one("secret-list", [](Cli& cli, const Json&) -> Result<Json> {
        ORACX_TRY(const auto names, cli.secrets().names());
        Json list = Json::array();
        for (const std::string& name : names) list.push(name);
        return Json::object({{"names", std::move(list)}});
    });
    add_one("secret-set", [](Cli& cli, const Json& args) -> Result<Json> {
        const std::string& name = args["name"].as_string();
        ORACX_TRYV(check_secret_name(name));
        if (args["value"].as_string().empty()) return fail(Errc::invalid, "store secret " + name, "its value is missing");
        ORACX_TRYV(cli.secrets().put(name, args["value"].as_string()));
        ORACX_TRYV(cli.ask_daemon("reload", nullptr));  // what waited for it tries again
        return Json::object({{"name", name}});
    });
    add_one("secret-remove", [](Cli& cli, const Json& args) -> Result<Json> {
        const std::string& name = args["name"].as_string();
        ORACX_TRY(const auto names, cli.secrets().names());
        if (std::find(names.begin(), names.end(), name) == names.end()) return fail(Errc::not_found, "forget secret " + name, "none is stored under that name");
        ORACX_TRYV(cli.secrets().remove(name));
        return Json::object({{"name", name}});
    });
    registry.add("doctor", [options](const Json&, const OpContext& ctx, const Emit&) -> Result<Json> {
        Cli cli = make_inside(options, ctx, false);
        return run_doctor(cli);
    });
}

}  // namespace oracxfs
