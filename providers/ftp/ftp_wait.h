#pragma once
// The end of a call's patience, in the forms that this kind needs.

#include <stop_token>

#include "providers/wait.h"

namespace oracxfs::ftp {

// One per call of the provider. `ctx` and `clock` outlive it. Used by the calling thread only.
class CallWait {
  public:
    CallWait(const OpContext& ctx, Clock& clock) : ctx_(ctx), clock_(clock), stop_(ctx, clock) {}

    // cancelled or deadline when the caller no longer wants the call.
    [[nodiscard]] Status check() const { return still_wanted(ctx_, clock_); }
    // Fires on both.
    [[nodiscard]] std::stop_token token() const { return stop_.token(); }
    // Why the token fired.
    [[nodiscard]] Error reason() const { return stop_.reason(Error(Errc::cancelled, "cancelled")); }
    [[nodiscard]] const OpContext& context() const { return ctx_; }
    [[nodiscard]] Clock& clock() const { return clock_; }
    [[nodiscard]] SteadyTime now() const { return clock_.steady(); }

  private:
    const OpContext& ctx_;
    Clock& clock_;
    DeadlineStop stop_;
};

}  // namespace oracxfs::ftp
