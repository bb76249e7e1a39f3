#include "tools/config/units.h"

#include <gtest/gtest.h>

namespace oracxfs {
namespace {

TEST(Units, SizesAreReadWithBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_size("0"), 0u);
    EXPECT_EQ(parse_size("512"), 512u);
    EXPECT_EQ(parse_size("512MiB"), 512ull << 20);
    EXPECT_EQ(parse_size("1.5 GiB"), 3ull << 29);
    EXPECT_EQ(parse_size("64K"), 64ull << 10);
    EXPECT_EQ(parse_size("2GB"), 2'000'000'000ull);
    EXPECT_EQ(parse_size("3kB"), 3'000ull);
}

TEST(Units, WhatIsNoSizeIsRefused) {
    for (const char* text : {"", "MiB", "-1", "12 potatoes", "1e3", "1..2GiB", "9999999PiB", "1MiB/s"})
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Units, RatesMayEndInPerSecond) {
    EXPECT_EQ(parse_rate("1MiB/s"), 1ull << 20);
    EXPECT_EQ(parse_rate("1MiB"), 1ull << 20);
    EXPECT_EQ(parse_rate("1MiB/h"), std::nullopt);
}

TEST(Units, DurationsAddUpTheirParts) {
    EXPECT_EQ(parse_duration("12h"), Millis(43'200'000));
    EXPECT_EQ(parse_duration("1m30s"), Millis(90'000));
    EXPECT_EQ(parse_duration("250ms"), Millis(250));
    EXPECT_EQ(parse_duration("2min"), Millis(120'000));
    EXPECT_EQ(parse_duration("1.5h"), Millis(5'400'000));
    EXPECT_EQ(parse_duration("0"), Millis(0));
    for (const char* text : {"", "12", "h", "12 hours", "-3s", "1000000w"}) EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(Units, DurationRangesGoUpwards) {
    EXPECT_EQ(parse_duration_range("2s..5m"), (DurationRange{Millis(2'000), Millis(300'000)}));
    EXPECT_EQ(parse_duration_range("3s"), (DurationRange{Millis(3'000), Millis(3'000)}));
    EXPECT_EQ(parse_duration_range("5m..2s"), std::nullopt);
    EXPECT_EQ(parse_duration_range("..5m"), std::nullopt);
}

TEST(Units, SizesAreShownWithThreeDigits) {
    EXPECT_EQ(format_size(0), "0 B");
    EXPECT_EQ(format_size(1023), "1023 B");
    EXPECT_EQ(format_size(1'975'684'956), "1.84 GiB");
    EXPECT_EQ(format_size(15ull << 30), "15.0 GiB");
    EXPECT_EQ(format_size(412ull << 20), "412 MiB");
    EXPECT_EQ(format_size((1ull << 30) - 1), "1.00 GiB");
}

TEST(Units, DurationsAreShownWithTwoUnitsAtMost) {
    EXPECT_EQ(format_duration(Millis(250'000)), "4 min 10 s");
    EXPECT_EQ(format_duration(Millis(14'280'000)), "3 h 58 min");
    EXPECT_EQ(format_duration(Millis(2 * 86'400'000)), "2 d");
    EXPECT_EQ(format_age(Millis(7'200'000)), "2 h ago");
    EXPECT_EQ(format_age(Millis(1'000)), "just now");
}

TEST(Units, SwappedNeighboursAreOneEdit) {
    EXPECT_EQ(edit_distance("every", "every"), 0u);
    EXPECT_EQ(edit_distance("evrey", "every"), 1u);
    EXPECT_EQ(edit_distance("intervall", "interval"), 1u);
    EXPECT_EQ(edit_distance("", "abc"), 3u);
}

}  // namespace
}  // namespace oracxfs
