#include "tools/scheduler/freshness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/scheduler/retention_builders.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const WallTime kNow = utc(2025, 1, 10, 12h);

FreshnessVerdict judge(std::vector<WallTime> verified, bool scheduled = true, std::optional<WallTime> since = {}) {
    FreshnessFacts facts;
    facts.scheduled = scheduled;
    facts.interval = 6h;
    facts.verified = verified;
    facts.since = since;
    return judge_freshness(facts, kNow);
}

struct AgeCase {
    std::chrono::seconds age;
    Freshness state;
    bool at_risk;
};

class FreshnessOfAge : public testing::TestWithParam<AgeCase> {};

TEST_P(FreshnessOfAge, IsJudgedByTheInterval) {
    const auto verdict = judge({kNow - GetParam().age, utc(2025, 1, 1)});
    EXPECT_EQ(verdict.state, GetParam().state);
    EXPECT_EQ(verdict.at_risk, GetParam().at_risk);
    EXPECT_EQ(verdict.newest, kNow - GetParam().age);
    EXPECT_EQ(verdict.risk_at, kNow - GetParam().age + 12h);
}

INSTANTIATE_TEST_SUITE_P(Ages, FreshnessOfAge,
                         testing::Values(AgeCase{0s, Freshness::fresh, false}, AgeCase{6h, Freshness::fresh, false},
                                         AgeCase{6h + 1s, Freshness::late, false}, AgeCase{12h, Freshness::late, false},
                                         AgeCase{12h + 1s, Freshness::stale, true}, AgeCase{100h, Freshness::stale, true},
                                         AgeCase{-30s, Freshness::fresh, false}));

TEST(Freshness, SaysHowOldAndWhatToDo) {
    const auto stale = judge({kNow - 13h});
    EXPECT_EQ(stale.text, "newest verified backup 13 h ago, expected every 6 h");
    EXPECT_THAT(stale.next, HasSubstr("oracxfs sync"));
    EXPECT_THAT(judge({kNow - 1h}).next, IsEmpty());
}

TEST(Freshness, PointsToTheRunThatIsUnderWay) {
    const std::vector<WallTime> verified{kNow - 13h};
    FreshnessFacts facts{true, 6h, verified, std::nullopt, true};
    EXPECT_TRUE(judge_freshness(facts, kNow).at_risk);
    EXPECT_THAT(judge_freshness(facts, kNow).next, HasSubstr("being made"));
}

TEST(Freshness, IsNotWatchedWithoutASchedule) {
    const auto old = judge({kNow - 1000h}, false);
    EXPECT_EQ(old.state, Freshness::unwatched);
    EXPECT_FALSE(old.at_risk);
    EXPECT_THAT(old.text, HasSubstr("automatic backups are off"));
    const auto none = judge({}, false);
    EXPECT_EQ(none.state, Freshness::unwatched);
    EXPECT_FALSE(none.at_risk);
    EXPECT_THAT(none.text, HasSubstr("no verified backup"));
}

TEST(Freshness, TheFirstBackupHasTwoIntervalsTime) {
    const auto early = judge({}, true, kNow - 12h);
    EXPECT_EQ(early.state, Freshness::awaited);
    EXPECT_FALSE(early.at_risk);
    EXPECT_EQ(early.risk_at, kNow);
    const auto late = judge({}, true, kNow - 12h - 1s);
    EXPECT_EQ(late.state, Freshness::none);
    EXPECT_TRUE(late.at_risk);
    EXPECT_EQ(late.text, "no verified backup yet, expected every 6 h");
}

TEST(Freshness, WithoutABackupAndWithoutABeginningItIsARisk) {
    EXPECT_TRUE(judge({}).at_risk);
    EXPECT_TRUE(judge({}, true, kNow + 100h).at_risk);
}

TEST(Freshness, ATimeInTheFutureDoesNotHideThatNothingWasMadeSince) {
    const auto verdict = judge({utc(2031, 1, 1), kNow - 13h});
    EXPECT_EQ(verdict.state, Freshness::stale);
    EXPECT_EQ(verdict.newest, kNow - 13h);
}

TEST(Freshness, OnlyTimesInTheFutureAreARisk) {
    const auto verdict = judge({utc(2031, 1, 2), utc(2031, 1, 1)});
    EXPECT_EQ(verdict.state, Freshness::doubtful);
    EXPECT_TRUE(verdict.at_risk);
    EXPECT_THAT(verdict.text, HasSubstr("2031-01-01"));
    EXPECT_THAT(verdict.next, HasSubstr("clock"));
    EXPECT_FALSE(judge({utc(2031, 1, 1)}, false).at_risk);
}

}  // namespace
}  // namespace oracxfs::test
