#include "tools/scheduler/scrub_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/support/matchers.h"
#include "tests/unit/scheduler/retention_builders.h"

namespace oracxfs {

void PrintTo(const ScrubCheck& check, std::ostream* out) { *out << to_string(check.method) << " " << check.version.value; }

}  // namespace oracxfs

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const WallTime kNow = utc(2025, 1, 10, 12h);

ScrubReplica replica(std::int64_t version, std::uint64_t size = 100, std::optional<WallTime> verified_at = utc(2025, 1, 1)) {
    return {VersionId{version}, size, verified_at};
}

ScrubProvider provider(std::string name, std::vector<ScrubReplica> replicas, bool tells_hash = true) {
    return {std::move(name), tells_hash, "", std::move(replicas)};
}

std::vector<ScrubReplica> replicas_to(std::int64_t last) {
    std::vector<ScrubReplica> list;
    for (std::int64_t version = 1; version <= last; ++version) list.push_back(replica(version));
    return list;
}

ScrubRequest request(ScrubDownload download = ScrubDownload::none, double percent = 5) {
    ScrubRequest made;
    made.download = download;
    made.sample_percent = percent;
    made.now = kNow;
    return made;
}

std::vector<std::int64_t> versions(const ScrubQueue& queue, ScrubMethod method) {
    std::vector<std::int64_t> list;
    for (const ScrubCheck& check : queue.checks)
        if (check.method == method) list.push_back(check.version.value);
    return list;
}

// Carries out what is left at each provider; a check at hash and download renews the time, as the catalogue does.
void carry_out(ScrubRun& run, std::vector<ScrubProvider>& providers, std::size_t checks_max = SIZE_MAX) {
    for (ScrubProvider& p : providers)
        for (std::size_t i = 0; i < checks_max; ++i) {
            const auto check = run.next(p.name);
            if (!check) break;
            for (ScrubReplica& r : p.replicas)
                if (r.version == check->version && check->method != ScrubMethod::look) r.verified_at = run.plan().started + 1s;
            run.record(p.name, ScrubOutcome::good);
        }
}

// ---- What is checked, and how ----

TEST(ScrubPlan, ChecksEveryCopyByHashTheLongestUncheckedFirst) {
    const auto plan = plan_scrub({provider("a", {replica(1, 100, utc(2025, 1, 3)), replica(2, 100, std::nullopt),
                                                 replica(3, 100, utc(2025, 1, 2)), replica(4, 100, utc(2025, 1, 2))})},
                                 request(), {});
    ASSERT_THAT(plan.queues, SizeIs(1));
    EXPECT_THAT(versions(plan.queues[0], ScrubMethod::hash), ElementsAre(2, 3, 4, 1));
    EXPECT_EQ(plan.started, kNow);
    EXPECT_FALSE(plan.resumed);
}

TEST(ScrubPlan, OnlyLooksWhereNoHashIsTold) {
    const auto plan = plan_scrub({provider("ftp", {replica(2), replica(1)}, false)}, request(), {});
    EXPECT_THAT(versions(plan.queues[0], ScrubMethod::look), ElementsAre(1, 2));
}

TEST(ScrubPlan, KeepsTheOrderOfTheProviders) {
    const auto plan = plan_scrub({provider("z", {replica(1)}), provider("a", {replica(1)})}, request(), {});
    EXPECT_EQ(plan.queues[0].provider, "z");
    EXPECT_EQ(plan.queues[1].provider, "a");
}

TEST(ScrubPlan, DownloadsASampleOfTheBytesAndDoesNotHashItAsWell) {
    const auto plan = plan_scrub({provider("a", replicas_to(40))}, request(ScrubDownload::all, 5), {});
    EXPECT_THAT(versions(plan.queues[0], ScrubMethod::download), ElementsAre(1, 2));
    EXPECT_EQ(plan.queues[0].count(ScrubMethod::hash), 38u);
    EXPECT_EQ(plan.queues[0].download_bytes(), 200u);
    EXPECT_EQ(plan.queues[0].share_bytes, 200u);
    EXPECT_EQ(plan.queues[0].checks.back().method, ScrubMethod::download);
}

