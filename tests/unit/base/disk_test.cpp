#include "base/disk.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/blobs.h"
#include "tests/support/lossy_disk.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

using test::Bytes;
using test::bytes_of;
using test::HasCode;
using test::IsOk;
using test::random_content;
using File = std::unique_ptr<DiskFile>;

// What the header promises, of the real disk and of the one that other tests use in its place.
class DiskContract : public testing::TestWithParam<bool> {
  protected:
    DiskContract() {
        if (GetParam())
            disk_ = std::make_unique<SystemDisk>();
        else
            disk_ = std::make_unique<test::LossyDisk>();
        EXPECT_THAT(disk_->make_directories(root_), IsOk());
    }

    std::string path(const std::string& name) { return root_ + "/" + name; }

    File create(const std::string& name, const Bytes& content = {}) {
        auto file = disk_->open(path(name), OpenMode::create_new);
        EXPECT_THAT(file, IsOk());
        EXPECT_THAT((*file)->write_at(0, content), IsOk());
        return std::move(*file);
    }

    static Bytes content(DiskFile& file) {
        Bytes bytes(file.size().value());
        EXPECT_EQ(file.read_at(0, bytes).value(), bytes.size());
        return bytes;
    }

    test::TempDir folder_;
    const std::string root_ = folder_ / "root";
    std::unique_ptr<Disk> disk_;
};

INSTANTIATE_TEST_SUITE_P(Disks, DiskContract, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "System" : "Lossy"; });

