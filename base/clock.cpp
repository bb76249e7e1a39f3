#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
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

std::string format_utc_millis(WallTime time) {
    const auto second = std::chrono::floor<std::chrono::seconds>(time);
    std::string text = format_utc(time);
    text.insert(text.size() - 1, fmt::format(".{:03}", (time - second).count()));
    return text;
}

std::optional<WallTime> parse_utc(std::string_view text) {
    constexpr std::string_view kShape = "0000-00-00T00:00:00";
    if (text.size() <= kShape.size() || text.back() != 'Z') return std::nullopt;
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 0; i < kShape.size(); ++i)
        if (kShape[i] == '0' ? !is_digit(text[i]) : text[i] != kShape[i]) return std::nullopt;
    const auto number = [&](std::size_t at, std::size_t length) {
        int value = 0;
        for (const char digit : text.substr(at, length)) value = value * 10 + (digit - '0');
        return value;
    };
    const std::chrono::year_month_day date{std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    std::string_view fraction = text.substr(kShape.size(), text.size() - 1 - kShape.size());
    int millis = 0;
    if (!fraction.empty()) {
        if (fraction.front() != '.' || fraction.size() == 1) return std::nullopt;
        fraction.remove_prefix(1);
        for (std::size_t i = 0; i < std::max<std::size_t>(fraction.size(), 3); ++i) {
            const char digit = i < fraction.size() ? fraction[i] : '0';
            if (!is_digit(digit)) return std::nullopt;
            if (i < 3) millis = millis * 10 + (digit - '0');
        }
    }
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) + Millis(millis);
}

}  // namespace oracxfs
