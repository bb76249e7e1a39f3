#pragma once
// How much staging may hold: who took how much, what the limits say, and how free the disk is.
//
// Thread-safe; never calls out with its lock held, except Disk::space.

#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "base/disk.h"
#include "cache/staging.h"

namespace oracxfs {

class StagingRoom {
  public:
    enum class Look { cached, again };  // how the free space of the disk is known

    StagingRoom(Disk& disk, Clock& clock, const StagingOptions& options);

    // A file that takes up `bytes`; replaces what was known of it.
    void set(VersionId version, std::uint64_t bytes);
    void shrink_to(VersionId version, std::uint64_t bytes);
    void remove(VersionId version);
    [[nodiscard]] bool holds(VersionId version) const;

    // Takes `bytes` more for a file. Nothing = taken; else nothing was taken and so many bytes lack.
    [[nodiscard]] std::optional<std::uint64_t> take(VersionId version, std::uint64_t bytes, Look look);
    // Asks the owner of replicated content to give some up. Call without locks.
    void make_room(std::uint64_t lacking) const;
    // "staging holds 5.0 of 5.0 GiB, 300 MiB are free on the disk": why there is no room.
    [[nodiscard]] std::string describe() const;
    [[nodiscard]] StagingUsage usage() const;

  private:
    void look(Look how);

    Disk& disk_;
    Clock& clock_;
    const std::string directory_;
    const std::uint64_t max_bytes_;
    const std::uint64_t reserve_bytes_;
    const std::function<void(std::uint64_t)> make_room_;

    mutable std::mutex mutex_;
    // --- guarded by mutex_
    std::unordered_map<VersionId, std::uint64_t> files_;
    std::uint64_t bytes_ = 0;
    std::optional<SteadyTime> looked_at_;
    std::uint64_t free_bytes_ = 0;  // at looked_at_, less what was taken since
    std::uint64_t taken_since_look_ = 0;
};

}  // namespace oracxfs
