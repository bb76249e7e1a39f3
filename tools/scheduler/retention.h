#pragma once
// Which backup packages stay and which go: a pure decision, with every reason.
//
// Rules keep, and nothing else deletes: a package goes only when no rule and no guard keeps it. The rules are ORed. Each
// of hourly ... yearly keeps the newest package of each of its newest N periods that have one (natural boundaries, UTC).
// While fewer than N periods have one, the oldest package stays too, so that history grows to what the rule asks for.
//
// The rules are applied twice: to all packages, and to those alone that are safe, which means verified at
// `min_verified_copies` providers. So a package that no provider holds as it should never pushes out a good one.
//
// What is not ours, has another name, or a time in the future is neither counted nor deleted.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "tools/config/config.h"

namespace oracxfs {

enum class CopyState : std::uint8_t {
    absent,    // no bytes there
    stored,    // bytes that are not known to be good: being checked, damaged, or part of an upload
    verified,  // the only state that counts as a copy
};

struct PackageCopy {
    std::string provider;
    CopyState state = CopyState::absent;
    bool operator==(const PackageCopy&) const = default;
};

struct RetentionPackage {
    std::string name;
    WallTime time{};
    std::uint64_t size_bytes = 0;
    bool pinned = false;
    std::string series;  // of the installation and job that made it; "" = not known
    std::vector<PackageCopy> copies;
};

struct RetentionInput {
    std::vector<RetentionPackage> packages;  // in any order
    RetentionConfig rules;
    std::string series;       // ours; never ""
    std::string name_prefix;  // of names that are ours
    WallTime now{};
    std::string clock_doubt;  // why this machine's clock can't be trusted; "" = it can
    bool force = false;       // go beyond max_delete_percent; no other guard yields
};

enum class PackageFate : std::uint8_t {
    keep,
    held,    // no rule keeps it, but a guard stops the whole plan
    remove,
};

enum class RetentionReason : std::uint8_t {
    // why it stays
    last, hourly, daily, weekly, monthly, yearly, oldest, pinned, newest, only_verified, not_ours, other_name, twin, future,
    // why it goes
    expired,
    // why nothing goes
    no_rules, clock, newest_unverified, max_delete,
};
std::string_view to_string(RetentionReason reason);  // "last", "hourly", ... as in JSON

struct RetentionNote {
    RetentionReason reason{};
    std::string text;  // "last 3 of 6", "daily 2025-01-04", "time in the future" ...
    bool operator==(const RetentionNote&) const = default;
};

struct PackageDecision {
    std::string name;
    WallTime time{};
    std::uint64_t size_bytes = 0;
    PackageFate fate = PackageFate::keep;
    std::vector<RetentionNote> notes;  // all reasons, at least one
};

struct RetentionPlan {
    std::vector<PackageDecision> decisions;  // newest first
    std::vector<RetentionNote> holds;        // why nothing is deleted now; empty = the plan may be carried out
    // By provider, of what goes (or would go, were the plan not held).
    std::map<std::string, std::uint64_t> freed_bytes;
    // The same for two plans that delete the same packages, and for no others: deleting exactly what was previewed is
    // deleting by a new plan of the same id. What else is kept, the time and `force` don't matter.
    std::string id;

    // Names of what goes, oldest first: whoever is interrupted has deleted the least valuable. Empty if the plan is held.
    [[nodiscard]] std::vector<std::string> removals() const;
    [[nodiscard]] std::size_t count(PackageFate fate) const;
    // Is `max_delete_percent` all that holds it, so that `force` would carry it out?
    [[nodiscard]] bool can_be_forced() const;
};

RetentionPlan plan_retention(const RetentionInput& input);

// A clock that shows a time before this program was written, or a day before a moment that is known to have been, is
// not trusted: in words why, else "". `latest_known`: the latest time that this installation has ever recorded.
std::string doubt_about_clock(WallTime now, std::optional<WallTime> latest_known);

}  // namespace oracxfs
