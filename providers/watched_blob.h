#pragma once
// Knows whether bytes were taken from a content. For decorators.

#include <atomic>

#include "base/blob.h"

namespace oracxfs {

class WatchedBlob final : public BlobReader {
  public:
    explicit WatchedBlob(BlobReader& inner) : inner_(inner) {}

    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return inner_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override {
        Result<std::size_t> got = inner_.read_at(offset, into, stop);
        if (got) bytes_read_ += *got;
        return got;
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override {
        return inner_.available(offset);
    }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override {
        return inner_.digests();
    }

  private:
    BlobReader& inner_;
    std::atomic<std::uint64_t> bytes_read_ = 0;
};

}  // namespace oracxfs
