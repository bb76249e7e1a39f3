#pragma once
// Leaves (64 KiB) that were read from providers, kept on disk across restarts, least recently used versions go first.
//
// One sparse file per version, "c<version, 16 hex digits>", leaf i at offset i * kLeafBytes. There is no index: a leaf
// counts as present when its bytes match the catalogue's tag, so a torn or missing write is just a miss. Which leaves were
// seen good in this run is remembered in memory.

#include <memory>
#include <span>
#include <string>

#include "base/disk.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"

namespace oracxfs {

struct BlockCacheOptions {
    std::string directory;
    std::uint64_t max_bytes = 5ull << 30;
    LeafKey leaf_key{};
};

// Thread-safe. Failing disks only make it forget.
class BlockCache {
  public:
    static Result<std::unique_ptr<BlockCache>> open(Disk& disk, const BlockCacheOptions& options);
    virtual ~BlockCache() = default;

    // True and the whole leaf in `into` (its exact length) if it is there and good.
    virtual bool get(VersionId version, const ContentDigests& digests, std::uint64_t leaf, std::span<std::byte> into) = 0;
    // The open file, if all leaves from `first` to `last` are there and good: their bytes may be taken from it as they are,
    // whatever happens to the cache meanwhile. Nothing where the disk has no descriptors.
    virtual std::shared_ptr<DiskFile> good_file(VersionId version, const ContentDigests& digests, std::uint64_t first, std::uint64_t last) = 0;
    // `data` was already checked against the tag.
    virtual void put(VersionId version, std::uint64_t leaf, std::span<const std::byte> data) = 0;
    virtual void drop(VersionId version) = 0;
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
    virtual void evict_to(std::uint64_t bytes) = 0;
};

}  // namespace oracxfs
