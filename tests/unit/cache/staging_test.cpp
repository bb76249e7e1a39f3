#include "cache/staging.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/support/temp_dir.h"
#include "tests/unit/cache/staging_fixture.h"

namespace oracxfs::test {
namespace {

class StagingTest : public ::testing::Test {
  protected:
    void SetUp() override { reopen(); }

    void reopen(std::uint64_t max_bytes = UINT64_MAX) {
        staging_.reset();
        StagingOptions options;
        options.directory = dir_ / "staging";
        options.max_bytes = max_bytes;
        options.reserve_bytes = 0;
        options.leaf_key = kStagingLeafKey;
        options.digests = {.md5 = true, .blocks = true};
        auto staging = Staging::open(disk_, clock_, options);
        ASSERT_THAT(staging, IsOk());
        staging_ = std::move(*staging);
    }

    std::unique_ptr<StagedWriter> begin(std::int64_t version, StagedBlob* base = nullptr, std::uint64_t base_size = 0) {
        auto writer = staging_->begin(VersionId{version}, base, base_size);
        EXPECT_THAT(writer, IsOk());
        return writer ? std::move(*writer) : nullptr;
    }

    // Writes, seals and publishes.
    std::shared_ptr<StagedBlob> store(std::int64_t version, std::span<const std::byte> content,
                                      const std::string& path = "a/b.txt") {
        auto writer = begin(version);
        EXPECT_THAT(writer->write_at(0, content), IsOk());
        EXPECT_THAT(writer->seal(meta_of(path)), IsOk());
        return writer->publish();
    }

    [[nodiscard]] std::string path_of(const std::string& name) const { return dir_.path() + "/staging/" + name; }
    [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(path_of(name)); }

