#include "cache/block_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temp_dir.h"
#include "tests/unit/cache/staging_fixture.h"

namespace oracxfs::test {
namespace {

constexpr LeafKey kKey{9, 9, 1};

// A version's content with its digests.
struct Content {
    Content(std::size_t size, std::uint64_t seed) : data(random_content(size, seed)) {
        ContentHasher hasher({}, kKey);
        hasher.update(data);
        digests = hasher.finish();
    }
    [[nodiscard]] std::span<const std::byte> leaf(std::uint64_t i) const {
        return std::span(data).subspan(i * kLeafBytes, std::min<std::size_t>(kLeafBytes, data.size() - i * kLeafBytes));
    }
    Bytes data;
    ContentDigests digests;
};

class BlockCacheTest : public ::testing::Test {
  protected:
    void SetUp() override { reopen(); }
    void reopen(std::uint64_t max_bytes = 100 * kMiB) {
        cache_.reset();
        BlockCacheOptions options;
        options.directory = dir_ / "cache";
        options.max_bytes = max_bytes;
        options.leaf_key = kKey;
        auto cache = BlockCache::open(disk_, options);
        ASSERT_THAT(cache, IsOk());
        cache_ = std::move(*cache);
    }
    void put(std::int64_t version, const Content& content, std::uint64_t leaf) {
        cache_->put(VersionId{version}, leaf, content.leaf(leaf));
    }
    // True when the leaf is there; it must be the right one then.
    bool has(std::int64_t version, const Content& content, std::uint64_t leaf) {
        Bytes into(content.leaf(leaf).size());
        if (!cache_->get(VersionId{version}, content.digests, leaf, into)) return false;
        EXPECT_TRUE(std::ranges::equal(into, content.leaf(leaf)));
        return true;
    }
    [[nodiscard]] std::string path_of(const std::string& name) const { return dir_.path() + "/cache/" + name; }

