#pragma once
// When the next request to a service may start: a pace that is learned from its complaints. Not thread-safe.
//
// Unlimited (or at the configured rate) until the service objects. Then half of what was sent lately, but never less than
// one request in five seconds, growing again to the double every half minute until it no longer matters.

#include <deque>
#include <optional>

#include "base/clock.h"

namespace oracxfs::http {

class RequestPace {
  public:
    // `requests_per_second_max` 0: no limit of one's own.
    explicit RequestPace(double requests_per_second_max) : max_(requests_per_second_max) {}

    // Books the next start that is free, unless that is later than `latest`: then nothing is booked and the start it would
    // have been is returned as well.
    struct Slot {
        SteadyTime start;
        bool booked = false;
    };
    Slot book(SteadyTime now, SteadyTime latest);
    // The service objected to a request that was started at `started`; nothing may start for `pause`.
    void slow_down(SteadyTime now, SteadyTime started, Millis pause);
    [[nodiscard]] SteadyTime not_before() const { return not_before_; }
    [[nodiscard]] double rate(SteadyTime now);  // requests per second; 0 = unlimited

  private:
    [[nodiscard]] double observed(SteadyTime now);

    const double max_;
    double learned_ = 0;  // 0 = nothing was learned, or it is forgotten
    SteadyTime learned_at_{};
    SteadyTime last_cut_{};
    SteadyTime not_before_{};
    SteadyTime next_{};  // theoretical start of the next request at an even pace
    std::deque<SteadyTime> starts_;
};

}  // namespace oracxfs::http
