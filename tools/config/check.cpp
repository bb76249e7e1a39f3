// What is wrong with a configuration, and where.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "tools/config/config.h"
#include "tools/config/schema.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs {
namespace {

bool is_comment(std::string_view key) { return key.starts_with("_comment"); }

// Keys that hold secrets in other programs' files.
bool names_a_secret(std::string_view key) {
    constexpr std::array<std::string_view, 11> kWords = {"password",      "passwd",       "pass",   "token",
                                                         "secret",        "passphrase",   "api_key", "app_secret",
                                                         "client_secret", "access_token", "refresh_token"};
    return std::find(kWords.begin(), kWords.end(), key) != kWords.end();
}

class Checker {
  public:
    Checker(const ConfigDocument& document, const Environment& environment) : document_(document), environment_(environment) {}

    std::vector<ConfigProblem> run() {
        check_object(document_.root(), "");
        for (const Setting& setting : settings()) check_environment(setting);
        return std::move(problems_);
    }

  private:
    void add(std::string place, std::string message, std::string hint = {}) {
        problems_.push_back({std::move(place) + ": " + std::move(message), std::move(hint)});
    }

    // `section`: "" or "mount".
    void check_object(const Json& object, const std::string& section) {
        for (const auto& [key, value] : object.members()) {
            if (is_comment(key)) continue;
            const std::string path = section.empty() ? key : section + "." + key;
            const std::string slashes = section.empty() ? key : section + "/" + key;
            if (section.empty() && key == "providers") {
                check_providers(value);
            } else if (const Setting* setting = find_setting(path)) {
                check_setting(*setting, value, path, slashes);
            } else if (section.empty() && is_section(key)) {
                if (value.is_object())
                    check_object(value, key);
                else
                    add(document_.place_of_value(slashes), "`" + key + "` must be an object in { }");
            } else {
                add(document_.place_of_key(slashes),
                    section.empty() ? "unknown key `" + key + "`" : "unknown key `" + key + "` in `" + section + "`",
                    suggestion(key, candidates(section)));
            }
        }
    }

    static bool is_section(const std::string& key) {
        return std::any_of(settings().begin(), settings().end(), [&](const Setting& s) { return s.path.starts_with(key + "."); });
    }

    static std::vector<Candidate> candidates(const std::string& section) {
        std::vector<Candidate> list;
        std::set<std::string_view> seen;
        for (const Setting& setting : settings()) {
            const std::size_t dot = setting.path.find('.');
            const std::string_view head = dot == std::string_view::npos ? "" : setting.path.substr(0, dot);
            if (head == section)
                add_candidates(list, dot == std::string_view::npos ? setting.path : setting.path.substr(dot + 1),
                               setting.also_known_as);
            else if (section.empty() && seen.insert(head).second)
                add_candidates(list, head, "");
        }
        if (section.empty()) add_candidates(list, "providers", "");
        return list;
    }

    void check_setting(const Setting& setting, const Json& value, const std::string& path, const std::string& slashes) {
        for (Complaint& complaint : check_value(setting, value))
            add(document_.place_of_value(complaint.below.empty() ? slashes : slashes + "/" + complaint.below),
                "`" + path + "` " + complaint.message, std::move(complaint.hint));
        if (path == "backup.name_prefix" && value.is_string())
            if (const Status usable = check_package_prefix(value.as_string()); !usable)
                add(document_.place_of_value(slashes), "`" + path + "` cannot be used: " + usable.error().why);
        if (setting.kind == Kind::path && value.is_string())
            if (const auto expanded = expand_path(value.as_string(), environment_); !expanded)
                add(document_.place_of_value(slashes), "`" + path + "` cannot be used", expanded.error().why);
    }

    void check_providers(const Json& providers) {
        if (!providers.is_object())
            return add(document_.place_of_value("providers"), "`providers` must be an object in { }, one member a provider");
        for (const auto& [name, entry] : providers.members()) {
            if (is_comment(name)) continue;
            const std::string slashes = "providers/" + name;
            if (!is_provider_name(name))
                add(document_.place_of_key(slashes), "`" + name + "` is not a provider's name",
                    "1 to 32 characters of a-z, 0-9 and - are allowed");
            else if (!entry.is_object())
                add(document_.place_of_value(slashes), "`providers." + name + "` must be an object in { }");
            else
                check_provider(name, entry, slashes);
        }
    }

    void check_provider(const std::string& name, const Json& entry, const std::string& slashes) {
        const std::string path = "providers." + name;
        const Json* type = entry.find("type");
        if (type == nullptr) return add(document_.place_of_value(slashes), "`" + path + "` has no `type`", types_hint());
        const auto keys = provider_settings(type->as_string());
        if (keys.empty()) {
            const Setting any{"type", Kind::choice, "", false, 0, 0, "local|sftp|ftp|dropbox|google-drive|s3|webdav"};
            return check_setting(any, *type, path + ".type", slashes + "/type");
        }
        std::vector<Candidate> known;
        for (const Setting& key : keys) {
            add_candidates(known, key.path, key.also_known_as);
            // An entry that is switched off may be a form still to be filled in.
            if (key.fallback.empty() && entry.find(key.path) == nullptr && entry["enabled"].as_bool(true))
                add(document_.place_of_value(slashes), fmt::format("`{}` has no `{}`, which every {} provider needs", path,
                                                                   key.path, type->as_string()));
        }
        for (const auto& [key, value] : entry.members()) {
            if (is_comment(key)) continue;
            const std::string_view wanted = key;
            const auto setting = std::find_if(keys.begin(), keys.end(), [&](const Setting& s) { return s.path == wanted; });
            if (setting != keys.end()) {
                const bool unfinished = !entry["enabled"].as_bool(true) && value.is_string() && value.as_string().empty();
                if (!unfinished) check_setting(*setting, value, path + "." + key, slashes + "/" + key);
            } else if (names_a_secret(key)) {
                add(document_.place_of_key(slashes + "/" + key), "`" + path + "." + key + "` holds a secret",
                    "remove it and enter it with --password-file or --token-file: secrets are kept encrypted, not in this file");
            } else {
                add(document_.place_of_key(slashes + "/" + key), "unknown key `" + key + "` in `" + path + "`",
                    suggestion(key, known));
            }
        }
    }

    static std::string types_hint() {
        std::string text = "allowed types: ";
        for (std::size_t i = 0; i < provider_types().size(); ++i) text += (i == 0 ? "" : ", ") + std::string(provider_types()[i]);
        return text;
    }

    void check_environment(const Setting& setting) {
        const std::string name = environment_name(setting.path);
        const auto text = environment_(name);
        if (!text) return;
        for (Complaint& complaint : check_value(setting, value_from_text(setting, *text)))
            add("environment " + name, "`" + std::string(setting.path) + "` " + complaint.message, std::move(complaint.hint));
        if (setting.path == "backup.name_prefix")
            if (const Status usable = check_package_prefix(*text); !usable)
                add("environment " + name, "`" + std::string(setting.path) + "` cannot be used: " + usable.error().why);
    }

    const ConfigDocument& document_;
    const Environment& environment_;
    std::vector<ConfigProblem> problems_;
};

}  // namespace

std::string environment_name(std::string_view path) {
    std::string name = "ORACXFS_";
    for (const char c : path) name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

std::vector<ConfigProblem> check_config(const ConfigDocument& document, const Environment& environment) {
    return Checker(document, environment).run();
}

}  // namespace oracxfs
