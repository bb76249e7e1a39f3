#include "providers/google_drive/head_cache.h"

namespace oracxfs::drive {
namespace {

constexpr std::size_t kEntriesMax = 512;
constexpr Millis kAgeMax{30'000};

}  // namespace

void HeadCache::put(const std::string& id, Head head, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_id_.find(id); known != by_id_.end()) {
        known->second->head = std::move(head);
        known->second->at = now;
        entries_.splice(entries_.begin(), entries_, known->second);
        return;
    }
    entries_.push_front({id, std::move(head), now});
    by_id_[id] = entries_.begin();
    if (entries_.size() <= kEntriesMax) return;
    by_id_.erase(entries_.back().id);
    entries_.pop_back();
}

void HeadCache::forget(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto known = by_id_.find(id);
    if (known == by_id_.end()) return;
    entries_.erase(known->second);
    by_id_.erase(known);
}

std::optional<HeadCache::Head> HeadCache::get(const std::string& id, SteadyTime now) const {
    const std::lock_guard lock(mutex_);
    const auto known = by_id_.find(id);
    if (known == by_id_.end() || now - known->second->at > kAgeMax) return std::nullopt;
    return known->second->head;
}

}  // namespace oracxfs::drive
