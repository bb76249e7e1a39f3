// One provider's work: uploads whose content cannot be had, copies that turn out bad, providers that are full.

#include "fs/lane.h"

#include <filesystem>
#include <fstream>
#include <future>

#include "tests/support/lossy_disk.h"
#include "tests/support/patience.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

constexpr std::uint64_t kSmall = 4'096;

MemoryOptions batching() {
    MemoryOptions options;
    options.batch_max = 8;
    options.small_bytes = kSmall;
    return options;
}
MemoryOptions unverifying() {
    MemoryOptions options;
    options.verifies_in_put = false;
    return options;
}

void truncate_file(const std::string& path, std::uint64_t size) { std::filesystem::resize_file(path, size); }

// Changes content, not the trailer behind it.
void damage_file(const std::string& path, std::streamoff offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const char old = static_cast<char>(file.get());
    file.seekp(offset);
    file.put(static_cast<char>(old ^ 1));
    ASSERT_TRUE(file.good()) << path;
}

struct LaneTest : ReplicationTest {
    using ReplicationTest::ReplicationTest;

    void expect_healthy(std::size_t i) {
        EXPECT_FALSE(status(i).health.down);
        EXPECT_EQ(status(i).row.state, ProviderState::active);
        EXPECT_EQ(status(i).row.write_errors, 0u);
        EXPECT_EQ(status(i).row.checksum_errors, 0u) << "the provider's copy was not the bad one";
    }
    // Makes p1 hold a verified copy while p0 was away.
    VersionId only_at_second(const Bytes& content) {
        providers[0]->down = true;
        drive(0);
        const VersionId version = commit("a", content);
        drive(1);
        EXPECT_EQ(state(version, 1), ReplicaState::verified);
        EXPECT_NE(state(version, 0), ReplicaState::verified);
        return version;
    }
    void first_is_back() {
        providers[0]->down = false;
        replicator->probe_now(ids[0]);
    }
};

