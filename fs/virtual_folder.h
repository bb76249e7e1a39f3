#pragma once
// A folder in the root of the mount whose content somebody else makes up, read-only: fs knows nothing of what it means.
//
// Things in it are known by ids that their maker chooses: below 2^60, never used again for something else while the program
// runs. 0 is the folder itself.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace oracxfs {

struct VirtualItem {
    std::uint64_t id = 0;
    std::string name;
    bool directory = false;
    bool symlink = false;
    std::uint32_t mode = 0444;  // permission bits; what would allow writing is taken away
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
};

// An open file. Thread-safe.
class VirtualFile {
  public:
    virtual ~VirtualFile() = default;
    // Fills `into` from `offset`; less only at the end. May wait for the network.
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) = 0;
};

// Thread-safe. Nothing but prepare(), read_link() and what open() returns ever waits for the network.
class VirtualFolder {
  public:
    virtual ~VirtualFolder() = default;
    [[nodiscard]] virtual std::string name() const = 0;  // in the root
    [[nodiscard]] virtual bool enabled() const = 0;      // may change at any time
    // False: find() and list() below `id` can tell nothing before prepare(id) has succeeded.
    [[nodiscard]] virtual bool is_ready(std::uint64_t id) = 0;
    virtual Status prepare(std::uint64_t id, const std::stop_token& stop) = 0;
    // Errors: not_found, not_directory.
    virtual Result<VirtualItem> find(std::uint64_t folder, const std::string& name) = 0;
    virtual Result<std::vector<VirtualItem>> list(std::uint64_t folder) = 0;
    virtual Result<VirtualItem> item(std::uint64_t id) = 0;
    // Errors: not_found, is_directory, key_unavailable, unsupported (nothing that is ever given out).
    virtual Result<std::shared_ptr<VirtualFile>> open(std::uint64_t id) = 0;
    // Errors: invalid (no link), denied (one that is never followed), and those of open() and of reading.
    virtual Result<std::string> read_link(std::uint64_t id, const std::stop_token& stop) = 0;
};

}  // namespace oracxfs
