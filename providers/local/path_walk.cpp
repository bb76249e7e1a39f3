#include "providers/local/path_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <filesystem>

#include "providers/local/folder.h"

namespace oracxfs::local {
namespace {

constexpr int kLinksMax = 40;

// The names of a path, last one first (a stack).
std::vector<std::string> stack_of(const std::string& path) {
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        if (end > begin) names.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    std::reverse(names.begin(), names.end());
    return names;
}

struct Step {
    FileId id;
    mode_t mode = 0;
};

// Takes what the kernel knows already: no question to a file system that might not answer.
Result<Step> look(int fd) {
    struct statx status {};
    if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                STATX_TYPE | STATX_INO, &status) != 0)
        return fail(io_error(errno, "look at folder"));
    return Step{{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino},
                status.stx_mode};
}

Result<std::string> target_of(int link) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(link, "", target.data(), target.size());
    if (size < 0) return fail(io_error(errno, "read link"));
    return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace

Result<PathWalk> walk_path(const std::string& path, const std::vector<FileId>& stop_at) {
    PathWalk walk;
    const auto enter = [&](UniqueFd fd, FileId id) {
        walk.folder = std::move(fd);
        walk.visited.push_back(id);
        walk.blocked = std::find(stop_at.begin(), stop_at.end(), id) != stop_at.end();
    };
    const auto enter_root = [&]() -> Status {
        UniqueFd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!slash) return fail(io_error(errno, "open /"));
        ORACX_TRY(const Step step, look(slash.get()));
        enter(std::move(slash), step.id);
        return {};
    };
    ORACX_TRYV(enter_root());
    std::vector<std::string> todo = stack_of(path);
    for (int links = 0; !todo.empty() && !walk.blocked;) {
        const std::string name = todo.back();
        todo.pop_back();
        if (name == ".") continue;
        UniqueFd next(::openat(walk.folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!next && errno == ENOENT) {
            walk.missing.push_back(name);
            walk.missing.insert(walk.missing.end(), todo.rbegin(), todo.rend());
            return walk;
        }
        if (!next) return fail(io_error(errno, "open " + path));
        ORACX_TRY(const Step step, look(next.get()));
        if (S_ISLNK(step.mode)) {
            if (++links > kLinksMax) return fail(io_error(ELOOP, "open " + path));
            ORACX_TRY(const std::string target, target_of(next.get()));
            const std::vector<std::string> names = stack_of(target);
            todo.insert(todo.end(), names.begin(), names.end());
            if (target.starts_with('/')) ORACX_TRYV(enter_root());
        } else if (S_ISDIR(step.mode)) {
            enter(std::move(next), step.id);
        } else {
            return fail(io_error(ENOTDIR, "open " + path));
        }
    }
    return walk;
}

bool is_inside(const std::string& path, const std::string& folder) {
    const std::filesystem::path inner = std::filesystem::path(path + "/").lexically_normal();
    const std::filesystem::path outer = std::filesystem::path(folder + "/").lexically_normal();
    return inner.native().starts_with(outer.native());
}

}  // namespace oracxfs::local
