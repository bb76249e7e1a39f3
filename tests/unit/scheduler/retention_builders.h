#pragma once
// Packages and plans for the tests of retention.

#include <string>
#include <vector>

#include "tools/scheduler/package_name.h"
#include "tools/scheduler/retention.h"

namespace oracxfs::test {

inline constexpr std::string_view kOurSeries = "host01/backup";
inline constexpr std::string_view kOurPrefix = "oracxpred_backup_";

inline WallTime utc(int y, unsigned month, unsigned day, std::chrono::seconds clock = std::chrono::seconds(0)) {
    return std::chrono::sys_days(std::chrono::year(y) / std::chrono::month(month) / std::chrono::day(day)) + clock;
}

// A package of 100 bytes, made here, verified at a and b.
inline RetentionPackage package_of(WallTime time) {
    RetentionPackage package;
    package.name = package_name(kOurPrefix, time).value_or("");
    package.time = time;
    package.size_bytes = 100;
    package.series = kOurSeries;
    package.copies = {{"a", CopyState::verified}, {"b", CopyState::verified}};
    return package;
}

// No limit to the share that may go: what the rules say is what happens.
inline RetentionConfig rules_of(std::uint32_t last, std::uint32_t daily = 0, std::uint32_t weekly = 0, std::uint32_t monthly = 0) {
    RetentionConfig rules;
    rules.keep_last = last;
    rules.daily = daily;
    rules.weekly = weekly;
    rules.monthly = monthly;
    rules.max_delete_percent = 100;
    return rules;
}

inline RetentionInput input_of(std::vector<RetentionPackage> packages, const RetentionConfig& rules,
                               WallTime now = utc(2025, 1, 10, std::chrono::hours(12))) {
    RetentionInput input;
    input.packages = std::move(packages);
    input.rules = rules;
    input.series = kOurSeries;
    input.name_prefix = kOurPrefix;
    input.now = now;
    return input;
}

// `count` packages, one each `pause`, the newest at `newest`; newest first.
inline std::vector<RetentionPackage> packages_every(std::chrono::hours pause, std::size_t count, WallTime newest) {
    std::vector<RetentionPackage> packages;
    for (std::size_t i = 0; i < count; ++i) packages.push_back(package_of(newest - pause * static_cast<int>(i)));
    return packages;
}

}  // namespace oracxfs::test
