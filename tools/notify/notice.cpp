#include "tools/notify/notice.h"

#include <algorithm>
#include <optional>

#include "tools/notify/notify_rules.h"

namespace oracxfs {
namespace {

Json time_or_null(const std::optional<WallTime>& time) { return time ? Json(to_ms(*time)) : Json(); }

std::optional<WallTime> optional_time(const Json& json) {
    if (!json.is_int()) return std::nullopt;
    return wall_from_ms(json.as_int());
}

}  // namespace

Json notice_to_json(const Notice& notice) {
    return Json::object({{"topic", notice.topic},
                         {"kind", notice.kind},
                         {"level", to_string(notice.level)},
                         {"at", format_utc_millis(notice.at)},
                         {"reminder", notice.reminder},
                         {"title", notice.title},
                         {"text", notice.text},
                         {"next", notice.next.empty() ? Json() : Json(notice.next)},
                         {"details", notice.details}});
}

Notice notice_from_json(const Json& json) {
    Notice notice;
    notice.topic = json["topic"].as_string();
    notice.kind = json["kind"].as_string();
    notice.level = activity_level_from(json["level"].as_string()).value_or(ActivityLevel::error);
    notice.at = parse_utc(json["at"].as_string()).value_or(WallTime());
    notice.reminder = json["reminder"].as_bool();
    notice.title = json["title"].as_string();
    notice.text = json["text"].as_string();
    notice.next = json["next"].as_string();
    notice.details = json["details"];
    return notice;
}

Json memory_to_json(const NotifyMemory& memory) {
    Json providers = Json::object(), damaged_at = Json::array();
    for (const auto& [name, state] : memory.told_providers) providers.set(name, state);
    for (const std::string& name : memory.damaged_at) damaged_at.push(name);
    return Json::object({{"told_state", memory.told_state},
                         {"told_at", to_ms(memory.told_at)},
                         {"other_since", time_or_null(memory.other_since)},
                         {"other_is_worse", memory.other_is_worse},
                         {"seen_bytes", memory.seen_bytes},
                         {"seen_files", memory.seen_files},
                         {"told_providers", std::move(providers)},
                         {"told_run", memory.told_run},
                         {"damaged", memory.damaged},
                         {"healed", memory.healed},
                         {"damaged_at", std::move(damaged_at)},
                         {"damaged_path", memory.damaged_path},
                         {"damaged_since", time_or_null(memory.damaged_since)},
                         {"damage_told", time_or_null(memory.damage_told)},
                         {"through_seq", memory.through_seq}});
}

NotifyMemory memory_from_json(const Json& json) {
    const auto count = [&](std::string_view key) { return static_cast<std::uint64_t>(std::max<std::int64_t>(json[key].as_int(), 0)); };
    NotifyMemory memory;
    memory.told_state = json["told_state"].as_string();
    memory.told_at = wall_from_ms(json["told_at"].as_int());
    memory.other_since = optional_time(json["other_since"]);
    memory.other_is_worse = json["other_is_worse"].as_bool();
    memory.seen_bytes = count("seen_bytes");
    memory.seen_files = count("seen_files");
    for (const auto& [name, state] : json["told_providers"].members()) memory.told_providers[name] = state.as_string();
    memory.told_run = json["told_run"].as_string();
    memory.damaged = count("damaged");
    memory.healed = count("healed");
    for (const Json& name : json["damaged_at"].items()) memory.damaged_at.push_back(name.as_string());
    memory.damaged_path = json["damaged_path"].as_string();
    memory.damaged_since = optional_time(json["damaged_since"]);
    memory.damage_told = optional_time(json["damage_told"]);
    memory.through_seq = count("through_seq");
    return memory;
}

}  // namespace oracxfs
