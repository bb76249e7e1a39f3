// Lane: folders are made, moved and removed.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

namespace {
constexpr std::uint32_t kDirectoryAttemptsMax = 8;
constexpr Millis kFilesPause{500};
}  // namespace

Result<bool> Lane::run_directories(const std::stop_token& stop) {
    const WallTime now = env_.clock.wall();
    ORACX_TRY(std::vector<DirectoryJob> jobs, env_.catalog.due_directories(id_, now, 4096));
    const auto unclear = [](const DirectoryJob& job) { return !job.row.intent_key.empty(); };
    folders_unclear_ = !jobs.empty() && unclear(jobs.front());
    if (folders_unclear_) jobs.erase(std::find_if_not(jobs.begin(), jobs.end(), unclear), jobs.end());
    bool did = false;
    for (const DirectoryJob& job : jobs) {
        if (stop.stop_requested()) return fail(Errc::cancelled, "replicate folders");
        if (job.row.due > now) continue;  // asked not long ago, without an answer
        ORACX_TRY(const bool more, run_directory(job, stop));
        did = true;
        if (!more) break;
    }
    if (did && env_.on_health) env_.on_health(id_);  // somebody may wait for the folders
    return did;
}

// The files below may have moved or not: each is looked for at both places, as if it had been moved alone.
Result<bool> Lane::begin_moves(const std::string& from, const std::string& to, const std::stop_token& stop) {
    Claim claim(*this);
    std::vector<ReplicaChange> changes;
    // What an upload left whose answer got lost is in the one place or the other, too, if it is anywhere.
    ORACX_TRY(const std::vector<VersionId> uploads, env_.catalog.begun_uploads_below(id_, from));
    for (const VersionId version : uploads) {
        if (!claim.add(version)) return false;
        ORACX_TRY(const std::optional<ReplicaJob> job, env_.catalog.replica_job(version, id_));
        if (!job || !job->row.key.empty() || !job->row.intent_key.starts_with(from + "/")) continue;
        ORACX_TRY(const Result<Found> found, find(*job, job->row.intent_key, stop));
        if (!found) {
            if (found.error().code == Errc::cancelled) return fail(found.error());
            if (concerns_provider(found.error().code)) provider_failed(found.error());
            return false;
        }
        ReplicaChange change;
        change.row = job->row;
        if (!found->is_ours) change.row.intent_key = to + job->row.intent_key.substr(from.size());
        change.row.due = env_.clock.wall();
        change.was = job->row.state;
        changes.push_back(std::move(change));
    }
    ORACX_TRY(const std::vector<Catalog::KnownObject> files, env_.catalog.files_at(id_, from));
    for (const Catalog::KnownObject& file : files) {
        if (file.key == from) continue;
        if (!claim.add(file.version)) return false;
        ORACX_TRY(const std::optional<ReplicaJob> job, env_.catalog.replica_job(file.version, id_));
        if (!job || job->row.key != file.key || !job->row.intent_key.empty()) continue;  // it is looked for already
        ReplicaChange change;
        change.row = job->row;
        change.row.intent_key = to + file.key.substr(from.size());
        change.row.due = env_.clock.wall();
        change.was = job->row.state;
        changes.push_back(std::move(change));
    }
    ORACX_TRYV(env_.catalog.record(changes, false));
    return true;
}

