#pragma once
// Private to fs: closed files whose commit is not through yet, and who waits for all of them.

#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace oracxfs {

// Thread-safe.
class CommitGate {
  public:
    using Ticket = std::uint64_t;

    Ticket enter() {
        const std::lock_guard lock(mutex_);
        return *inside_.insert(next_++).first;
    }
    void leave(Ticket ticket) {
        std::vector<std::function<void()>> free;
        {
            const std::lock_guard lock(mutex_);
            inside_.erase(ticket);
            std::erase_if(waiting_, [&](auto& waiter) {
                if (!inside_.empty() && *inside_.begin() < waiter.first) return false;
                free.push_back(std::move(waiter.second));
                return true;
            });
        }
        for (const auto& done : free) done();
    }
    // Calls `done` once when all who are inside now have left: at once in this thread, or in that of the last one.
    void when_left(std::function<void()> done) {
        {
            const std::lock_guard lock(mutex_);
            if (!inside_.empty()) {
                waiting_.emplace_back(next_, std::move(done));
                return;
            }
        }
        done();
    }

  private:
    std::mutex mutex_;
    std::set<Ticket> inside_;
    std::vector<std::pair<Ticket, std::function<void()>>> waiting_;  // first: it waits for the tickets below
    Ticket next_ = 0;
};

}  // namespace oracxfs
