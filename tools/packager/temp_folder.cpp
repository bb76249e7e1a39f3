#include "tools/packager/temp_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace oracxfs {
namespace {

constexpr std::string_view kPrefix = "oracxfs-package-";

UniqueFd lock_folder(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
    return fd;
}

void remove_leftovers(const std::string& directory) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
        if (!entry.path().filename().string().starts_with(kPrefix)) continue;
        std::error_code ignored;  // somebody else's, or gone already
        if (const UniqueFd lock = lock_folder(entry.path().string())) std::filesystem::remove_all(entry.path(), ignored);
    }
}

}  // namespace

Result<std::unique_ptr<TempFolder>> TempFolder::make(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) return fail(error_from_errno(error.value(), "make the folder " + directory));
    remove_leftovers(directory);
    std::string path = directory + "/" + std::string(kPrefix) + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return fail(error_from_errno(errno, "make a folder in " + directory));
    UniqueFd lock = lock_folder(path);
    if (!lock) return fail(error_from_errno(errno, "lock " + path));
    return std::unique_ptr<TempFolder>(new TempFolder(std::move(path), std::move(lock)));
}

TempFolder::~TempFolder() {
    std::error_code ignored;  // a later run tries again
    std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::next_path() { return fmt::format("{}/{}", path_, ++count_); }

Status TempFolder::check_room(std::uint64_t bytes, std::uint64_t min_free) const {
    struct statvfs space {};
    if (::statvfs(path_.c_str(), &space) != 0) return fail(error_from_errno(errno, "look for room in " + path_));
    const std::uint64_t free_bytes = std::uint64_t{space.f_bavail} * space.f_frsize;
    if (free_bytes >= min_free && free_bytes - min_free >= bytes) return {};
    constexpr std::uint64_t kMiB = 1u << 20;
    return fail(Errc::local_full, "make a copy in " + path_,
                fmt::format("{} MiB are free, {} MiB are needed and {} MiB stay free", free_bytes / kMiB, bytes / kMiB + 1, min_free / kMiB));
}

}  // namespace oracxfs
