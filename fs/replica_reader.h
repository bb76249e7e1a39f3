#pragma once
// Reads a version's content from its replicas: read-ahead for readers that go forward, single leaves for those who jump,
// fail-over to the next replica in the middle of a read. Every byte was checked against the leaf tag taken when the file
// was written; what was fetched goes into the block cache.
//
// Thread-safe. One reader per version (and per provider folder), shared by all its handles.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/blob.h"
#include "base/clock.h"
#include "cache/block_cache.h"
#include "fs/executor.h"
#include "fs/read_watch.h"
#include "fs/replicator.h"

namespace oracxfs {

struct ReaderEnvironment {
    Replicator& replicator;
    BlockCache& cache;
    Clock& clock;
    Executor& fetchers;
    ReadWatch& watch;
    LeafKey leaf_key{};
    std::atomic<std::uint64_t>& buffered_bytes;  // of all readers together
    std::uint64_t buffered_max = 48ull << 20;
};

class ReplicaReader : public std::enable_shared_from_this<ReplicaReader> {
  public:
    ReplicaReader(const ReaderEnvironment& environment, VersionId version, std::shared_ptr<const ContentDigests> digests,
                  std::optional<ProviderId> only);
    ~ReplicaReader();

    // Fills `into` from `offset`; less only at the end. Waits for the network. Errors: the last replica's (unavailable,
    // corrupt, not_found ...), cancelled.
    // `in_pieces`: nothing but the leaves of these bytes is fetched, and it says nothing about where reading goes on.
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop, bool in_pieces = false);
    // A file that holds the same bytes at the same offset, checked, if no waiting is needed; nothing otherwise.
    struct Ready {
        std::shared_ptr<DiskFile> file;  // with a descriptor
        std::size_t length = 0;          // of what was asked for; less only at the end
    };
    std::optional<Ready> ready_file(std::uint64_t offset, std::size_t length);
    // The bytes themselves in that case.
    std::optional<std::size_t> read_ready(std::uint64_t offset, std::span<std::byte> into);
    [[nodiscard]] std::uint64_t size() const { return digests_->size; }
    void except(ProviderId provider) { except_ = provider; }  // before the first read: never read from this one

  private:
    struct Fetch;
    using Lock = std::unique_lock<std::mutex>;
    std::shared_ptr<Fetch> covering(std::uint64_t leaf);
    std::shared_ptr<Fetch> start(std::uint64_t first_leaf, std::uint64_t leaves);
    [[nodiscard]] std::uint64_t window_leaves() const;  // to be fetched at once for a reader that goes forward, else 0
    void read_ahead(std::uint64_t leaf, std::uint64_t next_leaf);
    void forget_passed(std::uint64_t leaf);
    void run(const std::shared_ptr<Fetch>& fetch);
    void await_previous(const Fetch& fetch);  // the fetch that ends where this one begins
    std::uint64_t leaf_count() const { return digests_->leaves.size(); }
    std::size_t leaf_size(std::uint64_t leaf) const;

    const ReaderEnvironment env_;
    const VersionId version_;
    const std::shared_ptr<const ContentDigests> digests_;
    const std::optional<ProviderId> only_;
    std::optional<ProviderId> except_;
    const LeafChecker checker_;

    std::mutex mutex_;
    std::condition_variable_any ready_;
    std::deque<std::shared_ptr<Fetch>> fetches_;
    std::uint64_t expected_offset_ = 0;   // where a forward reader goes on
    std::uint64_t forward_bytes_ = 0;     // how far it went without jumping
    std::uint64_t reads_in_row_ = 0;      // in how many reads
    std::uint64_t ahead_until_ = 0;       // first leaf not asked for
    std::stop_source stop_;
};

// A version's replicas as content to upload, for healing a provider from the others.
class ReplicaBlob final : public BlobReader {
  public:
    ReplicaBlob(std::shared_ptr<ReplicaReader> reader, std::shared_ptr<const ContentDigests> digests)
        : reader_(std::move(reader)), digests_(std::move(digests)) {}
    [[nodiscard]] std::optional<std::uint64_t> size() const override { return digests_->size; }
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) override {
        if (offset >= digests_->size) return std::size_t{0};
        return reader_->read_at(offset, into, stop);
    }
    [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override {
        return offset < digests_->size ? digests_->size - offset : 0;
    }
    [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return digests_; }

  private:
    std::shared_ptr<ReplicaReader> reader_;
    std::shared_ptr<const ContentDigests> digests_;
};

}  // namespace oracxfs
