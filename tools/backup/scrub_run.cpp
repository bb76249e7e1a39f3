#include "tools/backup/scrub_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "tools/backup/backup_run.h"
#include "tools/backup/copy_check.h"
#include "tools/backup/wait_for_copies.h"
#include "tools/control/envelope.h"

namespace oracxfs {
namespace {

constexpr const char* kCursorKey = "scrub/cursor";
constexpr Millis kEventPause{500};
constexpr Millis kCursorPause{10'000};
constexpr std::size_t kFoundTold = 1'000;
constexpr std::size_t kCopiesAtOnce = 2'000;

Json counters_report(const ScrubCounters& c) {
    return Json::object({{"planned", c.planned}, {"good", c.good}, {"damaged", c.damaged}, {"missing", c.missing}, {"gone", c.gone}, {"put_off", c.put_off},
                         {"hashes", c.hashes}, {"looks", c.looks}, {"downloads", c.downloads}, {"downloaded_bytes", c.downloaded_bytes}});
}

class ScrubWork {
  public:
    ScrubWork(const BackupEnvironment& environment, const ScrubOptions& options, const OpContext& ctx, const Emit& emit)
        : env_(environment), options_(options), ctx_(ctx), emit_(emit) {
        if (options.download_limit) limit_.emplace(env_.clock, *options.download_limit);
    }

    Result<Json> run() {
        row_.kind = "scrub";
        row_.started = env_.clock.wall();
        ORACX_TRY(row_.id, env_.catalog.begin_run(row_));
        Status done = check_all();
        if (done && ctx_.stop.stop_requested()) done = fail(Errc::cancelled, "scrub", "the next one goes on where it was");
        if (done && options_.repair) repair();
        row_.ended = env_.clock.wall();
        Json report = finish(done);
        ORACX_TRYV(env_.catalog.update_run(row_));
        tell();
        if (!done && done.error().code != Errc::cancelled) return fail(std::move(done).error());
        return report;
    }

  private:
    struct Found {
        VersionId version;
        ProviderId provider;
        Json report;
    };

    struct Place {
        ProviderId id;
        ScrubProvider provider;
        std::uint64_t bytes = 0;
    };

    Result<std::vector<Place>> places() const {
        ORACX_TRY(const auto counts, env_.catalog.counts());
        std::vector<Place> list;
        for (const ProviderStatus& status : env_.replicator.provider_status()) {
            if (!status.health.active) continue;
            Place& place = list.emplace_back();
            place.id = status.row.id;
            place.provider.name = status.row.name;
            const auto via = env_.replicator.provider(status.row.id);
            place.provider.tells_hash = via && !via->capabilities().reads_back;
            if (status.health.down) place.provider.unavailable = std::string(to_string(status.health.state)) + (status.row.reason.empty() ? "" : " " + status.row.reason);
            for (const ProviderCounts& count : counts)
                if (count.provider == place.id) place.bytes = count.stored_bytes;
        }
        return list;
    }

    // One provider's copies at a time, page by page: only the plan of the whole stays in memory.
    Result<ScrubPlan> make_plan(const ScrubCursor& cursor) {
        ORACX_TRY(auto list, places());
        const Place* fewest = nullptr;
        for (const Place& place : list)
            if (place.bytes > 0 && (fewest == nullptr || place.bytes < fewest->bytes)) fewest = &place;
        ScrubPlanner planner(options_.request, cursor);
        for (Place& place : list) {
            ids_[place.provider.name] = place.id;
            for (VersionId after;;) {
                ORACX_TRY(const auto page, env_.catalog.stored_copies(place.id, after, kCopiesAtOnce));
                for (const Catalog::StoredCopy& copy : page) place.provider.replicas.push_back({copy.version, copy.size, copy.verified_at});
                if (page.size() < kCopiesAtOnce) break;
                after = page.back().version;
            }
            planner.add(place.provider, &place == fewest);
            place.provider.replicas = {};
        }
        return planner.finish();
    }

    ScrubCursor stored_cursor() const {
        if (!options_.keep_place) return {};
        const auto text = env_.catalog.meta(kCursorKey);
        if (!text || !*text) return {};
        const auto json = parse_json(**text);
        return json ? ScrubCursor::from_json(*json) : ScrubCursor();
    }

    void store_cursor() {  // lock held
        if (!options_.keep_place) return;
        if (const Status kept = env_.catalog.set_meta(kCursorKey, scrub_->cursor().to_json().dump()); !kept)
            log::warn("backup", "where the scrub came to is not kept: " + kept.error().to_string());
        next_cursor_ = env_.clock.steady() + kCursorPause;
    }

    Status check_all() {
        const ScrubCursor cursor = stored_cursor();
        ORACX_TRY(ScrubPlan plan, make_plan(cursor));
        scrub_.emplace(std::move(plan), cursor);
        for (const ScrubQueue& queue : scrub_->plan().queues) planned_bytes_ += queue.download_bytes();
        next_cursor_ = env_.clock.steady() + kCursorPause;
        {
            std::vector<std::jthread> threads;
            for (const ScrubQueue& queue : scrub_->plan().queues)
                if (!queue.checks.empty()) threads.emplace_back([this, name = queue.provider] { work_at(name); });
        }
        const std::lock_guard lock(mutex_);
        if (ctx_.stop.stop_requested()) scrub_->stop();
        store_cursor();
        return {};
    }

    void work_at(const std::string& provider) {
        const ProviderId id = ids_.at(provider);
        while (!ctx_.stop.stop_requested()) {
            if (!stand_still()) return;
            std::optional<ScrubCheck> check;
            {
                const std::lock_guard lock(mutex_);
                check = scrub_->next(provider);
            }
            if (!check) return;
            const CopyCheck found = check_copy(env_, check->version, id, check->method, ctx_, limit_ ? &*limit_ : nullptr);
            if (ctx_.stop.stop_requested() && found.outcome == ScrubOutcome::put_off) return;  // not the provider's fault
            const std::lock_guard lock(mutex_);
            scrub_->record(provider, found.outcome);
            if (found.error) note(provider, id, *check, found);
            const SteadyTime now = env_.clock.steady();
            if (now >= next_cursor_) store_cursor();
            if (now < next_event_) continue;
            next_event_ = now + kEventPause;
            tell_progress();
        }
    }

    void tell_progress() {  // lock held
        const ScrubCounters total = scrub_->total();
        emit_(Json::object({{"type", "progress"}, {"phase", "checking"}, {"members", total.done()}, {"members_total", total.planned}, {"bytes", total.downloaded_bytes}, {"total", planned_bytes_}, {"run", run_name(row_.id)}, {"providers", by_provider()}}));
    }

    // Between two copies, as long as the gate is shut. False: it is not to go on.
    bool stand_still() {
        if (options_.gate == nullptr || !options_.gate->paused()) return true;
        {
            const std::lock_guard lock(mutex_);
            store_cursor();  // nobody knows for how long
            tell_progress();
        }
        return options_.gate->pass(ctx_.stop);
    }

    [[nodiscard]] Json by_provider() const {
        Json json = Json::object();
        for (const ScrubQueue& queue : scrub_->plan().queues) json.set(queue.provider, counters_report(scrub_->counters(queue.provider)));
        return json;
    }

    void note(const std::string& provider, ProviderId id, const ScrubCheck& check, const CopyCheck& found) {
        Json json = Json::object({{"provider", provider}, {"outcome", word_for(found.outcome)}, {"method", to_string(check.method)}, {"error", log::redact(found.error->to_string())}});
        set_bytes(json, "path", found.path);
        Json event = json;
        event.set("type", "found");
        emit_(event);
        found_.push_back({check.version, id, std::move(json)});
    }

    void repair() {
        for (Found& found : found_) {
            if (found.report["outcome"].as_string() == "put_off") continue;
            if (!wait_for_copies(env_, found.version, ctx_)) return;  // cancelled: the lanes go on by themselves
            const auto job = env_.catalog.replica_job(found.version, found.provider);
            const bool good = job && *job && (*job)->row.state == ReplicaState::verified;
            found.report.set("repaired", good);
            if (good) ++repaired_;
        }
    }

    Json finish(const Status& done) {
        Json report = Json::object({{"run", run_name(row_.id)}});
        Json providers = Json::object(), skipped = Json::object(), list = Json::array();
        ScrubCounters total;
        bool complete = done.has_value();
        if (scrub_) {
            total = scrub_->total();
            complete = complete && scrub_->complete();
            providers = by_provider();
            for (const ScrubQueue& queue : scrub_->plan().queues)
                if (!queue.skipped.empty()) skipped.set(queue.provider, queue.skipped);
        }
        for (const Found& found : found_)
            if (list.items().size() < kFoundTold) list.push(found.report);
        const std::uint64_t bad = total.damaged + total.missing;
        row_.state = RunState::succeeded;
        if (!done) {
            row_.state = done.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
            row_.error_code = info(done.error().code).e_code;
            row_.error_text = log::redact(done.error().to_string());
        } else if (bad > repaired_) {
            row_.state = RunState::partial;
            row_.error_code = info(Errc::corrupt).e_code;
            row_.error_text = bad == 1 ? std::string("1 copy is damaged or missing, and is not replaced yet")
                                      : fmt::format("{} copies are damaged or missing, {} of them were replaced so far", bad, repaired_);
        } else if (!complete) {
            row_.state = RunState::partial;
            row_.error_code = info(Errc::partial).e_code;
            row_.error_text = "not all providers could be asked";
        }
        row_.members = total.done();
        row_.bytes_in = total.downloaded_bytes;
        report.set("state", to_string(row_.state));
        report.set("total", counters_report(total));
        report.set("providers", providers);
        report.set("skipped", skipped);
        report.set("repaired", repaired_);
        report.set("code", row_.error_code.empty() ? Json() : Json(row_.error_code));
        report.set("error", row_.error_text.empty() ? Json() : Json(row_.error_text));
        row_.detail = Json::object({{"checks", counters_report(total)}, {"providers", std::move(providers)}, {"skipped", std::move(skipped)}, {"repaired", repaired_}}).dump();
        report.set("found", std::move(list));
        return report;
    }

    void tell() const {
        EventRow event;
        event.kind = "scrub";
        event.code = row_.error_code;
        event.level = row_.state == RunState::succeeded ? "info" : row_.state == RunState::failed ? "error" : "warning";
        event.message = "run " + run_name(row_.id) + " " + std::string(to_string(row_.state)) + ", " + std::to_string(row_.members) + " copies checked";
        if (!row_.error_text.empty()) event.message += ": " + row_.error_text;
        if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
    }

    const BackupEnvironment& env_;
    const ScrubOptions& options_;
    const OpContext& ctx_;
    const Emit& emit_;
    RunRow row_;
    std::map<std::string, ProviderId> ids_;
    std::mutex mutex_;
    std::optional<ScrubRun> scrub_;
    std::vector<Found> found_;
    std::optional<TokenBucket> limit_;
    std::uint64_t planned_bytes_ = 0, repaired_ = 0;
    SteadyTime next_event_{}, next_cursor_{};
};

}  // namespace

void ScrubGate::set_paused(bool paused) {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
    changed_.notify_all();
}

bool ScrubGate::paused() const {
    const std::lock_guard lock(mutex_);
    return paused_;
}

bool ScrubGate::pass(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    return changed_.wait(lock, stop, [&] { return !paused_; });
}

Result<ScrubOptions> scrub_options_from(const Json& args, const ScrubConfig& config, WallTime now) {
    ScrubOptions options;
    options.request = scrub_request_of(config, now);
    options.repair = args["repair"].as_bool();
    if (args["download"].as_bool()) {
        options.request.download = ScrubDownload::all;
        options.request.sample_percent = 100;
    }
    if (const Json* percent = args.find("sample_percent"); percent != nullptr && !percent->is_null()) {
        options.request.sample_percent = percent->as_double();
        if (options.request.sample_percent < 0 || options.request.sample_percent > 100) return fail(Errc::invalid, "scrub", "a sample is 0 to 100 percent");
    }
    options.download_limit = config.download_limit;
    if (const Json* limit = args.find("download_limit"); limit != nullptr && limit->as_int() > 0) options.download_limit = static_cast<std::uint64_t>(limit->as_int());
    if (const Json* age = args.find("older_than_ms"); age != nullptr && !age->is_null()) options.request.older_than = Millis(age->as_int());
    // A run that was asked for with wishes of its own is no part of the regular round.
    options.keep_place = args.find("download") == nullptr && args.find("sample_percent") == nullptr && args.find("older_than_ms") == nullptr;
    return options;
}

Result<Json> run_scrub(const BackupEnvironment& env, const ScrubOptions& options, const OpContext& ctx, const Emit& emit) {
    return ScrubWork(env, options, ctx, emit).run();
}

}  // namespace oracxfs
