#pragma once
// The files of the activity log, for reading: `activity.jsonl` and those it was rotated into. Works beside a writer, and
// without one.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "tools/activity/activity_entry.h"

namespace oracxfs {

inline constexpr const char* kActivityFile = "activity.jsonl";

// A rotated file is named by the number of its first entry.
std::string rotated_activity_name(std::uint64_t first_seq);
struct RotatedActivity {
    std::string name;
    std::uint64_t first_seq = 0;
};
// Oldest first.
Result<std::vector<RotatedActivity>> rotated_activity(Disk& disk, const std::string& directory);

// The whole lines of a file without their line feeds, oldest first; what a crash left of a line at the end is not one.
// not_found.
struct ActivityText {
    std::string text;
    std::vector<std::string_view> lines;  // into text
    std::uint64_t whole_bytes = 0;        // up to the last line feed
};
Result<std::unique_ptr<ActivityText>> read_activity_text(Disk& disk, const std::string& path);

// As ActivityLog::read(), from the files alone. A line that cannot be read is left out.
Result<ActivityPage> read_activity(Disk& disk, const std::string& directory, const ActivityFilter& filter, std::size_t limit,
                                   std::uint64_t before_seq = 0);
// All entries after `seq`, oldest first.
Status visit_activity_after(Disk& disk, const std::string& directory, std::uint64_t seq,
                            const std::function<void(ActivityEntry)>& visit);

}  // namespace oracxfs
