// Rules and guards one by one; tests/unit/scheduler/retention_property_test.cpp tries random sets.

#include "tools/scheduler/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/scheduler/retention_builders.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

std::vector<std::string> notes_of(const RetentionPlan& plan, WallTime time) {
    std::vector<std::string> texts;
    for (const PackageDecision& decision : plan.decisions)
        if (decision.time == time)
            for (const RetentionNote& note : decision.notes) texts.push_back(note.text);
    return texts;
}

PackageFate fate_of(const RetentionPlan& plan, WallTime time) {
    for (const PackageDecision& decision : plan.decisions)
        if (decision.time == time) return decision.fate;
    ADD_FAILURE() << "no package of " << format_utc(time);
    return PackageFate::keep;
}

std::vector<WallTime> kept(const RetentionPlan& plan) {
    std::vector<WallTime> times;
    for (const PackageDecision& decision : plan.decisions)
        if (decision.fate == PackageFate::keep) times.push_back(decision.time);
    return times;
}

// ---- Rules ----

TEST(RetentionRules, KeepLastKeepsTheNewest) {
    const auto plan = plan_retention(input_of(packages_every(12h, 5, utc(2025, 1, 10)), rules_of(3)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9, 12h), utc(2025, 1, 9)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 10)), ElementsAre("last 1 of 3", "newest"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 9)), ElementsAre("last 3 of 3"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 8, 12h)), ElementsAre("no rule keeps it"));
    EXPECT_EQ(plan.count(PackageFate::remove), 2u);
}

TEST(RetentionRules, DailyKeepsTheNewestOfEachDay) {
    const auto plan = plan_retention(input_of(packages_every(6h, 12, utc(2025, 1, 10, 6h)), rules_of(0, 2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10, 6h), utc(2025, 1, 9, 18h)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 9, 18h)), ElementsAre("daily 2025-01-09"));
}

TEST(RetentionRules, DaysBeginAtMidnightUtc) {
    const auto plan = plan_retention(
        input_of({package_of(utc(2025, 1, 10)), package_of(utc(2025, 1, 9, 24h - 1s)), package_of(utc(2025, 1, 9))}, rules_of(0, 2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9, 24h - 1s)));
}

TEST(RetentionRules, PeriodsWithoutAPackageDoNotCount) {
    const auto plan = plan_retention(
        input_of({package_of(utc(2025, 1, 10)), package_of(utc(2024, 6, 2)), package_of(utc(2024, 6, 1)), package_of(utc(2020, 1, 1))},
                 rules_of(0, 3)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2024, 6, 2), utc(2024, 6, 1)));
}

TEST(RetentionRules, AreJoinedByOr) {
    const auto plan = plan_retention(input_of(packages_every(24h, 70, utc(2025, 1, 10)), rules_of(2, 3, 3, 2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9), utc(2025, 1, 8), utc(2025, 1, 5), utc(2024, 12, 31),
                                        utc(2024, 12, 29)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 10)),
                ElementsAre("last 1 of 2", "daily 2025-01-10", "weekly 2025-W02", "monthly 2025-01", "newest"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 5)), ElementsAre("weekly 2025-W01"));
    EXPECT_THAT(notes_of(plan, utc(2024, 12, 31)), ElementsAre("monthly 2024-12"));
    EXPECT_THAT(notes_of(plan, utc(2024, 12, 29)), ElementsAre("weekly 2024-W52"));
}

TEST(RetentionRules, HourlyAndYearlyWorkAlike) {
    RetentionConfig rules = rules_of(0);
    rules.hourly = 2;
    rules.yearly = 2;
    const auto plan = plan_retention(input_of({package_of(utc(2025, 1, 10, 8h + 40min)), package_of(utc(2025, 1, 10, 8h + 10min)),
                                               package_of(utc(2025, 1, 10, 7h + 50min)), package_of(utc(2024, 12, 31)),
                                               package_of(utc(2024, 1, 1)), package_of(utc(2023, 12, 31))},
                                              rules));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10, 8h + 40min), utc(2025, 1, 10, 7h + 50min), utc(2024, 12, 31)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 10, 7h + 50min)), ElementsAre("hourly 2025-01-10 07h"));
    EXPECT_THAT(notes_of(plan, utc(2024, 12, 31)), ElementsAre("yearly 2024"));
}