// False when the provider failed as a whole.
Result<bool> Lane::run_directory(const DirectoryJob& job, const std::stop_token& stop) {
    DirectoryRow row = job.row;
    Status result;
    const Working working(*this, {row.key, row.wanted ? job.want_key : row.key});
    if (!row.intent_key.empty()) {
        // A move was begun and its end is not known: where is the folder?
        const auto target = provider_->stat(context(stop), row.intent_key);
        const auto source = provider_->stat(context(stop), row.key);
        const auto unclear = [](const auto& seen) { return !seen && seen.error().code != Errc::not_found; };
        if (unclear(target) || unclear(source)) {
            result = fail(unclear(target) ? target.error() : source.error());
        } else if (target && target->is_directory && !(source && source->is_directory)) {
            // A file of the old name is somebody else's, put there since.
            ORACX_TRYV(env_.catalog.record_directory_move(row.node, id_, row.key, row.intent_key));
            ORACX_TRYV(env_.catalog.make_due(id_, env_.clock.wall()));
            return true;
        } else {
            // Two folders that are not one under two names (in another case): either may be the one that others made.
            const bool two = target && target->is_directory && (target->id.empty() || target->id != source->id);
            ORACX_TRY(const bool begun, two ? begin_moves(row.key, row.intent_key, stop) : Result<bool>(true));
            if (begun) row.intent_key.clear();
            row.due = env_.clock.wall() + (begun ? Millis(0) : kFilesPause);
            ORACX_TRYV(env_.catalog.record_directory(row));
            return true;
        }
    } else if (!row.wanted) {
        result = row.key.empty() ? Status() : provider_->remove_directory(context(stop), row.key);
        if (result && !row.key.empty()) prune_parents(row.key, stop);
        if (result || result.error().code == Errc::not_found || result.error().code == Errc::not_directory) {
            ORACX_TRYV(env_.catalog.drop_directory(row.node, id_));
            return true;
        }
        if (result.error().code == Errc::not_empty && row.attempts >= kDirectoryAttemptsMax) {
            event("warning", "folder", row.key, std::string(info(Errc::not_empty).e_code),
                  "kept: it holds files that oracxfs did not put there");
            ORACX_TRYV(env_.catalog.drop_directory(row.node, id_));
            return true;
        }
    } else if (row.key.empty() || row.key == job.want_key) {
        auto made = provider_->make_directory(context(stop), job.want_key);
        if (!made && (made.error().code == Errc::exists || made.error().code == Errc::not_directory)) {
            ORACX_TRY(const bool clear, clear_way(job.want_key, stop));
            if (clear) made = provider_->make_directory(context(stop), job.want_key);
        }
        if (made) {
            row.key = job.want_key;
            row.due.reset();
            row.attempts = 0;
            row.error_text.clear();
            ORACX_TRYV(env_.catalog.record_directory(row));
            return true;
        }
        result = fail(made.error());
    } else {
        RemoteObject object;
        object.key = row.key;
        object.is_directory = true;
        row.intent_key = job.want_key;
        folders_unclear_ = true;  // also while it is under way
        ORACX_TRYV(env_.catalog.record_directory(row));
        ORACX_CRASH_POINT("lane.directory.intent_recorded");
        const auto moved = provider_->rename(context(stop), object, job.want_key, std::nullopt);
        if (moved) {
            ORACX_TRYV(env_.catalog.record_directory_move(row.node, id_, row.key, job.want_key));
            prune_parents(row.key, stop);
            return true;
        }
        if (moved.error().code != Errc::outcome_unknown && moved.error().code != Errc::cancelled) row.intent_key.clear();
        if (moved.error().code == Errc::exists || moved.error().code == Errc::not_found) {
            // The target is there already, or the source never was: the files inside move one by one.
            const std::string from = row.key;
            if (const auto there = provider_->stat(context(stop), job.want_key); there && !there->is_directory) {
                ORACX_TRYV(env_.catalog.record_directory(row));  // its own intent must not count as what is in the way
                ORACX_TRYV(clear_way(job.want_key, stop));
            }
            if (const auto made = provider_->make_directory(context(stop), job.want_key); !made) {
                result = fail(made.error());
            } else {
                row.key = job.want_key;
                row.due.reset();
                ORACX_TRYV(env_.catalog.record_directory(row));
                ORACX_TRY(const auto known, env_.catalog.known_objects(id_));
                for (const auto& object_below : known)
                    if (!object_below.directory && object_below.key.starts_with(from + "/"))
                        ORACX_TRYV(env_.catalog.make_replica_due(object_below.version, id_, env_.clock.wall()));
                if (moved.error().code == Errc::exists) prune_parents(from + "/x", stop);
                return true;
            }
        } else {
            result = fail(moved.error());
        }
    }
    const Error& error = result.error();
    if (error.code == Errc::cancelled) return fail(error);
    row.error_text = error.to_string();
    if (concerns_provider(error.code) || error.code == Errc::outcome_unknown) {
        provider_failed(error);
        row.due = env_.clock.wall();
        ORACX_TRYV(env_.catalog.record_directory(row));
        return false;
    }
    row.attempts += 1;
    row.due = env_.clock.wall() + std::min(env_.options.retry_pause_max, env_.options.retry_pause_min * (1 << std::min(row.attempts, 12u)));
    ORACX_TRYV(env_.catalog.record_directory(row));
    return true;
}

}  // namespace oracxfs
