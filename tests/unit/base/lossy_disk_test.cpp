#include "tests/support/lossy_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using File = std::unique_ptr<DiskFile>;

class LossyDiskTest : public testing::Test {
  protected:
    LossyDiskTest() {
        EXPECT_THAT(disk_.make_directories("/d"), IsOk());
        disk_.settle();
    }

    File create(const std::string& path) {
        auto file = disk_.open(path, OpenMode::create_new);
        EXPECT_THAT(file, IsOk());
        return std::move(*file);
    }

    std::string content(const std::string& path) {
        auto file = disk_.open(path, OpenMode::read_only);
        if (!file) return std::string(info(file.error().code).name);
        Bytes bytes(*(*file)->size());
        EXPECT_THAT((*file)->read_at(0, bytes), IsOk());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    LossyDisk disk_;
};

TEST_F(LossyDiskTest, PowerCutKeepsSyncedDataUnderASyncedName) {
    const File file = create("/d/a");
    ASSERT_THAT(file->write_at(0, bytes_of("safe")), IsOk());
    ASSERT_THAT(file->sync(), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d"), IsOk());
    ASSERT_THAT(file->write_at(0, bytes_of("lost and longer")), IsOk());
    EXPECT_EQ(content("/d/a"), "lost and longer");
    disk_.power_cut();
    EXPECT_EQ(content("/d/a"), "safe");
}

TEST_F(LossyDiskTest, PowerCutEmptiesAFileWhoseNameAloneWasSynced) {
    ASSERT_THAT(create("/d/a")->write_at(0, bytes_of("x")), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d"), IsOk());
    disk_.power_cut();
    EXPECT_EQ(content("/d/a"), "");
}

TEST_F(LossyDiskTest, PowerCutForgetsANameThatWasNotSynced) {
    const File file = create("/d/a");
    ASSERT_THAT(file->write_at(0, bytes_of("x")), IsOk());
    ASSERT_THAT(file->sync(), IsOk());
    disk_.power_cut();
    EXPECT_EQ(content("/d/a"), "not_found");
}

TEST_F(LossyDiskTest, PowerCutUndoesARenameAndARemovalThatWereNotSynced) {
    create("/d/a");
    create("/d/b");
    disk_.settle();
    ASSERT_THAT(disk_.rename("/d/a", "/d/c"), IsOk());
    ASSERT_THAT(disk_.remove("/d/b"), IsOk());
    disk_.power_cut();
    EXPECT_EQ(content("/d/a"), "");
    EXPECT_EQ(content("/d/b"), "");
    EXPECT_EQ(content("/d/c"), "not_found");
}

TEST_F(LossyDiskTest, NewFolderNeedsItsParentSynced) {
    ASSERT_THAT(disk_.make_directories("/d/e/f"), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d/e"), IsOk());
    disk_.power_cut();
    EXPECT_THAT(disk_.list("/d/e"), HasCode(Errc::not_found));

    ASSERT_THAT(disk_.make_directories("/d/e/f"), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d/e"), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d"), IsOk());
    disk_.power_cut();
    EXPECT_THAT(disk_.list("/d/e/f"), IsOk());
}

TEST_F(LossyDiskTest, HandlesFromBeforeThePowerCutAreDead) {
    const File file = create("/d/a");
    disk_.settle();
    disk_.power_cut();
    EXPECT_THAT(file->write_at(0, bytes_of("x")), HasCode(Errc::local_io));
    EXPECT_THAT(file->sync(), HasCode(Errc::local_io));
    EXPECT_THAT(file->size(), HasCode(Errc::local_io));
    EXPECT_EQ(content("/d/a"), "");
}

TEST_F(LossyDiskTest, SeededPowerCutMixesOldAndNewPagesRepeatably) {
    const Bytes old_bytes(64 * 4096, std::byte{'o'});
    const Bytes new_bytes(64 * 4096, std::byte{'n'});
    const auto after_cut = [&](std::uint64_t seed) {
        EXPECT_THAT(disk_.remove("/d/a"), IsOk());
        const File file = create("/d/a");
        EXPECT_THAT(file->write_at(0, old_bytes), IsOk());
        disk_.settle();
        EXPECT_THAT(file->write_at(0, new_bytes), IsOk());
        disk_.power_cut(seed);
        return content("/d/a");
    };
    const std::string mixed = after_cut(1);
    EXPECT_THAT(mixed, testing::AllOf(testing::HasSubstr("o"), testing::HasSubstr("n")));
    EXPECT_EQ(after_cut(1), mixed);
    EXPECT_NE(after_cut(2), mixed);
}

TEST_F(LossyDiskTest, SeededPowerCutNeverTouchesWhatWasSynced) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        const std::string path = "/d/" + std::to_string(seed);
        const File file = create(path);
        ASSERT_THAT(file->write_at(0, bytes_of("safe")), IsOk());
        ASSERT_THAT(file->sync(), IsOk());
        ASSERT_THAT(disk_.sync_directory("/d"), IsOk());
        create(path + ".unsynced");
        disk_.power_cut(seed);
        EXPECT_EQ(content(path), "safe") << seed;
    }
}

TEST_F(LossyDiskTest, SeededPowerCutKeepsUnsyncedNamesInSomeSeedsOnly) {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        create("/d/new");
        disk_.power_cut(seed);
        outcomes.insert(content("/d/new"));
        EXPECT_THAT(disk_.remove("/d/new"), IsOk());
        disk_.settle();
    }
    EXPECT_THAT(outcomes, testing::UnorderedElementsAre("", "not_found"));
}

