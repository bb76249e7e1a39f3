#include "tools/backup/backup_run.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "base/log.h"
#include "tools/backup/vault_file.h"
#include "tools/backup/wait_for_copies.h"
#include "tools/config/units.h"
#include "tools/control/envelope.h"
#include "tools/packager/package_reader.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs {
namespace {

constexpr Millis kEventPause{200};
constexpr std::size_t kProblemsKept = 200;  // in the run's row; the manifest has no room for them at all

class BackupRun {
  public:
    BackupRun(const BackupEnvironment& environment, const BackupRequest& request, const OpContext& ctx, const RunEvents& events)
        : env_(environment), request_(request), ctx_(ctx), events_(events), config_(environment.config()) {}

    Result<RunRow> run() {
        row_.kind = "backup";
        row_.label = request_.label;
        row_.started = env_.clock.wall();
        ORACX_TRY(row_.id, env_.catalog.begin_run(row_));
        record_event("run_started", "info", "started" + (row_.label.empty() ? std::string() : " (" + row_.label + ")"));
        say(Json::object({{"type", "run_started"}, {"run", run_name(row_.id)}}));
        if (const Status done = work(); !done) {
            row_.state = done.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
            row_.error_code = info(done.error().code).e_code;
            row_.error_text = log::redact(done.error().to_string());
        }
        row_.ended = env_.clock.wall();
        row_.detail = detail_.dump();
        ORACX_TRYV(env_.catalog.update_run(row_));
        record_end();
        Json end = run_report(row_);
        end.set("type", "run_ended");
        say(std::move(end));
        return row_;
    }

  private:
    void say(Json event) const {
        if (events_) events_(event);
    }

    Status work() {
        if (config_->backup.sources.empty() && !config_->backup.include_metadata)
            return fail(Errc::config, "back up", "backup.sources names nothing to pack");
        PackageRequest package = package_request(*config_);
        ORACX_TRYV(complete(package));
        ORACX_TRY(const NewPackageName name, new_package_name(config_->backup.name_prefix, env_.clock.wall(), [&](std::string_view n) {
                      const auto found = env_.catalog.find(n);
                      return !found || found->has_value();
                  }));
        row_.package = name.name;
        {
            // The providers take the bytes while they are made.
            ORACX_TRY(const auto writer, VaultWriter::create(env_.filesystem, name.name, ctx_.stop));
            auto packed = build_package(ctx_, package, *writer, [&](const PackageProgress& progress) { packing(progress); });
            if (!packed) {
                row_.package.clear();
                return fail(std::move(packed).error());
            }
            note(*packed);
            if (packed->unchanged) {
                row_.package.clear();
                row_.state = RunState::unchanged;
                return {};
            }
            bool recorded = false;
            const Status committed = writer->commit(ctx_, recorded);
            if (!recorded) {
                row_.package.clear();
                return committed ? fail(Errc::internal, "record " + name.name, "it is not in the catalogue") : committed;
            }
            ORACX_TRYV(record(name, *packed, package.passphrase.has_value()));
        }
        say(Json::object({{"type", "packed"}, {"run", run_name(row_.id)}, {"package", row_.package}, {"bytes", row_.bytes_out}, {"members", row_.members}}));
        ORACX_TRYV(wait_for_providers());
        return judge();
    }

    Status complete(PackageRequest& package) const {
        package.instance = config_->instance;
        package.now = env_.clock.wall();
        package.temp_dir = config_->backup.staging_dir.value_or(env_.temp_dir);
        package.min_free = config_->backup.staging_min_free;
        package.never_pack = env_.never_pack;
        std::error_code error;
        std::filesystem::create_directories(package.temp_dir, error);
        if (error) return fail(error_from_errno(error.value(), "create " + package.temp_dir));
        if (config_->backup.include_metadata && env_.metadata) {
            ORACX_TRY(package.metadata, env_.metadata());
        }
        if (config_->backup.zip_encryption != "none") {
            auto secret = env_.secret(kPackagePassphrase);
            if (!secret)
                return fail(Error(Errc::key_unavailable, "encrypt the package",
                                  "no passphrase is stored: `oracxfs secrets set backup/passphrase`, or set backup.zip_encryption to \"none\""));
            package.passphrase.emplace(std::move(*secret));
        }
        if (config_->backup.skip_if_unchanged && !request_.even_if_unchanged) {
            ORACX_TRY(const auto packages, env_.catalog.packages());
            const std::string series = env_.catalog.instance();
            for (const PackageRow& row : packages)
                if (row.series == series && !row.fingerprint.empty() && is_safe(row.version)) package.unchanged_since = row.fingerprint;
        }
        return {};
    }

    // An earlier package only spares a new one when it is safe itself.
    bool is_safe(VersionId version) const {
        const auto rows = env_.catalog.replicas(version);
        if (!rows) return false;
        return std::count_if(rows->begin(), rows->end(), [](const ReplicaRow& r) { return r.state == ReplicaState::verified; }) >=
               static_cast<std::ptrdiff_t>(config_->replication.min_replicas);
    }

