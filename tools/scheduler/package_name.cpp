#include "tools/scheduler/package_name.h"

#include <fmt/format.h>

namespace oracxfs {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::year_month_day;

constexpr std::string_view kSuffix = ".zip";
constexpr std::size_t kStampBytes = 15;  // YYYYMMDD_HHMMSS
constexpr int kAheadMax = 60;            // seconds that a second run may be ahead of the clock
// The shortest limit among providers is 255 bytes a name; their parts and trash names need some of it.
constexpr std::size_t kPrefixBytesMax = 128;

bool all_digits(std::string_view text) {
    for (const char c : text)
        if (c < '0' || c > '9') return false;
    return true;
}

unsigned number(std::string_view digits) {
    unsigned value = 0;
    for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
    return value;
}

}  // namespace

std::optional<std::string> package_name(std::string_view prefix, WallTime time) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const int year = static_cast<int>(date.year());
    // Far outside, the calendar's year wraps around its 16 bits and may look fine; the way back shows it.
    if (year < 0 || year > 9999 || std::chrono::sys_days(date) != day) return std::nullopt;
    const std::chrono::hh_mm_ss clock(floor<seconds>(time) - day);
    return fmt::format("{}{:04}{:02}{:02}_{:02}{:02}{:02}{}", prefix, year, static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count(), kSuffix);
}

std::optional<WallTime> parse_package_name(std::string_view prefix, std::string_view name) {
    if (name.size() != prefix.size() + kStampBytes + kSuffix.size()) return std::nullopt;
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) return std::nullopt;
    const std::string_view date = name.substr(prefix.size(), 8);
    const std::string_view clock = name.substr(prefix.size() + 9, 6);
    if (name[prefix.size() + 8] != '_' || !all_digits(date) || !all_digits(clock)) return std::nullopt;
    const year_month_day day(std::chrono::year(static_cast<int>(number(date.substr(0, 4)))),
                             std::chrono::month(number(date.substr(4, 2))), std::chrono::day(number(date.substr(6, 2))));
    const unsigned hour = number(clock.substr(0, 2));
    const unsigned minute = number(clock.substr(2, 2));
    const unsigned second = number(clock.substr(4, 2));
    if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second);
}

Result<NewPackageName> new_package_name(std::string_view prefix, WallTime now,
                                        const std::function<bool(std::string_view name)>& taken) {
    const WallTime first = floor<seconds>(now);
    for (int ahead = 0; ahead < kAheadMax; ++ahead) {
        const WallTime time = first + seconds(ahead);
        auto name = package_name(prefix, time);
        if (!name)
            return fail(Errc::invalid, "name the backup package", "the clock of this machine shows a year outside 0 to 9999");
        if (!taken(*name)) return NewPackageName{std::move(*name), time};
    }
    return fail(Errc::exists, "name the backup package",
                fmt::format("the names of {} seconds from {} on are all taken", kAheadMax, format_utc(first)));
}

Status check_package_prefix(std::string_view prefix) {
    if (prefix.size() > kPrefixBytesMax)
        return fail(Errc::name_too_long, "check the packages' name prefix",
                    fmt::format("it has {} bytes, more than {}", prefix.size(), kPrefixBytesMax));
    // A dot makes the package hidden, which rules of the mount and of providers treat differently.
    if (prefix.starts_with('.') || prefix.starts_with('~') || prefix.starts_with(' '))
        return fail(Errc::name_refused, "check the packages' name prefix", "it begins with a dot, a tilde or a blank");
    for (const char c : prefix)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos)
            return fail(Errc::name_refused, "check the packages' name prefix",
                        "it holds a control character or one of / \\ : * ? \" < > |");
    return {};
}

}  // namespace oracxfs
