#include "tools/scheduler/schedule.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace oracxfs {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;

// A run that begins so late is still the planned one. Timers, other jobs and short sleeps make runs late; hours do not.
constexpr Millis kLateMax = minutes(15);
// Clocks are put right by seconds all the time. A last run further ahead than this is not believed.
constexpr Millis kAheadMax = hours(1);
// Shorter would be no schedule but a loop.
constexpr Millis kEveryMin = seconds(1);
// A day of a zone may be skipped as a whole; two in a row never were.
constexpr int kDaysAround = 3;

Millis late_max(const Schedule& s) { return s.at.empty() ? std::min(kLateMax, s.every / 4) : kLateMax; }

Millis ahead_max(const Schedule& s) { return s.at.empty() ? std::min(kAheadMax, s.every / 2) : kAheadMax; }

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

// ---- Slots by local time ----

// Ascending and without twins, of the days around that moment. Two times that clocks skip are the same moment.
std::vector<WallTime> slots_around(const Schedule& s, WallTime time, const LocalTime& zone) {
    const sys_days today = local_minute(zone, time).day;
    std::vector<WallTime> slots;
    for (int day = -kDaysAround; day <= kDaysAround; ++day)
        for (const minutes minute : s.at) slots.push_back(from_local(zone, today + days(day), minute));
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    return slots;
}

WallTime first_after(const std::vector<WallTime>& slots, WallTime time) {
    const auto found = std::upper_bound(slots.begin(), slots.end(), time);
    ORACX_ASSERT(found != slots.end());
    return *found;
}

WallTime last_until(const std::vector<WallTime>& slots, WallTime time) {
    const auto found = std::upper_bound(slots.begin(), slots.end(), time);
    ORACX_ASSERT(found != slots.begin());
    return *std::prev(found);
}

// ---- Due times ----

// `gap`: from this slot to the next. In whole seconds, as times are shown.
WallTime due_of(const Schedule& s, WallTime slot, Millis gap) {
    const auto most = floor<seconds>(std::min(s.jitter, gap / 2)).count();
    if (most <= 0) return slot;
    const std::uint64_t draw = mixed(s.seed ^ mixed(static_cast<std::uint64_t>(to_ms(slot))));
    return slot + seconds(static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(most + 1)));
}

// In whole seconds, so that what is counted from here is too.
DueRun at_once(WallTime now, DueReason reason) { return {now, floor<seconds>(now), reason}; }

bool is_ahead(const Schedule& s, WallTime time, WallTime now) { return time > now + ahead_max(s); }

DueRun next_due_every(const Schedule& s, const RunHistory& history, WallTime now) {
    if (!history.last) return at_once(now, DueReason::first);
    const WallTime base = history.last->slot;
    if (is_ahead(s, base, now) || is_ahead(s, history.last->start, now)) return at_once(now, DueReason::clock);
    const auto planned = [&](WallTime slot) { return DueRun{due_of(s, slot, s.every), slot, DueReason::planned}; };
    const DueRun next = planned(base + s.every);
    if (now <= next.time + late_max(s)) return next;
    // The grid begins anew where it is made up for: an hour later the next one would be of no use.
    if (s.catch_up) return at_once(now, DueReason::missed);
    const DueRun passing = planned(base + (now - base) / s.every * s.every);
    return now <= passing.time + late_max(s) ? passing : planned(passing.slot + s.every);
}

DueRun next_due_at(const Schedule& s, const RunHistory& history, WallTime now, const LocalTime& zone) {
    const std::vector<WallTime> slots = slots_around(s, now, zone);
    const auto planned = [&](WallTime slot) {
        // The gap may lie beyond the days around now only for slots of days to come, which nobody asks for.
        return DueRun{due_of(s, slot, first_after(slots, slot) - slot), slot, DueReason::planned};
    };
    // Slots up to here are done with. What is not known (a clock that was put back) is taken from the clock itself.
    WallTime done = now - late_max(s) - s.jitter;
    const bool believed = history.last && !is_ahead(s, history.last->slot, now);
    if (believed)
        done = std::max(history.last->slot, history.since > now ? history.last->slot : history.since);
    else if (!is_ahead(s, history.since, now))
        done = history.since;
    const WallTime passed = last_until(slots, now);
    if (passed > done) {
        const DueRun run = planned(passed);
        if (now <= run.time + late_max(s)) return run;
        if (s.catch_up) return {now, passed, history.last && !believed ? DueReason::clock : DueReason::missed};
    }
    return planned(first_after(slots, std::max(done, passed)));
}

