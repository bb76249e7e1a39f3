#include "fs/rate_meter.h"

#include <gtest/gtest.h>

namespace oracxfs::test {
namespace {

SteadyTime at(std::int64_t ms) { return SteadyTime(Millis(1'000'000 + ms)); }

TEST(RateMeter, TellsWhatFlowsEvenly) {
    RateMeter meter;
    for (int i = 0; i <= 100; ++i) meter.add(100'000, at(i * 100));
    EXPECT_NEAR(meter.per_second(at(10'000)), 1'000'000, 100'000);
}

TEST(RateMeter, TellsSomethingSoonAfterTheBeginning) {
    RateMeter meter;
    for (int i = 0; i < 10; ++i) meter.add(100'000, at(i * 100));
    EXPECT_NEAR(meter.per_second(at(1'000)), 1'000'000, 100'000);
}

TEST(RateMeter, IsZeroBeforeAndSomeSecondsAfter) {
    RateMeter meter;
    EXPECT_EQ(meter.per_second(at(0)), 0);
    meter.add(1'000, at(0));
    EXPECT_GT(meter.per_second(at(1'000)), 0);
    EXPECT_EQ(meter.per_second(at(4'500)), 0);
}

TEST(RateMeter, ForgetsWhatWasLongAgo) {
    RateMeter meter;
    meter.add(1'000'000'000, at(0));
    meter.add(1'000, at(60'000));
    EXPECT_LT(meter.per_second(at(60'100)), 10'000);
}

}  // namespace
}  // namespace oracxfs::test
