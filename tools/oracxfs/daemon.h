#pragma once
// The process behind a mount: core, control socket and FUSE in one, from start to orderly end.

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tools/config/config.h"

namespace oracxfs {

struct DaemonOptions {
    Places places;
    Environment environment;
    Config config;                     // flags applied
    Config as_written;                 // without them
    std::string mount_point;           // absolute
    bool read_only = false;
    std::vector<std::string> options;  // -o words
    bool foreground = false;
    int verbose = 0;
};

// Runs until unmounted, SIGTERM, SIGINT or a request. `ready` is called once, when the mount answers, with what the user
// should know. No thread and no database may exist in this process before.
Status run_daemon(const DaemonOptions& options, const std::function<void(const std::vector<std::string>& warnings)>& ready);

// Forks; the child becomes the daemon. Returns in the parent when the mount answers, with the daemon's warnings and
// process number, or with the reason why there is no mount.
struct Launched {
    pid_t pid = 0;
    std::vector<std::string> warnings;
};
Result<Launched> launch_daemon(const DaemonOptions& options);

// Asks the kernel to end a mount. `lazy`: also while programs use it. busy when they do. For the daemon's own mount and,
// from the command line, for one whose daemon does not answer.
Status detach_mount(const std::string& mount_point, bool lazy);

}  // namespace oracxfs
