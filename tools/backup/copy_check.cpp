#include "tools/backup/copy_check.h"

#include <algorithm>

#include "base/log.h"

namespace oracxfs {
namespace {

Status look(const ReadCandidate& copy, const OpContext& ctx) {
    ORACX_TRY(const RemoteObject found, copy.via->stat(ctx, copy.object.key));
    if (found.is_directory || found.size != copy.object.size) return fail(Errc::corrupt, "look at " + copy.object.key, "it has another size than what was written");
    return {};
}

Status download(const ReadCandidate& copy, const Sha256& expected, TokenBucket* limit, const OpContext& ctx, std::uint64_t& bytes) {
    Sha256Hasher hasher;
    bytes = 0;
    ORACX_TRYV(copy.via->read(ctx, copy.object, 0, copy.object.size, [&](std::span<const std::byte> data) {
        hasher.update(data);
        bytes += data.size();
        return limit == nullptr || limit->take(data.size(), ctx.stop);
    }));
    if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "read " + copy.object.key);
    if (bytes != copy.object.size) return fail(Errc::corrupt, "read " + copy.object.key, "it is shorter than what was written");
    if (hasher.finish() != expected) return fail(Errc::corrupt, "read " + copy.object.key, "its SHA-256 is not that of what was written");
    return {};
}

// The row is the same as before: what was found is about what it says.
bool is_same(const ReplicaRow& a, const ReplicaRow& b) {
    return a.state == b.state && a.key == b.key && a.intent_key == b.intent_key && a.remote_id == b.remote_id && a.remote_rev == b.remote_rev;
}

// A copy that was found good was so a moment ago: until when it is known to be good moves on.
void renew(const BackupEnvironment& env, const ReplicaRow& before) {
    const auto now = env.catalog.replica_job(before.version, before.provider);
    if (!now || !*now || !is_same((*now)->row, before)) return;
    ReplicaRow row = (*now)->row;
    row.verified_at = env.clock.wall();
    const Status kept = env.catalog.record({{ReplicaChange::Kind::store, row, before.state}}, false);
    if (!kept && kept.error().code != Errc::changed) log::warn("backup", "when a copy was checked is not kept: " + kept.error().to_string());
}

}  // namespace

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

CopyCheck check_copy(const BackupEnvironment& env, VersionId version, ProviderId provider, ScrubMethod method, const OpContext& ctx, TokenBucket* limit) {
    CopyCheck check;
    const auto put_off = [&](Error error) {
        check.outcome = ScrubOutcome::put_off;
        check.error = std::move(error);
        return check;
    };
    const auto job = env.catalog.replica_job(version, provider);
    if (!job) return put_off(job.error());
    // Removed, replaced, or being worked on: whoever does that looks at it himself.
    if (!*job || !(*job)->wanted || (*job)->row.key.empty() || !(*job)->row.intent_key.empty() || (*job)->row.state != ReplicaState::verified) return check;
    check.path = (*job)->want_key;
    const std::vector<ReadCandidate> candidates = env.replicator.read_candidates(version, provider);
    if (candidates.empty()) return check;
    ReadCandidate copy = candidates.front();
    if (!copy.is_up) return put_off(Error(Errc::unavailable, "check " + copy.object.key, "the provider is down"));
    const auto digests = env.catalog.digests(version);
    if (!digests) return put_off(digests.error());

    const auto run = [&]() -> Status {
        switch (method) {
            case ScrubMethod::look: return look(copy, ctx);
            case ScrubMethod::hash: return copy.via->verify(ctx, copy.object, *digests);
            case ScrubMethod::download: break;
        }
        return download(copy, digests->sha256, limit, ctx, check.downloaded_bytes);
    };
    const SteadyTime begun = env.clock.steady();
    Status found = run();
    if (!found && found.error().code == Errc::changed && !copy.object.rev.empty()) {
        // It is not what we put there, yet the bytes may be (only its time was changed): they decide.
        copy.object.rev.clear();
        found = run();
    }
    if (check.downloaded_bytes > 0) env.replicator.report_read(provider, check.downloaded_bytes, std::chrono::duration_cast<Millis>(env.clock.steady() - begun));
    if (found) {
        check.outcome = ScrubOutcome::good;
        if (method != ScrubMethod::look) renew(env, (*job)->row);
        return check;
    }
    Error error = found.error();
    error.provider = copy.name;
    if (error.code == Errc::changed) return check;  // it changes under our eyes; the lane finds out
    if (error.code != Errc::corrupt && error.code != Errc::not_found) {
        if (error.code != Errc::cancelled) env.replicator.report_read_failure(version, provider, error);
        return put_off(std::move(error));
    }
    const auto now = env.catalog.replica_job(version, provider);
    if (!now || !*now || !is_same((*now)->row, (*job)->row)) return check;  // it was removed or replaced meanwhile
    env.replicator.report_read_failure(version, provider, error);
    check.outcome = error.code == Errc::corrupt ? ScrubOutcome::damaged : ScrubOutcome::missing;
    check.error = std::move(error);
    return check;
}

}  // namespace oracxfs
