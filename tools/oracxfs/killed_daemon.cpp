#include "tools/oracxfs/killed_daemon.h"

#include <fstream>

#include "fs/mount_table.h"
#include "tools/oracxfs/state_lock.h"

namespace oracxfs {
namespace {

constexpr Millis kEndsByItself{3'000};
constexpr Millis kEndsAborted{10'000};

}  // namespace

bool was_killed(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return false;
    const std::size_t name_end = line.rfind(')');  // the name may hold anything
    return name_end != std::string::npos && line.compare(name_end, 3, ") Z") == 0;
}

Result<bool> finish_killed_daemon(const std::string& lock_file) {
    const auto owner = StateLock::owner(lock_file);
    if (!owner || !owner->daemon || !was_killed(owner->pid)) return false;
    if (StateLock::wait_until_free(lock_file, kEndsByItself)) return false;
    abort_mount(owner->mount_point, mounted_device(owner->mount_point));
    if (StateLock::wait_until_free(lock_file, kEndsAborted)) return true;
    return fail(Errc::mount_failed, "end the daemon that was killed (process " + std::to_string(owner->pid) + ")",
                "a program waits for it in " + owner->mount_point + ", and only root may end that: umount -f " + owner->mount_point);
}

}  // namespace oracxfs
