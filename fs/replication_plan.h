#pragma once
// What to do next about one replica, and what the outcome means: pure functions of their arguments. No I/O, no clock, no
// threads, so every rule of replication is a table-driven test (tests/unit/fs) and a simulation (tests/sim).
//
// Rules in words:
//  1. Look before repeating. A row with an intent (an action was begun, its end is not recorded) is looked at first.
//  2. Wanted rows converge to "verified under the wanted key": put, else move, else verify.
//  3. What occupies the wanted key is replaced if it is an unwanted version of ours, moved aside if it is wanted elsewhere,
//     and kept under another name if we don't know it.
//  4. An unwanted row goes only when its successor is verified here (never the last good copy first).

#include <optional>
#include <string>
#include <vector>

#include "cache/catalog.h"
#include "providers/provider.h"

namespace oracxfs {

struct Step {
    enum class Kind { settle, wait, drop, look, put, verify, move, move_aside, remove };
    Kind kind = Kind::settle;
    std::string key;                        // look, put, move, move_aside: the key it is about
    std::optional<RemoteObject> replaces;   // put, move: what must be there now and goes
    std::optional<WallTime> until;          // wait
};
std::string_view to_string(Step::Kind kind);

// `delete_grace`: how long an unlinked file's replicas stay (its name may come back: a replace).
Step next_step(const ReplicaJob& job, WallTime now, Millis delete_grace);

// The row to record before `step` is carried out (intent, attempts).
ReplicaRow begin_step(const ReplicaRow& row, const Step& step);

struct RetryTimes {
    Millis min{1'000};
    Millis max{900'000};
    Millis heal_after{60'000};
    std::uint64_t seed = 0;
    std::uint32_t retries = 5;  // repeats of an upload after which it is called failed; it is still tried, with pauses of max
};

// What an outcome means for the catalogue and for the provider as a whole.
struct Outcome {
    std::vector<ReplicaChange> changes;
    std::optional<Error> provider_error;  // the provider, not this file, is the problem: pause the lane
    bool conflict = false;                // something we don't know occupies the key: keep it under another name
    bool checksum_error = false;
    bool became_verified = false;
};

// `job` is the row as it was before begin_step; `begun` what begin_step made of it.
Outcome after_put(const ReplicaJob& job, const ReplicaRow& begun, const Step& step, const Result<PutResult>& result,
                  WallTime now, const RetryTimes& times);
Outcome after_verify(const ReplicaJob& job, const Status& result, WallTime now, const RetryTimes& times);
Outcome after_move(const ReplicaJob& job, const ReplicaRow& begun, const Step& step, const Result<RemoteObject>& result,
                   WallTime now, const RetryTimes& times);
Outcome after_remove(const ReplicaJob& job, const Status& result, WallTime now, const RetryTimes& times);

// What stat(step.key) found for a row with an intent.
struct Found {
    std::optional<RemoteObject> object;   // at the intent key
    bool is_ours = false;                 // its bytes are this version's (verified)
    // Of a move that did not happen: what is at the row's own key.
    std::optional<RemoteObject> source;
    bool source_gone = false;
};
Outcome after_look(const ReplicaJob& job, const Step& step, const Result<Found>& found, WallTime now,
                   const RetryTimes& times);

// The row of a version that was taken over from this provider, where its object is thus already; due to be verified. Nothing
// when a lane was quicker and has begun or ended with it: what it recorded stands.
std::optional<ReplicaRow> row_of_taken_over(const ReplicaJob& job, const RemoteObject& object, WallTime now);

// Errors that say something about the provider, not about one file.
bool concerns_provider(Errc code);
// "a/b.txt" -> "a/b (dropbox's conflicted copy 2026-11-23).txt", with " 2" and so on for n > 1.
std::string conflict_key(const std::string& key, std::string_view provider, WallTime now, int n = 1);
// The internal name under which a replica waits that is in another one's way.
std::string aside_key(std::string_view instance, VersionId version);

RemoteObject object_of(const ReplicaRow& row, std::uint64_t size);

}  // namespace oracxfs
