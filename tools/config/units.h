#pragma once
// Sizes, durations and rates as people write them: "512MiB", "1m30s", "2s..5m", "4MiB/s".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace oracxfs {

// A number and a unit: B, KiB ... PiB and K ... P (powers of 1024), kB ... PB (powers of 1000). No unit: bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
// parse_size with an optional "/s" at the end.
std::optional<std::uint64_t> parse_rate(std::string_view text);
// One or more numbers with ms, s, m (or min), h, d, w: "12h", "1m30s". A unit is required, but for "0".
std::optional<Millis> parse_duration(std::string_view text);

struct DurationRange {
    Millis from{0};
    Millis to{0};
    bool operator==(const DurationRange&) const = default;
};
// "2s..5m"; one duration means both.
std::optional<DurationRange> parse_duration_range(std::string_view text);

// For people: "1.84 GiB", "512 B".
std::string format_size(std::uint64_t bytes);
// For people, two units at most: "4 min 10 s", "3 h 58 min", "2 d".
std::string format_duration(Millis duration);
// "just now", "2 h ago", "3 d ago".
std::string format_age(Millis age);

// Number of single-character edits (insert, delete, replace, swap of neighbours) that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace oracxfs
