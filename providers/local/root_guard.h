#pragma once
// Knows which folder is ours. A disk that was pulled out leaves an empty mount point behind; writing a backup there would
// be a success that is not true. So the folder's file system is remembered, in this process and in the state directory:
// only the first probe of a path creates the folder.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace oracxfs::local {

// Which folder on which file system. Only `file_system` is kept in the record on disk.
struct RootIdentity {
    std::uint64_t file_system = 0;  // statfs f_fsid: belongs to the disk, not to this mount of it, where the kernel knows
    std::uint64_t device = 0;
    std::uint64_t inode = 0;   // 0: not stable here
    std::int64_t born_ns = 0;  // 0: unknown
    bool operator==(const RootIdentity&) const = default;
};

// Thread-safe. No descriptor is kept, so that the disk can be unmounted while nothing is going on.
class RootGuard {
  public:
    // `record_file` "" = nothing is remembered beyond this process.
    RootGuard(std::string path, std::vector<std::string> forbidden, std::string record_file);

    // An O_PATH descriptor of the root. unavailable when the folder is gone or another one is in its place, until probe()
    // succeeds again; before the first probe it checks as probe() does, but creates nothing.
    Result<UniqueFd> open();
    // Also creates a folder that was never there (its parent must exist) and accepts another one in its place where that
    // is safe.
    // config: relative, not a folder, inside or around a forbidden path.
    Result<UniqueFd> probe();

  private:
    Result<UniqueFd> adopt(bool create);
    Result<UniqueFd> create_folder(int parent, const std::string& name);
    [[nodiscard]] bool is_expected(const RootIdentity& found, int directory) const;
    [[nodiscard]] std::optional<RootIdentity> load() const;
    void save(const RootIdentity& identity) const;

    const std::string path_;
    const std::vector<std::string> forbidden_;
    const std::string record_file_;

    std::mutex mutex_;
    std::optional<RootIdentity> known_;  // from this process or from the record
    bool trusted_ = false;               // the last look found the known folder
};

}  // namespace oracxfs::local
