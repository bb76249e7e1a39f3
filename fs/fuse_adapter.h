#pragma once
// libfuse 3 low-level callbacks: decode, call fs/filesystem, reply; nothing else. The only user of libfuse.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "fs/filesystem.h"

namespace oracxfs {

struct MountOptions {
    std::string mount_point;   // absolute, exists
    bool read_only = false;
    bool allow_other = false;
    std::vector<std::string> options;  // further -o words; x-*, _netdev, nofail, ... are ignored, unknown ones refused
    std::string name = "oracxfs";      // shown as the source
    unsigned threads_max = 8;
    bool debug = false;
};

class FuseMount {
  public:
    // Mounts; the file system answers once run() is called. mount_failed with the reason and what to do.
    static Result<std::unique_ptr<FuseMount>> mount(Filesystem& filesystem, const MountOptions& options);
    ~FuseMount();  // unmounts if still mounted

    // Serves requests until unmounted or exit() is called. `ready` is called once, when the kernel's INIT was answered.
    Status run(const std::function<void()>& ready);
    void exit();  // from any thread: makes run() return and unmounts

  private:
    FuseMount();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
