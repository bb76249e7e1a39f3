// The parts of a lane that are not about one replica: folders, the probe of a failing provider, leftovers, listing for
// foreign changes, and what status shows.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane.h"
#include "fs/lane_claim.h"

namespace oracxfs {
namespace {

constexpr Millis kProbeTimeout{10'000};
constexpr Millis kSpaceInterval{300'000};
constexpr Millis kTrashInterval{6 * 3'600'000};
constexpr std::uint32_t kDirectoryAttemptsMax = 8;

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

    const SteadyTime now = env_.clock.steady();
    bool listing = false, trash = false;
    {
        const std::lock_guard lock(mutex_);
        if (!breaker_.may_work()) return false;
        listing = now >= next_listing_ && claimed_.empty();
        if (listing) {
            listing_ = true;
            touched_.clear();
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
        next_space_ = now + kSpaceInterval;
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
    if (!health_changed) return;
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
    status.rate_up = rate_up_;
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
        consider(std::chrono::duration_cast<Millis>(next_listing_ - now) + Millis(1));
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

// --- folders -----------------------------------------------------------------------------------------------------------

Result<bool> Lane::run_directories(const std::stop_token& stop) {
    ORACX_TRY(std::vector<DirectoryJob> jobs, env_.catalog.due_directories(id_, env_.clock.wall(), 4096));
    const auto unclear = [](const DirectoryJob& job) { return !job.row.intent_key.empty(); };
    std::stable_partition(jobs.begin(), jobs.end(), unclear);
    folders_unclear_ = !jobs.empty() && unclear(jobs.front());
    if (folders_unclear_) jobs.erase(std::find_if_not(jobs.begin(), jobs.end(), unclear), jobs.end());
    bool did = false;
    for (const DirectoryJob& job : jobs) {
        if (stop.stop_requested()) return fail(Errc::cancelled, "replicate folders");
        ORACX_TRY(const bool more, run_directory(job, stop));
        did = true;
        if (!more) break;
    }
    if (did && env_.on_health) env_.on_health(id_);  // somebody may wait for the folders
    return did;
}

// False when the provider failed as a whole.
Result<bool> Lane::run_directory(const DirectoryJob& job, const std::stop_token& stop) {
    DirectoryRow row = job.row;
    Status result;
    if (!row.intent_key.empty()) {
        // A move was begun and its end is not known: where is the folder?
        const auto target = provider_->stat(context(stop), row.intent_key);
        const auto source = provider_->stat(context(stop), row.key);
        const auto unclear = [](const auto& seen) { return !seen && seen.error().code != Errc::not_found; };
        if (unclear(target) || unclear(source)) {
            result = fail(unclear(target) ? target.error() : source.error());
        } else if (target && target->is_directory && !source) {
            ORACX_TRYV(env_.catalog.record_directory_move(row.node, id_, row.key, row.intent_key));
            ORACX_TRYV(env_.catalog.make_due(id_, env_.clock.wall()));
            return true;
        } else {
            row.intent_key.clear();
            row.due = env_.clock.wall();
            ORACX_TRYV(env_.catalog.record_directory(row));
            return true;
        }
    } else if (!row.wanted) {
        touch(row.key);
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
        touch(job.want_key);
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
        touch(row.key);
        touch(job.want_key);
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
            if (const auto there = provider_->stat(context(stop), job.want_key); there && !there->is_directory)
                ORACX_TRYV(clear_way(job.want_key, stop));
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

// --- foreign changes ---------------------------------------------------------------------------------------------------

void Lane::touch(const std::string& key) {
    const std::lock_guard lock(mutex_);
    if (listing_) touched_.push_back(key);
}

Status Lane::forget_own(std::map<std::string, RemoteObject>& strangers, const std::vector<Catalog::KnownObject>& known) {
    if (strangers.empty()) return {};
    ORACX_TRY(std::vector<std::string> own, env_.catalog.begun_keys(id_));
    {
        const std::lock_guard lock(mutex_);
        own.insert(own.end(), touched_.begin(), touched_.end());
    }
    const auto is_below = [](std::string_view key, std::string_view directory) {
        return key.size() > directory.size() && key[directory.size()] == '/' && key.starts_with(directory);
    };
    const auto is_own = [&](const std::string& key) {
        return std::any_of(own.begin(), own.end(), [&](const std::string& mine) {
            return mine == key || is_below(key, mine) || is_below(mine, key);
        });
    };
    // A put makes the folders above it, before they have rows of their own.
    const auto holds_known = [&](const std::string& directory) {
        const auto below = std::lower_bound(known.begin(), known.end(), directory + "/",
                                            [](const auto& row, const std::string& key) { return row.key < key; });
        return below != known.end() && is_below(below->key, directory);
    };
    // Empty folders can also be left over from our own moves and removals: they count as somebody's only when nothing of
    // ours is still on its way.
    ORACX_TRY(const auto due, env_.catalog.next_due(id_));
    const auto holds_file = [&](const std::string& directory) {
        for (auto below = strangers.upper_bound(directory + "/"); below != strangers.end() && is_below(below->first, directory); ++below)
            if (!below->second.is_directory) return true;
        return false;
    };
    std::vector<std::string> drop;
    for (const auto& [key, object] : strangers)
        if (is_own(key) || (object.is_directory && (holds_known(key) || (due && !holds_file(key))))) drop.push_back(key);
    for (const std::string& key : drop) strangers.erase(key);
    return {};
}

Status Lane::reconcile(const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(listing_, true)) touched_.clear();
    }
    const std::shared_ptr<void> ended(nullptr, [this](void*) {
        const std::lock_guard lock(mutex_);
        listing_ = false;
        touched_.clear();
    });
    ORACX_TRY(std::vector<Catalog::KnownObject> known, env_.catalog.known_objects(id_));
    std::vector<bool> seen(known.size());
    std::map<std::string, RemoteObject> strangers;
    std::vector<std::size_t> changed;
    std::string cursor;
    do {
        auto page = provider_->list(context(stop), "", cursor);
        if (!page) {
            if (concerns_provider(page.error().code)) provider_failed(page.error());
            return fail(page.error());
        }
        for (RemoteObject& object : page->entries) {
            const auto found = std::lower_bound(known.begin(), known.end(), object.key,
                                                [](const auto& row, const std::string& key) { return row.key < key; });
            if (found != known.end() && found->key == object.key) {
                const auto index = static_cast<std::size_t>(found - known.begin());
                seen[index] = true;
                if (!found->directory && !object.is_directory && found->remote_rev != object.rev &&
                    (found->state == ReplicaState::stored || found->state == ReplicaState::verified))
                    changed.push_back(index);
            } else {
                strangers.emplace(object.key, std::move(object));
            }
        }
        for (const RemoteObject& leftover : page->leftovers) {
            if (!base_name(leftover.key).starts_with(".oracxfs-" + env_.instance + "-")) continue;
            const std::lock_guard lock(mutex_);
            orphans_checked_ = false;  // one of ours: its session tells whether it is still needed
        }
        cursor = page->next;
    } while (!cursor.empty());

    const auto recheck = [&](std::size_t i) -> Result<std::optional<ReplicaJob>> {
        ORACX_TRY(const auto job, env_.catalog.replica_job(known[i].version, id_));
        // Only what is settled now as it was when the listing began is news.
        if (!job || !job->wanted || job->row.key != known[i].key || job->row.remote_rev != known[i].remote_rev ||
            !job->row.intent_key.empty())
            return std::optional<ReplicaJob>();
        return std::optional<ReplicaJob>(*job);
    };
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (seen[i]) continue;
        if (known[i].directory) {
            const auto node = env_.catalog.find(known[i].key);
            if (!node || !*node || (*node)->kind != NodeKind::directory) continue;
            const auto there = provider_->stat(context(stop), known[i].key);
            if (there || there.error().code != Errc::not_found) continue;
            DirectoryRow row;
            row.node = (*node)->id;
            row.provider = id_;
            row.due = env_.clock.wall() + env_.options.heal_after;
            ORACX_TRYV(env_.catalog.record_directory(row));
            continue;
        }
        if (known[i].state != ReplicaState::stored && known[i].state != ReplicaState::verified) continue;
        Claim claim(*this);
        if (!claim.add(known[i].version)) continue;
        ORACX_TRY(const auto job, recheck(i));
        if (!job) continue;
        const auto there = provider_->stat(context(stop), known[i].key);
        if (there || there.error().code != Errc::not_found) continue;
        event("warning", "missing", job->want_key, std::string(info(Errc::not_found).e_code),
              "was removed outside of oracxfs; it is put back");
        Outcome outcome = after_verify(*job, fail(Errc::not_found, "listing", "the file is gone"), env_.clock.wall(), retry_times());
        for (ReplicaChange& change : outcome.changes) change.row.due = env_.clock.wall() + env_.options.heal_after;
        ORACX_TRYV(finish(*job, std::move(outcome)));
    }
    for (const std::size_t i : changed) {
        Claim claim(*this);
        if (!claim.add(known[i].version)) continue;
        ORACX_TRY(const auto job, recheck(i));
        if (!job) continue;
        const auto there = provider_->stat(context(stop), known[i].key);
        if (!there || there->rev == known[i].remote_rev) continue;
        ORACX_TRY(const ContentDigests digests, env_.catalog.digests(known[i].version));
        const Status same = provider_->verify(context(stop), *there, digests);
        ReplicaJob now_there = *job;
        now_there.row.remote_rev = there->rev;
        now_there.row.remote_mtime_ns = there->mtime_ns;
        if (!same && same.error().code == Errc::corrupt)
            event("warning", "changed", job->want_key, std::string(info(Errc::corrupt).e_code),
                  "was changed outside of oracxfs; the changed file goes to the trash folder and the good copy is put back");
        ORACX_TRYV(finish(*job, after_verify(now_there, same, env_.clock.wall(), retry_times())));
    }

    // New names are adopted when they look the same in two listings in a row: they may still be growing.
    ORACX_TRYV(forget_own(strangers, known));
    std::vector<RemoteObject> adopt;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, object] : strangers) {
            const auto before = strangers_.find(key);
            const bool settled = before != strangers_.end() && before->second.rev == object.rev;
            if (settled || env_.options.adopt_at_first_sight) adopt.push_back(object);
        }
        strangers_ = std::move(strangers);
    }
    if (env_.on_foreign)
        for (const RemoteObject& object : adopt) env_.on_foreign(id_, object);
    return {};
}

}  // namespace oracxfs
