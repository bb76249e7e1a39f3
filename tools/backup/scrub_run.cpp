#include "tools/backup/scrub_run.h"

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

std::string_view word_for(ScrubOutcome outcome) {
    switch (outcome) {
        case ScrubOutcome::good: return "good";
        case ScrubOutcome::damaged: return "damaged";
        case ScrubOutcome::missing: return "missing";
        case ScrubOutcome::gone: return "gone";
        case ScrubOutcome::put_off: break;
    }
    return "put_off";
}

Json counters_report(const ScrubCounters& c) {
    return Json::object({{"planned", c.planned}, {"good", c.good}, {"damaged", c.damaged}, {"missing", c.missing}, {"gone", c.gone}, {"put_off", c.put_off},
                         {"hashes", c.hashes}, {"looks", c.looks}, {"downloads", c.downloads}, {"downloaded_bytes", c.downloaded_bytes}});
}

class ScrubWork {
  public:
    ScrubWork(const BackupEnvironment& environment, const ScrubOptions& options, const OpContext& ctx, const Emit& emit)
        : env_(environment), options_(options), ctx_(ctx), emit_(emit) {}

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

    Result<std::vector<ScrubProvider>> providers() {
        std::vector<ScrubProvider> list;
        for (const ProviderStatus& status : env_.replicator.provider_status()) {
            if (!status.health.active) continue;
            ScrubProvider& entry = list.emplace_back();
            entry.name = status.row.name;
            ids_[entry.name] = status.row.id;
            const auto via = env_.replicator.provider(status.row.id);
            entry.tells_hash = via && !via->capabilities().reads_back;
            if (status.health.down) entry.unavailable = std::string(to_string(status.health.state)) + (status.row.reason.empty() ? "" : " " + status.row.reason);
        }
        ORACX_TRY(const auto rows, env_.catalog.list_replicas(""));
        for (const ReplicaListing& row : rows) {
            if (row.replica.key.empty() || row.torn || (row.replica.state != ReplicaState::verified && row.replica.state != ReplicaState::stored)) continue;
            const auto entry = std::find_if(list.begin(), list.end(), [&](const ScrubProvider& p) { return p.name == row.provider; });
            if (entry != list.end()) entry->replicas.push_back({row.replica.version, row.path, row.size, row.replica.verified_at});
        }
        return list;
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
        ORACX_TRY(const auto list, providers());
        const ScrubCursor cursor = stored_cursor();
        scrub_.emplace(plan_scrub(list, options_.request, cursor), cursor);
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
            std::optional<ScrubCheck> check;
            {
                const std::lock_guard lock(mutex_);
                check = scrub_->next(provider);
            }
            if (!check) return;
            const CopyCheck found = check_copy(env_, check->version, id, check->method, ctx_);
            if (ctx_.stop.stop_requested() && found.outcome == ScrubOutcome::put_off) return;  // not the provider's fault
            const std::lock_guard lock(mutex_);
            scrub_->record(provider, found.outcome);
            if (found.error) note(provider, id, *check, found);
            const SteadyTime now = env_.clock.steady();
            if (now >= next_cursor_) store_cursor();
            if (now < next_event_) continue;
            next_event_ = now + kEventPause;
            const ScrubCounters total = scrub_->total();
            emit_(Json::object({{"type", "progress"}, {"phase", "checking"}, {"members", total.done()}, {"members_total", total.planned}, {"bytes", total.downloaded_bytes}, {"total", planned_bytes()}, {"run", run_name(row_.id)}}));
        }
    }

    [[nodiscard]] std::uint64_t planned_bytes() const {
        std::uint64_t bytes = 0;
        for (const ScrubQueue& queue : scrub_->plan().queues) bytes += queue.download_bytes();
        return bytes;
    }

    void note(const std::string& provider, ProviderId id, const ScrubCheck& check, const CopyCheck& found) {
        Json json = Json::object({{"provider", provider}, {"outcome", word_for(found.outcome)}, {"method", to_string(check.method)}, {"error", log::redact(found.error->to_string())}});
        set_bytes(json, "path", check.path);
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
        Json by_provider = Json::object(), skipped = Json::object(), list = Json::array();
        ScrubCounters total;
        bool complete = done.has_value();
        if (scrub_) {
            total = scrub_->total();
            complete = complete && scrub_->complete();
            for (const ScrubQueue& queue : scrub_->plan().queues) {
                by_provider.set(queue.provider, counters_report(scrub_->counters(queue.provider)));
                if (!queue.skipped.empty()) skipped.set(queue.provider, queue.skipped);
            }
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
            row_.error_text = std::to_string(bad) + " copies are damaged or missing, " + std::to_string(repaired_) + " of them were replaced so far";
        } else if (!complete) {
            row_.state = RunState::partial;
            row_.error_code = info(Errc::partial).e_code;
            row_.error_text = "not all providers could be asked";
        }
        row_.members = total.done();
        row_.bytes_in = total.downloaded_bytes;
        report.set("state", to_string(row_.state));
        report.set("total", counters_report(total));
        report.set("providers", by_provider);
        report.set("skipped", skipped);
        report.set("repaired", repaired_);
        report.set("code", row_.error_code.empty() ? Json() : Json(row_.error_code));
        report.set("error", row_.error_text.empty() ? Json() : Json(row_.error_text));
        row_.detail = Json::object({{"checks", counters_report(total)}, {"providers", std::move(by_provider)}, {"skipped", std::move(skipped)}, {"repaired", repaired_}}).dump();
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
    std::uint64_t repaired_ = 0;
    SteadyTime next_event_{}, next_cursor_{};
};

}  // namespace

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
    if (const Json* age = args.find("older_than_ms"); age != nullptr && !age->is_null()) options.request.older_than = Millis(age->as_int());
    // A run that was asked for with wishes of its own is no part of the regular round.
    options.keep_place = args.find("download") == nullptr && args.find("sample_percent") == nullptr && args.find("older_than_ms") == nullptr;
    return options;
}

