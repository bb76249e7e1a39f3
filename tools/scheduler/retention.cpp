#include "tools/scheduler/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "base/assert.h"
#include "base/hash.h"
#include "tools/scheduler/package_name.h"
#include "tools/scheduler/periods.h"

namespace oracxfs {
namespace {

// A package may be some seconds ahead (two runs in one second), and clocks of machines that share a provider differ.
constexpr Millis kFutureTolerance = std::chrono::minutes(5);
constexpr Millis kBackwardsTolerance = std::chrono::hours(24);
constexpr WallTime kOldestPlausible = std::chrono::sys_days(std::chrono::year(2024) / 1 / 1);

struct Candidate {
    const RetentionPackage* package = nullptr;
    PackageDecision* decision = nullptr;
};
using Candidates = std::vector<Candidate>;  // newest first

struct Rule {
    RetentionReason reason;
    Period period;
    std::uint32_t RetentionConfig::*count;
};
constexpr std::array kRules = {
    Rule{RetentionReason::hourly, Period::hour, &RetentionConfig::hourly},
    Rule{RetentionReason::daily, Period::day, &RetentionConfig::daily},
    Rule{RetentionReason::weekly, Period::week, &RetentionConfig::weekly},
    Rule{RetentionReason::monthly, Period::month, &RetentionConfig::monthly},
    Rule{RetentionReason::yearly, Period::year, &RetentionConfig::yearly},
};

std::uint32_t verified_copies(const RetentionPackage& package) {
    std::set<std::string_view> providers;
    for (const PackageCopy& copy : package.copies)
        if (copy.state == CopyState::verified) providers.insert(copy.provider);
    return static_cast<std::uint32_t>(providers.size());
}

std::uint32_t wanted_copies(const RetentionConfig& rules) { return std::max(rules.min_verified_copies, 1u); }

bool is_safe(const RetentionPackage& package, const RetentionConfig& rules) {
    return verified_copies(package) >= wanted_copies(rules);
}

bool is_kept_for(const PackageDecision& decision, RetentionReason reason) {
    return std::any_of(decision.notes.begin(), decision.notes.end(),
                       [&](const RetentionNote& note) { return note.reason == reason; });
}

void note(PackageDecision& decision, RetentionReason reason, std::string text) {
    decision.notes.push_back({reason, std::move(text)});
}

// ---- What is neither counted nor deleted ----

// One reason is enough here: nothing else is asked about such a package.
std::optional<RetentionNote> why_not_counted(const RetentionPackage& package, const RetentionInput& input, bool twin) {
    if (package.series != input.series)  // ours is never ""
        return RetentionNote{RetentionReason::not_ours, "not made here"};
    const auto named = parse_package_name(input.name_prefix, package.name);
    if (!named || *named != std::chrono::floor<std::chrono::seconds>(package.time))
        return RetentionNote{RetentionReason::other_name, "its name is not that of a backup package"};
    if (twin) return RetentionNote{RetentionReason::twin, "there are two packages of this name"};
    if (package.time > input.now + kFutureTolerance)
        return RetentionNote{RetentionReason::future, "time in the future"};
    return std::nullopt;
}

// ---- Rules ----

// `suffix` tells the second round, over the safe packages, from the first.
void keep_last(const Candidates& candidates, std::uint32_t count, std::string_view suffix) {
    for (std::size_t i = 0; i < candidates.size() && i < count; ++i)
        if (!is_kept_for(*candidates[i].decision, RetentionReason::last))
            note(*candidates[i].decision, RetentionReason::last, fmt::format("last {} of {}{}", i + 1, count, suffix));
}

void keep_by_period(const Candidates& candidates, const Rule& rule, std::uint32_t count, std::string_view suffix) {
    if (count == 0 || candidates.empty()) return;
    std::uint32_t filled = 0;
    std::optional<std::int64_t> previous;
    const PackageDecision* newest_of_last_period = nullptr;
    for (const Candidate& candidate : candidates) {
        const std::int64_t period = period_index(rule.period, candidate.package->time);
        if (period == previous) continue;
        if (filled == count) return;
        previous = period;
        filled += 1;
        newest_of_last_period = candidate.decision;
        if (!is_kept_for(*candidate.decision, rule.reason))
            note(*candidate.decision, rule.reason,
                 fmt::format("{} {}{}", to_string(rule.reason), period_name(rule.period, candidate.package->time), suffix));
    }
    PackageDecision& oldest = *candidates.back().decision;
    if (filled < count && &oldest != newest_of_last_period && !is_kept_for(oldest, RetentionReason::oldest))
        note(oldest, RetentionReason::oldest,
             fmt::format("oldest, while {} has {} of {}{}", to_string(rule.reason), filled, count, suffix));
}

void apply_rules(const Candidates& candidates, const RetentionConfig& rules, std::string_view suffix) {
    keep_last(candidates, rules.keep_last, suffix);
    for (const Rule& rule : kRules) keep_by_period(candidates, rule, rules.*rule.count, suffix);
}

bool has_rules(const RetentionConfig& rules) {
    return rules.keep_last > 0 ||
           std::any_of(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rules.*rule.count > 0; });
}

// ---- Guards for single packages ----

// The newest package stays, and so does the newest good copy at each provider: if that provider is all that is left some
// day, something is there.
void keep_what_must_not_go(const Candidates& candidates, const Candidates& safe) {
    if (!candidates.empty()) note(*candidates.front().decision, RetentionReason::newest, "newest");
    if (safe.size() == 1) note(*safe.front().decision, RetentionReason::only_verified, "only verified package");
    std::map<std::string_view, std::vector<PackageDecision*>> verified_at;
    for (const Candidate& candidate : candidates) {
        std::set<std::string_view> seen;
        for (const PackageCopy& copy : candidate.package->copies)
            if (copy.state == CopyState::verified && seen.insert(copy.provider).second)
                verified_at[copy.provider].push_back(candidate.decision);
    }
    for (const auto& [provider, decisions] : verified_at)
        if (decisions.size() == 1)
            note(*decisions.front(), RetentionReason::only_verified, fmt::format("only verified copy at {}", provider));
        else if (decisions.front()->notes.empty())  // said only where nothing else keeps it: it is true of every newest
            note(*decisions.front(), RetentionReason::only_verified, fmt::format("newest verified copy at {}", provider));
}

// ---- Guards for the whole plan ----

std::vector<RetentionNote> why_held(const RetentionInput& input, const Candidates& candidates, std::size_t going) {
    std::vector<RetentionNote> holds;
    if (!has_rules(input.rules)) holds.push_back({RetentionReason::no_rules, "no rule is set: nothing is pruned"});
    if (!input.clock_doubt.empty())
        holds.push_back({RetentionReason::clock, fmt::format("{}: nothing is pruned", input.clock_doubt)});
    if (!candidates.empty() && !is_safe(*candidates.front().package, input.rules)) {
        const std::uint32_t wanted = wanted_copies(input.rules);
        const std::uint32_t copies = verified_copies(*candidates.front().package);
        holds.push_back({RetentionReason::newest_unverified,
                         copies == 0 ? "newest is not verified yet: nothing is pruned"
                                     : fmt::format("newest is verified at {} of {} providers: nothing is pruned", copies, wanted)});
    }
    // One package may always go, else a short history could never be pruned; but 0 means ask for each.
    const std::uint64_t percent = input.rules.max_delete_percent;
    const std::uint64_t allowed = percent == 0 ? 0 : std::max<std::uint64_t>(1, candidates.size() * percent / 100);
    if (going > allowed && !input.force)
        holds.push_back({RetentionReason::max_delete,
                         fmt::format("max_delete_percent: would delete {} of {} packages, {} % > {} %", going, candidates.size(),
                                     (going * 100 + candidates.size() - 1) / candidates.size(), percent)});
    return holds;
}

// ---- The plan's id ----

// Lengths in front of texts, so that no two different plans give the same bytes.
std::string id_of(const std::vector<const RetentionPackage*>& going, std::string_view series) {
    std::string text = fmt::format("oracxfs-prune-1\n{}:{}\n", series.size(), series);
    for (const RetentionPackage* package : going) {
        text += fmt::format("{}:{} {} {}", package->name.size(), package->name, to_ms(package->time), package->size_bytes);
        std::vector<std::string> providers;
        for (const PackageCopy& copy : package->copies)
            if (copy.state != CopyState::absent) providers.push_back(copy.provider);
        std::sort(providers.begin(), providers.end());
        for (const std::string& provider : providers) text += fmt::format(" {}:{}", provider.size(), provider);
        text += '\n';
    }
    const Sha256 digest = sha256_of(std::as_bytes(std::span(text)));
    return to_hex(std::span(digest).first(8));
}

bool newer(const RetentionPackage* a, const RetentionPackage* b) {
    return a->time != b->time ? a->time > b->time : a->name > b->name;
}

}  // namespace

