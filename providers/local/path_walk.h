#pragma once
// Resolves an absolute path step by step and stops in front of folders it must not enter: looking something up inside a
// mount whose daemon hangs (it may be this one) would hang too.

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs::local {

struct FileId {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    auto operator<=>(const FileId&) const = default;
};

struct PathWalk {
    UniqueFd folder;                   // O_PATH: the deepest existing folder on the way
    std::vector<FileId> visited;       // every folder entered, from "/" to `folder`
    std::vector<std::string> missing;  // names that do not exist below `folder`
    bool blocked = false;              // `folder` is one of `stop_at`
};

// Follows symbolic links. not_directory if something else than a folder is on the way.
Result<PathWalk> walk_path(const std::string& path, const std::vector<FileId>& stop_at);

// "/a/b" is inside "/a" and inside "/a/b". Both absolute; "." and ".." are taken away first.
bool is_inside(const std::string& path, const std::string& folder);

}  // namespace oracxfs::local
