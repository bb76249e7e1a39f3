#pragma once
// The local disk as an injected dependency, so that a power cut is a unit test (tests/support/lossy_disk.h keeps only
// what was synced). Used by cache/staging; SQLite does its own I/O.
//
// Paths are absolute. Errors: not_found, exists, denied, local_full (ENOSPC, EDQUOT), local_io.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace oracxfs {

struct DiskSpace {
    std::uint64_t total_bytes = 0;
    std::uint64_t free_bytes = 0;  // what an unprivileged writer may use
};

struct DiskEntry {
    std::string name;
    bool is_directory = false;
    std::uint64_t size = 0;
};

// An open file. Any thread may call any method; concurrent writes to overlapping ranges are the caller's business.
// Closing is implicit; call sync() first if the bytes matter.
class DiskFile {
  public:
    virtual ~DiskFile() = default;
    virtual Status write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;  // all of it, or an error
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;  // 0 = end of file
    virtual Status truncate(std::uint64_t size) = 0;
    virtual Status sync() = 0;  // data and metadata are on stable storage when this returns (fdatasync where size is kept)
    // A hint: these bytes may go to the disk now, so that a later sync() has less to wait for. Promises nothing.
    virtual void start_writing_back(std::uint64_t offset, std::uint64_t length) {
        static_cast<void>(offset);
        static_cast<void>(length);
    }
    [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
    [[nodiscard]] virtual Result<std::uint64_t> allocated_bytes() const = 0;  // blocks really used (sparse files)
    // The kernel's descriptor for splicing, or -1 if there is none (fakes).
    [[nodiscard]] virtual int fd() const = 0;
};

enum class OpenMode { read_only, read_write, create_new };  // create_new: read-write, fails if it exists, mode 0600

// Thread-safe.
class Disk {
  public:
    virtual ~Disk() = default;
    virtual Result<std::unique_ptr<DiskFile>> open(const std::string& path, OpenMode mode) = 0;
    virtual Status rename(const std::string& from, const std::string& to) = 0;  // replaces `to`
    virtual Status remove(const std::string& path) = 0;                         // absent = success
    virtual Status make_directories(const std::string& path) = 0;              // 0700
    virtual Status sync_directory(const std::string& path) = 0;                // names in it are durable afterwards
    virtual Result<std::vector<DiskEntry>> list(const std::string& path) = 0;
    virtual Result<DiskSpace> space(const std::string& path) = 0;
    // Copies `size` bytes from the start of one file to the start of the other; shares blocks where the disk can.
    virtual Status copy(DiskFile& from, DiskFile& to, std::uint64_t size) = 0;
};

class SystemDisk final : public Disk {
  public:
    Result<std::unique_ptr<DiskFile>> open(const std::string& path, OpenMode mode) override;
    Status rename(const std::string& from, const std::string& to) override;
    Status remove(const std::string& path) override;
    Status make_directories(const std::string& path) override;
    Status sync_directory(const std::string& path) override;
    Result<std::vector<DiskEntry>> list(const std::string& path) override;
    Result<DiskSpace> space(const std::string& path) override;
    Status copy(DiskFile& from, DiskFile& to, std::uint64_t size) override;
};

}  // namespace oracxfs
