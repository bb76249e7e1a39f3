#pragma once
// Contents to upload, for tests.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/blob.h"

namespace oracxfs::test {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text);
// The same bytes for the same seed, on every machine.
Bytes random_content(std::size_t size, std::uint64_t seed);
ContentDigests digests_of(std::span<const std::byte> data);

// Sealed content in memory.
class MemoryBlob final : public BlobReader {
  public:
    explicit MemoryBlob(Bytes data);
    explicit MemoryBlob(std::string_view text) : MemoryBlob(bytes_of(text)) {}

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return data_.size(); }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override;
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }

    [[nodiscard]] const Bytes& data() const { return data_; }
    [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
    // Called before each read with its offset, from the reader's thread.
    void on_read(std::function<void(std::uint64_t offset)> hook) { hook_ = std::move(hook); }

  private:
    const Bytes data_;
    const std::shared_ptr<const ContentDigests> digests_;
    std::atomic<std::uint64_t> bytes_read_ = 0;
    std::function<void(std::uint64_t)> hook_;
};

// Content that a test writes while it is being uploaded.
class GrowingBlob final : public BlobReader {
  public:
    void append(std::span<const std::byte> data);
    void append(std::string_view text) { append(bytes_of(text)); }
    void seal();
    void drop();        // the writer gave up: readers get cancelled
    void invalidate();  // the writer went back: readers get changed
    // Blocks until a reader waits for bytes that are not there yet.
    void wait_for_reader();

    [[nodiscard]] std::optional<std::uint64_t> size() const override;
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override;
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override;

  private:
    enum class State { growing, sealed, dropped, changed };
    mutable std::mutex mutex_;
    std::condition_variable_any moved_;
    State state_ = State::growing;
    Bytes data_;
    std::size_t waiting_ = 0;
    std::shared_ptr<const ContentDigests> digests_;
};

// Sealed content of any size, made on the fly: zeros, with islands of a known pattern at the start, around 4 GiB and at
// the end.
class SparseBlob final : public BlobReader {
  public:
    explicit SparseBlob(std::uint64_t size);

    [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override;
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }

  private:
    void fill(std::uint64_t offset, std::span<std::byte> into) const;
    const std::uint64_t size_;
    std::shared_ptr<const ContentDigests> digests_;
};

}  // namespace oracxfs::test
