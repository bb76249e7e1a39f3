#pragma once
// Natural calendar periods in UTC: which hour, day, ISO week, month and year a time lies in. Pure.

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace oracxfs {

enum class Period : std::uint8_t { hour, day, week, month, year };

// A number that is the same for all times of one period and grows with time.
std::int64_t period_index(Period period, WallTime time);

// "2025-01-04 06h", "2025-01-04", "2025-W01" (ISO 8601: from Monday), "2025-01", "2025".
std::string period_name(Period period, WallTime time);

}  // namespace oracxfs
