#include "tools/config/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "tools/config/schema.h"

namespace oracxfs {
namespace {

Json parsed_default(const Setting& setting) {
    if (setting.fallback.empty()) return nullptr;
    auto value = parse_json(setting.fallback);
    ORACX_ASSERT(value.has_value());
    return std::move(*value);
}

EffectiveSetting effective(const Setting& setting, const ConfigDocument& document, const Environment& environment) {
    const std::string path(setting.path);
    const std::string name = environment_name(path);
    if (const auto text = environment(name)) return {path, value_from_text(setting, *text), "environment " + name};
    if (const Json* value = document.find(path)) {
        std::string slashes = path;
        std::replace(slashes.begin(), slashes.end(), '.', '/');
        return {path, *value, document.place_of_value(slashes)};
    }
    return {path, parsed_default(setting), "default"};
}

// Reads checked values; the types fit because check_config() found nothing.
class Reader {
  public:
    Reader(const ConfigDocument& document, const Environment& environment) : document_(document), environment_(environment) {}

    Json value(std::string_view path) const {
        const Setting* setting = find_setting(path);
        ORACX_ASSERT(setting != nullptr);
        return effective(*setting, document_, environment_).value;
    }
    bool boolean(std::string_view path) const { return value(path).as_bool(); }
    std::string text(std::string_view path) const { return value(path).as_string(); }
    std::string choice(std::string_view path) const { return current_choice(*find_setting(path), text(path)); }
    std::uint32_t count(std::string_view path) const { return static_cast<std::uint32_t>(value(path).as_int()); }
    std::uint64_t size(std::string_view path) const { return optional_size(path).value_or(0); }
    std::optional<std::uint64_t> optional_size(std::string_view path) const {
        const Json json = value(path);
        if (json.is_int()) return static_cast<std::uint64_t>(json.as_int());
        return parse_rate(json.as_string());  // also takes plain sizes
    }
    Millis duration(std::string_view path) const { return parse_duration(text(path)).value_or(Millis(0)); }
    std::vector<std::string> texts(std::string_view path) const {
        std::vector<std::string> list;
        const Json array = value(path);  // named: a range-for does not keep a temporary's insides alive
        for (const Json& item : array.items()) list.push_back(item.as_string());
        return list;
    }
    std::string expanded(const std::string& path) const { return expand_path(path, environment_).value_or(path); }

