#include "tools/activity/activity_handlers.h"

#include <algorithm>

#include "tools/control/envelope.h"

namespace oracxfs {

Result<ActivityFilter> activity_filter(const Json& args) {
    ActivityFilter filter;
    filter.provider = args["provider"].as_string();
    filter.run = args["run"].as_string();
    filter.category = args["category"].as_string();
    filter.path = get_bytes(args, "path");
    if (const std::string& word = args["level"].as_string(); !word.empty()) {
        const auto level = activity_level_from(word);
        if (!level) return fail(Errc::invalid, "read the log", "level must be info, warning or error");
        filter.at_least = *level;
    }
    filter.after_seq = static_cast<std::uint64_t>(std::max<std::int64_t>(args["after"].as_int(), 0));
    if (args["since_ms"].is_int()) filter.since = wall_from_ms(args["since_ms"].as_int());
    return filter;
}

Result<Json> answer_log(ActivityLog& log, const Json& args, const Emit& emit) {
    ORACX_TRY(const ActivityFilter filter, activity_filter(args));
    log.flush();
    // What comes from here on is for those who follow: neither twice nor never.
    const std::uint64_t last = log.last_seq();
    const auto before = static_cast<std::uint64_t>(std::max<std::int64_t>(args["before"].as_int(), 0));
    const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(args["limit"].as_int(50), 0));
    ORACX_TRY(const ActivityPage page, log.read(filter, limit, before == 0 ? last + 1 : std::min(before, last + 1)));
    for (const ActivityEntry& entry : page.entries) {
        Json json = activity_to_json(entry);
        json.set("type", "event");
        emit(json);
    }
    return Json::object({{"count", page.entries.size()}, {"older", page.older == 0 ? Json() : Json(page.older)}, {"last_seq", last}});
}

}  // namespace oracxfs