TEST_F(LossyDiskTest, FailsTheChosenOperationOnceAndWithoutEffect) {
    const File file = create("/d/a");
    disk_.fail_nth(2, Errc::local_full, DiskOp::write);
    EXPECT_THAT(file->write_at(0, bytes_of("1")), IsOk());
    EXPECT_THAT(file->sync(), IsOk());
    EXPECT_THAT(file->write_at(0, bytes_of("2")), HasCode(Errc::local_full));
    EXPECT_EQ(content("/d/a"), "1");
    EXPECT_THAT(file->write_at(0, bytes_of("3")), IsOk());
}

TEST_F(LossyDiskTest, FailedSyncKeepsFailingOnThatFile) {
    const File file = create("/d/a");
    ASSERT_THAT(file->write_at(0, bytes_of("x")), IsOk());
    ASSERT_THAT(disk_.sync_directory("/d"), IsOk());
    disk_.fail_nth(1, Errc::local_io, DiskOp::sync);
    EXPECT_THAT(file->sync(), HasCode(Errc::local_io));
    EXPECT_THAT(file->sync(), HasCode(Errc::local_io));
    disk_.power_cut();
    EXPECT_EQ(content("/d/a"), "");
}

TEST_F(LossyDiskTest, LosesPowerAtTheChosenOperation) {
    const File file = create("/d/a");
    disk_.settle();
    const std::uint64_t before = disk_.operations();
    disk_.lose_power_at(2);
    EXPECT_THAT(file->write_at(0, bytes_of("x")), IsOk());
    EXPECT_FALSE(disk_.power_lost());
    EXPECT_THAT(file->sync(), HasCode(Errc::local_io));
    EXPECT_TRUE(disk_.power_lost());
    EXPECT_THAT(disk_.open("/d/a", OpenMode::read_only), HasCode(Errc::local_io));
    EXPECT_EQ(disk_.operations() - before, 3u);
    disk_.power_cut();
    EXPECT_FALSE(disk_.power_lost());
    EXPECT_EQ(content("/d/a"), "");
}

TEST_F(LossyDiskTest, FullDiskTakesWhatFitsAndReportsTheRest) {
    disk_.limit_free_bytes(2 * 4096);
    EXPECT_EQ(disk_.space("/d")->free_bytes, 2u * 4096);
    const File file = create("/d/a");
    EXPECT_THAT(file->write_at(0, Bytes(3 * 4096)), HasCode(Errc::local_full));
    EXPECT_EQ(*file->size(), 2u * 4096);
    EXPECT_EQ(disk_.space("/d")->free_bytes, 0u);
    EXPECT_THAT(file->write_at(0, bytes_of("over old pages")), IsOk());
    ASSERT_THAT(file->truncate(4096), IsOk());
    EXPECT_EQ(disk_.space("/d")->free_bytes, 4096u);
    disk_.limit_free_bytes({});
    EXPECT_THAT(file->write_at(0, Bytes(100 * 4096)), IsOk());
}

TEST_F(LossyDiskTest, RemovedFileUsesSpaceUntilItIsClosed) {
    File file = create("/d/a");
    ASSERT_THAT(file->write_at(0, Bytes(4096)), IsOk());
    ASSERT_THAT(disk_.remove("/d/a"), IsOk());
    EXPECT_EQ(disk_.used_bytes(), 4096u);
    file.reset();
    EXPECT_EQ(disk_.used_bytes(), 0u);
}

TEST_F(LossyDiskTest, GrowsWithHolesOfZeros) {
    const File file = create("/d/a");
    ASSERT_THAT(file->write_at(0, bytes_of("abcdef")), IsOk());
    ASSERT_THAT(file->truncate(3), IsOk());
    ASSERT_THAT(file->truncate(6), IsOk());
    EXPECT_EQ(content("/d/a"), std::string("abc\0\0\0", 6));
    ASSERT_THAT(file->truncate(1u << 20), IsOk());
    EXPECT_EQ(*file->allocated_bytes(), 4096u);
}

TEST_F(LossyDiskTest, CopyTakesTheStartAndIsNotDurableByItself) {
    const File from = create("/d/a");
    ASSERT_THAT(from->write_at(0, random_content(10'000, 1)), IsOk());
    const File to = create("/d/b");
    disk_.settle();
    ASSERT_THAT(disk_.copy(*from, *to, 9'000), IsOk());
    EXPECT_EQ(content("/d/b"), content("/d/a").substr(0, 9'000));
    disk_.power_cut();
    EXPECT_EQ(content("/d/b"), "");
}

}  // namespace
}  // namespace oracxfs::test