    void packing(const PackageProgress& progress) {
        const SteadyTime now = env_.clock.steady();
        if (now < next_event_) return;
        next_event_ = now + kEventPause;
        say(Json::object({{"type", "progress"},
                          {"run", run_name(row_.id)},
                          {"phase", "packing"},
                          {"package", row_.package},
                          {"bytes", progress.bytes_done},
                          {"total", progress.bytes_total},
                          {"members", progress.members_done},
                          {"members_total", progress.members_total},
                          {"packed_bytes", progress.archive_bytes},
                          {"transfers", transfers()}}));
    }

    Json transfers() const {
        const std::vector<ProviderStatus> providers = env_.replicator.provider_status();
        Json list = Json::array();
        for (const TransferProgress& transfer : env_.replicator.transfers()) {
            if (transfer.path != row_.package) continue;
            const auto provider = std::find_if(providers.begin(), providers.end(), [&](const ProviderStatus& p) { return p.row.id == transfer.provider; });
            const double rate = provider == providers.end() ? 0 : provider->rate_up;
            Json item = Json::object({{"provider", provider == providers.end() ? std::string() : provider->row.name},
                                      {"path", transfer.path},
                                      {"bytes", transfer.bytes},
                                      {"total", transfer.total},
                                      {"rate", static_cast<std::int64_t>(rate)},
                                      {"attempt", std::int64_t{transfer.attempt}},
                                      {"verifying", transfer.verifying}});
            if (rate > 0 && transfer.total > transfer.bytes)
                item.set("eta_ms", static_cast<std::int64_t>(1000.0 * static_cast<double>(transfer.total - transfer.bytes) / rate));
            list.push(std::move(item));
        }
        return list;
    }

    void note(const PackageReport& packed) {
        row_.members = packed.members;
        row_.bytes_in = packed.bytes_in;
        row_.bytes_out = packed.archive_bytes;
        detail_.set("problem_count", packed.problem_count);
        Json problems = Json::array();
        for (const PackageProblem& problem : packed.problems) {
            if (problems.items().size() == kProblemsKept) break;
            Json item = Json::object({{"what", to_string(problem.what)}, {"why", log::redact(problem.why)}});
            set_bytes(item, "path", problem.path);
            problems.push(std::move(item));
        }
        if (packed.problem_count > 0)
            say(Json::object({{"type", "warning"}, {"run", run_name(row_.id)}, {"message", std::to_string(packed.problem_count) + " files could not be packed as they should be"}, {"problems", problems}}));
        detail_.set("problems", std::move(problems));
    }

    Status record(const NewPackageName& name, const PackageReport& packed, bool encrypted) {
        ORACX_TRY(const auto node, env_.catalog.find(name.name));
        if (!node) return fail(Errc::not_found, "record " + name.name, "somebody removed it");
        version_ = node->version;
        PackageRow package;
        package.node = node->id;
        package.version = node->version;
        package.run = row_.id;
        package.series = env_.catalog.instance();
        package.made = name.time;
        package.fingerprint = packed.fingerprint;
        package.members = packed.members;
        package.bytes_in = packed.bytes_in;
        package.encrypted = encrypted;
        package.label = request_.label;
        ORACX_TRYV(env_.catalog.record_package(package));
        ORACX_TRY(const VersionRow version, env_.catalog.version(version_));
        detail_.set("sha256", to_hex(version.sha256));
        row_.bytes_out = version.size;
        return env_.catalog.update_run(row_);
    }

    // Returns when each active provider has verified the package or is known to be down. Says what happens meanwhile.
    Status wait_for_providers() {
        const auto tell = [this] {
            tell_replicas();
            say(Json::object({{"type", "progress"}, {"run", run_name(row_.id)}, {"phase", "sending"}, {"package", row_.package}, {"transfers", transfers()}}));
        };
        const bool settled = wait_for_copies(env_, version_, ctx_, tell, kEventPause);
        if (!settled) return fail(Errc::cancelled, "send " + row_.package, "the package is kept and goes on to the providers");
        return {};
    }

    std::vector<ProviderOutcome> outcomes() const {
        std::vector<ProviderOutcome> list;
        const auto rows = env_.catalog.replicas(version_);
        for (const ProviderStatus& provider : env_.replicator.provider_status()) {
            if (!provider.health.active) continue;
            ProviderOutcome outcome;
            outcome.name = provider.row.name;
            if (rows)
                for (const ReplicaRow& row : *rows)
                    if (row.provider == provider.row.id) {
                        outcome.state = row.state;
                        outcome.attempts = row.attempts;
                        outcome.error = row.error_code + (row.error_code.empty() || row.error_text.empty() ? "" : " ") + row.error_text;
                    }
            if (outcome.error.empty() && outcome.state != ReplicaState::verified && provider.health.down)
                outcome.error = std::string(to_string(provider.health.state)) + (provider.row.reason.empty() ? "" : " " + provider.row.reason);
            list.push_back(std::move(outcome));
        }
        return list;
    }

