// Random sets of packages, rules and states. A failure prints its seed; ORACXFS_SEED=N tries that one alone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/unit/scheduler/retention_builders.h"
#include "tools/scheduler/local_time.h"
#include "tools/scheduler/retention.h"
#include "tools/scheduler/schedule.h"

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

// ---- Schedule and retention together ----

// A machine that makes a backup every twelve hours: it is off now and then, its clock jumps, its providers fail for hours or
// days and get what they missed when they are back. `truth` is the time that no clock need show.
class Machine {
  public:
    explicit Machine(std::uint64_t seed) : random_(seed) {
        schedule_.every = 12h;
        schedule_.jitter = 5min;
        schedule_.seed = seed;
        // Also rules so short that an outage lasts longer.
        rules_ = seed % 2 == 0 ? rules_of(3) : rules_of(4, 14, 8, 12);
        rules_.max_delete_percent = 50;
    }
    void pass_half_an_hour(WallTime truth) {
        if (random_.one_in(1'500)) off_until_ = truth + std::chrono::hours(random_.below(100));
        if (off_until_ > truth) return;
        if (random_.one_in(1'500)) {
            offset_ += std::chrono::minutes(static_cast<int>(random_.below(6'000)) - 3'000);
            jumped_ = truth;
            jumps_ += 1;
        }
        for (WallTime& until : down_until_)
            if (random_.one_in(300)) until = truth + std::chrono::hours(random_.below(random_.one_in(5) ? 400 : 60));
        catch_up(truth);
        const WallTime now = truth + offset_;
        if (const auto due = next_due(schedule_, history_, now, zone_); due && due->time <= now) run(truth, now, *due);
        if (truth - std::max(off_until_, jumped_) > 13h) {
            ASSERT_LE(truth - attempted_, 13h) << "nothing was tried";
        }
    }
    void check_day() {
        const auto there = verified_at(packages_);
        ASSERT_TRUE(std::includes(there.begin(), there.end(), held_.begin(), held_.end())) << "a provider has lost its last good copy";
        ASSERT_LE(packages_.size(), 100u) << "the rules keep 38, outages and jumps hold some back for a while";
    }
    [[nodiscard]] int made() const { return made_; }
    [[nodiscard]] int jumps() const { return jumps_; }
    [[nodiscard]] int removals() const { return removals_; }

  private:
    static constexpr std::array<const char*, 3> kProviders{"a", "b", "c"};

    [[nodiscard]] bool is_up(std::size_t i, WallTime truth) const { return down_until_.at(i) <= truth; }
    void hold(RetentionPackage& package, std::size_t i) {
        package.copies.push_back({kProviders.at(i), CopyState::verified});
        held_.insert(kProviders.at(i));
    }
    void catch_up(WallTime truth) {
        for (RetentionPackage& package : packages_)
            for (std::size_t i = 0; i < kProviders.size(); ++i)
                if (is_up(i, truth) && std::none_of(package.copies.begin(), package.copies.end(), [&](const PackageCopy& copy) { return copy.provider == kProviders.at(i); }))
                    hold(package, i);
    }
    void run(WallTime truth, WallTime now, const DueRun& due) {
        attempted_ = truth;
        const std::uint32_t failures = history_.last ? history_.last->failures : 0;
        RetentionPackage package = package_of(std::chrono::floor<std::chrono::seconds>(now));
        package.copies.clear();
        for (std::size_t i = 0; i < kProviders.size(); ++i)
            if (is_up(i, truth)) hold(package, i);
        if (package.copies.empty()) {
            history_.last = RunRecord{due.slot, now, now, RunResult::failed, failures + 1, now + 1h};
            return;
        }
        history_.last = RunRecord{due.slot, now, now, RunResult::ok, 0, std::nullopt};
        std::erase_if(packages_, [&](const RetentionPackage& other) { return other.name == package.name; });
        packages_.push_back(package);
        made_ += 1;
        const RetentionInput input = input_of(packages_, rules_, now);
        const RetentionPlan plan = plan_retention(input);
        ASSERT_NO_FATAL_FAILURE(expect_guards_hold(input, plan));
        removals_ += static_cast<int>(plan.removals().size());
        packages_ = carried_out(input, plan);
    }

    RandomSet random_;
    Schedule schedule_;
    RunHistory history_;
    RetentionConfig rules_;
    const SystemLocalTime zone_;
    std::vector<RetentionPackage> packages_;
    std::set<std::string> held_;
    std::array<WallTime, 3> down_until_{};
    WallTime off_until_{}, jumped_{}, attempted_{};
    Millis offset_{0};
    int made_ = 0, jumps_ = 0, removals_ = 0;
};

TEST(RetentionProperty, FourHundredDaysOfBackupsKeepEveryPromiseEachDay) {
    const char* wanted = std::getenv("ORACXFS_SEED");
    const std::uint64_t first = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + (wanted != nullptr ? 1 : 20); ++seed) {
        SCOPED_TRACE("ORACXFS_SEED=" + std::to_string(seed));
        Machine machine(seed);
        const WallTime begin = utc(2025, 1, 10);
        for (int day = 0; day < 400; ++day) {
            for (int half = 0; half < 48; ++half)
                ASSERT_NO_FATAL_FAILURE(machine.pass_half_an_hour(begin + std::chrono::days(day) + std::chrono::minutes(30 * half))) << "day " << day;
            ASSERT_NO_FATAL_FAILURE(machine.check_day()) << "day " << day;
        }
        EXPECT_GE(machine.made(), 400);
        EXPECT_LE(machine.made(), 801 + machine.jumps());
        EXPECT_GE(machine.removals(), 300);
    }
}

}  // namespace
}  // namespace oracxfs::test
