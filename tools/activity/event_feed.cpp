#include "tools/activity/event_feed.h"

#include <algorithm>
#include <optional>

#include "base/log.h"

namespace oracxfs {
namespace {

constexpr std::size_t kEventsAtOnce = 1'000;
constexpr Millis kPause{200};  // between two looks: thousands of files are not thousands of looks
constexpr const char* kPlaceKey = "activity/place";

// How far the log and the catalogue's events had got when they were closed; for when the log's files are gone.
struct Place {
    std::uint64_t seq = 0;
    std::int64_t event = 0;
};

std::optional<Place> stored_place(Catalog& catalog) {
    const auto text = catalog.meta(kPlaceKey);
    if (!text || !*text) return std::nullopt;
    const auto json = parse_json(**text);
    if (!json) return Place{};
    return Place{static_cast<std::uint64_t>(std::max<std::int64_t>((*json)["seq"].as_int(), 0)), (*json)["event"].as_int()};
}

void store_place(Catalog& catalog, const Place& place) {
    const Status kept = catalog.set_meta(kPlaceKey, Json::object({{"seq", place.seq}, {"event", place.event}}).dump());
    if (!kept) log::warn("activity", kept.error().to_string());
}

}  // namespace

void EventBell::ring() {
    {
        const std::lock_guard lock(mutex_);
        heard_ = false;
    }
    rung_.notify_all();
}

std::uint64_t EventFeed::first_seq(Catalog& catalog) {
    return stored_place(catalog).value_or(Place{}).seq + 1;
}

EventFeed::EventFeed(Catalog& catalog, ActivityLog& log, Clock& clock, std::shared_ptr<EventBell> bell, DescribeRun describe_run)
    : catalog_(catalog), log_(log), clock_(clock), bell_(std::move(bell)), describe_run_(std::move(describe_run)) {
    // A catalogue that never fed a log is a new one: what the log knows of events is about another.
    if (const auto place = stored_place(catalog_)) {
        last_ = log_.events_through() != 0 ? log_.events_through() : place->event;
        told_ = log_.events_beyond();
    } else {
        store_place(catalog_, {log_.last_seq(), 0});
    }
    log_.set_source([this] { pull(); });
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

EventFeed::~EventFeed() {
    thread_.request_stop();
    thread_.join();
    log_.set_source({});
    pull();
    give(true);
    log_.flush();
    store_place(catalog_, {log_.last_seq(), last_});
}

void EventFeed::run(const std::stop_token& stop) {
    pull();
    while (!stop.stop_requested()) {
        std::optional<SteadyTime> next;
        {
            const std::lock_guard lock(mutex_);
            next = merger_.next();
        }
        {
            std::unique_lock lock(bell_->mutex_);
            const auto rung = [&] { return !bell_->heard_; };
            if (next)
                bell_->rung_.wait_until(lock, stop, *next, rung);
            else
                bell_->rung_.wait(lock, stop, rung);
            if (stop.stop_requested()) return;
            bell_->heard_ = true;
        }
        pull();
        give(false);
        clock_.sleep_for(kPause, stop);
    }
}

void EventFeed::pull() {
    const std::lock_guard lock(mutex_);
    for (;;) {
        EventQuery query;
        query.after_id = last_;
        query.limit = kEventsAtOnce;
        query.from_oldest = true;
        const auto events = catalog_.events(query);
        if (!events) return log::warn("activity", events.error().to_string());
        for (const EventRow& event : *events) {
            last_ = event.id;
            if (told_.erase(event.id) == 0) publish(merger_.add(activity_from_event(event, describe_run_), clock_.steady()));
        }
        if (events->size() < kEventsAtOnce) return;
    }
}

void EventFeed::give(bool all) {
    const std::lock_guard lock(mutex_);
    publish(merger_.due(clock_.steady(), all));
}

void EventFeed::publish(std::vector<ActivityEntry> entries) {
    for (ActivityEntry& entry : entries) log_.publish(std::move(entry));
}

}  // namespace oracxfs
