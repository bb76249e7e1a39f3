#include "tests/support/fake_clock.h"

namespace oracxfs::test {

WallTime FakeClock::wall() const {
    const std::lock_guard lock(mutex_);
    return wall_;
}

SteadyTime FakeClock::steady() const {
    const std::lock_guard lock(mutex_);
    return steady_;
}

bool FakeClock::sleep_until(SteadyTime deadline, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto pause = std::chrono::ceil<Millis>(deadline - steady_);
    if (pause > Millis(0)) pauses_.push_back(pause);
    if (stop.stop_requested()) return false;
    if (sleep_ == Sleep::advances) {
        if (pause > Millis(0)) {
            steady_ += pause;
            wall_ += pause;
            changed_.notify_all();
        }
        return true;
    }
    ++sleepers_;
    changed_.notify_all();
    const bool reached = changed_.wait(lock, stop, [&] { return steady_ >= deadline; });
    --sleepers_;
    return reached;
}

void FakeClock::advance(Millis by) {
    const std::lock_guard lock(mutex_);
    steady_ += by;
    wall_ += by;
    changed_.notify_all();
}

void FakeClock::set_sleep(Sleep sleep) {
    const std::lock_guard lock(mutex_);
    sleep_ = sleep;
}

void FakeClock::set_wall(WallTime now) {
    const std::lock_guard lock(mutex_);
    wall_ = now;
}

void FakeClock::wait_for_sleepers(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return sleepers_ >= count; });
}

std::vector<Millis> FakeClock::pauses() const {
    const std::lock_guard lock(mutex_);
    return pauses_;
}

}  // namespace oracxfs::test
