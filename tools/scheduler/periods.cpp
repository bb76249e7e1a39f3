#include "tools/scheduler/periods.h"

#include <fmt/format.h>

namespace oracxfs {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::sys_days;
using std::chrono::weeks;
using std::chrono::year_month_day;

// 1970-01-01 was a Thursday: three days more, and weeks since then begin on Monday.
std::int64_t week_index(sys_days day) { return floor<weeks>(day.time_since_epoch() + days(3)).count(); }

// ISO 8601: a week belongs to the year that its Thursday lies in.
std::string week_name(sys_days day) {
    const sys_days thursday{days(week_index(day) * 7)};
    const year_month_day date(thursday);
    const auto ordinal = (thursday - sys_days(date.year() / std::chrono::January / 1)).count();
    return fmt::format("{:04}-W{:02}", static_cast<int>(date.year()), ordinal / 7 + 1);
}

}  // namespace

std::int64_t period_index(Period period, WallTime time) {
    const sys_days day = floor<days>(time);
    const year_month_day date(day);
    switch (period) {
        case Period::hour: return floor<std::chrono::hours>(time).time_since_epoch().count();
        case Period::day: return day.time_since_epoch().count();
        case Period::week: return week_index(day);
        case Period::month: return static_cast<int>(date.year()) * 12ll + static_cast<unsigned>(date.month()) - 1;
        case Period::year: break;
    }
    return static_cast<int>(date.year());
}

std::string period_name(Period period, WallTime time) {
    const sys_days day = floor<days>(time);
    const year_month_day date(day);
    const int year = static_cast<int>(date.year());
    const unsigned month = static_cast<unsigned>(date.month());
    const unsigned day_of_month = static_cast<unsigned>(date.day());
    switch (period) {
        case Period::hour:
            return fmt::format("{:04}-{:02}-{:02} {:02}h", year, month, day_of_month,
                               std::chrono::hh_mm_ss(time - day).hours().count());
        case Period::day: return fmt::format("{:04}-{:02}-{:02}", year, month, day_of_month);
        case Period::week: return week_name(day);
        case Period::month: return fmt::format("{:04}-{:02}", year, month);
        case Period::year: break;
    }
    return fmt::format("{:04}", year);
}

}  // namespace oracxfs
