#include "tools/backup/backup_service.h"

#include <algorithm>

#include "base/log.h"
#include "tools/backup/prune.h"
#include "tools/backup/vault_file.h"
#include "tools/config/units.h"
#include "tools/packager/package_reader.h"
#include "tools/scheduler/power.h"

namespace oracxfs {
namespace {

constexpr const char* kBackupJob = "backup";
constexpr std::size_t kIndexBytesMax = 32u << 20;  // a larger list of members is read from the package when wanted
constexpr std::size_t kRunsLookedAt = 20;
constexpr std::size_t kEventsQueued = 1'000;       // for one who does not keep up; progress is dropped first

// The same for all time and another on each machine.
std::uint64_t seed_of(const std::string& instance) { return std::hash<std::string>{}(instance); }

Status outcome_for_schedule(const RunRow& row) {
    if (row.state == RunState::cancelled) return fail(Errc::cancelled, "back up");
    // A package that was recorded is sent by the lanes, for ever if need be; packing it again would not help.
    if (row.state == RunState::failed && row.package.empty()) return fail(errc_from_name(row.error_code).value_or(Errc::internal), "back up", row.error_text);
    return {};
}

bool is_progress(const Json& event) { return event["type"].as_string() == "progress"; }

}  // namespace

// What the scheduler remembers, in the catalogue.
class BackupService::Store final : public ScheduleStore {
  public:
    explicit Store(Catalog& catalog) : catalog_(catalog) {}
    Result<std::optional<std::string>> get(const std::string& key) override { return catalog_.meta("schedule/" + key); }
    Status put(const std::string& key, const std::string& value) override { return catalog_.set_meta("schedule/" + key, value); }

