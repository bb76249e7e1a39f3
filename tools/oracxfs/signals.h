#pragma once
// SIGINT and SIGTERM as a stop token, SIGHUP as a call.

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

namespace oracxfs {

// Blocks these signals for the calling thread and all it starts: construct it before any other thread, one at a time.
class SignalWatch {
  public:
    // `on_hangup` runs in the watching thread. A second SIGINT or SIGTERM ends the process at once unless `patient`.
    explicit SignalWatch(std::function<void()> on_hangup = {}, bool patient = false);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
    [[nodiscard]] std::stop_token second() const { return second_.get_token(); }  // asked twice: hurry
    void stop() { stop_.request_stop(); }   // as if a signal had come
    [[nodiscard]] int signal() const { return signal_; }  // which one came, 0 = none

  private:
    void watch(const std::stop_token& ending);

    const std::function<void()> on_hangup_;
    const bool patient_;
    std::stop_source stop_;
    std::stop_source second_;
    std::atomic<int> signal_{0};
    std::jthread thread_;
};

}  // namespace oracxfs
