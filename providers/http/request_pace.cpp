#include "providers/http/request_pace.h"

#include <algorithm>
#include <cmath>

namespace oracxfs::http {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr Seconds kWindow{10};
constexpr std::size_t kStartsMax = 2000;
constexpr double kRateMin = 0.2;
constexpr double kRateForgotten = 100;  // nobody gets there: as good as unlimited
constexpr double kDoublingSeconds = 30;
constexpr double kBurstSeconds = 0.5;

SteadyTime after(SteadyTime from, double seconds) {
    return from + std::chrono::duration_cast<SteadyTime::duration>(Seconds(seconds));
}

}  // namespace

double RequestPace::rate(SteadyTime now) {
    if (learned_ > 0) {
        const double quiet = Seconds(now - learned_at_).count();
        if (quiet > 0) {
            learned_ *= std::exp2(quiet / kDoublingSeconds);
            learned_at_ = now;
        }
        if (learned_ > kRateForgotten || (max_ > 0 && learned_ > max_)) learned_ = 0;
    }
    return learned_ > 0 ? learned_ : max_;
}

double RequestPace::observed(SteadyTime now) {
    while (!starts_.empty() && now - starts_.front() > kWindow) starts_.pop_front();
    if (starts_.empty()) return kRateMin;
    const double span = std::max(Seconds(now - starts_.front()).count(), 1.0);
    return static_cast<double>(starts_.size()) / span;
}

RequestPace::Slot RequestPace::book(SteadyTime now, SteadyTime latest) {
    const double per_second = rate(now);
    Slot slot{std::max(now, not_before_), false};
    if (per_second > 0) {
        const double burst = std::max(per_second * kBurstSeconds, 1.0);
        slot.start = std::max(slot.start, after(next_, -(burst - 1) / per_second));
    }
    if (slot.start > latest) return slot;
    slot.booked = true;
    if (per_second > 0) next_ = after(std::max(next_, slot.start), 1 / per_second);
    starts_.push_back(slot.start);
    if (starts_.size() > kStartsMax) starts_.pop_front();
    return slot;
}

void RequestPace::slow_down(SteadyTime now, SteadyTime started, Millis pause) {
    not_before_ = std::max(not_before_, now + pause);
    // The pause itself is not time in which the service had nothing to complain about.
    learned_at_ = std::max(learned_at_, not_before_);
    // Requests that were under way when the pace was cut say nothing about the new one.
    if (started < last_cut_) return;
    const double before = rate(now) > 0 ? std::min(rate(now), observed(now)) : observed(now);
    learned_ = std::max(before / 2, kRateMin);
    last_cut_ = now;
}

}  // namespace oracxfs::http
