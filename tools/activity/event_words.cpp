#include "tools/activity/event_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "tools/backup/backup_run.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr std::size_t kPathsNamed = 5;
constexpr Millis kWindowMin{5'000}, kWindowMax{60'000};

struct Category {
    std::string_view kind, category;
};
constexpr std::array kCategories = {
    Category{"stored", "file"},       Category{"verified", "file"},     Category{"adopted", "file"},
    Category{"torn", "file"},         Category{"close", "file"},        Category{"commit", "file"},
    Category{"refused", "file"},      Category{"folder", "file"},       Category{"damaged", "repair"},
    Category{"missing", "repair"},    Category{"changed", "repair"},    Category{"healed", "repair"},
    Category{"staging", "repair"},    Category{"gathered", "repair"},   Category{"content", "repair"},
    Category{"conflict", "conflict"}, Category{"provider", "provider"}, Category{"settings", "settings"},
    Category{"admin", "admin"},       Category{"provider_added", "settings"},
    Category{"prune", "prune"},       Category{"signed_in", "access"},  Category{"signed_out", "access"},
};

std::optional<std::uint64_t> leading_bytes(std::string_view message) {
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(message.data(), message.data() + message.size(), bytes);
    if (error != std::errc() || !std::string_view(end, static_cast<std::size_t>(message.data() + message.size() - end)).starts_with(" byte")) return std::nullopt;
    return bytes;
}

// "run r-42 succeeded, ..." -> 42
std::optional<std::int64_t> run_of(std::string_view message) {
    if (!message.starts_with("run ")) return std::nullopt;
    message.remove_prefix(4);
    return parse_run_name(std::string(message.substr(0, message.find_first_of(" ,:"))));
}

}  // namespace

std::string activity_category(std::string_view kind) {
    if (kind.starts_with("run_")) return "run";
    const auto found = std::find_if(kCategories.begin(), kCategories.end(), [&](const Category& row) { return row.kind == kind; });
    return std::string(found == kCategories.end() ? "service" : found->category);
}

ActivityEntry activity_from_event(const EventRow& event, const DescribeRun& describe_run) {
    ActivityEntry entry;
    entry.at = event.at;
    entry.level = activity_level_from(event.level).value_or(ActivityLevel::info);
    entry.category = activity_category(event.kind);
    entry.kind = event.kind;
    for (std::size_t begin = 0; begin < event.provider.size();) {
        const std::size_t end = std::min(event.provider.find(',', begin), event.provider.size());
        entry.providers.push_back(event.provider.substr(begin, end - begin));
        begin = end + 1;
    }
    entry.path = event.path;
    entry.code = event.code;
    entry.message = event.message;
    entry.event = event.id;
    if (const auto bytes = leading_bytes(event.message)) entry.args = Json::object({{"bytes", *bytes}});
    if (entry.category == "run")
        if (const auto run = run_of(event.message)) {
            entry.run = run_name(*run);
            if (describe_run && event.kind != "run_started") entry.args = describe_run(*run);
            for (const Json& provider : entry.args["providers"].items()) entry.providers.push_back(provider["provider"].as_string());
        }
    return entry;
}

std::vector<ActivityEntry> EventMerger::add(ActivityEntry entry, SteadyTime now) {
    std::vector<ActivityEntry> ready = due(now);
    last_ = std::max(last_, entry.event);
    const auto pass_on = [&] {
        entry.events_through = through();
        ready.push_back(std::move(entry));
        return std::move(ready);
    };
    if (entry.path.empty() || entry.category == "run") return pass_on();
    std::string key = entry.kind + "\n" + std::string(to_string(entry.level)) + "\n" + entry.code;
    for (const std::string& name : entry.providers) key += "\n" + name;
    const auto [found, is_new] = groups_.try_emplace(std::move(key));
    Group& group = found->second;
    if (is_new) {
        group.length = kWindowMin;
        group.ends = now + group.length;
    }
    if (group.singles < kSingles) {
        ++group.singles;
        return pass_on();
    }
    group.bytes += leading_bytes(entry.message).value_or(0);
    if (group.paths.size() < kPathsNamed) group.paths.push_back(entry.path);
    if (group.held++ == 0) group.first = std::move(entry);
    return ready;
}

std::vector<ActivityEntry> EventMerger::due(SteadyTime now, bool all) {
    std::vector<ActivityEntry> ready;
    for (auto at = groups_.begin(); at != groups_.end();) {
        Group& group = at->second;
        if (!all && now < group.ends) {
            ++at;
            continue;
        }
        if (group.held == 0) {
            at = groups_.erase(at);  // it was quiet for a whole window: the next ones are news again
            continue;
        }
        ready.push_back(merged(group));
        group.held = group.bytes = 0;
        group.paths.clear();
        group.length = std::min(group.length * 2, kWindowMax);
        group.ends = now + group.length;
        ++at;
    }
    std::sort(ready.begin(), ready.end(), [](const auto& a, const auto& b) { return a.event < b.event; });
    for (std::size_t i = 0; i < ready.size(); ++i)
        // A crash after this line must not lose those that follow it.
        ready[i].events_through = i + 1 < ready.size() ? std::min(through(), ready[i + 1].event - 1) : through();
    return ready;
}

std::optional<SteadyTime> EventMerger::next() const {
    std::optional<SteadyTime> first;
    for (const auto& [key, group] : groups_)
        if (!first || group.ends < *first) first = group.ends;
    return first;
}

std::int64_t EventMerger::through() const {
    std::int64_t through = last_;
    for (const auto& [key, group] : groups_)
        if (group.held > 0) through = std::min(through, group.first.event - 1);
    return through;
}

ActivityEntry EventMerger::merged(const Group& group) {
    ActivityEntry entry = group.first;
    if (group.held == 1) return entry;
    Json paths = Json::array();
    for (const std::string& path : group.paths) {
        Json one = Json::object();
        set_bytes(one, "path", path);
        paths.push(std::move(one));
    }
    std::string message = fmt::format("{} files", group.held);
    const bool counts_bytes = leading_bytes(entry.message).has_value();
    if (counts_bytes) {
        message += ", " + format_size(group.bytes);
        if (const std::size_t comma = entry.message.find(", "); comma != std::string::npos) message += entry.message.substr(comma);
    } else {
        message += ": " + entry.message;
    }
    entry.path.clear();
    entry.message = std::move(message);
    entry.args = Json::object({{"count", group.held}, {"bytes", counts_bytes ? Json(group.bytes) : Json()}, {"paths", std::move(paths)}});
    return entry;
}

}  // namespace oracxfs
