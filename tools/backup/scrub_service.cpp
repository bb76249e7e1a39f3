// BackupService: scrubbing, planned and asked for.

#include <algorithm>

#include "tools/backup/backup_service.h"

namespace oracxfs {

Status BackupService::scrub_job(const RunContext& context) {
    ORACX_TRY(const auto counts, env_.catalog.counts());
    if (std::none_of(counts.begin(), counts.end(), [](const ProviderCounts& provider) { return provider.stored_bytes > 0; })) return {};  // nothing to look at
    const Json args = Json::object({{"repair", env_.config()->scrub.repair}});
    ORACX_TRY(const Json report, scrub(args, {context.stop, std::nullopt}, [](const Json&) {}));
    // What it found stands in its run. Only that not everything could be asked is a reason to try again soon.
    if (report["state"].as_string() == to_string(RunState::cancelled)) return fail(Errc::cancelled, "scrub");
    if (report["code"].as_string() == info(Errc::partial).e_code) return fail(Errc::partial, "scrub", report["error"].as_string());
    return {};
}

Result<Json> BackupService::scrub(const Json& args, const OpContext& ctx, const Emit& emit) {
    if (scrub_gate_.paused()) return fail(Errc::busy, "scrub", "scrubbing is paused; `oracxfs scrub resume` goes on with it");
    {
        const std::lock_guard lock(mutex_);
        if (scrubbing_) return fail(Errc::busy, "scrub", "a scrub is under way");
        scrubbing_ = true;
    }
    const std::shared_ptr<void> finally(nullptr, [this](void*) {
        const std::lock_guard lock(mutex_);
        scrubbing_ = false;
        scrub_progress_ = Json();
    });
    ORACX_TRY(ScrubOptions options, scrub_options_from(args, env_.config()->scrub, env_.clock.wall()));
    options.gate = &scrub_gate_;
    return run_scrub(env_, options, ctx, [&](const Json& event) {
        if (event["type"].as_string() == "progress") {
            const std::lock_guard lock(mutex_);
            scrub_progress_ = event;
        }
        emit(event);
    });
}

Status BackupService::pause_scrub(bool paused) {
    ORACX_TRYV(env_.catalog.set_meta(kScrubPausedKey, paused ? "1" : ""));
    scrub_gate_.set_paused(paused);
    scheduler_->replan();
    return {};
}

Result<Json> BackupService::scrub_report() const {
    const ScrubConfig config = env_.config()->scrub;
    Json report = Json::object({{"enabled", config.enabled}, {"every_ms", config.every.count()}, {"paused", scrub_gate_.paused()}});
    Json next;
    if (const auto runs = scheduler_->upcoming(kScrubJob, 1))
        for (const DueRun& due : *runs) next = Json(format_utc(std::max(due.time, env_.clock.wall())));
    report.set("next", std::move(next));
    ORACX_TRY(const auto runs, env_.catalog.runs({.kind = "scrub", .before = {}, .limit = 1}));
    report.set("last", runs.empty() ? Json() : run_report(runs.front()));
    const std::lock_guard lock(mutex_);
    report.set("running", scrubbing_);
    report.set("progress", scrub_progress_);
    return report;
}

void BackupService::add_scrub_handlers(HandlerRegistry& registry) {
    registry.add("scrub", [this](const Json& args, const OpContext& ctx, const Emit& emit) { return scrub(args, ctx, emit); });
    registry.add("scrub-pause", [this](const Json& args, const OpContext&, const Emit&) -> Result<Json> {
        ORACX_TRYV(pause_scrub(args["paused"].as_bool()));
        return scrub_report();
    });
    registry.add("scrub-report", [this](const Json&, const OpContext&, const Emit&) { return scrub_report(); });
}

}  // namespace oracxfs
