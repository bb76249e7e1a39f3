// What others do at a provider that tells of changes itself: what is concluded from it, what it costs, what is forgotten.

#include <condition_variable>
#include <mutex>
#include <set>

#include "tests/support/patience.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr Millis kPoll{30'000};

MemoryOptions feeding(bool by_id, std::size_t page = 1'000) {
    MemoryOptions options;
    options.change_feed = true;
    options.feed_by_id = by_id;
    options.feed_page = page;
    options.verifies_in_put = true;
    return options;
}

ReplicatorOptions healing_soon() {
    ReplicatorOptions options;
    options.heal_after = Millis(10'000);
    options.delete_grace = Millis(1'000);
    return options;
}

class FeedTest : public ReplicationTest {
  protected:
    explicit FeedTest(const std::vector<MemoryOptions>& options) : ReplicationTest(options, healing_soon()) { listen(); }
    ~FeedTest() override { replicator->stop(); }  // it calls back into what goes away here

    void listen() {
        replicator->set_on_foreign([this](ProviderId, const RemoteObject& object) {
            {
                const std::lock_guard lock(announced_mutex);
                announced.push_back(object.key);
            }
            told.notify_all();
            if (answer) replicator->adoption_ended(ids[0], object.key, *answer);
        });
    }
    void restart() {
        ReplicationTest::restart();
        listen();
    }
    // A poll later.
    void look() {
        clock.advance(kPoll + Millis(1));
        drive_all();
    }
    void forget_counts() {
        for (auto& provider : providers)
            for (std::atomic<int>* counter : {&provider->puts, &provider->stats, &provider->lists, &provider->feeds, &provider->probes, &provider->verifies})
                *counter = 0;
        announced.clear();
    }
    NodeId directory_named(const std::string& name) {
        NodeRow row;
        row.id = catalog->reserve_node().value();
        row.parent = kRootNode;
        row.name = name;
        row.kind = NodeKind::directory;
        EXPECT_THAT(catalog->make_directory(row, ids), IsOk());
        return row.id;
    }
    VersionId commit_in(NodeId parent, const std::string& name, std::uint64_t seed) {
        const VersionId version = commit(name, random_content(1'000, seed));
        EXPECT_THAT(catalog->rename_node(catalog->find(name)->value().id, parent, name, std::nullopt, false, ids), IsOk());
        return version;
    }
    MemoryProvider& cloud() { return providers[0]->memory(); }

    std::mutex announced_mutex;
    std::condition_variable told;
    std::vector<std::string> announced;
    std::optional<bool> answer = true;  // of whoever takes files over
};

std::string feed_name(const testing::TestParamInfo<bool>& by_id) { return by_id.param ? "ById" : "ByKey"; }

// The first provider has a feed; the parameter: does it tell keys or ids?
class LaneFeedTest : public FeedTest, public testing::WithParamInterface<bool> {
  protected:
    LaneFeedTest() : FeedTest({feeding(GetParam()), MemoryOptions{}}) { drive_all(); }
};

INSTANTIATE_TEST_SUITE_P(Feeds, LaneFeedTest, testing::Bool(), feed_name);

TEST_P(LaneFeedTest, OurOwnChangesAreNobodyElses) {
    const VersionId a = commit("a", random_content(1'000, 1));
    const NodeId folder = directory_named("d");
    const VersionId b = commit_in(folder, "b", 2);
    drive_all();
    commit("a", random_content(1'500, 3));
    drive_all();
    ASSERT_THAT(catalog->rename_node(catalog->find("a")->value().id, kRootNode, "a2", std::nullopt, false, ids), IsOk());
    ASSERT_THAT(catalog->rename_node(folder, kRootNode, "e", std::nullopt, false, ids), IsOk());
    drive_all();
    ASSERT_THAT(catalog->remove_node(catalog->find("a2")->value().id), IsOk());
    clock.advance(Millis(5'000));
    drive_all();
    forget_counts();
    look();
    look();
    EXPECT_THAT(announced, IsEmpty());
    EXPECT_EQ(events("missing") + events("changed"), 0u);
    EXPECT_EQ(providers[0]->lists, 0);
    EXPECT_EQ(providers[0]->stats, 0) << "what we did ourselves needs no look";
    EXPECT_GE(providers[0]->feeds, 2);
    EXPECT_EQ(state(b, 0), ReplicaState::verified);
    EXPECT_FALSE(catalog->replica_job(a, ids[0]).value());
}

TEST_P(LaneFeedTest, AFileOfOthersIsAnnouncedAtFirstSight) {
    commit("mine", random_content(10, 1));
    drive_all();
    look();
    forget_counts();
    cloud().add_behind("theirs", random_content(10, 2));
    look();
    EXPECT_THAT(announced, ElementsAre("theirs"));
    EXPECT_EQ(providers[0]->lists, 0);
    EXPECT_EQ(providers[0]->stats, 1) << "only what changed is looked at";
    look();
    EXPECT_THAT(announced, ElementsAre("theirs"));
}

TEST_P(LaneFeedTest, WhatOthersRemovedIsPutBack) {
    const Bytes content = random_content(1'000, 1);
    const VersionId version = commit("a", content);
    commit("b", random_content(1'000, 2));
    drive_all();
    look();
    forget_counts();
    ASSERT_TRUE(cloud().remove_behind("a"));
    look();
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 0);
    EXPECT_EQ(providers[0]->stats, 1);
    drive_for(Millis(20'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(cloud().content("a"), content);
    EXPECT_EQ(state(version, 1), ReplicaState::verified) << "it never spreads";
    look();
    EXPECT_EQ(events("missing"), 1u) << "our own repair is no news";
    EXPECT_THAT(announced, IsEmpty());
}

TEST_P(LaneFeedTest, AFolderThatOthersRemovedIsPutBackWithAllThatWasInIt) {
    const NodeId folder = directory_named("d");
    std::vector<VersionId> versions;
    for (int i = 0; i < 20; ++i) versions.push_back(commit_in(folder, "f" + std::to_string(i), static_cast<std::uint64_t>(i)));
    drive_all();
    look();
    forget_counts();
    ASSERT_TRUE(cloud().remove_behind("d"));
    look();
    EXPECT_EQ(events("missing"), 20u);
    if (!GetParam()) {
        EXPECT_EQ(providers[0]->stats, 1);
        EXPECT_EQ(providers[0]->lists, 0);
    }
    drive_for(Millis(30'000));
    for (const VersionId version : versions) EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(cloud().files().size(), 20u);
    EXPECT_THAT(announced, IsEmpty());
}

TEST_P(LaneFeedTest, WhatOthersChangedGoesAsideAndTheGoodCopyComesBack) {
    const Bytes content = random_content(1'000, 1);
    const VersionId version = commit("a", content);
    drive_all();
    look();
    forget_counts();
    cloud().add_behind("a", random_content(1'000, 2));
    look();
    EXPECT_EQ(events("changed") + events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 0);
    drive_for(Millis(20'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(cloud().content("a"), content);
    EXPECT_EQ(cloud().trash_count(), 1u) << "the strange bytes are kept";
    EXPECT_THAT(announced, IsEmpty());
}

TEST_P(LaneFeedTest, TheSameBytesWrittenAgainByOthersAreFine) {
    const Bytes content = random_content(1'000, 1);
    const VersionId version = commit("a", content);
    drive_all();
    look();
    cloud().add_behind("a", content);
    forget_counts();
    look();
    EXPECT_EQ(events("changed"), 0u);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->puts, 0);
    EXPECT_EQ(row(version, 0).remote_rev, providers[0]->stat({}, "a")->rev);
}

TEST_P(LaneFeedTest, ARenameByOthersIsUndoneAndTheNewNameTakenOver) {
    const Bytes content = random_content(1'000, 1);
    const VersionId version = commit("a", content);
    drive_all();
    look();
    forget_counts();
    ASSERT_TRUE(cloud().rename_behind("a", "b"));
    look();
    EXPECT_THAT(announced, ElementsAre("b"));
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 0);
    drive_for(Millis(20'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_THAT(cloud().files(), UnorderedElementsAre("a", "b"));
}

TEST_P(LaneFeedTest, AFolderRenamedByOthersIsPutBackAndItsFilesAnnounced) {
    const NodeId folder = directory_named("d");
    const VersionId version = commit_in(folder, "f", 1);
    drive_all();
    look();
    forget_counts();
    ASSERT_TRUE(cloud().rename_behind("d", "x"));
    look();
    EXPECT_THAT(announced, testing::Contains("x/f"));
    EXPECT_EQ(events("missing"), 1u);
    drive_for(Millis(30'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_THAT(cloud().files(), UnorderedElementsAre("d/f", "x/f"));
}

TEST_P(LaneFeedTest, AForgottenPositionIsFollowedByOneListing) {
    commit("a", random_content(1'000, 1));
    drive_all();
    look();
    forget_counts();
    cloud().remove_behind("a");
    cloud().add_behind("b", random_content(10, 2));
    cloud().forget_feed();
    look();
    EXPECT_THAT(announced, ElementsAre("b"));
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 1);
    forget_counts();
    cloud().add_behind("c", random_content(10, 3));
    drive_for(Millis(20'000));
    look();
    EXPECT_THAT(announced, ElementsAre("c"));
    EXPECT_EQ(providers[0]->lists, 0);
}

// --- what is kept ------------------------------------------------------------------------------------------------------

TEST_P(LaneFeedTest, AfterARestartOneReadingIsEnough) {
    for (int i = 0; i < 50; ++i) commit("f" + std::to_string(i), random_content(100, static_cast<std::uint64_t>(i)));
    drive_all();
    look();
    drive_for(Millis(1'000));
    forget_counts();
    restart();
    drive_for(Millis(5'000));
    EXPECT_EQ(providers[0]->feeds, 1);
    EXPECT_EQ(providers[0]->lists + providers[0]->stats + providers[0]->probes + providers[0]->puts, 0);
    EXPECT_THAT(announced, IsEmpty());
}

TEST_P(LaneFeedTest, ChangesWhileNobodyWasThereAreFoundAfterARestart) {
    const VersionId version = commit("a", random_content(1'000, 1));
    drive_all();
    look();
    forget_counts();
    cloud().remove_behind("a");
    cloud().add_behind("b", random_content(10, 2));
    restart();
    drive_all();
    EXPECT_THAT(announced, ElementsAre("b"));
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 0);
    drive_for(Millis(20'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
}

TEST_P(LaneFeedTest, NothingIsForgottenBeforeItIsDealtWith) {
    answer = std::nullopt;  // taking over lasts
    cloud().add_behind("b", random_content(10, 2));
    look();
    EXPECT_THAT(announced, ElementsAre("b"));
    look();
    look();
    EXPECT_THAT(announced, ElementsAre("b")) << "whoever takes it over is not hurried";
    restart();
    drive_all();
    EXPECT_THAT(announced, ElementsAre("b", "b")) << "it had not been taken over";
    replicator->adoption_ended(ids[0], "b", true);
    drive_all();
    restart();
    look();
    EXPECT_THAT(announced, ElementsAre("b", "b"));
}

TEST_P(LaneFeedTest, ATakeoverThatFailedIsTriedAgain) {
    answer = false;
    cloud().add_behind("b", random_content(10, 2));
    look();
    EXPECT_THAT(announced, ElementsAre("b"));
    drive_for(Millis(60'000));
    EXPECT_GE(announced.size(), 3u);
    EXPECT_LE(announced.size(), 10u) << "with growing pauses";
    answer = true;
    drive_for(Millis(300'000), Millis(10'000));
    const std::size_t before = announced.size();
    drive_for(Millis(300'000), Millis(10'000));
    EXPECT_EQ(announced.size(), before);
    EXPECT_EQ(providers[0]->lists, 1) << "the first one only";
}

TEST_P(LaneFeedTest, AProviderThatWasDownTellsWhatHappenedMeanwhile) {
    commit("a", random_content(1'000, 1));
    drive_all();
    look();
    forget_counts();
    providers[0]->down = true;
    look();
    EXPECT_TRUE(status(0).health.down);
    cloud().add_behind("b", random_content(10, 2));
    cloud().remove_behind("a");
    providers[0]->down = false;
    replicator->probe_now(ids[0]);
    drive_all();
    EXPECT_THAT(announced, ElementsAre("b"));
    EXPECT_EQ(events("missing"), 1u);
    EXPECT_EQ(providers[0]->lists, 0);
}

class LaneFeedPagesTest : public FeedTest, public testing::WithParamInterface<bool> {
  protected:
    LaneFeedPagesTest() : FeedTest({feeding(GetParam(), 1)}) { drive_all(); }
};

INSTANTIATE_TEST_SUITE_P(Feeds, LaneFeedPagesTest, testing::Bool(), feed_name);

TEST_P(LaneFeedPagesTest, WhatBelongsTogetherMayComeInSeveralPages) {
    const NodeId folder = directory_named("d");
    for (int i = 0; i < 5; ++i) commit_in(folder, "f" + std::to_string(i), static_cast<std::uint64_t>(i));
    commit("a", random_content(1'000, 9));
    drive_all();
    for (int i = 0; i < 5; ++i) {
        commit("a", random_content(1'000, 10 + static_cast<std::uint64_t>(i)));
        drive_all();
        ASSERT_THAT(catalog->rename_node(catalog->find("a")->value().id, kRootNode, "t", std::nullopt, false, ids), IsOk());
        drive_all();
        ASSERT_THAT(catalog->rename_node(catalog->find("t")->value().id, kRootNode, "a", std::nullopt, false, ids), IsOk());
        drive_all();
    }
    cloud().add_behind("theirs", random_content(10, 2));
    look();
    look();
    EXPECT_THAT(announced, ElementsAre("theirs"));
    EXPECT_EQ(events("missing") + events("changed"), 0u);
    EXPECT_GE(providers[0]->feeds, 10);
}

// --- waiting -----------------------------------------------------------------------------------------------------------

class LaneWatchTest : public FeedTest {
  protected:
    LaneWatchTest() : FeedTest({feeding(false)}) {}

    template <class Condition>
    void await(const Condition& condition) {
        std::unique_lock lock(announced_mutex);
        ASSERT_TRUE(told.wait_for(lock, patient(std::chrono::seconds(60)), condition));
    }
    // Until somebody waits for changes at the provider.
    void await_watch() { ASSERT_TRUE(cloud().await_waiting(patient(std::chrono::seconds(60)))); }
};

TEST_F(LaneWatchTest, AChangeIsSeenWithoutAskingInBetween) {
    replicator->start();
    await_watch();
    const int asked = providers[0]->feeds + providers[0]->lists;
    clock.advance(Millis(600'000));
    replicator->nudge();
    cloud().add_behind("theirs", random_content(10, 1));
    await([&] { return !announced.empty(); });
    EXPECT_THAT(announced, ElementsAre("theirs"));
    EXPECT_EQ(providers[0]->feeds + providers[0]->lists, asked + 1);
    await_watch();
    cloud().add_behind("more", random_content(10, 2));
    clock.advance(Millis(2'000));
    replicator->nudge();
    await([&] { return announced.size() == 2; });
}

// As a slow program writes them: whenever one arrives at the provider, all before it have been dealt with.
TEST_F(LaneWatchTest, OurOwnFilesOneAfterTheOtherAreNotReadBackOneByOne) {
    std::condition_variable stored;
    std::mutex mutex;
    replicator->set_on_change([&](VersionId, ProviderId) {
        const std::lock_guard lock(mutex);
        stored.notify_all();
    });
    replicator->start();
    await_watch();
    const int asked = providers[0]->feeds;
    for (std::uint64_t i = 0; i < 12; ++i) {
        const VersionId version = commit("f" + std::to_string(i), random_content(10, i));
        replicator->nudge();
        std::unique_lock lock(mutex);
        ASSERT_TRUE(stored.wait_for(lock, patient(std::chrono::seconds(60)), [&] { return state(version, 0) == ReplicaState::verified; }));
        lock.unlock();
        clock.advance(Millis(1'500));
    }
    EXPECT_LE(providers[0]->feeds - asked, 2) << "in 18 s";
    cloud().add_behind("theirs", random_content(10, 99));
    // The last of our own work may be ending only now: the time of quiet counts from there.
    const auto until = std::chrono::steady_clock::now() + patient(std::chrono::seconds(60));
    for (bool seen = false; !seen;) {
        ASSERT_LT(std::chrono::steady_clock::now(), until);
        clock.advance(Millis(2'000));
        replicator->nudge();
        std::unique_lock lock(announced_mutex);
        seen = told.wait_for(lock, std::chrono::milliseconds(100), [&] { return !announced.empty(); });
    }
    replicator->stop();
}

TEST_F(LaneWatchTest, TheWaitEndsWithTheProgram) {
    replicator->start();
    await_watch();
    replicator->stop();
    EXPECT_FALSE(cloud().await_waiting(std::chrono::seconds(0)));
}

TEST_F(LaneWatchTest, OurOwnWorkIsNoNewsForTheNextStartHoweverMuchItWas) {
    std::condition_variable changed;
    std::mutex mutex;
    replicator->set_on_change([&](VersionId, ProviderId) {
        const std::lock_guard lock(mutex);
        changed.notify_all();
    });
    replicator->start();
    await_watch();
    for (std::uint64_t i = 0; i < 300; ++i) commit("f" + std::to_string(i), random_content(10, i));
    replicator->nudge();
    {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(changed.wait_for(lock, patient(std::chrono::seconds(60)), [&] { return catalog->pending_versions("")->empty(); }));
    }
    clock.set_sleep(FakeClock::Sleep::waits);  // the last look has a limit of time
    replicator->stop();
    const auto position = catalog->feed_position(ids[0]);
    ASSERT_THAT(position, IsOk());
    const auto news = cloud().changes({}, *position);
    ASSERT_THAT(news, IsOk());
    EXPECT_EQ(news->changes.size(), 0u);
}

TEST_F(LaneWatchTest, WhereWaitingFailsItIsAsked) {
    providers[0]->waits_fail = true;
    replicator->start();
    for (int seen = providers[0]->waits; seen < 3; seen = providers[0]->waits) providers[0]->waits.wait(seen);
    cloud().add_behind("theirs", random_content(10, 1));
    clock.advance(kPoll * 2);
    replicator->nudge();
    await([&] { return !announced.empty(); });
    providers[0]->waits_fail = false;
    clock.advance(Millis(600'000));
    await_watch();
}

}  // namespace
}  // namespace oracxfs::test
