#pragma once
// From the catalogue's events, which are about single files, to lines for people: what an event is about, and many of one
// kind as one line. No I/O.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cache/catalog.h"
#include "tools/activity/activity_entry.h"

namespace oracxfs {

std::string activity_category(std::string_view kind);

// `describe_run` gives what a run's line is made from, by its number; null = nothing is known of it. May be empty.
using DescribeRun = std::function<Json(std::int64_t run)>;
ActivityEntry activity_from_event(const EventRow& event, const DescribeRun& describe_run);

// Of entries that differ only in their file, the first ten are passed on as they come, the others together: after 5 s, then,
// while there are more, after 10, 20, 40 and every 60 s. Ten thousand files are some twenty lines.
class EventMerger {
  public:
    static constexpr unsigned kSingles = 10;

    // What is to be written now; in order, with events_through.
    std::vector<ActivityEntry> add(ActivityEntry entry, SteadyTime now);
    // The groups whose time has come, or all.
    std::vector<ActivityEntry> due(SteadyTime now, bool all = false);
    [[nodiscard]] std::optional<SteadyTime> next() const;

  private:
    struct Group {
        ActivityEntry first;             // of those held back
        std::uint64_t held = 0, bytes = 0;
        std::vector<std::string> paths;  // the first ones
        unsigned singles = 0;            // passed on in this window
        SteadyTime ends;
        Millis length{0};
    };
    [[nodiscard]] std::int64_t through() const;
    static ActivityEntry merged(const Group& group);

    std::map<std::string, Group> groups_;
    std::int64_t last_ = 0;  // event seen
};

}  // namespace oracxfs
