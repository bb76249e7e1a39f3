#pragma once
// What goes into a package, found before anything is written: the sources' trees, in the order of the members.

#include <sys/stat.h>

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tools/packager/packager.h"
#include "tools/packager/problem_list.h"

namespace oracxfs {

struct FileStat {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    std::uint32_t mode = 0;  // with the type
    std::uint64_t device = 0, inode = 0;
    bool operator==(const FileStat&) const = default;
};
FileStat file_stat(const struct stat& from);
// A database changes when its write-ahead log does. An empty one says nothing: it comes and goes with readers.
void add_log(FileStat& database, const FileStat& log);

struct PlannedMember {
    enum class Kind : std::uint8_t {
        bytes,          // of the plan's texts
        folder,
        symlink,
        file,           // may turn out to be a database when it is opened
        database,       // of a `sqlite` source, or recognised by the files beside it; its stat includes the -wal
        database_part,  // -wal, -shm, -journal: in the copy of the database, unless that fails
        command,
    };
    std::string name;      // in the package; ends in '/' for a folder
    Kind kind = Kind::file;
    std::uint32_t of = 0;  // index of its source, or of its text
    FileStat stat;         // as it was when the plan was made
};

struct PlannedSource {
    BackupSource config;
    std::string name;    // of its top member
    std::string folder;  // on this machine, without links: the tree, or the folder of a single file
    UniqueFd root;       // the same, opened
    std::string single;  // the file's name in `folder`, if the source is one file
};

struct PackagePlan {
    std::vector<PlannedSource> sources;
    std::vector<ExtraMember> texts;
    std::vector<PlannedMember> members;
    std::uint64_t bytes_total = 0;

    // Of a member from a tree or of a single file: below its source's root, and on this machine.
    [[nodiscard]] std::string path_below(const PlannedMember& member) const;
    [[nodiscard]] std::string full_path(const PlannedMember& member) const;
    // open(2) as its source wants it: links on the way are refused, or followed.
    [[nodiscard]] UniqueFd open(const PlannedMember& member, int flags) const;
};

// Errors: invalid, not_found, denied, local_io: a source as a whole; cancelled.
Result<PackagePlan> plan_package(const PackageRequest& request, ProblemList& problems, const std::stop_token& stop);

// The first 16 bytes of a database.
bool is_sqlite_header(std::string_view bytes);
bool is_sqlite_file(const UniqueFd& fd);

}  // namespace oracxfs
