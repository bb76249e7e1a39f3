#pragma once
// How fast bytes went lately, for people to look at. Not thread-safe.

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace oracxfs {

class RateMeter {
  public:
    void add(std::uint64_t bytes, SteadyTime now);
    // Bytes a second over the last four seconds, or since the bytes began to flow if that was later; 0 when none came.
    [[nodiscard]] double per_second(SteadyTime now) const;

  private:
    static constexpr Millis kSlot{500};
    static constexpr std::int64_t kSlots = 8;

    [[nodiscard]] static std::int64_t slot_of(SteadyTime at);

    std::array<std::uint64_t, kSlots> bytes_{};
    std::array<std::int64_t, kSlots> slots_{};  // which stretch of time each count is of
    SteadyTime begun_;                          // of the bytes that flow without a gap of all slots
    std::int64_t last_ = 0;
};

}  // namespace oracxfs