std::string_view to_string(RetentionReason reason) {
    switch (reason) {
        case RetentionReason::last: return "last";
        case RetentionReason::hourly: return "hourly";
        case RetentionReason::daily: return "daily";
        case RetentionReason::weekly: return "weekly";
        case RetentionReason::monthly: return "monthly";
        case RetentionReason::yearly: return "yearly";
        case RetentionReason::oldest: return "oldest";
        case RetentionReason::pinned: return "pinned";
        case RetentionReason::newest: return "newest";
        case RetentionReason::only_verified: return "only_verified";
        case RetentionReason::not_ours: return "not_ours";
        case RetentionReason::other_name: return "other_name";
        case RetentionReason::twin: return "twin";
        case RetentionReason::future: return "future";
        case RetentionReason::expired: return "expired";
        case RetentionReason::no_rules: return "no_rules";
        case RetentionReason::clock: return "clock";
        case RetentionReason::newest_unverified: return "newest_unverified";
        case RetentionReason::max_delete: break;
    }
    return "max_delete";
}

std::vector<std::string> RetentionPlan::removals() const {
    std::vector<std::string> names;
    for (auto it = decisions.rbegin(); it != decisions.rend(); ++it)
        if (it->fate == PackageFate::remove) names.push_back(it->name);
    return names;
}