TEST(ScrubPlan, SmallestIsTheProviderThatHoldsTheFewestBytes) {
    const std::vector<ScrubProvider> providers{provider("big", replicas_to(9)), provider("small", replicas_to(3)), provider("empty", {})};
    const auto plan = plan_scrub(providers, request(ScrubDownload::smallest, 50), {});
    EXPECT_EQ(plan.queues[0].count(ScrubMethod::download), 0u);
    EXPECT_EQ(plan.queues[1].count(ScrubMethod::download), 2u);
}

TEST(ScrubPlan, WhereNoHashIsToldASampleIsDownloadedUnlessNone) {
    const std::vector<ScrubProvider> providers{provider("ftp", replicas_to(9), false), provider("small", replicas_to(3))};
    EXPECT_EQ(plan_scrub(providers, request(ScrubDownload::smallest, 50), {}).queues[0].count(ScrubMethod::download), 5u);
    EXPECT_EQ(plan_scrub(providers, request(ScrubDownload::none, 50), {}).queues[0].count(ScrubMethod::download), 0u);
}

TEST(ScrubPlan, AHundredPercentIsEverythingAndZeroNothing) {
    std::vector<ScrubReplica> replicas = replicas_to(7);
    replicas.push_back(replica(8, 0));
    const auto all = plan_scrub({provider("a", replicas)}, request(ScrubDownload::all, 100), {});
    EXPECT_EQ(all.queues[0].count(ScrubMethod::download), 8u);
    EXPECT_EQ(all.queues[0].count(ScrubMethod::hash), 0u);
    const auto none = plan_scrub({provider("a", replicas)}, request(ScrubDownload::all, 0), {});
    EXPECT_EQ(none.queues[0].count(ScrubMethod::download), 0u);
    EXPECT_EQ(none.queues[0].count(ScrubMethod::hash), 8u);
}

TEST(ScrubPlan, OlderThanLeavesOutWhatWasCheckedSince) {
    ScrubRequest old = request();
    old.older_than = std::chrono::days(30);
    const auto plan = plan_scrub({provider("a", {replica(1, 100, kNow - std::chrono::days(31)), replica(2, 100, kNow - std::chrono::days(29)),
                                                 replica(3, 100, std::nullopt)})},
                                 old, {});
    EXPECT_THAT(versions(plan.queues[0], ScrubMethod::hash), ElementsAre(3, 1));
}

TEST(ScrubPlan, SkipsAProviderThatCanNotBeAsked) {
    ScrubProvider down = provider("a", replicas_to(3));
    down.unavailable = "offline";
    ScrubProvider down_and_empty = provider("b", {});
    down_and_empty.unavailable = "offline";
    const auto plan = plan_scrub({down, down_and_empty}, request(), {});
    EXPECT_THAT(plan.queues[0].checks, IsEmpty());
    EXPECT_EQ(plan.queues[0].skipped, "offline");
    EXPECT_EQ(plan.queues[1].skipped, "");
}

TEST(ScrubRequest, TakesTheKeysOfTheConfiguration) {
    ScrubConfig config;
    config.every = std::chrono::days(3);
    config.sample_percent = 2.5;
    for (const auto& [text, download] : {std::pair{"none", ScrubDownload::none}, std::pair{"smallest", ScrubDownload::smallest},
                                         std::pair{"all", ScrubDownload::all}}) {
        config.download = text;
        const ScrubRequest made = scrub_request_of(config, kNow);
        EXPECT_EQ(made.download, download);
        EXPECT_EQ(made.sample_percent, 2.5);
        EXPECT_EQ(made.resume_within, std::chrono::days(3));
        EXPECT_EQ(made.now, kNow);
    }
}

