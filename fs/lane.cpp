#include "fs/lane.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

namespace {

// One batch holds its small files in memory: no descriptor each, and never much.
constexpr std::uint64_t kBatchBytes = 8ull << 20;

}  // namespace

Lane::Lane(LaneEnvironment& environment, ProviderRow row, std::shared_ptr<Provider> provider)
    : env_(environment),
      id_(row.id),
      name_(row.name),
      provider_(std::move(provider)),
      row_(std::move(row)),
      breaker_({environment.options.probe_pause_min, environment.options.probe_pause_max,
                environment.options.auth_probe_pause, environment.options.full_probe_pause,
                environment.options.seed + static_cast<std::uint64_t>(id_.value)}) {
    const SteadyTime now = env_.clock.steady();
    const bool feed = provider_->capabilities().change_feed;
    next_listing_ = env_.options.adopt_at_first_sight || feed ? now : now + provider_->capabilities().poll_interval;
    next_trash_ = now + Millis(60'000);
    next_space_ = now;
    if (feed) {
        if (auto saved = env_.catalog.feed_position(id_))
            feed_.position = feed_.saved = std::move(*saved);
        else
            log::warn("lane", name_ + ": " + saved.error().to_string());
        // Reading the feed shows as well that the provider answers, and its space is known from the last time.
        // Unless it was down then.
        if (!feed_.position.empty() && row_.checked_at && row_.state == ProviderState::active) next_space_ = now + kLaneSpaceInterval;
    }
    seen_steady_ = now;
    seen_wall_ = env_.clock.wall();
}

RetryTimes Lane::retry_times() const {
    return {env_.options.retry_pause_min, env_.options.retry_pause_max, env_.options.heal_after, env_.options.seed,
            env_.options.retries};
}

// --- choosing work -----------------------------------------------------------------------------------------------------

Result<bool> Lane::run_small(const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (!breaker_.may_tidy() || folders_unclear_) return false;
    }
    const Capabilities& capabilities = provider_->capabilities();
    Claim claim(*this);
    Catalog::DueFilter filter;
    filter.limit = std::max<std::size_t>(capabilities.batch_max, 16);
    filter.max_size = capabilities.small_bytes;
    {
        const std::lock_guard lock(mutex_);
        filter.except.assign(claimed_.begin(), claimed_.end());
    }
    const WallTime now = env_.clock.wall();
    ORACX_TRY(const std::vector<ReplicaJob> jobs, env_.catalog.due_replicas(id_, now, filter));
    if (jobs.empty()) return false;

    std::vector<std::pair<ReplicaJob, Step>> puts;
    std::uint64_t put_bytes = 0;
    bool did = false;
    for (const ReplicaJob& job : jobs) {
        if (put_bytes > kBatchBytes) break;  // the rest is the next batch
        if (stop.stop_requested()) return fail(Errc::cancelled, "replicate");
        {
            const std::lock_guard lock(mutex_);
            if (!breaker_.may_tidy()) break;
        }
        if (!claim.add(job.row.version)) continue;
        // An earlier worker may have finished this row between the query and the claim.
        ORACX_TRY(const std::optional<ReplicaJob> fresh, env_.catalog.replica_job(job.row.version, id_));
        if (!fresh || fresh->row != job.row) continue;
        did = true;
        Step step = next_step(*fresh, now, env_.options.delete_grace);
        if (step.kind == Step::Kind::put && fresh->row.state != ReplicaState::damaged) {
            put_bytes += fresh->size;
            puts.emplace_back(*fresh, std::move(step));
        } else {
            ORACX_TRYV(run_step(*fresh, step, stop));
        }
    }
    if (!puts.empty()) ORACX_TRYV(put_batch(puts, stop));
    return did;
}

Result<bool> Lane::run_large(const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (!breaker_.may_tidy() || folders_unclear_) return false;
    }
    Claim claim(*this);
    Catalog::DueFilter filter;
    filter.limit = 1;
    filter.min_size = provider_->capabilities().small_bytes + 1;
    {
        const std::lock_guard lock(mutex_);
        filter.except.assign(claimed_.begin(), claimed_.end());
    }
    ORACX_TRY(const std::vector<ReplicaJob> jobs, env_.catalog.due_replicas(id_, env_.clock.wall(), filter));
    if (jobs.empty() || !claim.add(jobs.front().row.version)) return false;
    ORACX_TRY(const std::optional<ReplicaJob> fresh, env_.catalog.replica_job(jobs.front().row.version, id_));
    if (!fresh || fresh->row != jobs.front().row) return true;
    ORACX_TRYV(run_step(*fresh, next_step(*fresh, env_.clock.wall(), env_.options.delete_grace), stop));
    return true;
}