    TempDir dir_;
    SystemDisk disk_;
    std::unique_ptr<BlockCache> cache_;
};

TEST_F(BlockCacheTest, GivesBackWhatWasPut) {
    const Content content(5 * kLeafBytes + 100, 1);
    put(1, content, 2);
    put(1, content, 5);
    for (std::uint64_t leaf = 0; leaf < 6; ++leaf) EXPECT_EQ(has(1, content, leaf), leaf == 2 || leaf == 5) << leaf;
    EXPECT_FALSE(has(2, content, 2));
    EXPECT_EQ(cache_->bytes(), kLeafBytes + 100);
}

TEST_F(BlockCacheTest, GivesTheFileWhereAllLeavesAreGood) {
    const Content content(5 * kLeafBytes + 100, 1);
    for (const std::uint64_t leaf : {1u, 2u, 5u}) put(1, content, leaf);
    for (const bool again : {false, true}) {
        if (again) reopen();
        const auto file = cache_->good_file(VersionId{1}, content.digests, 1, 2);
        ASSERT_NE(file, nullptr);
        Bytes into(2 * kLeafBytes);
        ASSERT_EQ(::pread(file->fd(), into.data(), into.size(), kLeafBytes), static_cast<ssize_t>(into.size()));
        EXPECT_TRUE(std::ranges::equal(into, std::span(content.data).subspan(kLeafBytes, into.size())));
        EXPECT_NE(cache_->good_file(VersionId{1}, content.digests, 5, 5), nullptr);
        EXPECT_EQ(cache_->good_file(VersionId{1}, content.digests, 2, 3), nullptr);
        EXPECT_EQ(cache_->good_file(VersionId{1}, content.digests, 5, 6), nullptr);
        EXPECT_EQ(cache_->good_file(VersionId{2}, content.digests, 1, 1), nullptr);
    }
}

TEST_F(BlockCacheTest, GivesNoFileWithADamagedOrAMissingEnd) {
    const Content content(3 * kLeafBytes, 1);
    for (std::uint64_t leaf = 0; leaf < 3; ++leaf) put(1, content, leaf);
    reopen();
    {
        std::fstream file(path_of("c0000000000000001"), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(kLeafBytes + 77));
        file.put('!');
    }
    EXPECT_EQ(cache_->good_file(VersionId{1}, content.digests, 0, 1), nullptr);
    ASSERT_NE(cache_->good_file(VersionId{1}, content.digests, 2, 2), nullptr);
    std::filesystem::resize_file(path_of("c0000000000000001"), 2 * kLeafBytes + 5);
    EXPECT_EQ(cache_->good_file(VersionId{1}, content.digests, 2, 2), nullptr) << "also when it was good before";
}

TEST_F(BlockCacheTest, AFileThatWasGivenOutOutlivesItsVersion) {
    const Content content(kLeafBytes, 1);
    put(1, content, 0);
    const auto file = cache_->good_file(VersionId{1}, content.digests, 0, 0);
    ASSERT_NE(file, nullptr);
    cache_->drop(VersionId{1});
    Bytes into(kLeafBytes);
    ASSERT_EQ(::pread(file->fd(), into.data(), into.size(), 0), static_cast<ssize_t>(into.size()));
    EXPECT_TRUE(std::ranges::equal(into, content.leaf(0)));
}

TEST_F(BlockCacheTest, RemembersAcrossARestart) {
    const Content content(5 * kLeafBytes, 1);
    put(1, content, 1);
    put(1, content, 3);
    reopen();
    EXPECT_EQ(cache_->bytes(), 2 * kLeafBytes);
    EXPECT_TRUE(has(1, content, 1));
    EXPECT_TRUE(has(1, content, 3));
    EXPECT_FALSE(has(1, content, 0));
    EXPECT_FALSE(has(1, content, 4));
}

TEST_F(BlockCacheTest, ADamagedLeafIsAMissAndCanBePutAgain) {
    const Content content(3 * kLeafBytes, 1);
    for (std::uint64_t leaf = 0; leaf < 3; ++leaf) put(1, content, leaf);
    reopen();
    {
        std::fstream file(path_of("c0000000000000001"), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(kLeafBytes + 77));
        file.put('!');
    }
    EXPECT_TRUE(has(1, content, 0));
    EXPECT_FALSE(has(1, content, 1));
    EXPECT_TRUE(has(1, content, 2));
    put(1, content, 1);
    EXPECT_TRUE(has(1, content, 1));
}

TEST_F(BlockCacheTest, ATruncatedFileIsAMiss) {
    const Content content(3 * kLeafBytes, 1);
    put(1, content, 0);
    put(1, content, 2);
    std::filesystem::resize_file(path_of("c0000000000000001"), 2 * kLeafBytes + 5);
    EXPECT_TRUE(has(1, content, 0));
    EXPECT_FALSE(has(1, content, 2));
}

TEST_F(BlockCacheTest, ContentOfAnotherVersionUnderTheSameNumberIsAMiss) {
    const Content old(kLeafBytes, 1);
    const Content other(kLeafBytes, 2);
    put(1, old, 0);
    reopen();
    EXPECT_FALSE(has(1, other, 0));
}

TEST_F(BlockCacheTest, ABufferOfTheWrongLengthIsAMiss) {
    const Content content(kLeafBytes + 10, 1);
    put(1, content, 1);
    Bytes into(11);
    EXPECT_FALSE(cache_->get(VersionId{1}, content.digests, 1, into));
    EXPECT_FALSE(cache_->get(VersionId{1}, content.digests, 2, into));
}

TEST_F(BlockCacheTest, TheLeastRecentlyUsedVersionGoesFirst) {
    reopen(3 * kLeafBytes);
    const Content a(2 * kLeafBytes, 1), b(kLeafBytes, 2), c(kLeafBytes, 3);
    put(1, a, 0);
    put(2, b, 0);
    put(3, c, 0);
    EXPECT_TRUE(has(1, a, 0));
    put(1, a, 1);
    EXPECT_FALSE(has(2, b, 0));
    EXPECT_TRUE(has(1, a, 0));
    EXPECT_TRUE(has(1, a, 1));
    EXPECT_TRUE(has(3, c, 0));
    EXPECT_LE(cache_->bytes(), 3 * kLeafBytes);
    EXPECT_FALSE(std::filesystem::exists(path_of("c0000000000000002")));
}

TEST_F(BlockCacheTest, TheOrderOfUseSurvivesARestart) {
    const Content a(kLeafBytes, 1), b(kLeafBytes, 2), c(kLeafBytes, 3);
    put(1, a, 0);
    put(2, b, 0);
    put(3, c, 0);
    const auto age = [&](const char* name, std::time_t seconds) {
        const timespec times[2] = {{seconds, 0}, {seconds, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, path_of(name).c_str(), times, 0), 0);
    };
    age("c0000000000000001", 3000);
    age("c0000000000000002", 1000);
    age("c0000000000000003", 2000);
    reopen(2 * kLeafBytes);
    EXPECT_FALSE(has(2, b, 0));
    EXPECT_TRUE(has(3, c, 0));
    // Reading it counts as use, also for the next run.
    reopen(kLeafBytes);
    EXPECT_FALSE(has(1, a, 0));
    EXPECT_TRUE(has(3, c, 0));
}

TEST_F(BlockCacheTest, EvictToMakesRoom) {
    const Content content(kLeafBytes, 1);
    for (std::int64_t version = 1; version <= 10; ++version) put(version, content, 0);
    cache_->evict_to(3 * kLeafBytes);
    EXPECT_EQ(cache_->bytes(), 3 * kLeafBytes);
    EXPECT_FALSE(has(7, content, 0));
    EXPECT_TRUE(has(8, content, 0));
    cache_->evict_to(0);
    EXPECT_EQ(cache_->bytes(), 0u);
    EXPECT_TRUE(std::filesystem::is_empty(dir_ / "cache"));
}

TEST_F(BlockCacheTest, DropForgetsAVersion) {
    const Content content(kLeafBytes, 1);
    put(1, content, 0);
    put(2, content, 0);
    cache_->drop(VersionId{1});
    cache_->drop(VersionId{77});
    EXPECT_FALSE(has(1, content, 0));
    EXPECT_TRUE(has(2, content, 0));
    EXPECT_EQ(cache_->bytes(), kLeafBytes);
}

TEST_F(BlockCacheTest, FilesOfOthersAreLeftAlone) {
    for (const char* name : {"notes.txt", "c1", "c000000000000000G"}) std::ofstream(path_of(name)) << "mine";
    reopen();
    cache_->evict_to(0);
    for (const char* name : {"notes.txt", "c1", "c000000000000000G"}) EXPECT_TRUE(std::filesystem::exists(path_of(name)));
}

TEST_F(BlockCacheTest, MoreVersionsThanOpenFilesWork) {
    const Content content(kLeafBytes, 1);
    for (std::int64_t version = 1; version <= 200; ++version) put(version, content, 0);
    for (std::int64_t version = 1; version <= 200; ++version) EXPECT_TRUE(has(version, content, 0));
    const auto descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    EXPECT_LT(descriptors, 100);
}

TEST_F(BlockCacheTest, AFolderThatVanishedOnlyMakesItForget) {
    const Content content(kLeafBytes, 1);
    std::filesystem::remove_all(dir_ / "cache");
    put(1, content, 0);
    EXPECT_FALSE(has(1, content, 0));
    EXPECT_EQ(cache_->bytes(), 0u);
}

TEST_F(BlockCacheTest, ManyThreadsNeverSeeAWrongByte) {
    reopen(20 * kLeafBytes);
    std::vector<Content> contents;
    for (std::uint64_t i = 0; i < 8; ++i) contents.emplace_back(6 * kLeafBytes, i);
    std::vector<std::jthread> threads;
    for (unsigned thread = 0; thread < 4; ++thread)
        threads.emplace_back([&, thread] {
            for (unsigned i = 0; i < 400; ++i) {
                const unsigned pick = (i * 7 + thread * 13) % 48;
                if (!has(pick / 6 + 1, contents[pick / 6], pick % 6)) put(pick / 6 + 1, contents[pick / 6], pick % 6);
                if (i % 97 == 0) cache_->drop(VersionId{1 + pick / 6});
            }
        });
    threads.clear();
    EXPECT_LE(cache_->bytes(), 20 * kLeafBytes);
}

}  // namespace
}  // namespace oracxfs::test