// ---- The sample goes round ----

TEST(ScrubSample, GoesOnAfterTheLastOneAndWraps) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(10))};
    ScrubCursor cursor;
    std::vector<std::vector<std::int64_t>> seen;
    for (int i = 0; i < 4; ++i) {
        ScrubRun run(plan_scrub(providers, request(ScrubDownload::all, 30), cursor), cursor);
        seen.push_back(versions(run.plan().queues[0], ScrubMethod::download));
        carry_out(run, providers);
        EXPECT_TRUE(run.complete());
        cursor = run.cursor();
        EXPECT_EQ(cursor.started, std::nullopt);
    }
    EXPECT_THAT(seen, ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6), ElementsAre(7, 8, 9), ElementsAre(10, 1, 2)));
}

TEST(ScrubSample, AFileLargerThanTheShareIsReadAndPaidForByLaterRuns) {
    std::vector<ScrubProvider> providers{provider("a", {replica(1, 700), replica(2, 100), replica(3, 100), replica(4, 100)})};
    ScrubCursor cursor;
    std::vector<std::vector<std::int64_t>> seen;
    for (int i = 0; i < 5; ++i) {
        ScrubRun run(plan_scrub(providers, request(ScrubDownload::all, 20), cursor), cursor);
        seen.push_back(versions(run.plan().queues[0], ScrubMethod::download));
        carry_out(run, providers);
        cursor = run.cursor();
    }
    // A share is 200: the first run is 500 ahead, so two rest, and the third has 100 left.
    EXPECT_THAT(seen, ElementsAre(ElementsAre(1), IsEmpty(), IsEmpty(), ElementsAre(2), ElementsAre(3, 4)));
}

TEST(ScrubSample, ReadsEverythingInTheEndWhateverTheSizes) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < 100; ++round) {
        const auto below = [&](std::uint64_t limit) { return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random); };
        std::vector<ScrubReplica> replicas;
        std::uint64_t total = 0;
        for (std::uint64_t i = 0; i < 1 + below(30); ++i) {
            replicas.push_back(replica(static_cast<std::int64_t>(1 + below(1'000'000)), 1 + (below(5) == 0 ? below(100'000) : below(100))));
            total += replicas.back().size_bytes;
        }
        std::vector<ScrubProvider> providers{provider("a", replicas)};
        const double percent = 2 + static_cast<double>(below(40));
        std::set<std::int64_t> unread;
        for (const ScrubReplica& r : replicas) unread.insert(r.version.value);
        ScrubCursor cursor;
        std::uint64_t downloaded = 0;
        int runs = 0;
        for (; !unread.empty(); ++runs) {
            ASSERT_LT(runs, 120);
            ScrubRun run(plan_scrub(providers, request(ScrubDownload::all, percent), cursor), cursor);
            for (const std::int64_t version : versions(run.plan().queues[0], ScrubMethod::download)) unread.erase(version);
            carry_out(run, providers);
            downloaded += run.total().downloaded_bytes;
            cursor = run.cursor();
        }
        // Over all runs no more than the shares, but for the one file that a run may be ahead by.
        const auto largest = std::max_element(replicas.begin(), replicas.end(), [](const auto& a, const auto& b) { return a.size_bytes < b.size_bytes; });
        ASSERT_LE(static_cast<double>(downloaded),
                  static_cast<double>(runs) * (static_cast<double>(total) * percent / 100 + 1) + static_cast<double>(largest->size_bytes));
    }
}

// ---- Carrying it out ----

TEST(ScrubRun, GivesTheSameCheckUntilItIsRecorded) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(2))};
    ScrubRun run(plan_scrub(providers, request(), {}), {});
    EXPECT_EQ(run.next("a"), run.next("a"));
    EXPECT_EQ(run.next("a")->version.value, 1);
    run.record("a", ScrubOutcome::good);
    EXPECT_EQ(run.next("a")->version.value, 2);
    EXPECT_FALSE(run.over());
    run.record("a", ScrubOutcome::good);
    EXPECT_EQ(run.next("a"), std::nullopt);
    EXPECT_TRUE(run.over());
    EXPECT_TRUE(run.complete());
    run.record("a", ScrubOutcome::good);  // one too many is not counted
    EXPECT_EQ(run.total().good, 2u);
    EXPECT_EQ(run.next("unknown"), std::nullopt);
}

