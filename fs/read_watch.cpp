#include "fs/read_watch.h"

#include <algorithm>

namespace oracxfs {

ReadWatch::Guard::Guard(ReadWatch& watch, const std::stop_token& outer, Millis patience)
    : watch_(watch), patience_(patience), moved_(watch.clock_.steady()), forward_(outer, Forward{stop_}) {
    const std::lock_guard lock(watch_.mutex_);
    place_ = watch_.guards_.insert(watch_.guards_.end(), this);
    if (watch_.guards_.size() == 1) watch_.changed_.notify_all();
}

ReadWatch::Guard::~Guard() {
    const std::lock_guard lock(watch_.mutex_);
    watch_.guards_.erase(place_);
}

void ReadWatch::Guard::progress() { moved_ = watch_.clock_.steady(); }

ReadWatch::ReadWatch(Clock& clock)
    : clock_(clock), thread_([this](const std::stop_token& stop) { run(stop); }) {}

ReadWatch::~ReadWatch() {
    thread_.request_stop();
    thread_.join();
}

std::unique_ptr<ReadWatch::Guard> ReadWatch::begin(const std::stop_token& outer, Millis patience) {
    return std::unique_ptr<Guard>(new Guard(*this, outer, patience));
}

void ReadWatch::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        changed_.wait(lock, stop, [this] { return !guards_.empty(); });
        const SteadyTime now = clock_.steady();
        for (Guard* guard : guards_) {
            if (guard->stood_still_ || now - guard->moved_.load() < guard->patience_) continue;
            guard->stood_still_ = true;
            guard->stop_.request_stop();
        }
        // Late by a quarter of a second at most, which is nothing beside the patience; no thread is woken for each read.
        changed_.wait_for(lock, stop, Millis(250), [] { return false; });
    }
}

}  // namespace oracxfs
