#pragma once
// The two kinds of readers of a staged file: sealed, and still growing.

#include <condition_variable>
#include <mutex>

#include "cache/staging.h"

namespace oracxfs {

// Keeps the file open, so its bytes stay although the name is gone.
class SealedBlob final : public StagedBlob {
  public:
    SealedBlob(std::shared_ptr<DiskFile> file, std::uint64_t size, std::shared_ptr<const ContentDigests> digests);

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override;
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }
    [[nodiscard]] int fd() const override { return file_->fd(); }

    [[nodiscard]] DiskFile& file() const { return *file_; }

  private:
    const std::shared_ptr<DiskFile> file_;
    const std::uint64_t size_;
    const std::shared_ptr<const ContentDigests> digests_;
};

// Reading never holds the lock during disk reads. The writer calls end(Errc::changed) *before* it overwrites anything,
// and a reader looks again after its read: so what was given out is what the file held when the blob was still good.
class StagedGrowth final : public BlobReader {
  public:
    StagedGrowth(std::shared_ptr<DiskFile> file, std::uint64_t contiguous);

    // The writer's side.
    void advance(std::uint64_t contiguous);
    void end(Errc reason);  // changed or cancelled; does nothing after finish()
    void finish(std::uint64_t size, std::shared_ptr<const ContentDigests> digests);

    [[nodiscard]] std::optional<std::uint64_t> size() const override;
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override;
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override;

  private:
    [[nodiscard]] bool movable(std::uint64_t offset) const;  // a reader at `offset` need not wait

    const std::shared_ptr<DiskFile> file_;

    mutable std::mutex mutex_;
    // --- guarded by mutex_
    std::condition_variable_any moved_;
    std::uint64_t contiguous_;
    std::optional<Errc> ended_;
    std::shared_ptr<const ContentDigests> digests_;  // set = finished
};

}  // namespace oracxfs