std::size_t RetentionPlan::count(PackageFate fate) const {
    return static_cast<std::size_t>(
        std::count_if(decisions.begin(), decisions.end(), [&](const PackageDecision& d) { return d.fate == fate; }));
}

bool RetentionPlan::can_be_forced() const {
    return holds.size() == 1 && holds.front().reason == RetentionReason::max_delete;
}

RetentionPlan plan_retention(const RetentionInput& input) {
    ORACX_ASSERT(!input.series.empty());
    std::vector<const RetentionPackage*> packages;
    std::map<std::string_view, int> names;
    for (const RetentionPackage& package : input.packages) {
        packages.push_back(&package);
        names[package.name] += 1;
    }
    std::stable_sort(packages.begin(), packages.end(), newer);

    RetentionPlan plan;
    plan.decisions.reserve(packages.size());  // candidates point into it
    Candidates candidates;
    Candidates safe;
    for (const RetentionPackage* package : packages) {
        PackageDecision& decision =
            plan.decisions.emplace_back(PackageDecision{package->name, package->time, package->size_bytes, PackageFate::keep, {}});
        if (package->pinned) note(decision, RetentionReason::pinned, "pinned");
        if (auto reason = why_not_counted(*package, input, names[package->name] > 1)) {
            decision.notes.push_back(std::move(*reason));
            continue;
        }
        candidates.push_back({package, &decision});
        if (is_safe(*package, input.rules)) safe.push_back({package, &decision});
    }
    apply_rules(candidates, input.rules, "");
    apply_rules(safe, input.rules, " (of the verified ones)");
    keep_what_must_not_go(candidates, safe);

    std::vector<const RetentionPackage*> going;
    for (const Candidate& candidate : candidates)
        if (candidate.decision->notes.empty()) going.push_back(candidate.package);
    plan.holds = why_held(input, candidates, going.size());
    for (const Candidate& candidate : candidates) {
        if (!candidate.decision->notes.empty()) continue;
        note(*candidate.decision, RetentionReason::expired, "no rule keeps it");
        candidate.decision->fate = plan.holds.empty() ? PackageFate::remove : PackageFate::held;
        for (const RetentionNote& hold : plan.holds) candidate.decision->notes.push_back(hold);
        for (const PackageCopy& copy : candidate.package->copies)
            if (copy.state != CopyState::absent) plan.freed_bytes[copy.provider] += candidate.package->size_bytes;
    }
    plan.id = id_of(going, input.series);
    return plan;
}

std::string doubt_about_clock(WallTime now, std::optional<WallTime> latest_known) {
    if (now < kOldestPlausible) return fmt::format("the clock of this machine shows {}", format_utc(now));
    if (latest_known && now + kBackwardsTolerance < *latest_known)
        return fmt::format("the clock of this machine shows {}, but it has been {} before", format_utc(now), format_utc(*latest_known));
    return {};
}

}  // namespace oracxfs
