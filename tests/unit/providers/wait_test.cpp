#include "providers/wait.h"

#include <future>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

TEST(StillWanted, StopComesBeforeDeadline) {
    FakeClock clock;
    std::stop_source source;
    OpContext ctx{.stop = source.get_token(), .deadline = clock.steady() + Millis(10)};
    EXPECT_THAT(still_wanted(ctx, clock), IsOk());
    clock.advance(Millis(10));
    EXPECT_THAT(still_wanted(ctx, clock), HasCode(Errc::deadline));
    source.request_stop();
    EXPECT_THAT(still_wanted(ctx, clock), HasCode(Errc::cancelled));
}

TEST(DeadlineStop, FiresAtTheDeadline) {
    FakeClock clock;
    const OpContext ctx{.stop = {}, .deadline = clock.steady() + Millis(10)};
    const DeadlineStop stop(ctx, clock);
    clock.wait_for_sleepers(1);
    EXPECT_FALSE(stop.token().stop_requested());
    std::promise<void> fired;
    const std::stop_callback callback(stop.token(), [&] { fired.set_value(); });
    clock.advance(Millis(10));
    fired.get_future().wait();
    EXPECT_EQ(stop.reason(Error()).code, Errc::deadline);
}

TEST(DeadlineStop, FiresAtOnceWhenTheDeadlineIsPast) {
    FakeClock clock;
    const OpContext ctx{.stop = {}, .deadline = clock.steady()};
    EXPECT_TRUE(DeadlineStop(ctx, clock).token().stop_requested());
}

TEST(DeadlineStop, PassesStopOn) {
    FakeClock clock;
    std::stop_source source;
    const OpContext ctx{.stop = source.get_token(), .deadline = clock.steady() + Millis(10)};
    const DeadlineStop stop(ctx, clock);
    source.request_stop();
    EXPECT_TRUE(stop.token().stop_requested());
    EXPECT_EQ(stop.reason(Error()).code, Errc::cancelled);
}

TEST(DeadlineStop, WithoutDeadlineIsTheTokenItself) {
    FakeClock clock;
    std::stop_source source;
    const OpContext ctx{.stop = source.get_token(), .deadline = {}};
    const DeadlineStop stop(ctx, clock);
    EXPECT_EQ(stop.token(), source.get_token());
    EXPECT_EQ(stop.reason(Error(Errc::changed, "x")).code, Errc::changed);
}

}  // namespace
}  // namespace oracxfs::test
