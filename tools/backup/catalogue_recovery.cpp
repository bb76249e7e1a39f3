#include "tools/backup/catalogue_recovery.h"

#include <algorithm>

#include "base/log.h"
#include "fs/replication_plan.h"
#include "tools/backup/backup_run.h"
#include "tools/backup/package_access.h"
#include "tools/backup/wait_for_copies.h"
#include "tools/control/envelope.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs {
namespace {

constexpr Millis kEventPause{200};
constexpr Millis kBusyPause{200};  // the lane of the provider takes it over itself just now
constexpr std::size_t kProblemsKept = 200;
constexpr const char* kInstallationName = "oracxfs/installation.json";
constexpr std::uint64_t kInstallationBytesMax = 1u << 20;

// What a package says about itself.
struct AboutPackage {
    std::string series;
    std::uint64_t members = 0, bytes_in = 0;
    bool encrypted = false;
};

Result<AboutPackage> read_about(PackageReader& reader, const OpContext& ctx) {
    AboutPackage about;
    for (const PackageEntry& entry : reader.entries()) {
        about.encrypted = about.encrypted || entry.aes_strength != 0;
        if (entry.kind != PackageEntry::Kind::folder) ++about.members;
        about.bytes_in += entry.size;
    }
    const auto manifest = reader.manifest(ctx);
    // Without the passphrase its list of members tells enough; a stranger's archive has no manifest.
    if (!manifest && (manifest.error().code == Errc::key_unavailable || manifest.error().code == Errc::not_found)) return about;
    if (!manifest) return fail(manifest.error());
    about.members = (*manifest)->members.size();
    if (const std::int64_t bytes = (*manifest)->head["totals"]["bytes"].as_int(); bytes > 0) about.bytes_in = static_cast<std::uint64_t>(bytes);
    const PackageEntry* installation = reader.find(kInstallationName);
    if (installation == nullptr || installation->size > kInstallationBytesMax) return about;
    std::string text;
    ORACX_TRYV(reader.extract(ctx, *installation, [&](ByteSpan data) -> Status {
        text.append(reinterpret_cast<const char*>(data.data()), data.size());
        return {};
    }));
    if (const auto json = parse_json(text)) about.series = (*json)["instance"].as_string();
    return about;
}

class RecoveryWork {
  public:
    RecoveryWork(const BackupEnvironment& environment, const RecoveryRequest& request, const OpContext& ctx, const Emit& emit)
        : env_(environment), request_(request), ctx_(ctx), emit_(emit), prefix_(environment.config()->backup.name_prefix) {}

    Result<Json> run() {
        ORACX_TRYV(find_provider());
        row_.kind = "recovery";
        row_.started = env_.clock.wall();
        ORACX_TRY(row_.id, env_.catalog.begin_run(row_));
        const Status done = work();
        row_.ended = env_.clock.wall();
        Json report = finish(done);
        ORACX_TRYV(env_.catalog.update_run(row_));
        tell();
        if (!done) return fail(done.error());
        return report;
    }

  private:
    struct Problem {
        std::string path, why;
    };

    Status find_provider() {
        for (const ProviderStatus& status : env_.replicator.provider_status()) {
            if (status.row.name != request_.provider) continue;
            id_ = status.row.id;
            via_ = env_.replicator.provider(id_);
            if (!via_) return fail(Errc::not_found, "recover from " + request_.provider, "it is switched off; `oracxfs providers enable " + request_.provider + "`");
            return {};
        }
        return fail(Errc::not_found, "recover from " + request_.provider, "there is no provider of that name; add it first, for instance with `oracxfs sftp`");
    }

    Status work() {
        ORACX_TRYV(list());
        for (const RemoteObject& object : objects_) {
            ORACX_TRYV(still_wanted());
            ORACX_TRYV(take(object));
            tell_progress(object.key, false);
        }
        ORACX_TRYV(look_into_packages());
        return wait_until_verified();
    }

    Status still_wanted() const {
        if (ctx_.stop.stop_requested()) return fail(Errc::cancelled, "recover from " + request_.provider, "what was taken over stays; the same command goes on");
        return {};
    }

