#include "tools/config/limit_hours.h"

#include <gtest/gtest.h>

#include <ctime>

namespace oracxfs {
namespace {

std::uint32_t at(std::uint32_t hour, std::uint32_t minute = 0) { return hour * 60 + minute; }

TEST(LimitHours, HoldFromTheFirstMinuteUpToTheLast) {
    const std::vector<ReplicationConfig::LimitHours> office = {{at(8), at(19), 100}};
    EXPECT_EQ(rate_at(office, 0, at(7, 59)), 0u);
    EXPECT_EQ(rate_at(office, 0, at(8)), 100u);
    EXPECT_EQ(rate_at(office, 0, at(18, 59)), 100u);
    EXPECT_EQ(rate_at(office, 0, at(19)), 0u);
}

TEST(LimitHours, MayGoOverMidnightOrAllDay) {
    const std::vector<ReplicationConfig::LimitHours> night = {{at(22), at(6), 100}};
    EXPECT_EQ(rate_at(night, 0, at(23)), 100u);
    EXPECT_EQ(rate_at(night, 0, at(0)), 100u);
    EXPECT_EQ(rate_at(night, 0, at(5, 59)), 100u);
    EXPECT_EQ(rate_at(night, 0, at(6)), 0u);
    EXPECT_EQ(rate_at({{at(9), at(9), 7}}, 0, at(3)), 7u);
}

TEST(LimitHours, TheLowestLimitCounts) {
    const std::vector<ReplicationConfig::LimitHours> both = {{at(8), at(19), 100}, {at(12), at(14), 300}, {at(13), at(14), 0}};
    EXPECT_EQ(rate_at(both, 0, at(13)), 100u);
    EXPECT_EQ(rate_at(both, 50, at(13)), 50u);
    EXPECT_EQ(rate_at(both, 500, at(13)), 100u);
    EXPECT_EQ(rate_at(both, 500, at(3)), 500u);
    EXPECT_EQ(rate_at({}, 500, at(3)), 500u);
}

TEST(LimitHours, AreTheHoursOfThisMachine) {
    std::tm noon{};
    noon.tm_year = 126;
    noon.tm_mon = 5;
    noon.tm_mday = 15;
    noon.tm_hour = 12;
    noon.tm_min = 34;
    noon.tm_isdst = -1;
    const std::time_t seconds = std::mktime(&noon);  // local time
    ASSERT_NE(seconds, -1);
    EXPECT_EQ(local_minute_of_day(wall_from_ms(std::int64_t{seconds} * 1000)), at(12, 34));
}

}  // namespace
}  // namespace oracxfs