TEST(RetentionRules, TheOldestStaysWhileARuleIsUnfilled) {
    const auto plan = plan_retention(input_of(packages_every(24h, 5, utc(2025, 1, 31)), rules_of(1, 0, 0, 2), utc(2025, 2, 1)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 31), utc(2025, 1, 27)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 27)), ElementsAre("oldest, while monthly has 1 of 2"));
}

TEST(RetentionRules, TheOldestGoesWhenTheRuleIsFilled) {
    const auto plan = plan_retention(
        input_of({package_of(utc(2025, 2, 1)), package_of(utc(2025, 1, 31)), package_of(utc(2025, 1, 1))}, rules_of(1, 0, 0, 2),
                 utc(2025, 2, 2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 2, 1), utc(2025, 1, 31)));
}

TEST(RetentionRules, DoNotDependOnTheOrderOfTheList) {
    auto packages = packages_every(7h, 40, utc(2025, 1, 10));
    const auto plan = plan_retention(input_of(packages, rules_of(2, 4, 2, 1)));
    std::reverse(packages.begin(), packages.end());
    const auto again = plan_retention(input_of(packages, rules_of(2, 4, 2, 1)));
    EXPECT_EQ(plan.removals(), again.removals());
    EXPECT_EQ(plan.id, again.id);
}

TEST(RetentionRules, DoNotDependOnNow) {
    const auto packages = packages_every(12h, 40, utc(2025, 1, 10));
    EXPECT_EQ(plan_retention(input_of(packages, rules_of(2, 4))).removals(),
              plan_retention(input_of(packages, rules_of(2, 4), utc(2045, 1, 1))).removals());
}

TEST(RetentionRules, APackageThatIsNotVerifiedNeverPushesOutOneThatIs) {
    auto damaged = package_of(utc(2025, 1, 9, 18h));
    damaged.copies = {{"a", CopyState::stored}, {"b", CopyState::absent}};
    const auto plan = plan_retention(input_of(
        {package_of(utc(2025, 1, 10)), damaged, package_of(utc(2025, 1, 9, 6h)), package_of(utc(2025, 1, 9, 1h))}, rules_of(1, 2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9, 18h), utc(2025, 1, 9, 6h)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 9, 6h)), ElementsAre("daily 2025-01-09 (of the verified ones)"));
}

TEST(RetentionRules, APackageThatIsNotVerifiedGoesInTheEnd) {
    auto packages = packages_every(24h, 6, utc(2025, 1, 10));
    packages[4].copies = {{"a", CopyState::stored}};
    const auto plan = plan_retention(input_of(packages, rules_of(2)));
    EXPECT_EQ(fate_of(plan, utc(2025, 1, 6)), PackageFate::remove);
}

