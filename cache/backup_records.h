#pragma once
// What the catalogue remembers of the backup job: its runs, and what is special about the files that are packages.
// Part of the catalogue: same database, same rules for threads, durability and errors as in cache/catalog.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace oracxfs {

enum class RunState : std::uint8_t {
    running,
    succeeded,    // verified at every active provider
    partial,      // safe on min_replicas, not on all
    unchanged,    // nothing had changed, so nothing was packed
    failed,
    cancelled,
    interrupted,  // the program ended in the middle
};
std::string_view to_string(RunState state);
std::optional<RunState> run_state_from(std::string_view text);

struct RunRow {
    std::int64_t id = 0;
    std::string kind;   // "backup", "prune", "scrub", "restore", "drill", "recovery"
    RunState state = RunState::running;
    WallTime started;
    std::optional<WallTime> ended;
    std::string package;  // name of the file, "" = none
    std::string label;
    std::uint64_t members = 0;
    std::uint64_t bytes_in = 0;   // read from the sources
    std::uint64_t bytes_out = 0;  // of the package
    std::string error_code;       // E-code
    std::string error_text;
    std::string detail;           // JSON object: providers, problems, ...
};

struct RunQuery {
    std::string kind;                          // "" = any
    std::optional<std::int64_t> before = {};   // only ids below it
    std::size_t limit = 50;                    // the newest ones
};

// A file that is a package of this installation, or was imported as one.
struct PackageRow {
    NodeId node;
    VersionId version;       // the content this was recorded for
    std::int64_t run = 0;    // 0: not made by a run of this catalogue
    std::string series;      // the installation that made it; only our own are ever pruned
    WallTime made;
    std::string fingerprint; // of what was packed: equal ones hold the same
    std::uint64_t members = 0;
    std::uint64_t bytes_in = 0;
    bool encrypted = false;
    bool pinned = false;     // never pruned
    std::string label;
};

class BackupRecords {
  public:
    virtual ~BackupRecords() = default;

    virtual Result<std::int64_t> begin_run(const RunRow& row) = 0;  // id is given here; durable
    virtual Status update_run(const RunRow& row) = 0;               // not_found; durable when it has ended
    virtual Result<std::vector<RunRow>> runs(const RunQuery& query) = 0;  // newest first
    virtual Result<std::optional<RunRow>> run(std::int64_t id) = 0;
    // Runs that are still called running although nobody runs them: after a crash. Returns how many there were.
    virtual Result<std::int64_t> interrupt_runs() = 0;

    virtual Status record_package(const PackageRow& row) = 0;  // insert or replace; durable. not_found: no such node
    virtual Result<std::vector<PackageRow>> packages() = 0;    // in order of time
    virtual Result<std::optional<PackageRow>> package(NodeId node) = 0;
    virtual Status mark_package(NodeId node, std::optional<bool> pinned, std::optional<std::string> label) = 0;  // durable; not_found
    // The end of the archive (its list of members), so that looking inside needs no network. Lazy.
    virtual Status keep_package_index(VersionId version, std::string_view bytes) = 0;
    virtual Result<std::optional<std::string>> package_index(VersionId version) = 0;
};

}  // namespace oracxfs
