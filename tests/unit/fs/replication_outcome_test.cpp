// What the plan makes of outcomes: sweeps over every state and every error code for what must hold in all of them.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/fs/plan_fixture.h"

namespace oracxfs::test {
namespace {

using Kind = Step::Kind;

// What every outcome that stores the row must satisfy. `before` is what the catalogue has at that moment.
void check_sound(const ReplicaJob& job, const ReplicaRow& before, const Outcome& outcome, const std::optional<Error>& error) {
    const ReplicaRow* row = stored_row(outcome);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->version, before.version);
    EXPECT_EQ(row->provider, before.provider);
    EXPECT_EQ(outcome.changes.back().was, before.state) << "a row that somebody else changed would be overwritten";
    const bool settled = row->state == ReplicaState::verified && row->intent_key.empty() && (!job.wanted || row->key == job.want_key);
    if (!settled) {
        ASSERT_TRUE(row->due) << "nobody would ever come back to it: " << to_string(row->state);
    }
    if (row->due) {
        EXPECT_GE(*row->due, kNow);
        EXPECT_LE(*row->due, kNow + kTimes.max);
    }
    if (row->state == ReplicaState::verified) {
        EXPECT_TRUE(row->verified_at && !row->key.empty());
    }
    if (row->state == ReplicaState::damaged || row->key.empty()) {
        EXPECT_FALSE(row->verified_at);
    }
    EXPECT_EQ(row->key.empty(), row->remote_rev.empty());
    EXPECT_FALSE(row->state == ReplicaState::uploading && row->intent_key.empty());
    if (error) {
        EXPECT_EQ(row->error_code, info(error->code).e_code);
        EXPECT_NE(row->error_text.find(error->message), std::string::npos);
        EXPECT_FALSE(outcome.became_verified);
        if (row->state == ReplicaState::failed && before.state != ReplicaState::failed) {
            EXPECT_TRUE(info(error->code).retry == RetryClass::never || row->attempts >= 5);
        }
    } else {
        EXPECT_EQ(row->error_code, "");
        EXPECT_EQ(row->error_text, "");
        EXPECT_FALSE(outcome.provider_error);
        EXPECT_FALSE(outcome.checksum_error);
        EXPECT_EQ(outcome.became_verified, row->state == ReplicaState::verified && before.state != ReplicaState::verified);
    }
}

bool means_provider(Errc code) { return concerns_provider(code) || code == Errc::outcome_unknown; }

TEST(ReplicationOutcome, ConcernsProvider) {
    const std::vector<Errc> expected = {Errc::unavailable,      Errc::deadline,   Errc::unauthenticated, Errc::host_key_unknown,
                                        Errc::host_key_changed, Errc::quota_full, Errc::throttled,       Errc::config};
    for (const Errc code : all_codes())
        EXPECT_EQ(concerns_provider(code), std::find(expected.begin(), expected.end(), code) != expected.end()) << info(code).name;
}

TEST(ReplicationOutcome, AfterPutThatFailed) {
    for (const ReplicaState state : kAllStates)
        for (const bool wanted : {true, false})  // unwanted: somebody removed it during the upload
            for (const Errc code : all_codes()) {
                const ReplicaJob job = job_in(state, wanted);
                SCOPED_TRACE(describe(job, std::string(info(code).name)));
                const Step step{Kind::put, kWantKey, {}, {}};
                const ReplicaRow begun = begin_step(job.row, step);
                const Outcome outcome = after_put(job, begun, step, fail(code, "put x", "no"), kNow, kTimes);
                check_sound(job, begun, outcome, Error(code, "put x", "no"));
                const ReplicaRow& row = *stored_row(outcome);
                EXPECT_NE(row.state, ReplicaState::verified);
                // It may have happened, or something unexpected is there: look before doing anything else.
                const bool unclear = code == Errc::outcome_unknown || code == Errc::cancelled || code == Errc::exists ||
                                     code == Errc::changed || code == Errc::is_directory;
                EXPECT_EQ(row.intent_key, unclear ? kWantKey : "");
                EXPECT_EQ(outcome.conflict, code == Errc::exists || code == Errc::changed || code == Errc::is_directory);
                EXPECT_EQ(outcome.provider_error.has_value(), means_provider(code));
                EXPECT_EQ(outcome.checksum_error, code == Errc::corrupt);
                EXPECT_EQ(row.key, begun.key) << "what was there before is still there";
                if (state == ReplicaState::damaged) {
                    EXPECT_EQ(row.state, ReplicaState::damaged);
                }
                if (concerns_provider(code)) {
                    EXPECT_EQ(row.attempts, job.row.attempts) << "not this file's fault";
                    EXPECT_NE(row.state, ReplicaState::failed);
                    EXPECT_EQ(row.due, kNow) << "due as soon as the provider is back";
                }
            }
}

TEST(ReplicationOutcome, AfterPutThatSucceeded) {
    for (const ReplicaState state : kAllStates)
        for (const bool wanted : {true, false})
            for (const bool verified : {true, false}) {
                const ReplicaJob job = job_in(state, wanted);
                SCOPED_TRACE(describe(job, verified ? "verified" : "not verified"));
                const Step step{Kind::put, kWantKey, {}, {}};
                const ReplicaRow begun = begin_step(job.row, step);
                const Outcome outcome = after_put(job, begun, step, PutResult{object_at(kWantKey), verified, 0}, kNow, kTimes);
                check_sound(job, begun, outcome, std::nullopt);
                const ReplicaRow& row = *stored_row(outcome);
                EXPECT_EQ(row.state, verified ? ReplicaState::verified : ReplicaState::stored);
                EXPECT_EQ(row.intent_key, "");
                EXPECT_EQ(row.key, kWantKey);
                EXPECT_EQ(row.remote_rev, "r9");
                EXPECT_EQ(row.remote_id, "id-9");
                EXPECT_EQ(row.remote_mtime_ns, 99);
                EXPECT_EQ(row.verified_at, verified ? std::optional(kNow) : std::nullopt);
            }
}

TEST(ReplicationOutcome, AFileThatWasRenamedDuringItsUploadIsDueAgain) {
    ReplicaJob job = job_in(ReplicaState::queued, true);
    const Step step{Kind::put, "before", {}, {}};
    const Outcome outcome = after_put(job, begin_step(job.row, step), step, PutResult{object_at("before"), true, 0}, kNow, kTimes);
    EXPECT_EQ(stored_row(outcome)->key, "before");
    EXPECT_EQ(stored_row(outcome)->due, kNow);
}

TEST(ReplicationOutcome, AfterVerify) {
    for (const ReplicaState state : {ReplicaState::stored, ReplicaState::verified, ReplicaState::damaged})
        for (const bool wanted : {true, false}) {
            const ReplicaJob job = job_in(state, wanted);
            {
                SCOPED_TRACE(describe(job, "good"));
                const Outcome outcome = after_verify(job, {}, kNow, kTimes);
                const ReplicaRow& row = *stored_row(outcome);
                EXPECT_EQ(row.state, ReplicaState::verified);
                EXPECT_EQ(row.verified_at, kNow);
                EXPECT_TRUE(outcome.became_verified);
                EXPECT_EQ(row.due.has_value(), !wanted);
                EXPECT_EQ(row.error_code, "");
            }
            for (const Errc code : all_codes()) {
                SCOPED_TRACE(describe(job, std::string(info(code).name)));
                const Outcome outcome = after_verify(job, fail(code, "verify x", "no"), kNow, kTimes);
                check_sound(job, job.row, outcome, Error(code, "verify x", "no"));
                const ReplicaRow& row = *stored_row(outcome);
                EXPECT_EQ(outcome.checksum_error, code == Errc::corrupt);
                EXPECT_EQ(outcome.provider_error.has_value(), means_provider(code));
                EXPECT_NE(row.state, ReplicaState::verified) << "there was a doubt, and nothing has cleared it up";
                if (code == Errc::corrupt) {
                    EXPECT_EQ(row.state, ReplicaState::damaged);
                    EXPECT_EQ(row.key, kWantKey) << "it is replaced in place";
                    EXPECT_EQ(row.due, kNow);
                } else if (code == Errc::not_found) {
                    EXPECT_EQ(row.state, ReplicaState::missing);
                    EXPECT_EQ(row.key, "");
                } else {
                    EXPECT_EQ(row.state, state == ReplicaState::damaged ? ReplicaState::damaged : ReplicaState::stored);
                    EXPECT_EQ(row.key, kWantKey);
                }
            }
        }
}

TEST(ReplicationOutcome, AfterMoveThatFailed) {
    for (const ReplicaState state : {ReplicaState::stored, ReplicaState::verified, ReplicaState::damaged})
        for (const bool wanted : {true, false})
            for (const Kind kind : {Kind::move, Kind::move_aside})
                for (const Errc code : all_codes()) {
                    const ReplicaJob job = job_in(state, wanted, "old");
                    SCOPED_TRACE(describe(job, std::string(info(code).name)));
                    const Step step{kind, kWantKey, {}, {}};
                    const ReplicaRow begun = begin_step(job.row, step);
                    const Outcome outcome = after_move(job, begun, step, fail(code, "move x", "no"), kNow, kTimes);
                    check_sound(job, begun, outcome, Error(code, "move x", "no"));
                    const ReplicaRow& row = *stored_row(outcome);
                    // not_found: the source is gone, perhaps because an earlier move did happen. changed: it or the target.
                    const bool unclear = code == Errc::outcome_unknown || code == Errc::cancelled || code == Errc::not_found ||
                                         code == Errc::changed;
                    EXPECT_EQ(row.intent_key, unclear ? kWantKey : "");
                    EXPECT_EQ(outcome.conflict, code == Errc::exists || code == Errc::is_directory);
                    if (outcome.conflict) {
                        EXPECT_GT(*row.due, kNow) << "a busy loop";
                    }
                    EXPECT_EQ(outcome.provider_error.has_value(), means_provider(code));
                    EXPECT_EQ(row.key, "old");
                    EXPECT_EQ(row.state, state) << "moving says nothing about the bytes";
                    if (concerns_provider(code)) {
                        EXPECT_EQ(row.attempts, job.row.attempts);
                    }
                }
}

TEST(ReplicationOutcome, AfterMoveThatSucceeded) {
    for (const ReplicaState state : {ReplicaState::stored, ReplicaState::verified, ReplicaState::damaged})
        for (const bool wanted : {true, false}) {
            const ReplicaJob job = job_in(state, wanted, "old");
            SCOPED_TRACE(describe(job, "moved"));
            const Step step{Kind::move, kWantKey, {}, {}};
            const ReplicaRow begun = begin_step(job.row, step);
            const Outcome outcome = after_move(job, begun, step, object_at(kWantKey), kNow, kTimes);
            check_sound(job, begun, outcome, std::nullopt);
            const ReplicaRow& row = *stored_row(outcome);
            EXPECT_EQ(row.key, kWantKey);
            EXPECT_EQ(row.state, state);
            EXPECT_EQ(row.intent_key, "");
            EXPECT_EQ(row.due.has_value(), !(wanted && state == ReplicaState::verified));
        }
}

TEST(ReplicationOutcome, WhatStepsAsideComesBackAtOnce) {
    const ReplicaJob job = job_in(ReplicaState::verified, true);
    const Step step{Kind::move_aside, aside_key("1a2b3c4d", job.row.version), {}, {}};
    const Outcome outcome = after_move(job, begin_step(job.row, step), step, object_at(step.key), kNow, kTimes);
    EXPECT_EQ(stored_row(outcome)->key, step.key);
    EXPECT_EQ(stored_row(outcome)->due, kNow);
}

TEST(ReplicationOutcome, AfterRemove) {
    for (const bool wanted : {true, false}) {
        ReplicaJob job = job_in(ReplicaState::verified, wanted, "old");
        job.successor_verified = true;
        const Outcome gone = after_remove(job, {}, kNow, kTimes);
        ASSERT_NE(dropped_row(gone), nullptr);
        EXPECT_EQ(dropped_row(gone)->version, job.row.version);
        for (const Errc code : all_codes()) {
            SCOPED_TRACE(describe(job, std::string(info(code).name)));
            const Outcome outcome = after_remove(job, fail(code, "remove x", "no"), kNow, kTimes);
            if (code == Errc::changed || code == Errc::not_found) {  // ours is not there any more
                ASSERT_NE(dropped_row(outcome), nullptr);
                EXPECT_EQ(stored_row(outcome), nullptr);
                continue;
            }
            check_sound(job, job.row, outcome, Error(code, "remove x", "no"));
            EXPECT_EQ(dropped_row(outcome), nullptr) << "it may still be there";
            EXPECT_TRUE(stored_row(outcome)->due);
            EXPECT_EQ(outcome.provider_error.has_value(), means_provider(code));
        }
    }
}

// --- after_look --------------------------------------------------------------------------------------------------------

enum class There { nothing, ours, stranger, occupant, twin };  // twin: the occupant, whose bytes are the same as ours
enum class Occupant { none, unwanted, wanted };

struct LookCase {
    std::string_view name;
    There there;
    Occupant occupant;
    bool happened;  // what was begun did happen
    bool conflict;  // a stranger has to be moved out of the way
    bool drops;     // the occupant's row goes
};

constexpr LookCase kLookCases[] = {
    {"nothing there", There::nothing, Occupant::none, false, false, false},
    {"ours", There::ours, Occupant::none, true, false, false},
    {"a stranger", There::stranger, Occupant::none, false, true, false},
    {"ours, where an unwanted version stood", There::ours, Occupant::unwanted, true, false, true},
    {"the unwanted version still stands there", There::occupant, Occupant::unwanted, false, false, false},
    {"the unwanted version was replaced by a stranger", There::stranger, Occupant::unwanted, false, true, false},
    {"the unwanted version is gone", There::nothing, Occupant::unwanted, false, false, true},
    {"another file with the same bytes, by right", There::twin, Occupant::wanted, false, false, false},
    {"another file, by right", There::occupant, Occupant::wanted, false, false, false},
    {"another file by right, but gone", There::nothing, Occupant::wanted, false, false, false},
};

Found found_in(There there) {
    Found found;
    if (there != There::nothing) found.object = object_at(kWantKey, there == There::ours || there == There::stranger ? "r9" : "r3");
    if (found.object && found.object->rev == "r3") found.object->id = "id-3";
    found.is_ours = there == There::ours || there == There::twin;
    return found;
}

TEST(ReplicationOutcome, AfterLook) {
    for (const LookCase& c : kLookCases)
        for (const ReplicaState state : kAllStates)
            for (const bool wanted : {true, false})
                for (const bool in_place : {false, true}) {
                    // in place: a rewrite of its own key, which nobody else can hold a row for.
                    if (in_place && (!has_object(state) || c.occupant != Occupant::none)) continue;
                    ReplicaJob job = job_in(state, wanted, in_place ? kWantKey : "old");
                    job.row.intent_key = kWantKey;
                    job.row.attempts = 2;
                    if (c.occupant != Occupant::none) job.occupant = other_row(kWantKey);  // rev r3
                    job.occupant_wanted = c.occupant == Occupant::wanted;
                    SCOPED_TRACE(describe(job, std::string(c.name)));
                    const Outcome outcome = after_look(job, {Kind::look, kWantKey, {}, {}}, found_in(c.there), kNow, kTimes);
                    const ReplicaRow* row = stored_row(outcome);
                    ASSERT_NE(row, nullptr);
                    EXPECT_EQ(outcome.changes.back().was, state);
                    EXPECT_EQ(row->intent_key, "");
                    EXPECT_EQ(outcome.conflict, c.conflict && !in_place);
                    EXPECT_EQ(dropped_row(outcome) != nullptr, c.drops);
                    if (dropped_row(outcome) != nullptr) {
                        EXPECT_EQ(dropped_row(outcome)->version, job.occupant->version);
                    }
                    EXPECT_FALSE(outcome.provider_error);
                    if (c.happened) {
                        EXPECT_EQ(row->state, ReplicaState::verified);
                        EXPECT_EQ(row->verified_at, kNow);
                        EXPECT_EQ(row->key, kWantKey);
                        EXPECT_EQ(row->remote_rev, "r9");
                        EXPECT_TRUE(outcome.became_verified);
                        EXPECT_EQ(row->due.has_value(), !wanted);
                        EXPECT_EQ(row->attempts, 0u);
                    } else {
                        EXPECT_NE(row->state, ReplicaState::verified) << "nobody has compared its bytes";
                        EXPECT_NE(row->state, ReplicaState::uploading);
                        EXPECT_EQ(row->key, job.row.key);
                        EXPECT_EQ(row->due, kNow);
                        EXPECT_FALSE(outcome.became_verified);
                    }
                }
}

TEST(ReplicationOutcome, AMoveWhoseSourceIsGoneIsMissing) {
    for (const There there : {There::nothing, There::stranger, There::occupant})
        for (const ReplicaState state : {ReplicaState::stored, ReplicaState::verified, ReplicaState::damaged}) {
            ReplicaJob job = job_in(state, true, "old");
            job.row.intent_key = kWantKey;
            if (there == There::occupant) job.occupant = other_row(kWantKey);
            SCOPED_TRACE(describe(job, "source gone"));
            Found found = found_in(there);
            found.source_gone = true;
            const Outcome outcome = after_look(job, {Kind::look, kWantKey, {}, {}}, found, kNow, kTimes);
            EXPECT_EQ(stored_row(outcome)->state, ReplicaState::missing);
            EXPECT_EQ(stored_row(outcome)->key, "");
            EXPECT_FALSE(stored_row(outcome)->verified_at);
            EXPECT_EQ(stored_row(outcome)->due, kNow);
            EXPECT_EQ(outcome.conflict, there == There::stranger);
        }
}

TEST(ReplicationOutcome, AMoveWhoseSourceWasChangedGoesOnWithWhatIsThere) {
    for (const ReplicaState state : {ReplicaState::stored, ReplicaState::verified}) {
        ReplicaJob job = job_in(state, true, "old");
        job.row.intent_key = kWantKey;
        Found found;
        found.source = object_at("old", "r8");
        found.source->id = job.row.remote_id;
        const Outcome outcome = after_look(job, {Kind::look, kWantKey, {}, {}}, found, kNow, kTimes);
        EXPECT_EQ(stored_row(outcome)->state, ReplicaState::stored) << "to be checked";
        EXPECT_EQ(stored_row(outcome)->key, "old");
        EXPECT_EQ(stored_row(outcome)->remote_rev, "r8");
    }
}

TEST(ReplicationOutcome, WhatMeetsTheSameObstacleAgainAndAgainPauses) {
    for (const Errc code : {Errc::exists, Errc::changed, Errc::not_found, Errc::is_directory}) {
        SCOPED_TRACE(info(code).name);
        ReplicaJob job = job_in(ReplicaState::verified, true, "old");
        const Step step{Kind::move, kWantKey, {}, {}};
        Millis pause{0};
        for (int round = 0; round < 12; ++round) {
            job.row = *stored_row(after_move(job, begin_step(job.row, step), step, fail(code, "move"), kNow, kTimes));
            pause = std::chrono::duration_cast<Millis>(*job.row.due - kNow);
            if (job.row.intent_key.empty()) continue;
            Found found;
            found.source = object_of(job.row, 100);
            job.row = *stored_row(after_look(job, {Kind::look, kWantKey, {}, {}}, found, kNow, kTimes));
            pause = std::chrono::duration_cast<Millis>(*job.row.due - kNow);
        }
        EXPECT_GE(pause, Millis(60'000));
    }
}

TEST(ReplicationOutcome, AfterALookThatFailedTheIntentStays) {
    for (const ReplicaState state : kAllStates)
        for (const Errc code : all_codes()) {
            ReplicaJob job = job_in(state, true, "old");
            job.row.intent_key = kWantKey;
            SCOPED_TRACE(describe(job, std::string(info(code).name)));
            const Outcome outcome = after_look(job, {Kind::look, kWantKey, {}, {}}, fail(code, "stat x", "no"), kNow, kTimes);
            check_sound(job, job.row, outcome, Error(code, "stat x", "no"));
            EXPECT_EQ(stored_row(outcome)->intent_key, kWantKey);
            EXPECT_EQ(stored_row(outcome)->state, state);
            EXPECT_EQ(outcome.provider_error.has_value(), means_provider(code));
        }
}

}  // namespace
}  // namespace oracxfs::test
