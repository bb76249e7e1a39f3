#include "tools/scheduler/scheduler.h"

#include "base/assert.h"
#include "tools/scheduler/scheduler_impl.h"

namespace oracxfs {

Scheduler::Scheduler(Clock& clock, ScheduleStore& store, const LocalTime& zone, Options options)
    : impl_(std::make_unique<Impl>(clock, store, zone, std::move(options))) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::add(ScheduledJob job) {
    ORACX_ASSERT(!impl_->thread.joinable());
    ORACX_ASSERT(impl_->find(job.name) == nullptr);
    ORACX_ASSERT(job.schedule != nullptr && job.run != nullptr);
    auto entry = std::make_unique<Impl::Entry>();
    entry->job = std::move(job);
    impl_->entries.push_back(std::move(entry));
}

void Scheduler::start() {
    ORACX_ASSERT(!impl_->thread.joinable());
    for (const auto& entry : impl_->entries) impl_->load(*entry);
    impl_->thread = std::jthread([this] { impl_->loop(); });
}

void Scheduler::stop() { impl_->stop(); }

Status Scheduler::note_run(const std::string& name, WallTime began, const Status& result) {
    ORACX_ASSERT(!impl_->thread.joinable());
    Impl::Entry* entry = impl_->find(name);
    if (entry == nullptr) return fail(Errc::not_found, "note a run of " + name, "there is no such job");
    impl_->load(*entry);
    {
        const std::lock_guard lock(impl_->mutex);
        const std::uint32_t failures = entry->state.history.last ? entry->state.history.last->failures : 0;
        entry->state.history.last = RunRecord{began, began, std::nullopt, RunResult::running, failures, std::nullopt};
        entry->stop = std::stop_source();
        entry->cancelled = !result && result.error().code == Errc::cancelled;
        if (entry->cancelled) entry->stop.request_stop();
    }
    impl_->finish(*entry, result);
    impl_->record(*entry);
    return {};
}

Status Scheduler::run_now(const std::string& name, Done done) {
    Impl::Entry* entry = impl_->find(name);
    if (entry == nullptr) return fail(Errc::not_found, "run " + name, "there is no such job");
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping) return fail(Errc::cancelled, "run " + name, "the scheduler has been stopped");
        if (entry->running)
            return fail(Errc::busy, "run " + name, "it is running since " + format_utc(entry->state.history.last->start));
        entry->requested = true;
        if (done) entry->waiting.push_back(std::move(done));
    }
    impl_->ring();
    return {};
}

Status Scheduler::cancel(const std::string& name) {
    Impl::Entry* entry = impl_->find(name);
    if (entry == nullptr) return fail(Errc::not_found, "cancel " + name, "there is no such job");
    std::vector<Done> waiting;
    std::stop_source source{std::nostopstate};
    {
        const std::lock_guard lock(impl_->mutex);
        if (!entry->running && !entry->requested) return fail(Errc::not_found, "cancel " + name, "it is not running");
        entry->requested = false;
        waiting.swap(entry->waiting);
        if (entry->running) {
            entry->cancelled = true;
            source = entry->stop;
        }
    }
    source.request_stop();
    for (const Done& done : waiting) done(fail(Errc::cancelled, "run " + name, "cancelled before it began"));
    return {};
}

void Scheduler::replan() { impl_->ring(); }

std::vector<std::string> Scheduler::running() const {
    std::vector<std::string> names;
    const std::lock_guard lock(impl_->mutex);
    for (const auto& entry : impl_->entries)
        if (entry->running) names.push_back(entry->job.name);
    return names;
}

Result<std::optional<DueRun>> Scheduler::next(const std::string& name) const {
    ORACX_TRY(const auto runs, upcoming(name, 1));
    if (runs.empty()) return std::optional<DueRun>();
    return std::optional<DueRun>(runs.front());
}

Result<std::vector<DueRun>> Scheduler::upcoming(const std::string& name, std::size_t count) const {
    const Impl::Entry* entry = impl_->find(name);
    if (entry == nullptr) return fail(Errc::not_found, "plan " + name, "there is no such job");
    const Schedule schedule = entry->job.schedule();
    const WallTime now = impl_->clock.wall();
    RunHistory history;
    {
        const std::lock_guard lock(impl_->mutex);
        history = entry->state.history;
        // Changed a moment ago, and not looked at yet.
        if (entry->state.schedule != slots_in_words(schedule)) history.since = now;
    }
    return next_runs(schedule, history, now, impl_->zone, count);
}

std::vector<JobStatus> Scheduler::status() const {
    std::vector<JobStatus> list;
    for (const auto& entry : impl_->entries) {
        JobStatus status;
        status.name = entry->job.name;
        if (auto due = next(status.name)) status.next = *due;
        const std::lock_guard lock(impl_->mutex);
        status.running = entry->running;
        status.requested = entry->requested;
        status.waiting_for = entry->waiting_for;
        status.state = entry->state;
        status.store_error = entry->store_error;
        list.push_back(std::move(status));
    }
    return list;
}

ClockJumps Scheduler::clock_jumps() const {
    const std::lock_guard lock(impl_->mutex);
    return impl_->jumps;
}

}  // namespace oracxfs
