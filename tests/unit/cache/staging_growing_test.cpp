// Readers of a file that is still being written.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "tests/support/temp_dir.h"
#include "tests/unit/cache/staging_fixture.h"

namespace oracxfs::test {
namespace {

class StagingGrowingTest : public ::testing::Test {
  protected:
    void SetUp() override {
        StagingOptions options;
        options.directory = dir_ / "staging";
        options.reserve_bytes = 0;
        options.leaf_key = kStagingLeafKey;
        auto staging = Staging::open(disk_, clock_, options);
        ASSERT_THAT(staging, IsOk());
        staging_ = std::move(*staging);
        auto writer = staging_->begin(VersionId{1});
        ASSERT_THAT(writer, IsOk());
        writer_ = std::move(*writer);
    }

    TempDir dir_;
    SystemDisk disk_;
    FakeClock clock_;
    std::unique_ptr<Staging> staging_;
    std::unique_ptr<StagedWriter> writer_;
};

// A read that waits in a thread of its own.
std::future<Result<Bytes>> reading(std::shared_ptr<BlobReader> blob, std::stop_token stop = {}) {
    return std::async(std::launch::async, [blob = std::move(blob), stop] { return read_all(*blob, 60'001, stop); });
}

TEST_F(StagingGrowingTest, GivesOutWhatWasWrittenInOrderAndEndsWithPublish) {
    const Bytes content = random_content(3 * kMiB, 1);
    auto growing = writer_->growing();
    auto result = reading(growing);
    for (std::size_t at = 0; at < content.size(); at += 131'072)
        ASSERT_THAT(writer_->write_at(at, std::span(content).subspan(at, 131'072)), IsOk());
    EXPECT_EQ(growing->available(10), content.size() - 10);
    EXPECT_EQ(growing->size(), std::nullopt);
    EXPECT_EQ(growing->digests(), nullptr);
    auto digests = writer_->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(growing->size(), std::nullopt);
    writer_->publish();
    EXPECT_EQ(growing->size(), content.size());
    EXPECT_EQ(growing->digests(), *digests);
    auto read = result.get();
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(*read, content);
}

TEST_F(StagingGrowingTest, BytesBehindAGapAreNotGivenOut) {
    ASSERT_THAT(writer_->write_at(0, Bytes(100)), IsOk());
    ASSERT_THAT(writer_->write_at(200, Bytes(100)), IsOk());
    auto growing = writer_->growing();
    EXPECT_EQ(growing->available(0), 100u);
    Bytes into(500);
    EXPECT_EQ(*growing->read_at(0, into, {}), 100u);
    ASSERT_THAT(writer_->seal(meta_of("x")), IsOk());
    EXPECT_EQ(growing->available(0), 300u);
}

TEST_F(StagingGrowingTest, GoingBackFailsTheReaders) {
    ASSERT_THAT(writer_->write_at(0, Bytes(1000)), IsOk());
    auto growing = writer_->growing();
    auto result = reading(growing);
    ASSERT_THAT(writer_->write_at(999, Bytes(1)), IsOk());
    EXPECT_THAT(result.get(), HasCode(Errc::changed));
    EXPECT_EQ(growing->available(0), 0u);
    // Also what lies before the change: the upload must be given up.
    Bytes into(10);
    EXPECT_THAT(growing->read_at(0, into, {}), HasCode(Errc::changed));
    ASSERT_THAT(writer_->seal(meta_of("x")), IsOk());
    writer_->publish();
    EXPECT_THAT(growing->read_at(0, into, {}), HasCode(Errc::changed));
    EXPECT_EQ(growing->size(), std::nullopt);
}

TEST_F(StagingGrowingTest, TruncatingBelowThePrefixFailsTheReaders) {
    ASSERT_THAT(writer_->write_at(0, Bytes(1000)), IsOk());
    auto growing = writer_->growing();
    ASSERT_THAT(writer_->truncate(1000), IsOk());
    ASSERT_THAT(writer_->truncate(2000), IsOk());
    EXPECT_EQ(growing->available(0), 1000u);
    ASSERT_THAT(writer_->truncate(999), IsOk());
    Bytes into(10);
    EXPECT_THAT(growing->read_at(0, into, {}), HasCode(Errc::changed));
}

TEST_F(StagingGrowingTest, AskedForAgainAfterAChangeItGivesOutTheNewContent) {
    const Bytes content = random_content(1000, 3);
    ASSERT_THAT(writer_->write_at(0, Bytes(1000)), IsOk());
    auto first = writer_->growing();
    ASSERT_THAT(writer_->truncate(0), IsOk());
    auto second = writer_->growing();
    auto result = reading(second);
    ASSERT_THAT(writer_->write_at(0, content), IsOk());
    auto digests = writer_->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
    writer_->publish();
    EXPECT_EQ(*result.get(), content);
    Bytes into(10);
    EXPECT_THAT(first->read_at(0, into, {}), HasCode(Errc::changed));
}

TEST_F(StagingGrowingTest, AskedForAfterPublishItIsComplete) {
    ASSERT_THAT(writer_->write_at(0, bytes_of("abc")), IsOk());
    ASSERT_THAT(writer_->seal(meta_of("x")), IsOk());
    writer_->publish();
    auto growing = writer_->growing();
    EXPECT_EQ(growing->size(), 3u);
    EXPECT_EQ(*read_all(*growing), bytes_of("abc"));
}

TEST_F(StagingGrowingTest, DroppingTheWriterCancelsTheReaders) {
    ASSERT_THAT(writer_->write_at(0, Bytes(1000)), IsOk());
    auto result = reading(writer_->growing());
    writer_.reset();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
}

TEST_F(StagingGrowingTest, AStopRequestWakesAWaitingReader) {
    std::stop_source stop;
    auto growing = writer_->growing();
    auto result = reading(growing, stop.get_token());
    stop.request_stop();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
    EXPECT_EQ(growing->size(), std::nullopt);
}

TEST_F(StagingGrowingTest, AFailedWriterIsNotUploaded) {
    ASSERT_THAT(writer_->write_at(0, Bytes(1000)), IsOk());
    auto result = reading(writer_->growing());
    EXPECT_THAT(writer_->write_at(UINT64_MAX - 5, Bytes(10)), HasCode(Errc::too_large));
    EXPECT_TRUE(writer_->failed());
    EXPECT_THAT(result.get(), HasCode(Errc::changed));
    ASSERT_THAT(writer_->seal(meta_of("x")), IsOk());
    Bytes into(10);
    EXPECT_THAT(writer_->growing()->read_at(0, into, {}), HasCode(Errc::changed));
    EXPECT_EQ(read_all(*writer_->publish())->size(), 1000u);
}

// Several readers chase a writer; every byte they get must be the one that was written there.
TEST_F(StagingGrowingTest, ManyReadersSeeTheBytesOfTheFile) {
    const Bytes content = random_content(8 * kMiB, 1);
    std::vector<std::future<Result<Bytes>>> readers;
    for (int i = 0; i < 4; ++i) readers.push_back(reading(writer_->growing()));
    for (std::size_t at = 0; at < content.size(); at += 32'768)
        ASSERT_THAT(writer_->write_at(at, std::span(content).subspan(at, 32'768)), IsOk());
    ASSERT_THAT(writer_->seal(meta_of("x")), IsOk());
    writer_->publish();
    for (auto& reader : readers) EXPECT_EQ(*reader.get(), content);
}

// Readers race with a writer that goes back and fills what it wrote with another value. Whatever a reader was given as
// good must be the first value: a mix would be uploaded as something that never was in the file.
TEST_F(StagingGrowingTest, ReadersNeverGetBytesOfAChangeThatTheyRaceWith) {
    for (int round = 0; round < 100; ++round) {
        ASSERT_THAT(writer_->truncate(0), IsOk());
        const Bytes first(kMiB, std::byte{1});
        const Bytes second(kMiB, std::byte{2});
        ASSERT_THAT(writer_->write_at(0, first), IsOk());
        auto growing = writer_->growing();
        std::atomic<bool> started = false;
        auto result = std::async(std::launch::async, [&] {
            Bytes part(40'000);
            std::uint64_t at = 0;
            bool clean = true;
            for (;;) {
                started = true;
                started.notify_all();
                auto count = growing->read_at(at % first.size(), part, {});
                if (!count) return clean && count.error().code == Errc::changed;
                clean = clean && std::all_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(*count),
                                             [](std::byte b) { return b == std::byte{1}; });
                at += *count;
            }
        });
        started.wait(false);
        ASSERT_THAT(writer_->write_at(0, second), IsOk());
        EXPECT_TRUE(result.get());
    }
}

// A disk on which something happens right before a read.
class HookedDisk final : public Disk {
  public:
    Result<std::unique_ptr<DiskFile>> open(const std::string& path, OpenMode mode) override {
        ORACX_TRY(auto file, disk_.open(path, mode));
        return std::make_unique<File>(*this, std::move(file));
    }
    Status rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
    Status remove(const std::string& path) override { return disk_.remove(path); }
    Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
    Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
    Result<std::vector<DiskEntry>> list(const std::string& path) override { return disk_.list(path); }
    Result<DiskSpace> space(const std::string& path) override { return disk_.space(path); }
    Status copy(DiskFile& from, DiskFile& to, std::uint64_t size) override { return disk_.copy(from, to, size); }

    std::function<void()> before_read;

  private:
    class File final : public DiskFile {
      public:
        File(HookedDisk& disk, std::unique_ptr<DiskFile> file) : disk_(disk), file_(std::move(file)) {}
        Status write_at(std::uint64_t offset, std::span<const std::byte> data) override { return file_->write_at(offset, data); }
        Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
            if (auto hook = std::exchange(disk_.before_read, nullptr)) hook();
            return file_->read_at(offset, into);
        }
        Status truncate(std::uint64_t size) override { return file_->truncate(size); }
        Status sync() override { return file_->sync(); }
        [[nodiscard]] Result<std::uint64_t> size() const override { return file_->size(); }
        [[nodiscard]] Result<std::uint64_t> allocated_bytes() const override { return file_->allocated_bytes(); }
        [[nodiscard]] int fd() const override { return file_->fd(); }

      private:
        HookedDisk& disk_;
        const std::unique_ptr<DiskFile> file_;
    };
    SystemDisk disk_;
};

// The same at the worst moment: the reader has looked, and the change comes just before its disk read. Also shows that
// the reader holds no lock there.
TEST(StagingGrowing, AReadThatMetAChangeGivesOutNothing) {
    TempDir dir;
    HookedDisk disk;
    FakeClock clock;
    StagingOptions options;
    options.directory = dir / "staging";
    options.reserve_bytes = 0;
    auto staging = Staging::open(disk, clock, options);
    ASSERT_THAT(staging, IsOk());
    auto writer = (*staging)->begin(VersionId{1});
    ASSERT_THAT(writer, IsOk());
    ASSERT_THAT((*writer)->write_at(0, Bytes(1000, std::byte{1})), IsOk());
    auto growing = (*writer)->growing();
    Bytes into(1000);
    disk.before_read = [&] { EXPECT_THAT((*writer)->write_at(0, Bytes(1000, std::byte{2})), IsOk()); };
    EXPECT_THAT(growing->read_at(0, into, {}), HasCode(Errc::changed));
}

TEST_F(StagingGrowingTest, ConcurrentWritersOfOneFileAreAppliedWhole) {
    const Bytes content = random_content(4 * kMiB, 2);
    {
        std::vector<std::jthread> threads;
        for (std::size_t thread = 0; thread < 4; ++thread)
            threads.emplace_back([&, thread] {
                for (std::size_t i = thread; i < 32; i += 4)
                    EXPECT_THAT(writer_->write_at(i * 131'072, std::span(content).subspan(i * 131'072, 131'072)), IsOk());
            });
    }
    EXPECT_EQ(writer_->contiguous(), content.size());
    auto digests = writer_->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
}

}  // namespace
}  // namespace oracxfs::test
