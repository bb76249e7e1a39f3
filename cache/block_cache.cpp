#include "cache/block_cache.h"

#include <sys/stat.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "cache/version_name.h"

namespace oracxfs {
namespace {

constexpr std::size_t kOpenFilesMax = 64;

// One cached version. Everything is guarded by DiskBlockCache::mutex_.
struct CachedVersion {
    VersionId version;
    std::uint64_t bytes = 0;           // on disk, as far as we know
    std::vector<bool> good;            // leaves that were seen good in this run
    std::shared_ptr<DiskFile> file;    // open while it is among the recently used
    bool gone = false;                 // evicted; somebody may still hold it
};
using Handle = std::shared_ptr<CachedVersion>;

// Two locks. mutex_ is held for a few instructions. names_mutex_ is held while files are created, opened and removed, so
// that a version is not removed under the hands of somebody who creates it anew. Order: names_mutex_, mutex_. Neither is
// held during reads and writes.
class DiskBlockCache final : public BlockCache {
  public:
    DiskBlockCache(Disk& disk, const BlockCacheOptions& options)
        : disk_(disk), directory_(options.directory), max_bytes_(options.max_bytes), checker_(options.leaf_key) {}

    Status load();

    bool get(VersionId version, const ContentDigests& digests, std::uint64_t leaf, std::span<std::byte> into) override;
    std::shared_ptr<DiskFile> good_file(VersionId version, const ContentDigests& digests, std::uint64_t first, std::uint64_t last) override;
    void put(VersionId version, std::uint64_t leaf, std::span<const std::byte> data) override;
    void drop(VersionId version) override;
    [[nodiscard]] std::uint64_t bytes() const override;
    void evict_to(std::uint64_t bytes) override;

  private:
    using Recent = std::list<Handle>;  // least recently used first
    struct Place {
        Recent::iterator recent;
        std::optional<Recent::iterator> open;  // its place in open_; set while the file is open
    };
    struct Opened {
        Handle cached;
        std::shared_ptr<DiskFile> file;
    };

    [[nodiscard]] std::string path(VersionId version) const { return directory_ + "/" + version_name('c', version); }
    bool get(const Opened& opened, const ContentDigests& digests, std::uint64_t leaf, std::span<std::byte> into);
    std::optional<Opened> find_open(VersionId version);
    std::optional<Opened> open_file(VersionId version, bool create);
    Place& insert(VersionId version);
    void keep_open(Place& place, std::shared_ptr<DiskFile> file);
    void use(Place& place);
    void forget(VersionId version);
    void remove_file(VersionId version);
    [[nodiscard]] bool is_good(const Opened& opened, std::uint64_t leaf) const;
    void mark(const Opened& opened, std::uint64_t leaf, bool good);

    Disk& disk_;
    const std::string directory_;
    const std::uint64_t max_bytes_;
    const LeafChecker checker_;

