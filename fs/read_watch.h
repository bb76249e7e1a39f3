#pragma once
// Private to fs: notices reads that stand still, so that another replica can be asked instead. One thread for all reads,
// asleep while there are none.

#include <atomic>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace oracxfs {

// Thread-safe.
class ReadWatch {
  public:
    // One read being watched. Its token is stopped when the outer one is, or when progress() was not called for `patience`.
    class Guard {
      public:
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        void progress();
        [[nodiscard]] bool stood_still() const { return stood_still_; }
        [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

      private:
        friend class ReadWatch;
        Guard(ReadWatch& watch, const std::stop_token& outer, Millis patience);
        struct Forward {
            std::stop_source stop;
            void operator()() { stop.request_stop(); }
        };
        ReadWatch& watch_;
        const Millis patience_;
        std::atomic<SteadyTime> moved_;
        std::atomic<bool> stood_still_{false};
        std::stop_source stop_;
        std::stop_callback<Forward> forward_;
        std::list<Guard*>::iterator place_;
    };

    explicit ReadWatch(Clock& clock);
    ~ReadWatch();
    std::unique_ptr<Guard> begin(const std::stop_token& outer, Millis patience);

  private:
    void run(const std::stop_token& stop);

    Clock& clock_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::list<Guard*> guards_;
    std::jthread thread_;
};

}  // namespace oracxfs
