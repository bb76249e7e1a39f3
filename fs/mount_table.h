#pragma once
// Our mounts as /proc/self/mountinfo lists them, and what is done with those whose daemon does not answer. A process of its
// own touches the mounted folder where that must be, so nothing here hangs.

#include <string>

#include "base/result.h"

namespace oracxfs {

// Is a mount of ours listed there, dead or alive?
bool is_mounted(const std::string& mount_point);
// The kernel's number of that mount's file system, such as "0:52"; empty when none is listed.
std::string mounted_device(const std::string& mount_point);

// A dead mount of ours ("Transport endpoint is not connected") at this path is detached; true if there was one.
Result<bool> repair_stale_mount(const std::string& mount_point);

// All that wait for the daemon of this mount get an error at once, and it is detached if it is still listed. False where the
// kernel offers no way: neither root nor the fusectl file system (/sys/fs/fuse/connections).
// `device` as it was when it was mounted; the connection must still be alive, or the number may be another's.
bool abort_mount(const std::string& mount_point, const std::string& device);

}  // namespace oracxfs
