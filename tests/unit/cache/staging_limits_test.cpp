// What happens when there is no room.

#include <gtest/gtest.h>

#include "base/disk.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/cache/staging_fixture.h"

namespace oracxfs::test {
namespace {

// The real disk, but the test says how much of it is free, and when it is really full.
class TightDisk final : public Disk {
  public:
    Result<std::unique_ptr<DiskFile>> open(const std::string& path, OpenMode mode) override { return disk_.open(path, mode); }
    Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
    Status remove(const std::string& path) override { return disk_.remove(path); }
    Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
    Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
    Result<std::vector<DiskEntry>> list(const std::string& path) override { return disk_.list(path); }
    Result<DiskSpace> space(const std::string&) override {
        ++looks;
        if (space_fails) return fail(Errc::local_io, "space");
        return DiskSpace{.total_bytes = 100 * kMiB, .free_bytes = free_bytes};
    }
    Status copy(DiskFile& from, DiskFile& to, std::uint64_t size) override { return disk_.copy(from, to, size); }

    std::uint64_t free_bytes = 1000 * kMiB;
    bool space_fails = false;
    int looks = 0;

  private:
    SystemDisk disk_;
};

class StagingLimitsTest : public ::testing::Test {
  protected:
    void open(std::uint64_t max_bytes, std::uint64_t reserve_bytes = 0) {
        StagingOptions options;
        options.directory = dir_ / "staging";
        options.max_bytes = max_bytes;
        options.reserve_bytes = reserve_bytes;
        options.leaf_key = kStagingLeafKey;
        options.make_room = [this](std::uint64_t bytes) {
            asked_.push_back(bytes);
            if (on_ask_) on_ask_();
        };
        auto staging = Staging::open(disk_, clock_, options);
        ASSERT_THAT(staging, IsOk());
        staging_ = std::move(*staging);
    }
    std::unique_ptr<StagedWriter> begin(std::int64_t version) {
        auto writer = staging_->begin(VersionId{version});
        EXPECT_THAT(writer, IsOk());
        return writer ? std::move(*writer) : nullptr;
    }
    void store(std::int64_t version, std::size_t size) {
        auto writer = begin(version);
        ASSERT_THAT(writer->write_at(0, Bytes(size)), IsOk());
        ASSERT_THAT(writer->seal(meta_of("x")), IsOk());
        writer->publish();
    }

    TempDir dir_;
    TightDisk disk_;
    FakeClock clock_;
    std::vector<std::uint64_t> asked_;
    std::function<void()> on_ask_;
    std::unique_ptr<Staging> staging_;
};

TEST_F(StagingLimitsTest, AWriteBeyondTheLimitIsRefusedBeforeAnythingIsWritten) {
    open(kMiB);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, Bytes(kMiB - 10)), IsOk());
    EXPECT_THAT(writer->write_at(kMiB - 10, Bytes(11)), HasCode(Errc::local_full));
    EXPECT_TRUE(writer->failed());
    EXPECT_EQ(writer->size(), kMiB - 10);
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_GE(asked_[0], 1u);
}