TEST(RetentionRules, WithTheDefaultsAYearOfTwelveHoursIsKeptAsDocumented) {
    RetentionConfig defaults;
    defaults.keep_last = 4;
    defaults.daily = 14;
    defaults.weekly = 8;
    defaults.monthly = 12;
    defaults.max_delete_percent = 25;
    // As it happens: a package each 12 hours, and a plan after each.
    std::vector<RetentionPackage> packages;
    std::size_t most = 0;
    WallTime now = utc(2024, 1, 1);
    for (; now <= utc(2025, 3, 31, 12h); now += 12h) {
        packages.push_back(package_of(now));
        const auto plan = plan_retention(input_of(packages, defaults, now));
        ASSERT_THAT(plan.holds, IsEmpty()) << format_utc(now);
        for (const std::string& name : plan.removals()) std::erase_if(packages, [&](const auto& p) { return p.name == name; });
        most = std::max(most, packages.size());
    }
    std::vector<std::string> days;
    for (const RetentionPackage& package : packages) days.push_back(format_utc(package.time).substr(0, 13));
    EXPECT_THAT(days, ElementsAre("2024-04-30T12", "2024-05-31T12", "2024-06-30T12", "2024-07-31T12", "2024-08-31T12", "2024-09-30T12",
                                  "2024-10-31T12", "2024-11-30T12", "2024-12-31T12", "2025-01-31T12", "2025-02-16T12", "2025-02-23T12",
                                  "2025-02-28T12", "2025-03-02T12", "2025-03-09T12", "2025-03-16T12", "2025-03-18T12", "2025-03-19T12",
                                  "2025-03-20T12", "2025-03-21T12", "2025-03-22T12", "2025-03-23T12", "2025-03-24T12", "2025-03-25T12",
                                  "2025-03-26T12", "2025-03-27T12", "2025-03-28T12", "2025-03-29T12", "2025-03-30T00", "2025-03-30T12",
                                  "2025-03-31T00", "2025-03-31T12"));
    EXPECT_LE(most, 35u);
}

// ---- What is neither counted nor deleted ----

TEST(RetentionGuards, WhatWasNotMadeHereStaysAndFillsNoPlace) {
    auto packages = packages_every(24h, 4, utc(2025, 1, 10));
    packages[0].series = "host02/backup";
    packages[1].series = "";
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9), utc(2025, 1, 8)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 10)), ElementsAre("not made here"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 9)), ElementsAre("not made here"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 8)), ElementsAre("last 1 of 1", "newest"));
}

TEST(RetentionGuards, AFutureTimeIsIgnoredNotDeleted) {
    auto packages = packages_every(24h, 4, utc(2025, 1, 10));
    packages.push_back(package_of(utc(2031, 1, 1)));
    packages.back().copies = {};  // not even verified: it does not hold up the others
    const auto plan = plan_retention(input_of(packages, rules_of(2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2031, 1, 1), utc(2025, 1, 10), utc(2025, 1, 9)));
    EXPECT_THAT(notes_of(plan, utc(2031, 1, 1)), ElementsAre("time in the future"));
    EXPECT_EQ(plan.count(PackageFate::remove), 2u);
}

TEST(RetentionGuards, AMinuteAheadOfTheClockIsNotTheFuture) {
    const auto plan = plan_retention(
        input_of({package_of(utc(2025, 1, 10, 1min)), package_of(utc(2025, 1, 9))}, rules_of(1), utc(2025, 1, 10)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10, 1min)));
}

TEST(RetentionGuards, AnotherNameIsNeverDeleted) {
    auto packages = packages_every(24h, 5, utc(2025, 1, 10));
    packages[2].name = "holiday.zip";
    packages[3].name = "old_prefix_20250107_000000.zip";
    packages[4].name = "oracxpred_backup_20240101_000000.zip";  // the name says another time
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_THAT(plan.removals(), ElementsAre("oracxpred_backup_20250109_000000.zip"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 8)), ElementsAre("its name is not that of a backup package"));
}

TEST(RetentionGuards, TwoPackagesOfOneNameStay) {
    auto packages = packages_every(24h, 3, utc(2025, 1, 10));
    packages.push_back(packages[2]);
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_THAT(plan.removals(), ElementsAre("oracxpred_backup_20250109_000000.zip"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 8)), Contains("there are two packages of this name"));
}

TEST(RetentionGuards, APinKeepsAndChangesNothingElse) {
    auto packages = packages_every(24h, 5, utc(2025, 1, 10));
    packages[4].pinned = true;
    const auto plan = plan_retention(input_of(packages, rules_of(2)));
    EXPECT_THAT(kept(plan), ElementsAre(utc(2025, 1, 10), utc(2025, 1, 9), utc(2025, 1, 6)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 6)), ElementsAre("pinned"));
}

