#include "tools/packager/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "tools/packager/beneath.h"

namespace oracxfs {
namespace {

using What = PackageProblem::What;
using MemberKind = PlannedMember::Kind;

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string child_of(const std::string& folder, std::string_view name) {
    return folder.empty() ? std::string(name) : folder + "/" + std::string(name);
}

// "app.db" for "app.db-wal"; nothing for other names.
std::string_view database_of(std::string_view name) {
    for (const std::string_view suffix : {"-wal", "-shm", "-journal"})
        if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    return {};
}

}  // namespace

OwnFolders::OwnFolders(const std::vector<std::string>& paths) {
    for (std::string path : paths) {
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        if (path.empty()) continue;
        // Absent folders need no protection, and a dead mount cannot be asked: then the path alone counts.
        const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
        if (real != nullptr) path = real.get();
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0) identities_.emplace_back(status.st_dev, status.st_ino);
        paths_.push_back(std::move(path));
    }
}

bool OwnFolders::has(std::string_view path) const { return std::find(paths_.begin(), paths_.end(), path) != paths_.end(); }

bool OwnFolders::has(std::uint64_t device, std::uint64_t inode) const {
    return std::find(identities_.begin(), identities_.end(), std::pair(device, inode)) != identities_.end();
}

bool OwnFolders::contains(std::string_view path) const {
    return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& own) {
        return path == own || (path.size() > own.size() && path.starts_with(own) && (own == "/" || path[own.size()] == '/'));
    });
}

struct TreeWalk::Entry {
    std::string name;
    MemberKind kind = MemberKind::file;
    FileStat stat;
};

TreeWalk::TreeWalk(PackagePlan& plan, std::uint32_t source, const OwnFolders& own, ProblemList& problems, std::stop_token stop)
    : plan_(plan),
      index_(source),
      source_(plan.sources[source]),
      own_(own),
      problems_(problems),
      stop_(std::move(stop)),
      include_(source_.config.include),
      exclude_(source_.config.exclude) {}

std::string TreeWalk::full_path(const std::string& path) const {
    if (path.empty()) return source_.folder;
    return source_.folder == "/" ? "/" + path : source_.folder + "/" + path;
}

UniqueFd TreeWalk::open(const std::string& path, int flags) const {
    if (!source_.config.follow) return open_beneath(source_.root.get(), path, flags);
    return UniqueFd(::openat(source_.root.get(), path.empty() ? "." : path.c_str(), flags | O_CLOEXEC));
}

void TreeWalk::report(int error, const std::string& path) {
    const bool gone = error == ENOENT || error == ESTALE;
    problems_.add(gone ? What::vanished : What::unreadable, path, error_from_errno(error, "").why);
}

bool TreeWalk::run() {
    struct stat status {};
    if (::fstat(source_.root.get(), &status) != 0) {
        report(errno, source_.folder);
        return true;
    }
    root_device_ = status.st_dev;
    return walk("", file_stat(status));
}

bool TreeWalk::walk(const std::string& path, const FileStat& stat) {
    const std::size_t before = plan_.members.size();
    plan_.members.push_back({path.empty() ? source_.name + "/" : child_of(source_.name, path) + "/", MemberKind::folder, index_, stat});
    if (source_.config.one_file_system && stat.device != root_device_) return true;
    above_.emplace_back(stat.device, stat.inode);
    std::vector<Entry> entries = list(path, full_path(path));
    for (Entry& entry : entries) {
        if (stop_.stop_requested() || !add(path, entry)) return false;
        entry = Entry();
    }
    above_.pop_back();
    const bool nothing_chosen = plan_.members.size() == before + 1 && !include_.empty();
    if (nothing_chosen && !path.empty()) plan_.members.pop_back();
    return true;
}

std::vector<TreeWalk::Entry> TreeWalk::list(const std::string& path, const std::string& full) {
    std::vector<Entry> entries;
    UniqueFd fd = open(path, O_RDONLY | O_DIRECTORY);
    std::unique_ptr<DIR, CloseFolder> folder(fd ? ::fdopendir(fd.get()) : nullptr);
    if (folder == nullptr) {
        report(errno, full);
        return entries;
    }
    const int handle = fd.release();  // closed with the folder
    for (;;) {
        errno = 0;
        const dirent* next = ::readdir(folder.get());
        if (next == nullptr) break;
        const std::string_view name = next->d_name;
        if (name == "." || name == ".." || own_.has(full == "/" ? full + std::string(name) : full + "/" + std::string(name))) continue;
        entries.push_back({std::string(name), MemberKind::file, {}});
    }
    if (errno != 0) report(errno, full);
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });

    std::erase_if(entries, [&](Entry& entry) {
        struct stat status {};
        int code = ::fstatat(handle, entry.name.c_str(), &status, AT_NO_AUTOMOUNT | (source_.config.follow ? 0 : AT_SYMLINK_NOFOLLOW));
        if (code != 0 && source_.config.follow)  // a link to nothing stays a link
            code = ::fstatat(handle, entry.name.c_str(), &status, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW);
        if (exclude_.matches(child_of(path, entry.name), code == 0 && S_ISDIR(status.st_mode))) return true;
        if (code != 0) {
            report(errno, full_path(child_of(path, entry.name)));
            return true;
        }
        entry.stat = file_stat(status);
        return false;
    });
    mark_databases(path, entries);
    return entries;
}

// A database with files beside it is told here, because those must not be packed on their own.
void TreeWalk::mark_databases(const std::string& path, std::vector<Entry>& entries) const {
    for (Entry& part : entries) {
        const std::string_view name = database_of(part.name);
        if (name.empty() || !S_ISREG(part.stat.mode)) continue;
        const auto found = std::lower_bound(entries.begin(), entries.end(), name, [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
        if (found == entries.end() || found->name != name || !S_ISREG(found->stat.mode)) continue;
        if (found->kind != MemberKind::database && !is_sqlite_file(open(child_of(path, name), O_RDONLY | O_NONBLOCK))) continue;
        found->kind = MemberKind::database;
        part.kind = MemberKind::database_part;
        if (!part.name.ends_with("-wal")) continue;
        add_log(found->stat, part.stat);
    }
}

bool TreeWalk::add(const std::string& path, Entry& entry) {
    const std::string below = child_of(path, entry.name);
    const std::uint32_t mode = entry.stat.mode;
    if (S_ISDIR(mode)) {
        if (own_.has(entry.stat.device, entry.stat.inode)) return true;
        const bool loops = source_.config.follow &&
                           std::find(above_.begin(), above_.end(), std::pair(entry.stat.device, entry.stat.inode)) != above_.end();
        if (!loops) return walk(below, entry.stat);
        problems_.add(What::skipped_special, full_path(below), "a link to a folder that it lies in");
        return true;
    }
    if (!include_.empty() && !include_.matches(below, false)) return true;
    if (!S_ISREG(mode) && !S_ISLNK(mode)) {
        problems_.add(What::skipped_special, full_path(below), S_ISSOCK(mode) ? "a socket" : S_ISFIFO(mode) ? "a named pipe" : "a device");
        return true;
    }
    if (S_ISLNK(mode)) entry.kind = MemberKind::symlink;
    if (entry.kind != MemberKind::database_part) plan_.bytes_total += entry.stat.size;
    plan_.members.push_back({child_of(source_.name, below), entry.kind, index_, entry.stat});
    return true;
}

}  // namespace oracxfs
