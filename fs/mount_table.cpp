#include "fs/mount_table.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"

namespace oracxfs {
namespace {

// mountinfo writes spaces and the like as \040.
std::string unescape(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            plain.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
            i += 3;
        } else {
            plain.push_back(text[i]);
        }
    }
    return plain;
}

Status detach(const std::string& mount_point) {
    if (::umount2(mount_point.c_str(), MNT_DETACH) == 0) return {};
    const pid_t child = ::fork();
    if (child == 0) {
        ::execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", mount_point.c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    if (child > 0) ::waitpid(child, &status, 0);
    if (child < 0 || status != 0)
        return fail(Errc::mount_failed, "detach the dead mount at " + mount_point, "fusermount3 -u -z failed");
    return {};
}

// Has the daemon of this mount died? What the kernel remembers of the folder would be told for a long time after that, but
// free space is always asked for. In a process of its own, since a daemon that hangs would make this one hang.
bool is_dead(const std::string& mount_point) {
    constexpr int kPatienceMs = 5'000;
    const pid_t child = ::fork();
    if (child == 0) {
        struct statvfs unused {};
        const bool dead = ::statvfs(mount_point.c_str(), &unused) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
        ::_exit(dead ? 1 : 0);
    }
    if (child < 0) return false;
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    pollfd wait{ended.get(), POLLIN, 0};
    if (!ended || ::poll(&wait, 1, kPatienceMs) != 1) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

}  // namespace

bool is_mounted(const std::string& mount_point) { return !mounted_device(mount_point).empty(); }

std::string mounted_device(const std::string& mount_point) {
    std::ifstream mounts("/proc/self/mountinfo");
    std::string last;  // the uppermost, where several lie over each other
    for (std::string line; std::getline(mounts, line);) {
        std::stringstream fields(line);
        std::string id, parent, device, root, point;
        fields >> id >> parent >> device >> root >> point;
        if (unescape(point) == mount_point && line.find(" - fuse.oracxfs ") != std::string::npos) last = device;
    }
    return last;
}

Result<bool> repair_stale_mount(const std::string& mount_point) {
    if (!is_mounted(mount_point)) {
        struct stat unused {};
        if (::stat(mount_point.c_str(), &unused) == 0 || errno != ENOTCONN) return false;
        return fail(Errc::mount_failed, "mount " + mount_point, "a dead mount of another program is there; detach it with `fusermount3 -u -z`");
    }
    if (!is_dead(mount_point)) return false;
    ORACX_TRYV(detach(mount_point));
    return true;
}

bool abort_mount(const std::string& mount_point, const std::string& device) {
    if (device.empty()) return false;
    const bool listed = mounted_device(mount_point) == device;
    if (listed && ::umount2(mount_point.c_str(), MNT_FORCE | MNT_DETACH) == 0) return true;
    const UniqueFd file(::open(("/sys/fs/fuse/connections/" + device.substr(device.find(':') + 1) + "/abort").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "1", 1) != 1) return false;
    return !listed || detach(mount_point).has_value();
}

}  // namespace oracxfs
