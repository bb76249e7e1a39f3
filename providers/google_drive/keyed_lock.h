#pragma once
// Mutual exclusion by name, for work that waits for the network: whoever waits for his turn can be stopped.

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"

namespace oracxfs::drive {

// Thread-safe. Outlives its holds.
class KeyedLock {
  public:
    class Hold {
      public:
        Hold() = default;
        Hold(KeyedLock& owner, std::string name) : owner_(&owner), name_(std::move(name)) {}
        Hold(Hold&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), name_(std::move(other.name_)) {}
        Hold& operator=(Hold&& other) noexcept {
            release();
            owner_ = std::exchange(other.owner_, nullptr);
            name_ = std::move(other.name_);
            return *this;
        }
        ~Hold() { release(); }
        void release() {
            if (owner_ != nullptr) std::exchange(owner_, nullptr)->release(name_);
        }

      private:
        KeyedLock* owner_ = nullptr;
        std::string name_;
    };

    // cancelled, deadline.
    Result<Hold> take(const OpContext& ctx, Clock& clock, const std::string& name);

  private:
    void release(const std::string& name);

    std::mutex mutex_;
    std::condition_variable_any released_;
    std::set<std::string, std::less<>> held_;
};

}  // namespace oracxfs::drive