TEST_P(DiskContract, ReadsBackWhatWasWrittenAnywhere) {
    const File file = create("a");
    const Bytes data = random_content(100'000, 1);
    ASSERT_THAT(file->write_at(5'000, data), IsOk());
    EXPECT_EQ(*file->size(), 105'000u);
    Bytes back(100'000);
    EXPECT_EQ(*file->read_at(5'000, back), back.size());
    EXPECT_EQ(back, data);
    Bytes start(5'000, std::byte{1});
    EXPECT_EQ(*file->read_at(0, start), start.size());
    EXPECT_EQ(start, Bytes(5'000));
}

TEST_P(DiskContract, ReadsShortAtTheEndAndZeroBehindIt) {
    const File file = create("a", bytes_of("12345"));
    Bytes into(10);
    EXPECT_EQ(*file->read_at(3, into), 2u);
    EXPECT_EQ(*file->read_at(5, into), 0u);
    EXPECT_EQ(*file->read_at(500, into), 0u);
}

TEST_P(DiskContract, TruncateCutsAndGrows) {
    const File file = create("a", bytes_of("12345"));
    ASSERT_THAT(file->truncate(2), IsOk());
    ASSERT_THAT(file->truncate(4), IsOk());
    EXPECT_EQ(content(*file), (Bytes{std::byte{'1'}, std::byte{'2'}, std::byte{0}, std::byte{0}}));
}

TEST_P(DiskContract, SparseFileAllocatesLittle) {
    const File file = create("a", bytes_of("x"));
    ASSERT_THAT(file->truncate(100u << 20), IsOk());
    EXPECT_LT(*file->allocated_bytes(), 1u << 20);
}

TEST_P(DiskContract, CreateNewRefusesAnExistingFile) {
    create("a");
    EXPECT_THAT(disk_->open(path("a"), OpenMode::create_new), HasCode(Errc::exists));
}

TEST_P(DiskContract, OpenNeverCreatesWithoutBeingAsked) {
    EXPECT_THAT(disk_->open(path("a"), OpenMode::read_only), HasCode(Errc::not_found));
    EXPECT_THAT(disk_->open(path("a"), OpenMode::read_write), HasCode(Errc::not_found));
    EXPECT_TRUE(disk_->list(root_)->empty());
}

TEST_P(DiskContract, ReadOnlyFileRefusesWrites) {
    create("a", bytes_of("1"));
    const File file = disk_->open(path("a"), OpenMode::read_only).value();
    EXPECT_FALSE(file->write_at(0, bytes_of("2")).has_value());
    EXPECT_EQ(content(*file), bytes_of("1"));
}

TEST_P(DiskContract, RenameReplacesTheTarget) {
    create("a", bytes_of("new"));
    create("b", bytes_of("old"));
    ASSERT_THAT(disk_->rename(path("a"), path("b")), IsOk());
    EXPECT_EQ(content(*disk_->open(path("b"), OpenMode::read_only).value()), bytes_of("new"));
    EXPECT_THAT(disk_->open(path("a"), OpenMode::read_only), HasCode(Errc::not_found));
    EXPECT_THAT(disk_->rename(path("a"), path("b")), HasCode(Errc::not_found));
}

TEST_P(DiskContract, RemoveOfWhatIsAbsentSucceeds) {
    create("a");
    EXPECT_THAT(disk_->remove(path("a")), IsOk());
    EXPECT_THAT(disk_->remove(path("a")), IsOk());
    EXPECT_THAT(disk_->remove(path("no/such/folder")), IsOk());
    EXPECT_TRUE(disk_->list(root_)->empty());
}

TEST_P(DiskContract, RemovesOnlyEmptyFolders) {
    ASSERT_THAT(disk_->make_directories(path("d/e")), IsOk());
    EXPECT_THAT(disk_->remove(path("d")), HasCode(Errc::not_empty));
    EXPECT_THAT(disk_->remove(path("d/e")), IsOk());
    EXPECT_THAT(disk_->remove(path("d")), IsOk());
}

TEST_P(DiskContract, OpenFileOutlivesItsName) {
    const File file = create("a", bytes_of("still here"));
    ASSERT_THAT(disk_->remove(path("a")), IsOk());
    EXPECT_EQ(content(*file), bytes_of("still here"));
}

TEST_P(DiskContract, MakeDirectoriesAcceptsWhatIsThereAndRefusesAFile) {
    EXPECT_THAT(disk_->make_directories(path("d/e/f")), IsOk());
    EXPECT_THAT(disk_->make_directories(path("d/e/f")), IsOk());
    EXPECT_THAT(disk_->make_directories(path("d/g/")), IsOk());
    create("file");
    EXPECT_THAT(disk_->make_directories(path("file")), HasCode(Errc::not_directory));
    EXPECT_THAT(disk_->make_directories(path("file/x")), HasCode(Errc::not_directory));
}

TEST_P(DiskContract, ListsNamesKindsAndSizes) {
    create("a", bytes_of("123"));
    ASSERT_THAT(disk_->make_directories(path("d")), IsOk());
    auto entries = disk_->list(root_).value();
    std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) { return x.name < y.name; });
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].name, "a");
    EXPECT_FALSE(entries[0].is_directory);
    EXPECT_EQ(entries[0].size, 3u);
    EXPECT_EQ(entries[1].name, "d");
    EXPECT_TRUE(entries[1].is_directory);
    EXPECT_THAT(disk_->list(path("none")), HasCode(Errc::not_found));
    EXPECT_THAT(disk_->list(path("a")), HasCode(Errc::not_directory));
}

TEST_P(DiskContract, SyncsFilesAndFolders) {
    EXPECT_THAT(create("a", bytes_of("x"))->sync(), IsOk());
    EXPECT_THAT(disk_->sync_directory(root_), IsOk());
    EXPECT_THAT(disk_->sync_directory(path("none")), HasCode(Errc::not_found));
}

TEST_P(DiskContract, SpaceIsPlausible) {
    const DiskSpace space = disk_->space(root_).value();
    EXPECT_GT(space.total_bytes, 0u);
    EXPECT_LE(space.free_bytes, space.total_bytes);
    EXPECT_THAT(disk_->space(path("none")), HasCode(Errc::not_found));
}

TEST_P(DiskContract, CopiesTheWholeOrTheStartOfAFile) {
    const Bytes data = random_content(3'000'001, 2);
    const File from = create("from", data);
    const File whole = create("whole");
    ASSERT_THAT(disk_->copy(*from, *whole, data.size()), IsOk());
    EXPECT_EQ(content(*whole), data);
    const File start = create("start");
    ASSERT_THAT(disk_->copy(*from, *start, 1'000'003), IsOk());
    EXPECT_EQ(content(*start), Bytes(data.begin(), data.begin() + 1'000'003));
}

TEST_P(DiskContract, CopyOverwritesTheStartAndKeepsTheRest) {
    const File from = create("from");
    ASSERT_THAT(from->truncate(100'000), IsOk());  // one hole: must still overwrite
    const File to = create("to", Bytes(200'000, std::byte{7}));
    ASSERT_THAT(disk_->copy(*from, *to, 100'000), IsOk());
    Bytes expected(200'000, std::byte{7});
    std::fill_n(expected.begin(), 100'000, std::byte{});
    EXPECT_EQ(content(*to), expected);
}

TEST_P(DiskContract, CopyKeepsHoles) {
    const File from = create("from", random_content(10'000, 3));
    ASSERT_THAT(from->write_at(50u << 20, random_content(10'000, 4)), IsOk());
    ASSERT_THAT(from->truncate(100u << 20), IsOk());
    const File to = create("to");
    ASSERT_THAT(disk_->copy(*from, *to, 100u << 20), IsOk());
    EXPECT_EQ(content(*to), content(*from));
    EXPECT_LT(*to->allocated_bytes(), 1u << 20);
    const File part = create("part");
    ASSERT_THAT(disk_->copy(*from, *part, 20u << 20), IsOk());
    EXPECT_EQ(*part->size(), 20u << 20);
}

TEST_P(DiskContract, CopyRefusesASourceThatIsTooShort) {
    const File from = create("from", bytes_of("123"));
    const File to = create("to");
    EXPECT_THAT(disk_->copy(*from, *to, 4), HasCode(Errc::local_io));
}

class SystemDiskTest : public testing::Test {
  protected:
    test::TempDir folder_;
    SystemDisk disk_;
};

TEST_F(SystemDiskTest, CreatesPrivateFilesAndFolders) {
    ASSERT_THAT(disk_.make_directories(folder_ / "d/e"), IsOk());
    ASSERT_THAT(disk_.open(folder_ / "d/e/f", OpenMode::create_new), IsOk());
    using std::filesystem::perms;
    const auto mode = [&](const std::string& name) { return std::filesystem::status(folder_ / name).permissions(); };
    EXPECT_EQ(mode("d"), perms::owner_all);
    EXPECT_EQ(mode("d/e"), perms::owner_all);
    EXPECT_EQ(mode("d/e/f"), perms::owner_read | perms::owner_write);
}

TEST_F(SystemDiskTest, OpenFilesAreNotInheritedByPrograms) {
    const File file = disk_.open(folder_ / "f", OpenMode::create_new).value();
    EXPECT_NE(::fcntl(file->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(SystemDiskTest, ReportsAFullDisk) {
    Result<File> full = disk_.open("/dev/full", OpenMode::read_write);
    if (!full) GTEST_SKIP() << "no /dev/full here";
    EXPECT_THAT((*full)->write_at(0, bytes_of("x")), HasCode(Errc::local_full));
}

TEST_F(SystemDiskTest, CopiesToAFileOfAnotherKindByHand) {
    test::LossyDisk memory;
    const File from = disk_.open(folder_ / "f", OpenMode::create_new).value();
    const Bytes data = random_content(2'500'000, 9);
    ASSERT_THAT(from->write_at(0, data), IsOk());
    const File to = memory.open("/f", OpenMode::create_new).value();
    ASSERT_THAT(disk_.copy(*from, *to, data.size()), IsOk());
    Bytes back(data.size());
    ASSERT_EQ(*to->read_at(0, back), back.size());
    EXPECT_EQ(back, data);
}

TEST_F(SystemDiskTest, ListDoesNotFollowLinks) {
    std::filesystem::create_directory_symlink("/", folder_ / "link");
    const auto entries = disk_.list(folder_.path()).value();
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_FALSE(entries[0].is_directory);
}

}  // namespace
}  // namespace oracxfs