// ---- Guards ----

TEST(RetentionGuards, NothingIsPrunedWhileTheNewestIsNotVerified) {
    auto packages = packages_every(24h, 5, utc(2025, 1, 10));
    packages[0].copies = {{"a", CopyState::stored}, {"b", CopyState::absent}};
    const auto plan = plan_retention(input_of(packages, rules_of(2)));
    EXPECT_THAT(plan.removals(), IsEmpty());
    EXPECT_EQ(plan.count(PackageFate::remove), 0u);
    EXPECT_EQ(plan.count(PackageFate::held), 2u);
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 7)), ElementsAre("no rule keeps it", "newest is not verified yet: nothing is pruned"));
    EXPECT_FALSE(plan.can_be_forced());
}

TEST(RetentionGuards, ForceDoesNotPruneWhileTheNewestIsNotVerified) {
    auto packages = packages_every(24h, 5, utc(2025, 1, 10));
    packages[0].copies.clear();
    auto input = input_of(packages, rules_of(2));
    input.force = true;
    EXPECT_THAT(plan_retention(input).removals(), IsEmpty());
}

TEST(RetentionGuards, VerifiedMeansAtAsManyProvidersAsConfigured) {
    auto packages = packages_every(24h, 5, utc(2025, 1, 10));
    packages[0].copies = {{"a", CopyState::verified}, {"b", CopyState::stored}, {"a", CopyState::verified}};
    RetentionConfig rules = rules_of(2);
    rules.min_verified_copies = 2;
    const auto plan = plan_retention(input_of(packages, rules));
    EXPECT_THAT(plan.removals(), IsEmpty());
    ASSERT_THAT(plan.holds, SizeIs(1));
    EXPECT_EQ(plan.holds[0].text, "newest is verified at 1 of 2 providers: nothing is pruned");
    packages[0].copies[1].state = CopyState::verified;
    EXPECT_THAT(plan_retention(input_of(packages, rules)).removals(), SizeIs(3));
}

TEST(RetentionGuards, TheNewestGoodCopyAtAProviderStays) {
    auto packages = packages_every(24h, 6, utc(2025, 1, 10));
    packages[3].copies.push_back({"nas", CopyState::verified});
    packages[4].copies.push_back({"nas", CopyState::verified});
    packages[5].copies.push_back({"usb", CopyState::verified});
    const auto plan = plan_retention(input_of(packages, rules_of(2)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 7)), ElementsAre("newest verified copy at nas"));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 5)), ElementsAre("only verified copy at usb"));
    EXPECT_EQ(fate_of(plan, utc(2025, 1, 6)), PackageFate::remove);
}

TEST(RetentionGuards, TheOnlyVerifiedPackageIsNamedAsSuch) {
    auto packages = packages_every(24h, 3, utc(2025, 1, 10));
    packages[1].copies.clear();
    packages[2].copies.clear();
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_THAT(notes_of(plan, utc(2025, 1, 10)), Contains("only verified package"));
    EXPECT_THAT(plan.removals(), SizeIs(2));
}

TEST(RetentionGuards, MoreThanTheAllowedShareIsHeldUntilForced) {
    RetentionConfig rules = rules_of(4);
    rules.max_delete_percent = 25;
    auto input = input_of(packages_every(24h, 10, utc(2025, 1, 10)), rules);
    const auto plan = plan_retention(input);
    EXPECT_THAT(plan.removals(), IsEmpty());
    EXPECT_EQ(plan.count(PackageFate::held), 6u);
    ASSERT_THAT(plan.holds, SizeIs(1));
    EXPECT_EQ(plan.holds[0].reason, RetentionReason::max_delete);
    EXPECT_EQ(plan.holds[0].text, "max_delete_percent: would delete 6 of 10 packages, 60 % > 25 %");
    EXPECT_THAT(plan.freed_bytes, UnorderedElementsAre(Pair("a", 600u), Pair("b", 600u)));
    EXPECT_TRUE(plan.can_be_forced());

    input.force = true;
    const auto forced = plan_retention(input);
    EXPECT_EQ(forced.count(PackageFate::remove), 6u);
    EXPECT_EQ(forced.id, plan.id);
    EXPECT_EQ(forced.freed_bytes, plan.freed_bytes);
}

