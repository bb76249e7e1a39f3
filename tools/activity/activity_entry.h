#pragma once
// One line of the activity log, and which lines somebody wants to see.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace oracxfs {

enum class ActivityLevel : std::uint8_t { info, warning, error };
std::string_view to_string(ActivityLevel level);  // "info", "warning", "error"
std::optional<ActivityLevel> activity_level_from(std::string_view word);

struct ActivityEntry {
    std::uint64_t seq = 0;  // given by the log: grows by one, never begins anew; 0 = not written yet
    WallTime at;            // zero: now
    ActivityLevel level = ActivityLevel::info;
    // What it is about: run, file, repair, provider, state, conflict, prune, access, settings, service, notify, admin.
    std::string category;
    std::string kind;                    // what happened, a word that does not change: "run_started", "verified", "damaged"
    std::vector<std::string> providers;  // those that it concerns
    std::string run;                     // "r-42"; may be empty
    std::string path;                    // in the mount, any bytes; may be empty
    std::string code;                    // E-code; may be empty
    std::string message;                 // one English sentence, without secrets
    Json args;                           // an object: what the sentence is made from, for other languages; may be null

    // Where it came from: the catalogue's event, and up to which event everything has been written. 0 = none.
    std::int64_t event = 0;
    std::int64_t events_through = 0;
};

// {"seq","at","level","category","kind","provider","providers","run","path","code","message","args"}; absent things are
// null, times are RFC 3339 UTC with milliseconds. `provider` is set when it concerns exactly one.
Json activity_to_json(const ActivityEntry& entry);
// The same with what only the log itself needs, and a line feed.
std::string activity_line(const ActivityEntry& entry);
// invalid when a line is none of ours.
Result<ActivityEntry> activity_from_line(std::string_view line);

struct ActivityFilter {
    std::string provider, run, category, path;     // "" = any
    ActivityLevel at_least = ActivityLevel::info;
    std::optional<WallTime> since;                 // not older
    std::uint64_t after_seq = 0;                   // only later ones

    [[nodiscard]] bool matches(const ActivityEntry& entry) const;
};

struct ActivityPage {
    std::vector<ActivityEntry> entries;  // oldest first
    std::uint64_t older = 0;             // cursor for the page before this one; 0 = there is none
};

}  // namespace oracxfs
