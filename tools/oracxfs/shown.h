#pragma once
// Sizes, times and states as people read them, in their language. What goes into JSON, errors or the log is written by
// tools/config/units.h and base/clock.h instead.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"

namespace oracxfs {

std::string shown_size(std::uint64_t bytes);   // "1.84 GiB", "1,84 Gio"
std::string shown_size(const Json& bytes);
std::string shown_duration(Millis duration);   // "3 d 4 h", "3 j 4 h"
std::string shown_age(Millis age);             // "2 h ago", "il y a 2 h"
// The age of a time as JSON has it ("2026-11-23T20:36:28Z"); "never" for none.
std::string shown_age(const Json& time, WallTime now);
// A time as JSON has it, in local time: "2026-11-23 21:36", "23/11/2026 21:36"; "" for none.
std::string shown_time(const Json& time);
// A state, kind or other word of the JSON output: "verified", "vérifié".
std::string shown_word(std::string_view word);

}  // namespace oracxfs
