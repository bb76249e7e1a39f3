#pragma once
// Brings members of a package back to a folder.
//
// Nothing is ever written outside that folder, whatever the package says: names are checked, links on the way are not
// followed, and the package's own links are made last. A file appears under its name only when all of it is there and its
// hash is the manifest's. Permissions are restored without setuid, setgid and sticky; owners are not.
// A package without a manifest (any ZIP file) is restored with its CRCs as the only check.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/packager/package_reader.h"

namespace oracxfs {

struct RestoreOptions {
    std::string to;                  // made if it is missing
    std::vector<std::string> paths;  // members, folders with all that is in them, or globs; empty = everything
    enum class Overwrite : std::uint8_t { never, if_newer, always };
    Overwrite overwrite = Overwrite::never;
    bool verify = true;              // compare with the manifest's hashes
    bool dry_run = false;            // only tell what would be done
    bool links_to_outside = false;   // also make links that lead out of the folder
    // Guards against archives that grow without end. 0: as much as the disk has, less 64 MiB.
    std::uint64_t bytes_max = 0;
    std::uint64_t members_max = 5'000'000;
};

struct RestoreItem {
    enum class What : std::uint8_t {
        restored,   // or would be, in a dry run
        kept,       // something is there, and `overwrite` says to leave it
        refused,    // never done: an unsafe name, a link to outside, a suspicious size
        damaged,    // not the content that was packed; nothing is left under its name
        failed,     // the local disk or the folder
        missing,    // named by the manifest, but not in the package
        unmatched,  // one of `paths` that nothing fits
    };
    std::string name;
    What what = What::restored;
    std::string why;
};
std::string_view to_string(RestoreItem::What what);

struct RestoreReport {
    std::uint64_t files = 0;   // restored, links included
    std::uint64_t folders = 0;
    std::uint64_t bytes = 0;
    std::uint64_t kept = 0;
    std::uint64_t verified = 0;          // of the files, compared with the manifest
    std::vector<RestoreItem> problems;   // all that is neither restored nor kept
    std::vector<RestoreItem> plan;       // of a dry run: every file
    bool has_manifest = false;
    [[nodiscard]] bool complete() const { return problems.empty(); }
};

struct RestoreProgress {
    std::uint64_t bytes_done = 0, bytes_total = 0;
    std::uint64_t members_done = 0, members_total = 0;
    std::string_view current;
};

// Errors: the target folder cannot be used, local_full (before anything is written), too_large (members_max),
// key_unavailable, cancelled, deadline, and what the package's place says. Trouble with single members is in the report.
Result<RestoreReport> restore_package(const OpContext& ctx, PackageReader& reader, const RestoreOptions& options,
                                      const std::function<void(const RestoreProgress&)>& progress);

}  // namespace oracxfs