Result<Json> run_scrub(const BackupEnvironment& env, const ScrubOptions& options, const OpContext& ctx, const Emit& emit) {
    return ScrubWork(env, options, ctx, emit).run();
}

Result<Json> verify_package(const BackupEnvironment& env, const PackageInfo& package, const std::string& provider, bool download, const OpContext& ctx, const Emit& emit) {
    if (!provider.empty() && std::none_of(package.copies.begin(), package.copies.end(), [&](const PackageCopyInfo& copy) { return copy.provider == provider; }))
        return fail(Errc::not_found, "verify at " + provider, "there is no active provider of that name");
    RunRow row;
    row.kind = "scrub";
    row.package = package.node.name;
    row.started = env.clock.wall();
    ORACX_TRY(row.id, env.catalog.begin_run(row));
    struct Copy {
        std::string provider;
        ReplicaState state;
        CopyCheck check;
    };
    std::vector<Copy> copies;
    for (const PackageCopyInfo& copy : package.copies)
        if (provider.empty() || copy.provider == provider) copies.push_back({copy.provider, copy.row.state, {}});
    std::mutex emit_mutex;
    {
        std::vector<std::jthread> threads;
        for (Copy& copy : copies)
            threads.emplace_back([&env, &ctx, &emit, &emit_mutex, &copy, &package, download] {
                const auto row_of = std::find_if(package.copies.begin(), package.copies.end(), [&](const PackageCopyInfo& c) { return c.provider == copy.provider; });
                if (!row_of->row.version) return;  // nothing was ever sent there
                copy.check = check_copy(env, package.node.version, row_of->row.provider, download ? ScrubMethod::download : ScrubMethod::hash, ctx);
                const std::lock_guard lock(emit_mutex);
                emit(Json::object({{"type", "checked"}, {"provider", copy.provider}, {"outcome", word_for(copy.check.outcome)}}));
            });
    }
    Json list = Json::array();
    std::optional<Errc> code;
    for (const Copy& copy : copies) {
        // A copy that is known to be bad or not there yet was not asked about; it is no good copy either.
        std::string outcome(word_for(copy.check.outcome));
        if (copy.check.outcome == ScrubOutcome::gone) outcome = std::string(to_string(copy.state));
        const bool bad = copy.check.outcome == ScrubOutcome::damaged || copy.check.outcome == ScrubOutcome::missing || outcome == "damaged" || outcome == "missing";
        if (bad)
            code = Errc::corrupt;
        else if (copy.check.outcome != ScrubOutcome::good && !code)
            code = Errc::partial;
        list.push(Json::object({{"provider", copy.provider}, {"outcome", outcome}, {"error", copy.check.error ? Json(log::redact(copy.check.error->to_string())) : Json()}, {"downloaded_bytes", copy.check.downloaded_bytes}}));
        row.bytes_in += copy.check.downloaded_bytes;
        row.members += copy.check.outcome == ScrubOutcome::good ? 1 : 0;
    }
    row.ended = env.clock.wall();
    row.state = ctx.stop.stop_requested() ? RunState::cancelled : code ? RunState::partial : RunState::succeeded;
    if (code) row.error_code = info(*code).e_code;
    row.detail = Json::object({{"copies", list}}).dump();
    ORACX_TRYV(env.catalog.update_run(row));
    if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "verify " + package.node.name);
    Json report = Json::object({{"run", run_name(row.id)}, {"copies", std::move(list)}, {"code", code ? Json(info(*code).e_code) : Json()}});
    set_bytes(report, "package", package.node.name);
    return report;
}

Result<Json> repair_package(const BackupEnvironment& env, const PackageInfo& package, const OpContext& ctx) {
    ORACX_TRYV(env.catalog.add_replicas(package.node.version, env.replicator.active()));
    ORACX_TRY(const auto rows, env.catalog.replicas(package.node.version));
    for (const ReplicaRow& row : rows) {
        if (row.state == ReplicaState::verified && !row.due) continue;
        ORACX_TRYV(env.catalog.make_replica_due(row.version, row.provider, env.clock.wall()));
        env.replicator.probe_now(row.provider);
    }
    env.replicator.nudge();
    if (!wait_for_copies(env, package.node.version, ctx)) return fail(Errc::cancelled, "repair " + package.node.name, "it goes on by itself");
    ORACX_TRY(const PackageInfo after, find_package(env.catalog, *env.config(), package.node.name));
    Json report = package_report(after, nullptr);
    const std::uint32_t verified = after.verified();
    const auto wanted = static_cast<std::uint32_t>(after.copies.size());
    report.set("code", verified == wanted ? Json() : Json(info(verified > 0 ? Errc::partial : Errc::unavailable).e_code));
    return report;
}

}  // namespace oracxfs
