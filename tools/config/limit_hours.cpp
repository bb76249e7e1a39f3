#include "tools/config/limit_hours.h"

#include <algorithm>
#include <ctime>

namespace oracxfs {

std::uint64_t rate_at(const std::vector<ReplicationConfig::LimitHours>& hours, std::uint64_t always, std::uint32_t minute) {
    std::uint64_t rate = always;
    for (const auto& span : hours) {
        const bool inside = span.from_minute < span.to_minute ? minute >= span.from_minute && minute < span.to_minute
                                                              : minute >= span.from_minute || minute < span.to_minute;
        if (!inside || span.rate == 0) continue;
        rate = rate == 0 ? span.rate : std::min(rate, span.rate);
    }
    return rate;
}

std::uint32_t local_minute_of_day(WallTime now) {
    const std::time_t seconds = to_ms(now) / 1000;
    std::tm local{};
    if (::localtime_r(&seconds, &local) == nullptr) return 0;
    return static_cast<std::uint32_t>(local.tm_hour * 60 + local.tm_min);
}

}  // namespace oracxfs
