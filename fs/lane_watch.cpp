// Lane: waiting for what others do, and a last look at the feed before the program ends.

#include <algorithm>

#include "base/log.h"
#include "fs/lane_claim.h"
#include "providers/wait.h"

namespace oracxfs {
namespace {

constexpr Millis kCatchUpMax{3'000};
constexpr Millis kWatchPause{2'000};
constexpr Millis kWatchPauseMax{300'000};

}  // namespace

void Lane::catch_up() {
    bool unread = false;
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
        if (!provider_->capabilities().change_feed || feed_.position.empty() || !breaker_.may_work()) return;
        unread = unread_changes_;
        if (!unread && feed_.position == feed_.saved) return;
        // What was being worked on when it was looked at last no longer is.
        for (auto& [key, suspect] : feed_.suspects) suspect.next = env_.clock.steady();
    }
    const OpContext ctx{{}, env_.clock.steady() + kCatchUpMax};
    const DeadlineStop until(ctx, env_.clock);
    Status caught = unread ? read_feed(until.token()) : Status();
    for (bool more = true; caught && more;) {
        const auto examined = examine_suspects(until.token());
        if (!examined) caught = fail(examined.error());
        else more = *examined;
    }
    if (caught) caught = save_feed();
    if (!caught) log::info("lane", name_ + ": the last changes are read at the next start: " + caught.error().to_string());
}

void Lane::watch_feed(const std::stop_token& stop, const std::function<void()>& ring) {
    std::uint64_t seen = 0;
    std::uint32_t failures = 0;
    while (!stop.stop_requested()) {
        std::string position;
        {
            std::unique_lock lock(mutex_);
            if (!feed_.read.wait(lock, stop, [&] { return feed_.readings != seen && !feed_.position.empty(); })) return;
            seen = feed_.readings;
            position = feed_.position;
            feed_.watched = true;
            next_listing_ = std::max(next_listing_, env_.clock.steady() + kLaneWatchedInterval);
        }
        Result<bool> changed = false;
        while (changed && !*changed) changed = provider_->wait_for_changes(context(stop), position);
        if (stop.stop_requested()) return;
        const SteadyTime now = env_.clock.steady();
        {
            const std::lock_guard lock(mutex_);
            const bool polls = !changed && changed.error().code != Errc::changed;
            feed_.watched = !polls;
            if (polls) next_listing_ = std::min(next_listing_, now + provider_->capabilities().poll_interval);
            else feed_.rang = true;
        }
        ring();
        if (changed || changed.error().code == Errc::changed) {
            failures = 0;
            continue;
        }
        if (changed.error().code == Errc::unsupported) return;
        log::info("lane", name_ + ": waiting for changes failed, they are asked for meanwhile: " + changed.error().to_string());
        seen = 0;  // the same position will do
        if (!env_.clock.sleep_until(now + growing_pause(kWatchPause, failures++, kWatchPauseMax), stop)) return;
    }
}

}  // namespace oracxfs
