#include "fs/breaker.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_clock.h"
#include "tests/unit/fs/plan_fixture.h"

namespace oracxfs::test {
namespace {

const BreakerTimes kBreakerTimes{Millis(500), Millis(8'000), Millis(300'000), Millis(60'000), 5};

Error error_of(Errc code) { return Error(code, "put x", "no"); }

class BreakerTest : public testing::Test {
  protected:
    [[nodiscard]] Millis pause() const {
        return std::chrono::duration_cast<Millis>(breaker.probe_due().value() - clock.steady());
    }
    void fail_work(Errc code) { breaker.work_failed(error_of(code), clock.steady()); }
    void fail_probe(Errc code) { breaker.probe_failed(error_of(code), clock.steady()); }

    FakeClock clock;
    Breaker breaker{kBreakerTimes};
};

TEST_F(BreakerTest, BeginsClosed) {
    EXPECT_TRUE(breaker.may_work());
    EXPECT_TRUE(breaker.may_tidy());
    EXPECT_FALSE(breaker.down());
    EXPECT_FALSE(breaker.probe_due());
    EXPECT_EQ(breaker.state(), ProviderState::active);
}

TEST_F(BreakerTest, OneFailureIsASuspicionThatIsProbedAtOnce) {
    fail_work(Errc::unavailable);
    EXPECT_FALSE(breaker.may_work());
    EXPECT_FALSE(breaker.may_tidy());
    EXPECT_FALSE(breaker.down()) << "close() would stop waiting for it";
    EXPECT_EQ(breaker.state(), ProviderState::active);
    EXPECT_EQ(pause(), Millis(0));
    breaker.probe_succeeded(clock.steady());
    EXPECT_TRUE(breaker.may_work());
}

TEST_F(BreakerTest, AFailedProbeOpensIt) {
    fail_work(Errc::unavailable);
    fail_probe(Errc::deadline);
    EXPECT_TRUE(breaker.down());
    EXPECT_FALSE(breaker.may_work());
    EXPECT_EQ(breaker.state(), ProviderState::offline);
    EXPECT_EQ(breaker.reason().code, Errc::deadline);
    breaker.probe_succeeded(clock.steady());
    EXPECT_TRUE(breaker.may_work());
    EXPECT_FALSE(breaker.down());
    EXPECT_EQ(breaker.state(), ProviderState::active);
    EXPECT_FALSE(breaker.probe_due());
}

TEST_F(BreakerTest, StateOfEveryCode) {
    for (const Errc code : all_codes()) {
        ProviderState expected = ProviderState::offline;
        if (code == Errc::unauthenticated || code == Errc::denied) expected = ProviderState::auth_needed;
        if (code == Errc::host_key_unknown || code == Errc::host_key_changed || code == Errc::config) expected = ProviderState::blocked;
        if (code == Errc::quota_full) expected = ProviderState::full;
        if (code == Errc::throttled) expected = ProviderState::degraded;
        EXPECT_EQ(state_for(code), expected) << info(code).name;
        Breaker fresh{kBreakerTimes};
        fresh.probe_failed(error_of(code), clock.steady());
        EXPECT_EQ(fresh.state(), expected) << info(code).name;
    }
}

TEST_F(BreakerTest, WhatIsCertainOpensWithoutAProbe) {
    for (const Errc code : all_codes()) {
        Breaker fresh{kBreakerTimes};
        fresh.work_failed(error_of(code), clock.steady());
        const bool certain = code == Errc::quota_full || code == Errc::unauthenticated || code == Errc::host_key_changed || code == Errc::host_key_unknown;
        EXPECT_EQ(fresh.down(), certain) << info(code).name;
        EXPECT_FALSE(fresh.may_work());
    }
}

TEST_F(BreakerTest, PausesDoubleWithinTheirJitter) {
    Millis full{500};
    for (int i = 0; i < 40; ++i) {
        fail_probe(Errc::unavailable);
        EXPECT_GE(pause(), full * 3 / 4) << i;
        EXPECT_LE(pause(), full) << i;
        full = std::min(full * 2, Millis(8'000));
        clock.advance(pause());
        EXPECT_EQ(pause(), Millis(0));
    }
    breaker.probe_succeeded(clock.steady());
    fail_probe(Errc::unavailable);
    EXPECT_LE(pause(), Millis(500)) << "a success starts anew";
}

TEST_F(BreakerTest, JitterDiffersBetweenSeedsAndIsTheSameForOne) {
    std::set<Millis> pauses;
    for (std::uint64_t seed = 0; seed < 64; ++seed) {
        BreakerTimes times = kBreakerTimes;
        times.probe_pause_min = Millis(8'000);
        times.seed = seed;
        Breaker one{times}, two{times};
        one.probe_failed(error_of(Errc::unavailable), clock.steady());
        two.probe_failed(error_of(Errc::unavailable), clock.steady());
        EXPECT_EQ(one.probe_due(), two.probe_due());
        pauses.insert(std::chrono::duration_cast<Millis>(*one.probe_due() - clock.steady()));
    }
    EXPECT_GT(pauses.size(), 32u) << "many clients would come back in step";
}

TEST_F(BreakerTest, SignInAndHostKeyProblemsAreProbedRarely) {
    for (const Errc code : {Errc::unauthenticated, Errc::denied, Errc::host_key_unknown, Errc::host_key_changed, Errc::config})
        for (int i = 0; i < 3; ++i) {
            fail_probe(code);
            EXPECT_EQ(pause(), Millis(300'000)) << info(code).name;
        }
}

TEST_F(BreakerTest, AFullProviderTidiesAndIsProbedInItsOwnTime) {
    fail_work(Errc::quota_full);
    EXPECT_TRUE(breaker.down());
    EXPECT_FALSE(breaker.may_work());
    EXPECT_TRUE(breaker.may_tidy());
    EXPECT_EQ(pause(), Millis(60'000));
    breaker.probe_succeeded(clock.steady());
    fail_work(Errc::quota_full);
    EXPECT_TRUE(breaker.down());
    EXPECT_EQ(pause(), Millis(60'000));
}

TEST_F(BreakerTest, ThePeersOwnWishIsALowerBound) {
    breaker.work_failed(error_of(Errc::throttled).with_retry_after(Millis(9'000)), clock.steady());
    EXPECT_EQ(pause(), Millis(9'000)) << "also for the first probe";
    fail_probe(Errc::throttled);
    EXPECT_LE(pause(), Millis(500));
    breaker.probe_failed(error_of(Errc::throttled).with_retry_after(Millis(90'000)), clock.steady());
    EXPECT_EQ(pause(), Millis(90'000));
}

TEST_F(BreakerTest, NobodyWaitsForALongPauseThatThePeerAsksFor) {
    breaker.work_failed(error_of(Errc::throttled).with_retry_after(Millis(9'000)), clock.steady());
    EXPECT_FALSE(breaker.down()) << "a short one is sat out";
    EXPECT_EQ(pause(), Millis(9'000));
    breaker.probe_succeeded(clock.steady());
    breaker.work_failed(error_of(Errc::throttled).with_retry_after(Millis(40'000)), clock.steady());
    EXPECT_TRUE(breaker.down());
    EXPECT_EQ(breaker.state(), ProviderState::degraded);
    EXPECT_EQ(pause(), Millis(40'000));
}

TEST_F(BreakerTest, CallsThatFailTogetherAreOneSuspicion) {
    breaker.work_failed(error_of(Errc::throttled).with_retry_after(Millis(2'000)), clock.steady());
    for (int i = 0; i < 20; ++i) fail_work(Errc::unavailable);
    EXPECT_FALSE(breaker.down());
    EXPECT_EQ(pause(), Millis(2'000)) << "the peer's wish counts for all of them";
    breaker.probe_succeeded(clock.steady());
    EXPECT_TRUE(breaker.may_work());
    fail_work(Errc::unavailable);
    EXPECT_FALSE(breaker.down());
}

TEST_F(BreakerTest, WorkThatKeepsFailingWhileProbesSucceedCountsAsDown) {
    for (int i = 0; i < 5; ++i) {
        fail_work(Errc::unavailable);
        ASSERT_FALSE(breaker.down()) << i;
        breaker.probe_succeeded(clock.steady());
    }
    fail_work(Errc::unavailable);
    EXPECT_TRUE(breaker.down());
    EXPECT_GT(pause(), Millis(0));
    // Back after a probe, but on trial: the next failure opens it at once, a success forgives.
    breaker.probe_succeeded(clock.steady());
    fail_work(Errc::unavailable);
    EXPECT_TRUE(breaker.down());
    breaker.probe_succeeded(clock.steady());
    breaker.work_succeeded();
    fail_work(Errc::unavailable);
    EXPECT_FALSE(breaker.down());
}

TEST_F(BreakerTest, LateFailuresChangeNothingWhileItIsOpen) {
    fail_work(Errc::quota_full);
    const auto due = breaker.probe_due();
    clock.advance(Millis(1'000));
    fail_work(Errc::unavailable);  // a call that was under way
    EXPECT_EQ(breaker.state(), ProviderState::full);
    EXPECT_EQ(breaker.probe_due(), due);
    breaker.work_succeeded();  // so was this one
    EXPECT_TRUE(breaker.down());
}

TEST_F(BreakerTest, ProbeAtOnceForgetsThePause) {
    breaker.probe_at_once(clock.steady());
    EXPECT_FALSE(breaker.probe_due()) << "nothing to probe";
    fail_probe(Errc::unauthenticated);
    clock.advance(Millis(10));
    breaker.probe_at_once(clock.steady());
    EXPECT_EQ(pause(), Millis(0));
    EXPECT_TRUE(breaker.down()) << "only the probe's success closes it";
}

}  // namespace
}  // namespace oracxfs::test
