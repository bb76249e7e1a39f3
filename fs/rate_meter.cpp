#include "fs/rate_meter.h"

#include <algorithm>

namespace oracxfs {

std::int64_t RateMeter::slot_of(SteadyTime at) { return std::chrono::duration_cast<Millis>(at.time_since_epoch()) / kSlot + 1; }

void RateMeter::add(std::uint64_t bytes, SteadyTime now) {
    if (bytes == 0) return;
    const std::int64_t slot = slot_of(now);
    if (last_ == 0 || slot - last_ >= kSlots) begun_ = now;
    last_ = slot;
    const auto at = static_cast<std::size_t>(slot % kSlots);
    if (slots_[at] != slot) bytes_[at] = 0;
    slots_[at] = slot;
    bytes_[at] += bytes;
}

double RateMeter::per_second(SteadyTime now) const {
    const std::int64_t slot = slot_of(now);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < slots_.size(); ++i)
        if (slots_[i] != 0 && slots_[i] > slot - kSlots && slots_[i] <= slot) sum += bytes_[i];
    if (sum == 0) return 0;
    const Millis since = std::chrono::duration_cast<Millis>(now - begun_);
    const Millis over = std::clamp(since, kSlot, Millis(kSlot * kSlots));
    return static_cast<double>(sum) * 1000.0 / static_cast<double>(over.count());
}

}  // namespace oracxfs