DueRun planned_due(const Schedule& s, const RunHistory& history, WallTime now, const LocalTime& zone) {
    return s.at.empty() ? next_due_every(s, history, now) : next_due_at(s, history, now, zone);
}

}  // namespace

Schedule schedule_of(const AutoSyncConfig& config, std::uint64_t seed) {
    Schedule schedule{config.enabled, std::max(config.every, kEveryMin), {}, config.jitter, config.catch_up, seed};
    for (const std::string& text : config.at) {  // "06:00", checked with the configuration
        ORACX_ASSERT(text.size() == 5);
        schedule.at.push_back(hours((text[0] - '0') * 10 + text[1] - '0') + minutes((text[3] - '0') * 10 + text[4] - '0'));
    }
    std::sort(schedule.at.begin(), schedule.at.end());
    schedule.at.erase(std::unique(schedule.at.begin(), schedule.at.end()), schedule.at.end());
    return schedule;
}

Schedule schedule_of(const ScrubConfig& config, std::uint64_t seed) {
    // Nobody waits for a scrub at a certain minute: an hour of jitter keeps it away from backups that begin on the hour.
    return {config.enabled, std::max(config.every, kEveryMin), {}, hours(1), true, seed};
}

namespace {

constexpr std::array kResults = {
    std::pair{RunResult::running, std::string_view("running")},         std::pair{RunResult::ok, std::string_view("ok")},
    std::pair{RunResult::failed, std::string_view("failed")},           std::pair{RunResult::interrupted, std::string_view("interrupted")},
    std::pair{RunResult::cancelled, std::string_view("cancelled")},
};

}  // namespace

std::string_view to_string(RunResult result) {
    for (const auto& [value, text] : kResults)
        if (value == result) return text;
    return "running";
}

std::optional<RunResult> run_result_from(std::string_view text) {
    for (const auto& [value, name] : kResults)
        if (name == text) return value;
    return std::nullopt;
}

std::string_view to_string(DueReason reason) {
    switch (reason) {
        case DueReason::first: return "first";
        case DueReason::planned: return "planned";
        case DueReason::missed: return "missed";
        case DueReason::retry: return "retry";
        case DueReason::clock: break;
    }
    return "clock";
}

std::optional<DueRun> next_due(const Schedule& schedule, const RunHistory& history, WallTime now, const LocalTime& zone) {
    if (!schedule.enabled) return std::nullopt;
    Schedule s = schedule;
    s.every = std::max(s.every, kEveryMin);
    const DueRun planned = planned_due(s, history, now, zone);
    if (!history.last || !history.last->retry_at || is_ahead(s, history.last->start, now)) return planned;
    const WallTime retry = *history.last->retry_at;
    // Where both are due, one run serves both.
    if (planned.time <= std::max(retry, now)) return planned;
    const WallTime begin = floor<seconds>(std::max(retry, now));
    const bool late = s.at.empty() && begin > history.last->slot + late_max(s);
    return DueRun{retry, late ? begin : history.last->slot, DueReason::retry};
}

std::vector<DueRun> next_runs(const Schedule& schedule, const RunHistory& history, WallTime now, const LocalTime& zone,
                              std::size_t count) {
    std::vector<DueRun> runs;
    RunHistory then = history;
    for (WallTime time = now; runs.size() < count;) {
        const auto due = next_due(schedule, then, time, zone);
        if (!due) break;
        runs.push_back(*due);
        time = std::max(time, due->time);
        then.last = RunRecord{due->slot, time, time, RunResult::ok, 0, std::nullopt};
    }
    return runs;
}

Millis longest_pause(const Schedule& schedule) {
    if (!schedule.enabled) return Millis(0);
    if (schedule.at.empty()) return std::max(schedule.every, kEveryMin);
    minutes longest = schedule.at.front() + hours(24) - schedule.at.back();
    for (std::size_t i = 1; i < schedule.at.size(); ++i) longest = std::max(longest, schedule.at[i] - schedule.at[i - 1]);
    return longest;
}

Millis retry_pause(const RetryPauses& pauses, std::uint32_t failures, std::uint64_t seed) {
    Millis pause = pauses.first;
    for (std::uint32_t i = 1; i < failures && pause < pauses.longest; ++i) pause *= 2;
    pause = std::min(pause, pauses.longest);
    const std::uint64_t share = static_cast<std::uint64_t>(pause.count() / 4 + 1);
    return pause - Millis(static_cast<std::int64_t>(mixed(seed ^ mixed(failures)) % share));
}

}  // namespace oracxfs
