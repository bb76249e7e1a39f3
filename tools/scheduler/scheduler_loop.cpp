#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "tools/config/units.h"
#include "tools/scheduler/scheduler_impl.h"

namespace oracxfs {

Scheduler::Impl::Entry* Scheduler::Impl::find(const std::string& name) const {
    for (const auto& entry : entries)
        if (entry->job.name == name) return entry.get();
    return nullptr;
}

Scheduler::Impl::Moment Scheduler::Impl::moment() const {
    while (true) {
        const SteadyTime before = clock.steady();
        const WallTime wall = clock.wall();
        const SteadyTime steady = clock.steady();
        if (steady - before < std::chrono::seconds(1)) return {wall, steady};
    }
}

void Scheduler::Impl::loop() {
    reference = moment();
    while (true) {
        std::stop_token woken;
        {
            const std::lock_guard lock(mutex);
            if (stopping) return;
            // Before anything is looked at: a ring from now on ends the sleep below.
            wake = std::stop_source();
            woken = wake.get_token();
        }
        reap();
        notice_jump();
        clock.sleep_until(step(), woken);
    }
}

void Scheduler::Impl::ring() {
    std::stop_source source{std::nostopstate};
    {
        const std::lock_guard lock(mutex);
        source = wake;
    }
    source.request_stop();
}

void Scheduler::Impl::reap() {
    std::list<std::unique_ptr<Run>> over;
    const std::lock_guard lock(mutex);
    for (auto it = runs.begin(); it != runs.end();) {
        const auto next = std::next(it);
        if ((*it)->ended) over.splice(over.end(), runs, it);
        it = next;
    }
    // Joined in the destructor: they have nothing left to do.
}

void Scheduler::Impl::notice_jump() {
    const Moment now = moment();
    const Millis by = (now.wall - reference.wall) - std::chrono::floor<Millis>(now.steady - reference.steady);
    reference = now;
    if (by < options.jump_min && by > -options.jump_min) return;
    log::info("scheduler", fmt::format("the clock went {} by {}: all jobs are planned anew", by > Millis(0) ? "forward" : "back",
                                       format_duration(by > Millis(0) ? by : -by)));
    const std::lock_guard lock(mutex);
    jumps.count += 1;
    jumps.last_by = by;
    jumps.last_at = now.wall;
}

SteadyTime Scheduler::Impl::step() {
    const Moment begun = moment();
    const WallTime now = begun.wall;
    WallTime look = now + options.look_pause;
    std::vector<Candidate> candidates;
    for (const auto& entry : entries) {
        const Schedule schedule = entry->job.schedule();
        notice_change(*entry, schedule, now);
        RunHistory history;
        bool by_hand = false;
        {
            const std::lock_guard lock(mutex);
            if (entry->running) continue;
            history = entry->state.history;
            by_hand = entry->requested;
        }
        const auto due = next_due(schedule, history, now, zone);
        if (by_hand)
            candidates.push_back({entry.get(), {now, std::chrono::floor<std::chrono::seconds>(now), DueReason::planned}, true});
        else if (due && due->time <= now)
            candidates.push_back({entry.get(), *due, false});
        else
            look = std::min(look, not_yet(*entry, due));
    }
    std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
        return a.by_hand != b.by_hand ? a.by_hand : a.due.time < b.due.time;
    });
    Waits waits;
    for (const Candidate& candidate : candidates) begin_if_free(candidate, now, waits);
    return begun.steady + std::max(look - now, Millis(0));
}

WallTime Scheduler::Impl::not_yet(Entry& entry, const std::optional<DueRun>& due) {
    const std::lock_guard lock(mutex);
    entry.waiting_for.clear();
    return due ? due->time : WallTime::max();
}

void Scheduler::Impl::begin_if_free(const Candidate& candidate, WallTime now, Waits& waits) {
    Entry& entry = *candidate.entry;
    std::optional<std::string> reason;
    if (!candidate.by_hand && entry.job.hold) reason = entry.job.hold();
    const std::lock_guard lock(mutex);
    if (stopping || (candidate.by_hand && !entry.requested)) return;
    const std::string& group = entry.job.group;
    if (const Entry* busy = busy_in_group(entry)) waits.try_emplace(group, busy->job.name);
    if (const auto wait = waits.find(group); wait != waits.end()) reason = wait->second;
    if (reason) {
        entry.waiting_for = std::move(*reason);
        return;
    }
    begin(entry, candidate, now);
}

const Scheduler::Impl::Entry* Scheduler::Impl::busy_in_group(const Entry& entry) const {
    if (entry.job.group.empty()) return nullptr;
    for (const auto& other : entries)
        if (other->running && other->job.group == entry.job.group) return other.get();
    return nullptr;
}

void Scheduler::Impl::stop() {
    std::vector<std::stop_source> sources;
    {
        const std::lock_guard lock(mutex);
        stopping = true;
        for (const auto& entry : entries)
            if (entry->running) sources.push_back(entry->stop);
    }
    for (std::stop_source& source : sources) source.request_stop();
    ring();
    if (thread.joinable()) thread.join();
    std::list<std::unique_ptr<Run>> last;
    std::vector<Done> waiting;
    {
        const std::lock_guard lock(mutex);
        last.swap(runs);
        for (const auto& entry : entries) {
            entry->requested = false;
            for (Done& done : entry->waiting) waiting.push_back(std::move(done));
            entry->waiting.clear();
        }
    }
    last.clear();  // joins
    for (const Done& done : waiting) done(fail(Errc::cancelled, "run a job", "the scheduler was stopped before"));
}

}  // namespace oracxfs
