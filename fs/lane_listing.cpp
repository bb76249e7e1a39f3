// Lane: what others did at the provider, found by comparing listings.

#include <algorithm>

#include "base/crash_point.h"
#include "base/free_memory.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

namespace {

bool is_below(std::string_view key, std::string_view directory) {
    return key.size() > directory.size() && key[directory.size()] == '/' && key.starts_with(directory);
}

}  // namespace

bool concerns_key(const std::vector<std::string>& keys, const std::string& key) {
    return std::any_of(keys.begin(), keys.end(), [&](const std::string& one) {
        return one == key || is_below(key, one) || is_below(one, key);
    });
}

Result<std::vector<std::string>> Lane::keys_in_work() const {
    std::vector<std::string> keys;
    {
        const std::lock_guard lock(mutex_);
        keys.assign(working_.begin(), working_.end());
    }
    // In this order: what ends meanwhile is found in the catalogue.
    for (auto begun : {env_.catalog.begun_keys(id_), env_.catalog.upload_keys(id_)}) {
        if (!begun) return fail(std::move(begun).error());
        keys.insert(keys.end(), std::make_move_iterator(begun->begin()), std::make_move_iterator(begun->end()));
    }
    return keys;
}

Status Lane::forget_own(std::map<std::string, RemoteObject>& strangers, const std::vector<Catalog::KnownObject>& known) {
    if (strangers.empty()) return {};
    ORACX_TRY(std::vector<std::string> own, env_.catalog.begun_keys(id_));
    {
        const std::lock_guard lock(mutex_);
        own.insert(own.end(), touched_.begin(), touched_.end());
    }
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
        if (concerns_key(own, key) || (object.is_directory && (holds_known(key) || (due && !holds_file(key))))) drop.push_back(key);
    for (const std::string& key : drop) strangers.erase(key);
    return {};
}

// Only what is settled now as it was when it was looked up is news. Nothing: it has moved on.
Result<std::optional<ReplicaJob>> Lane::unchanged(const Catalog::KnownObject& known) {
    ORACX_TRY(auto job, env_.catalog.replica_job(known.version, id_));
    if (job && (!job->wanted || job->row.key != known.key || job->row.remote_rev != known.remote_rev || !job->row.intent_key.empty()))
        job.reset();
    return job;
}

// It does not show any more. `surely`: a folder above it is gone.
Result<Lane::Verdict> Lane::note_missing(const Catalog::KnownObject& known, bool surely, const std::stop_token& stop) {
    const auto is_gone = [&]() -> Result<bool> {
        if (surely) return true;
        const auto there = provider_->stat(context(stop), known.key);
        if (!there && there.error().code != Errc::not_found) return fail(there.error());
        return !there || there->is_directory != known.directory;
    };
    if (known.directory) {
        const auto node = env_.catalog.find(known.key);
        if (!node || !*node || (*node)->kind != NodeKind::directory) return Verdict::settled;
        ORACX_TRY(const bool gone, is_gone());
        if (!gone) return Verdict::settled;
        DirectoryRow row;
        row.node = (*node)->id;
        row.provider = id_;
        row.due = env_.clock.wall() + env_.options.heal_after;
        ORACX_TRYV(env_.catalog.record_directory(row));
        return Verdict::settled;
    }
    if (known.state != ReplicaState::stored && known.state != ReplicaState::verified) return Verdict::settled;
    Claim claim(*this);
    if (!claim.add(known.version)) return Verdict::later;
    ORACX_TRY(const auto job, unchanged(known));
    if (!job) return Verdict::settled;
    ORACX_TRY(const bool gone, is_gone());
    if (!gone) return Verdict::settled;
    event("warning", "missing", job->want_key, std::string(info(Errc::not_found).e_code),
          "was removed outside of oracxfs; it is put back");
    Outcome outcome = after_verify(*job, fail(Errc::not_found, "listing", "the file is gone"), env_.clock.wall(), retry_times());
    for (ReplicaChange& change : outcome.changes) change.row.due = env_.clock.wall() + env_.options.heal_after;
    ORACX_TRYV(finish(*job, std::move(outcome)));
    return Verdict::settled;
}

// Something else seems to be there under its name.
Result<Lane::Verdict> Lane::note_changed(const Catalog::KnownObject& known, const std::stop_token& stop) {
    if (known.state != ReplicaState::stored && known.state != ReplicaState::verified) return Verdict::settled;
    Claim claim(*this);
    if (!claim.add(known.version)) return Verdict::later;
    ORACX_TRY(const auto job, unchanged(known));
    if (!job) return Verdict::later;
    const auto there = provider_->stat(context(stop), known.key);
    if (!there && there.error().code != Errc::not_found) return fail(there.error());
    if (!there || there->rev == known.remote_rev) return Verdict::settled;
    ORACX_TRY(const ContentDigests digests, env_.catalog.digests(known.version));
    const Status same = provider_->verify(context(stop), *there, digests);
    ReplicaJob now_there = *job;
    now_there.row.remote_id = there->id;
    now_there.row.remote_rev = there->rev;
    now_there.row.remote_mtime_ns = there->mtime_ns;
    if (!same && same.error().code == Errc::corrupt)
        event("warning", "changed", job->want_key, std::string(info(Errc::corrupt).e_code),
              "was changed outside of oracxfs; the changed file goes to the trash folder and the good copy is put back");
    ORACX_TRYV(finish(*job, after_verify(now_there, same, env_.clock.wall(), retry_times())));
    return Verdict::settled;
}