TEST(RetentionGuards, TheAllowedShareItselfMayGo) {
    RetentionConfig rules = rules_of(6);
    rules.max_delete_percent = 25;
    EXPECT_THAT(plan_retention(input_of(packages_every(24h, 8, utc(2025, 1, 10)), rules)).removals(), SizeIs(2));
    rules.keep_last = 5;
    EXPECT_THAT(plan_retention(input_of(packages_every(24h, 8, utc(2025, 1, 10)), rules)).removals(), IsEmpty());
}

TEST(RetentionGuards, OneMayAlwaysGoElseAShortHistoryCouldNeverBePruned) {
    RetentionConfig rules = rules_of(1);
    rules.max_delete_percent = 25;
    EXPECT_THAT(plan_retention(input_of(packages_every(24h, 2, utc(2025, 1, 10)), rules)).removals(), SizeIs(1));
    rules.max_delete_percent = 0;
    const auto plan = plan_retention(input_of(packages_every(24h, 2, utc(2025, 1, 10)), rules));
    EXPECT_THAT(plan.removals(), IsEmpty());
    EXPECT_TRUE(plan.can_be_forced());
}

TEST(RetentionGuards, AShareThatIsJustTooLargeIsNotShownAsEqual) {
    RetentionConfig rules = rules_of(749);
    rules.max_delete_percent = 25;
    const auto plan = plan_retention(input_of(packages_every(1h, 1000, utc(2025, 1, 10)), rules));
    ASSERT_THAT(plan.holds, SizeIs(1));
    EXPECT_THAT(plan.holds[0].text, HasSubstr("26 % > 25 %"));
}

TEST(RetentionGuards, WithoutARuleNothingGoes) {
    const auto plan = plan_retention(input_of(packages_every(24h, 3, utc(2025, 1, 10)), rules_of(0)));
    EXPECT_THAT(plan.removals(), IsEmpty());
    ASSERT_THAT(plan.holds, SizeIs(1));
    EXPECT_EQ(plan.holds[0].text, "no rule is set: nothing is pruned");
}

TEST(RetentionGuards, WithADoubtfulClockNothingGoesEvenForced) {
    auto input = input_of(packages_every(24h, 3, utc(2025, 1, 10)), rules_of(1));
    input.clock_doubt = "the clock of this machine shows 1970-01-01T00:00:00Z";
    input.force = true;
    const auto plan = plan_retention(input);
    EXPECT_THAT(plan.removals(), IsEmpty());
    ASSERT_THAT(plan.holds, SizeIs(1));
    EXPECT_THAT(plan.holds[0].text, AllOf(HasSubstr("1970"), HasSubstr("nothing is pruned")));
}

TEST(RetentionGuards, SeveralHoldsAreAllNamed) {
    auto input = input_of(packages_every(24h, 10, utc(2025, 1, 10)), rules_of(1));
    input.rules.max_delete_percent = 10;
    input.packages[0].copies.clear();
    const auto plan = plan_retention(input);
    EXPECT_THAT(plan.holds, SizeIs(2));
    EXPECT_FALSE(plan.can_be_forced());
}

