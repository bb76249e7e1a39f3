#pragma once
// What may stand in cloud_config.json: one table of settings, from which validation, defaults, `config show|get|set` and
// the environment overrides (ORACXFS_<SECTION>_<KEY>) are taken.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace oracxfs {

enum class Kind : std::uint8_t {
    boolean,
    integer,         // min..max
    number,          // min..max
    text,
    name,            // [a-z0-9-]{1,32}
    choice,          // one of `choices`, separated by '|'
    ack_policy,      // all | quorum=N | journal
    size,            // "512MiB", or a number of bytes
    rate,            // "1MiB/s"
    duration,        // "12h"
    duration_range,  // "2s..5m"
    path,            // ~ and $VARIABLES are expanded
    url,             // http:// or https://
    secret_ref,      // "secret:NAME"
    clock_list,      // ["06:00", "18:00"]
    text_list,
    command_line,    // "pg_dump shop" (for a shell), or ["pg_dump", "shop"]
    rate_by_hours,   // {"08:00-19:00": "1MiB/s"}
    source_list,     // backup sources
    target_list,     // notification targets
};

struct Setting {
    std::string_view path;      // "mount.cache_size"; of a provider: the key alone
    Kind kind;
    std::string_view fallback;  // the default, as JSON; "" = required
    bool nullable = false;
    double min = 0;
    double max = 1e15;
    std::string_view choices = {};
    std::string_view also_known_as = {};  // words that people try instead, separated by '|'
    std::string_view old_choices = {};    // still accepted: "fast=balanced|none=store"
};

// All settings outside `providers`, in the order of the documentation.
std::span<const Setting> settings();
const Setting* find_setting(std::string_view path);

// The types a provider entry may have; those of `implemented` can be created in this version.
std::span<const std::string_view> provider_types();
// Keys of a provider entry of this type, `type` and `enabled` included. Empty for an unknown type.
std::vector<Setting> provider_settings(std::string_view type);

// The word that counts today for a choice of an earlier version.
std::string current_choice(const Setting& setting, std::string_view choice);

bool is_provider_name(std::string_view name);
// Names that new providers don't get: they would hide a folder of the mount, or look like the owner of the program's own
// secrets. A provider that has one goes on with it.
bool is_reserved_provider_name(std::string_view name);

// One thing that is wrong with a value, and what would be right. Both without the place.
struct Complaint {
    std::string message;  // "must be a size such as \"512MiB\", not \"lots\""
    std::string hint;     // "did you mean \"max\"?"; may be empty
    std::string below;    // where inside the value, "0/path"; "" = the value itself
};
std::vector<Complaint> check_value(const Setting& setting, const Json& value);

// A word that may have been meant, and the right one for it (they differ for aliases).
struct Candidate {
    std::string word;
    std::string answer;
};
void add_candidates(std::vector<Candidate>& candidates, std::string_view key, std::string_view also_known_as);
// "did you mean `every`?", or the list of what is allowed.
std::string suggestion(std::string_view word, const std::vector<Candidate>& candidates);

// A value as it is typed in a shell, "12h" or "true" or "[\"a\"]", for a setting.
Json value_from_text(const Setting& setting, std::string_view text);

}  // namespace oracxfs
