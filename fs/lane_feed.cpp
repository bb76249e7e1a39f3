// Lane: what others did at a provider that tells of changes itself.
//
// The feed tells of our own changes as well, and of each at some time after it. So nothing is concluded from what it says:
// a change makes its key a suspect, and each suspect is held against the catalogue, then looked at where it is. What can't
// be decided now (we are just working there) stays a suspect. The position in the feed is kept in the catalogue only when no
// suspect is left, so that a crash forgets none.

#include <algorithm>

#include "base/log.h"
#include "fs/lane_claim.h"

namespace oracxfs {
namespace {

// The feed echoes our own uploads: while there are many, one after the other, it is read less often.
constexpr Millis kGap{1'000};
constexpr Millis kBusyGap{10'000};
constexpr Millis kQuiet{2'000};
constexpr Millis kSuspectPause{1'000};
constexpr Millis kSuspectPauseMax{60'000};
constexpr Millis kAdoptionPauseMax{1'800'000};
constexpr std::size_t kSuspectsAtOnce = 256;

std::string folded(std::string_view key) {
    std::string out(key);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace

SteadyTime Lane::next_reading() const {
    const SteadyTime latest = feed_.last_reading + kBusyGap;
    return claimed_.empty() ? std::min(latest, std::max(feed_.last_reading + kGap, worked_ + kQuiet)) : latest;
}

SteadyTime Lane::next_look() const {
    SteadyTime next = next_listing_;
    if (!provider_->capabilities().change_feed) return next;
    if (feed_.rang) next = std::min(next, next_reading());
    if (feed_.list || feed_.position.empty()) next = std::min(next, feed_.next_listing);
    for (const auto& [key, suspect] : feed_.suspects)
        if (!suspect.handed_over) next = std::min(next, suspect.next);
    return next;
}

Result<bool> Lane::run_feed(const std::stop_token& stop) {
    ORACX_TRYV(save_feed());
    const SteadyTime now = env_.clock.steady();
    bool read = false, list = false;
    {
        const std::lock_guard lock(mutex_);
        if (now < next_look()) return false;
        const bool poll = now >= next_listing_ || (feed_.rang && now >= next_reading());
        read = poll && !feed_.position.empty();
        if (poll) next_listing_ = now + provider_->capabilities().poll_interval;
    }
    const auto trouble = [&](const Status& status) {
        if (!status && status.error().code != Errc::cancelled)
            log::warn("lane", name_ + ": looking for changes failed: " + status.error().to_string());
        return !status;
    };
    if (read && trouble(read_feed(stop))) return true;
    {
        const std::lock_guard lock(mutex_);
        list = (feed_.list || feed_.position.empty()) && now >= feed_.next_listing;
        // What we are working on now would be taken for changes.
        if (list && !claimed_.empty()) {
            feed_.next_listing = now + kSuspectPause;
            list = false;
        }
    }
    if (list && trouble(list_for_feed(stop))) return true;
    ORACX_TRY(const bool examined, examine_suspects(stop));
    ORACX_TRYV(save_feed());
    return read || list || examined;
}

Status Lane::read_feed(const std::stop_token& stop) {
    for (bool more = true; more;) {
        std::string position;
        bool unread = false;
        {
            const std::lock_guard lock(mutex_);
            position = feed_.position;
            feed_.rang = false;
            unread = unread_changes_;
            unread_changes_ = !working_.empty();
        }
        const auto page = provider_->changes(context(stop), position);
        if (!page && page.error().code == Errc::changed) {
            log::info("lane", name_ + ": the change feed begins anew: " + page.error().to_string());
            const std::lock_guard lock(mutex_);
            feed_.position.clear();
            return {};
        }
        if (!page) {
            {
                const std::lock_guard lock(mutex_);
                unread_changes_ = unread_changes_ || unread;  // what we changed ourselves has still to be read
            }
            if (concerns_provider(page.error().code)) provider_failed(page.error());
            return fail(page.error());
        }
        ORACX_TRYV(suspect(*page));
        more = page->more;
        const std::lock_guard lock(mutex_);
        feed_.position = page->next;
    }
    {
        const std::lock_guard lock(mutex_);
        feed_.last_reading = env_.clock.steady();
        feed_.readings += 1;
        if (feed_.watched) next_listing_ = feed_.last_reading + kLaneWatchedInterval;
    }
    feed_.read.notify_all();
    return {};
}

void Lane::suspect(const std::string& key, Suspect suspect) {
    suspect.next = env_.clock.steady();
    const std::lock_guard lock(mutex_);
    Suspect& entry = feed_.suspects[key];
    suspect.handed_over = entry.handed_over;
    suspect.untold = suspect.untold || entry.untold;
    entry = std::move(suspect);
}

void Lane::forget_suspects_below(const std::string& directory) {
    const std::string prefix = directory + "/";
    const std::lock_guard lock(mutex_);
    for (auto entry = feed_.suspects.lower_bound(prefix); entry != feed_.suspects.end() && entry->first.starts_with(prefix);)
        entry = entry->second.handed_over ? std::next(entry) : feed_.suspects.erase(entry);
}

Status Lane::suspect(const ChangePage& page) {
    ORACX_TRY(const std::vector<std::string> own, keys_in_work());
    std::map<std::string, const Change*, std::less<>> by_id;  // whose key, or former key, is to be found
    std::map<std::string, std::string, std::less<>> by_fold;  // gone, under a key that we write in another case
    std::map<std::string_view, const Change*> last;  // an object may be told several times
    for (const Change& change : page.changes) last[change.object.id] = &change;
    bool list = false;
    for (const Change& change : page.changes) {
        const std::string& key = change.object.key;
        if (key.empty()) {
            list = list || change.object.id.empty();
            by_id[change.object.id] = &change;
            continue;
        }
        if (!concerns_key(own, key)) {
            ORACX_TRY(const auto known, env_.catalog.objects_at(id_, key));
            const auto same = std::find_if(known.begin(), known.end(), [&](const auto& object) {
                return object.key == key && (object.directory || object.remote_id == change.object.id);
            });
            // As we left it: no news, and not to be taken for news about another one of that name.
            if (provider_->capabilities().duplicate_names && !change.gone && same != known.end() && !same->directory &&
                same->remote_rev == change.object.rev)
                continue;
            if (change.gone) {
                if (known.empty() && provider_->capabilities().case_insensitive) by_fold.emplace(folded(key), key);
            } else if (same == known.end() && !change.object.is_directory && !change.object.id.empty() &&
                       last.at(change.object.id) == &change) {
                by_id[change.object.id] = &change;  // was it somewhere else before?
            }
        }
        if (change.gone) forget_suspects_below(key);  // with the folder
        Suspect one;
        one.seen = change.object;
        one.gone = change.gone;
        one.untold = change.untold;
        suspect(key, std::move(one));
    }
    std::vector<std::string> gone;
    if (!by_id.empty() || !by_fold.empty()) {
        std::map<std::string, bool, std::less<>> found;
        ORACX_TRYV(env_.catalog.visit_files(id_, [&](const Catalog::KnownObject& known) {
            if (const auto one = by_id.find(known.remote_id); one != by_id.end()) {
                found[one->first] = true;
                if (known.key != one->second->object.key) gone.push_back(known.key);
            }
            if (by_fold.empty()) return;
            const std::string fold = folded(known.key);
            for (std::string_view at = fold; !at.empty(); at = parent_key(at))
                if (by_fold.contains(at)) gone.push_back(known.key.substr(0, at.size()));
        }));
        for (const auto& [id, change] : by_id)
            list = list || (change->gone && change->untold && !found.contains(id));
    }
    std::sort(gone.begin(), gone.end());
    gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
    for (const std::string& key : gone) {
        Suspect one;
        one.seen.key = key;
        one.gone = true;
        suspect(key, std::move(one));
    }
    if (!list) return {};
    const std::lock_guard lock(mutex_);
    feed_.list = true;
    return {};
}

Status Lane::list_for_feed(const std::stop_token& stop) {
    const SteadyTime begun = env_.clock.steady();
    bool anew = false;
    {
        const std::lock_guard lock(mutex_);
        anew = feed_.position.empty();
    }
    std::string position;
    if (anew) {
        // From before the listing on: what happens meanwhile is told the next time.
        const auto begin = provider_->changes(context(stop), "");
        if (!begin) {
            if (concerns_provider(begin.error().code)) provider_failed(begin.error());
            const std::lock_guard lock(mutex_);
            feed_.next_listing = env_.clock.steady() + provider_->capabilities().poll_interval;
            return fail(begin.error());
        }
        position = begin->next;
    }
    const Status listed = reconcile(stop);
    const SteadyTime end = env_.clock.steady();
    const auto took = std::chrono::duration_cast<Millis>(end - begun);
    {
        const std::lock_guard lock(mutex_);
        // A listing that takes long comes rarely: at most a twentieth of the time goes into looking.
        feed_.next_listing = end + (listed ? took * 20 : std::max(provider_->capabilities().poll_interval, took * 20));
        if (!listed) return listed;
        feed_.list = false;
        if (!anew) return {};
        feed_.position = position;
        feed_.readings += 1;
        next_listing_ = end + provider_->capabilities().poll_interval;
    }
    feed_.read.notify_all();
    return {};
}

// --- suspects ----------------------------------------------------------------------------------------------------------

Result<bool> Lane::examine_suspects(const std::stop_token& stop) {
    const SteadyTime now = env_.clock.steady();
    std::vector<std::pair<std::string, Suspect>> due;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [key, suspect] : feed_.suspects) {
            if (due.size() == kSuspectsAtOnce) break;
            if (!suspect.handed_over && suspect.next <= now) due.emplace_back(key, suspect);
        }
    }
    if (due.empty()) return false;
    ORACX_TRY(const std::vector<std::string> own, keys_in_work());
    for (const auto& [key, suspect] : due) {
        if (stop.stop_requested()) return fail(Errc::cancelled, "look for changes");
        const auto verdict = examine(key, suspect, own, stop);
        if (!verdict && verdict.error().code == Errc::cancelled) return fail(verdict.error());
        if (!verdict) log::info("lane", name_ + ": " + key + ": " + verdict.error().to_string());
        {
            const std::lock_guard lock(mutex_);
            const auto entry = feed_.suspects.find(key);
            if (entry == feed_.suspects.end()) continue;  // taken over already
            if (verdict && *verdict == Verdict::list) feed_.list = true;
            if (verdict && *verdict != Verdict::later) {
                feed_.suspects.erase(entry);
                continue;
            }
            if (entry->second.handed_over) continue;
            entry->second.next = env_.clock.steady() + growing_pause(kSuspectPause, entry->second.attempts++, kSuspectPauseMax);
        }
        if (!verdict && concerns_provider(verdict.error().code)) {
            provider_failed(verdict.error());
            return true;
        }
    }
    return true;
}

Result<Lane::Verdict> Lane::examine(const std::string& key, const Suspect& suspect, const std::vector<std::string>& own,
                                    const std::stop_token& stop) {
    if (concerns_key(own, key)) return Verdict::later;
    ORACX_TRY(const std::vector<Catalog::KnownObject> known, env_.catalog.objects_at(id_, key));
    auto at = std::find_if(known.begin(), known.end(), [&](const auto& object) {
        return object.key == key && !object.remote_id.empty() && object.remote_id == suspect.seen.id;
    });
    if (at == known.end()) at = std::find_if(known.begin(), known.end(), [&](const auto& object) { return object.key == key; });
    if (suspect.gone) return known.empty() ? Verdict::settled : examine_gone(key, known, stop);
    if (at == known.end()) return examine_stranger(key, suspect, known, stop);
    if (at->directory) return suspect.seen.is_directory ? Verdict::settled : examine_gone(key, known, stop);
    if (suspect.seen.is_directory) return note_missing(*at, false, stop);  // a folder stands in its place
    if (at->remote_rev == suspect.seen.rev) return Verdict::settled;       // as we left it
    if (is_twin(*at, suspect.seen)) return note_twin(*at, suspect.seen, stop);
    return note_changed(*at, stop);
}

Result<Lane::Verdict> Lane::examine_gone(const std::string& key, const std::vector<Catalog::KnownObject>& known,
                                         const std::stop_token& stop) {
    const auto there = provider_->stat(context(stop), key);
    if (!there && there.error().code != Errc::not_found) return fail(there.error());
    if (there && there->is_directory && known.size() > 1) return Verdict::list;  // somebody made the folder again
    Verdict all = Verdict::settled;
    for (const Catalog::KnownObject& object : known) {
        // Something is there again, or something else.
        if (there && object.key == key && object.directory == there->is_directory) {
            if (object.directory || object.remote_rev == there->rev) continue;
            ORACX_TRY(const Verdict verdict, note_changed(object, stop));
            if (verdict != Verdict::settled) all = verdict;
            continue;
        }
        ORACX_TRY(const Verdict verdict, note_missing(object, true, stop));
        if (verdict != Verdict::settled) all = verdict;
    }
    return all;
}

Result<Lane::Verdict> Lane::examine_stranger(const std::string& key, const Suspect& suspect,
                                             const std::vector<Catalog::KnownObject>& below, const std::stop_token& stop) {
    // Something has this name in the mount: its own row finds out what is in its way.
    ORACX_TRY(const auto node, env_.catalog.find(key));
    if (node) return Verdict::settled;
    if (suspect.seen.is_directory) {
        if (!below.empty()) return Verdict::settled;  // made by our own uploads
        // Empty ones can be left over from our own moves and removals, while any are still on their way.
        ORACX_TRY(const auto due, env_.catalog.next_due(id_));
        if (due) return Verdict::later;
    }
    RemoteObject object = suspect.seen;
    if (!suspect.confirmed) {
        auto there = provider_->stat(context(stop), key);
        if (!there && there.error().code == Errc::not_found) return Verdict::settled;
        if (!there) return fail(there.error());
        object = std::move(*there);
    }
    if (object.is_directory && suspect.untold) return Verdict::list;
    if (!env_.on_foreign) return Verdict::settled;
    {
        const std::lock_guard lock(mutex_);
        if (ends_) return Verdict::later;
        const auto entry = feed_.suspects.find(key);
        if (entry != feed_.suspects.end()) entry->second.handed_over = true;
    }
    env_.on_foreign(id_, object);
    return Verdict::later;
}

void Lane::adoption_ended(const std::string& key, bool settled) {
    const std::lock_guard lock(mutex_);
    const auto entry = feed_.suspects.find(key);
    if (entry == feed_.suspects.end() || !entry->second.handed_over) return;
    if (settled) {
        feed_.suspects.erase(entry);
        return;
    }
    entry->second.handed_over = false;
    entry->second.confirmed = false;
    entry->second.next = env_.clock.steady() + growing_pause(kSuspectPause, entry->second.attempts++, kAdoptionPauseMax);
}

Status Lane::save_feed() {
    std::string position;
    {
        const std::lock_guard lock(mutex_);
        if (feed_.position == feed_.saved || feed_.list || !feed_.suspects.empty()) return {};
        position = feed_.position;
    }
    ORACX_TRYV(env_.catalog.set_feed_position(id_, position));
    const std::lock_guard lock(mutex_);
    feed_.saved = std::move(position);
    return {};
}

}  // namespace oracxfs