    [[nodiscard]] std::optional<WallTime> package_time(const RemoteObject& object) const {
        if (object.is_directory || object.key.find('/') != std::string::npos) return std::nullopt;
        return parse_package_name(prefix_, object.key);
    }

    Status list() {
        ORACX_TRY(newest_before_, env_.catalog.newest_version());
        std::string cursor;
        do {
            ORACX_TRY(ListPage page, via_->list(ctx_, "", cursor));
            for (RemoteObject& object : page.entries) {
                if (request_.packages_only && !package_time(object)) continue;
                bytes_total_ += object.is_directory ? 0 : object.size;
                objects_.push_back(std::move(object));
            }
            cursor = page.next;
            ORACX_TRYV(still_wanted());
        } while (!cursor.empty());
        // The newest packages, then everything else, folders before what is in them.
        std::sort(objects_.begin(), objects_.end(), [&](const RemoteObject& a, const RemoteObject& b) {
            const auto a_time = package_time(a), b_time = package_time(b);
            if (a_time.has_value() != b_time.has_value()) return a_time.has_value();
            return a_time && *a_time != *b_time ? *a_time > *b_time : a.key < b.key;
        });
        return {};
    }

    Status take(const RemoteObject& object) {
        Result<bool> taken = false;
        for (;;) {
            taken = env_.filesystem.adopt(id_, object, ctx_.stop);
            if (taken || taken.error().code != Errc::busy) break;
            if (!env_.clock.sleep_for(kBusyPause, ctx_.stop)) return still_wanted();
        }
        bytes_done_ += object.is_directory ? 0 : object.size;
        if (!taken) {
            ORACX_TRYV(still_wanted());
            const Error& error = taken.error();
            // All others would fare the same.
            if (concerns_provider(error.code) || error.code == Errc::local_full || error.code == Errc::local_io) return fail(error);
            problems_.push_back({object.key, error.to_string()});
            return {};
        }
        if (object.is_directory) {
            folders_ += *taken ? 1 : 0;
            return {};
        }
        ORACX_TRY(const auto node, env_.catalog.find(object.key));
        // The lane of the provider may have been quicker: what is newer than our beginning was taken over all the same.
        if (!node || !node->version || node->version <= newest_before_) {
            known_ += node ? 1 : 0;
            return {};
        }
        ++files_;
        bytes_ += object.size;
        versions_.push_back(node->version);
        return {};
    }

    // What the catalogue of the machine that made them knew of packages stands in themselves.
    Status look_into_packages() {
        ORACX_TRY(const auto packages, list_packages(env_.catalog, *env_.config()));
        for (const PackageInfo& package : packages) {
            ORACX_TRYV(still_wanted());
            if (package.row && !(request_.go_on_with_series && package.row->series != env_.catalog.instance())) continue;
            if (const Status known = look_into(package); !known) {
                ORACX_TRYV(still_wanted());
                problems_.push_back({package.node.name, known.error().to_string()});
            }
            ++packages_;
            tell_progress(package.node.name, false);
        }
        if (!packages.empty()) newest_ = packages.front().node.name;
        return {};
    }

    Status look_into(const PackageInfo& package) {
        ORACX_TRY(auto passphrase, stored_passphrase(env_));
        ORACX_TRY(const auto reader, open_package(env_, package, "", std::move(passphrase), ctx_));
        ORACX_TRY(const AboutPackage about, read_about(*reader, ctx_));
        PackageRow row = package.row.value_or(PackageRow{});
        row.node = package.node.id;
        row.version = package.node.version;
        row.made = package.time;
        row.series = request_.go_on_with_series ? env_.catalog.instance() : about.series;
        row.members = about.members;
        row.bytes_in = about.bytes_in;
        row.encrypted = about.encrypted;
        return env_.catalog.record_package(row);
    }

