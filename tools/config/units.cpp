#include "tools/config/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace oracxfs {
namespace {

constexpr double kBytesMax = 9.2e18;  // what a signed 64-bit JSON number can hold

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// Takes digits with at most one point from the front.
std::optional<double> take_number(std::string_view& text) {
    std::size_t length = 0;
    bool point = false;
    while (length < text.size()) {
        const char c = text[length];
        if (c == '.' && !point && length + 1 < text.size() && text[length + 1] != '.')
            point = true;
        else if (c < '0' || c > '9')
            break;
        ++length;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
    if (length == 0 || error != std::errc{} || end != text.data() + length) return std::nullopt;
    text.remove_prefix(length);
    return value;
}

std::optional<double> size_unit(std::string_view unit) {
    if (unit.empty() || unit == "B") return 1;
    constexpr std::string_view kPrefixes = "KMGTP";
    const char first = unit[0] == 'k' ? 'K' : unit[0];
    const std::size_t power = kPrefixes.find(first);
    if (power == std::string_view::npos) return std::nullopt;
    const double exponent = static_cast<double>(power) + 1;
    const std::string_view rest = unit.substr(1);
    if (rest == "B") return std::pow(1000.0, exponent);
    if (rest.empty() || rest == "i" || rest == "iB") return std::pow(1024.0, exponent);
    return std::nullopt;
}

struct TimeUnit {
    std::string_view name;
    double ms;
};
constexpr std::array kTimeUnits = {TimeUnit{"ms", 1},         TimeUnit{"min", 60e3},
                                   TimeUnit{"s", 1e3},        TimeUnit{"m", 60e3},
                                   TimeUnit{"h", 3600e3},     TimeUnit{"d", 86'400e3},
                                   TimeUnit{"w", 7 * 86'400e3}};
constexpr double kDurationMaxMs = 100.0 * 366 * 86'400e3;

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    text = trimmed(text);
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    const auto unit = size_unit(trimmed(text));
    if (!unit || *number * *unit > kBytesMax) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(*number * *unit));
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
    text = trimmed(text);
    if (text.ends_with("/s")) text.remove_suffix(2);
    return parse_size(text);
}

std::optional<Millis> parse_duration(std::string_view text) {
    text = trimmed(text);
    if (text == "0") return Millis(0);
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number) return std::nullopt;
        const auto unit = std::find_if(kTimeUnits.begin(), kTimeUnits.end(),
                                       [&](const TimeUnit& u) { return text.starts_with(u.name); });
        if (unit == kTimeUnits.end()) return std::nullopt;
        text.remove_prefix(unit->name.size());
        total += *number * unit->ms;
    }
    if (total > kDurationMaxMs) return std::nullopt;
    return Millis(std::llround(total));
}

std::optional<DurationRange> parse_duration_range(std::string_view text) {
    const std::size_t dots = text.find("..");
    const auto from = parse_duration(text.substr(0, dots));
    const auto to = dots == std::string_view::npos ? from : parse_duration(text.substr(dots + 2));
    if (!from || !to || *from > *to) return std::nullopt;
    return DurationRange{*from, *to};
}

std::string format_size(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::string_view kPrefixes = "KMGTPE";
    double value = static_cast<double>(bytes) / 1024;
    std::size_t power = 0;
    while (value >= 1023.995 && power + 1 < kPrefixes.size()) {
        value /= 1024;
        ++power;
    }
    const int decimals = value < 10 ? 2 : value < 100 ? 1 : 0;
    return fmt::format("{:.{}f} {}iB", value, decimals, kPrefixes[power]);
}

std::string format_duration(Millis duration) {
    struct Step {
        std::int64_t seconds;
        std::string_view unit;
    };
    constexpr std::array kSteps = {Step{86'400, "d"}, Step{3'600, "h"}, Step{60, "min"}, Step{1, "s"}};
    const std::int64_t ms = std::max<std::int64_t>(duration.count(), 0);
    if (ms < 1000) return fmt::format("{} ms", ms);
    const std::int64_t seconds = ms / 1000;
    for (std::size_t i = 0; i < kSteps.size(); ++i) {
        if (seconds < kSteps[i].seconds) continue;
        std::string text = fmt::format("{} {}", seconds / kSteps[i].seconds, kSteps[i].unit);
        if (i + 1 < kSteps.size()) {
            const std::int64_t rest = seconds % kSteps[i].seconds / kSteps[i + 1].seconds;
            if (rest > 0) text += fmt::format(" {} {}", rest, kSteps[i + 1].unit);
        }
        return text;
    }
    return "0 s";
}

std::string format_age(Millis age) {
    const std::int64_t seconds = age.count() / 1000;
    if (seconds < 5) return "just now";
    if (seconds < 60) return fmt::format("{} s ago", seconds);
    if (seconds < 3'600) return fmt::format("{} min ago", seconds / 60);
    if (seconds < 2 * 86'400) return fmt::format("{} h ago", seconds / 3'600);
    return fmt::format("{} d ago", seconds / 86'400);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    const std::size_t width = b.size() + 1;
    std::vector<std::size_t> cells((a.size() + 1) * width);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return cells[i * width + j]; };
    for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
    for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            at(i, j) = std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
        }
    }
    return at(a.size(), b.size());
}

}  // namespace oracxfs
