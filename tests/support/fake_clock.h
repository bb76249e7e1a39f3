#pragma once
// Time that moves only when a test says so.

#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/clock.h"

namespace oracxfs::test {

class FakeClock final : public Clock {
  public:
    enum class Sleep {
        waits,     // sleep_until() blocks until advance() reaches the deadline
        advances,  // sleep_until() moves the time to the deadline itself and returns at once
    };

    // Starts at 2026-11-23 20:36:28 UTC.
    explicit FakeClock(Sleep sleep = Sleep::waits) : sleep_(sleep) {}

    [[nodiscard]] WallTime wall() const override;
    [[nodiscard]] SteadyTime steady() const override;
    bool sleep_until(SteadyTime deadline, const std::stop_token& stop) override;

    void advance(Millis by);
    void set_sleep(Sleep sleep);  // for whoever goes to sleep from now on
    void set_wall(WallTime now);  // the wall clock may jump, the steady one does not
    // Blocks until `count` threads are inside sleep_until().
    void wait_for_sleepers(std::size_t count);
    // Every pause that was asked for, in order.
    [[nodiscard]] std::vector<Millis> pauses() const;

  private:
    Sleep sleep_;  // guarded by mutex_
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    WallTime wall_{Millis(1'795'466'188'000)};
    SteadyTime steady_{std::chrono::hours(1)};
    std::size_t sleepers_ = 0;
    std::vector<Millis> pauses_;
};

}  // namespace oracxfs::test
