#include "tools/backup/wait_for_copies.h"

#include <condition_variable>
#include <mutex>

namespace oracxfs {

bool wait_for_copies(const BackupEnvironment& env, VersionId version, const OpContext& ctx, const std::function<void()>& meanwhile,
                     Millis pause) {
    struct Shared {
        std::mutex mutex;
        std::condition_variable_any changed;
        bool settled = false;
    };
    const auto shared = std::make_shared<Shared>();
    std::stop_source done;
    AckPolicy policy;
    policy.min_replicas = 0;
    env.replicator.when_acked(version, policy, done.get_token(), [shared](const Status&) {
        // Good or bad, it is over: the rows tell which.
        const std::lock_guard lock(shared->mutex);
        shared->settled = true;
        shared->changed.notify_all();
    });
    std::unique_lock lock(shared->mutex);
    while (!shared->settled && !ctx.stop.stop_requested()) {
        shared->changed.wait_until(lock, ctx.stop, env.clock.steady() + pause, [&] { return shared->settled; });
        lock.unlock();
        meanwhile();
        lock.lock();
    }
    const bool settled = shared->settled;
    lock.unlock();
    done.request_stop();
    return settled;
}

}  // namespace oracxfs
