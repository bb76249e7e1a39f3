#pragma once
// Lets a number of callers through at once; a wait ends with its OpContext. Thread-safe.

#include <condition_variable>
#include <mutex>
#include <utility>

#include "providers/wait.h"

namespace oracxfs::dropbox {

class Turnstile {
  public:
    explicit Turnstile(unsigned at_once) : free_(at_once) {}

    class Pass {
      public:
        Pass() = default;
        explicit Pass(Turnstile* owner) : owner_(owner) {}
        Pass(Pass&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Pass& operator=(Pass&& other) noexcept {
            std::swap(owner_, other.owner_);
            return *this;
        }
        ~Pass() {
            if (owner_ != nullptr) owner_->leave();
        }

      private:
        Turnstile* owner_ = nullptr;
    };

    // cancelled or deadline when the wait was in vain.
    Result<Pass> enter(const OpContext& ctx, Clock& clock) {
        ORACX_TRYV(still_wanted(ctx, clock));
        {
            const std::lock_guard lock(mutex_);
            if (free_ > 0) {
                --free_;
                return Pass(this);
            }
        }
        const DeadlineStop stop(ctx, clock);
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop.token(), [this] { return free_ > 0; }))
            return fail(stop.reason(Error(Errc::cancelled, "cancelled")));
        --free_;
        return Pass(this);
    }

  private:
    void leave() {
        {
            const std::lock_guard lock(mutex_);
            ++free_;
        }
        changed_.notify_one();
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    unsigned free_;
};

}  // namespace oracxfs::dropbox
