#include "tools/scheduler/freshness.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/config/units.h"

namespace oracxfs {
namespace {

// Two runs in one second, and clocks that are put right, make times lie a little ahead.
constexpr Millis kFutureTolerance = std::chrono::minutes(5);
constexpr int kIntervalsMax = 2;

std::optional<WallTime> newest_believable(std::span<const WallTime> times, WallTime now) {
    std::optional<WallTime> newest;
    for (const WallTime time : times)
        if (time <= now + kFutureTolerance && (!newest || time > *newest)) newest = time;
    return newest;
}

std::string what_to_do(const FreshnessFacts& facts) {
    return facts.running ? "a backup is being made; `oracxfs status` shows its progress"
                         : "`oracxfs sync` makes one now; `oracxfs log` shows why none was made";
}

FreshnessVerdict judge_age(const FreshnessFacts& facts, FreshnessVerdict verdict, WallTime now) {
    const Millis age = std::max(now - *verdict.newest, Millis(0));
    verdict.text = fmt::format("newest verified backup {}", format_age(age));
    if (!facts.scheduled) {
        verdict.text += ", automatic backups are off";
        verdict.next = "`oracxfs auto-sync on` makes them by itself";
        return verdict;
    }
    verdict.text += fmt::format(", expected every {}", format_duration(facts.interval));
    verdict.risk_at = *verdict.newest + facts.interval * kIntervalsMax;
    verdict.at_risk = now > *verdict.risk_at;
    verdict.state = verdict.at_risk ? Freshness::stale : age > facts.interval ? Freshness::late : Freshness::fresh;
    if (verdict.state != Freshness::fresh) verdict.next = what_to_do(facts);
    return verdict;
}

}  // namespace

std::string_view to_string(Freshness freshness) {
    switch (freshness) {
        case Freshness::unwatched: return "unwatched";
        case Freshness::awaited: return "awaited";
        case Freshness::fresh: return "fresh";
        case Freshness::late: return "late";
        case Freshness::stale: return "stale";
        case Freshness::none: return "none";
        case Freshness::doubtful: break;
    }
    return "doubtful";
}

FreshnessVerdict judge_freshness(const FreshnessFacts& facts, WallTime now) {
    FreshnessVerdict verdict;
    verdict.newest = newest_believable(facts.verified, now);
    if (verdict.newest) return judge_age(facts, std::move(verdict), now);
    if (!facts.verified.empty()) {
        const WallTime first = *std::min_element(facts.verified.begin(), facts.verified.end());
        verdict.text = fmt::format("all verified backups are dated in the future, the first {}", format_utc(first));
        verdict.next = "check the clock of this machine: `timedatectl`";
        verdict.at_risk = facts.scheduled;
        verdict.state = facts.scheduled ? Freshness::doubtful : Freshness::unwatched;
        return verdict;
    }
    if (!facts.scheduled) {
        verdict.text = "no verified backup, automatic backups are off";
        verdict.next = "`oracxfs auto-sync on` makes them by itself, `oracxfs sync` makes one now";
        return verdict;
    }
    verdict.text = fmt::format("no verified backup yet, expected every {}", format_duration(facts.interval));
    verdict.next = what_to_do(facts);
    // Since when is not known: then nothing says that it is early days.
    if (facts.since && *facts.since <= now + kFutureTolerance) verdict.risk_at = *facts.since + facts.interval * kIntervalsMax;
    verdict.at_risk = !verdict.risk_at || now > *verdict.risk_at;
    verdict.state = verdict.at_risk ? Freshness::none : Freshness::awaited;
    return verdict;
}

}  // namespace oracxfs