  private:
    Catalog& catalog_;
};

BackupService::BackupService(BackupEnvironment environment)
    : env_(std::move(environment)), seed_(seed_of(env_.catalog.instance())), store_(std::make_unique<Store>(env_.catalog)) {
    // The state has one owner at a time: what is still called running died with an earlier one.
    const auto interrupted = env_.catalog.interrupt_runs();
    if (!interrupted) log::warn("backup", interrupted.error().to_string());
    if (interrupted && *interrupted > 0) tell_interrupted(static_cast<std::size_t>(*interrupted));
    if (const auto paused = env_.catalog.meta(kScrubPausedKey)) scrub_gate_.set_paused(*paused && **paused == "1");
    Scheduler::Options options;
    options.seed = seed_;
    options.on_run = [this](const std::string& job, const RunRecord& record) {
        if (job != kBackupJob || record.result == RunResult::running) return;
        const std::lock_guard lock(mutex_);
        ++turns_;
        turn_.notify_all();
    };
    scheduler_ = std::make_unique<Scheduler>(env_.clock, *store_, zone_, std::move(options));
    ScheduledJob job;
    job.name = kBackupJob;
    job.schedule = [this] { return schedule(); };
    job.run = [this](const RunContext& context) { return run_job(context); };
    job.hold = [this]() -> std::optional<std::string> {
        if (!env_.config()->auto_sync.on_battery && on_battery()) return "this machine runs on its battery";
        return std::nullopt;
    };
    scheduler_->add(std::move(job));
    ScheduledJob scrubbing;
    scrubbing.name = kScrubJob;
    scrubbing.schedule = [this] { return schedule_of(env_.config()->scrub, seed_); };
    scrubbing.run = [this](const RunContext& context) { return scrub_job(context); };
    scrubbing.hold = [this]() -> std::optional<std::string> {
        if (scrub_gate_.paused()) return "scrubbing is paused";
        return std::nullopt;
    };
    scheduler_->add(std::move(scrubbing));
}

BackupService::~BackupService() { stop(); }

void BackupService::tell_interrupted(std::size_t count) {
    RunQuery query;
    query.limit = kRunsLookedAt;
    const auto rows = env_.catalog.runs(query);
    if (!rows) return log::warn("backup", rows.error().to_string());
    for (const RunRow& row : *rows) {  // the newest ones first, and nothing runs beside them
        if (count == 0 || row.state != RunState::interrupted) break;
        --count;
        EventRow event;
        event.level = "warning";
        event.kind = "run_interrupted";
        event.path = row.package;
        event.message = "run " + run_name(row.id) + " was interrupted: the program ended in the middle";
        if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", kept.error().to_string());
    }
}

Schedule BackupService::schedule() const { return schedule_of(env_.config()->auto_sync, seed_); }

void BackupService::start() {
    {
        const std::lock_guard lock(mutex_);
        started_ = true;
    }
    scheduler_->start();
}

void BackupService::stop() { scheduler_->stop(); }

void BackupService::settings_changed() { scheduler_->replan(); }

std::optional<std::int64_t> BackupService::running() const {
    const std::lock_guard lock(mutex_);
    return running_;
}

// --- a run -------------------------------------------------------------------------------------------------------------

void BackupService::broadcast(const Json& event) {
    AskedPtr asked;
    {
        const std::lock_guard lock(mutex_);
        if (event["type"].as_string() == "run_started") {
            running_ = parse_run_name(event["run"].as_string());
            ++turns_;
            turn_.notify_all();
        }
        asked = watching_;
    }
    if (observer_) observer_(event);
    if (!asked) return;
    const std::lock_guard lock(asked->mutex);
    if (is_progress(event) && asked->events.size() >= kEventsQueued) return;
    asked->events.push_back(event);
    asked->changed.notify_all();
}

Result<RunRow> BackupService::run(const BackupRequest& request, const OpContext& ctx) {
    auto row = run_backup(env_, request, ctx, [this](const Json& event) { broadcast(event); });
    {
        const std::lock_guard lock(mutex_);
        running_.reset();
    }
    if (!row) return row;
    if (!row->package.empty()) remember_index(*row, ctx);
    prune_after(*row, ctx);
    return row;
}

Status BackupService::run_job(const RunContext& context) {
    BackupRequest request;
    request.label = "scheduled";
    AskedPtr asked;
    {
        const std::lock_guard lock(mutex_);
        // A run of the schedule leaves alone what somebody asks for in this moment: he is told that it runs.
        if (context.by_hand) asked = std::exchange(asked_, nullptr);
        if (asked) request = asked->request;
        watching_ = asked;
    }
    auto row = run(request, {context.stop, std::nullopt});
    const Status outcome = row ? outcome_for_schedule(*row) : Status(fail(row.error()));
    {
        const std::lock_guard lock(mutex_);
        watching_.reset();
    }
    if (asked && row) {
        const std::lock_guard lock(asked->mutex);
        asked->row = std::move(*row);
    }
    return outcome;
}

void BackupService::remember_index(const RunRow& row, const OpContext& ctx) {
    const auto remember = [&]() -> Status {
        ORACX_TRY(const auto node, env_.catalog.find(row.package));
        if (!node) return {};
        ORACX_TRY(const auto content, VaultReader::open(env_.filesystem, row.package));
        ORACX_TRY(const auto reader, PackageReader::open(ctx, content, {}));
        const std::string bytes = reader->directory_bytes();
        if (bytes.size() > kIndexBytesMax) return {};
        return env_.catalog.keep_package_index(node->version, bytes);
    };
    if (const Status done = remember(); !done) log::warn("backup", "list of members of " + row.package + " not kept: " + done.error().to_string());
}

void BackupService::prune_after(const RunRow& row, const OpContext& ctx) {
    if (row.state != RunState::succeeded && row.state != RunState::partial) return;
    const auto pruned = carry_out_prune(env_, "", false, ctx);
    if (pruned) {
        if (!(*pruned)["removed"].items().empty()) broadcast(Json::object({{"type", "pruned"}, {"removed", (*pruned)["removed"]}, {"freed_bytes", (*pruned)["freed_bytes"]}}));
        return;
    }
    log::warn("backup", pruned.error().to_string());
    EventRow event;
    event.level = "warning";
    event.kind = "prune";
    event.code = info(pruned.error().code).e_code;
    event.message = "nothing was pruned: " + log::redact(pruned.error().why);
    if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", kept.error().to_string());
    broadcast(Json::object({{"type", "warning"}, {"message", event.message}}));
}

// --- who asks for one --------------------------------------------------------------------------------------------------

// Neither "a run is under way" nor "none is" would be true while one begins or clears up: that is soon over, and waited for.
Result<bool> BackupService::take_turn(const AskedPtr& asked, const OpContext& ctx) {
    for (;;) {
        std::optional<std::int64_t> running;
        std::uint64_t seen = 0;
        bool free = false, scheduled = false;
        {
            const std::lock_guard lock(mutex_);
            running = running_;
            seen = turns_;
            scheduled = started_;
            free = !running_ && !asked_ && !busy_;
            if (free && scheduled) asked_ = asked;
            if (free && !scheduled) {
                busy_ = true;
                watching_ = asked;
            }
        }
        if (free && !scheduled) return true;
        if (free) {
            const Status begun = scheduler_->run_now(kBackupJob, [asked](const Status& outcome) {
                const std::lock_guard lock(asked->mutex);
                asked->over = true;
                asked->outcome = outcome;
                asked->changed.notify_all();
            });
            if (begun) return false;
            if (begun.error().code != Errc::busy) return fail(begun.error());
            // It stores the end of the run before, or begins one of its own. Both are told of by a turn.
            const std::lock_guard lock(mutex_);
            asked_.reset();
        } else if (running) {
            ORACX_TRY(const auto row, env_.catalog.run(*running));
            if (row && row->state == RunState::running) return fail(Errc::busy, "back up", "run " + run_name(*running) + " is under way");
        }
        std::unique_lock lock(mutex_);
        if (!turn_.wait(lock, ctx.stop, [&] { return turns_ != seen; })) return fail(Errc::cancelled, "back up", "before it had begun");
    }
}

void BackupService::end_turn(const AskedPtr& asked) {
    const std::lock_guard lock(mutex_);
    if (asked_ == asked) asked_.reset();
    if (busy_ && watching_ == asked) {
        busy_ = false;
        watching_.reset();
        running_.reset();
    }
    ++turns_;
    turn_.notify_all();
}

Result<Json> BackupService::sync(const BackupRequest& request, const OpContext& ctx, const Emit& emit) {
    if (env_.config()->backup.sources.empty())
        return fail(Error(Errc::invalid, "back up", "it is not said what to back up (backup.sources)")
                        .with_next("oracxfs config set backup.sources '[{\"path\":\"~/Documents\",\"kind\":\"tree\"}]'"));
    const auto asked = std::make_shared<Asked>();
    asked->request = request;
    const std::shared_ptr<void> finally(nullptr, [&](void*) { end_turn(asked); });
    ORACX_TRY(const bool here, take_turn(asked, ctx));
    return here ? run_here(asked, ctx, emit) : follow(asked, ctx, emit);
}

Result<Json> BackupService::run_here(const AskedPtr& asked, const OpContext& ctx, const Emit& emit) {
    // Nobody else delivers what the listener gets, so it is done after each event.
    const auto deliver = [&] {
        std::deque<Json> events;
        {
            const std::lock_guard lock(asked->mutex);
            events.swap(asked->events);
        }
        if (emit)
            for (const Json& event : events) emit(event);
    };
    const WallTime began = env_.clock.wall();
    const auto row = run_backup(env_, asked->request, ctx, [&](const Json& event) {
        broadcast(event);
        deliver();
    });
    // The schedule counts from it, as if a daemon had made it.
    if (const Status noted = scheduler_->note_run(kBackupJob, began, row ? outcome_for_schedule(*row) : Status(fail(row.error()))); !noted)
        log::warn("backup", "not counted for the schedule: " + noted.error().to_string());
    if (!row) return fail(row.error());
    if (!row->package.empty()) remember_index(*row, ctx);
    prune_after(*row, ctx);
    deliver();
    return run_report(*row);
}

Result<Json> BackupService::follow(const AskedPtr& asked, const OpContext& ctx, const Emit& emit) {
    const std::stop_callback on_stop(ctx.stop, [this] { (void)scheduler_->cancel(kBackupJob); });  // not_found: it is over
    for (;;) {
        std::deque<Json> events;
        bool over = false;
        {
            std::unique_lock lock(asked->mutex);
            asked->changed.wait(lock, [&] { return !asked->events.empty() || asked->over; });
            events.swap(asked->events);
            over = asked->over;
        }
        if (emit)
            for (const Json& event : events) emit(event);
        if (over && events.empty()) break;
    }
    const std::lock_guard lock(asked->mutex);
    if (asked->row) return run_report(*asked->row);
    return fail(asked->outcome ? Error(Errc::internal, "back up", "the run left no record") : asked->outcome.error());
}

Status BackupService::cancel(const std::string& run) {
    {
        const std::lock_guard lock(mutex_);
        if (!running_) return fail(Errc::not_found, "cancel " + run, "no run is under way");
        if (!run.empty() && parse_run_name(run) != running_) return fail(Errc::not_found, "cancel " + run, "run " + run_name(*running_) + " is the one under way");
    }
    return scheduler_->cancel(kBackupJob);
}

Json BackupService::schedule_report() const {
    const AutoSyncConfig config = env_.config()->auto_sync;
    Json at = Json::array(), next = Json::array();
    for (const std::string& time : config.at) at.push(time);
    if (const auto runs = scheduler_->upcoming(kBackupJob, 5))
        for (const DueRun& due : *runs) next.push(format_utc(std::max(due.time, env_.clock.wall())));
    Json report = Json::object({{"enabled", config.enabled}, {"every", format_duration(config.every)}, {"every_ms", config.every.count()}});
    report.set("at", std::move(at));
    report.set("next", std::move(next));
    for (const JobStatus& job : scheduler_->status()) {
        if (job.name != kBackupJob) continue;
        report.set("since_ms", to_ms(job.state.history.since));
        report.set("running", job.running);
        report.set("waiting_for", job.waiting_for.empty() ? Json() : Json(job.waiting_for));
    }
    const std::lock_guard lock(mutex_);
    report.set("run", running_ ? Json(run_name(*running_)) : Json());
    return report;
}

void BackupService::add_handlers(HandlerRegistry& registry) {
    registry.add("sync", [this](const Json& args, const OpContext& ctx, const Emit& emit) -> Result<Json> {
        BackupRequest request;
        request.label = args["label"].as_string();
        request.even_if_unchanged = args["force"].as_bool();
        return sync(request, ctx, emit);
    });
    registry.add("run-cancel", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRYV(cancel(args["run"].as_string()));
        return Json();
    });
    registry.add("schedule", [this](const Json&, const OpContext&, const Emit&) -> Result<Json> { return schedule_report(); });
    // The next runs of a schedule that is not saved yet.
    registry.add("schedule-preview", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        AutoSyncConfig config;
        config.enabled = true;
        config.every = Millis(args["every_ms"].as_int());
        for (const Json& time : args["at"].items()) config.at.push_back(time.as_string());
        config.jitter = Millis(args["jitter_ms"].as_int());
        config.catch_up = args["catch_up"].as_bool(true);
        RunHistory history;
        history.since = env_.clock.wall();
        for (const JobStatus& job : scheduler_->status())
            if (job.name == kBackupJob) history.last = job.state.history.last;
        Json next = Json::array();
        for (const DueRun& due : next_runs(schedule_of(config, seed_), history, env_.clock.wall(), zone_)) next.push(format_utc(std::max(due.time, env_.clock.wall())));
        return Json::object({{"next", std::move(next)}});
    });
    registry.add("backups-prune", [this](const Json& args, const OpContext& ctx, const Emit&) -> Result<Json> {
        return carry_out_prune(env_, args["plan_id"].as_string(), args["force"].as_bool(), ctx);
    });
    registry.add("backups-delete", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRY(const PackageInfo package, find_package(env_.catalog, *env_.config(), args["backup"].as_string()));
        ORACX_TRYV(delete_package(env_, package, args["even_the_last"].as_bool()));
        return package_report(package, nullptr);
    });
    add_restore_handlers(registry);
    add_scrub_handlers(registry);
    add_recovery_handlers(registry);
}

}  // namespace oracxfs
