#pragma once
// A pool for work that may wait (local syncs, reads from providers), so that no FUSE thread ever does. Threads are made on
// demand up to a limit and kept.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace oracxfs {

// Thread-safe.
class Executor {
  public:
    explicit Executor(unsigned threads_max) : threads_max_(threads_max) {}
    ~Executor() { stop(); }
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    // After stop() the work is run in the calling thread: nothing that somebody waits for is ever dropped.
    void post(std::function<void()> work);
    void stop();  // finishes what is queued

  private:
    void run();

    const unsigned threads_max_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    unsigned idle_ = 0;
    bool stopping_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace oracxfs
