#pragma once
// Is a provider fit for work? One circuit breaker a provider.
//
//   closed   work goes on
//   suspect  one call failed as a whole; it is probed at once, nobody counts it as down yet
//   open     a probe failed too: down. Probed again with growing pauses; a success closes it
//
// Not thread-safe: its lane guards it.

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "cache/catalog.h"

namespace oracxfs {

struct BreakerTimes {
    Millis probe_pause_min{500};
    Millis probe_pause_max{8'000};
    Millis auth_probe_pause{300'000};
    Millis full_probe_pause{60'000};
    std::uint64_t seed = 0;
};

class Breaker {
  public:
    explicit Breaker(const BreakerTimes& times) : times_(times) {}

    void work_failed(const Error& error, SteadyTime now);   // a call failed for a reason that concerns the provider
    void work_succeeded();                                  // resets the counter of suspicions
    void probe_failed(const Error& error, SteadyTime now);
    void probe_succeeded(SteadyTime now);
    void probe_at_once(SteadyTime now);                     // forget the pause (configuration changed, a user asks)

    [[nodiscard]] bool may_work() const { return mode_ == Mode::closed; }
    // Full providers still remove and move.
    [[nodiscard]] bool may_tidy() const { return mode_ == Mode::closed || (mode_ == Mode::open && state_ == ProviderState::full); }
    [[nodiscard]] bool down() const { return mode_ == Mode::open; }
    [[nodiscard]] std::optional<SteadyTime> probe_due() const;  // nothing when closed
    [[nodiscard]] ProviderState state() const { return mode_ == Mode::open ? state_ : ProviderState::active; }
    [[nodiscard]] const Error& reason() const { return reason_; }

  private:
    enum class Mode : std::uint8_t { closed, suspect, open };
    void open(const Error& error, SteadyTime now);

    BreakerTimes times_;
    Mode mode_ = Mode::closed;
    ProviderState state_ = ProviderState::active;
    Error reason_;
    SteadyTime probe_due_{};
    std::uint32_t failures_ = 0;    // failed probes in a row
    std::uint32_t suspicions_ = 0;  // failures since the last successful work
};

// offline, auth_needed, blocked or full; degraded for throttling.
ProviderState state_for(Errc code);

}  // namespace oracxfs
