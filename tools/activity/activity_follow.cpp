#include "tools/activity/activity_follow.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/disk.h"
#include "tools/activity/activity_files.h"

namespace oracxfs {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;

}  // namespace

Result<ActivityFollower> ActivityFollower::open(const std::string& directory, std::uint64_t after_seq) {
    UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch) return fail(error_from_errno(errno, "follow the activity log"));
    // The folder, not the file: the file changes its name, and may not be there yet.
    if (::inotify_add_watch(watch.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ONLYDIR) < 0)
        return fail(error_from_errno(errno, "follow the activity log in " + directory));
    return ActivityFollower(directory, after_seq, std::move(watch));
}

Status ActivityFollower::run(const std::stop_token& stop, const std::function<void(const ActivityEntry&)>& visit) {
    const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail(error_from_errno(errno, "follow the activity log"));
    const std::stop_callback on_stop(stop, [&] { (void)::eventfd_write(wake.get(), 1); });
    while (!stop.stop_requested()) {
        ORACX_TRYV(look(visit));
        ORACX_TRYV(wait(stop, wake.get()));
    }
    return {};
}

Status ActivityFollower::look(const std::function<void(const ActivityEntry&)>& visit) {
    if (file_) {
        ORACX_TRY(const bool current, read_on(visit));
        if (current) return {};
        file_.reset();
    }
    // From here on by the numbers: whatever happened to the files, each entry comes once.
    const auto open_current = [&] { return UniqueFd(::open((directory_ + "/" + kActivityFile).c_str(), O_RDONLY | O_CLOEXEC)); };
    file_ = open_current();
    if (!file_ && errno != ENOENT) return fail(error_from_errno(errno, "read the activity log"));
    offset_ = 0;
    SystemDisk disk;
    ORACX_TRYV(visit_activity_after(disk, directory_, seq_, [&](ActivityEntry entry) {
        seq_ = entry.seq;
        visit(entry);
    }));
    if (!file_) return {};
    // What was just visited is read once more, and left out by its number; the next look begins behind it.
    ORACX_TRYV(read_on(visit));
    return {};
}

Result<bool> ActivityFollower::read_on(const std::function<void(const ActivityEntry&)>& visit) {
    // First: a file that is replaced after this is read to its end before the next one is.
    struct stat open_one {}, named_one {};
    const bool same = ::fstat(file_.get(), &open_one) == 0 && ::stat((directory_ + "/" + kActivityFile).c_str(), &named_one) == 0 &&
                      open_one.st_ino == named_one.st_ino && open_one.st_dev == named_one.st_dev;
    if (static_cast<std::uint64_t>(open_one.st_size) < offset_) offset_ = 0;  // cut off by a writer that begins anew
    std::string text;
    std::array<char, kReadBytes> buffer{};
    for (std::uint64_t at = offset_;;) {
        const ssize_t got = ::pread(file_.get(), buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(error_from_errno(errno, "read the activity log"));
        if (got == 0) break;
        at += static_cast<std::uint64_t>(got);
        text.append(buffer.data(), static_cast<std::size_t>(got));
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const auto entry = activity_from_line(std::string_view(text).substr(begin, end - begin));
            if (!entry || entry->seq <= seq_) continue;
            seq_ = entry->seq;
            visit(*entry);
        }
        offset_ += begin;
        text.erase(0, begin);
    }
    return same;
}

Status ActivityFollower::wait(const std::stop_token& stop, int wake) {
    std::array<pollfd, 2> waiting{pollfd{watch_.get(), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0)
        if (errno != EINTR) return fail(error_from_errno(errno, "follow the activity log"));
    std::array<char, 4096> told{};
    while (::read(watch_.get(), told.data(), told.size()) > 0 && !stop.stop_requested()) {
    }
    return {};
}

}  // namespace oracxfs