    // What was read is compared with what the provider holds, as after an upload; each file as soon as its turn comes.
    Status wait_until_verified() {
        env_.replicator.nudge();
        for (const VersionId version : versions_) {
            if (!wait_for_copies(env_, version, ctx_)) return still_wanted();
            const auto job = env_.catalog.replica_job(version, id_);
            if (job && *job && (*job)->row.state == ReplicaState::verified) ++verified_;
            tell_progress("", false);
        }
        tell_progress("", true);
        return {};
    }

    void tell_progress(const std::string& current, bool now_for_sure) {
        const SteadyTime now = env_.clock.steady();
        if (now < next_event_ && !now_for_sure) return;
        next_event_ = now + kEventPause;
        Json event = Json::object({{"type", "progress"}, {"phase", "recovering"}, {"run", run_name(row_.id)}, {"bytes", bytes_done_}, {"total", bytes_total_}, {"members", files_ + known_ + folders_}, {"members_total", objects_.size()}});
        set_bytes(event, "current", current);
        emit_(event);
    }

    Json finish(const Status& done) {
        Json list = Json::array();
        for (const Problem& problem : problems_) {
            if (list.items().size() == kProblemsKept) break;
            Json item = Json::object({{"why", log::redact(problem.why)}});
            set_bytes(item, "path", problem.path);
            list.push(std::move(item));
        }
        row_.members = files_;
        row_.bytes_in = bytes_;
        row_.state = RunState::succeeded;
        if (!done) {
            row_.state = done.error().code == Errc::cancelled ? RunState::cancelled : RunState::failed;
            row_.error_code = info(done.error().code).e_code;
            row_.error_text = log::redact(done.error().to_string());
        } else if (!problems_.empty() || verified_ < files_) {
            row_.state = RunState::partial;
            row_.error_code = info(Errc::partial).e_code;
            row_.error_text = std::to_string(problems_.size()) + " files could not be taken over, " + std::to_string(files_ - verified_) + " are not verified yet";
        }
        Json report = Json::object({{"run", run_name(row_.id)}, {"state", to_string(row_.state)}, {"provider", request_.provider}, {"files", files_}, {"folders", folders_}, {"bytes", bytes_}, {"known", known_}, {"verified", verified_}, {"packages", packages_}});
        report.set("newest", newest_.empty() ? Json() : Json(newest_));
        report.set("problems", std::move(list));
        report.set("problem_count", problems_.size());
        row_.detail = report.dump();
        report.set("code", row_.error_code.empty() ? Json() : Json(row_.error_code));
        report.set("error", row_.error_text.empty() ? Json() : Json(row_.error_text));
        return report;
    }

    void tell() const {
        EventRow event;
        event.kind = "recovery";
        event.provider = request_.provider;
        event.code = row_.error_code;
        event.level = row_.state == RunState::succeeded ? "info" : row_.state == RunState::failed ? "error" : "warning";
        event.message = "run " + run_name(row_.id) + " " + std::string(to_string(row_.state)) + ", " + std::to_string(files_) + " files taken over from " + request_.provider;
        if (!row_.error_text.empty()) event.message += ": " + row_.error_text;
        if (const Status kept = env_.catalog.append_event(event); !kept) log::warn("backup", "event not kept: " + kept.error().to_string());
    }

    const BackupEnvironment& env_;
    const RecoveryRequest& request_;
    const OpContext& ctx_;
    const Emit& emit_;
    const std::string prefix_;
    RunRow row_;
    ProviderId id_;
    std::shared_ptr<Provider> via_;
    std::vector<RemoteObject> objects_;
    std::vector<VersionId> versions_;
    std::vector<Problem> problems_;
    std::string newest_;
    VersionId newest_before_;
    std::uint64_t files_ = 0, folders_ = 0, bytes_ = 0, known_ = 0, verified_ = 0, packages_ = 0;
    std::uint64_t bytes_done_ = 0, bytes_total_ = 0;
    SteadyTime next_event_{};
};

}  // namespace

Result<Json> run_recovery(const BackupEnvironment& env, const RecoveryRequest& request, const OpContext& ctx, const Emit& emit) {
    return RecoveryWork(env, request, ctx, emit).run();
}

}  // namespace oracxfs