    TempDir dir_;
    SystemDisk disk_;
    FakeClock clock_;
    std::unique_ptr<Staging> staging_;
};

TEST_F(StagingTest, WhatWasSealedIsReadBack) {
    const Bytes content = random_content(300'000, 1);
    auto writer = begin(1);
    for (std::size_t at = 0; at < content.size(); at += 131'072)
        ASSERT_THAT(writer->write_at(at, std::span(content).subspan(at, std::min<std::size_t>(131'072, content.size() - at))), IsOk());
    EXPECT_EQ(writer->size(), content.size());
    EXPECT_EQ(writer->contiguous(), content.size());
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
    EXPECT_TRUE((*digests)->md5.has_value());
    EXPECT_EQ((*digests)->blocks.size(), 1u);

    auto blob = writer->publish();
    EXPECT_EQ(blob->size(), content.size());
    EXPECT_EQ(blob->digests(), *digests);
    EXPECT_EQ(*read_all(*blob), content);
    EXPECT_EQ(blob->available(content.size() - 5), 5u);
    EXPECT_EQ(blob->available(content.size() + 5), 0u);
}

TEST_F(StagingTest, TheDescriptorOfABlobGivesTheSameBytes) {
    const Bytes content = random_content(5000, 2);
    auto blob = store(1, content);
    Bytes raw(content.size());
    ASSERT_GE(blob->fd(), 0);
    ASSERT_EQ(::pread(blob->fd(), raw.data(), raw.size(), 0), static_cast<ssize_t>(raw.size()));
    EXPECT_EQ(raw, content);
}

TEST_F(StagingTest, EmptyFilesAreFilesToo) {
    auto writer = begin(1);
    auto digests = writer->seal(meta_of("empty"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ((*digests)->size, 0u);
    EXPECT_EQ(to_hex((*digests)->sha256), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    auto blob = writer->publish();
    EXPECT_TRUE(read_all(*blob)->empty());
    reopen();
    EXPECT_EQ(staging_->recover({})->size(), 1u);
}

TEST_F(StagingTest, ASealedFileExplainsItself) {
    StagedMeta meta = meta_of(std::string("dir/na\xff") + "me\n");
    meta.local_only = true;
    const Bytes content = random_content(70'000, 3);
    auto writer = begin(0xabcdef);
    ASSERT_THAT(writer->write_at(0, content), IsOk());
    ASSERT_THAT(writer->seal(meta), IsOk());
    writer->publish();
    EXPECT_EQ(writer->name(), "v0000000000abcdef");
    writer.reset();

    reopen();
    auto found = staging_->recover({});
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().first, "v0000000000abcdef");
    const StagedMeta& back = found->front().second;
    EXPECT_EQ(back.version, VersionId{0xabcdef});
    EXPECT_EQ(back.path, meta.path);
    EXPECT_EQ(back.size, content.size());
    EXPECT_EQ(back.sha256, sha256_of(content));
    EXPECT_EQ(back.mtime_ns, meta.mtime_ns);
    EXPECT_TRUE(back.local_only);
    auto digests = staging_->digest("v0000000000abcdef");
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(*digests, content), "");
}

TEST_F(StagingTest, AVeryLongPathSurvives) {
    const std::string path(70'000, 'p');
    store(1, bytes_of("x"), path);
    reopen();
    EXPECT_EQ(staging_->recover({})->at(0).second.path, path);
}

TEST_F(StagingTest, ADroppedWriterDeletesItsFile) {
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, random_content(1000, 1)), IsOk());
    EXPECT_TRUE(exists(writer->name()));
    writer.reset();
    EXPECT_FALSE(exists("v0000000000000001"));
    EXPECT_EQ(staging_->usage().bytes, 0u);
    EXPECT_EQ(staging_->usage().files, 0u);
}

TEST_F(StagingTest, AWriterDroppedBetweenSealAndPublishDeletesItsFile) {
    auto writer = begin(1);
    ASSERT_THAT(writer->seal(meta_of("x")), IsOk());
    writer.reset();
    EXPECT_FALSE(exists("v0000000000000001"));
}

TEST_F(StagingTest, ASealedFileCannotBeChanged) {
    const Bytes content = random_content(1000, 1);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, content), IsOk());
    ASSERT_THAT(writer->seal(meta_of("x")), IsOk());
    EXPECT_THAT(writer->write_at(0, bytes_of("no")), HasCode(Errc::invalid));
    EXPECT_THAT(writer->truncate(3), HasCode(Errc::invalid));
    EXPECT_THAT(writer->seal(meta_of("x")), HasCode(Errc::invalid));
    EXPECT_FALSE(writer->failed());
    EXPECT_EQ(*read_all(*writer->publish()), content);
}

TEST_F(StagingTest, ReadingAWriterStopsWhereTheContentEnds) {
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, bytes_of("hello")), IsOk());
    Bytes into(100);
    EXPECT_EQ(*writer->read_at(1, into), 4u);
    ASSERT_THAT(writer->seal(meta_of("x")), IsOk());
    EXPECT_EQ(*writer->read_at(0, into), 5u);
    EXPECT_EQ(*writer->read_at(5, into), 0u);
}

TEST_F(StagingTest, ABlobOutlivesTheRemovalOfItsFile) {
    const Bytes content = random_content(1000, 1);
    auto blob = store(1, content);
    ASSERT_THAT(staging_->remove("v0000000000000001"), IsOk());
    EXPECT_FALSE(exists("v0000000000000001"));
    EXPECT_EQ(*read_all(*blob), content);
    EXPECT_THAT(staging_->open("v0000000000000001", nullptr), HasCode(Errc::not_found));
    EXPECT_EQ(staging_->usage().bytes, 0u);
}

TEST_F(StagingTest, OpenGivesTheContentWithItsDigests) {
    const Bytes content = random_content(100'000, 1);
    auto digests = store(1, content)->digests();
    auto blob = staging_->open("v0000000000000001", digests);
    ASSERT_THAT(blob, IsOk());
    EXPECT_EQ((*blob)->digests(), digests);
    EXPECT_EQ(*read_all(**blob), content);
}

TEST_F(StagingTest, OpenRefusesOtherContentThanExpected) {
    store(1, bytes_of("one"));
    auto other = store(2, bytes_of("two"))->digests();
    EXPECT_THAT(staging_->open("v0000000000000001", other), HasCode(Errc::corrupt));
}

TEST_F(StagingTest, OpenRefusesAFileThatIsNamedAsAnotherVersion) {
    store(1, bytes_of("one"));
    std::filesystem::rename(path_of("v0000000000000001"), path_of("v0000000000000002"));
    EXPECT_THAT(staging_->open("v0000000000000002", nullptr), HasCode(Errc::corrupt));
}

TEST_F(StagingTest, OpenRefusesNamesThatCannotBeStagedFiles) {
    for (const char* name : {"", "v1", "../catalog.db", "v000000000000000G", "w0000000000000001", "v0000000000000000"})
        EXPECT_THAT(staging_->open(name, nullptr), HasCode(Errc::invalid)) << name;
    EXPECT_THAT(staging_->remove("../catalog.db"), HasCode(Errc::invalid));
}

TEST_F(StagingTest, EveryCutAndEveryFlippedBitOfTheTrailerIsNoticed) {
    const Bytes content = bytes_of("some content");
    store(1, content, "p");
    const std::string path = path_of("v0000000000000001");
    const auto whole = std::filesystem::file_size(path);
    for (std::uintmax_t at = content.size(); at < whole; ++at) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const char before = static_cast<char>(file.get());
        const auto put = [&](char c) {
            file.seekp(static_cast<std::streamoff>(at));
            file.put(c);
            file.flush();
        };
        put(static_cast<char>(before ^ 0x10));
        EXPECT_FALSE(staging_->open("v0000000000000001", nullptr).has_value()) << "byte " << at;
        put(before);
    }
    ASSERT_THAT(staging_->open("v0000000000000001", nullptr), IsOk());
    for (std::uintmax_t size = whole; size-- > 0;) {
        std::filesystem::resize_file(path, size);
        EXPECT_THAT(staging_->open("v0000000000000001", nullptr), HasCode(Errc::corrupt)) << "cut at " << size;
    }
}

TEST_F(StagingTest, DigestNoticesContentThatRotted) {
    store(1, random_content(10'000, 1));
    std::fstream file(path_of("v0000000000000001"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.write("rot", 3);
    file.close();
    EXPECT_THAT(staging_->digest("v0000000000000001"), HasCode(Errc::corrupt));
}

TEST_F(StagingTest, RecoveryRemovesOnlyItsOwnUnsealedFiles) {
    store(1, bytes_of("known"));
    store(2, bytes_of("sealed"));
    for (const char* name : {"v0000000000000003", "v00000000000000AA", "v3", "notes.txt", "v0000000000000004~"})
        std::ofstream(path_of(name)) << "not sealed";
    std::ofstream(path_of("v0000000000000005")).close();
    std::filesystem::create_directory(path_of("v0000000000000006"));
    // Known to the catalogue, though damaged: not ours to throw away.
    std::ofstream(path_of("v0000000000000007")) << "damaged";

    reopen();
    auto found = staging_->recover({"v0000000000000001", "v0000000000000007"});
    ASSERT_THAT(found, IsOk());
    ASSERT_EQ(found->size(), 1u);
    EXPECT_EQ(found->front().first, "v0000000000000002");
    EXPECT_FALSE(exists("v0000000000000003"));
    EXPECT_FALSE(exists("v0000000000000005"));
    for (const char* name : {"v0000000000000001", "v00000000000000AA", "v3", "notes.txt", "v0000000000000004~",
                             "v0000000000000006", "v0000000000000007"})
        EXPECT_TRUE(exists(name)) << name;
}

// A staged file's bytes may themselves be copied into the mount: the trailer in there must not pass for the copy's own.
TEST_F(StagingTest, AStagedFileAsContentDoesNotPassForASealedOne) {
    store(1, bytes_of("inner"));
    std::filesystem::copy_file(path_of("v0000000000000001"), path_of("v0000000000000002"));
    reopen();
    auto found = staging_->recover({});
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->size(), 1u);
    EXPECT_FALSE(exists("v0000000000000002"));
}

TEST_F(StagingTest, TheSameVersionCannotBeBegunTwice) {
    auto writer = begin(1);
    EXPECT_THAT(staging_->begin(VersionId{1}), HasCode(Errc::exists));
    ASSERT_THAT(writer->write_at(0, bytes_of("mine")), IsOk());
    EXPECT_TRUE(exists(writer->name()));
}

TEST_F(StagingTest, HolesReadAsZeros) {
    Bytes model(400'000);
    const Bytes data = random_content(1000, 5);
    std::copy(data.begin(), data.end(), model.begin() + 300'000);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(300'000, data), IsOk());
    ASSERT_THAT(writer->truncate(400'000), IsOk());
    EXPECT_EQ(writer->contiguous(), 0u);
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, model), "");
    EXPECT_EQ(*read_all(*writer->publish()), model);
}

TEST_F(StagingTest, ShrinkingAndGrowingAgainLeavesZerosBehind) {
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, random_content(1000, 5)), IsOk());
    ASSERT_THAT(writer->truncate(0), IsOk());
    ASSERT_THAT(writer->truncate(1000), IsOk());
    ASSERT_THAT(writer->seal(meta_of("x")), IsOk());
    EXPECT_EQ(*read_all(*writer->publish()), Bytes(1000));
}

TEST_F(StagingTest, ACopyStartsWithTheBytesOfItsBase) {
    Bytes model = random_content(500'000, 6);
    auto base = store(1, model);
    auto writer = begin(2, base.get(), 400'000);
    EXPECT_EQ(writer->size(), 400'000u);
    EXPECT_EQ(writer->contiguous(), 0u);
    const Bytes edit = random_content(1000, 7);
    ASSERT_THAT(writer->write_at(100'000, edit), IsOk());
    model.resize(400'000);
    std::copy(edit.begin(), edit.end(), model.begin() + 100'000);
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, model), "");
    EXPECT_EQ(*read_all(*writer->publish()), model);
}

TEST_F(StagingTest, AppendingToACopyMakesItGrowFromTheStart) {
    Bytes model = random_content(500'000, 6);
    auto base = store(1, model);
    auto writer = begin(2, base.get(), model.size());
    const Bytes more = random_content(90'000, 8);
    ASSERT_THAT(writer->write_at(model.size(), more), IsOk());
    model.insert(model.end(), more.begin(), more.end());
    EXPECT_EQ(writer->contiguous(), model.size());
    auto growing = writer->growing();
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, model), "");
    writer->publish();
    EXPECT_EQ(*read_all(*growing), model);
}

TEST_F(StagingTest, ACopyOfMoreThanThereIsIsRefusedAndLeavesNothing) {
    auto base = store(1, bytes_of("short"));
    EXPECT_THAT(staging_->begin(VersionId{2}, base.get(), 6), HasCode(Errc::invalid));
    EXPECT_FALSE(exists("v0000000000000002"));
    EXPECT_EQ(staging_->usage().files, 1u);
}

TEST_F(StagingTest, DigestsThatBecameWantedWhileWritingAreTaken) {
    staging_->set_digests({});
    const Bytes content = random_content(200'000, 9);
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(0, content), IsOk());
    staging_->set_digests({.md5 = true, .blocks = false});
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_TRUE((*digests)->md5.has_value());
    EXPECT_EQ(difference(**digests, content), "");
}

TEST_F(StagingTest, RandomWritesEndUpAsInMemory) {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        std::mt19937 random(seed);
        Bytes model;
        auto writer = begin(seed);
        std::uint64_t next = 0;
        for (int step = 0; step < 40; ++step) {
            const auto kind = random() % 10;
            if (kind == 0) {
                const std::uint64_t size = random() % 600'000;
                ASSERT_THAT(writer->truncate(size), IsOk());
                model.resize(size);
                next = size;
                continue;
            }
            const std::uint64_t offset = kind < 3 ? random() % 600'000 : kind < 5 ? next + random() % 100'000 : next;
            const Bytes data = random_content(random() % 70'000, random());
            ASSERT_THAT(writer->write_at(offset, data), IsOk());
            if (data.empty()) continue;
            if (model.size() < offset + data.size()) model.resize(offset + data.size());
            std::copy(data.begin(), data.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
            next = offset + data.size();
            ASSERT_EQ(writer->size(), model.size());
        }
        auto digests = writer->seal(meta_of("x"));
        ASSERT_THAT(digests, IsOk());
        EXPECT_EQ(difference(**digests, model), "") << "seed " << seed;
        auto blob = writer->publish();
        EXPECT_EQ(*read_all(*blob), model) << "seed " << seed;
    }
}

TEST_F(StagingTest, WritesSlightlyOutOfOrderAreStillContiguous) {
    const Bytes content = random_content(10 * 131'072, 4);
    std::vector<std::size_t> order{1, 0, 3, 2, 6, 4, 5, 9, 8, 7};
    auto writer = begin(1);
    for (const std::size_t i : order)
        ASSERT_THAT(writer->write_at(i * 131'072, std::span(content).subspan(i * 131'072, 131'072)), IsOk());
    EXPECT_EQ(writer->contiguous(), content.size());
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ(difference(**digests, content), "");
}

TEST_F(StagingTest, AThreeGiBSparseFileIsWholeAndTakesNoRoom) {
    constexpr std::uint64_t size = 3ull << 30;
    staging_->set_digests({});
    auto writer = begin(1);
    ASSERT_THAT(writer->write_at(size - 3, bytes_of("end")), IsOk());
    ASSERT_THAT(writer->write_at(0, bytes_of("start")), IsOk());
    auto digests = writer->seal(meta_of("x"));
    ASSERT_THAT(digests, IsOk());
    EXPECT_EQ((*digests)->size, size);
    EXPECT_EQ((*digests)->leaves.size(), size / kLeafBytes);

    // (printf start; head -c 3221225464 /dev/zero; printf end) | sha256sum
    EXPECT_EQ(to_hex((*digests)->sha256), "18c0f13594702add11573ad72ed9baa42facad5ba5fe9a7194465a246a31e000");

    auto blob = writer->publish();
    Bytes tail(10);
    EXPECT_EQ(*blob->read_at(size - 3, tail, {}), 3u);
    EXPECT_LT(staging_->usage().bytes, kMiB);
    reopen();
    EXPECT_LT(staging_->usage().bytes, kMiB);
}

TEST_F(StagingTest, ANewerTrailerFormatIsKept) {
    store(1, bytes_of("x"), "p");
    // The format number stands 44 bytes before the end.
    std::fstream file(path_of("v0000000000000001"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-44, std::ios::end);
    file.put(9);
    file.close();
    EXPECT_TRUE(staging_->recover({})->empty());
    EXPECT_TRUE(exists("v0000000000000001"));
    EXPECT_THAT(staging_->open("v0000000000000001", nullptr), HasCode(Errc::unsupported));
}

}  // namespace
}  // namespace oracxfs::test
