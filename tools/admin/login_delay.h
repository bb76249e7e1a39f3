#pragma once
// How long somebody has to wait after wrong passwords: twice as long each time, for the source and, more mildly, for all
// together. Nobody is locked out for good, and the command line never is.

#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"

namespace oracxfs {

// Thread-safe.
class LoginDelay {
  public:
    explicit LoginDelay(Clock& clock) : clock_(clock) {}

    [[nodiscard]] Millis wait(const std::string& source);  // zero: may try now
    void failed(const std::string& source);
    void succeeded(const std::string& source);

  private:
    struct Tries {
        int failures = 0;
        SteadyTime next{};  // not before
        SteadyTime last{};
    };
    static void count(Tries& tries, SteadyTime now, int free, Millis longest);
    void forget(SteadyTime now);

    Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, Tries> sources_;
    Tries all_;
};

}  // namespace oracxfs
