#pragma once
// Is the newest backup new enough? Pure. Nothing may have failed and still be wrong: a job that never ran is silent.
//
// at_risk: backups are scheduled, and the newest verified one is older than two intervals.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace oracxfs {

struct FreshnessFacts {
    bool scheduled = false;           // automatic backups are on
    Millis interval{0};               // longest_pause() of their schedule
    std::span<const WallTime> verified;  // times of the packages that are verified at enough providers, in any order
    std::optional<WallTime> since;    // since when they are scheduled so, if known: before that nothing was promised
    bool running = false;             // a backup is being made
};

enum class Freshness : std::uint8_t {
    unwatched,  // no schedule, so no age is too old
    awaited,    // none yet, but it is early days
    fresh,
    late,       // older than one interval, not yet than two
    stale,      // at risk: older than two
    none,       // at risk: no verified backup although two intervals have passed
    doubtful,   // at risk: all are dated in the future, so their age is not known
};
std::string_view to_string(Freshness freshness);

struct FreshnessVerdict {
    Freshness state = Freshness::unwatched;
    bool at_risk = false;
    std::optional<WallTime> newest;   // the newest verified one that is not in the future
    std::optional<WallTime> risk_at;  // when it is or becomes at risk, if no backup succeeds until then
    std::string text;                 // "newest verified backup 26 h ago, expected every 12 h"
    std::string next;                 // what to do; may be empty
};
FreshnessVerdict judge_freshness(const FreshnessFacts& facts, WallTime now);

}  // namespace oracxfs
