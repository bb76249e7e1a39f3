#include "fs/breaker.h"

#include <algorithm>

namespace oracxfs {

ProviderState state_for(Errc code) {
    switch (code) {
        case Errc::unauthenticated:
        case Errc::denied: return ProviderState::auth_needed;
        case Errc::host_key_unknown:
        case Errc::host_key_changed:
        case Errc::config: return ProviderState::blocked;
        case Errc::quota_full: return ProviderState::full;
        case Errc::throttled: return ProviderState::degraded;
        default: return ProviderState::offline;
    }
}

namespace {
// A probe that succeeds although work keeps failing would make a busy loop; after so many rounds it counts as down.
constexpr std::uint32_t kSuspicionsMax = 5;
// A peer that wants to be left alone for longer is down for that time: nobody's close() sits it out.
constexpr Millis kPatience{10'000};
}  // namespace

void Breaker::work_failed(const Error& error, SteadyTime now) {
    if (mode_ == Mode::open) return;
    reason_ = error;
    // Calls that were under way together fail together: that is one suspicion, not many.
    const bool known = mode_ == Mode::suspect;
    if (!known) suspicions_ += 1;
    const bool certain = error.code == Errc::quota_full || error.code == Errc::unauthenticated ||
                         error.code == Errc::host_key_changed || error.code == Errc::host_key_unknown ||
                         error.retry_after.value_or(Millis(0)) > kPatience;
    if (certain || suspicions_ > kSuspicionsMax) return open(error, now);
    const SteadyTime due = now + error.retry_after.value_or(Millis(0));
    probe_due_ = known ? std::max(probe_due_, due) : due;
    mode_ = Mode::suspect;
}

void Breaker::work_succeeded() {
    if (mode_ == Mode::closed) suspicions_ = 0;
}

void Breaker::open(const Error& error, SteadyTime now) {
    mode_ = Mode::open;
    reason_ = error;
    state_ = state_for(error.code);
    Millis pause{};
    switch (state_) {
        case ProviderState::auth_needed:
        case ProviderState::blocked: pause = times_.auth_probe_pause; break;
        case ProviderState::full: pause = times_.full_probe_pause; break;
        default: {
            const std::uint32_t shift = std::min<std::uint32_t>(failures_, 16);
            pause = std::min(times_.probe_pause_max, times_.probe_pause_min * (1 << shift));
            // Jitter keeps many clients of one server from coming back in step.
            const std::uint64_t x = (times_.seed + failures_) * 0x9E3779B97F4A7C15ull;
            pause -= Millis(static_cast<std::int64_t>((x >> 33) % static_cast<std::uint64_t>(pause.count() / 4 + 1)));
        }
    }
    failures_ += 1;
    probe_due_ = now + std::max(pause, error.retry_after.value_or(Millis(0)));
}

void Breaker::probe_failed(const Error& error, SteadyTime now) { open(error, now); }

void Breaker::probe_succeeded(SteadyTime now) {
    // Space may still be short: a full provider is closed again and finds out with the next upload.
    mode_ = Mode::closed;
    failures_ = 0;
    if (suspicions_ > kSuspicionsMax) suspicions_ = kSuspicionsMax;  // the next failure opens at once
    (void)now;
}

void Breaker::probe_at_once(SteadyTime now) {
    if (mode_ == Mode::closed) return;
    probe_due_ = now;
    failures_ = 0;
}

std::optional<SteadyTime> Breaker::probe_due() const {
    if (mode_ == Mode::closed) return std::nullopt;
    return probe_due_;
}

}  // namespace oracxfs
