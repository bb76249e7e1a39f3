// Power cuts and failing disks at every single disk operation.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "base/crash_point.h"
#include "tests/support/lossy_disk.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cache/staging_fixture.h"

namespace oracxfs::test {
namespace {

const std::string kDirectory = "/state/oracxfs/staging";

Result<std::unique_ptr<Staging>> open_staging(Disk& disk, Clock& clock) {
    StagingOptions options;
    options.directory = kDirectory;
    options.reserve_bytes = 0;
    options.leaf_key = kStagingLeafKey;
    return Staging::open(disk, clock, options);
}

// What a run was told, and what it wrote.
struct History {
    std::map<std::string, Bytes> meant;   // content of each file, whether or not it was sealed
    std::map<std::string, Bytes> sealed;  // seal() said ok, and it was not removed since
};

Status seal(StagedWriter& writer, const Bytes& content, History& history) {
    history.meant[writer.name()] = content;
    ORACX_TRYV(writer.seal(meta_of("path of " + writer.name())));
    history.sealed[writer.name()] = content;
    return {};
}

// A little life: a plain file, one written out of order and cut, an edited copy, an empty one, a dropped one, a removal.
Status live(Disk& disk, Clock& clock, History& history) {
    ORACX_TRY(auto staging, open_staging(disk, clock));
    Bytes content = random_content(150'000, 1);
    ORACX_TRY(auto first, staging->begin(VersionId{1}));
    ORACX_TRYV(first->write_at(0, std::span(content).first(100'000)));
    ORACX_TRYV(first->write_at(100'000, std::span(content).subspan(100'000)));
    ORACX_TRYV(seal(*first, content, history));
    auto base = first->publish();

    ORACX_TRY(auto second, staging->begin(VersionId{2}));
    ORACX_TRYV(second->write_at(70'000, std::span(content).first(70'000)));
    ORACX_TRYV(second->write_at(0, std::span(content).first(70'000)));
    ORACX_TRYV(second->truncate(90'000));
    Bytes other(content.begin(), content.begin() + 70'000);
    other.insert(other.end(), content.begin(), content.begin() + 20'000);
    ORACX_TRYV(seal(*second, other, history));
    second->publish();

    ORACX_TRY(auto third, staging->begin(VersionId{3}, base.get(), 120'000));
    ORACX_TRYV(third->write_at(60'000, Bytes(1000, std::byte{'x'})));
    content.resize(120'000);
    std::fill_n(content.begin() + 60'000, 1000, std::byte{'x'});
    ORACX_TRYV(seal(*third, content, history));
    third->publish();

    ORACX_TRY(auto empty, staging->begin(VersionId{4}));
    ORACX_TRYV(seal(*empty, {}, history));
    empty->publish();

    ORACX_TRY(auto dropped, staging->begin(VersionId{5}));
    history.meant[dropped->name()] = {};
    ORACX_TRYV(dropped->write_at(0, Bytes(5000)));
    dropped.reset();

    history.sealed.erase("v0000000000000001");
    return staging->remove("v0000000000000001");
}

// After a power cut: all that was sealed is there and whole, and nothing else pretends to be.
void expect_recovered(Disk& disk, Clock& clock, const History& history) {
    auto staging = open_staging(disk, clock);
    ASSERT_THAT(staging, IsOk());
    auto found = (*staging)->recover({});
    ASSERT_THAT(found, IsOk());
    auto missing = history.sealed;
    for (const auto& [name, meta] : *found) {
        const auto digests = (*staging)->digest(name);
        if (!history.sealed.contains(name) && !digests) {
            EXPECT_THAT(digests, HasCode(Errc::corrupt)) << name << " may be torn, but then it must be noticed";
            continue;
        }
        ASSERT_THAT(digests, IsOk()) << name;
        const Bytes& content = history.meant.at(name);
        EXPECT_EQ(difference(*digests, content), "") << name;
        EXPECT_EQ(meta.path, "path of " + name);
        auto blob = (*staging)->open(name, std::make_shared<const ContentDigests>(*digests));
        ASSERT_THAT(blob, IsOk()) << name;
        EXPECT_EQ(*read_all(**blob), content);
        missing.erase(name);
    }
    EXPECT_TRUE(missing.empty()) << missing.begin()->first << " was sealed and is gone";
    EXPECT_EQ(disk.list(kDirectory)->size(), found->size()) << "unsealed files are removed";
    EXPECT_EQ((*staging)->usage().files, found->size());
}

std::uint64_t operations_of_a_life() {
    LossyDisk disk;
    FakeClock clock;
    History history;
    EXPECT_THAT(live(disk, clock, history), IsOk());
    EXPECT_EQ(history.sealed.size(), 3u);
    return disk.operations();
}

TEST(StagingCrash, WhatWasSealedSurvivesAPowerCutAtAnyOperation) {
    const std::uint64_t operations = operations_of_a_life();
    ASSERT_GT(operations, 30u);
    std::size_t survived_max = 0;
    for (std::uint64_t n = 1; n <= operations + 1; ++n) {
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
            SCOPED_TRACE("power lost at operation " + std::to_string(n) + ", seed " + std::to_string(seed));
            LossyDisk disk;
            FakeClock clock;
            History history;
            disk.lose_power_at(n);
            EXPECT_EQ(live(disk, clock, history).has_value(), n > operations);
            seed == 0 ? disk.power_cut() : disk.power_cut(seed);
            expect_recovered(disk, clock, history);
            survived_max = std::max(survived_max, history.sealed.size());
        }
    }
    EXPECT_EQ(survived_max, 4u);
}

TEST(StagingCrash, AnyFailingOperationNeverMakesASealLie) {
    const std::uint64_t operations = operations_of_a_life();
    for (const Errc code : {Errc::local_io, Errc::local_full}) {
        for (std::uint64_t n = 1; n <= operations; ++n) {
            SCOPED_TRACE("operation " + std::to_string(n) + " fails with " + std::string(info(code).name));
            LossyDisk disk;
            FakeClock clock;
            History history;
            disk.fail_nth(n, code);
            std::ignore = live(disk, clock, history);
            disk.power_cut();
            expect_recovered(disk, clock, history);
        }
    }
}

// A failed sync may have thrown the bytes away, so a second attempt cannot be believed although it succeeds.
TEST(StagingCrash, AfterAFailedSyncTheFileIsNeverSealed) {
    LossyDisk disk;
    FakeClock clock;
    auto staging = open_staging(disk, clock);
    ASSERT_THAT(staging, IsOk());
    for (const DiskOp op : {DiskOp::sync, DiskOp::sync_directory}) {
        auto writer = (*staging)->begin(VersionId{op == DiskOp::sync ? 1 : 2});
        ASSERT_THAT(writer, IsOk());
        ASSERT_THAT((*writer)->write_at(0, Bytes(1000)), IsOk());
        disk.fail_nth(1, Errc::local_io, op);
        EXPECT_THAT((*writer)->seal(meta_of("x")), HasCode(Errc::local_io));
        EXPECT_TRUE((*writer)->failed());
        EXPECT_THAT((*writer)->seal(meta_of("x")), HasCode(Errc::local_io));
        EXPECT_EQ((*writer)->size(), 1000u);
    }
}

TEST(StagingCrash, ASealThatFoundNoRoomCanBeRepeatedOnceThereIsSome) {
    LossyDisk disk;
    FakeClock clock;
    auto staging = open_staging(disk, clock);
    ASSERT_THAT(staging, IsOk());
    auto writer = (*staging)->begin(VersionId{1});
    ASSERT_THAT(writer, IsOk());
    const Bytes content = random_content(8192, 1);
    ASSERT_THAT((*writer)->write_at(0, content), IsOk());
    disk.limit_free_bytes(0);
    EXPECT_THAT((*writer)->seal(meta_of("x")), HasCode(Errc::local_full));
    EXPECT_TRUE((*writer)->failed());
    disk.limit_free_bytes({});
    auto digests = (*writer)->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
    EXPECT_EQ(*read_all(*(*writer)->publish()), content);
}

// The disk takes the first pages of a write and then no more. They must not turn up when the file grows over them.
TEST(StagingCrash, WhatAFailedWriteLeftBehindIsNotContent) {
    LossyDisk disk;
    FakeClock clock;
    auto staging = open_staging(disk, clock);
    ASSERT_THAT(staging, IsOk());
    auto writer = (*staging)->begin(VersionId{1});
    ASSERT_THAT(writer, IsOk());
    Bytes content = random_content(8192, 1);
    ASSERT_THAT((*writer)->write_at(0, content), IsOk());
    disk.limit_free_bytes(8192);
    EXPECT_THAT((*writer)->write_at(8192, Bytes(20'000, std::byte{'x'})), HasCode(Errc::local_full));
    EXPECT_TRUE((*writer)->failed());
    EXPECT_EQ((*writer)->size(), 8192u);
    disk.limit_free_bytes({});
    ASSERT_THAT((*writer)->truncate(30'000), IsOk());
    content.resize(30'000);
    auto digests = (*writer)->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
    EXPECT_EQ(*read_all(*(*writer)->publish()), content);
}

// The same, and the file is sealed as it is.
TEST(StagingCrash, AFileWithAFailedWriteCanBeSealedAsFarAsItGot) {
    LossyDisk disk;
    FakeClock clock;
    auto staging = open_staging(disk, clock);
    ASSERT_THAT(staging, IsOk());
    auto writer = (*staging)->begin(VersionId{1});
    ASSERT_THAT(writer, IsOk());
    const Bytes content = random_content(5000, 1);
    ASSERT_THAT((*writer)->write_at(0, content), IsOk());
    disk.limit_free_bytes(8192);
    EXPECT_THAT((*writer)->write_at(5000, Bytes(200'000, std::byte{'x'})), HasCode(Errc::local_full));
    disk.limit_free_bytes({});
    ASSERT_THAT((*writer)->seal(meta_of("path of v0000000000000001")), IsOk());
    (*writer)->publish();
    writer->reset();
    staging->reset();
    disk.power_cut();
    History history;
    history.meant["v0000000000000001"] = history.sealed["v0000000000000001"] = content;
    expect_recovered(disk, clock, history);
}

// The process dies inside seal(); the disk is real.
class StagingKilledTest : public ::testing::TestWithParam<const char*> {};

TEST_P(StagingKilledTest, AKilledSealLeavesAWholeFileOrNone) {
    TempDir dir;
    SystemDisk disk;
    SystemClock clock;
    StagingOptions options;
    options.directory = dir / "staging";
    options.reserve_bytes = 0;
    const Bytes content = random_content(200'000, 1);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto staging = Staging::open(disk, clock, options);
        auto unsealed = (*staging)->begin(VersionId{1});
        auto writer = (*staging)->begin(VersionId{2});
        arm_crash_point(GetParam());
        if ((*unsealed)->write_at(0, content) && (*writer)->write_at(0, content))
            std::ignore = (*writer)->seal(meta_of("x"));
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the crash point was not reached";

    auto staging = Staging::open(disk, clock, options);
    ASSERT_THAT(staging, IsOk());
    EXPECT_EQ((*staging)->usage().files, 2u);
    auto found = (*staging)->recover({});
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().first, "v0000000000000002");
    auto digests = (*staging)->digest("v0000000000000002");
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(digests->sha256, sha256_of(content));
    EXPECT_EQ((*staging)->usage().files, 1u);
}

INSTANTIATE_TEST_SUITE_P(AtEachPoint, StagingKilledTest,
                         ::testing::Values("staging.seal.written", "staging.seal.synced"));

}  // namespace
}  // namespace oracxfs::test
