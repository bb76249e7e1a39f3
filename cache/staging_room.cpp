#include "cache/staging_room.h"

#include <algorithm>

#include "base/log.h"

namespace oracxfs {
namespace {
constexpr std::uint64_t kLookAgainBytes = 64ull << 20;
constexpr Millis kLookAgainAfter{1000};
// Asking for a little at each write would evict at each write.
constexpr std::uint64_t kAskAtLeastBytes = 64ull << 20;

std::string in_mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }
}  // namespace

StagingRoom::StagingRoom(Disk& disk, Clock& clock, const StagingOptions& options)
    : disk_(disk),
      clock_(clock),
      directory_(options.directory),
      max_bytes_(options.max_bytes),
      reserve_bytes_(options.reserve_bytes),
      make_room_(options.make_room) {}

void StagingRoom::set(VersionId version, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& held = files_[version];
    bytes_ = bytes_ - held + bytes;
    held = bytes;
}

void StagingRoom::shrink_to(VersionId version, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(version);
    if (at == files_.end() || at->second <= bytes) return;
    bytes_ -= at->second - bytes;
    at->second = bytes;
}

void StagingRoom::remove(VersionId version) {
    const std::lock_guard lock(mutex_);
    const auto at = files_.find(version);
    if (at == files_.end()) return;
    bytes_ -= at->second;
    files_.erase(at);
}

bool StagingRoom::holds(VersionId version) const {
    const std::lock_guard lock(mutex_);
    return files_.contains(version);
}

std::optional<std::uint64_t> StagingRoom::take(VersionId version, std::uint64_t bytes, Look how) {
    if (bytes == 0) return std::nullopt;
    const std::lock_guard lock(mutex_);
    look(how);
    std::uint64_t lacking = 0;
    const std::uint64_t left = max_bytes_ > bytes_ ? max_bytes_ - bytes_ : 0;
    if (bytes > left) lacking = bytes - left;
    const std::uint64_t usable = free_bytes_ > reserve_bytes_ ? free_bytes_ - reserve_bytes_ : 0;
    const std::uint64_t below_reserve = free_bytes_ < reserve_bytes_ ? reserve_bytes_ - free_bytes_ : 0;
    if (bytes > usable) lacking = std::max(lacking, bytes - usable + below_reserve);
    if (lacking != 0) return lacking;

    files_[version] += bytes;
    bytes_ += bytes;
    free_bytes_ -= bytes;
    taken_since_look_ += bytes;
    return std::nullopt;
}

void StagingRoom::make_room(std::uint64_t lacking) const {
    if (make_room_) make_room_(std::max(lacking, std::min(kAskAtLeastBytes, max_bytes_ / 16)));
}

std::string StagingRoom::describe() const {
    const std::lock_guard lock(mutex_);
    std::string text = "staging holds " + in_mib(bytes_);
    if (max_bytes_ != UINT64_MAX) text += " of " + in_mib(max_bytes_);
    if (looked_at_ && free_bytes_ != UINT64_MAX)
        text += ", the disk has " + in_mib(free_bytes_) + " free, of which " + in_mib(reserve_bytes_) + " are kept free";
    return text;
}

StagingUsage StagingRoom::usage() const {
    StagingUsage usage;
    if (const auto space = disk_.space(directory_)) usage.disk_free_bytes = space->free_bytes;
    const std::lock_guard lock(mutex_);
    usage.bytes = bytes_;
    usage.files = files_.size();
    usage.limit_bytes = max_bytes_;
    return usage;
}

void StagingRoom::look(Look how) {
    const SteadyTime now = clock_.steady();
    if (how == Look::cached && looked_at_ && now - *looked_at_ < kLookAgainAfter &&
        taken_since_look_ < kLookAgainBytes)
        return;
    const auto space = disk_.space(directory_);
    // Not knowing is no reason to refuse: a full disk says so itself.
    free_bytes_ = space ? space->free_bytes : UINT64_MAX;
    if (!space) log::warn("staging", space.error().to_string());
    looked_at_ = now;
    taken_since_look_ = 0;
}

}  // namespace oracxfs
