#include "providers/google_drive/keyed_lock.h"

#include "providers/wait.h"

namespace oracxfs::drive {

Result<KeyedLock::Hold> KeyedLock::take(const OpContext& ctx, Clock& clock, const std::string& name) {
    ORACX_TRYV(still_wanted(ctx, clock));
    {
        const std::lock_guard lock(mutex_);
        if (held_.insert(name).second) return Hold(*this, name);
    }
    const DeadlineStop stop(ctx, clock);
    std::unique_lock lock(mutex_);
    if (!released_.wait(lock, stop.token(), [&] { return !held_.contains(name); }))
        return fail(stop.reason(Error(Errc::cancelled, "wait for another call")));
    held_.insert(name);
    return Hold(*this, name);
}

void KeyedLock::release(const std::string& name) {
    {
        const std::lock_guard lock(mutex_);
        held_.erase(name);
    }
    released_.notify_all();
}

}  // namespace oracxfs::drive
