#include "cache/write_progress.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace oracxfs {
namespace {

TEST(WriteProgress, GrowsWithWritesInOrder) {
    WriteProgress progress;
    progress.wrote(0, 10);
    progress.wrote(10, 5);
    EXPECT_EQ(progress.contiguous(), 15u);
    EXPECT_FALSE(progress.frozen());
}

TEST(WriteProgress, WaitsAtAGapAndJumpsOverWhatWasWrittenAheadOnceItIsFilled) {
    WriteProgress progress;
    progress.wrote(0, 10);
    progress.wrote(20, 10);
    progress.wrote(40, 10);
    progress.wrote(30, 10);
    EXPECT_EQ(progress.contiguous(), 10u);
    progress.wrote(10, 10);
    EXPECT_EQ(progress.contiguous(), 50u);
}

TEST(WriteProgress, WritingNothingChangesNothing) {
    WriteProgress progress;
    progress.wrote(0, 10);
    progress.wrote(3, 0);
    EXPECT_EQ(progress.contiguous(), 10u);
    EXPECT_FALSE(progress.frozen());
}

TEST(WriteProgress, ShrinksAndStaysWhenSomebodyGoesBack) {
    WriteProgress progress;
    progress.wrote(0, 100);
    EXPECT_TRUE(progress.touches(99));
    EXPECT_FALSE(progress.touches(100));
    progress.wrote(40, 10);
    EXPECT_EQ(progress.contiguous(), 40u);
    progress.wrote(40, 100);
    EXPECT_EQ(progress.contiguous(), 40u);
    progress.wrote(10, 1);
    EXPECT_EQ(progress.contiguous(), 10u);
}

TEST(WriteProgress, TruncatingBelowThePrefixCountsAsGoingBack) {
    WriteProgress progress;
    progress.wrote(0, 100);
    progress.truncated(60);
    EXPECT_EQ(progress.contiguous(), 60u);
    EXPECT_TRUE(progress.frozen());
}

TEST(WriteProgress, TruncatingAheadForgetsWhatWasWrittenThere) {
    WriteProgress progress;
    progress.wrote(0, 10);
    progress.wrote(20, 20);
    progress.wrote(60, 20);
    progress.truncated(30);
    progress.truncated(100);
    progress.wrote(10, 10);
    EXPECT_EQ(progress.contiguous(), 30u);
}

TEST(WriteProgress, TruncatingToNothingStartsAllOver) {
    WriteProgress progress(500);
    progress.wrote(0, 100);
    progress.wrote(50, 1);
    progress.truncated(0);
    EXPECT_EQ(progress.contiguous(), 0u);
    progress.wrote(0, 7);
    EXPECT_EQ(progress.contiguous(), 7u);
}

TEST(WriteProgress, CopiedBytesCountOnceSomethingIsAppended) {
    WriteProgress progress(500);
    EXPECT_EQ(progress.contiguous(), 0u);
    progress.wrote(500, 20);
    EXPECT_EQ(progress.contiguous(), 520u);
}

TEST(WriteProgress, CopiedBytesNeverCountOnceTheyWereEdited) {
    WriteProgress progress(500);
    progress.wrote(100, 20);
    progress.wrote(500, 20);
    EXPECT_EQ(progress.contiguous(), 0u);
}

// Against a model that remembers for each byte how often it was written.
TEST(WriteProgress, NeverClaimsAByteThatWasNotWrittenOrWasWrittenTwice) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        WriteProgress progress;
        std::vector<unsigned> written(1000);
        std::uint64_t next = 0;
        for (int step = 0; step < 60; ++step) {
            std::uint64_t offset = random() % 4 == 0 ? random() % 900 : std::min<std::uint64_t>(next, 900);
            const std::uint64_t length = random() % 60;
            if (random() % 20 == 0) {
                progress.truncated(offset);
                if (offset == 0) std::fill(written.begin(), written.end(), 0);
                for (auto i = offset; i < written.size(); ++i) written[i] = 0;
                next = offset;
                continue;
            }
            const std::uint64_t before = progress.contiguous();
            progress.wrote(offset, length);
            for (auto i = offset; i < offset + length; ++i) written[i] += 1;
            next = offset + length;
            for (std::uint64_t i = 0; i < progress.contiguous(); ++i)
                ASSERT_GE(written[i], 1u) << "byte " << i << ", seed " << seed;
            // What this write changed below the old prefix must have left it.
            if (length != 0 && offset < before) { ASSERT_LE(progress.contiguous(), offset); }
        }
    }
}

}  // namespace
}  // namespace oracxfs
