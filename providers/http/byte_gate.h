#pragma once
// A token bucket for bytes that several transfers share. One thread.

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace oracxfs::http {

class ByteGate {
  public:
    // `bytes_per_second` 0: always open.
    ByteGate(std::uint64_t bytes_per_second, SteadyTime now)
        : rate_(static_cast<double>(bytes_per_second)), tokens_(burst()), last_(now) {}

    [[nodiscard]] bool limited() const { return rate_ > 0; }
    [[nodiscard]] bool open() const { return !limited() || tokens_ >= 1; }
    // How much may pass now in one piece.
    [[nodiscard]] std::size_t room(std::size_t wanted) const {
        if (!limited()) return wanted;
        return std::min(wanted, static_cast<std::size_t>(std::max(tokens_, 0.0)));
    }
    // May exceed the room (bytes that have come can't be sent back): then the gate stays closed for longer.
    void take(std::size_t bytes) {
        if (limited()) tokens_ -= static_cast<double>(bytes);
    }
    void refill(SteadyTime now) {
        if (!limited()) return;
        const double seconds = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        tokens_ = std::min(burst(), tokens_ + rate_ * std::max(seconds, 0.0));
    }

  private:
    // A tenth of a second, so that the line is never idle between two looks at the clock.
    [[nodiscard]] double burst() const { return std::max(rate_ / 10, 4096.0); }

    const double rate_;
    double tokens_;
    SteadyTime last_;
};

}  // namespace oracxfs::http
