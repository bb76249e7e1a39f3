#include "tools/scheduler/periods.h"

#include <gtest/gtest.h>

#include <array>
#include <ctime>

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;

WallTime at(int y, unsigned month, unsigned day, std::chrono::seconds clock = 0s) {
    return std::chrono::sys_days(std::chrono::year(y) / std::chrono::month(month) / std::chrono::day(day)) + clock;
}

TEST(Periods, HaveNames) {
    const WallTime time = at(2025, 1, 4, 6h + 59min + 59s);
    EXPECT_EQ(period_name(Period::hour, time), "2025-01-04 06h");
    EXPECT_EQ(period_name(Period::day, time), "2025-01-04");
    EXPECT_EQ(period_name(Period::week, time), "2025-W01");
    EXPECT_EQ(period_name(Period::month, time), "2025-01");
    EXPECT_EQ(period_name(Period::year, time), "2025");
}

TEST(Periods, WeeksBeginOnMonday) {
    EXPECT_EQ(period_index(Period::week, at(2025, 1, 6)), period_index(Period::week, at(2025, 1, 12, 24h - 1s)));
    EXPECT_EQ(period_index(Period::week, at(2025, 1, 6)) - 1, period_index(Period::week, at(2025, 1, 6) - 1ms));
}

TEST(Periods, WeeksAtTheEndOfAYearBelongToTheYearOfTheirThursday) {
    EXPECT_EQ(period_name(Period::week, at(2024, 12, 29)), "2024-W52");
    EXPECT_EQ(period_name(Period::week, at(2024, 12, 30)), "2025-W01");
    EXPECT_EQ(period_name(Period::week, at(2021, 1, 3)), "2020-W53");
    EXPECT_EQ(period_name(Period::week, at(2026, 12, 31)), "2026-W53");
    EXPECT_EQ(period_name(Period::week, at(2027, 1, 3)), "2026-W53");
    EXPECT_EQ(period_name(Period::week, at(2027, 1, 4)), "2027-W01");
}

TEST(Periods, NeighbouringPeriodsHaveNeighbouringNumbers) {
    EXPECT_EQ(period_index(Period::hour, at(2024, 12, 31, 23h)) + 1, period_index(Period::hour, at(2025, 1, 1)));
    EXPECT_EQ(period_index(Period::day, at(2024, 2, 29)) + 1, period_index(Period::day, at(2024, 3, 1)));
    EXPECT_EQ(period_index(Period::month, at(2024, 12, 31)) + 1, period_index(Period::month, at(2025, 1, 1)));
    EXPECT_EQ(period_index(Period::year, at(2024, 12, 31)) + 1, period_index(Period::year, at(2025, 1, 1)));
    EXPECT_EQ(period_index(Period::hour, at(1970, 1, 1) - 1ms), -1);
    EXPECT_EQ(period_index(Period::day, at(1970, 1, 1) - 1ms), -1);
}

TEST(Periods, NamesAreThoseOfTheCLibraryForEveryDayOfSixtyYears) {
    for (WallTime time = at(1990, 1, 1, 13h); time < at(2050, 1, 1); time += 24h) {
        const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
        std::tm parts{};
        ::gmtime_r(&seconds, &parts);
        std::array<char, 64> text{};
        std::strftime(text.data(), text.size(), "%Y-%m-%d %G-W%V", &parts);
        ASSERT_EQ(period_name(Period::day, time) + " " + period_name(Period::week, time), text.data());
    }
}

}  // namespace
}  // namespace oracxfs::test
