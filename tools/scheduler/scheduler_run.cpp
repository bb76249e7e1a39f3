#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "tools/config/units.h"
#include "tools/scheduler/scheduler_impl.h"

namespace oracxfs {
namespace {

std::string key_of(const std::string& job) { return "schedule." + job; }

log::Level level_of(const ScheduledJob& job) { return job.quiet ? log::Level::debug : log::Level::info; }

}  // namespace

void Scheduler::Impl::load(Entry& entry) {
    const auto text = store.get(key_of(entry.job.name));
    std::optional<Error> error;
    std::optional<JobState> state;
    if (!text) {
        error = text.error();
    } else if (*text) {
        if (auto read = job_state_from_text(**text))
            state = std::move(*read);
        else
            error = read.error();
    }
    const WallTime now = clock.wall();
    const std::lock_guard lock(mutex);
    if (state) entry.state = std::move(*state);
    if (error) {
        log::warn("scheduler", fmt::format("{}: its last runs are not known: {}", entry.job.name, error->to_string()));
        entry.store_error = std::move(error);
    }
    auto& last = entry.state.history.last;
    if (!last || last->result != RunResult::running) return;
    last->result = RunResult::interrupted;
    last->failures += 1;
    if (entry.job.retry.longest > Millis(0)) last->retry_at = now + retry_pause(entry.job.retry, last->failures, options.seed);
    entry.state.last_error = Error(Errc::outcome_unknown, "run " + entry.job.name, "the program ended while it ran");
}

void Scheduler::Impl::record(Entry& entry) {
    const std::lock_guard one_at_a_time(entry.store_mutex);
    std::string text;
    {
        const std::lock_guard lock(mutex);
        text = job_state_to_text(entry.state);
    }
    const Status put = store.put(key_of(entry.job.name), text);
    if (!put) log::warn("scheduler", fmt::format("{}: its state can't be stored: {}", entry.job.name, put.error().to_string()));
    const std::lock_guard lock(mutex);
    if (put)
        entry.store_error.reset();
    else
        entry.store_error = put.error();
}

void Scheduler::Impl::notice_change(Entry& entry, const Schedule& schedule, WallTime now) {
    {
        const std::lock_guard lock(mutex);
        std::string words = slots_in_words(schedule);
        if (entry.state.schedule == words) return;
        entry.state.schedule = std::move(words);
        entry.state.history.since = now;
    }
    record(entry);
}

void Scheduler::Impl::begin(Entry& entry, const Candidate& candidate, WallTime now) {
    ORACX_ASSERT(!entry.running);
    const std::uint32_t failures = entry.state.history.last ? entry.state.history.last->failures : 0;
    entry.state.history.last = RunRecord{candidate.due.slot, now, std::nullopt, RunResult::running, failures, std::nullopt};
    entry.running = true;
    entry.cancelled = false;
    entry.stop = std::stop_source();
    entry.waiting_for.clear();
    // Whoever asked for a run has one now, also when it was due in the same moment.
    const bool by_hand = candidate.by_hand || entry.requested;
    entry.requested = false;
    entry.attending = std::move(entry.waiting);
    entry.waiting.clear();
    const RunContext context{entry.stop.get_token(), candidate.due.slot, candidate.due.reason, by_hand};
    runs.push_back(std::make_unique<Run>());
    Run* run = runs.back().get();
    run->thread = std::jthread([this, &entry, context, begun = *entry.state.history.last, run] {
        run_one(entry, context, begun);
        run->ended = true;
        ring();
    });
}

Status Scheduler::Impl::guarded_run(const ScheduledJob& job, const RunContext& context) {
    try {
        return job.run(context);
    } catch (const std::exception& error) {  // of a library; it ends here, not the program
        return fail(Errc::internal, "run " + job.name, error.what());
    }
}

void Scheduler::Impl::run_one(Entry& entry, const RunContext& context, const RunRecord& begun) {
    const std::string what = context.by_hand ? "by hand" : fmt::format("{} for {}", to_string(context.reason), format_utc(context.slot));
    log::write(level_of(entry.job), "scheduler", fmt::format("{} begins, {}", entry.job.name, what));
    record(entry);
    if (options.on_run) options.on_run(entry.job.name, begun);
    const Status result = guarded_run(entry.job, context);
    const RunRecord ended = finish(entry, result);
    record(entry);
    std::vector<Done> attending;
    {
        const std::lock_guard lock(mutex);
        entry.running = false;
        attending.swap(entry.attending);
    }
    ring();
    if (options.on_run) options.on_run(entry.job.name, ended);
    for (const Done& done : attending) done(result);
}

RunRecord Scheduler::Impl::finish(Entry& entry, const Status& result) {
    const WallTime now = clock.wall();
    const std::lock_guard lock(mutex);
    RunRecord& run = *entry.state.history.last;
    run.end = now;
    entry.state.last_error.reset();
    if (result) {
        run.result = RunResult::ok;
        run.failures = 0;
        entry.state.last_ok = run.start;
        log::write(level_of(entry.job), "scheduler",
                   fmt::format("{} is done after {}", entry.job.name, format_duration(std::max(now - run.start, Millis(0)))));
        return run;
    }
    const Error& error = result.error();
    entry.state.last_error = error;
    // Whatever a run says that was asked to stop, it says because of that.
    if (entry.stop.stop_requested()) {
        run.result = entry.cancelled ? RunResult::cancelled : RunResult::interrupted;
        if (!entry.cancelled) run.retry_at = now;  // with the next start
        return run;
    }
    run.result = RunResult::failed;
    run.failures += 1;
    std::string next = "at its next time";
    if (const RetryPauses& pauses = entry.job.retry; pauses.longest > Millis(0)) {
        // What only a person can put right is still looked at now and then.
        Millis pause = info(error.code).retry == RetryClass::never ? pauses.longest : retry_pause(pauses, run.failures, options.seed);
        pause = std::max(pause, error.retry_after.value_or(Millis(0)));
        run.retry_at = now + pause;
        next = "in " + format_duration(pause);
    }
    log::warn("scheduler",
              fmt::format("{} failed ({} in a row), next try {}: {}", entry.job.name, run.failures, next, error.to_string()));
    return run;
}

}  // namespace oracxfs
