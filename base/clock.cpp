#include "base/clock.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>

namespace oracxfs {

WallTime SystemClock::wall() const {
    return std::chrono::floor<Millis>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady() const { return std::chrono::steady_clock::now(); }

bool SystemClock::sleep_until(SteadyTime deadline, const std::stop_token& stop) {
    // Nobody notifies: the condition is there for the stop token, which wakes the wait at once.
    std::mutex mutex;
    std::condition_variable_any wakeup;
    std::unique_lock lock(mutex);
    wakeup.wait_until(lock, stop, deadline, [] { return false; });
    return !stop.stop_requested();
}

std::string format_utc(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace oracxfs