Status Lane::run_step(const ReplicaJob& job, const Step& step, const std::stop_token& stop) {
    using Kind = Step::Kind;
    switch (step.kind) {
        case Kind::settle:
        case Kind::wait: {
            ReplicaChange change;
            change.row = job.row;
            change.row.due = step.until;
            change.was = job.row.state;
            Outcome outcome;
            outcome.changes.push_back(std::move(change));
            return finish(job, std::move(outcome));
        }
        case Kind::drop: {
            Outcome outcome;
            outcome.changes.push_back({ReplicaChange::Kind::drop, job.row, std::nullopt});
            return finish(job, std::move(outcome));
        }
        case Kind::look: return look(job, step, stop);
        case Kind::put: return put_one(job, step, stop);
        case Kind::verify: {
            ORACX_TRY(const ContentDigests digests, env_.catalog.digests(job.row.version));
            {
                const std::lock_guard lock(mutex_);
                transfers_[job.row.version] = {job.row.version, id_, job.want_key, job.size, job.size,
                                               job.row.attempts, env_.clock.wall(), true};
            }
            const Status result = provider_->verify(context(stop), object_of(job.row, job.size), digests);
            return finish(job, after_verify(job, result, env_.clock.wall(), retry_times()));
        }
        case Kind::move: return move(job, step, stop);
        case Kind::move_aside: return move_aside(job, stop);
        case Kind::remove: {
            const Working working(*this, {job.row.key});
            const Status result = provider_->remove(context(stop), object_of(job.row, job.size), RemoveMode::trash);
            const std::string key = job.row.key;
            ORACX_TRYV(finish(job, after_remove(job, result, env_.clock.wall(), retry_times())));
            if (result) prune_parents(key, stop);
            return {};
        }
    }
    return fail(Errc::internal, "unknown step");
}

Status Lane::finish(const ReplicaJob& job, Outcome outcome) {
    if (!outcome.changes.empty()) {
        const Status recorded = env_.catalog.record(outcome.changes, false);
        if (!recorded && recorded.error().code != Errc::changed) return recorded;
        if (!recorded) log::debug("lane", name_ + ": a row changed meanwhile; it is looked at again");
    }
    // The tree may have changed between the plan and the record: what settled under a stale name is due again.
    ORACX_TRY(const std::optional<ReplicaJob> fresh, env_.catalog.replica_job(job.row.version, id_));
    if (fresh && !fresh->row.due && fresh->row.state == ReplicaState::verified &&
        (fresh->wanted ? fresh->row.key != fresh->want_key : fresh->successor_verified))
        ORACX_TRYV(env_.catalog.make_replica_due(job.row.version, id_, env_.clock.wall()));

    // An upload that was refused because our own copy is bad is not the provider's error.
    if (outcome.checksum_error && (!job.row.key.empty() || check_staged(job))) {
        {
            const std::lock_guard lock(mutex_);
            row_.checksum_errors += 1;
        }
        event("error", "damaged", job.want_key, std::string(info(Errc::corrupt).e_code),
              "the copy did not match its hash; it is replaced");
    }
    if (outcome.became_verified) {
        if (job.row.state == ReplicaState::damaged || job.row.state == ReplicaState::missing)
            event("info", "healed", job.want_key, "", "replica is good again");
        provider_ok();
    }
    if (outcome.provider_error) {
        provider_failed(*outcome.provider_error);
    } else {
        for (const ReplicaChange& change : outcome.changes)
            if (change.row.error_code == info(Errc::denied).e_code && change.row.error_code != job.row.error_code)
                provider_failed(Error(Errc::denied, "write", change.row.error_text));  // is it only this file? probe
    }
    if (env_.on_replica) env_.on_replica(job.row.version, id_);
    return {};
}

}  // namespace oracxfs
