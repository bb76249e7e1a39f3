// Lane: what is not about one replica: when to list, the probe of a failing provider, leftovers, and what status shows.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane.h"
#include "fs/lane_claim.h"

namespace oracxfs {
namespace {

constexpr Millis kProbeTimeout{10'000};
constexpr Millis kTrashInterval{6 * 3'600'000};

}  // namespace

Result<bool> Lane::run_chores(const std::stop_token& stop) {
    {
        // Rows wait for a wall time: if that clock was set back, they would wait for it to catch up.
        const SteadyTime steady = env_.clock.steady();
        const WallTime wall = env_.clock.wall();
        const auto expected = seen_wall_ + std::chrono::duration_cast<Millis>(steady - seen_steady_);
        const bool set_back = wall + Millis(30'000) < expected;
        seen_steady_ = steady;
        seen_wall_ = wall;
        if (set_back) ORACX_TRYV(env_.catalog.make_due(id_, wall));
    }
    if (run_probe(stop)) return true;
    {
        const std::lock_guard lock(mutex_);
        if (!breaker_.may_tidy()) return false;
    }
    ORACX_TRY(const bool directories, run_directories(stop));
    if (directories) return true;
    ORACX_TRY(const bool orphans, discard_orphans(stop));
    if (orphans) return true;

    if (!may_work()) return false;
    const bool has_feed = provider_->capabilities().change_feed;
    if (has_feed) {
        ORACX_TRY(const bool looked, run_feed(stop));
        if (looked) return true;
    }
    const SteadyTime now = env_.clock.steady();
    bool listing = false, trash = false;
    {
        const std::lock_guard lock(mutex_);
        if (!breaker_.may_work()) return false;
        listing = !has_feed && now >= next_listing_ && claimed_.empty();
        if (listing) {
            listing_ = true;
            touched_.assign(working_.begin(), working_.end());
        }
        trash = !listing && now >= next_trash_;
        if (trash) next_trash_ = now + kTrashInterval;
    }
    if (listing) {
        const Status reconciled = reconcile(stop);
        const SteadyTime end = env_.clock.steady();
        // A listing that takes long comes rarely: at most a twentieth of the time goes into looking.
        const auto took = std::chrono::duration_cast<Millis>(end - now);
        const std::lock_guard lock(mutex_);
        next_listing_ = end + std::max(provider_->capabilities().poll_interval, took * 20);
        if (!reconciled && reconciled.error().code != Errc::cancelled)
            log::warn("lane", name_ + ": listing failed: " + reconciled.error().to_string());
        return true;
    }
    if (trash) {
        const auto purged = provider_->purge_trash(context(stop), env_.options.trash_age);
        if (!purged && concerns_provider(purged.error().code)) provider_failed(purged.error());
        return true;
    }
    return false;
}

// --- health ------------------------------------------------------------------------------------------------------------

bool Lane::run_probe(const std::stop_token& stop) {
    bool closed = false;
    {
        const std::lock_guard lock(mutex_);
        const auto due = breaker_.probe_due();
        const SteadyTime now = env_.clock.steady();
        closed = !due;
        if (due ? now < *due : now < next_space_) return false;
        next_space_ = now + kLaneSpaceInterval;
    }
    OpContext ctx = context(stop);
    ctx.deadline = env_.clock.steady() + kProbeTimeout;
    const Result<Space> space = provider_->probe(ctx);
    if (stop.stop_requested()) return false;
    bool recovered = false, health_changed = false;
    {
        const std::lock_guard lock(mutex_);
        const SteadyTime now = env_.clock.steady();
        if (space) {
            recovered = breaker_.down();
            if (recovered && provider_->capabilities().change_feed) next_listing_ = now;  // what happened meanwhile?
            breaker_.probe_succeeded(now);
            row_.total_bytes = space->total_bytes;
            row_.free_bytes = space->free_bytes;
            row_.checked_at = row_.last_ok = env_.clock.wall();
        } else if (closed) {
            breaker_.work_failed(space.error(), now);
        } else {
            breaker_.probe_failed(space.error(), now);
        }
        health_changed = breaker_.down() != reported_down_;
        reported_down_ = breaker_.down();
        row_.state = breaker_.state();
        row_.reason = breaker_.down() ? std::string(info(breaker_.reason().code).e_code) + " " +
                                            (breaker_.reason().why.empty() ? breaker_.reason().message : breaker_.reason().why)
                                      : "";
    }
    if (health_changed) {
        if (recovered) {
            event("info", "provider", "", "", name_ + " is back");
            (void)env_.catalog.make_due(id_, env_.clock.wall());  // a failure only means that it waits for its own time
        } else if (!space) {
            event("warning", "provider", "", std::string(info(space.error().code).e_code),
                  name_ + " is " + std::string(to_string(state_for(space.error().code))) + ": " + space.error().to_string());
        }
        if (env_.on_health) env_.on_health(id_);
    }
    save_state();
    return true;
}

void Lane::provider_failed(const Error& error) {
    bool health_changed = false;
    {
        const std::lock_guard lock(mutex_);
        row_.write_errors += 1;
        breaker_.work_failed(error, env_.clock.steady());
        health_changed = breaker_.down() != reported_down_;
        reported_down_ = breaker_.down();
        row_.state = breaker_.state();
        if (breaker_.down())
            row_.reason = std::string(info(error.code).e_code) + " " + (error.why.empty() ? error.message : error.why);
    }
    log::info("lane", name_ + ": " + error.to_string());
    if (!health_changed) {
        // It is to be probed now, and whoever does that may be asleep until the next listing.
        if (env_.on_health) env_.on_health(id_);
        return;
    }
    event("warning", "provider", "", std::string(info(error.code).e_code),
          name_ + " is " + std::string(to_string(state_for(error.code))) + ": " + error.to_string());
    save_state();
    if (env_.on_health) env_.on_health(id_);
}

void Lane::provider_ok() {
    const std::lock_guard lock(mutex_);
    breaker_.work_succeeded();
    row_.last_ok = env_.clock.wall();
}

void Lane::save_state() {
    ProviderRow row;
    {
        const std::lock_guard lock(mutex_);
        row = row_;
    }
    if (const Status saved = env_.catalog.update_provider(row); !saved)
        log::warn("lane", name_ + ": state not saved: " + saved.error().to_string());
}

void Lane::probe_at_once() {
    const std::lock_guard lock(mutex_);
    breaker_.probe_at_once(env_.clock.steady());
    next_listing_ = env_.clock.steady();
    next_space_ = env_.clock.steady();
}

bool Lane::may_work() const {
    const std::lock_guard lock(mutex_);
    return breaker_.may_work();
}

ProviderHealth Lane::health() const {
    const std::lock_guard lock(mutex_);
    return {id_, row_.active, breaker_.down(), breaker_.state()};
}

ProviderStatus Lane::status() const {
    const std::lock_guard lock(mutex_);
    ProviderStatus status;
    status.row = row_;
    status.health = {id_, row_.active, breaker_.down(), breaker_.state()};
    if (const auto due = breaker_.probe_due()) {
        const auto wait = std::chrono::duration_cast<Millis>(*due - env_.clock.steady());
        status.next_probe = env_.clock.wall() + std::max(wait, Millis(0));
    }
    status.bytes_up = bytes_up_;
    status.bytes_down = bytes_down_;
    status.rate_up = rate_up_.per_second(env_.clock.steady());
    return status;
}

std::vector<TransferProgress> Lane::transfers() const {
    const std::lock_guard lock(mutex_);
    std::vector<TransferProgress> list;
    for (const auto& [version, transfer] : transfers_) list.push_back(transfer);
    return list;
}

double Lane::read_cost() const {
    const std::lock_guard lock(mutex_);
    return read_cost_ms_;
}

void Lane::read_done(std::uint64_t bytes, Millis took) {
    bytes_down_ += bytes;
    const std::lock_guard lock(mutex_);
    // Cost of a first megabyte: small reads tell the latency, large ones the rate.
    const double cost = static_cast<double>(took.count()) * (1 << 20) / static_cast<double>(std::max<std::uint64_t>(bytes, 1 << 20));
    read_cost_ms_ = read_cost_ms_ == 0 ? cost : 0.8 * read_cost_ms_ + 0.2 * cost;
}

void Lane::read_failed(VersionId version, const Error& error) {
    if (error.code == Errc::cancelled) return;
    if (error.code == Errc::corrupt || error.code == Errc::not_found || error.code == Errc::changed) {
        Claim claim(*this);
        if (!claim.add(version)) return;  // it is being rewritten already
        const auto job = env_.catalog.replica_job(version, id_);
        if (!job || !*job || (*job)->row.key.empty() || !(*job)->row.intent_key.empty()) return;
        if ((*job)->row.state == ReplicaState::damaged) return;  // known, and due
        const Error seen = error.code == Errc::not_found ? error : Error(Errc::corrupt, "read", error.to_string());
        {
            const std::lock_guard lock(mutex_);
            row_.read_errors += 1;
        }
        event("error", seen.code == Errc::not_found ? "missing" : "damaged", (*job)->want_key,
              std::string(info(seen.code).e_code), "found while reading; another copy is used and this one is replaced");
        Outcome outcome = after_verify(**job, fail(seen), env_.clock.wall(), retry_times());
        (void)finish(**job, std::move(outcome));  // the read goes on from another replica in any case
        return;
    }
    if (concerns_provider(error.code) || error.code == Errc::outcome_unknown) provider_failed(error);
}

std::optional<Millis> Lane::pause_until_due() {
    const SteadyTime now = env_.clock.steady();
    std::optional<Millis> pause;
    const auto consider = [&pause](Millis candidate) {
        candidate = std::max(candidate, Millis(0));
        if (!pause || candidate < *pause) pause = candidate;
    };
    {
        const std::lock_guard lock(mutex_);
        if (const auto due = breaker_.probe_due()) {
            consider(std::chrono::duration_cast<Millis>(*due - now) + Millis(1));
            if (!breaker_.may_tidy()) return pause;
        }
        consider(std::chrono::duration_cast<Millis>(next_look() - now) + Millis(1));
        consider(std::chrono::duration_cast<Millis>(next_space_ - now) + Millis(1));
    }
    const auto due = env_.catalog.next_due(id_);
    if (!due) {
        consider(Millis(1'000));
    } else if (*due) {
        // At least a moment: what is due already but claimed by another worker must not make this one spin.
        consider(std::max(Millis(20), **due - env_.clock.wall()));
    }
    return pause;
}

void Lane::event(std::string level, std::string kind, const std::string& path, std::string code, std::string message) {
    EventRow row;
    row.at = env_.clock.wall();
    row.level = std::move(level);
    row.kind = std::move(kind);
    row.provider = name_;
    row.path = path;
    row.code = std::move(code);
    row.message = std::move(message);
    if (const Status kept = env_.catalog.append_event(row); !kept)
        log::warn("lane", "event not kept: " + row.message + " (" + kept.error().to_string() + ")");
}

Result<bool> Lane::discard_orphans(const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (orphans_checked_) return false;
        orphans_checked_ = true;
    }
    ORACX_TRY(const std::vector<SessionRow> orphans, env_.catalog.orphan_sessions(id_));
    bool did = false;
    for (const SessionRow& session : orphans) {
        Claim claim(*this);
        if (!claim.add(session.version)) {  // still running
            const std::lock_guard lock(mutex_);
            orphans_checked_ = false;
            continue;
        }
        const std::string upload_id = env_.instance + "-" + std::to_string(session.version.value);
        const Status gone = provider_->discard_upload(context(stop), session.key, upload_id, session.resume_state);
        if (!gone) {
            if (concerns_provider(gone.error().code)) provider_failed(gone.error());
            const std::lock_guard lock(mutex_);
            orphans_checked_ = false;
            return true;
        }
        ORACX_TRYV(env_.catalog.end_session(session.version, id_));
        did = true;
    }
    return did;
}

}  // namespace oracxfs
