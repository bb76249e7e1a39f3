#include "cache/staged_blob.h"

#include <algorithm>

#include "base/assert.h"

namespace oracxfs {
namespace {

Result<std::size_t> read_some(DiskFile& file, std::uint64_t offset, std::span<std::byte> into) {
    ORACX_TRY(const std::size_t count, file.read_at(offset, into));
    if (count == 0) return fail(Errc::local_io, "read staged file", "it is shorter than it was");
    return count;
}

std::span<std::byte> clamped(std::span<std::byte> into, std::uint64_t available) {
    return into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), available)));
}

tl::unexpected<Error> ended_by(Errc reason) {
    if (reason == Errc::changed) return fail(reason, "read growing file", "its writer went back and changed it");
    return fail(reason, "read growing file", "it was given up");
}

}  // namespace

SealedBlob::SealedBlob(std::shared_ptr<DiskFile> file, std::uint64_t size,
                       std::shared_ptr<const ContentDigests> digests)
    : file_(std::move(file)), size_(size), digests_(std::move(digests)) {}

Result<std::size_t> SealedBlob::read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "read staged file");
    into = clamped(into, available(offset));
    if (into.empty()) return 0;
    return read_some(*file_, offset, into);
}

std::uint64_t SealedBlob::available(std::uint64_t offset) const { return offset < size_ ? size_ - offset : 0; }

StagedGrowth::StagedGrowth(std::shared_ptr<DiskFile> file, std::uint64_t contiguous)
    : file_(std::move(file)), contiguous_(contiguous) {}

void StagedGrowth::advance(std::uint64_t contiguous) {
    {
        const std::lock_guard lock(mutex_);
        if (contiguous <= contiguous_) return;
        contiguous_ = contiguous;
    }
    moved_.notify_all();
}

void StagedGrowth::end(Errc reason) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_ || digests_) return;
        ended_ = reason;
    }
    moved_.notify_all();
}

void StagedGrowth::finish(std::uint64_t size, std::shared_ptr<const ContentDigests> digests) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        ORACX_ASSERT(contiguous_ <= size && digests && digests->size == size);
        contiguous_ = size;
        digests_ = std::move(digests);
    }
    moved_.notify_all();
}

std::optional<std::uint64_t> StagedGrowth::size() const {
    const std::lock_guard lock(mutex_);
    if (!digests_) return std::nullopt;
    return contiguous_;
}

bool StagedGrowth::movable(std::uint64_t offset) const { return ended_ || digests_ || offset < contiguous_; }

Result<std::size_t> StagedGrowth::read_at(std::uint64_t offset, std::span<std::byte> into,
                                          const std::stop_token& stop) {
    {
        std::unique_lock lock(mutex_);
        moved_.wait(lock, stop, [&] { return movable(offset); });
        if (stop.stop_requested()) return fail(Errc::cancelled, "read growing file");
        if (ended_) return ended_by(*ended_);
        into = clamped(into, offset < contiguous_ ? contiguous_ - offset : 0);
    }
    if (into.empty()) return 0;
    Result<std::size_t> count = read_some(*file_, offset, into);

    const std::lock_guard lock(mutex_);
    if (ended_) return ended_by(*ended_);
    return count;
}

std::uint64_t StagedGrowth::available(std::uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    if (ended_) return 0;
    return offset < contiguous_ ? contiguous_ - offset : 0;
}

std::shared_ptr<const ContentDigests> StagedGrowth::digests() const {
    const std::lock_guard lock(mutex_);
    return digests_;
}

}  // namespace oracxfs
