// Lane: what others did at the provider, found by comparing listings.

#include <algorithm>

#include "base/crash_point.h"
#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {

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

Status Lane::look_around(const std::stop_token& stop) {
    if (!provider_->capabilities().change_feed) return reconcile(stop);
    const auto without_listing = [this](Status status) {
        const std::lock_guard lock(mutex_);
        listing_ = false;
        touched_.clear();
        return status;
    };
    bool quiet = !feed_.empty() && strangers_.empty();  // what is new must be seen twice
    while (!feed_.empty()) {
        const auto page = provider_->changes(context(stop), feed_);
        if (!page && page.error().code == Errc::changed) {  // too old
            feed_.clear();
            quiet = false;
            break;
        }
        if (!page) {
            if (concerns_provider(page.error().code)) provider_failed(page.error());
            return without_listing(fail(page.error()));
        }
        quiet &= page->changes.empty();
        feed_ = page->next;
        if (!page->more) break;
    }
    if (quiet) return without_listing({});
    if (feed_.empty()) {
        // From before the listing on: what happens meanwhile is told the next time.
        if (const auto begin = provider_->changes(context(stop), "")) feed_ = begin->next;
    }
    const Status reconciled = reconcile(stop);
    if (!reconciled) feed_.clear();
    return reconciled;
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
                // A folder where a file was, or the other way round: ours is gone.
                if (found->directory != object.is_directory) continue;
                const auto index = static_cast<std::size_t>(found - known.begin());
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

    const auto recheck = [&](std::size_t i) -> Result<std::optional<ReplicaJob>> {
        ORACX_TRY(const auto job, env_.catalog.replica_job(known[i].version, id_));
        // Only what is settled now as it was when the listing began is news.
        if (!job || !job->wanted || job->row.key != known[i].key || job->row.remote_rev != known[i].remote_rev ||
            !job->row.intent_key.empty())
            return std::optional<ReplicaJob>();
        return std::optional<ReplicaJob>(*job);
    };
    const auto is_gone = [&](const Catalog::KnownObject& object) {
        const auto there = provider_->stat(context(stop), object.key);
        return there ? there->is_directory != object.directory : there.error().code == Errc::not_found;
    };
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (seen[i]) continue;
        if (known[i].directory) {
            const auto node = env_.catalog.find(known[i].key);
            if (!node || !*node || (*node)->kind != NodeKind::directory) continue;
            if (!is_gone(known[i])) continue;
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
        if (!is_gone(known[i])) continue;
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
        now_there.row.remote_id = there->id;
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
