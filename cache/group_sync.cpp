#include "cache/group_sync.h"

#include <unistd.h>

#include <cerrno>

namespace oracxfs {

GroupSync::GroupSync(UniqueFd file, std::function<int(int)> sync)
    : file_(std::move(file)), sync_(sync ? std::move(sync) : std::function<int(int)>(&::fdatasync)) {}

Status GroupSync::sync() {
    std::unique_lock lock(mutex_);
    const std::uint64_t mine = ++requested_;
    while (synced_ < mine && failure_ == 0) {
        if (running_) {  // it may have begun before our writes: wait for it, then look again
            finished_.wait(lock);
            continue;
        }
        running_ = true;
        const std::uint64_t served = requested_;
        lock.unlock();
        const int failure = sync_(file_.get()) == 0 ? 0 : errno;
        lock.lock();
        running_ = false;
        if (failure == 0)
            synced_ = served;
        else
            failure_ = failure;
        finished_.notify_all();
    }
    if (synced_ >= mine) return {};
    return fail(error_from_errno(failure_, "sync the catalogue's log"));
}

}  // namespace oracxfs
