#pragma once
// A daemon that was killed and is not gone yet. Mostly it is in a moment, with the memory that it gives back. But one of its
// threads may be in the kernel, telling of a folder that a program has locked, and that program waits for the daemon: then
// neither ever goes by itself, and no signal helps.

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace oracxfs {

// Has its process ended, up to threads that the kernel holds?
bool was_killed(pid_t pid);

// If the owner of this lock was killed: waits for its end, and where it does not come, aborts its mount, which gives all that
// wait for it an error. True when something had to be aborted; mount_failed where that needs root and one is not.
Result<bool> finish_killed_daemon(const std::string& lock_file);

}  // namespace oracxfs
