// The file of the notifier, and what is shown of it.

#include "base/json.h"
#include "tools/notify/notifier.h"
#include "tools/notify/notify_file.h"

namespace oracxfs {
namespace {

constexpr std::size_t kFileBytesMax = 4u << 20;

std::string path_in(const std::string& state_directory) { return state_directory + "/notify.json"; }

}  // namespace

std::string notify_state_text(const NotifyMemory& memory, const DeliveryBook& book) {
    return Json::object({{"version", 1}, {"memory", memory_to_json(memory)}, {"deliveries", book.to_json()}}).dump() + "\n";
}

Status write_notify_state(Disk& disk, const std::string& state_directory, const std::string& text) {
    const std::string path = path_in(state_directory), fresh = path + ".new";
    ORACX_TRYV(disk.remove(fresh));
    {
        ORACX_TRY(const auto file, disk.open(fresh, OpenMode::create_new));
        ORACX_TRYV(file->write_at(0, std::as_bytes(std::span(text))));
        ORACX_TRYV(file->sync());
    }
    ORACX_TRYV(disk.rename(fresh, path));
    return disk.sync_directory(state_directory);
}

Result<NotifyState> read_notify_state(Disk& disk, const std::string& state_directory) {
    ORACX_TRY(const auto file, disk.open(path_in(state_directory), OpenMode::read_only));
    ORACX_TRY(const std::uint64_t size, file->size());
    if (size > kFileBytesMax) return fail(Errc::too_large, "read " + path_in(state_directory));
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        ORACX_TRY(const std::size_t got, file->read_at(have, std::as_writable_bytes(std::span(text)).subspan(have)));
        if (got == 0) break;
        have += got;
    }
    text.resize(have);
    ORACX_TRY(const Json json, parse_json(text));
    return NotifyState{memory_from_json(json["memory"]), DeliveryBook::from_json(json["deliveries"])};
}

Json notifications_report(const Config& config, const NotifyState& state) {
    const auto list_of_texts = [](const std::vector<std::string>& texts) {
        Json list = Json::array();
        for (const std::string& text : texts) list.push(text);
        return list;
    };
    Json targets = Json::array();
    for (const NotifyTarget& target : config.notify.targets) {
        Json waiting = Json::array();
        for (const Delivery& one : state.book.waiting())
            if (one.target == target.id)
                waiting.push(Json::object({{"what", delivery_words(one)}, {"since", format_utc(one.created)}, {"attempts", std::int64_t{one.attempts}}, {"next_try", format_utc(one.next_try)}, {"error", one.error.empty() ? Json() : Json(one.error)}}));
        const auto last = state.book.last().find(target.id);
        targets.push(Json::object({{"id", target.id},
                                   {"type", target.type},
                                   {"style", target.type == "webhook" ? Json(target.style) : Json()},
                                   {"enabled", target.enabled},
                                   {"place", target_place(target)},
                                   {"on", list_of_texts(target.type == "heartbeat" ? std::vector<std::string>{} : target.on.empty() ? config.notify.on : target.on)},
                                   {"last", last == state.book.last().end() ? Json() : last_delivery_to_json(last->second)},
                                   {"waiting", std::move(waiting)}}));
    }
    return Json::object({{"on", list_of_texts(config.notify.on)},
                         {"settle_ms", config.notify.settle.count()},
                         {"remind_ms", config.notify.remind.count()},
                         {"told_state", state.memory.told_state.empty() ? Json() : Json(state.memory.told_state)},
                         {"targets", std::move(targets)}});
}

}  // namespace oracxfs
