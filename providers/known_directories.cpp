#include "providers/known_directories.h"

#include "providers/provider.h"

namespace oracxfs {
namespace {

constexpr std::size_t kKnownDirectoriesMax = 20'000;

}  // namespace

bool KnownDirectories::contains(std::string_view key) const {
    if (key.empty()) return true;
    const std::lock_guard lock(mutex_);
    return keys_.contains(key);
}

void KnownDirectories::add(std::string_view key) {
    const std::lock_guard lock(mutex_);
    if (keys_.size() > kKnownDirectoriesMax) keys_.clear();
    for (; !key.empty() && !keys_.contains(key); key = parent_key(key)) keys_.emplace(key);
}

void KnownDirectories::forget(std::string_view key) {
    const std::lock_guard lock(mutex_);
    if (key.empty()) {
        keys_.clear();
        return;
    }
    if (const auto self = keys_.find(key); self != keys_.end()) keys_.erase(self);
    const std::string below = std::string(key) + "/";
    auto it = keys_.lower_bound(below);
    while (it != keys_.end() && it->starts_with(below)) it = keys_.erase(it);
}

}  // namespace oracxfs
