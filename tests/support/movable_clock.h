#pragma once
// The system's time, and what a test puts on top of it: for what talks to real servers and waits for hours.

#include <atomic>

#include "base/clock.h"

namespace oracxfs::test {

class MovableClock final : public Clock {
  public:
    [[nodiscard]] WallTime wall() const override { return system_.wall() + ahead(); }
    [[nodiscard]] SteadyTime steady() const override { return system_.steady() + ahead(); }
    // A sleep that has begun goes by the time that was.
    bool sleep_until(SteadyTime deadline, const std::stop_token& stop) override {
        return system_.sleep_until(deadline - ahead(), stop);
    }

    void advance(Millis by) { ahead_ += by.count(); }

  private:
    [[nodiscard]] Millis ahead() const { return Millis(ahead_.load()); }

    SystemClock system_;
    std::atomic<Millis::rep> ahead_{0};
};

}  // namespace oracxfs::test