bool Lane::is_twin(const Catalog::KnownObject& known, const RemoteObject& seen) const {
    return provider_->capabilities().duplicate_names && !known.directory && !seen.is_directory && !known.remote_id.empty() &&
           !seen.id.empty() && seen.id != known.remote_id;
}

// Ours stays what it is; the other one is a file of its own and gets a name of its own.
Result<Lane::Verdict> Lane::note_twin(const Catalog::KnownObject& known, const RemoteObject& twin, const std::stop_token& stop) {
    if (known.state != ReplicaState::stored && known.state != ReplicaState::verified) return Verdict::later;
    {
        Claim claim(*this);
        if (!claim.add(known.version)) return Verdict::later;
        ORACX_TRY(const auto job, unchanged(known));
        if (!job) return Verdict::later;
        ORACX_TRY(const ContentDigests digests, env_.catalog.digests(known.version));
        const Status ours = provider_->verify(context(stop), object_of(job->row, job->size), digests);
        const bool gone = !ours && ours.error().code == Errc::not_found;
        if (!ours && !gone && ours.error().code != Errc::corrupt) return fail(ours.error());
        // What may not be renamed (somebody shared it) stays where it is: asking again changes nothing.
        if (!gone) return keep_elsewhere(twin, stop) || may_work() ? Verdict::settled : Verdict::later;
    }
    return note_changed(known, stop);  // it took our place
}

// What could not be looked at now is looked at again: by the next listing, where there are listings.
Status Lane::look_again(const Catalog::KnownObject& known, bool gone, const Result<Verdict>& verdict) {
    if (verdict && *verdict == Verdict::settled) return {};
    if (!verdict && verdict.error().code == Errc::cancelled) return fail(verdict.error());
    if (!verdict && concerns_provider(verdict.error().code)) {
        provider_failed(verdict.error());
        return fail(verdict.error());
    }
    if (!provider_->capabilities().change_feed) return {};
    Suspect again;
    again.seen.key = known.key;
    again.gone = gone;
    suspect(known.key, std::move(again));
    return {};
}

Status Lane::reconcile(const std::stop_token& stop) {
    {
        const std::lock_guard lock(mutex_);
        if (!std::exchange(listing_, true)) touched_.assign(working_.begin(), working_.end());
    }
    std::size_t compared = 0;
    const std::shared_ptr<void> ended(nullptr, [this, &compared](void*) {
        {
            const std::lock_guard lock(mutex_);
            listing_ = false;
            touched_.clear();
        }
        if (compared >= kManyThings) give_back_free_memory();  // made first, ends last: what was compared is gone by now
    });
    ORACX_TRY(std::vector<Catalog::KnownObject> known, env_.catalog.known_objects(id_));
    compared = known.size();
    std::vector<bool> seen(known.size());
    std::map<std::string, RemoteObject> strangers;
    std::vector<std::size_t> changed;
    std::vector<std::pair<std::size_t, RemoteObject>> twins;
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
                // A folder where a file was, or the other way round: ours is gone.
                if (found->directory != object.is_directory) continue;
                const auto index = static_cast<std::size_t>(found - known.begin());
                if (is_twin(*found, object)) {
                    twins.emplace_back(index, std::move(object));
                    continue;
                }
                seen[index] = true;
                if (!found->directory && found->remote_rev != object.rev &&
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

    for (std::size_t i = 0; i < known.size(); ++i)
        if (!seen[i]) ORACX_TRYV(look_again(known[i], true, note_missing(known[i], false, stop)));
    for (const std::size_t i : changed) ORACX_TRYV(look_again(known[i], false, note_changed(known[i], stop)));
    for (const auto& [i, twin] : twins)
        ORACX_TRYV(look_again(known[i], false, seen[i] ? note_twin(known[i], twin, stop) : note_changed(known[i], stop)));

    if (provider_->capabilities().change_feed) {
        std::vector<std::string> ours;
        {
            const std::lock_guard lock(mutex_);
            ours = touched_;
        }
        for (auto& [key, object] : strangers) {
            Suspect stranger;
            stranger.seen = std::move(object);
            stranger.confirmed = !concerns_key(ours, key);
            suspect(key, std::move(stranger));
        }
        return {};
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
