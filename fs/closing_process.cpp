#include "fs/closing_process.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

namespace oracxfs {
namespace {

constexpr int kAncestorsMax = 8;
constexpr std::string_view kDeleted = " (deleted)";

std::string folder_of(std::int32_t pid) { return "/proc/" + std::to_string(pid); }

// Flags of a task: PF_EXITING and PF_SIGNALED (include/linux/sched.h).
constexpr unsigned long kExiting = 0x4, kSignaled = 0x400;

struct ProcessStat {
    unsigned long flags = 0;
    std::int32_t parent = 0;
};

std::optional<ProcessStat> stat_of(std::int32_t pid) {
    std::ifstream stat(folder_of(pid) + "/stat");
    std::string line;
    if (!std::getline(stat, line)) return std::nullopt;
    const std::size_t end = line.rfind(')');  // the name before it may hold anything
    if (end == std::string::npos) return std::nullopt;
    ProcessStat process;
    char state = 0;
    int group = 0, session = 0, terminal = 0, foreground = 0;
    if (std::sscanf(line.c_str() + end + 1, " %c %d %d %d %d %d %lu", &state, &process.parent, &group, &session, &terminal, &foreground,
                    &process.flags) != 7)
        return std::nullopt;
    return process;
}

bool is_ending(std::int32_t pid) {
    const auto process = stat_of(pid);
    return process && (process->flags & kExiting) != 0;
}

// Of an open file, without asking the file system that it belongs to.
std::optional<std::uint64_t> inode_of(std::int32_t pid, const std::string& descriptor) {
    constexpr std::string_view kInode = "ino:";
    std::ifstream info(folder_of(pid) + "/fdinfo/" + descriptor);
    for (std::string line; std::getline(info, line);)
        if (line.starts_with(kInode)) return std::strtoull(line.c_str() + kInode.size(), nullptr, 10);
    return std::nullopt;
}

// Links are only read, never followed: what they lead to may be ours, or hang.
std::optional<bool> has_open(std::int32_t pid, std::string_view name, std::uint64_t inode) {
    std::error_code failed;
    std::filesystem::directory_iterator descriptors(folder_of(pid) + "/fd", failed);
    if (failed) return std::nullopt;
    for (; descriptors != std::filesystem::directory_iterator(); descriptors.increment(failed)) {
        if (failed) return std::nullopt;
        const std::string target = std::filesystem::read_symlink(descriptors->path(), failed).string();
        if (failed) continue;  // closed meanwhile
        std::string_view last = target;
        last.remove_prefix(last.rfind('/') + 1);
        const bool removed = last.ends_with(kDeleted) && last.substr(0, last.size() - kDeleted.size()) == name;
        if ((last == name || removed) && inode_of(pid, descriptors->path().filename()).value_or(inode) == inode) return true;
    }
    return false;
}

}  // namespace

bool killed_by_signal(std::int32_t pid) {
    if (pid <= 0) return false;
    const auto process = stat_of(pid);
    if (!process) return false;
    return (process->flags & kExiting) != 0 && (process->flags & kSignaled) != 0;
}

LastClose is_last_close(std::int32_t pid, std::string_view name, std::uint64_t inode) {
    if (pid <= 0) return LastClose::unknown;
    const auto own = has_open(pid, name, inode);
    // Only root may still look at one that is ending, which has closed all of its own.
    if (!own && !is_ending(pid)) return LastClose::unknown;
    if (own.value_or(false)) return LastClose::no;
    // Of those above, one that may not be looked at is somebody else's, who hardly handed our file down.
    for (int generation = 0; generation < kAncestorsMax; ++generation) {
        const auto process = stat_of(pid);
        if (!process || process->parent <= 1) break;
        pid = process->parent;
        if (has_open(pid, name, inode).value_or(false)) return LastClose::no;
    }
    return LastClose::yes;
}

}  // namespace oracxfs
