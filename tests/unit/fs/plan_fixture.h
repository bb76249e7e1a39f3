#pragma once
// Jobs for the plan, and every error code there is.

#include <string>
#include <vector>

#include "fs/replication_plan.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {

inline const WallTime kNow{Millis(1'800'000'000'000)};
inline constexpr Millis kDeleteGrace{60'000};
inline const RetryTimes kTimes{Millis(1'000), Millis(900'000), Millis(60'000), 17};
inline const std::string kWantKey = "d/a.txt";

inline std::vector<Errc> all_codes() {
    std::vector<Errc> codes;
#define X(name, code, err, exit_code, retry, hint) codes.push_back(Errc::name);
#include "base/error_codes.def"
#undef X
    return codes;
}

inline const std::vector<ReplicaState> kAllStates = {
    ReplicaState::queued,  ReplicaState::uploading, ReplicaState::stored, ReplicaState::verified,
    ReplicaState::missing, ReplicaState::damaged,   ReplicaState::failed, ReplicaState::paused};

// A row with an object in these states, without in the others.
inline bool has_object(ReplicaState state) {
    return state == ReplicaState::stored || state == ReplicaState::verified || state == ReplicaState::damaged;
}

inline ReplicaJob job_in(ReplicaState state, bool wanted, std::string key = kWantKey) {
    ReplicaJob job;
    job.row.version = VersionId{7};
    job.row.provider = ProviderId{2};
    job.row.state = state;
    if (has_object(state)) {
        job.row.key = std::move(key);
        job.row.remote_id = "id-7";
        job.row.remote_rev = "r7";
        job.row.remote_mtime_ns = 77;
    }
    if (state == ReplicaState::verified) job.row.verified_at = kNow - Millis(5'000);
    job.row.due = kNow;
    job.wanted = wanted;
    job.fate = wanted ? VersionFate::current : VersionFate::superseded;
    if (wanted) job.want_key = kWantKey;
    job.size = 100;
    return job;
}

inline ReplicaRow other_row(std::string key, std::int64_t version = 3) {
    ReplicaRow row;
    row.version = VersionId{version};
    row.provider = ProviderId{2};
    row.state = ReplicaState::verified;
    row.key = std::move(key);
    row.remote_id = "id-" + std::to_string(version);
    row.remote_rev = "r" + std::to_string(version);
    return row;
}

inline RemoteObject object_at(std::string key, std::string rev = "r9") {
    RemoteObject object;
    object.key = std::move(key);
    object.id = "id-9";
    object.rev = std::move(rev);
    object.size = 100;
    object.mtime_ns = 99;
    return object;
}

inline const ReplicaRow* stored_row(const Outcome& outcome) {
    for (const ReplicaChange& change : outcome.changes)
        if (change.kind == ReplicaChange::Kind::store) return &change.row;
    return nullptr;
}
inline const ReplicaRow* dropped_row(const Outcome& outcome) {
    for (const ReplicaChange& change : outcome.changes)
        if (change.kind == ReplicaChange::Kind::drop) return &change.row;
    return nullptr;
}

inline std::string describe(const ReplicaJob& job, const std::string& what) {
    return std::string(to_string(job.row.state)) + (job.wanted ? ", wanted, " : ", unwanted, ") + "key \"" + job.row.key + "\", " + what;
}

}  // namespace oracxfs::test
