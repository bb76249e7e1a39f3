// Lane: the steps that are no uploads, and what stands in their way.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

Result<Result<Found>> Lane::find(const ReplicaJob& job, const std::string& key, const std::stop_token& stop) {
    Found found;
    const auto there = provider_->stat(context(stop), key);
    if (!there) {
        if (there.error().code == Errc::not_found) return Result<Found>(found);
        return Result<Found>(fail(there.error()));
    }
    found.object = *there;
    if (there->is_directory || there->size != job.size) return Result<Found>(found);
    ORACX_TRY(const ContentDigests digests, env_.catalog.digests(job.row.version));
    const Status same = provider_->verify(context(stop), *there, digests);
    found.is_ours = same.has_value();
    if (!same && same.error().code != Errc::corrupt && same.error().code != Errc::not_found) return Result<Found>(fail(same.error()));
    return Result<Found>(found);
}

Status Lane::look(const ReplicaJob& job, const Step& step, const std::stop_token& stop) {
    ORACX_TRY(Result<Found> found, find(job, step.key, stop));
    if (found && !found->is_ours && !job.row.key.empty() && job.row.key != step.key) {
        const auto source = provider_->stat(context(stop), job.row.key);
        if (source && !source->is_directory)
            found->source = *source;
        else if (source || source.error().code == Errc::not_found)
            found->source_gone = true;
        else
            found = fail(source.error());
    }
    if (found && found->source_gone && job.wanted)
        event("warning", "missing", job.want_key, std::string(info(Errc::not_found).e_code),
              "was removed outside of oracxfs before it could be moved; it is put back");
    Outcome outcome = after_look(job, step, found, env_.clock.wall(), retry_times());
    const bool conflict = outcome.conflict;
    ORACX_TRYV(finish(job, std::move(outcome)));
    return conflict ? keep_stranger(job, step.key, stop) : Status();
}

Status Lane::move(const ReplicaJob& job, const Step& step, const std::stop_token& stop) {
    const ReplicaRow begun = begin_step(job.row, step);
    ORACX_TRY(const bool mine, record_begun(job, begun));
    if (!mine) return {};
    ORACX_CRASH_POINT("lane.move.intent_recorded");
    const Working working(*this, {job.row.key, step.key});
    const auto result = provider_->rename(context(stop), object_of(job.row, job.size), step.key, step.replaces);
    ORACX_CRASH_POINT("lane.move.done");
    ORACX_TRY(std::optional<ReplicaJob> fresh, env_.catalog.replica_job(job.row.version, id_));
    ReplicaJob judged = fresh ? std::move(*fresh) : job;
    judged.row = job.row;
    Outcome outcome = after_move(judged, begun, step, result, env_.clock.wall(), retry_times());
    const bool conflict = outcome.conflict;
    ORACX_TRYV(finish(judged, std::move(outcome)));
    if (result) prune_parents(job.row.key, stop);
    return conflict ? keep_stranger(job, step.key, stop) : Status();
}

Status Lane::move_aside(const ReplicaJob& job, const std::stop_token& stop) {
    Claim claim(*this);
    if (!claim.add(job.occupant->version)) return {};  // it is being worked on: it moves by itself
    ORACX_TRY(const std::optional<ReplicaJob> blocker, env_.catalog.replica_job(job.occupant->version, id_));
    if (!blocker || blocker->row.key != job.want_key || !blocker->row.intent_key.empty()) return {};
    return step_aside(*blocker, stop);
}

Status Lane::step_aside(const ReplicaJob& blocker_job, const std::stop_token& stop) {
    const ReplicaJob* blocker = &blocker_job;
    const Step aside{Step::Kind::move_aside, aside_key(env_.instance, blocker->row.version), {}, {}};
    const ReplicaRow begun = begin_step(blocker->row, aside);
    ORACX_TRY(const bool mine, record_begun(*blocker, begun));
    if (!mine) return {};
    const Working working(*this, {blocker->row.key, aside.key});
    const auto result = provider_->rename(context(stop), object_of(blocker->row, blocker->size), aside.key, std::nullopt);
    return finish(*blocker, after_move(*blocker, begun, aside, result, env_.clock.wall(), retry_times()));
}

// Something we don't know stands where a replica must go: it stays, under a name that says so.
Status Lane::keep_stranger(const ReplicaJob& job, const std::string& key, const std::stop_token& stop) {
    const auto there = provider_->stat(context(stop), key);
    if (!there) {
        if (there.error().code != Errc::not_found) {
            if (concerns_provider(there.error().code)) provider_failed(there.error());
            return {};
        }
        // Nobody stands there, also not the unwanted version that was to be replaced: its row must not block the place.
        if (job.occupant && !job.occupant_wanted && job.occupant->key == key)
            ORACX_TRYV(env_.catalog.record({{ReplicaChange::Kind::drop, *job.occupant, std::nullopt}}, false));
        return {};
    }
    if (there->is_directory) {
        ORACX_TRY(const bool clear, clear_way(key, stop));
        if (clear) return {};
    }
    if (keep_elsewhere(*there, stop) && job.occupant && job.occupant->key == key)
        ORACX_TRYV(env_.catalog.record({{ReplicaChange::Kind::drop, *job.occupant, std::nullopt}}, false));
    return {};
}

