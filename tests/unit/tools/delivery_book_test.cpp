// What waits for whom, when it is tried again, and what a newer notice does to an older one.

#include "tools/notify/delivery_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DeliveryBookTest : public testing::Test {
  protected:
    void add(const std::string& id, const std::string& target, const std::string& topic) {
        Delivery delivery;
        delivery.id = id;
        delivery.target = target;
        delivery.created = now_;
        if (topic == "ping")
            delivery.ping = "start";
        else {
            delivery.notice.emplace();
            delivery.notice->topic = topic;
            delivery.notice->title = "title of " + id;
        }
        book_.add(std::move(delivery));
    }
    std::vector<std::string> due() {
        taken_ = book_.take_due(now_);
        std::vector<std::string> ids;
        for (const Delivery& one : taken_) ids.push_back(one.id);
        return ids;
    }
    void restart() { book_ = DeliveryBook::from_json(*parse_json(book_.to_json().dump())); }

    WallTime now_ = wall_from_ms(1'795'466'188'000);
    DeliveryBook book_;
    std::vector<Delivery> taken_;
};

TEST_F(DeliveryBookTest, OneAtATimeGoesToEachTarget) {
    add("1", "ops", "state");
    add("2", "ops", "run");
    add("3", "mail", "state");
    EXPECT_THAT(due(), ElementsAre("1", "3"));
    EXPECT_TRUE(book_.busy());
    EXPECT_THAT(due(), IsEmpty());
    EXPECT_FALSE(book_.next()) << "both targets are at work";
    book_.delivered(book_.waiting()[0], now_);
    EXPECT_THAT(due(), ElementsAre("2"));
}

TEST_F(DeliveryBookTest, AFailureIsTriedAgainWithGrowingPausesAndGivenUpAfterADay) {
    add("1", "ops", "state");
    std::vector<std::int64_t> pauses;
    for (int i = 0; i < 100 && !book_.waiting().empty(); ++i) {
        ASSERT_THAT(due(), ElementsAre("1"));
        book_.failed(taken_.front(), "no route", std::nullopt, now_);
        if (book_.waiting().empty()) break;
        ASSERT_TRUE(book_.next());
        pauses.push_back((*book_.next() - now_).count() / 1000);
        now_ = *book_.next() - Millis(1);
        EXPECT_THAT(due(), IsEmpty());
        now_ += Millis(1);
    }
    ASSERT_GE(pauses.size(), 8u);
    pauses.resize(7);
    EXPECT_THAT(pauses, ElementsAre(5, 20, 80, 320, 1280, 3600, 3600));
    const LastDelivery& last = book_.last().at("ops");
    EXPECT_TRUE(last.given_up);
    EXPECT_FALSE(last.ok);
    EXPECT_EQ(last.error, "no route");
    EXPECT_EQ(last.what, "title of 1");
    EXPECT_GE(last.attempts, 25u);
}

TEST_F(DeliveryBookTest, AReceiversWishIsHonouredWithinBounds) {
    add("1", "ops", "state");
    due();
    book_.failed(taken_.front(), "slow down", Millis(60'000), now_);
    EXPECT_EQ(book_.next(), now_ + Millis(60'000));
    now_ += Millis(60'000);
    due();
    book_.failed(taken_.front(), "slow down", Millis(1), now_);
    EXPECT_EQ(book_.next(), now_ + Millis(20'000));
    now_ += Millis(20'000);
    due();
    book_.failed(taken_.front(), "come back next year", Millis(86'400'000), now_);
    EXPECT_EQ(book_.next(), now_ + Millis(3'600'000));
}

TEST_F(DeliveryBookTest, ANewerNoticeReplacesAnOlderOneOfItsTopic) {
    add("degraded", "ops", "state");
    add("run", "ops", "run");
    add("other", "mail", "state");
    add("recovered", "ops", "state");
    EXPECT_THAT(due(), ElementsAre("run", "other"));
    book_.delivered(taken_[0], now_);
    EXPECT_THAT(due(), ElementsAre("recovered"));
}

TEST_F(DeliveryBookTest, OneUnderWayIsNotPulledBackButNotRepeatedEither) {
    add("start", "hc", "ping");
    due();
    const Delivery first = taken_.front();
    add("success", "hc", "ping");
    EXPECT_THAT(book_.waiting(), SizeIs(2));
    book_.failed(first, "timeout", std::nullopt, now_);
    EXPECT_THAT(due(), ElementsAre("success")) << "what came later counts";
}

TEST_F(DeliveryBookTest, BeginningAndEndOfAShortRunAreBothTold) {
    add("start", "hc", "ping");
    add("success", "hc", "ping");
    EXPECT_THAT(due(), ElementsAre("start"));
    book_.delivered(taken_.front(), now_);
    EXPECT_THAT(due(), ElementsAre("success"));
    book_.failed(taken_.front(), "timeout", std::nullopt, now_);
    add("start again", "hc", "ping");
    EXPECT_THAT(book_.waiting(), SizeIs(1)) << "the end that did not get through is of yesterday";
}

TEST_F(DeliveryBookTest, ARestartGoesOnWhereItWas) {
    add("1", "ops", "state");
    add("2", "mail", "run");
    due();
    book_.failed(taken_[0], "no route", std::nullopt, now_);
    restart();
    EXPECT_EQ(book_.last().at("ops").error, "no route");
    EXPECT_THAT(due(), ElementsAre("2")) << "it was under way when the program ended: once more, with the same id";
    now_ += Millis(5'000);
    EXPECT_THAT(due(), ElementsAre("1"));
    EXPECT_EQ(taken_.front().attempts, 1u);
    EXPECT_EQ(taken_.front().notice->title, "title of 1");
}

TEST_F(DeliveryBookTest, WhatWasCancelledIsAsIfNeverTried) {
    add("1", "ops", "state");
    due();
    book_.not_ended(taken_.front());
    EXPECT_THAT(due(), ElementsAre("1"));
    EXPECT_THAT(book_.last(), IsEmpty());
}

TEST_F(DeliveryBookTest, ATargetThatIsGoneTakesItsWaitingWithIt) {
    add("1", "ops", "state");
    add("2", "mail", "state");
    book_.keep_only({"mail"});
    EXPECT_THAT(due(), ElementsAre("2"));
}

TEST_F(DeliveryBookTest, AClockThatIsSetBackMakesNobodyWaitForYears) {
    add("1", "ops", "state");
    now_ -= Millis(365ll * 86'400'000);
    EXPECT_THAT(due(), ElementsAre("1"));
}

}  // namespace
}  // namespace oracxfs::test
