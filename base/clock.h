#pragma once
// Time as an injected dependency. Product code never asks the operating system for the time itself.

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace oracxfs {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;  // UTC; may jump
using SteadyTime = std::chrono::steady_clock::time_point;           // never jumps
using Millis = std::chrono::milliseconds;

// Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual WallTime wall() const = 0;
    [[nodiscard]] virtual SteadyTime steady() const = 0;
    // Waits until `deadline` or until stop is requested. True if the deadline was reached.
    virtual bool sleep_until(SteadyTime deadline, const std::stop_token& stop) = 0;

    bool sleep_for(Millis pause, const std::stop_token& stop) { return sleep_until(steady() + pause, stop); }
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] WallTime wall() const override;
    [[nodiscard]] SteadyTime steady() const override;
    bool sleep_until(SteadyTime deadline, const std::stop_token& stop) override;
};

// "2026-11-23T20:36:28Z" (RFC 3339, UTC).
std::string format_utc(WallTime time);
std::string format_utc_millis(WallTime time);  // "2026-11-23T20:36:28.042Z"
// Either of these forms, with any number of decimals. Nothing for everything else.
std::optional<WallTime> parse_utc(std::string_view text);
inline WallTime wall_from_ms(std::int64_t ms) { return WallTime(Millis(ms)); }
inline std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }

}  // namespace oracxfs
