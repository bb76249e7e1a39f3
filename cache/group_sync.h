#pragma once
// Makes what several threads have written to one file durable with as few fdatasync calls as possible: while one call
// runs, others queue up and share the next one.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

// Thread-safe.
class GroupSync {
  public:
    // `sync` as ::fdatasync; replaced by tests.
    explicit GroupSync(UniqueFd file, std::function<int(int)> sync = {});

    // Everything that was written to the file (through any descriptor) before this call is on stable storage when it
    // returns. local_io or local_full if not, and from then on for every call: the kernel reports a lost page once and
    // forgets it, so a later success would prove nothing.
    Status sync();

  private:
    const UniqueFd file_;
    const std::function<int(int)> sync_;

    std::mutex mutex_;
    std::condition_variable finished_;
    std::uint64_t requested_ = 0;  // calls so far; their writes came before
    std::uint64_t synced_ = 0;     // the calls up to this one are served
    bool running_ = false;
    int failure_ = 0;              // errno
};

}  // namespace oracxfs
