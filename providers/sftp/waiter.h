#pragma once
// Waiting for sockets in a way that the caller's stop token and deadline can end at once.

#include <poll.h>

#include <memory>
#include <span>
#include <stop_token>

#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs::sftp {

// One per call of the provider, used by the calling thread only. `ctx` and `clock` outlive it.
class Waiter {
  public:
    Waiter(const OpContext& ctx, const Clock& clock);

    // cancelled or deadline when the caller no longer wants the call.
    [[nodiscard]] Status check() const;
    // Returns when one of `fds` is ready (revents tell) or after `at_most`. cancelled, deadline.
    Status wait(std::span<pollfd> fds, Millis at_most) const;

    [[nodiscard]] const OpContext& context() const { return ctx_; }
    [[nodiscard]] const Clock& clock() const { return clock_; }
    [[nodiscard]] SteadyTime now() const { return clock_.steady(); }

  private:
    struct Wake {
        int fd;
        void operator()() const;
    };
    const OpContext& ctx_;
    const Clock& clock_;
    UniqueFd event_;  // written by the stop callback, which may run on any thread
    std::stop_callback<Wake> on_stop_;
};

}  // namespace oracxfs::sftp
