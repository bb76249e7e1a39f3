// Random sets of packages, rules and states. A failure prints its seed; ORACXFS_SEED=N tries that one alone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/unit/scheduler/retention_builders.h"
#include "tools/scheduler/retention.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;

constexpr int kSets = 3'000;

class RandomSet {
  public:
    explicit RandomSet(std::uint64_t seed) : random_(seed) {}

    std::uint32_t below(std::uint32_t limit) { return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(random_); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }

    RetentionInput input() {
        RetentionConfig rules;
        rules.keep_last = below(6);
        rules.hourly = one_in(2) ? below(10) : 0;
        rules.daily = one_in(2) ? below(12) : 0;
        rules.weekly = one_in(2) ? below(6) : 0;
        rules.monthly = one_in(2) ? below(6) : 0;
        rules.yearly = one_in(2) ? below(4) : 0;
        rules.min_verified_copies = 1 + below(3);
        rules.max_delete_percent = one_in(2) ? 100 : below(101);
        RetentionInput made = input_of({}, rules, utc(2025, 1, 10, std::chrono::seconds(below(86'400))));
        made.force = one_in(4);
        if (one_in(20)) made.clock_doubt = "the clock is wrong";
        // From some in an hour to some in years; the newest may lie in the future.
        const std::uint32_t step_s = std::vector<std::uint32_t>{600, 3'600, 43'200, 86'400, 1'000'000}[below(5)];
        WallTime time = made.now - std::chrono::seconds(below(step_s)) + (one_in(5) ? 3 * std::chrono::seconds(step_s) : 0s);
        std::set<WallTime> used;
        for (std::uint32_t i = below(60); i > 0; --i, time -= std::chrono::seconds(1 + below(2 * step_s)))
            if (used.insert(std::chrono::floor<std::chrono::seconds>(time)).second) made.packages.push_back(package(time));
        std::shuffle(made.packages.begin(), made.packages.end(), random_);
        return made;
    }

    std::mt19937_64& engine() { return random_; }

  private:
    RetentionPackage package(WallTime time) {
        RetentionPackage made = package_of(time);
        made.size_bytes = below(1'000'000);
        made.pinned = one_in(12);
        if (one_in(12)) made.series = one_in(2) ? "" : "host02/backup";
        if (one_in(25)) made.name = "holiday" + std::to_string(below(1'000'000)) + ".zip";
        made.copies.clear();
        for (const char* provider : {"a", "b", "c"})
            if (!one_in(4)) made.copies.push_back({provider, one_in(5) ? CopyState::stored : CopyState::verified});
        return made;
    }

    std::mt19937_64 random_;
};

bool removed(const RetentionPlan& plan, const std::string& name) {
    const auto names = plan.removals();
    return std::find(names.begin(), names.end(), name) != names.end();
}

// What would go if nothing held the plan.
std::set<std::string> going(const RetentionPlan& plan) {
    std::set<std::string> names;
    for (const PackageDecision& decision : plan.decisions)
        if (decision.fate != PackageFate::keep) names.insert(decision.name);
    return names;
}

std::set<std::string> verified_at(const std::vector<RetentionPackage>& packages) {
    std::set<std::string> providers;
    for (const RetentionPackage& package : packages)
        for (const PackageCopy& copy : package.copies)
            if (copy.state == CopyState::verified && package.series == kOurSeries) providers.insert(copy.provider);
    return providers;
}

std::size_t verified_count(const RetentionPackage& package) {
    return static_cast<std::size_t>(std::count_if(package.copies.begin(), package.copies.end(),
                                                  [](const PackageCopy& copy) { return copy.state == CopyState::verified; }));
}

std::vector<RetentionPackage> carried_out(const RetentionInput& input, const RetentionPlan& plan) {
    std::vector<RetentionPackage> left;
    for (const RetentionPackage& package : input.packages)
        if (!removed(plan, package.name)) left.push_back(package);
    return left;
}

void expect_guards_hold(const RetentionInput& input, const RetentionPlan& plan) {
    const auto left = carried_out(input, plan);
    const RetentionPackage* newest = nullptr;
    for (const RetentionPackage& package : input.packages) {
        const bool ours = package.series == kOurSeries && package.name.starts_with(kOurPrefix);
        const bool counted = ours && package.time <= input.now + 5min;
        if (counted && (newest == nullptr || package.time > newest->time)) newest = &package;
        if (!removed(plan, package.name)) continue;
        ASSERT_TRUE(counted) << package.name;
        ASSERT_FALSE(package.pinned) << package.name;
    }
    const auto names = plan.removals();
    const bool may_delete = newest != nullptr && verified_count(*newest) >= input.rules.min_verified_copies && input.clock_doubt.empty();
    ASSERT_TRUE(may_delete || names.empty());
    ASSERT_FALSE(newest != nullptr && removed(plan, newest->name));
    const bool within_share = names.size() * 100 <= input.packages.size() * input.rules.max_delete_percent;
    ASSERT_TRUE(input.force || names.size() <= 1 || within_share);
    // Every provider that held something good still does.
    ASSERT_EQ(verified_at(left), verified_at(input.packages));
    for (const std::string& name : names)
        ASSERT_TRUE(std::any_of(left.begin(), left.end(), [&](const RetentionPackage& p) {
            return verified_count(p) >= input.rules.min_verified_copies && p.series == kOurSeries;
        })) << name;
}

void expect_idempotent(const RetentionInput& input, const RetentionPlan& plan) {
    RetentionInput rest = input;
    rest.packages = carried_out(input, plan);
    rest.force = true;  // the share of a smaller set is another one
    if (plan.removals().empty()) return;
    ASSERT_EQ(going(plan_retention(rest)), std::set<std::string>()) << "a second plan deletes more";
}

void expect_monotone(RandomSet& random, const RetentionInput& input, const RetentionPlan& plan) {
    const auto before = going(plan);
    RetentionInput more = input;
    switch (random.below(6)) {
        case 0: more.rules.keep_last += 1 + random.below(3); break;
        case 1: more.rules.hourly += 1 + random.below(3); break;
        case 2: more.rules.daily += 1 + random.below(3); break;
        case 3: more.rules.weekly += 1 + random.below(3); break;
        case 4: more.rules.monthly += 1 + random.below(3); break;
        default: more.rules.yearly += 1 + random.below(3); break;
    }
    const auto with_more = going(plan_retention(more));
    ASSERT_TRUE(std::includes(before.begin(), before.end(), with_more.begin(), with_more.end())) << "a longer rule deletes more";

    if (input.packages.empty()) return;
    RetentionInput pinned = input;
    RetentionPackage& package = pinned.packages[random.below(static_cast<std::uint32_t>(pinned.packages.size()))];
    package.pinned = true;
    auto expected = before;
    expected.erase(package.name);
    ASSERT_EQ(going(plan_retention(pinned)), expected) << "a pin changes the fate of others";
}

void expect_order_free(RandomSet& random, const RetentionInput& input, const RetentionPlan& plan) {
    RetentionInput shuffled = input;
    std::shuffle(shuffled.packages.begin(), shuffled.packages.end(), random.engine());
    const auto again = plan_retention(shuffled);
    ASSERT_EQ(again.removals(), plan.removals());
    ASSERT_EQ(again.id, plan.id);
    ASSERT_EQ(again.freed_bytes, plan.freed_bytes);
}

TEST(RetentionProperty, RandomSetsKeepGuardsAreIdempotentAndMonotone) {
    const char* wanted = std::getenv("ORACXFS_SEED");
    const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
    int with_removals = 0;
    for (std::uint64_t seed = first; seed < first + (wanted != nullptr ? 1 : kSets); ++seed) {
        SCOPED_TRACE("ORACXFS_SEED=" + std::to_string(seed));
        RandomSet random(seed);
        const RetentionInput input = random.input();
        const RetentionPlan plan = plan_retention(input);
        with_removals += plan.removals().empty() ? 0 : 1;
        expect_guards_hold(input, plan);
        if (!HasFatalFailure()) expect_idempotent(input, plan);
        if (!HasFatalFailure()) expect_monotone(random, input, plan);
        if (!HasFatalFailure()) expect_order_free(random, input, plan);
        if (HasFatalFailure()) return;
    }
    // Else all of the above would be true of nothing.
    EXPECT_TRUE(wanted != nullptr || with_removals > kSets / 10) << with_removals;
}

}  // namespace
}  // namespace oracxfs::test
