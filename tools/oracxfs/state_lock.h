#pragma once
// One state, one owner. The lock is the kernel's (an open-file-description lock): it ends with its process, whatever way
// that ends. The file tells others who the owner is and where it listens.

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs {

struct LockOwner {
    pid_t pid = 0;
    bool daemon = false;      // else a command that works on the state for a moment
    std::string socket;       // of a daemon
    std::string mount_point;  // of a daemon
};

class StateLock {
  public:
    // Waits up to `patience` for another command to end. busy with the owner's process number otherwise, and at once when
    // the owner is a daemon. Creates the folder.
    static Result<StateLock> acquire(const std::string& file, const LockOwner& self, Millis patience);
    // Who holds it now; nothing when nobody does.
    static std::optional<LockOwner> owner(const std::string& file);
    // Waits until nobody holds it. deadline when `patience` is over.
    static Status wait_until_free(const std::string& file, Millis patience);

    Status describe(const LockOwner& self);  // changes what others read

  private:
    explicit StateLock(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace oracxfs
