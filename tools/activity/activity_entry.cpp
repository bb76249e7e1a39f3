#include "tools/activity/activity_entry.h"

#include <algorithm>

#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kLineBytesMax = 1u << 20;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

std::string_view to_string(ActivityLevel level) {
    switch (level) {
        case ActivityLevel::info: return "info";
        case ActivityLevel::warning: return "warning";
        case ActivityLevel::error: return "error";
    }
    return "error";
}

std::optional<ActivityLevel> activity_level_from(std::string_view word) {
    for (const ActivityLevel level : {ActivityLevel::info, ActivityLevel::warning, ActivityLevel::error})
        if (word == to_string(level)) return level;
    return std::nullopt;
}

Json activity_to_json(const ActivityEntry& entry) {
    Json json = Json::object({{"seq", entry.seq},
                              {"at", format_utc_millis(entry.at)},
                              {"level", to_string(entry.level)},
                              {"category", entry.category},
                              {"kind", entry.kind},
                              {"provider", entry.providers.size() == 1 ? Json(entry.providers.front()) : Json()}});
    Json providers = Json::array();
    for (const std::string& name : entry.providers) providers.push(name);
    json.set("providers", std::move(providers));
    json.set("run", text_or_null(entry.run));
    if (entry.path.empty())
        json.set("path", nullptr);
    else
        set_bytes(json, "path", entry.path);
    json.set("code", text_or_null(entry.code));
    json.set("message", entry.message);
    json.set("args", entry.args);
    return json;
}

Result<ActivityEntry> activity_from_line(std::string_view line) {
    ORACX_TRY(const Json json, parse_json(line, {kLineBytesMax, 32, false}));
    const auto at = parse_utc(json["at"].as_string());
    const auto level = activity_level_from(json["level"].as_string());
    if (json["seq"].as_int() <= 0 || !at || !level) return fail(Errc::invalid, "read the activity log", "a line has no number, time or level");
    ActivityEntry entry;
    entry.seq = static_cast<std::uint64_t>(json["seq"].as_int());
    entry.at = *at;
    entry.level = *level;
    entry.category = json["category"].as_string();
    entry.kind = json["kind"].as_string();
    for (const Json& name : json["providers"].items()) entry.providers.push_back(name.as_string());
    entry.run = json["run"].as_string();
    if (json["path"].is_string()) entry.path = get_bytes(json, "path");
    entry.code = json["code"].as_string();
    entry.message = json["message"].as_string();
    entry.args = json["args"];
    entry.event = json["event"].as_int();
    entry.events_through = json["events_through"].as_int();
    return entry;
}

std::string activity_line(const ActivityEntry& entry) {
    Json json = activity_to_json(entry);
    if (entry.event != 0) json.set("event", entry.event);
    if (entry.events_through != 0) json.set("events_through", entry.events_through);
    return json.dump() + "\n";
}

bool ActivityFilter::matches(const ActivityEntry& entry) const {
    if (entry.level < at_least || entry.seq <= after_seq) return false;
    if (!provider.empty() && std::find(entry.providers.begin(), entry.providers.end(), provider) == entry.providers.end()) return false;
    if (!run.empty() && entry.run != run) return false;
    if (!category.empty() && entry.category != category) return false;
    if (since && entry.at < *since) return false;
    if (path.empty() || entry.path == path) return true;
    // A line that stands for many files names the first ones.
    const auto& named = entry.args["paths"].items();
    return std::any_of(named.begin(), named.end(), [&](const Json& one) { return get_bytes(one, "path") == path; });
}

}  // namespace oracxfs