TEST(RetentionClock, IsDoubtedBeforeThisProgramAndADayBeforeWhatIsKnown) {
    EXPECT_THAT(doubt_about_clock(utc(1970, 1, 1), std::nullopt), HasSubstr("1970-01-01"));
    EXPECT_EQ(doubt_about_clock(utc(2025, 1, 1), std::nullopt), "");
    EXPECT_EQ(doubt_about_clock(utc(2025, 1, 1), utc(2025, 1, 2)), "");
    EXPECT_THAT(doubt_about_clock(utc(2025, 1, 1), utc(2025, 1, 2, 1s)), HasSubstr("it has been 2025-01-02T00:00:01Z before"));
    EXPECT_EQ(doubt_about_clock(utc(2045, 1, 1), utc(2025, 1, 2)), "");
}

// ---- The plan as a whole ----

TEST(RetentionPlan, OfNoPackagesDoesNothing) {
    const auto plan = plan_retention(input_of({}, rules_of(4)));
    EXPECT_THAT(plan.decisions, IsEmpty());
    EXPECT_THAT(plan.holds, IsEmpty());
    EXPECT_THAT(plan.id, SizeIs(16));
}

TEST(RetentionPlan, ListsTheNewestFirstAndRemovesTheOldestFirst) {
    auto packages = packages_every(24h, 4, utc(2025, 1, 10));
    std::swap(packages[0], packages[3]);
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_EQ(plan.decisions.front().time, utc(2025, 1, 10));
    EXPECT_THAT(plan.removals(), ElementsAre("oracxpred_backup_20250107_000000.zip", "oracxpred_backup_20250108_000000.zip",
                                             "oracxpred_backup_20250109_000000.zip"));
}

TEST(RetentionPlan, CountsFreedBytesWhereBytesAre) {
    auto packages = packages_every(24h, 3, utc(2025, 1, 10));
    packages[1].copies = {{"a", CopyState::verified}, {"b", CopyState::stored}, {"c", CopyState::absent}};
    packages[2].size_bytes = 7;
    const auto plan = plan_retention(input_of(packages, rules_of(1)));
    EXPECT_THAT(plan.freed_bytes, UnorderedElementsAre(Pair("a", 107u), Pair("b", 107u)));
}

TEST(RetentionPlan, HasAnotherIdWhenSomethingElseWouldGo) {
    const auto packages = packages_every(24h, 6, utc(2025, 1, 10));
    const std::string id = plan_retention(input_of(packages, rules_of(3))).id;
    EXPECT_NE(plan_retention(input_of(packages, rules_of(2))).id, id);

    auto bigger = packages;
    bigger[5].size_bytes += 1;
    EXPECT_NE(plan_retention(input_of(bigger, rules_of(3))).id, id);
    auto elsewhere = packages;
    elsewhere[5].copies[1].provider = "c";
    EXPECT_NE(plan_retention(input_of(elsewhere, rules_of(3))).id, id);
    auto pinned = packages;
    pinned[5].pinned = true;
    EXPECT_NE(plan_retention(input_of(pinned, rules_of(3))).id, id);
}

TEST(RetentionPlan, HasTheSameIdWhenOnlyWhatIsKeptChanged) {
    const auto packages = packages_every(24h, 6, utc(2025, 1, 10));
    const std::string id = plan_retention(input_of(packages, rules_of(3))).id;
    auto changed = packages;
    changed[1].size_bytes += 1;
    changed[1].pinned = true;
    changed.push_back(package_of(utc(2031, 1, 1)));
    EXPECT_EQ(plan_retention(input_of(changed, rules_of(3), utc(2025, 1, 11))).id, id);
}

TEST(RetentionPlan, GivesEachPackageAReason) {
    auto packages = packages_every(5h, 60, utc(2025, 1, 10));
    packages[3].series = "x";
    packages[4].pinned = true;
    for (const PackageDecision& decision : plan_retention(input_of(packages, rules_of(2, 3, 1, 1))).decisions)
        EXPECT_THAT(decision.notes, Not(IsEmpty())) << decision.name;
}

}  // namespace
}  // namespace oracxfs::test
