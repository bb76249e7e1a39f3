#include "tools/scheduler/local_time.h"

#include <algorithm>
#include <ctime>

namespace oracxfs {
namespace {

using std::chrono::floor;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;

// More than any zone is away from UTC, and less than the time between two changes of an offset.
constexpr seconds kAround = std::chrono::hours(26);

// The first second of (before, after] whose offset is that of `after`. There is one change between the two.
WallTime change_between(const LocalTime& zone, WallTime before, WallTime after) {
    const seconds offset_after = zone.utc_offset(after);
    auto low = floor<seconds>(before);
    auto high = floor<seconds>(after);
    while (high - low > seconds(1)) {
        const auto middle = low + (high - low) / 2;
        (zone.utc_offset(middle) == offset_after ? high : low) = middle;
    }
    return high;
}

}  // namespace

seconds SystemLocalTime::utc_offset(WallTime time) const {
    // localtime_r() alone goes on with the zone that was current at its first call.
    ::tzset();
    const std::time_t when = floor<seconds>(time).time_since_epoch().count();
    std::tm parts{};
    if (::localtime_r(&when, &parts) == nullptr) return seconds(0);  // a year beyond what tm can hold
    return seconds(parts.tm_gmtoff);
}

LocalMinute local_minute(const LocalTime& zone, WallTime time) {
    const WallTime local = time + zone.utc_offset(time);
    const sys_days day = floor<std::chrono::days>(local);
    return {day, floor<minutes>(local - day)};
}

WallTime from_local(const LocalTime& zone, sys_days day, minutes minute) {
    const WallTime local = day + minute;
    const seconds before = zone.utc_offset(local - kAround);
    const seconds after = zone.utc_offset(local + kAround);
    // The greater the offset, the earlier the moment.
    for (const seconds offset : {std::max(before, after), std::min(before, after)})
        if (zone.utc_offset(local - offset) == offset) return local - offset;
    // Skipped: the old offset leads to a moment after the change, the new one to a moment before it.
    return change_between(zone, local - after, local - before);
}

}  // namespace oracxfs
