#include "cache/write_progress.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oracxfs {
namespace {
// A writer that leaves more gaps than this is not nearly sequential. Forgetting a range only means that the prefix stops
// growing there.
constexpr std::size_t kRangesMax = 256;
}  // namespace

void WriteProgress::wrote(std::uint64_t offset, std::uint64_t length) {
    if (length == 0) return;
    if (frozen_) {
        contiguous_ = std::min(contiguous_, offset);
        return;
    }
    if (offset < contiguous_ || (copied_ != 0 && offset < copied_)) return freeze_at(offset);
    if (copied_ != 0 && offset == copied_) contiguous_ = std::exchange(copied_, 0);
    if (offset > contiguous_) return remember(offset, offset + length);

    contiguous_ = offset + length;
    while (!ahead_.empty() && ahead_.begin()->first <= contiguous_) {
        contiguous_ = std::max(contiguous_, ahead_.begin()->second);
        ahead_.erase(ahead_.begin());
    }
}

void WriteProgress::truncated(std::uint64_t size) {
    if (size == 0) {
        *this = WriteProgress();
        return;
    }
    if (size < contiguous_) return freeze_at(size);
    copied_ = std::min(copied_, size);
    ahead_.erase(ahead_.lower_bound(size), ahead_.end());
    if (!ahead_.empty()) {
        auto& last = std::prev(ahead_.end())->second;
        last = std::min(last, size);
    }
}

void WriteProgress::sealed(std::uint64_t size) {
    contiguous_ = size;
    frozen_ = true;
    ahead_.clear();
}

void WriteProgress::freeze_at(std::uint64_t offset) {
    frozen_ = true;
    contiguous_ = std::min(contiguous_, offset);
    copied_ = 0;
    ahead_.clear();
}

void WriteProgress::remember(std::uint64_t begin, std::uint64_t end) {
    // Swallows every range that it overlaps or touches.
    auto at = ahead_.upper_bound(begin);
    if (at != ahead_.begin() && std::prev(at)->second >= begin) --at;
    while (at != ahead_.end() && at->first <= end) {
        begin = std::min(begin, at->first);
        end = std::max(end, at->second);
        at = ahead_.erase(at);
    }
    if (ahead_.size() < kRangesMax) ahead_.emplace(begin, end);
}

}  // namespace oracxfs