    void tell_replicas() {
        for (const ProviderOutcome& outcome : outcomes()) {
            ReplicaState& told = told_.try_emplace(outcome.name, ReplicaState::queued).first->second;
            if (told == outcome.state) continue;
            told = outcome.state;
            Json event = outcome.to_json();
            event.set("type", "replica");
            event.set("run", run_name(row_.id));
            event.set("package", row_.package);
            say(std::move(event));
        }
    }

    Status judge() {
        tell_replicas();
        const std::vector<ProviderOutcome> list = outcomes();
        Json providers = Json::array();
        std::uint32_t verified = 0;
        std::string missing;
        for (const ProviderOutcome& outcome : list) {
            providers.push(outcome.to_json());
            if (outcome.state == ReplicaState::verified)
                ++verified;
            else
                missing += (missing.empty() ? "" : "; ") + outcome.name + ": " + (outcome.error.empty() ? std::string(to_string(outcome.state)) : outcome.error);
        }
        detail_.set("providers", std::move(providers));
        detail_.set("verified", std::int64_t{verified});
        detail_.set("wanted", static_cast<std::int64_t>(list.size()));
        if (verified == list.size() && verified >= config_->replication.min_replicas) {
            row_.state = RunState::succeeded;
            return {};
        }
        row_.error_text = log::redact(missing);
        if (verified >= config_->replication.min_replicas) {
            row_.state = RunState::partial;
            row_.error_code = info(Errc::partial).e_code;
            return {};
        }
        row_.state = RunState::failed;
        row_.error_code = info(Errc::unavailable).e_code;
        return {};
    }

    // Who reads it in the activity log finds the rest in the run's row, by its name.
    void record_event(std::string kind, std::string level, const std::string& words) const {
        EventRow event;
        event.kind = std::move(kind);
        event.level = std::move(level);
        event.path = row_.package;
        event.code = row_.error_code;
        event.message = "run " + run_name(row_.id) + " " + words;
        if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
    }

    void record_end() const {
        std::string words(to_string(row_.state));
        if (row_.state == RunState::succeeded || row_.state == RunState::partial)
            words += ", " + std::to_string(detail_["verified"].as_int()) + " of " + std::to_string(detail_["wanted"].as_int()) + " copies verified, " + format_size(row_.bytes_out);
        if (!row_.error_text.empty()) words += ": " + row_.error_text;
        record_event("run_" + std::string(to_string(row_.state)),
                     row_.state == RunState::failed ? "error" : row_.state == RunState::succeeded || row_.state == RunState::unchanged ? "info" : "warning", words);
    }

    const BackupEnvironment& env_;
    const BackupRequest& request_;
    const OpContext& ctx_;
    const RunEvents& events_;
    const std::shared_ptr<const Config> config_;
    RunRow row_;
    Json detail_ = Json::object();
    VersionId version_;
    SteadyTime next_event_{};
    std::map<std::string, ReplicaState> told_;
};

}  // namespace

Json ProviderOutcome::to_json() const {
    return Json::object({{"provider", name}, {"state", to_string(state)}, {"attempts", std::int64_t{attempts}}, {"error", error.empty() ? Json() : Json(error)}});
}

Result<RunRow> run_backup(const BackupEnvironment& environment, const BackupRequest& request, const OpContext& ctx, const RunEvents& events) {
    return BackupRun(environment, request, ctx, events).run();
}

Json run_report(const RunRow& row) {
    Json json = Json::object({{"run", run_name(row.id)}, {"kind", row.kind}, {"state", to_string(row.state)}, {"started", format_utc(row.started)}});
    json.set("ended", row.ended ? Json(format_utc(*row.ended)) : Json());
    if (row.ended) {
        const Millis took = *row.ended - row.started;
        json.set("took_ms", took.count());
        if (took.count() > 0) json.set("rate", static_cast<std::int64_t>(static_cast<double>(row.bytes_out) * 1000.0 / static_cast<double>(took.count())));
    }
    if (row.package.empty())
        json.set("package", nullptr);
    else
        set_bytes(json, "package", row.package);
    json.set("label", row.label);
    json.set("members", row.members);
    json.set("bytes_in", row.bytes_in);
    json.set("bytes_out", row.bytes_out);
    json.set("code", row.error_code.empty() ? Json() : Json(row.error_code));
    json.set("error", row.error_text.empty() ? Json() : Json(row.error_text));
    if (const auto detail = parse_json(row.detail); detail && detail->is_object())
        for (const auto& [key, value] : detail->members())
            if (json.find(key) == nullptr) json.set(key, value);
    return json;
}

std::optional<std::int64_t> parse_run_name(std::string_view text) {
    if (text.starts_with("r-")) text.remove_prefix(2);
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || end != text.data() + text.size() || id <= 0) return std::nullopt;
    return id;
}

}  // namespace oracxfs
