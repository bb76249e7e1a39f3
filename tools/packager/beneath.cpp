#include "tools/packager/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace oracxfs {

UniqueFd open_beneath_stepwise(int root, const std::string& path, int flags, mode_t mode) {
    UniqueFd folder;
    int at = root;
    std::string_view rest = path.empty() ? std::string_view(".") : std::string_view(path);
    for (;;) {
        const std::size_t slash = rest.find('/');
        const std::string part(rest.substr(0, slash));
        if (part.empty() || part == ".." || (part == "." && rest.size() > 1)) {
            errno = EXDEV;
            return {};
        }
        const bool last = slash == std::string_view::npos;
        const int how = last ? flags : O_PATH | O_DIRECTORY;
        UniqueFd next(::openat(at, part.c_str(), how | O_NOFOLLOW | O_CLOEXEC, mode));
        if (!next || last) {
            if (!next && errno == ENOTDIR && !last) {  // O_DIRECTORY tells links so
                UniqueFd link(::openat(at, part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
                char byte = 0;
                errno = link && ::readlinkat(link.get(), "", &byte, 1) >= 0 ? ELOOP : ENOTDIR;
            }
            return next;
        }
        folder = std::move(next);
        at = folder.get();
        rest.remove_prefix(slash + 1);
    }
}

UniqueFd open_beneath(int root, const std::string& path, int flags, mode_t mode) {
    static std::atomic<bool> has_openat2{true};  // of the kernel, not of the product
    if (has_openat2.load(std::memory_order_relaxed)) {
        open_how how{};
        how.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
        how.mode = (flags & O_CREAT) != 0 ? mode : 0;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
        constexpr int kTries = 16;  // EAGAIN: somebody renamed things on the way
        for (int i = 0; i < kTries; ++i) {
            const long fd = ::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how);
            if (fd >= 0) return UniqueFd(static_cast<int>(fd));
            if (errno != EAGAIN) break;
        }
        if (errno != ENOSYS && errno != EPERM) return {};  // EPERM: also what a sandbox answers for calls it does not know
        if (errno == ENOSYS) has_openat2.store(false, std::memory_order_relaxed);
    }
    return open_beneath_stepwise(root, path, flags, mode);
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view last_part_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace oracxfs
