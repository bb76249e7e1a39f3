#include "tools/config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "fs/ack.h"
#include "tools/config/complaints.h"
#include "tools/config/target_check.h"
#include "tools/config/units.h"

namespace oracxfs {
namespace {

using enum Kind;

constexpr std::array kSettings = {
    Setting{"version", integer, "1", false, 1, 1},
    Setting{"language", choice, "\"auto\"", false, 0, 0, "auto|en|fr"},
    Setting{"instance", text, "null", true, 0, 0, {}, "host|hostname"},

    Setting{"backup.name_prefix", text, "\"oracxpred_backup_\""},
    Setting{"backup.sources", source_list, "[]"},
    Setting{"backup.include_metadata", boolean, "true"},
    Setting{"backup.compression", choice, "\"max\"", false, 0, 0, "max|balanced|store", {}, "fast=balanced|none=store"},
    Setting{"backup.skip_if_unchanged", boolean, "false"},
    Setting{"backup.zip_encryption", choice, "\"none\"", false, 0, 0, "none|aes256", "encryption"},
    Setting{"backup.staging_dir", path, "null", true},
    Setting{"backup.staging_min_free", size, "\"512MiB\""},

    Setting{"replication.min_replicas", integer, "1", false, 1, 63, {}, "min_copies|replicas"},
    Setting{"replication.verify", choice, "\"hash\"", false, 0, 0, "hash|download"},
    Setting{"replication.retries", integer, "5", false, 0, 1000},
    Setting{"replication.backoff", duration_range, "\"2s..5m\""},
    Setting{"replication.upload_limit", rate, "null", true, 0, 0, {}, "bwlimit|limit"},
    Setting{"replication.limit_hours", rate_by_hours, "{}"},
    Setting{"replication.heal_after", duration, "\"1m\""},
    Setting{"replication.delete_grace", duration, "\"1m\""},
    Setting{"replication.sign_in_pause", duration, "\"5m\"", false, 1e3, 86'400e3},
    Setting{"replication.full_pause", duration, "\"1m\"", false, 1e3, 86'400e3},

    Setting{"auto_sync.enabled", boolean, "false"},
    Setting{"auto_sync.every", duration, "\"12h\"", false, 60e3, 366 * 86'400e3, {}, "interval|period"},
    Setting{"auto_sync.at", clock_list, "[]"},
    Setting{"auto_sync.jitter", duration, "\"5m\""},
    Setting{"auto_sync.catch_up", boolean, "true"},
    Setting{"auto_sync.on_battery", boolean, "true"},

    Setting{"retention.keep_last", integer, "4", false, 1, 100'000},
    Setting{"retention.hourly", integer, "0", false, 0, 100'000},
    Setting{"retention.daily", integer, "14", false, 0, 100'000},
    Setting{"retention.weekly", integer, "8", false, 0, 100'000},
    Setting{"retention.monthly", integer, "12", false, 0, 100'000},
    Setting{"retention.yearly", integer, "0", false, 0, 100'000},
    Setting{"retention.min_verified_copies", integer, "1", false, 1, 63},
    Setting{"retention.trash_days", integer, "7", false, 0, 3650},
    Setting{"retention.max_delete_percent", integer, "25", false, 0, 100},

    Setting{"scrub.enabled", boolean, "true"},
    Setting{"scrub.every", duration, "\"7d\"", false, 60e3, 366 * 86'400e3, {}, "interval|period"},
    Setting{"scrub.sample_percent", number, "5", false, 0, 100},
    Setting{"scrub.download", choice, "\"smallest\"", false, 0, 0, "none|smallest|all"},
    Setting{"scrub.repair", boolean, "true"},
    Setting{"scrub.download_limit", rate, "null", true, 0, 0, {}, "bwlimit|limit"},

    Setting{"mount.dir", path, "\"~/OracxCloud\"", false, 0, 0, {}, "path|folder|directory"},
    Setting{"mount.at_login", boolean, "false"},
    Setting{"mount.close_waits_for", ack_policy, "\"all\""},
    Setting{"mount.provider_dir_write", choice, "\"replicate\"", false, 0, 0, "replicate|deny"},
    Setting{"mount.cache_size", size, "\"5GiB\""},
    Setting{"mount.write_ahead", size, "\"64MiB\"", false, 1 << 20, 1e12},
    Setting{"mount.offline_reads", boolean, "true"},
    Setting{"mount.browse", boolean, "true"},
    Setting{"mount.allow_other", boolean, "false"},

    Setting{"staging.max_size", size, "null", true, 16 << 20, 1e18},
    Setting{"staging.min_free", size, "\"512MiB\""},

    Setting{"admin.enabled", boolean, "true"},
    Setting{"admin.listen", text_list, "[\"127.0.0.1:10000\", \"[::1]:10000\"]", false, 0, 0, {}, "port|address|bind"},
    Setting{"admin.base_path", text, "\"/admin/cloud\""},
    Setting{"admin.allowed_hosts", text_list, "[]"},
    Setting{"admin.behind_proxy", boolean, "false"},
    Setting{"admin.session_idle", duration, "\"30m\"", false, 60e3, 7 * 86'400e3},
    Setting{"admin.tls_certificate", path, "null", true},
    Setting{"admin.tls_key", path, "null", true},

    Setting{"notify.on", text_list, "[\"degraded\", \"at_risk\", \"unprotected\", \"recovered\", \"provider\", \"run\", \"damage\"]", false, 0, 0,
            kNotices},
    Setting{"notify.settle", duration, "\"5m\""},
    Setting{"notify.remind", duration, "\"24h\""},
    Setting{"notify.allowed_local", text_list, "[]", false, 0, 0, {}, "allow_local|allowed_hosts|allow_loopback"},
    Setting{"notify.targets", target_list, "[]"},

    Setting{"log.level", choice, "\"info\"", false, 0, 0, "debug|info|warning|error"},
    Setting{"log.keep_days", integer, "90", false, 1, 36'500},
    Setting{"log.activity_size", size, "\"4MiB\"", false, 64 << 10, 1e9},
    Setting{"log.activity_files", integer, "8", false, 1, 1000},
};

constexpr std::array<std::string_view, 7> kTypes = {"local",        "sftp", "ftp",   "dropbox",
                                                    "google-drive", "s3",   "webdav"};

constexpr std::array kCommon = {
    Setting{"type", choice, "", false, 0, 0, "local|sftp|ftp|dropbox|google-drive|s3|webdav"},
    Setting{"enabled", boolean, "true", false, 0, 0, {}, "active|on"},
};
constexpr std::array kNetwork = {
    Setting{"ca_file", path, "null", true},
    Setting{"timeout", duration, "\"20s\"", false, 1e3, 3600e3},
    Setting{"upload_limit", rate, "null", true, 0, 0, {}, "bwlimit"},
    Setting{"download_limit", rate, "null", true},
    Setting{"connections", integer, "4", false, 1, 32, {}, "parallel"},
};
constexpr std::array kLocal = {Setting{"path", path, "", false, 0, 0, {}, "dir|directory|folder"}};
constexpr std::array kSftp = {
    Setting{"host", text, "", false, 0, 0, {}, "server|hostname"},
    Setting{"port", integer, "22", false, 1, 65'535},
    Setting{"user", text, "", false, 0, 0, {}, "username|login"},
    Setting{"folder", text, "\"ORACXPRED\"", false, 0, 0, {}, "path|dir|directory"},
    Setting{"host_key", text, "null", true, 0, 0, {}, "fingerprint|host_key_fingerprint|hostkey"},
    Setting{"known_hosts", path, "null", true},
    Setting{"key_file", path, "null", true, 0, 0, {}, "key|identity|identity_file"},
    Setting{"use_agent", boolean, "false", false, 0, 0, {}, "agent"},
    Setting{"verify", choice, "\"auto\"", false, 0, 0, "auto|hash|readback"},
    Setting{"auth", secret_ref, "null", true},
};
constexpr std::array kFtp = {
    Setting{"host", text, "", false, 0, 0, {}, "server|hostname"},
    Setting{"port", integer, "null", true, 1, 65'535},
    Setting{"user", text, "\"\"", false, 0, 0, {}, "username|login"},
    Setting{"folder", text, "\"ORACXPRED\"", false, 0, 0, {}, "path|dir|directory"},
    Setting{"tls", choice, "\"explicit\"", false, 0, 0, "explicit|implicit"},
    Setting{"tls_max", choice, "\"1.2\"", false, 0, 0, "1.2|1.3"},
    Setting{"allow_plain_ftp", boolean, "false"},
    Setting{"verify", choice, "\"auto\"", false, 0, 0, "auto|hash|readback"},
    Setting{"auth", secret_ref, "null", true},
};
constexpr std::array kDropbox = {
    Setting{"folder", text, "\"/ORACXPRED\"", false, 0, 0, {}, "path|dir|directory"},
    Setting{"app_key", text, "null", true},
    Setting{"base_url", url, "null", true},
    Setting{"auth", secret_ref, "null", true},
};
constexpr std::array kDrive = {
    Setting{"folder", text, "\"ORACXPRED\"", false, 0, 0, {}, "path|dir|directory"},
    Setting{"scope", choice, "\"drive.file\"", false, 0, 0, "drive.file|drive"},
    Setting{"shared_drive", text, "null", true, 0, 0, {}, "team_drive|drive_id"},
    Setting{"act_for", text, "null", true, 0, 0, {}, "impersonate|subject"},
    Setting{"base_url", url, "null", true},
    Setting{"auth", secret_ref, "null", true},
};
constexpr std::array kS3 = {
    Setting{"bucket", text, ""},
    Setting{"region", text, "\"us-east-1\""},
    Setting{"folder", text, "\"ORACXPRED\"", false, 0, 0, {}, "path|prefix"},
    Setting{"path_style", boolean, "false"},
    Setting{"base_url", url, "null", true, 0, 0, {}, "endpoint"},
    Setting{"auth", secret_ref, "null", true},
};
constexpr std::array kWebdav = {
    Setting{"base_url", url, "", false, 0, 0, {}, "url|host"},
    Setting{"user", text, "\"\"", false, 0, 0, {}, "username|login"},
    Setting{"folder", text, "\"ORACXPRED\"", false, 0, 0, {}, "path|dir|directory"},
    Setting{"auth", secret_ref, "null", true},
};

std::vector<std::string> split(std::string_view words) {
    std::vector<std::string> list;
    while (!words.empty()) {
        const std::size_t bar = std::min(words.find('|'), words.size());
        list.emplace_back(words.substr(0, bar));
        words.remove_prefix(std::min(bar + 1, words.size()));
    }
    return list;
}

Complaints check_number(const Setting& setting, const Json& value) {
    const bool whole = setting.kind == integer;
    if (whole ? !value.is_int() : !value.is_number())
        return must_be(fmt::format("a {}number from {:.0f} to {:.0f}", whole ? "whole " : "", setting.min, setting.max), value);
    if (value.as_double() < setting.min || value.as_double() > setting.max)
        return must_be(fmt::format("from {:.0f} to {:.0f}", setting.min, setting.max), value);
    return {};
}

Complaints check_choice(std::string_view choices, const Json& value, const Json& shown) {
    const auto allowed = split(choices);
    if (std::find(allowed.begin(), allowed.end(), value.as_string()) != allowed.end()) return {};
    std::string list;
    for (std::size_t i = 0; i < allowed.size(); ++i)
        list += (i == 0 ? "\"" : i + 1 == allowed.size() ? " or \"" : ", \"") + allowed[i] + "\"";
    std::string hint;
    if (value.is_string()) {
        const auto best = std::min_element(allowed.begin(), allowed.end(), [&](const auto& a, const auto& b) {
            return edit_distance(a, value.as_string()) < edit_distance(b, value.as_string());
        });
        if (best != allowed.end() && edit_distance(*best, value.as_string()) <= 2)
            hint = "did you mean \"" + *best + "\"?";
    }
    return must_be(list, shown, std::move(hint));
}

Complaints check_size(const Setting& setting, const Json& value) {
    const auto bytes = value.is_int() && value.as_int() >= 0 ? static_cast<std::uint64_t>(value.as_int())
                                                             : parse_size(value.as_string());
    if (!bytes) return must_be("a size such as \"512MiB\" or \"5GiB\"", value);
    if (static_cast<double>(*bytes) < setting.min)
        return must_be("at least " + format_size(static_cast<std::uint64_t>(setting.min)), value);
    return {};
}

Complaints check_rate(const Json& value) {
    if (const auto rate = parse_rate(value.as_string()); rate && *rate > 0) return {};
    return must_be("a rate such as \"1MiB/s\"", value);
}

Complaints check_duration(const Setting& setting, const Json& value) {
    const auto duration = parse_duration(value.as_string());
    if (!duration) return must_be("a duration such as \"30s\", \"12h\" or \"7d\"", value);
    const auto ms = static_cast<double>(duration->count());
    if (setting.min > 0 && (ms < setting.min || ms > setting.max))
        return must_be(fmt::format("from {} to {}", format_duration(Millis(static_cast<std::int64_t>(setting.min))),
                                   format_duration(Millis(static_cast<std::int64_t>(setting.max)))),
                       value);
    return {};
}

bool is_clock(std::string_view text) {
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return false;
    const int hour = (text[0] - '0') * 10 + text[1] - '0';
    return hour < 24 && text[3] < '6';
}

Complaints check_command(const Json& value) {
    const auto is_word = [](const Json& word) { return word.is_string() && !word.as_string().empty(); };
    if (is_word(value)) return {};
    const auto& words = value.items();
    if (!words.empty() && is_word(words.front()) &&
        std::all_of(words.begin(), words.end(), [](const Json& word) { return word.is_string(); }))
        return {};
    return must_be("a command such as \"pg_dump shop\" or [\"pg_dump\", \"shop\"]", value);
}

Complaints check_list(const Setting& setting, const Json& value) {
    const bool clocks = setting.kind == clock_list;
    const std::string_view what = clocks ? "a list of times such as [\"06:00\", \"18:00\"]" : "a list of texts in [ ]";
    if (!value.is_array()) return must_be(what, value);
    Complaints complaints;
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const Json& item = value.items()[i];
        Complaints found;
        if (!setting.choices.empty())
            found = check_choice(setting.choices, item, item);
        else if (clocks ? !is_clock(item.as_string()) : item.as_string().empty())
            found = must_be(clocks ? "a time such as \"06:00\"" : "a text", item);
        for (Complaint& complaint : found) {
            complaint.below = std::to_string(i);
            complaints.push_back(std::move(complaint));
        }
    }
    return complaints;
}

Complaints check_hours(const Json& value) {
    if (!value.is_object()) return must_be("an object such as {\"08:00-19:00\": \"1MiB/s\"}", value);
    Complaints complaints;
    for (const auto& [hours, rate_value] : value.members()) {
        if (hours.starts_with("_comment")) continue;
        const std::string_view text = hours;
        if (text.size() != 11 || text[5] != '-' || !is_clock(text.substr(0, 5)) || !is_clock(text.substr(6)))
            complaints.push_back({"has the key \"" + hours + "\", which is not a time span such as \"08:00-19:00\"", {}, hours});
        else
            for (Complaint complaint : check_rate(rate_value)) {
                complaint.below = hours;
                complaints.push_back(std::move(complaint));
            }
    }
    return complaints;
}

constexpr std::array kSourceKeys = {
    Setting{"kind", choice, "\"tree\"", false, 0, 0, "tree|sqlite|command", "type", "file=tree"},
    Setting{"path", path, "null", true, 0, 0, {}, "dir|directory|folder|file|database"},
    Setting{"name", text, "null", true, 0, 0, {}, "as"},
    Setting{"include", text_list, "[]", false, 0, 0, {}, "only"},
    Setting{"exclude", text_list, "[]", false, 0, 0, {}, "ignore|except"},
    Setting{"one_file_system", boolean, "false", false, 0, 0, {}, "xdev"},
    Setting{"follow", boolean, "false", false, 0, 0, {}, "follow_links|dereference"},
    Setting{"command", command_line, "null", true, 0, 0, {}, "run|cmd"},
};

// Which keys an entry needs depends on its kind.
Complaints check_sources(const Json& value) {
    Complaints complaints = check_objects(value, kSourceKeys);
    if (!complaints.empty()) return complaints;
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const Json& item = value.items()[i];
        const std::string at = std::to_string(i);
        const bool is_command = item["kind"].as_string() == "command";
        const auto need = [&](std::string_view key, std::string_view why) {
            if (!item[key].is_string() && !item[key].is_array())
                complaints.push_back({fmt::format("has an entry without `{}`{}", key, why), {}, at});
        };
        const auto refuse = [&](std::string_view key, std::string_view why) {
            if (!item[key].is_null())
                complaints.push_back({fmt::format("has an entry whose `{}` has no meaning{}", key, why), {}, at + "/" + std::string(key)});
        };
        if (is_command) {
            need("command", "");
            need("name", ", which a command's output needs");
            refuse("path", " for a command");
        } else {
            need("path", "");
            refuse("command", ": its kind is not \"command\"");
        }
        const std::string& name = item["name"].as_string();
        if (name.find('/') != std::string::npos || name == "." || name == "..")
            complaints.push_back({"has an entry whose `name` is no file name", {}, at + "/name"});
    }
    return complaints;
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(std::string_view path) {
    const auto found = std::find_if(kSettings.begin(), kSettings.end(), [&](const Setting& s) { return s.path == path; });
    return found == kSettings.end() ? nullptr : &*found;
}

std::span<const std::string_view> provider_types() { return kTypes; }

std::vector<Setting> provider_settings(std::string_view type) {
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) return {};
    std::vector<Setting> all(kCommon.begin(), kCommon.end());
    const auto add = [&](std::span<const Setting> more) { all.insert(all.end(), more.begin(), more.end()); };
    if (type == "local") add(kLocal);
    if (type == "sftp") add(kSftp);
    if (type == "ftp") add(kFtp);
    if (type == "dropbox") add(kDropbox);
    if (type == "google-drive") add(kDrive);
    if (type == "s3") add(kS3);
    if (type == "webdav") add(kWebdav);
    if (type != "local") add(kNetwork);
    return all;
}

std::string current_choice(const Setting& setting, std::string_view choice) {
    for (const std::string& pair : split(setting.old_choices)) {
        const std::size_t equals = pair.find('=');
        if (pair.substr(0, equals) == choice) return pair.substr(equals + 1);
    }
    return std::string(choice);
}

bool is_reserved_provider_name(std::string_view name) { return name == "backup" || name == "browse"; }

bool is_provider_name(std::string_view name) {
    return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Complaints check_value(const Setting& setting, const Json& value) {
    if (value.is_null()) {
        if (setting.nullable) return {};
        return {{"must not be null", {}, {}}};
    }
    switch (setting.kind) {
        case boolean: return value.is_bool() ? Complaints{} : must_be("true or false", value);
        case integer:
        case number: return check_number(setting, value);
        case text:
            if (!value.is_string()) return must_be("a text", value);
            return value.as_string().empty() && setting.fallback.empty() ? must_be("a text that is not empty", value) : Complaints{};
        case name: return is_provider_name(value.as_string()) ? Complaints{} : must_be("a name of a-z, 0-9 and -", value);
        case choice: return check_choice(setting.choices, Json(current_choice(setting, value.as_string())), value);
        case ack_policy:
            return value.is_string() && parse_ack_policy(value.as_string()) ? Complaints{}
                                                                             : must_be("\"all\", \"quorum=N\" or \"journal\"", value);
        case size: return check_size(setting, value);
        case rate: return check_rate(value);
        case duration: return check_duration(setting, value);
        case duration_range:
            return parse_duration_range(value.as_string()) ? Complaints{} : must_be("two durations such as \"2s..5m\"", value);
        case path: return value.as_string().empty() ? must_be("a path", value) : Complaints{};
        case url:
            return value.as_string().starts_with("https://") || value.as_string().starts_with("http://")
                       ? Complaints{}
                       : must_be("an address that begins with https://", value);
        case secret_ref:
            return value.as_string().starts_with("secret:") && value.as_string().size() > 7
                       ? Complaints{}
                       : Complaints{{"must be \"secret:NAME\"; secrets themselves do not belong in this file", {}, {}}};
        case clock_list:
        case text_list: return check_list(setting, value);
        case rate_by_hours: return check_hours(value);
        case command_line: return check_command(value);
        case source_list: return check_sources(value);
        case target_list: return check_targets(value);
    }
    return {};
}

void add_candidates(std::vector<Candidate>& candidates, std::string_view key, std::string_view also_known_as) {
    candidates.push_back({std::string(key), std::string(key)});
    for (std::string& alias : split(also_known_as)) candidates.push_back({std::move(alias), std::string(key)});
}

std::string suggestion(std::string_view word, const std::vector<Candidate>& candidates) {
    const Candidate* best = nullptr;
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;  // farther words are no typing errors
    for (const Candidate& candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate.word);
        if (distance < best_distance) {
            best_distance = distance;
            best = &candidate;
        }
    }
    if (best != nullptr) return "did you mean `" + best->answer + "`?";
    std::string list;
    for (const Candidate& candidate : candidates)
        if (candidate.word == candidate.answer) list += (list.empty() ? "allowed here: " : ", ") + candidate.word;
    return list;
}

Json value_from_text(const Setting& setting, std::string_view text) {
    if (text == "null" && setting.nullable) return nullptr;
    switch (setting.kind) {
        case boolean:
            if (text == "true" || text == "on" || text == "yes") return true;
            if (text == "false" || text == "off" || text == "no") return false;
            return text;
        case integer:
        case number:
        case clock_list:
        case text_list:
        case command_line:
        case rate_by_hours:
        case source_list:
        case target_list: {
            if (auto parsed = parse_json(text)) return std::move(*parsed);
            return text;
        }
        default: return text;
    }
}

}  // namespace oracxfs