TEST(ScrubRun, CountsByOutcomeAndMethodForEachProvider) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(5)), provider("ftp", replicas_to(2), false)};
    ScrubRun run(plan_scrub(providers, request(ScrubDownload::smallest, 50), {}), {});
    // ftp holds less: 1 look and 1 download there.
    for (const ScrubOutcome outcome : {ScrubOutcome::good, ScrubOutcome::damaged, ScrubOutcome::missing, ScrubOutcome::gone, ScrubOutcome::good})
        run.record("a", outcome);
    run.record("ftp", ScrubOutcome::good);
    run.record("ftp", ScrubOutcome::damaged);
    ScrubCounters a;
    a.planned = 5;
    a.good = 2;
    a.damaged = a.missing = a.gone = 1;
    a.hashes = 5;
    EXPECT_EQ(run.counters("a"), a);
    const ScrubCounters ftp = run.counters("ftp");
    EXPECT_EQ(ftp.looks, 1u);
    EXPECT_EQ(ftp.downloads, 1u);
    EXPECT_EQ(ftp.downloaded_bytes, 100u);
    EXPECT_EQ(run.total().done(), 7u);
    EXPECT_EQ(run.total().damaged, 2u);
}

TEST(ScrubRun, GivesNothingWhilePausedAndTakesWhatWasUnderWay) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(2))};
    ScrubRun run(plan_scrub(providers, request(), {}), {});
    run.pause();
    EXPECT_TRUE(run.paused());
    EXPECT_EQ(run.next("a"), std::nullopt);
    EXPECT_FALSE(run.over());
    run.record("a", ScrubOutcome::good);
    run.resume();
    EXPECT_EQ(run.next("a")->version.value, 2);
}

TEST(ScrubRun, IsOverButNotCompleteWhenStopped) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(2))};
    ScrubRun run(plan_scrub(providers, request(), {}), {});
    run.record("a", ScrubOutcome::good);
    run.stop();
    EXPECT_EQ(run.next("a"), std::nullopt);
    EXPECT_TRUE(run.over());
    EXPECT_FALSE(run.complete());
    EXPECT_EQ(run.cursor().started, kNow);
}

TEST(ScrubRun, LeavesAProviderAloneThatCanNotAnswerAndGoesOnAtTheOthers) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(3)), provider("b", replicas_to(3))};
    ScrubRun run(plan_scrub(providers, request(), {}), {});
    run.record("a", ScrubOutcome::good);
    run.record("a", ScrubOutcome::put_off);
    EXPECT_EQ(run.next("a"), std::nullopt);
    EXPECT_EQ(run.counters("a").put_off, 2u);
    carry_out(run, providers);
    EXPECT_TRUE(run.over());
    EXPECT_FALSE(run.complete());
    EXPECT_EQ(run.counters("b").good, 3u);
}

// ---- Going on ----

