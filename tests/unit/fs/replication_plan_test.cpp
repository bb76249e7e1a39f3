// What the plan decides, how it repeats, and the names it makes.

#include "fs/replication_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/fs/plan_fixture.h"

namespace oracxfs::test {
namespace {

using Kind = Step::Kind;

// --- next_step ---------------------------------------------------------------------------------------------------------

struct NextCase {
    std::string name;
    ReplicaJob job;
    Kind kind;
    std::string key = {};
    std::optional<std::string> replaces_rev = {};
    std::optional<WallTime> until = {};
};

ReplicaJob with(ReplicaJob job, const std::function<void(ReplicaJob&)>& change) {
    change(job);
    return job;
}
ReplicaJob with_occupant(ReplicaJob job, ReplicaRow occupant, bool wanted) {
    job.occupant = std::move(occupant);
    job.occupant_wanted = wanted;
    return job;
}

std::vector<NextCase> next_cases() {
    using S = ReplicaState;
    const ReplicaRow stale = other_row(kWantKey);
    const ReplicaRow busy = [&] {
        ReplicaRow row = stale;
        row.intent_key = "d/b.txt";
        return row;
    }();
    return {
        {"a new file is uploaded", job_in(S::queued, true), Kind::put, kWantKey},
        {"so is one that vanished", job_in(S::missing, true), Kind::put, kWantKey},
        {"and one that failed before", job_in(S::failed, true), Kind::put, kWantKey},
        {"an upload that nobody began again", job_in(S::uploading, true), Kind::put, kWantKey},
        {"what is stored is verified", job_in(S::stored, true), Kind::verify, kWantKey},
        {"what is verified is settled", job_in(S::verified, true), Kind::settle},
        {"a damaged one is rewritten in place", job_in(S::damaged, true), Kind::put, kWantKey, "r7"},
        {"also under its old name", job_in(S::damaged, true, "old"), Kind::put, "old", "r7"},
        {"a verified one follows its name", job_in(S::verified, true, "old"), Kind::move, kWantKey},
        {"a stored one too", job_in(S::stored, true, "old"), Kind::move, kWantKey},
        {"an intent is looked at first", with(job_in(S::uploading, true), [](ReplicaJob& j) { j.row.intent_key = "x"; }), Kind::look, "x"},
        {"also of an unwanted row", with(job_in(S::stored, false, "y"), [](ReplicaJob& j) { j.row.intent_key = "x"; }), Kind::look, "x"},
        {"also of a damaged row", with(job_in(S::damaged, true), [](ReplicaJob& j) { j.row.intent_key = "x"; }), Kind::look, "x"},
        {"an unwanted version of ours is replaced", with_occupant(job_in(S::queued, true), stale, false), Kind::put, kWantKey, "r3"},
        {"also by a move", with_occupant(job_in(S::verified, true, "old"), stale, false), Kind::move, kWantKey, "r3"},
        {"one that is wanted elsewhere steps aside", with_occupant(job_in(S::queued, true), stale, true), Kind::move_aside, kWantKey},
        {"one that is being worked on is waited for", with_occupant(job_in(S::queued, true), busy, false), Kind::wait, "", {}, kNow + Millis(500)},
        {"unwanted, nothing there: dropped", job_in(S::queued, false), Kind::drop},
        {"unwanted, and the successor is not safe yet", job_in(S::verified, false, "k"), Kind::settle},
        {"unwanted, the successor is safe", with(job_in(S::verified, false, "k"), [](ReplicaJob& j) { j.successor_verified = true; }), Kind::remove, "k"},
        {"within the grace of an unlink", with(job_in(S::verified, false, "k"), [](ReplicaJob& j) {
             j.successor_verified = true;
             j.doomed_at = kNow - Millis(1'000);
         }), Kind::wait, "", {}, kNow + Millis(59'000)},
        {"at its end", with(job_in(S::verified, false, "k"), [](ReplicaJob& j) {
             j.successor_verified = true;
             j.doomed_at = kNow - kDeleteGrace;
         }), Kind::remove, "k"},
        {"a damaged copy nobody wants is not repaired", with(job_in(S::damaged, false, "k"), [](ReplicaJob& j) { j.successor_verified = true; }), Kind::remove, "k"},
    };
}

TEST(ReplicationPlan, NextStep) {
    for (const NextCase& c : next_cases()) {
        SCOPED_TRACE(c.name);
        const Step step = next_step(c.job, kNow, kDeleteGrace);
        EXPECT_EQ(to_string(step.kind), to_string(c.kind));
        EXPECT_EQ(step.key, c.key);
        EXPECT_EQ(step.replaces ? std::optional(step.replaces->rev) : std::nullopt, c.replaces_rev);
        EXPECT_EQ(step.until, c.until);
    }
}

// Every job that the rules distinguish.
std::vector<ReplicaJob> all_jobs() {
    std::vector<ReplicaJob> jobs;
    for (const ReplicaState state : kAllStates)
        for (const bool wanted : {true, false})
            for (const std::string& key : {kWantKey, std::string("old")})
                for (const std::string& intent : {std::string(), kWantKey, std::string("other")})
                    for (int occupant = 0; occupant < 4; ++occupant)
                        for (const bool successor : {false, true})
                            for (int doomed = 0; doomed < 3; ++doomed) {
                                ReplicaJob job = job_in(state, wanted, key);
                                job.row.intent_key = intent;
                                if (occupant > 0) job.occupant = other_row(intent.empty() ? kWantKey : intent);
                                job.occupant_wanted = occupant == 2;
                                if (occupant == 3) job.occupant->intent_key = "elsewhere";
                                job.successor_verified = successor;
                                if (doomed > 0) job.doomed_at = kNow - (doomed == 1 ? Millis(1'000) : kDeleteGrace);
                                jobs.push_back(std::move(job));
                            }
    return jobs;
}

TEST(ReplicationPlan, NextStepKeepsTheRules) {
    for (const ReplicaJob& job : all_jobs()) {
        SCOPED_TRACE(describe(job, "intent \"" + job.row.intent_key + "\""));
        const Step step = next_step(job, kNow, kDeleteGrace);
        if (!job.row.intent_key.empty()) {
            EXPECT_EQ(step.kind, Kind::look);
            EXPECT_EQ(step.key, job.row.intent_key);
            continue;
        }
        switch (step.kind) {
            case Kind::settle:
                EXPECT_TRUE(job.wanted ? job.row.state == ReplicaState::verified && job.row.key == job.want_key : !job.successor_verified);
                break;
            case Kind::wait:
                ASSERT_TRUE(step.until);
                EXPECT_GT(*step.until, kNow);
                break;
            case Kind::drop:
                EXPECT_TRUE(!job.wanted && job.row.key.empty());
                break;
            case Kind::remove:
                EXPECT_TRUE(!job.wanted && job.successor_verified) << "the last good copy goes first";
                EXPECT_EQ(step.key, job.row.key);
                break;
            case Kind::put:
            case Kind::move:
                EXPECT_TRUE(job.wanted);
                // Only what is unwanted, or our own damaged object, may be replaced.
                if (step.replaces && step.replaces->rev != job.row.remote_rev) {
                    EXPECT_TRUE(job.occupant && !job.occupant_wanted);
                }
                break;
            case Kind::verify:
                EXPECT_EQ(step.key, job.row.key);
                break;
            case Kind::move_aside:
                EXPECT_TRUE(job.occupant && job.occupant_wanted);
                break;
            case Kind::look: ADD_FAILURE() << "nothing was begun";
        }
    }
}

// --- begin_step --------------------------------------------------------------------------------------------------------

TEST(ReplicationPlan, BeginRecordsTheIntent) {
    for (const ReplicaState state : kAllStates)
        for (const Kind kind : {Kind::settle, Kind::wait, Kind::drop, Kind::look, Kind::put, Kind::verify, Kind::move, Kind::move_aside, Kind::remove}) {
            const ReplicaRow row = job_in(state, true, "old").row;
            SCOPED_TRACE(std::string(to_string(state)) + " " + std::string(to_string(kind)));
            ReplicaRow expected = row;
            if (kind == Kind::put || kind == Kind::move || kind == Kind::move_aside) {
                expected.intent_key = kWantKey;
                expected.attempts = 1;
            }
            // A damaged object stays known as damaged until something better has replaced it.
            if (kind == Kind::put && state != ReplicaState::damaged) expected.state = ReplicaState::uploading;
            EXPECT_EQ(begin_step(row, {kind, kWantKey, {}, {}}), expected);
        }
}

// --- occupants, retries, names -----------------------------------------------------------------------------------------

TEST(ReplicationPlan, AReplacedVersionLosesItsRow) {
    for (const bool occupant_wanted : {false, true})
        for (const bool same_key : {false, true}) {
            ReplicaJob put = job_in(ReplicaState::queued, true);
            put.occupant = other_row(same_key ? kWantKey : "elsewhere");
            put.occupant_wanted = occupant_wanted;
            const Step step{Kind::put, kWantKey, {}, {}};
            EXPECT_EQ(dropped_row(after_put(put, begin_step(put.row, step), step, PutResult{object_at(kWantKey), true, 0}, kNow, kTimes)) != nullptr,
                      same_key && !occupant_wanted);
            ReplicaJob moved = job_in(ReplicaState::verified, true, "old");
            moved.occupant = put.occupant;
            moved.occupant_wanted = occupant_wanted;
            const Step move{Kind::move, kWantKey, {}, {}};
            EXPECT_EQ(dropped_row(after_move(moved, begin_step(moved.row, move), move, object_at(kWantKey), kNow, kTimes)) != nullptr,
                      same_key && !occupant_wanted);
        }
}

// The row after `rounds` failed uploads with nothing in between.
ReplicaRow after_failed_puts(int rounds, Errc code) {
    ReplicaJob job = job_in(ReplicaState::queued, true);
    const Step step{Kind::put, kWantKey, {}, {}};
    for (int i = 0; i < rounds; ++i) {
        const ReplicaRow begun = begin_step(job.row, step);
        job.row = *stored_row(after_put(job, begun, step, fail(code, "put"), kNow, kTimes));
    }
    return job.row;
}

TEST(ReplicationPlan, PausesGrowAndEnd) {
    for (int n = 1; n < 30; ++n) {
        const Millis pause = std::chrono::duration_cast<Millis>(*after_failed_puts(n, Errc::corrupt).due - kNow);
        const Millis full = std::min(kTimes.max, Millis(kTimes.min * (1 << std::min(n, 20))));
        EXPECT_GE(pause, full / 2) << n;
        EXPECT_LE(pause, full) << n;
    }
}

TEST(ReplicationPlan, WhenAFileCountsAsFailed) {
    // A refusal will not go away by itself, trouble may.
    EXPECT_EQ(after_failed_puts(1, Errc::name_refused).state, ReplicaState::failed);
    EXPECT_EQ(after_failed_puts(1, Errc::too_large).state, ReplicaState::failed);
    EXPECT_EQ(after_failed_puts(5, Errc::local_io).state, ReplicaState::queued);
    EXPECT_EQ(after_failed_puts(6, Errc::local_io).state, ReplicaState::failed);
    EXPECT_EQ(after_failed_puts(100, Errc::unavailable).state, ReplicaState::queued);
    // Folders are made by their own rows, which come first.
    EXPECT_EQ(after_failed_puts(11, Errc::not_directory).state, ReplicaState::queued);
    EXPECT_EQ(after_failed_puts(12, Errc::not_directory).state, ReplicaState::failed);
}

TEST(ReplicationPlan, ASpoilingProviderIsNotStormed) {
    // It takes every upload and gives back other bytes, again and again.
    ReplicaJob job = job_in(ReplicaState::queued, true);
    int puts_at_once = 0;
    for (int round = 0; round < 20; ++round) {
        const Step step = next_step(job, kNow, kDeleteGrace);
        ASSERT_EQ(step.kind, Kind::put);
        job.row = *stored_row(after_put(job, begin_step(job.row, step), step, PutResult{object_at(kWantKey), false, 0}, kNow, kTimes));
        ASSERT_EQ(next_step(job, kNow, kDeleteGrace).kind, Kind::verify);
        job.row = *stored_row(after_verify(job, fail(Errc::corrupt, "verify"), kNow, kTimes));
        puts_at_once += job.row.due == kNow;
    }
    EXPECT_LE(puts_at_once, 3);
    EXPECT_GE(*job.row.due, kNow + kTimes.max / 2);
    // One good check and it is forgotten.
    job.row = *stored_row(after_put(job, begin_step(job.row, {Kind::put, kWantKey, {}, {}}), {Kind::put, kWantKey, {}, {}},
                                    PutResult{object_at(kWantKey), false, 0}, kNow, kTimes));
    job.row = *stored_row(after_verify(job, {}, kNow, kTimes));
    EXPECT_EQ(job.row.attempts, 0u);
}

TEST(ReplicationPlan, ConflictNames) {
    const WallTime day{Millis(1'795'466'188'000)};  // 2026-11-23 20:36:28 UTC
    const auto name = [&](const std::string& key, int n = 1) { return conflict_key(key, "dropbox", day, n); };
    EXPECT_EQ(name("a/b.txt"), "a/b (dropbox's conflicted copy 2026-11-23).txt");
    EXPECT_EQ(name("a/b.txt", 2), "a/b (dropbox's conflicted copy 2026-11-23 2).txt");
    EXPECT_EQ(name("plain"), "plain (dropbox's conflicted copy 2026-11-23)");
    EXPECT_EQ(name(".bashrc"), ".bashrc (dropbox's conflicted copy 2026-11-23)");
    EXPECT_EQ(name("x.tar.gz"), "x.tar (dropbox's conflicted copy 2026-11-23).gz");
    EXPECT_EQ(name("folder.d/file"), "folder.d/file (dropbox's conflicted copy 2026-11-23)");

    const std::string long_name = name("d/" + std::string(251, 'n') + ".txt", 20);
    EXPECT_EQ(base_name(long_name).size(), 255u);
    EXPECT_TRUE(long_name.ends_with(" 20).txt"));
    EXPECT_LE(base_name(name("n." + std::string(250, 'e'))).size(), 255u);
    // Not in the middle of a character: some providers refuse that.
    for (int pad = 0; pad < 3; ++pad) {
        std::string umlauts(static_cast<std::size_t>(pad), 'n');
        while (umlauts.size() + 3 <= 250) umlauts += "\xe2\x82\xac";  // three bytes each
        const std::string cut = name(umlauts + ".txt");
        const std::string stem = cut.substr(static_cast<std::size_t>(pad), cut.find(" (") - static_cast<std::size_t>(pad));
        EXPECT_LE(cut.size(), 255u);
        EXPECT_EQ(stem.size() % 3, 0u);
    }
}

TEST(ReplicationPlan, AsideNamesAreInternalAndDistinct) {
    EXPECT_TRUE(is_internal_name(aside_key("1a2b3c4d", VersionId{5})));
    EXPECT_NE(aside_key("1a2b3c4d", VersionId{5}), aside_key("1a2b3c4d", VersionId{6}));
    EXPECT_NE(aside_key("1a2b3c4d", VersionId{5}), aside_key("ffffffff", VersionId{5}));
}

TEST(ReplicationPlan, ATakenOverVersionIsVerifiedWhereItWasFound) {
    RemoteObject object = object_of(other_row(kWantKey), 100);
    const auto row = row_of_taken_over(job_in(ReplicaState::queued, true), object, kNow + Millis(1));
    ASSERT_TRUE(row);
    EXPECT_EQ(row->state, ReplicaState::stored);
    EXPECT_EQ(row->key, kWantKey);
    EXPECT_EQ(row->remote_rev, object.rev);
    EXPECT_EQ(row->due, kNow + Millis(1)) << "or nobody would ever verify it";
}

// A lane that saw the new version first may have found the object and settled the row: putting it back to "stored" with no
// due time would leave it so for ever.
TEST(ReplicationPlan, ATakenOverVersionThatALaneSawFirstIsLeftToIt) {
    const RemoteObject object = object_of(other_row(kWantKey), 100);
    for (const ReplicaState state : kAllStates) {
        if (state == ReplicaState::queued) continue;
        EXPECT_FALSE(row_of_taken_over(job_in(state, true), object, kNow)) << to_string(state);
    }
    EXPECT_FALSE(row_of_taken_over(with(job_in(ReplicaState::queued, true), [](ReplicaJob& j) { j.row.intent_key = kWantKey; }), object, kNow));
}

TEST(ReplicationPlan, ObjectOfARow) {
    const ReplicaRow row = other_row("k");
    const RemoteObject object = object_of(row, 12);
    EXPECT_EQ(object.key, "k");
    EXPECT_EQ(object.id, "id-3");
    EXPECT_EQ(object.rev, "r3");
    EXPECT_EQ(object.size, 12u);
    EXPECT_FALSE(object.is_directory);
}

}  // namespace
}  // namespace oracxfs::test