bool Lane::keep_elsewhere(const RemoteObject& there, const std::stop_token& stop) {
    for (int n = 1; n <= 20; ++n) {
        const std::string kept = conflict_key(there.key, name_, env_.clock.wall(), n);
        const Working working(*this, {there.key});
        const auto moved = provider_->rename(context(stop), there, kept, std::nullopt);
        if (moved) {
            if (!remember_kept(there, kept)) return true;
            event("warning", "conflict", there.key, std::string(info(Errc::exists).e_code),
                  "a file that oracxfs did not put there was kept as \"" + kept + "\"");
            return true;
        }
        if (moved.error().code == Errc::exists) continue;
        if (concerns_provider(moved.error().code)) provider_failed(moved.error());
        log::warn("lane", "stranger not moved: " + moved.error().to_string());
        return false;
    }
    return false;
}

// False: what was seen before it was moved shows it once more where it was, and moving it again was no work.
bool Lane::remember_kept(const RemoteObject& object, const std::string& kept) {
    const SteadyTime now = env_.clock.steady();
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [&](const Kept& one) { return now - one.at > kLaneKeptMemory; });
    const bool known = !object.id.empty() && std::any_of(kept_.begin(), kept_.end(), [&](const Kept& one) {
        return one.id == object.id && one.key == kept;
    });
    if (!known) kept_.push_back({object.id, kept, now});
    return !known;
}

Result<bool> Lane::clear_way(const std::string& key, const std::stop_token& stop) {
    ORACX_TRY(const std::vector<Catalog::KnownObject> files, env_.catalog.files_at(id_, key));
    for (const Catalog::KnownObject& file : files) {
        Claim claim(*this);
        if (!claim.add(file.version)) return true;  // being worked on: it goes by itself, the caller comes again
        ORACX_TRY(const std::optional<ReplicaJob> job, env_.catalog.replica_job(file.version, id_));
        if (!job || job->row.key != file.key) continue;
        if (!job->row.intent_key.empty()) {
            ORACX_TRYV(run_step(*job, next_step(*job, env_.clock.wall(), Millis(0)), stop));
            return true;
        }
        if (job->wanted) {
            if (job->want_key == job->row.key) return false;  // by right: the tree has both, which can't be
            ORACX_TRYV(step_aside(*job, stop));
            continue;
        }
        const Working working(*this, {job->row.key});
        const Status gone = provider_->remove(context(stop), object_of(job->row, job->size), RemoveMode::trash);
        ORACX_TRYV(finish(*job, after_remove(*job, gone, env_.clock.wall(), retry_times())));
    }
    const auto there = provider_->stat(context(stop), key);
    if (!there) return true;
    // What was begun and has not ended may be what we see: it comes first.
    ORACX_TRY(const std::vector<std::string> begun, env_.catalog.begun_keys(id_));
    if (std::any_of(begun.begin(), begun.end(), [&](const std::string& mine) { return mine == key || mine.starts_with(key + "/"); }))
        return true;
    if (!there->is_directory) return keep_elsewhere(*there, stop);
    // Folders of ours that were emptied or are still to be moved away (their rows cope with finding nothing), but no files.
    std::vector<std::string> folders{key};
    std::string cursor;
    do {
        const auto page = provider_->list(context(stop), key, cursor);
        if (!page) {
            if (page.error().code == Errc::cancelled) return fail(page.error());
            if (concerns_provider(page.error().code)) provider_failed(page.error());
            return true;  // what is in it is not known: nothing is moved, the caller comes again
        }
        for (const RemoteObject& object : page->entries) {
            if (!object.is_directory) return false;
            folders.push_back(object.key);
        }
        if (!page->leftovers.empty()) return false;
        cursor = page->next;
    } while (!cursor.empty());
    const Working working(*this, {key});
    std::sort(folders.begin(), folders.end());
    while (!folders.empty()) {
        if (!provider_->remove_directory(context(stop), folders.back())) return false;
        folders.pop_back();
    }
    return true;
}

// A folder that no longer exists in the tree goes with its last file; one that is wanted has a row of its own.
void Lane::prune_parents(const std::string& key, const std::stop_token& stop) {
    std::string directory(parent_key(key));
    while (!directory.empty()) {
        const auto node = env_.catalog.find(directory);
        if (!node || node->has_value()) return;
        const Working working(*this, {directory});
        if (!provider_->remove_directory(context(stop), directory)) return;  // not empty, or busy: harmless
        directory = std::string(parent_key(directory));
    }
}

}  // namespace oracxfs
