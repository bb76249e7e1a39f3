#include "tools/admin/live_watch.h"

#include <algorithm>
#include <set>

#include "base/log.h"

namespace oracxfs {
namespace {

constexpr Millis kPause{250};
constexpr Millis kPauseAtRest{1'000};
constexpr int kCostFactor = 10;  // looking takes at most a tenth of the time

// What changes all the time and is told otherwise.
Json without_rates(Json provider) {
    for (const char* key : {"rate_up", "rate_down", "next_probe", "checked_at", "last_ok"}) provider.erase(key);
    return provider;
}

}  // namespace

Json activity_view(const Json& event) {
    if (event.find("seq") != nullptr) {
        Json view = event;
        view.erase("type");
        return view;
    }
    Json view = Json::object({{"seq", event["id"]}, {"at", event["at"]}, {"level", event["level"]}, {"category", event["kind"]}, {"kind", event["kind"]}});
    for (const char* key : {"provider", "providers", "run", "path", "path_b64", "code", "message", "args"})
        if (std::string_view(key) != "path_b64" || event.find(key) != nullptr) view.set(key, event[key]);
    return view;
}

void LiveWatch::start() {
    // From here on: what came before is history. Also while nobody watches: who comes back gets what he missed.
    if (env_.activity != nullptr)
        log_ = env_.activity->subscribe(env_.activity->last_seq(), [this](const ActivityEntry& entry) {
            Json event = activity_to_json(entry);
            language_.add_translations(event);
            hub_.publish("log", event);
        });
    thread_ = std::jthread([this](const std::stop_token& stop) {
        Millis pause = kPauseAtRest;
        while (env_.clock.sleep_for(pause, stop)) {
            const SteadyTime begin = env_.clock.steady();
            if (hub_.anybody()) look(stop);
            const Millis took = std::chrono::duration_cast<Millis>(env_.clock.steady() - begin);
            pause = std::max(transfers_ ? kPause : kPauseAtRest, took * kCostFactor);
        }
    });
}

void LiveWatch::stop() {
    thread_ = {};
    log_.reset();
}

void LiveWatch::look(const std::stop_token& stop) {
    const auto status = env_.handlers.call("status", nullptr, {stop, std::nullopt}, [](const Json&) {});
    if (status)
        tell_status(*status);
    else if (status.error().code != Errc::cancelled)
        log::warn("admin", "look at the state: " + status.error().to_string());
}

void LiveWatch::tell_status(const Json& status) {
    std::set<std::string> seen;
    for (const Json& provider : status["providers"].items()) {
        const std::string& name = provider["name"].as_string();
        seen.insert(name);
        std::string text = without_rates(provider).dump();
        std::string& told = providers_[name];
        if (told == text) continue;
        told = std::move(text);
        hub_.publish("provider", provider);
    }
    for (auto it = providers_.begin(); it != providers_.end();) {
        if (seen.contains(it->first)) {
            ++it;
            continue;
        }
        hub_.publish("provider", Json::object({{"name", it->first}, {"removed", true}}));
        it = providers_.erase(it);
    }
    Json rest = status;
    for (const char* key : {"providers", "transfers", "at"}) rest.erase(key);
    // The age grows by itself; whoever shows it knows when that was.
    Json steady = rest;
    if (Json* newest = steady.find("newest_backup")) newest->erase("age_ms");
    if (Json* staging = steady.find("staging")) staging->erase("disk_free");
    if (std::string text = steady.dump(); text != state_) {
        state_ = std::move(text);
        hub_.publish("state", rest);
    }
    const bool any = !status["transfers"].items().empty();
    if (!any && !transfers_) return;
    transfers_ = any;
    Json run = status["auto_sync"]["run"];
    Json progress = Json::object({{"run", run}, {"phase", run.is_string() ? Json("sending") : Json()}, {"transfers", status["transfers"]}});
    hub_.progress(progress);
}

void LiveWatch::run_event(const Json& event) {
    const std::string& type = event["type"].as_string();
    if (!hub_.anybody() && type == "progress") return;
    if (type == "progress")
        hub_.progress(event);
    else if (type == "replica")
        hub_.publish("replica", event);
    else
        hub_.publish("run", event);
}

}  // namespace oracxfs
