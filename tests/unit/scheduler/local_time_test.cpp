#include "tools/scheduler/local_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/scheduler/retention_builders.h"
#include "tests/unit/scheduler/zone_setup.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;

std::chrono::sys_days day(int y, unsigned month, unsigned d) {
    return std::chrono::sys_days(std::chrono::year(y) / std::chrono::month(month) / std::chrono::day(d));
}

TEST(LocalTime, KnowsTheOffsetOnBothSidesOfAChange) {
    ORACX_NEED_ZONE("Europe/Paris");
    const ScopedZone paris("Europe/Paris");
    const SystemLocalTime zone;
    EXPECT_EQ(zone.utc_offset(utc(2025, 3, 30, 1h - 1s)), 1h);
    EXPECT_EQ(zone.utc_offset(utc(2025, 3, 30, 1h)), 2h);
    EXPECT_EQ(zone.utc_offset(utc(2025, 10, 26, 1h - 1s)), 2h);
    EXPECT_EQ(zone.utc_offset(utc(2025, 10, 26, 1h)), 1h);
}

TEST(LocalTime, NoticesThatTheZoneOfTheMachineChanged) {
    const SystemLocalTime zone;
    const ScopedZone east("XXX-3");
    EXPECT_EQ(zone.utc_offset(utc(2025, 1, 1)), 3h);
    ::setenv("TZ", "YYY+4:30", 1);
    EXPECT_EQ(zone.utc_offset(utc(2025, 1, 1)), -(4h + 30min));
}

TEST(LocalTime, GivesTheMinuteOfTheLocalDay) {
    const LocalMinute east = local_minute(FixedZone(2h), utc(2024, 12, 31, 23h + 5min + 59s));
    EXPECT_EQ(east.day, day(2025, 1, 1));
    EXPECT_EQ(east.minute, 65min);
    const LocalMinute west = local_minute(FixedZone(-5h), utc(2024, 3, 1, 1h));
    EXPECT_EQ(west.day, day(2024, 2, 29));
    EXPECT_EQ(west.minute, 20h);
}

struct LocalCase {
    const char* zone;
    std::chrono::sys_days day;
    std::chrono::minutes minute;
    WallTime expected;
};

class FromLocal : public testing::TestWithParam<LocalCase> {};

TEST_P(FromLocal, IsThatMoment) {
    ORACX_NEED_ZONE(GetParam().zone);
    const ScopedZone scoped(GetParam().zone);
    const SystemLocalTime zone;
    const WallTime time = from_local(zone, GetParam().day, GetParam().minute);
    EXPECT_EQ(format_utc(time), format_utc(GetParam().expected)) << local_text(zone, time);
}

INSTANTIATE_TEST_SUITE_P(Plain, FromLocal,
                         testing::Values(LocalCase{"UTC", day(2025, 1, 5), 6h, utc(2025, 1, 5, 6h)},
                                         LocalCase{"Europe/Paris", day(2025, 1, 5), 6h, utc(2025, 1, 5, 5h)},
                                         LocalCase{"Europe/Paris", day(2025, 7, 5), 0min, utc(2025, 7, 4, 22h)},
                                         LocalCase{"America/New_York", day(2024, 12, 31), 23h + 59min, utc(2025, 1, 1, 4h + 59min)},
                                         LocalCase{"Australia/Lord_Howe", day(2025, 1, 5), 6h, utc(2025, 1, 4, 19h)},
                                         LocalCase{"Pacific/Kiritimati", day(2025, 1, 5), 6h, utc(2025, 1, 4, 16h)}));

INSTANTIATE_TEST_SUITE_P(
    SkippedIsTheFirstMomentAfter, FromLocal,
    testing::Values(LocalCase{"Europe/Paris", day(2025, 3, 30), 2h - 1min, utc(2025, 3, 30, 59min)},
                    LocalCase{"Europe/Paris", day(2025, 3, 30), 2h, utc(2025, 3, 30, 1h)},
                    LocalCase{"Europe/Paris", day(2025, 3, 30), 2h + 30min, utc(2025, 3, 30, 1h)},
                    LocalCase{"Europe/Paris", day(2025, 3, 30), 3h - 1min, utc(2025, 3, 30, 1h)},
                    LocalCase{"Europe/Paris", day(2025, 3, 30), 3h, utc(2025, 3, 30, 1h)},
                    LocalCase{"Europe/Paris", day(2025, 3, 30), 3h + 1min, utc(2025, 3, 30, 1h + 1min)},
                    LocalCase{"America/New_York", day(2025, 3, 9), 2h + 30min, utc(2025, 3, 9, 7h)},
                    LocalCase{"Australia/Lord_Howe", day(2025, 10, 5), 2h + 15min, utc(2025, 10, 4, 15h + 30min)},
                    LocalCase{"Australia/Lord_Howe", day(2025, 10, 5), 2h + 30min, utc(2025, 10, 4, 15h + 30min)},
                    LocalCase{"America/Sao_Paulo", day(2018, 11, 4), 0min, utc(2018, 11, 4, 3h)},
                    LocalCase{"Pacific/Apia", day(2011, 12, 30), 6h, utc(2011, 12, 30, 10h)}));

INSTANTIATE_TEST_SUITE_P(
    TwiceIsTheFirst, FromLocal,
    testing::Values(LocalCase{"Europe/Paris", day(2025, 10, 26), 2h - 1min, utc(2025, 10, 25, 23h + 59min)},
                    LocalCase{"Europe/Paris", day(2025, 10, 26), 2h, utc(2025, 10, 26)},
                    LocalCase{"Europe/Paris", day(2025, 10, 26), 2h + 30min, utc(2025, 10, 26, 30min)},
                    LocalCase{"Europe/Paris", day(2025, 10, 26), 3h, utc(2025, 10, 26, 2h)},
                    LocalCase{"America/New_York", day(2025, 11, 2), 1h + 30min, utc(2025, 11, 2, 5h + 30min)},
                    LocalCase{"Australia/Lord_Howe", day(2025, 4, 6), 1h + 45min, utc(2025, 4, 5, 14h + 45min)},
                    LocalCase{"Australia/Lord_Howe", day(2025, 4, 6), 2h, utc(2025, 4, 5, 15h + 30min)}));

// Without tzdata, by a rule in the variable itself.
TEST(LocalTime, GoesThereAndBackForEveryMinuteOfAYear) {
    for (const char* rule : {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"}) {
        const ScopedZone scoped(rule);
        const SystemLocalTime zone;
        for (WallTime time = utc(2025, 1, 1); time < utc(2026, 1, 1); time += 17min) {
            const LocalMinute local = local_minute(zone, time);
            const WallTime back = from_local(zone, local.day, local.minute);
            // The same, or the first of the two times that show it.
            ASSERT_TRUE(back == time || (time - back <= 1h && time > back && local_text(zone, back) == local_text(zone, time)))
                << rule << " " << format_utc(time) << " " << format_utc(back);
        }
    }
}

}  // namespace
}  // namespace oracxfs::test
