#pragma once
// When is somebody told, and of what? Pure: facts and a memory in, notices and the memory out. The memory is stored
// together with the deliveries, so that a restart neither repeats nor loses a notice.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/notify/notice.h"

namespace oracxfs {

struct NotifyFacts {
    WallTime now;
    std::string instance;  // this machine's name
    std::string state;     // protected, degraded, at_risk, unprotected, not_configured
    std::uint64_t files = 0, incomplete = 0, without_copy = 0, pending_bytes = 0;
    struct ProviderFact {
        std::string name, state, reason, text;  // "auth_needed", "E-AUTH", words
    };
    std::vector<ProviderFact> providers;  // enabled ones
    bool failing = false;                 // some copy failed or is damaged
};
// From the report of `oracxfs status`.
NotifyFacts notify_facts(const Json& status_report, const std::string& instance, WallTime now);

struct NotifySettings {
    Millis settle{0};  // so long something must have been worse, or better, than what was told last
    Millis remind{0};  // 0 = never
};

struct NotifyMemory {
    std::string told_state;                         // "" = nothing yet, as if protected
    WallTime told_at;                               // of the last notice or reminder about a state that is not good
    std::optional<WallTime> other_since;            // since when the state has been worse (better) than what was told,
    bool other_is_worse = false;                    // without a break; uploads that get on count as a break
    std::uint64_t seen_bytes = 0, seen_files = 0;   // not yet safe, at the last look
    std::map<std::string, std::string> told_providers;  // those that need somebody, and their states
    std::string told_run;                           // "partial" or "failed"; "" = the last one was good
    std::uint64_t damaged = 0, healed = 0;          // copies, not told yet
    std::vector<std::string> damaged_at;            // providers of those
    std::string damaged_path;                       // one of them
    std::optional<WallTime> damaged_since, damage_told;
    std::uint64_t through_seq = 0;                  // the activity log's entries up to here were taken into account

    [[nodiscard]] bool all_well() const { return (told_state.empty() || told_state == "protected") && told_providers.empty() && told_run.empty(); }
    bool operator==(const NotifyMemory&) const = default;
};
Json memory_to_json(const NotifyMemory& memory);
NotifyMemory memory_from_json(const Json& json);

// A line of the activity log: how a run ended, damage.
std::vector<Notice> after_entry(NotifyMemory& memory, const ActivityEntry& entry, const std::string& instance);
// A look at the whole, and at the clock.
std::vector<Notice> after_look(NotifyMemory& memory, const NotifyFacts& facts, const NotifySettings& settings);
// When a look is due although nothing happens: a state settles, damage was gathered, a reminder.
std::optional<WallTime> next_look(const NotifyMemory& memory, const NotifySettings& settings);

}  // namespace oracxfs
