#include "fs/replication_plan.h"

#include <algorithm>
#include <ctime>

namespace oracxfs {
namespace {

// Exponential with jitter: the pause before attempt n+1 lies between half and all of min * 2^n.
Millis backoff(const RetryTimes& times, std::uint32_t attempts, std::int64_t salt) {
    const std::uint32_t shift = std::min<std::uint32_t>(attempts, 20);
    const std::int64_t full = std::min<std::int64_t>(times.max.count(), times.min.count() << shift);
    std::uint64_t x = times.seed ^ (static_cast<std::uint64_t>(salt) * 0x9E3779B97F4A7C15ull) ^ attempts;
    x ^= x >> 31;
    x *= 0xBF58476D1CE4E5B9ull;
    x ^= x >> 27;
    const std::int64_t half = std::max<std::int64_t>(full / 2, 1);
    return Millis(half + static_cast<std::int64_t>(x % static_cast<std::uint64_t>(half)));
}

ReplicaChange store(ReplicaRow row, std::optional<ReplicaState> was = std::nullopt) {
    ReplicaChange change;
    change.row = std::move(row);
    change.was = was;
    return change;
}

ReplicaChange drop(const ReplicaRow& row) {
    ReplicaChange change;
    change.kind = ReplicaChange::Kind::drop;
    change.row.version = row.version;
    change.row.provider = row.provider;
    return change;
}

void note_error(ReplicaRow& row, const Error& error) {
    row.error_code = info(error.code).e_code;
    row.error_text = error.why.empty() ? error.message : error.message + ": " + error.why;
}

void clear_error(ReplicaRow& row) {
    row.error_code.clear();
    row.error_text.clear();
}

void take_object(ReplicaRow& row, const RemoteObject& object) {
    row.key = object.key;
    row.remote_id = object.id;
    row.remote_rev = object.rev;
    row.remote_mtime_ns = object.mtime_ns;
}

void forget_object(ReplicaRow& row) {
    row.key.clear();
    row.remote_id.clear();
    row.remote_rev.clear();
    row.remote_mtime_ns = 0;
    row.verified_at.reset();
}

// A few times soon, then with growing pauses: what meets the same obstacle again and again must not storm the provider.
WallTime again_at(const ReplicaRow& row, Millis soon, WallTime now, const RetryTimes& times) {
    constexpr std::uint32_t kSoonMax = 3;
    return now + (row.attempts <= kSoonMax ? soon : backoff(times, row.attempts - kSoonMax, row.version.value));
}

// The folder above is not there yet, or still a file: folders are made and moved by their own rows, so soon again.
bool waits_for_folders(Errc code) {
    return code == Errc::not_directory || code == Errc::not_found || code == Errc::not_empty;
}

// A failure that repeats for this row only: later, and visible as `failed` when repeating will not help by itself.
void row_failed(ReplicaRow& row, const Error& error, WallTime now, const RetryTimes& times) {
    note_error(row, error);
    if (waits_for_folders(error.code) && row.attempts < 12) {
        row.due = now + std::min(times.max, times.min / 5 * (row.attempts + 1));
        return;
    }
    const bool permanent = info(error.code).retry == RetryClass::never;
    if (row.key.empty()) row.state = permanent || row.attempts > times.retries ? ReplicaState::failed : ReplicaState::queued;
    row.due = now + backoff(times, row.attempts, row.version.value * 64 + row.provider.value);
}

}  // namespace

std::string_view to_string(Step::Kind kind) {
    switch (kind) {
        case Step::Kind::settle: return "settle";
        case Step::Kind::wait: return "wait";
        case Step::Kind::drop: return "drop";
        case Step::Kind::look: return "look";
        case Step::Kind::put: return "put";
        case Step::Kind::verify: return "verify";
        case Step::Kind::move: return "move";
        case Step::Kind::move_aside: return "move_aside";
        case Step::Kind::remove: return "remove";
    }
    return "?";
}

RemoteObject object_of(const ReplicaRow& row, std::uint64_t size) {
    RemoteObject object;
    object.key = row.key;
    object.id = row.remote_id;
    object.rev = row.remote_rev;
    object.size = size;
    object.mtime_ns = row.remote_mtime_ns;
    return object;
}

std::optional<ReplicaRow> row_of_taken_over(const ReplicaJob& job, const RemoteObject& object, WallTime now) {
    if (job.row.state != ReplicaState::queued || !job.row.key.empty() || !job.row.intent_key.empty()) return std::nullopt;
    ReplicaRow row = job.row;
    take_object(row, object);
    row.state = ReplicaState::stored;
    row.due = now;
    return row;
}

bool concerns_provider(Errc code) {
    switch (code) {
        case Errc::unavailable:
        case Errc::deadline:
        case Errc::unauthenticated:
        case Errc::host_key_unknown:
        case Errc::host_key_changed:
        case Errc::quota_full:
        case Errc::throttled:
        case Errc::config: return true;
        default: return false;
    }
}

Step next_step(const ReplicaJob& job, WallTime now, Millis delete_grace) {
    using Kind = Step::Kind;
    const ReplicaRow& row = job.row;
    if (!row.intent_key.empty()) return {Kind::look, row.intent_key, {}, {}};

    if (!job.wanted) {
        if (row.key.empty()) return {Kind::drop, {}, {}, {}};
        if (!job.successor_verified) return {Kind::settle, {}, {}, {}};  // the catalogue wakes it when that changes
        if (job.doomed_at && now < *job.doomed_at + delete_grace)
            return {Kind::wait, {}, {}, *job.doomed_at + delete_grace};
        return {Kind::remove, row.key, {}, {}};
    }

    if (row.state == ReplicaState::damaged && !row.key.empty())
        return {Kind::put, row.key, object_of(row, 0), {}};  // rewrite in place; a move may follow

    if (row.key == job.want_key) {
        if (row.state == ReplicaState::verified) return {Kind::settle, {}, {}, {}};
        return {Kind::verify, row.key, {}, {}};
    }

    std::optional<RemoteObject> replaces;
    if (job.occupant && job.occupant->version != row.version) {
        // Being worked on by itself: its outcome decides what we find there.
        if (!job.occupant->intent_key.empty()) return {Kind::wait, {}, {}, now + Millis(500)};
        if (job.occupant_wanted) return {Kind::move_aside, job.want_key, {}, {}};
        replaces = object_of(*job.occupant, 0);
    }
    return {row.key.empty() ? Kind::put : Kind::move, job.want_key, std::move(replaces), {}};
}

ReplicaRow begin_step(const ReplicaRow& row, const Step& step) {
    ReplicaRow begun = row;
    if (step.kind == Step::Kind::put) {
        begun.intent_key = step.key;
        begun.attempts += 1;
        if (begun.state != ReplicaState::damaged) begun.state = ReplicaState::uploading;
    } else if (step.kind == Step::Kind::move || step.kind == Step::Kind::move_aside) {
        begun.intent_key = step.key;
        begun.attempts += 1;
    }
    return begun;
}

Outcome after_put(const ReplicaJob& job, const ReplicaRow& begun, const Step& step, const Result<PutResult>& result,
                  WallTime now, const RetryTimes& times) {
    Outcome outcome;
    ReplicaRow row = begun;
    if (result) {
        if (job.occupant && job.occupant->version != row.version && job.occupant->key == step.key && !job.occupant_wanted)
            outcome.changes.push_back(drop(*job.occupant));
        row.intent_key.clear();
        clear_error(row);
        // Only a check ends the count: what is spoiled at every upload must not be sent again and again without a pause.
        if (result->verified) row.attempts = 0;
        take_object(row, result->object);
        row.key = step.key;
        row.state = result->verified ? ReplicaState::verified : ReplicaState::stored;
        row.verified_at = result->verified ? std::optional(now) : std::nullopt;
        if (result->verified && (!job.wanted || job.want_key == row.key))
            row.due.reset();
        else
            row.due = now;
        outcome.became_verified = result->verified;
        outcome.changes.push_back(store(std::move(row), begun.state));
        return outcome;
    }

    const Error& error = result.error();
    note_error(row, error);
    switch (error.code) {
        case Errc::exists:
        case Errc::changed:
        case Errc::is_directory:
            // Something unexpected is under the key (or our own bytes from a lost answer): look, then decide.
            outcome.conflict = true;
            row.due = now;
            break;
        case Errc::outcome_unknown:
        case Errc::cancelled:
            row.due = now + (error.code == Errc::cancelled ? Millis(0) : backoff(times, 0, row.version.value));
            if (error.code == Errc::outcome_unknown) outcome.provider_error = error;
            break;
        case Errc::corrupt:
            outcome.checksum_error = true;
            row.intent_key.clear();
            if (row.state == ReplicaState::uploading) row.state = ReplicaState::queued;
            row_failed(row, error, now, times);
            break;
        default:
            row.intent_key.clear();
            if (row.state == ReplicaState::uploading) row.state = ReplicaState::queued;
            if (concerns_provider(error.code)) {
                outcome.provider_error = error;
                row.attempts = job.row.attempts;  // not this file's fault
                row.due = now;
            } else {
                row_failed(row, error, now, times);
            }
    }
    outcome.changes.push_back(store(std::move(row), begun.state));
    return outcome;
}

Outcome after_verify(const ReplicaJob& job, const Status& result, WallTime now, const RetryTimes& times) {
    Outcome outcome;
    ReplicaRow row = job.row;
    const ReplicaState was = row.state;
    if (result) {
        clear_error(row);
        row.attempts = 0;
        row.state = ReplicaState::verified;
        row.verified_at = now;
        if (row.key == job.want_key)
            row.due.reset();
        else
            row.due = now;
        outcome.became_verified = true;
    } else {
        const Error& error = result.error();
        note_error(row, error);
        // There was a reason to check, and the check has no answer yet: not verified until it has.
        if (row.state == ReplicaState::verified) row.state = ReplicaState::stored;
        if (error.code == Errc::corrupt) {
            outcome.checksum_error = true;
            row.attempts += 1;
            row.state = ReplicaState::damaged;
            row.verified_at.reset();
            row.due = row.attempts > 3 ? now + backoff(times, row.attempts, row.version.value) : now;
        } else if (error.code == Errc::not_found) {
            forget_object(row);
            row.state = ReplicaState::missing;
            row.due = now;
        } else if (concerns_provider(error.code) || error.code == Errc::outcome_unknown) {
            outcome.provider_error = error;
            row.due = now;
        } else if (error.code == Errc::cancelled) {
            row.due = now;
        } else {
            row.attempts += 1;
            row_failed(row, error, now, times);
        }
    }
    outcome.changes.push_back(store(std::move(row), was));
    return outcome;
}

Outcome after_move(const ReplicaJob& job, const ReplicaRow& begun, const Step& step, const Result<RemoteObject>& result,
                   WallTime now, const RetryTimes& times) {
    Outcome outcome;
    ReplicaRow row = begun;
    if (result) {
        if (step.kind == Step::Kind::move && job.occupant && job.occupant->version != row.version &&
            job.occupant->key == step.key && !job.occupant_wanted)
            outcome.changes.push_back(drop(*job.occupant));
        row.intent_key.clear();
        clear_error(row);
        row.attempts = 0;
        take_object(row, *result);
        row.key = step.key;
        if (row.state == ReplicaState::verified && job.wanted && row.key == job.want_key)
            row.due.reset();
        else
            row.due = now;
    } else {
        const Error& error = result.error();
        note_error(row, error);
        if (error.code == Errc::exists || error.code == Errc::is_directory) {
            outcome.conflict = true;
            row.intent_key.clear();
            row.due = again_at(row, times.min / 10, now, times);  // after the place was cleared
        } else if (error.code == Errc::not_found || error.code == Errc::changed) {
            // The source is gone (it may be at the target already: an answer got lost), or it or the target is not what we
            // know. Look at both.
            row.due = now;
        } else if (error.code == Errc::outcome_unknown || error.code == Errc::cancelled) {
            row.due = now;
            if (error.code == Errc::outcome_unknown) outcome.provider_error = error;
        } else {
            row.intent_key.clear();
            if (concerns_provider(error.code)) {
                outcome.provider_error = error;
                row.attempts = job.row.attempts;
                row.due = now;
            } else {
                row_failed(row, error, now, times);
            }
        }
    }
    outcome.changes.push_back(store(std::move(row), begun.state));
    return outcome;
}

Outcome after_remove(const ReplicaJob& job, const Status& result, WallTime now, const RetryTimes& times) {
    Outcome outcome;
    // `changed`: another object is there now. It is not ours, so it stays, and our row has nothing left to remove.
    if (result || result.error().code == Errc::changed || result.error().code == Errc::not_found) {
        outcome.changes.push_back(drop(job.row));
        return outcome;
    }
    ReplicaRow row = job.row;
    const Error& error = result.error();
    note_error(row, error);
    if (concerns_provider(error.code) || error.code == Errc::outcome_unknown) {
        outcome.provider_error = error;
        row.due = now;
    } else if (error.code == Errc::cancelled) {
        row.due = now;
    } else {
        row.attempts += 1;
        row.due = now + backoff(times, row.attempts, row.version.value);
    }
    outcome.changes.push_back(store(std::move(row), job.row.state));
    return outcome;
}

Outcome after_look(const ReplicaJob& job, const Step& step, const Result<Found>& found, WallTime now,
                   const RetryTimes& times) {
    Outcome outcome;
    ReplicaRow row = job.row;
    const ReplicaState was = row.state;
    if (!found) {
        note_error(row, found.error());
        if (concerns_provider(found.error().code) || found.error().code == Errc::outcome_unknown) {
            outcome.provider_error = found.error();
            row.due = now;
        } else {
            row.due = now + backoff(times, row.attempts, row.version.value);
        }
        outcome.changes.push_back(store(std::move(row), was));
        return outcome;
    }

    row.intent_key.clear();
    row.due = again_at(row, Millis(0), now, times);
    const bool others = job.occupant && job.occupant_wanted && job.occupant->version != row.version &&
                        job.occupant->key == step.key;  // another file with the same bytes stands there by right
    if (found->object && found->is_ours && !others) {
        // It did happen. An unwanted version of ours that stood there is gone with it.
        if (job.occupant && job.occupant->version != row.version && job.occupant->key == step.key)
            outcome.changes.push_back(drop(*job.occupant));
        clear_error(row);
        row.attempts = 0;
        take_object(row, *found->object);
        row.key = step.key;
        row.state = ReplicaState::verified;
        row.verified_at = now;
        row.due = now;
        if (job.wanted && row.key == job.want_key) row.due.reset();
        outcome.became_verified = true;
    } else {
        // It did not happen. A put starts anew (from its session); a move finds its object where it was, or nowhere.
        if (row.state == ReplicaState::uploading) row.state = row.key.empty() ? ReplicaState::queued : ReplicaState::stored;
        if (row.state == ReplicaState::verified) row.state = ReplicaState::stored;
        if (found->source_gone) {
            forget_object(row);
            row.state = ReplicaState::missing;
        } else if (found->source && (found->source->id != row.remote_id || found->source->rev != row.remote_rev)) {
            // Somebody changed it. It moves as it is, and the check that follows tells whether it is still good.
            const std::string key = row.key;
            take_object(row, *found->source);
            row.key = key;
            if (row.state != ReplicaState::damaged) row.state = ReplicaState::stored;
        }
        // What we meant to replace is gone as well: its row must not block the place.
        if (!found->object && job.occupant && !job.occupant_wanted && job.occupant->version != row.version &&
            job.occupant->key == step.key)
            outcome.changes.push_back(drop(*job.occupant));
        const bool stranger = found->object && !(job.occupant && job.occupant->key == step.key &&
                                                 job.occupant->remote_id == found->object->id &&
                                                 job.occupant->remote_rev == found->object->rev);
        if (stranger && !others && row.key != step.key) outcome.conflict = true;
    }
    outcome.changes.push_back(store(std::move(row), was));
    return outcome;
}

std::string conflict_key(const std::string& key, std::string_view provider, WallTime now, int n) {
    const std::string_view name = base_name(key);
    const std::string_view directory = parent_key(key);
    const std::string date = format_utc(now).substr(0, 10);
    std::string tag = " (" + std::string(provider) + "'s conflicted copy " + date;
    if (n > 1) tag += " " + std::to_string(n);
    tag += ")";
    const std::size_t dot = name.rfind('.');
    std::string stem(name.substr(0, dot == 0 || dot == std::string_view::npos ? name.size() : dot));
    const std::string extension(name.substr(stem.size()));
    if (stem.size() + tag.size() + extension.size() > 255) {
        std::size_t end = std::min(stem.size(), 255 - tag.size() - std::min<std::size_t>(extension.size(), 64));
        while (end > 0 && end < stem.size() && (static_cast<unsigned char>(stem[end]) & 0xC0) == 0x80) --end;  // inside a UTF-8 character
        stem.resize(end);
    }
    std::string result = stem + tag + extension.substr(0, 64);
    return directory.empty() ? result : std::string(directory) + "/" + result;
}

std::string aside_key(std::string_view instance, VersionId version) {
    return part_name(std::string(instance) + "-aside-" + std::to_string(version.value));
}

}  // namespace oracxfs
