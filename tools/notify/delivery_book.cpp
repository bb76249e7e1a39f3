#include "tools/notify/delivery_book.h"

#include <algorithm>

#include "base/log.h"

namespace oracxfs {
namespace {

constexpr Millis kFirstPause{5'000}, kLongestPause{3'600'000}, kGiveUp{86'400'000};
constexpr std::uint32_t kGrowth = 4;

Millis pause_after(std::uint32_t attempts) {
    Millis pause = kFirstPause;
    for (std::uint32_t i = 1; i < attempts && pause < kLongestPause; ++i) pause *= kGrowth;
    return std::min(pause, kLongestPause);
}

bool contains(const std::vector<std::string>& list, const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); }

}  // namespace

std::string delivery_words(const Delivery& delivery) { return delivery.notice ? delivery.notice->title : "ping: " + delivery.ping; }

void DeliveryBook::add(Delivery delivery) {
    std::erase_if(waiting_, [&](const Delivery& old) {
        const bool replaced = old.target == delivery.target && old.topic() == delivery.topic() && !contains(handed_out_, old.id);
        // A short run's beginning and end come together: both are told, unless the way there is barred.
        return replaced && (old.ping.empty() || old.attempts > 0);
    });
    delivery.next_try = delivery.created;
    waiting_.push_back(std::move(delivery));
}

std::vector<Delivery> DeliveryBook::take_due(WallTime now) {
    std::vector<Delivery> due;
    std::vector<std::string> busy;
    for (const Delivery& delivery : waiting_)
        if (contains(handed_out_, delivery.id)) busy.push_back(delivery.target);
    for (Delivery& delivery : waiting_) {
        if (contains(busy, delivery.target)) continue;
        // A clock that was set back must not make anybody wait for the time that was.
        if (delivery.next_try > now && delivery.next_try - now > kLongestPause) delivery.next_try = now;
        if (delivery.next_try > now) continue;
        busy.push_back(delivery.target);
        handed_out_.push_back(delivery.id);
        due.push_back(delivery);
    }
    return due;
}

std::optional<WallTime> DeliveryBook::next() const {
    std::optional<WallTime> next;
    std::vector<std::string> busy;
    for (const Delivery& delivery : waiting_)
        if (contains(handed_out_, delivery.id)) busy.push_back(delivery.target);
    for (const Delivery& delivery : waiting_)
        if (!contains(busy, delivery.target)) next = next ? std::min(*next, delivery.next_try) : delivery.next_try;
    return next;
}

Delivery* DeliveryBook::find(const std::string& id) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Delivery& one) { return one.id == id; });
    return found == waiting_.end() ? nullptr : &*found;
}

void DeliveryBook::delivered(const Delivery& delivery, WallTime now) {
    std::erase(handed_out_, delivery.id);
    last_[delivery.target] = {now, true, delivery_words(delivery), "", delivery.attempts + 1, false};
    std::erase_if(waiting_, [&](const Delivery& one) { return one.id == delivery.id; });
}

void DeliveryBook::failed(const Delivery& delivery, const std::string& error, std::optional<Millis> retry_after, WallTime now) {
    std::erase(handed_out_, delivery.id);
    LastDelivery last{now, false, delivery_words(delivery), log::redact(error), delivery.attempts + 1, false};
    if (Delivery* kept = find(delivery.id)) {
        kept->attempts = delivery.attempts + 1;
        kept->error = last.error;
        kept->next_try = now + std::clamp(retry_after.value_or(Millis(0)), pause_after(kept->attempts), kLongestPause);
        const bool outdated = std::any_of(waiting_.begin(), waiting_.end(), [&](const Delivery& one) {
            return one.id != delivery.id && one.target == delivery.target && one.topic() == delivery.topic();  // came while this was under way
        });
        last.given_up = outdated || now - kept->created >= kGiveUp;
    }
    if (last.given_up) std::erase_if(waiting_, [&](const Delivery& one) { return one.id == delivery.id; });
    last_[delivery.target] = std::move(last);
}

void DeliveryBook::not_ended(const Delivery& delivery) { std::erase(handed_out_, delivery.id); }

void DeliveryBook::keep_only(const std::vector<std::string>& targets) {
    std::erase_if(waiting_, [&](const Delivery& one) { return !contains(targets, one.target); });
    std::erase_if(last_, [&](const auto& one) { return !contains(targets, one.first); });
}

Json last_delivery_to_json(const LastDelivery& last) {
    return Json::object({{"at", format_utc_millis(last.at)}, {"ok", last.ok}, {"what", last.what}, {"error", last.error.empty() ? Json() : Json(last.error)}, {"attempts", std::int64_t{last.attempts}}, {"given_up", last.given_up}});
}

Json DeliveryBook::to_json() const {
    Json waiting = Json::array(), last = Json::object();
    for (const Delivery& one : waiting_)
        waiting.push(Json::object({{"id", one.id},
                                   {"target", one.target},
                                   {"notice", one.notice ? notice_to_json(*one.notice) : Json()},
                                   {"ping", one.ping},
                                   {"text", one.text},
                                   {"created", to_ms(one.created)},
                                   {"attempts", std::int64_t{one.attempts}},
                                   {"next_try", to_ms(one.next_try)},
                                   {"error", one.error}}));
    for (const auto& [target, one] : last_) last.set(target, last_delivery_to_json(one));
    return Json::object({{"waiting", std::move(waiting)}, {"last", std::move(last)}});
}

DeliveryBook DeliveryBook::from_json(const Json& json) {
    DeliveryBook book;
    for (const Json& item : json["waiting"].items()) {
        Delivery one;
        one.id = item["id"].as_string();
        one.target = item["target"].as_string();
        if (item["notice"].is_object()) one.notice = notice_from_json(item["notice"]);
        one.ping = item["ping"].as_string();
        one.text = item["text"].as_string();
        one.created = wall_from_ms(item["created"].as_int());
        one.attempts = static_cast<std::uint32_t>(std::max<std::int64_t>(item["attempts"].as_int(), 0));
        one.next_try = wall_from_ms(item["next_try"].as_int());
        one.error = item["error"].as_string();
        book.waiting_.push_back(std::move(one));
    }
    for (const auto& [target, item] : json["last"].members())
        book.last_[target] = {parse_utc(item["at"].as_string()).value_or(WallTime()), item["ok"].as_bool(), item["what"].as_string(), item["error"].as_string(),
                              static_cast<std::uint32_t>(std::max<std::int64_t>(item["attempts"].as_int(), 0)), item["given_up"].as_bool()};
    return book;
}

}  // namespace oracxfs