TEST_F(StagingLimitsTest, TheLimitCountsAllFilesAlsoThoseOfAnEarlierRun) {
    open(kMiB);
    store(1, 600'000);
    open(kMiB);
    EXPECT_EQ(staging_->usage().files, 1u);
    EXPECT_GE(staging_->usage().bytes, 600'000u);
    EXPECT_EQ(staging_->usage().limit_bytes, kMiB);
    auto writer = begin(2);
    EXPECT_THAT(writer->write_at(0, Bytes(600'000)), HasCode(Errc::local_full));
}

TEST_F(StagingLimitsTest, RoomThatIsMadeIsUsed) {
    open(kMiB);
    store(1, 600'000);
    on_ask_ = [&] { EXPECT_THAT(staging_->remove("v0000000000000001"), IsOk()); };
    auto writer = begin(2);
    EXPECT_THAT(writer->write_at(0, Bytes(600'000)), IsOk());
    EXPECT_FALSE(writer->failed());
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_GE(asked_[0], 2 * 600'000 - kMiB);
    EXPECT_EQ(staging_->usage().bytes, 600'000u);
}

// make_room may end up in calls to the very file that waits for room.
TEST_F(StagingLimitsTest, MakingRoomHoldsNoLock) {
    open(kMiB);
    auto writer = begin(1);
    on_ask_ = [&] {
        EXPECT_THAT(writer->write_at(0, Bytes(100)), IsOk());
        EXPECT_EQ(writer->size(), 100u);
        EXPECT_EQ(staging_->usage().bytes, 100u);
    };
    EXPECT_THAT(writer->write_at(0, Bytes(2 * kMiB)), HasCode(Errc::local_full));
}

TEST_F(StagingLimitsTest, TheReserveOfTheDiskIsKeptFree) {
    open(UINT64_MAX, 512 * kMiB);
    disk_.free_bytes = 513 * kMiB;
    auto writer = begin(1);
    EXPECT_THAT(writer->write_at(0, Bytes(kMiB / 2)), IsOk());
    EXPECT_THAT(writer->write_at(kMiB / 2, Bytes(kMiB)), IsOk()) << "the disk was asked again, and 513 MiB are still free";
    disk_.free_bytes = 511 * kMiB;
    EXPECT_THAT(writer->write_at(2 * kMiB, Bytes(kMiB)), HasCode(Errc::local_full));
    ASSERT_EQ(asked_.size(), 1u);
    EXPECT_GE(asked_[0], 2 * kMiB);
}

TEST_F(StagingLimitsTest, OverwritingNeedsNoRoom) {
    open(kMiB, 512 * kMiB);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, Bytes(kMiB)), IsOk());
    disk_.free_bytes = 0;
    EXPECT_THAT(writer->write_at(0, Bytes(kMiB)), IsOk());
    EXPECT_TRUE(asked_.empty());
}

TEST_F(StagingLimitsTest, TheDiskIsAskedOnceASecondOrEvery64MiB) {
    open(UINT64_MAX, kMiB);
    auto writer = begin(1);
    const Bytes piece(kMiB);
    std::uint64_t at = 0;
    const auto write = [&] {
        ASSERT_THAT(writer->write_at(at, piece), IsOk());
        at += piece.size();
    };
    write();
    EXPECT_EQ(disk_.looks, 1);
    for (int i = 0; i < 62; ++i) write();
    EXPECT_EQ(disk_.looks, 1);
    write();
    write();
    EXPECT_EQ(disk_.looks, 2);
    clock_.advance(Millis(1000));
    write();
    EXPECT_EQ(disk_.looks, 3);
}

TEST_F(StagingLimitsTest, NotKnowingTheFreeSpaceIsNoReasonToRefuse) {
    open(UINT64_MAX, 512 * kMiB);
    disk_.space_fails = true;
    EXPECT_THAT(begin(1)->write_at(0, Bytes(100)), IsOk());
}

TEST_F(StagingLimitsTest, HolesTakeNoRoomButFillingThemDoes) {
    open(kMiB);
    auto writer = begin(1);
    ASSERT_THAT(writer->truncate(100 * kMiB), IsOk());
    EXPECT_EQ(staging_->usage().bytes, 0u);
    ASSERT_THAT(writer->write_at(50 * kMiB, Bytes(600'000, std::byte{1})), IsOk());
    // The same bytes again and again need no more room.
    for (int i = 0; i < 5; ++i) ASSERT_THAT(writer->write_at(50 * kMiB, Bytes(600'000, std::byte{2})), IsOk());
    EXPECT_THAT(writer->write_at(10 * kMiB, Bytes(600'000, std::byte{1})), HasCode(Errc::local_full));
}

TEST_F(StagingLimitsTest, TruncatingGivesRoomBack) {
    open(kMiB);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, Bytes(kMiB)), IsOk());
    ASSERT_THAT(writer->truncate(1000), IsOk());
    EXPECT_EQ(staging_->usage().bytes, 1000u);
}

TEST_F(StagingLimitsTest, ACopyTakesRoomToo) {
    open(kMiB);
    store(1, 600'000);
    auto base = staging_->open("v0000000000000001", nullptr);
    ASSERT_THAT(base, IsOk());
    EXPECT_THAT(staging_->begin(VersionId{2}, base->get(), 600'000), HasCode(Errc::local_full));
    EXPECT_EQ(staging_->usage().files, 1u);
    on_ask_ = [&] { EXPECT_THAT(staging_->remove("v0000000000000001"), IsOk()); };
    EXPECT_THAT(staging_->begin(VersionId{2}, base->get(), 600'000), IsOk());
}

}  // namespace
}  // namespace oracxfs::test
