#pragma once
// A wait on a condition that ends with the caller's stop and deadline.

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "base/op_context.h"
#include "providers/wait.h"

namespace oracxfs::http {

// True once `ready()`; false when the call is no longer wanted (still_wanted() says why). A deadline by another clock than
// the system's is looked at ten times a second.
template <class Ready>
bool wait_while_wanted(std::condition_variable_any& changed, std::unique_lock<std::mutex>& lock, const OpContext& ctx,
                       const Clock& clock, Ready ready) {
    constexpr Millis kLook{100};
    if (!ctx.deadline) return changed.wait(lock, ctx.stop, ready);
    while (!ready()) {
        if (!still_wanted(ctx, clock)) return false;
        const auto left = std::chrono::ceil<Millis>(*ctx.deadline - clock.steady());
        changed.wait_for(lock, ctx.stop, std::min(left, kLook), ready);
    }
    return true;
}

}  // namespace oracxfs::http
