#pragma once
// replication.limit_hours: rates by the hours of the day.

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "tools/config/config.h"

namespace oracxfs {

// Bytes per second that may be sent at this minute of the day, 0 = no limit: the lowest of `always` and of the spans that
// contain it. A span holds from its first minute up to its second one, over midnight if that is earlier; equal: all day.
std::uint64_t rate_at(const std::vector<ReplicationConfig::LimitHours>& hours, std::uint64_t always, std::uint32_t minute);

// In the time zone of this machine.
std::uint32_t local_minute_of_day(WallTime now);

}  // namespace oracxfs
