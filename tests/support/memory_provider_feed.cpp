// MemoryProvider: its change feed.

#include <algorithm>

#include "providers/wait.h"
#include "tests/support/memory_number.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
// --- the change feed ---

void MemoryProvider::tell(Change change) {
    if (!options_.change_feed || is_internal_name(base_name(change.object.key))) return;
    feed_.push_back(std::move(change));
    told_.notify_all();
}

void MemoryProvider::tell_of(const RemoteObject& object) {
    Change change;
    change.object = object;
    change.untold = options_.feed_by_id && object.is_directory;
    tell(std::move(change));
}

void MemoryProvider::tell_gone(const RemoteObject& object, bool by_us) {
    Change change;
    change.gone = true;
    if (!options_.feed_by_id) {
        change.object.key = object.key;
    } else {
        if (object.is_directory && by_us) return;
        change.object.id = object.id;
        change.object.is_directory = object.is_directory;
        change.untold = object.is_directory;
    }
    tell(std::move(change));
}

// "<age> <number of changes before it>"
Result<std::size_t> MemoryProvider::place_in_feed(const std::string& cursor) const {
    const std::size_t space = cursor.find(' ');
    if (space == std::string::npos || number_in(cursor) != feed_age_) return fail(Errc::changed, "read changes", "too old");
    return number_in(cursor.substr(space + 1));
}

Result<ChangePage> MemoryProvider::changes(const OpContext& ctx, const std::string& cursor) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    if (!options_.change_feed) return Provider::changes(ctx, cursor);
    const std::lock_guard lock(mutex_);
    std::size_t at = feed_.size();
    if (!cursor.empty()) {
        ORACX_TRY(at, place_in_feed(cursor));
    }
    ChangePage page;
    // Ids are told once, with what became of them last.
    const auto superseded = [&](std::size_t i) {
        return options_.feed_by_id && std::any_of(feed_.begin() + static_cast<std::ptrdiff_t>(i) + 1, feed_.end(), [&](const Change& later) {
            return later.object.id == feed_[i].object.id;
        });
    };
    const auto as_it_is_now = [&](Change change) {
        if (!options_.feed_by_id || change.gone) return change;
        const auto there = std::find_if(objects_.begin(), objects_.end(), [&](const auto& one) { return one.second.remote.id == change.object.id; });
        if (there != objects_.end()) change.object = there->second.remote;
        return change;
    };
    for (; at < feed_.size() && page.changes.size() < options_.feed_page; ++at)
        if (!superseded(at)) page.changes.push_back(as_it_is_now(feed_[at]));
    page.next = std::to_string(feed_age_) + " " + std::to_string(at);
    page.more = at < feed_.size();
    return page;
}

Result<bool> MemoryProvider::wait_for_changes(const OpContext& ctx, const std::string& cursor) {
    ORACX_TRYV(still_wanted(ctx, clock_));
    if (!options_.change_feed || !options_.long_poll) return Provider::wait_for_changes(ctx, cursor);
    std::unique_lock lock(mutex_);
    ++waiting_;
    told_.notify_all();
    const bool news = told_.wait(lock, ctx.stop, [&] {
        const auto place = place_in_feed(cursor);
        return !place || *place < feed_.size();
    });
    --waiting_;
    if (!news) return fail(Errc::cancelled, "wait for changes");
    ORACX_TRYV(place_in_feed(cursor));
    return true;
}

void MemoryProvider::forget_feed() {
    const std::lock_guard lock(mutex_);
    ++feed_age_;
    feed_.clear();
    told_.notify_all();
}

bool MemoryProvider::await_waiting(Millis most) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, most, [&] { return waiting_ > 0; });
}

}  // namespace oracxfs::test