    std::mutex names_mutex_;
    mutable std::mutex mutex_;
    // --- guarded by mutex_; versions are added with names_mutex_ held as well
    std::unordered_map<VersionId, Place> places_;
    Recent recent_;
    Recent open_;
    std::uint64_t bytes_ = 0;
};

// The order of use is that of the modification times, which open_file() renews.
Status DiskBlockCache::load() {
    struct Found {
        VersionId version;
        std::uint64_t bytes;
        std::int64_t used_ns;
    };
    ORACX_TRYV(disk_.make_directories(directory_));
    ORACX_TRY(const auto entries, disk_.list(directory_));
    std::vector<Found> found;
    for (const DiskEntry& entry : entries) {
        const auto version = version_of_name('c', entry.name);
        if (!version || entry.is_directory) continue;
        Found file{*version, entry.size, 0};
        struct stat status {};
        if (::stat(path(*version).c_str(), &status) == 0) {
            file.bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
            file.used_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
        }
        found.push_back(file);
    }
    std::ranges::sort(found, {}, &Found::used_ns);
    {
        const std::lock_guard lock(mutex_);
        for (const Found& file : found) {
            (*insert(file.version).recent)->bytes = file.bytes;
            bytes_ += file.bytes;
        }
    }
    evict_to(max_bytes_);
    return {};
}

bool DiskBlockCache::get(VersionId version, const ContentDigests& digests, std::uint64_t leaf,
                         std::span<std::byte> into) {
    if (leaf >= digests.leaves.size()) return false;
    if (into.size() != std::min(kLeafBytes, digests.size - leaf * kLeafBytes)) return false;
    auto opened = find_open(version);
    if (!opened) opened = open_file(version, false);
    return opened && get(*opened, digests, leaf, into);
}

bool DiskBlockCache::get(const Opened& opened, const ContentDigests& digests, std::uint64_t leaf, std::span<std::byte> into) {
    // Looked up before the read: a leaf that becomes good meanwhile may have been half written when it was read.
    const bool was_good = is_good(opened, leaf);
    std::uint64_t offset = leaf * kLeafBytes;
    for (std::span<std::byte> rest = into; !rest.empty();) {
        const auto count = opened.file->read_at(offset, rest);
        if (!count || *count == 0) return false;
        offset += *count;
        rest = rest.subspan(*count);
    }
    if (was_good) return true;
    if (!checker_.matches(digests.leaf_salt, leaf, into, digests.leaves[leaf])) return false;
    mark(opened, leaf, true);
    return true;
}

std::shared_ptr<DiskFile> DiskBlockCache::good_file(VersionId version, const ContentDigests& digests, std::uint64_t first, std::uint64_t last) {
    if (last >= digests.leaves.size()) return nullptr;
    auto opened = find_open(version);
    if (!opened) opened = open_file(version, false);
    if (!opened || opened->file->fd() < 0) return nullptr;
    // Read also where they are known to be good: what cannot be read is a miss, and afterwards the kernel has the pages.
    // They stay as they are: put() leaves good leaves alone, and a version that is dropped loses its name only.
    thread_local std::vector<std::byte> scratch(kLeafBytes);
    for (std::uint64_t leaf = first; leaf <= last; ++leaf) {
        const auto size = static_cast<std::size_t>(std::min(kLeafBytes, digests.size - leaf * kLeafBytes));
        if (!get(*opened, digests, leaf, std::span(scratch).first(size))) return nullptr;
    }
    return opened->file;
}

void DiskBlockCache::put(VersionId version, std::uint64_t leaf, std::span<const std::byte> data) {
    if (data.empty() || data.size() > kLeafBytes || data.size() > max_bytes_) return;
    auto opened = find_open(version);
    if (!opened) opened = open_file(version, true);
    if (!opened) return;
    if (is_good(*opened, leaf)) return;
    {
        const std::lock_guard lock(mutex_);
        if (!opened->cached->gone) {
            opened->cached->bytes += data.size();
            bytes_ += data.size();
        }
    }
    const auto written = opened->file->write_at(leaf * kLeafBytes, data);
    mark(*opened, leaf, written.has_value());
    if (!written) {
        // Most likely the disk is full: staging needs the room more than we do.
        log::debug("cache", written.error().to_string());
        if (written.error().code == Errc::local_full) return evict_to(bytes() / 2);
    }
    if (bytes() > max_bytes_) evict_to(max_bytes_);
}

void DiskBlockCache::drop(VersionId version) {
    const std::lock_guard names(names_mutex_);
    {
        const std::lock_guard lock(mutex_);
        if (!places_.contains(version)) return;
        forget(version);
    }
    remove_file(version);
}

std::uint64_t DiskBlockCache::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
}

void DiskBlockCache::evict_to(std::uint64_t bytes) {
    const std::lock_guard names(names_mutex_);
    for (;;) {
        VersionId victim;
        {
            const std::lock_guard lock(mutex_);
            if (bytes_ <= bytes || recent_.empty()) return;
            victim = recent_.front()->version;
            forget(victim);
        }
        remove_file(victim);
    }
}

std::optional<DiskBlockCache::Opened> DiskBlockCache::find_open(VersionId version) {
    const std::lock_guard lock(mutex_);
    const auto at = places_.find(version);
    if (at == places_.end()) return std::nullopt;
    use(at->second);
    const Handle& cached = *at->second.recent;
    if (!cached->file) return std::nullopt;
    return Opened{cached, cached->file};
}

std::optional<DiskBlockCache::Opened> DiskBlockCache::open_file(VersionId version, bool create) {
    const std::lock_guard names(names_mutex_);
    if (auto opened = find_open(version)) return opened;  // somebody was faster
    bool known = false;
    {
        const std::lock_guard lock(mutex_);
        known = places_.contains(version);
    }
    if (!known && !create) return std::nullopt;
    auto file = disk_.open(path(version), OpenMode::read_write);
    if (!file && file.error().code == Errc::not_found && create) file = disk_.open(path(version), OpenMode::create_new);

    const std::lock_guard lock(mutex_);
    if (!file) {
        if (known) forget(version);
        return std::nullopt;
    }
    if ((*file)->fd() >= 0) ::futimens((*file)->fd(), nullptr);  // used now, also for the next run
    Place& place = insert(version);
    keep_open(place, std::move(*file));
    return Opened{*place.recent, (*place.recent)->file};
}

// --- with mutex_ held:

DiskBlockCache::Place& DiskBlockCache::insert(VersionId version) {
    auto [at, added] = places_.try_emplace(version);
    if (added) {
        auto cached = std::make_shared<CachedVersion>();
        cached->version = version;
        at->second.recent = recent_.insert(recent_.end(), std::move(cached));
    }
    return at->second;
}

void DiskBlockCache::keep_open(Place& place, std::shared_ptr<DiskFile> file) {
    (*place.recent)->file = std::move(file);
    place.open = open_.insert(open_.end(), *place.recent);
    if (open_.size() <= kOpenFilesMax) return;
    Place& oldest = places_.at(open_.front()->version);
    open_.front()->file = nullptr;
    open_.pop_front();
    oldest.open.reset();
}

void DiskBlockCache::use(Place& place) {
    recent_.splice(recent_.end(), recent_, place.recent);
    if (place.open) open_.splice(open_.end(), open_, *place.open);
}

void DiskBlockCache::forget(VersionId version) {
    const auto at = places_.find(version);
    const Handle cached = *at->second.recent;
    cached->gone = true;
    cached->file = nullptr;
    bytes_ -= cached->bytes;
    if (at->second.open) open_.erase(*at->second.open);
    recent_.erase(at->second.recent);
    places_.erase(at);
}

// --- without:

void DiskBlockCache::remove_file(VersionId version) {
    if (const auto removed = disk_.remove(path(version)); !removed) log::warn("cache", removed.error().to_string());
}

bool DiskBlockCache::is_good(const Opened& opened, std::uint64_t leaf) const {
    const std::lock_guard lock(mutex_);
    const auto& bits = opened.cached->good;
    return leaf < bits.size() && bits[leaf];
}

void DiskBlockCache::mark(const Opened& opened, std::uint64_t leaf, bool good) {
    const std::lock_guard lock(mutex_);
    auto& bits = opened.cached->good;
    if (leaf >= bits.size()) {
        if (!good) return;
        bits.resize(static_cast<std::size_t>(leaf) + 1);
    }
    bits[leaf] = good;
}

}  // namespace

Result<std::unique_ptr<BlockCache>> BlockCache::open(Disk& disk, const BlockCacheOptions& options) {
    auto cache = std::make_unique<DiskBlockCache>(disk, options);
    ORACX_TRYV(cache->load());
    return cache;
}

}  // namespace oracxfs
