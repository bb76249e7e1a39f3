#pragma once
// Makes a package: one ZIP file with everything that the configured sources hold, a manifest and a text that explains how
// to restore without this program.
//
// The archive is written strictly forward, in an order that depends on names only, so the same sources give the same
// bytes (but for the time in the manifest, and for the random salts when it is encrypted), however many threads work.
// Layout: RESTORE.txt first, the caller's extra members, the sources in their order, manifest.json last.
//
// Threads: blocks the calling thread, which also writes to the sink and reports progress; one more reads, `workers`
// compress. Memory: at most 256 MiB up to 100,000 members, whatever their size.
// A file that changes while it is read is read again, twice; then it is taken as it was read, and reported.
// Cancel: returns within 0.2 s of ctx.stop (a block being compressed has to end), with every temporary file removed.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/op_context.h"
#include "base/result.h"
#include "cache/secret_box.h"
#include "tools/config/config.h"
#include "tools/packager/deflate.h"
#include "tools/packager/package_sink.h"

namespace oracxfs {

// A member that the caller makes, for instance the configuration.
struct ExtraMember {
    std::string name;   // "oracxfs/cloud_config.json"; a safe relative path
    std::string bytes;
    bool counts_as_content = true;  // a change of it alone is a reason for a new package
};

struct PackageRequest {
    std::vector<BackupSource> sources;
    Compression compression = Compression::max;
    std::optional<WipedString> passphrase;  // there is one: AES-256
    std::string instance;                   // this machine's name, for the manifest
    std::string version = ORACXFS_VERSION;
    WallTime now{};
    bool include_metadata = true;
    std::vector<ExtraMember> metadata;      // used if include_metadata
    // The fingerprint of the last package: if nothing has changed since, nothing is written and `unchanged` is set.
    std::optional<std::string> unchanged_since;
    std::string temp_dir;                   // copies of databases are made here, in a folder of their own
    std::uint64_t min_free = 512ull << 20;  // of the disk of temp_dir
    unsigned workers = 0;                   // 0: one a core, at most 8
    std::vector<std::string> never_pack;    // folders: our own state, staging, cache and mount
};

// PackageRequest's part that stands in the configuration. Secrets, metadata and places are the caller's.
PackageRequest package_request(const Config& config);

struct PackageProblem {
    enum class What : std::uint8_t {
        unreadable,          // not in the package
        vanished,            // removed while packing; not in the package
        changed_while_read,  // in the package as it was read, which may be no state it ever had
        skipped_special,     // a socket, a pipe or a device
        copied_raw,          // a database of which no consistent copy could be made; packed as it lies there
    };
    std::string path;  // on this machine
    What what = What::unreadable;
    std::string why;
};
std::string_view to_string(PackageProblem::What what);

struct PackageReport {
    bool unchanged = false;            // nothing was written; only the fingerprint is filled in
    std::uint64_t archive_bytes = 0;
    std::uint64_t members = 0;         // all that `unzip -l` shows
    std::uint64_t files = 0;           // of the sources
    std::uint64_t bytes_in = 0;        // of the sources
    std::vector<PackageProblem> problems;  // the first 10,000
    std::uint64_t problem_count = 0;
    [[nodiscard]] std::uint64_t count(PackageProblem::What what) const { return counts[static_cast<std::size_t>(what)]; }
    std::uint64_t counts[5] = {};
    // Of the content. Empty when something is missing or uncertain: the next run then makes a package in any case.
    std::string fingerprint;
    Json manifest;                     // manifest.json without the list of its members
};

struct PackageProgress {
    std::uint64_t bytes_done = 0, bytes_total = 0;  // of the sources; what commands write is not known before
    std::uint64_t members_done = 0, members_total = 0;
    std::uint64_t archive_bytes = 0;
    std::string_view current;  // the member being written; valid during the call
};

// Errors: not_found, denied, corrupt, local_io (a source as a whole cannot be read, a command failed: there is no package
// then), local_full (no room for the copy of a database), invalid (no sources, or their names clash), cancelled,
// deadline, and what the sink says. What the sink got until then is of no use.
Result<PackageReport> build_package(const OpContext& ctx, const PackageRequest& request, PackageSink& sink,
                                    const std::function<void(const PackageProgress&)>& progress);

}  // namespace oracxfs
