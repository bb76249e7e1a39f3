#include "cache/staging.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "cache/staged_blob.h"
#include "cache/staged_writer.h"
#include "cache/staging_room.h"
#include "cache/staging_trailer.h"

namespace oracxfs {
namespace {

constexpr std::size_t kReadBytes = 1u << 20;
// Files from this size on are worth a look at how much of them is holes.
constexpr std::uint64_t kMaySparseBytes = 64ull << 20;

Result<VersionId> checked_version(const std::string& name) {
    const auto version = version_of_staged_name(name);
    if (!version) return fail(Errc::invalid, "use staged file", "'" + name + "' is not a name of a staged file");
    return *version;
}

struct SealedFile {
    std::shared_ptr<DiskFile> file;
    StagedMeta meta;
};

// The folder itself, and folders above it, may have been made just now: without their names nothing below is found again.
Status sync_ancestors(Disk& disk, std::string path) {
    for (auto slash = path.rfind('/'); slash != std::string::npos && path.size() > 1; slash = path.rfind('/')) {
        path.resize(std::max<std::size_t>(slash, 1));
        // Who may not even read a folder has not made anything in it.
        if (auto synced = disk.sync_directory(path); !synced && synced.error().code != Errc::denied) return synced;
    }
    return {};
}

class DiskStaging final : public Staging {
  public:
    explicit DiskStaging(std::shared_ptr<StagingCore> core) : core_(std::move(core)) {}

    Status account_for_files();

    Result<std::unique_ptr<StagedWriter>> begin(VersionId version, StagedBlob* base, std::uint64_t base_size) override;
    Result<std::shared_ptr<StagedBlob>> open(const std::string& name,
                                             std::shared_ptr<const ContentDigests> digests) override;
    Status remove(const std::string& name) override;
    Result<std::vector<std::pair<std::string, StagedMeta>>> recover(const std::vector<std::string>& known) override;
    void set_digests(DigestSet digests) override;
    Result<ContentDigests> digest(const std::string& name) override;
    [[nodiscard]] StagingUsage usage() const override { return core_->room.usage(); }

  private:
    Result<SealedFile> open_sealed(const std::string& name);
    Result<bool> copy_base(VersionId version, DiskFile& file, StagedBlob& base, std::uint64_t size);

