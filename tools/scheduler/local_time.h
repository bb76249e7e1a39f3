#pragma once
// The time of day where this machine is, as an injected dependency.

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace oracxfs {

// Thread-safe.
class LocalTime {
  public:
    virtual ~LocalTime() = default;
    // How far the local time is ahead of UTC at that moment; negative to the west of it.
    [[nodiscard]] virtual std::chrono::seconds utc_offset(WallTime time) const = 0;
};

// As the C library knows it: TZ, else /etc/localtime. A zone that is changed while the program runs is noticed.
class SystemLocalTime final : public LocalTime {
  public:
    [[nodiscard]] std::chrono::seconds utc_offset(WallTime time) const override;
};

// Which minute of which day it is on the clock on the wall.
struct LocalMinute {
    std::chrono::sys_days day{};  // the local date, as if it were one in UTC
    std::chrono::minutes minute{0};
};
LocalMinute local_minute(const LocalTime& zone, WallTime time);

// When the clock on the wall shows that minute of that day. Where clocks go forward over it, the first moment after;
// where they go back over it, the first of the two times.
WallTime from_local(const LocalTime& zone, std::chrono::sys_days day, std::chrono::minutes minute);

}  // namespace oracxfs