TEST(ScrubCursor, AnInterruptedRunGoesOnWithWhatIsLeft) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(20)), provider("ftp", replicas_to(20), false)};
    const auto wanted = request(ScrubDownload::all, 20);
    ScrubCursor cursor;
    std::map<std::string, std::multiset<std::int64_t>> checked;
    std::uint64_t downloaded = 0;
    int rounds = 0;
    for (bool complete = false; !complete; ++rounds) {
        ASSERT_LT(rounds, 20);
        ScrubRequest now = wanted;
        now.now += std::chrono::hours(rounds);
        ScrubRun run(plan_scrub(providers, now, cursor), cursor);
        EXPECT_EQ(run.plan().resumed, rounds > 0);
        EXPECT_EQ(run.plan().started, kNow);
        EXPECT_EQ(run.plan().queues[0].done_before, static_cast<std::uint64_t>(rounds * 3));
        for (const ScrubQueue& queue : run.plan().queues)
            for (std::size_t i = 0; i < 3 && i < queue.checks.size(); ++i) checked[queue.provider].insert(queue.checks[i].version.value);
        carry_out(run, providers, 3);
        downloaded += run.total().downloaded_bytes;
        complete = run.complete();
        if (!complete) run.stop();
        // As it is stored and read again.
        const auto text = parse_json(run.cursor().to_json().dump());
        ASSERT_THAT(text, IsOk());
        cursor = ScrubCursor::from_json(*text);
        EXPECT_EQ(cursor, run.cursor());
    }
    EXPECT_EQ(rounds, 7);
    for (const auto& [name, versions_there] : checked) {
        EXPECT_THAT(versions_there, SizeIs(20)) << name << ": once each";
        EXPECT_THAT(std::set<std::int64_t>(versions_there.begin(), versions_there.end()), SizeIs(20)) << name;
    }
    EXPECT_EQ(downloaded, 2u * 400u);
}

TEST(ScrubCursor, ASkippedProviderIsMadeUpForWithoutDoingTheOthersAgain) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(3)), provider("b", replicas_to(3))};
    providers[1].unavailable = "offline";
    ScrubRun run(plan_scrub(providers, request(), {}), {});
    carry_out(run, providers);
    EXPECT_TRUE(run.over());
    EXPECT_FALSE(run.complete());

    providers[1].unavailable.clear();
    ScrubRequest later = request();
    later.now += 1h;
    const auto plan = plan_scrub(providers, later, run.cursor());
    EXPECT_TRUE(plan.resumed);
    EXPECT_THAT(plan.queues[0].checks, IsEmpty());
    EXPECT_THAT(plan.queues[1].checks, SizeIs(3));
}

TEST(ScrubCursor, AnOldOrImpossibleBeginningIsBegunAnew) {
    std::vector<ScrubProvider> providers{provider("a", replicas_to(3))};
    ScrubCursor cursor;
    cursor.places["a"] = {VersionId{2}, VersionId{2}, 200, 0};
    cursor.started = kNow - std::chrono::days(8);
    EXPECT_FALSE(plan_scrub(providers, request(), cursor).resumed);
    cursor.started = kNow + 1h;
    const auto plan = plan_scrub(providers, request(), cursor);
    EXPECT_FALSE(plan.resumed);
    EXPECT_EQ(plan.started, kNow);
    EXPECT_THAT(plan.queues[0].checks, SizeIs(3));
    ScrubRun run(plan, cursor);
    EXPECT_EQ(run.cursor().places.at("a"), (ScrubCursor::Place{VersionId{}, VersionId{2}, 0, 0}));
}

TEST(ScrubCursor, WhatDoesNotFitIsLeftOut) {
    for (const char* text : {"null", "[]", "{}", "{\"version\":2,\"started_ms\":5}", "{\"version\":1,\"started_ms\":\"x\",\"providers\":[1]}"}) {
        const auto json = parse_json(text);
        ASSERT_THAT(json, IsOk());
        EXPECT_EQ(ScrubCursor::from_json(*json), ScrubCursor{}) << text;
    }
    const auto json = parse_json("{\"version\":1,\"providers\":{\"a\":{\"looked\":-5,\"downloaded\":7,\"owed_bytes\":-1}}}");
    ASSERT_THAT(json, IsOk());
    EXPECT_EQ(ScrubCursor::from_json(*json).places.at("a"), (ScrubCursor::Place{VersionId{}, VersionId{7}, 0, 0}));
}

}  // namespace
}  // namespace oracxfs::test