TEST_F(LaneTest, UploadsAndSettles) {
    const Bytes content = random_content(300'000, 1);
    const VersionId version = commit("a", content);
    drive_all();
    for (const std::size_t i : {0u, 1u}) {
        EXPECT_EQ(state(version, i), ReplicaState::verified);
        EXPECT_FALSE(row(version, i).due);
        EXPECT_EQ(providers[i]->memory().content("a"), content);
        EXPECT_EQ(providers[i]->puts, 1);
    }
}

// --- content that cannot be read -----------------------------------------------------------------------------------------

TEST_F(LaneTest, ATruncatedLocalCopyIsAnErrorOfTheFile) {
    const VersionId version = commit("a", random_content(300'000, 2));
    truncate_file(staged_path(version), 100'000);
    drive(0);
    const ReplicaRow seen = row(version, 0);
    EXPECT_NE(seen.state, ReplicaState::verified);
    EXPECT_NE(seen.error_code, "");
    EXPECT_NE(seen.error_text, "");
    EXPECT_EQ(seen.attempts, 1u);
    ASSERT_TRUE(seen.due);
    EXPECT_GT(*seen.due, clock.wall()) << "retried later, not at once";
    EXPECT_FALSE(status(0).health.down);
    EXPECT_EQ(status(0).row.state, ProviderState::active);
    EXPECT_EQ(status(0).row.write_errors, 0u);
    EXPECT_GE(events("content"), 1u);
    EXPECT_TRUE(providers[0]->memory().files().empty());
    EXPECT_TRUE(is_staged(version)) << "what is left of it may be all there is";
    // Other files are not held up.
    const VersionId good = commit("b", random_content(10, 3));
    drive(0);
    EXPECT_EQ(state(good, 0), ReplicaState::verified);
}

TEST_F(LaneTest, CloseIsToldWhenTheContentCannotBeHad) {
    const VersionId version = commit("a", random_content(300'000, 4));
    truncate_file(staged_path(version), 1'000);
    const auto told = std::make_shared<std::promise<Status>>();
    auto answer = told->get_future();
    replicator->when_acked(version, AckPolicy{}, {}, [told](Status status) { told->set_value(std::move(status)); });
    drive_for(Millis(120'000));
    for (const std::size_t i : {0u, 1u}) {
        EXPECT_EQ(state(version, i), ReplicaState::failed);
        EXPECT_TRUE(row(version, i).due) << "never given up";
        EXPECT_LE(providers[i]->puts, 10);
        expect_healthy(i);
    }
    ASSERT_EQ(answer.wait_for(patient(std::chrono::seconds(60))), std::future_status::ready);
    EXPECT_THAT(answer.get(), HasCode(Errc::partial));
}

struct LossyDiskOwner {
    LossyDisk disk;  // lives longer than what uses it
};
struct LaneDiskTest : LossyDiskOwner, LaneTest {
    LaneDiskTest() : LaneTest(std::vector<MemoryOptions>(1), {}, &disk) {}
};

TEST_F(LaneDiskTest, AReadErrorAtAnyMomentIsNotTheProvidersFault) {
    int failed = 0;
    for (std::uint64_t n = 1; n <= 12; ++n) {
        SCOPED_TRACE("read " + std::to_string(n) + " fails");
        const Bytes content = random_content(300'000, n);
        const VersionId version = commit("a" + std::to_string(n), content);
        disk.fail_nth(n, Errc::local_io, DiskOp::read);
        drive(0);
        disk.fail_nth(0, Errc::local_io);
        if (state(version, 0) != ReplicaState::verified) {
            failed += 1;
            EXPECT_EQ(row(version, 0).error_code, info(Errc::local_io).e_code);
            ASSERT_TRUE(row(version, 0).due);
        }
        expect_healthy(0);
        drive_for(Millis(5'000));
        EXPECT_EQ(state(version, 0), ReplicaState::verified);
        EXPECT_EQ(row(version, 0).error_code, "");
        EXPECT_EQ(providers[0]->memory().content("a" + std::to_string(n)), content);
        EXPECT_EQ(providers[0]->memory().leftover_count(), 0u);
    }
    EXPECT_GE(failed, 2) << "the failures did not hit the upload";
}

struct LaneBatchTest : LaneTest {
    LaneBatchTest() : LaneTest({batching(), batching()}) {}
};

TEST_F(LaneBatchTest, OneUnreadableFileDoesNotSpoilTheBatch) {
    std::vector<VersionId> versions;
    for (int i = 0; i < 6; ++i) versions.push_back(commit("f" + std::to_string(i), random_content(1'000, static_cast<std::uint64_t>(i))));
    truncate_file(staged_path(versions[2]), 10);
    damage_file(staged_path(versions[4]), 10);
    drive(0);
    for (std::size_t i = 0; i < versions.size(); ++i) {
        const bool bad = i == 2 || i == 4;
        EXPECT_EQ(state(versions[i], 0) == ReplicaState::verified, !bad) << i;
        EXPECT_EQ(row(versions[i], 0).error_code.empty(), !bad) << i;
        EXPECT_EQ(row(versions[i], 0).due.has_value(), bad) << i;
    }
    expect_healthy(0);
    EXPECT_EQ(providers[0]->memory().files().size(), 4u) << "damaged bytes were published";
}

// --- damaged local copies --------------------------------------------------------------------------------------------------

TEST_F(LaneTest, DamagedLocalBytesAreHealedFromAnotherProvider) {
    const Bytes content = random_content(300'000, 5);
    const VersionId version = only_at_second(content);
    damage_file(staged_path(version), 70'000);
    first_is_back();
    drive_for(Millis(10'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
    EXPECT_FALSE(is_staged(version)) << "the bad copy would be used again";
    EXPECT_GE(events("staging"), 1u);
    EXPECT_EQ(status(0).row.checksum_errors, 0u);
}

TEST_F(LaneTest, ALostLocalCopyIsHealedFromAnotherProvider) {
    const Bytes content = random_content(300'000, 6);
    const VersionId version = only_at_second(content);
    std::filesystem::remove(staged_path(version));
    first_is_back();
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
}

struct LaneUnverifyingTest : LaneTest {
    LaneUnverifyingTest() : LaneTest({unverifying(), MemoryOptions{}}) {}
};

TEST_F(LaneUnverifyingTest, DamagedLocalBytesAreFoundAlsoWhenThePutDoesNotCheck) {
    const Bytes content = random_content(300'000, 7);
    const VersionId version = only_at_second(content);
    damage_file(staged_path(version), 70'000);
    first_is_back();
    drive_for(Millis(10'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
    EXPECT_LE(providers[0]->puts, 4) << "the same bad bytes were sent again and again";
    EXPECT_FALSE(is_staged(version));
}

TEST_F(LaneUnverifyingTest, BadBytesAreNotSentAgainWhenThereAreNoOthers) {
    const VersionId version = commit("a", random_content(300'000, 8));
    damage_file(staged_path(version), 70'000);
    drive_for(Millis(600'000), Millis(5'000));
    EXPECT_LE(providers[0]->puts, 2);
    EXPECT_LE(providers[1]->puts, 20);
    EXPECT_NE(state(version, 0), ReplicaState::verified);
    EXPECT_NE(state(version, 1), ReplicaState::verified);
    EXPECT_TRUE(is_staged(version));
    EXPECT_FALSE(status(0).health.down);
    EXPECT_TRUE(row(version, 0).due);
}

TEST_F(LaneUnverifyingTest, AProviderThatSpoilsEverythingIsNotStormed) {
    providers[0]->on_verify = [](const OpContext&, const RemoteObject&, const ContentDigests&) -> Status { return fail(Errc::corrupt, "verify"); };
    const VersionId version = commit("a", random_content(300'000, 9));
    drive_for(Millis(3'600'000), Millis(10'000));
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    EXPECT_EQ(state(version, 1), ReplicaState::verified);
    EXPECT_LE(providers[0]->puts, 20) << "in one hour";
    EXPECT_GE(providers[0]->puts, 3) << "it is tried again";
    EXPECT_GE(status(0).row.checksum_errors, 3u);
}

// --- bad copies at the provider ------------------------------------------------------------------------------------------

TEST_F(LaneTest, ADamagedReplicaIsRewrittenInPlace) {
    const Bytes content = random_content(300'000, 10);
    const VersionId version = commit("a", content);
    drive_all();
    ASSERT_TRUE(providers[0]->memory().damage("a", 5));
    replicator->report_read_failure(version, ids[0], Error(Errc::corrupt, "read"));
    EXPECT_EQ(state(version, 0), ReplicaState::damaged);
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
    EXPECT_EQ(status(0).row.read_errors, 1u);
    EXPECT_EQ(events("healed"), 1u);
    EXPECT_EQ(state(version, 1), ReplicaState::verified);
}

TEST_F(LaneTest, AVanishedReplicaIsPutBack) {
    const Bytes content = random_content(300'000, 11);
    const VersionId version = commit("a", content);
    drive_all();
    ASSERT_TRUE(providers[0]->memory().remove_behind("a"));
    replicator->report_read_failure(version, ids[0], Error(Errc::not_found, "read"));
    EXPECT_EQ(state(version, 0), ReplicaState::missing);
    drive(0);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
    EXPECT_EQ(events("healed"), 1u);
}

TEST_F(LaneTest, AFileChangedOutsideIsNotCalledVerifiedWhileTheCheckHasNoAnswer) {
    const Bytes content = random_content(300'000, 12);
    const VersionId version = commit("a", content);
    drive_all();
    providers[0]->memory().add_behind("a", random_content(300'000, 13));
    bool answers = false;
    providers[0]->on_verify = [&](const OpContext& ctx, const RemoteObject& object, const ContentDigests& digests) -> Status {
        if (!answers) return fail(Errc::unavailable, "verify", "the line broke");
        return providers[0]->inner().verify(ctx, object, digests);
    };
    clock.advance(Millis(60'000));  // time for a listing
    drive(0);
    EXPECT_GE(providers[0]->verifies, 1);
    EXPECT_NE(state(version, 0), ReplicaState::verified);
    answers = true;
    replicator->probe_now(ids[0]);
    drive_for(Millis(5'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(providers[0]->memory().content("a"), content);
    EXPECT_GE(providers[0]->memory().trash_count(), 1u) << "the strange bytes are kept";
}

// --- the provider as a whole -----------------------------------------------------------------------------------------------

TEST_F(LaneTest, OutagesAreNotTheFilesFault) {
    const VersionId version = commit("a", random_content(10, 14));
    drive(1);
    // Up when probed, down when used: a nasty half-failure.
    for (int i = 0; i < 4; ++i) {
        ASSERT_THAT(replicator->run_one(ids[0], {}), IsOk());
        providers[0]->down = true;
        ASSERT_THAT(replicator->run_one(ids[0], {}), IsOk());
        providers[0]->down = false;
        EXPECT_LE(row(version, 0).attempts, 1u);
    }
    drive_for(Millis(20'000));
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
}

TEST_F(LaneTest, DownAndBack) {
    const Bytes content = random_content(300'000, 15);
    const VersionId version = only_at_second(content);
    EXPECT_TRUE(status(0).health.down);
    EXPECT_EQ(status(0).row.state, ProviderState::offline);
    EXPECT_EQ(row(version, 0).attempts, 0u);
    first_is_back();
    drive(0);
    EXPECT_FALSE(status(0).health.down);
    EXPECT_EQ(state(version, 0), ReplicaState::verified);
}

class LaneFullTest : public LaneTest, public testing::WithParamInterface<int> {
  protected:
    LaneFullTest() : LaneTest({batching(), batching()}) {}
};

// drive() fails on a busy loop.
TEST_P(LaneFullTest, AFullProviderRestsAndRemovesAndGoesOnWhenThereIsRoom) {
    const VersionId old = commit("old", random_content(1'000, 16));
    drive_all();
    providers[0]->memory().set_quota(1'500);
    std::vector<VersionId> versions;
    for (int i = 0; i < GetParam(); ++i) versions.push_back(commit("f" + std::to_string(i), random_content(1'000, 20 + static_cast<std::uint64_t>(i))));
    drive_all();
    EXPECT_EQ(status(0).row.state, ProviderState::full);
    EXPECT_TRUE(status(0).health.down) << "close() must not wait for it";
    for (const VersionId version : versions) {
        EXPECT_NE(state(version, 0), ReplicaState::verified);
        EXPECT_NE(state(version, 0), ReplicaState::failed);
        EXPECT_EQ(state(version, 1), ReplicaState::verified);
    }
    const int puts = providers[0]->puts;
    clock.advance(Millis(30'000));
    drive(0);
    EXPECT_EQ(providers[0]->puts, puts) << "full is not retried blindly";

    // What is removed still goes, and that makes room.
    ASSERT_THAT(catalog->remove_node((*catalog->find("old"))->id), IsOk());
    clock.advance(Millis(61'000));
    for (int i = 0; i < 3; ++i) drive(0);
    EXPECT_FALSE(providers[0]->memory().content("old"));
    providers[0]->memory().set_quota(1u << 20);
    drive_for(Millis(130'000), Millis(10'000));
    EXPECT_EQ(status(0).row.state, ProviderState::active);
    for (const VersionId version : versions) EXPECT_EQ(state(version, 0), ReplicaState::verified);
    EXPECT_EQ(catalog->replicas(old).value_or(std::vector<ReplicaRow>{}).size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Files, LaneFullTest, testing::Values(1, 2, 7, 40));

}  // namespace
}  // namespace oracxfs::test
