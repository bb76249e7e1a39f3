#pragma once
// A disk in memory on which a power cut is one call: it forgets every byte and every name that was not synced.
//
// File data is durable after DiskFile::sync(), names after sync_directory() of the folder they are in (so a new folder
// needs its parent synced). Stricter than most real disks: a rename between two folders, of which only one was synced,
// leaves the file under both names or under neither. The disk must outlive its open files; those from before a power cut
// only give local_io afterwards.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/disk.h"

namespace oracxfs::test {

enum class DiskOp {
    open, read, write, truncate, sync, rename, remove, make_directories, sync_directory, list, space, copy
};

// Thread-safe.
class LossyDisk final : public Disk {
  public:
    // Only "/" exists. Nothing is larger than `total_bytes`.
    explicit LossyDisk(std::uint64_t total_bytes = 1ull << 40);
    ~LossyDisk() override;

    Result<std::unique_ptr<DiskFile>> open(const std::string& path, OpenMode mode) override;
    Status rename(const std::string& from, const std::string& to) override;
    Status remove(const std::string& path) override;
    Status make_directories(const std::string& path) override;
    Status sync_directory(const std::string& path) override;
    Result<std::vector<DiskEntry>> list(const std::string& path) override;
    Result<DiskSpace> space(const std::string& path) override;
    Status copy(DiskFile& from, DiskFile& to, std::uint64_t size) override;

    // Back to what was synced, and the power is on again.
    void power_cut();
    // Real disks also keep some of what was not synced, in any order: with the same seed always the same 4 KiB pages,
    // and either all or none of the names.
    void power_cut(std::uint64_t seed);
    // Everything as it is now becomes durable, as after sync(1).
    void settle();

    // The n-th operation from now (1 = the next), counting only those of kind `only` if given, fails once with `code`
    // and has no effect. Replaces an earlier plan.
    void fail_nth(std::uint64_t n, Errc code, std::optional<DiskOp> only = {});
    // The n-th operation from now and all after it fail with local_io until power_cut(): with n = 1, 2, 3 ... up to
    // operations(), a test tries every moment.
    void lose_power_at(std::uint64_t n);
    [[nodiscard]] bool power_lost() const;
    // Operations so far, failed ones included.
    [[nodiscard]] std::uint64_t operations() const;

    // Writers may use this much more from now on; nothing = what total_bytes leaves.
    void limit_free_bytes(std::optional<std::uint64_t> bytes);
    [[nodiscard]] std::uint64_t used_bytes() const;

  private:
    friend class LossyFile;
    struct Node;
    using NodePointer = std::shared_ptr<Node>;
    struct Place;
    struct Plan {
        std::uint64_t left = 0;  // 0 = none
        Errc code = Errc::local_io;
        std::optional<DiskOp> only;
    };

    // All below want mutex_ held.
    Status begin(DiskOp op, const std::string& what);
    Result<NodePointer> walk(const std::string& path) const;
    Result<Place> place_of(const std::string& path) const;
    Status write(Node& node, std::uint64_t offset, std::span<const std::byte> data);
    [[nodiscard]] bool has_room_for_page() const;
    [[nodiscard]] std::uint64_t used() const;
    void restart();

    const std::uint64_t total_bytes_;
    mutable std::mutex mutex_;
    NodePointer root_;
    std::vector<std::weak_ptr<Node>> files_;  // every file that a name or a handle still reaches
    std::uint64_t operations_ = 0;
    std::uint64_t epoch_ = 0;  // grows at each power cut: older handles are dead
    Plan failure_;
    std::optional<std::uint64_t> power_lost_at_;  // a value of operations_
    std::optional<std::uint64_t> used_max_;
};

}  // namespace oracxfs::test
