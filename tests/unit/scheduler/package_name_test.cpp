#include "tools/scheduler/package_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::year;

constexpr std::string_view kPrefix = "oracxpred_backup_";

WallTime at(int y, unsigned month, unsigned day, std::chrono::seconds clock = 0s) {
    return sys_days(year(y) / std::chrono::month(month) / std::chrono::day(day)) + clock;
}

TEST(PackageName, SaysTheUtcTimeToTheSecond) {
    EXPECT_EQ(package_name(kPrefix, at(2025, 1, 5, 6h)), "oracxpred_backup_20250105_060000.zip");
    EXPECT_EQ(package_name(kPrefix, at(2024, 2, 29, 23h + 59min + 58s)), "oracxpred_backup_20240229_235958.zip");
    EXPECT_EQ(package_name("", at(1970, 1, 1)), "19700101_000000.zip");
}

TEST(PackageName, CutsMillisecondsAlsoBefore1970) {
    EXPECT_EQ(package_name(kPrefix, at(2025, 1, 5, 6h) + 999ms), "oracxpred_backup_20250105_060000.zip");
    EXPECT_EQ(package_name(kPrefix, at(1970, 1, 1) - 1ms), "oracxpred_backup_19691231_235959.zip");
}

TEST(PackageName, DoesNotExistForYearsOfMoreThanFourDigits) {
    EXPECT_EQ(package_name(kPrefix, at(9999, 12, 31, 24h - 1s)), "oracxpred_backup_99991231_235959.zip");
    EXPECT_EQ(package_name(kPrefix, at(10000, 1, 1)), std::nullopt);
    EXPECT_EQ(package_name(kPrefix, at(0, 1, 1) - 1s), std::nullopt);
    EXPECT_EQ(package_name(kPrefix, at(2025, 1, 1) + std::chrono::days(65'536ll * 146'097 / 400)), std::nullopt);
}

TEST(PackageName, IsReadBack) {
    EXPECT_EQ(parse_package_name(kPrefix, "oracxpred_backup_20250105_060000.zip"), at(2025, 1, 5, 6h));
    EXPECT_EQ(parse_package_name("", "20240229_235959.zip"), at(2024, 2, 29, 24h - 1s));
    EXPECT_EQ(parse_package_name("a_20250105_060000.zip", "a_20250105_060000.zip20250106_070000.zip"), at(2025, 1, 6, 7h));
}

class NotAPackageName : public testing::TestWithParam<const char*> {};

TEST_P(NotAPackageName, IsRefused) { EXPECT_EQ(parse_package_name(kPrefix, GetParam()), std::nullopt); }

INSTANTIATE_TEST_SUITE_P(
    Samples, NotAPackageName,
    testing::Values("", ".zip", "oracxpred_backup_.zip", "oracxpred_backup_20250105_060000", "oracxpred_backup_20250105_060000.ZIP",
                    "oracxpred_backup_20250105_060000.zip.part", "oracxpred_backup_20250105_060000.zip ",
                    " oracxpred_backup_20250105_060000.zip", "Oracxpred_backup_20250105_060000.zip",
                    "oracxpred_backup_20250105-060000.zip", "oracxpred_backup_20250105060000.zip",
                    "oracxpred_backup_2025015_0600000.zip", "oracxpred_backup_20251305_060000.zip",
                    "oracxpred_backup_20250005_060000.zip", "oracxpred_backup_20250100_060000.zip",
                    "oracxpred_backup_20250132_060000.zip", "oracxpred_backup_20250229_060000.zip",
                    "oracxpred_backup_21000229_060000.zip", "oracxpred_backup_20250105_240000.zip",
                    "oracxpred_backup_20250105_066000.zip", "oracxpred_backup_20250105_060060.zip",
                    "oracxpred_backup_+2250105_060000.zip", "oracxpred_backup_ 0250105_060000.zip",
                    "oracxpred_backup_2025010a_060000.zip", "oracxpred_backup_20250105_06000\xff.zip",
                    "oracxpred_backup_20250105_060000 (1).zip", "other_20250105_060000.zip"));

TEST(PackageName, IsTheSameAfterThereAndBackForRandomTimes) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto last = std::chrono::duration_cast<std::chrono::seconds>(at(10000, 1, 1) - at(0, 1, 1)).count() - 1;
    for (int i = 0; i < 20'000; ++i) {
        const WallTime time = at(0, 1, 1) + std::chrono::seconds(std::uniform_int_distribution<std::int64_t>(0, last)(random));
        const auto name = package_name(kPrefix, time);
        ASSERT_TRUE(name.has_value());
        ASSERT_EQ(parse_package_name(kPrefix, *name), time) << *name;
    }
}

TEST(NewPackageName, IsThatOfNow) {
    const auto fresh = new_package_name(kPrefix, at(2025, 1, 5, 6h) + 700ms, [](std::string_view) { return false; });
    ASSERT_THAT(fresh, IsOk());
    EXPECT_EQ(fresh->name, "oracxpred_backup_20250105_060000.zip");
    EXPECT_EQ(fresh->time, at(2025, 1, 5, 6h));
}

TEST(NewPackageName, OfASecondRunInOneSecondIsThatOfTheNextFreeSecond) {
    std::set<std::string, std::less<>> names;
    const auto taken = [&](std::string_view name) { return names.contains(name); };
    for (int run = 0; run < 3; ++run) {
        const auto fresh = new_package_name(kPrefix, at(2024, 12, 31, 24h - 1s), taken);
        ASSERT_THAT(fresh, IsOk());
        EXPECT_EQ(parse_package_name(kPrefix, fresh->name), fresh->time);
        names.insert(fresh->name);
    }
    EXPECT_THAT(names, testing::ElementsAre("oracxpred_backup_20241231_235959.zip", "oracxpred_backup_20250101_000000.zip",
                                            "oracxpred_backup_20250101_000001.zip"));
}

TEST(NewPackageName, IsRefusedWhenAWholeMinuteIsTaken) {
    int asked = 0;
    const auto fresh = new_package_name(kPrefix, at(2025, 1, 5), [&](std::string_view) { return ++asked > 0; });
    EXPECT_THAT(fresh, HasCode(Errc::exists));
    EXPECT_EQ(asked, 60);
}

TEST(NewPackageName, IsRefusedWhenTheClockShowsNonsense) {
    EXPECT_THAT(new_package_name(kPrefix, at(12025, 1, 5), [](std::string_view) { return false; }), HasCode(Errc::invalid));
}

TEST(PackagePrefix, MayBeWhatEveryProviderTakes) {
    EXPECT_THAT(check_package_prefix("oracxpred_backup_"), IsOk());
    EXPECT_THAT(check_package_prefix("sauvegarde été "), IsOk());
    EXPECT_THAT(check_package_prefix(""), IsOk());
    EXPECT_THAT(check_package_prefix(std::string(128, 'x')), IsOk());
}

TEST(PackagePrefix, IsRefusedWhereItWouldHideMoveOrBreakTheName) {
    for (const char* prefix : {"a/b", "../x", ".hidden", "~x", " x", "a\nb", "a:b", "a\x7f", "what?"})
        EXPECT_THAT(check_package_prefix(prefix), HasCode(Errc::name_refused)) << prefix;
    EXPECT_THAT(check_package_prefix(std::string_view("a\0b", 3)), HasCode(Errc::name_refused));
    EXPECT_THAT(check_package_prefix(std::string(129, 'x')), HasCode(Errc::name_too_long));
}

}  // namespace
}  // namespace oracxfs::test