    const std::shared_ptr<StagingCore> core_;
};

Status DiskStaging::account_for_files() {
    ORACX_TRY(const auto entries, core_->disk.list(core_->directory));
    for (const DiskEntry& entry : entries) {
        const auto version = version_of_staged_name(entry.name);
        if (!version || entry.is_directory) continue;
        std::uint64_t bytes = entry.size;
        if (bytes >= kMaySparseBytes) {
            if (auto file = core_->disk.open(core_->path(entry.name), OpenMode::read_only))
                bytes = (*file)->allocated_bytes().value_or(bytes);
        }
        core_->room.set(*version, bytes);
    }
    return {};
}

Result<std::unique_ptr<StagedWriter>> DiskStaging::begin(VersionId version, StagedBlob* base, std::uint64_t base_size) {
    if (version.value <= 0) return fail(Errc::invalid, "begin staged file", "the version has no number");
    const std::string path = core_->path(staged_name(version));
    ORACX_TRY(std::shared_ptr<DiskFile> file, core_->disk.open(path, OpenMode::create_new));
    core_->room.set(version, 0);
    bool sparse = false;
    if (base != nullptr && base_size != 0) {
        auto copied = copy_base(version, *file, *base, base_size);
        if (!copied) {
            if (const auto removed = core_->disk.remove(path); !removed)
                log::warn("staging", removed.error().to_string());
            core_->room.remove(version);
            return fail(std::move(copied).error());
        }
        sparse = *copied;
    } else {
        base_size = 0;
    }
    return std::make_unique<StagedFileWriter>(core_, version, std::move(file), base_size, sparse);
}

// Returns whether the copy has holes.
Result<bool> DiskStaging::copy_base(VersionId version, DiskFile& file, StagedBlob& base, std::uint64_t size) {
    auto* const sealed = dynamic_cast<SealedBlob*>(&base);
    if (sealed == nullptr || size > base.size().value_or(0))
        return fail(Errc::invalid, "copy staged file", "the base is not a staged file of that size");
    StagingRoom& room = core_->room;
    const std::uint64_t wanted = std::min(size, sealed->file().allocated_bytes().value_or(size));
    if (auto lacking = room.take(version, wanted, StagingRoom::Look::again)) {
        room.make_room(*lacking);
        lacking = room.take(version, wanted, StagingRoom::Look::again);
        if (lacking) return fail(Errc::local_full, "copy staged file", room.describe());
    }
    ORACX_TRYV(core_->disk.copy(sealed->file(), file, size));
    return wanted < size;
}

Result<SealedFile> DiskStaging::open_sealed(const std::string& name) {
    ORACX_TRY(const VersionId version, checked_version(name));
    SealedFile sealed;
    ORACX_TRY(sealed.file, core_->disk.open(core_->path(name), OpenMode::read_only));
    ORACX_TRY(sealed.meta, read_trailer(*sealed.file, version));
    return sealed;
}

Result<std::shared_ptr<StagedBlob>> DiskStaging::open(const std::string& name,
                                                      std::shared_ptr<const ContentDigests> digests) {
    ORACX_TRY(SealedFile sealed, open_sealed(name));
    if (digests && (digests->size != sealed.meta.size || digests->sha256 != sealed.meta.sha256))
        return fail(Errc::corrupt, "open staged file " + name, "it holds other content than is expected");
    return std::make_shared<SealedBlob>(std::move(sealed.file), sealed.meta.size, std::move(digests));
}

Status DiskStaging::remove(const std::string& name) {
    ORACX_TRY(const VersionId version, checked_version(name));
    ORACX_TRYV(core_->disk.remove(core_->path(name)));
    core_->room.remove(version);
    return {};
}

Result<std::vector<std::pair<std::string, StagedMeta>>> DiskStaging::recover(const std::vector<std::string>& known) {
    const std::unordered_set<std::string> keep(known.begin(), known.end());
    ORACX_TRY(const auto entries, core_->disk.list(core_->directory));
    std::vector<std::pair<std::string, StagedMeta>> found;
    for (const DiskEntry& entry : entries) {
        if (entry.is_directory || !version_of_staged_name(entry.name) || keep.contains(entry.name)) continue;
        auto sealed = open_sealed(entry.name);
        if (sealed) {
            found.emplace_back(entry.name, std::move(sealed->meta));
            continue;
        }
        log::info("staging", sealed.error().to_string());
        // Only what was read and found to be no sealed file may go. A file that cannot be read now may be a good one.
        if (sealed.error().code == Errc::corrupt) ORACX_TRYV(remove(entry.name));
    }
    std::ranges::sort(found, {}, &std::pair<std::string, StagedMeta>::first);
    return found;
}

void DiskStaging::set_digests(DigestSet digests) {
    const std::lock_guard lock(core_->mutex);
    core_->digest_set = digests;
}

Result<ContentDigests> DiskStaging::digest(const std::string& name) {
    ORACX_TRY(const SealedFile sealed, open_sealed(name));
    ContentHasher hasher(core_->digests_wanted(), core_->leaf_key);
    std::vector<std::byte> buffer(kReadBytes);
    while (hasher.size() < sealed.meta.size) {
        const auto part = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), sealed.meta.size - hasher.size())));
        ORACX_TRYV(read_staged(*sealed.file, hasher.size(), part));
        hasher.update(part);
    }
    ContentDigests digests = hasher.finish();
    if (digests.sha256 != sealed.meta.sha256)
        return fail(Errc::corrupt, "read staged file " + name, "its content does not fit its trailer");
    return digests;
}

}  // namespace

Result<std::unique_ptr<Staging>> Staging::open(Disk& disk, Clock& clock, StagingOptions options) {
    ORACX_TRYV(disk.make_directories(options.directory));
    ORACX_TRYV(sync_ancestors(disk, options.directory));
    auto staging = std::make_unique<DiskStaging>(std::make_shared<StagingCore>(disk, clock, options));
    ORACX_TRYV(staging->account_for_files());
    return staging;
}

}  // namespace oracxfs
