#pragma once
// One file being written into staging.
//
// Two locks. order_mutex_ makes writes one after another and is held while they are written and hashed. state_mutex_ is
// held for a few instructions and guards what readers and size() look at. Order: order_mutex_, state_mutex_, the room's
// and the growing blob's own.

#include <atomic>
#include <mutex>
#include <optional>

#include "cache/staged_blob.h"
#include "cache/staging_room.h"
#include "cache/write_progress.h"

namespace oracxfs {

// What writers share with the Staging they came from, and may outlive it with.
struct StagingCore {
    StagingCore(Disk& the_disk, Clock& clock, const StagingOptions& options)
        : disk(the_disk),
          directory(options.directory),
          leaf_key(options.leaf_key),
          room(the_disk, clock, options),
          digest_set(options.digests) {}

    [[nodiscard]] std::string path(const std::string& name) const { return directory + "/" + name; }
    [[nodiscard]] DigestSet digests_wanted() const {
        const std::lock_guard lock(mutex);
        return digest_set;
    }

    Disk& disk;
    const std::string directory;
    const LeafKey leaf_key;
    StagingRoom room;
    mutable std::mutex mutex;
    DigestSet digest_set;  // guarded by mutex
};

class StagedFileWriter final : public StagedWriter {
  public:
    // `copied`: how many bytes of an older version `file` begins with; `sparse`: some of them may be holes. The room of
    // the copy has been taken.
    StagedFileWriter(std::shared_ptr<StagingCore> core, VersionId version, std::shared_ptr<DiskFile> file,
                     std::uint64_t copied, bool sparse);
    ~StagedFileWriter() override;
    StagedFileWriter(const StagedFileWriter&) = delete;
    StagedFileWriter& operator=(const StagedFileWriter&) = delete;

    Status write_at(std::uint64_t offset, std::span<const std::byte> data) override;
    Status truncate(std::uint64_t size) override;
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override;
    [[nodiscard]] std::uint64_t size() const override { return size_; }
    [[nodiscard]] bool failed() const override { return failed_; }
    [[nodiscard]] std::uint64_t contiguous() const override;
    std::shared_ptr<BlobReader> growing() override;
    Result<std::shared_ptr<const ContentDigests>> seal(const StagedMeta& meta) override;
    [[nodiscard]] const std::string& name() const override { return name_; }
    std::shared_ptr<StagedBlob> publish() override;

  private:
    using OrderLock = std::unique_lock<std::mutex>;

    [[nodiscard]] Status check_open() const;
    tl::unexpected<Error> give_up(Error error);
    Status take_room(OrderLock& order, std::uint64_t offset, std::uint64_t length);
    [[nodiscard]] std::uint64_t growth_of(std::uint64_t offset, std::uint64_t length) const;
    void settle_room();
    Status clean_tail();
    void about_to_change(std::uint64_t offset);
    void write_back();
    void hash_on(std::uint64_t offset, std::span<const std::byte> data);
    Status hash_file_up_to(std::uint64_t end);
    Result<std::shared_ptr<const ContentDigests>> take_digests();
    Status make_durable(const StagedMeta& meta);

    const std::shared_ptr<StagingCore> core_;
    const VersionId version_;
    const std::string name_;
    const std::shared_ptr<DiskFile> file_;

    std::atomic<std::uint64_t> size_;
    std::atomic<bool> failed_ = false;

    std::mutex order_mutex_;
    // --- guarded by order_mutex_
    bool sealed_ = false;
    bool published_ = false;
    bool sync_failed_ = false;   // the kernel may have dropped the dirty pages: no later sync can be believed
    bool tail_dirty_ = false;    // the file may hold bytes beyond size_ (a failed write or seal)
    bool sparse_;                // the file may have holes, so writes below size_ may need room
    std::uint64_t into_holes_ = 0;  // bytes charged for such writes since the room was settled
    std::uint64_t written_back_ = 0;  // up to here the disk was asked to begin
    DigestSet hashing_;          // what hasher_ takes
    std::optional<ContentHasher> hasher_;  // has seen [0, hasher_->size()), which nobody touched since; none = start anew
    std::vector<std::byte> hash_buffer_;

    mutable std::mutex state_mutex_;
    // --- guarded by state_mutex_; changed only with order_mutex_ held as well
    WriteProgress progress_;
    std::shared_ptr<StagedGrowth> growth_;  // none until asked for, and after its readers had to be failed
    std::shared_ptr<const ContentDigests> digests_;  // set while sealed
};

}  // namespace oracxfs