  private:
    const ConfigDocument& document_;
    const Environment& environment_;
};

std::string machine_name() {
    char buffer[256] = {};
    if (::gethostname(buffer, sizeof buffer - 1) != 0) return "localhost";
    return buffer;
}

std::uint32_t minute_of(std::string_view clock) {
    return static_cast<std::uint32_t>(((clock[0] - '0') * 10 + clock[1] - '0') * 60 + (clock[3] - '0') * 10 + clock[4] - '0');
}

ProviderEntry provider_entry(const std::string& name, const Json& entry, const Environment& environment) {
    ProviderEntry result;
    result.name = name;
    result.type = entry["type"].as_string();
    result.enabled = entry["enabled"].as_bool(true);
    result.values = Json::object();
    for (const Setting& setting : provider_settings(result.type)) {
        const Json* given = entry.find(setting.path);
        Json value = given != nullptr ? *given : parsed_default(setting);
        if (value.is_string() && setting.kind == Kind::path)
            value = absolute_path(expand_path(value.as_string(), environment).value_or(value.as_string()), "/");
        else if (value.is_string() && setting.kind == Kind::duration)
            value = static_cast<double>(parse_duration(value.as_string()).value_or(Millis(0)).count()) / 1000.0;
        else if (value.is_string() && setting.kind == Kind::rate)
            value = Json(parse_rate(value.as_string()).value_or(0));
        result.values.set(setting.path, std::move(value));
    }
    return result;
}

BackupConfig read_backup(const Reader& reader) {
    BackupConfig backup;
    backup.name_prefix = reader.text("backup.name_prefix");
    const Json sources = reader.value("backup.sources");
    for (const Json& item : sources.items()) {
        BackupSource source;
        const std::string& kind = item["kind"].as_string();
        source.kind = kind.empty() || kind == "file" ? "tree" : kind;  // "file": a word of earlier versions
        if (item["path"].is_string()) source.path = absolute_path(reader.expanded(item["path"].as_string()), "/");
        source.name = item["name"].as_string();
        for (const Json& pattern : item["include"].items()) source.include.push_back(pattern.as_string());
        for (const Json& pattern : item["exclude"].items()) source.exclude.push_back(pattern.as_string());
        source.one_file_system = item["one_file_system"].as_bool();
        source.follow = item["follow"].as_bool();
        const Json& command = item["command"];
        if (command.is_string()) source.command = {"/bin/sh", "-c", command.as_string()};
        for (const Json& word : command.items()) source.command.push_back(word.as_string());
        backup.sources.push_back(std::move(source));
    }
    backup.include_metadata = reader.boolean("backup.include_metadata");
    backup.compression = reader.choice("backup.compression");
    backup.skip_if_unchanged = reader.boolean("backup.skip_if_unchanged");
    backup.zip_encryption = reader.text("backup.zip_encryption");
    if (const Json dir = reader.value("backup.staging_dir"); dir.is_string()) backup.staging_dir = reader.expanded(dir.as_string());
    backup.staging_min_free = reader.size("backup.staging_min_free");
    return backup;
}

ReplicationConfig read_replication(const Reader& reader) {
    ReplicationConfig replication;
    replication.min_replicas = reader.count("replication.min_replicas");
    replication.verify = reader.text("replication.verify");
    replication.retries = reader.count("replication.retries");
    replication.backoff = parse_duration_range(reader.text("replication.backoff")).value_or(DurationRange{});
    replication.upload_limit = reader.optional_size("replication.upload_limit");
    const Json hours = reader.value("replication.limit_hours");
    for (const auto& [span, rate] : hours.members()) {
        if (span.starts_with("_comment")) continue;
        const std::string_view text = span;
        replication.limit_hours.push_back({minute_of(text.substr(0, 5)), minute_of(text.substr(6)), parse_rate(rate.as_string()).value_or(0)});
    }
    replication.heal_after = reader.duration("replication.heal_after");
    replication.delete_grace = reader.duration("replication.delete_grace");
    replication.sign_in_pause = reader.duration("replication.sign_in_pause");
    replication.full_pause = reader.duration("replication.full_pause");
    return replication;
}

MountConfig read_mount(const Reader& reader) {
    MountConfig mount;
    mount.dir = absolute_path(reader.expanded(reader.text("mount.dir")), "/");
    mount.at_login = reader.boolean("mount.at_login");
    mount.close_waits_for = parse_ack_policy(reader.text("mount.close_waits_for")).value_or(AckPolicy{});
    mount.close_waits_for.min_replicas = reader.count("replication.min_replicas");
    mount.provider_dir_write = reader.text("mount.provider_dir_write");
    mount.cache_size = reader.size("mount.cache_size");
    mount.write_ahead = reader.size("mount.write_ahead");
    mount.offline_reads = reader.boolean("mount.offline_reads");
    mount.browse = reader.boolean("mount.browse");
    mount.allow_other = reader.boolean("mount.allow_other");
    return mount;
}

std::vector<NotifyTarget> read_targets(const Reader& reader) {
    std::vector<NotifyTarget> targets;
    const Json list = reader.value("notify.targets");
    const auto texts = [](const Json& json) {
        std::vector<std::string> all;
        if (json.is_string()) all.push_back(json.as_string());
        for (const Json& item : json.items()) all.push_back(item.as_string());
        return all;
    };
    const auto secret = [](const Json& json) { return json.is_string() ? json.as_string().substr(std::string_view("secret:").size()) : std::string(); };
    for (const Json& item : list.items()) {
        NotifyTarget target;
        target.id = item["id"].as_string();
        target.type = item["type"].as_string();
        target.enabled = item["enabled"].as_bool(true);
        target.on = texts(item["on"]);
        target.url = item["url"].as_string();
        target.style = item["style"].is_string() ? item["style"].as_string() : "json";
        target.secret = secret(item["secret"]);
        target.auth = secret(item["auth"]);
        target.host = item["host"].as_string();
        target.tls = item["tls"].is_string() ? item["tls"].as_string() : "starttls";
        target.port = static_cast<std::uint16_t>(item["port"].as_int(target.tls == "implicit" ? 465 : 587));
        target.user = item["user"].as_string();
        target.from = item["from"].as_string();
        target.to = texts(item["to"]);
        if (item["ca_file"].is_string()) target.ca_file = absolute_path(reader.expanded(item["ca_file"].as_string()), "/");
        target.allow_plain_http = item["allow_plain_http"].as_bool();
        target.timeout = parse_duration(item["timeout"].as_string()).value_or(Millis(20'000));
        targets.push_back(std::move(target));
    }
    return targets;
}

}  // namespace

const ProviderEntry* Config::provider(std::string_view name) const {
    const auto found = std::find_if(providers.begin(), providers.end(), [&](const ProviderEntry& p) { return p.name == name; });
    return found == providers.end() ? nullptr : &*found;
}

Result<Config> make_config(const ConfigDocument& document, const Environment& environment) {
    if (auto problems = check_config(document, environment); !problems.empty()) {
        ConfigProblem& first = problems.front();
        if (problems.size() > 1)
            first.hint += fmt::format("{}{} more problem{}", first.hint.empty() ? "" : "; ", problems.size() - 1,
                                      problems.size() == 2 ? "" : "s");
        return fail(Errc::config, std::move(first.message), std::move(first.hint));
    }
    const Reader reader(document, environment);
    Config config;
    config.language = reader.text("language");
    config.instance = reader.text("instance");
    if (config.instance.empty()) config.instance = machine_name();
    config.backup = read_backup(reader);
    config.replication = read_replication(reader);
    for (const auto& [name, entry] : document.root()["providers"].members())
        if (!name.starts_with("_comment")) config.providers.push_back(provider_entry(name, entry, environment));
    config.auto_sync = {reader.boolean("auto_sync.enabled"), reader.duration("auto_sync.every"), reader.texts("auto_sync.at"),
                        reader.duration("auto_sync.jitter"), reader.boolean("auto_sync.catch_up"),
                        reader.boolean("auto_sync.on_battery")};
    config.retention = {reader.count("retention.keep_last"),           reader.count("retention.hourly"),
                        reader.count("retention.daily"),               reader.count("retention.weekly"),
                        reader.count("retention.monthly"),             reader.count("retention.yearly"),
                        reader.count("retention.min_verified_copies"), reader.count("retention.trash_days"),
                        reader.count("retention.max_delete_percent")};
    config.scrub = {reader.boolean("scrub.enabled"), reader.duration("scrub.every"),
                    reader.value("scrub.sample_percent").as_double(), reader.text("scrub.download"),
                    reader.boolean("scrub.repair"), reader.optional_size("scrub.download_limit")};
    config.mount = read_mount(reader);
    config.staging = {reader.optional_size("staging.max_size"), reader.size("staging.min_free")};
    config.admin = {reader.boolean("admin.enabled"),     reader.texts("admin.listen"),
                    reader.text("admin.base_path"),      reader.texts("admin.allowed_hosts"),
                    reader.boolean("admin.behind_proxy"), reader.duration("admin.session_idle"),
                    reader.expanded(reader.text("admin.tls_certificate")), reader.expanded(reader.text("admin.tls_key"))};
    config.notify = {reader.texts("notify.on"), reader.duration("notify.settle"), reader.duration("notify.remind"),
                     reader.texts("notify.allowed_local"), read_targets(reader)};
    config.log = {reader.text("log.level"), reader.count("log.keep_days"), reader.size("log.activity_size"), reader.count("log.activity_files")};
    return config;
}

Result<Config> load_config(const std::string& file, const Environment& environment) {
    ORACX_TRY(const ConfigDocument document, ConfigDocument::load(file));
    return make_config(document, environment);
}

std::vector<EffectiveSetting> effective_settings(const ConfigDocument& document, const Environment& environment) {
    std::vector<EffectiveSetting> list;
    for (const Setting& setting : settings()) list.push_back(effective(setting, document, environment));
    for (const auto& [name, entry] : document.root()["providers"].members()) {
        if (name.starts_with("_comment")) continue;
        for (const Setting& setting : provider_settings(entry["type"].as_string())) {
            const std::string path = "providers." + name + "." + std::string(setting.path);
            const Json* given = entry.find(setting.path);
            if (given != nullptr)
                list.push_back({path, *given, document.place_of_value("providers/" + name + "/" + std::string(setting.path))});
            else
                list.push_back({path, parsed_default(setting), "default"});
        }
    }
    return list;
}

Status set_from_text(ConfigDocument& document, std::string_view path, std::string_view text, const Environment& environment) {
    std::optional<Setting> setting;
    std::vector<Candidate> known;
    if (path.starts_with("providers.")) {
        const std::string_view rest = path.substr(10);
        const std::size_t dot = rest.find('.');
        const std::string name(rest.substr(0, dot));
        const Json* entry = document.find("providers." + name);
        if (entry == nullptr || dot == std::string_view::npos)
            return fail(Errc::config, fmt::format("set {}", path),
                        entry == nullptr ? "there is no provider \"" + name + "\"; add it with its own command, as `oracxfs sftp`"
                                         : "name one of its keys, as in providers." + name + ".enabled");
        for (const Setting& key : provider_settings((*entry)["type"].as_string())) {
            add_candidates(known, "providers." + name + "." + std::string(key.path), "");
            if (rest.substr(dot + 1) == key.path) setting = key;
        }
    } else {
        for (const Setting& key : settings()) add_candidates(known, key.path, "");
        if (const Setting* found = find_setting(path)) setting = *found;
    }
    if (!setting) {
        std::string hint = suggestion(path, known);
        if (hint.starts_with("allowed here")) hint = "`oracxfs config show` lists all keys";
        return fail(Errc::config, fmt::format("unknown key `{}`", path), std::move(hint));
    }
    Json value = value_from_text(*setting, text);
    if (auto complaints = check_value(*setting, value); !complaints.empty())
        return fail(Errc::config, fmt::format("`{}` {}", path, complaints.front().message), complaints.front().hint);
    if (setting->kind == Kind::path && value.is_string())
        if (const auto expanded = expand_path(value.as_string(), environment); !expanded)
            return fail(Errc::config, fmt::format("`{}` cannot be used", path), expanded.error().why);
    document.set(path, std::move(value));
    return {};
}

}  // namespace oracxfs
