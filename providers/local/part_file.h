#pragma once
// The bytes of one put on their way: written without a visible name, flushed and read back as they come, then
// published in one step. Destroyed unpublished, nothing remains.

#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/op_context.h"
#include "providers/local/folder.h"

namespace oracxfs::local {

// One thread at a time.
class PartFile {
  public:
    // Without a name where the file system can do that, else named after `upload_id` in the root folder.
    static Result<PartFile> create(const Folder& folder, const std::string& upload_id,
                                   const ObjectKey& key);
    PartFile(PartFile&&) noexcept = default;
    PartFile& operator=(PartFile&&) = delete;
    ~PartFile();

    [[nodiscard]] std::uint64_t size() const { return size_; }

    // Writes at the end. Never more than two windows are waiting for the disk, so that neither the final flush nor a
    // cancel takes long.
    Status append(std::span<const std::byte> data);
    // Starts writing out what is left, without waiting: for many files at once.
    void start_flush();
    // Sets the time (0: leaves it) and waits until everything is on the disk.
    Status flush(std::int64_t mtime_ns);
    // Reads back what was not read back yet and compares. corrupt if the disk returns something else.
    Status verify(const OpContext& ctx, const Clock& clock, const Sha256& expected);

    // Gives the file its name; returns 0 or an errno, EEXIST if the name is taken.
    int publish(int directory, const std::string& name);
    // The same under part_name(upload_id) in the root folder; a leftover of that name gives way. The caller removes it.
    int publish_as_part(const std::string& upload_id);
    [[nodiscard]] Result<struct stat> status() const;

  private:
    PartFile(const Folder& folder, UniqueFd fd, std::string name, ObjectKey key);
    Status settle_before(std::uint64_t end);
    Status read_back(std::uint64_t end);

    const Folder* folder_;
    UniqueFd fd_;
    std::string part_name_;  // in the root folder; "" = no name (yet)
    ObjectKey key_;          // for messages
    std::uint64_t size_ = 0;
    std::uint64_t started_ = 0;   // being written out up to here
    std::uint64_t verified_ = 0;  // read back up to here
    Sha256Hasher hasher_;
    std::vector<std::byte> buffer_;
};

// Feeds [from, to) of a file to the hasher; what the page cache holds of it is dropped first, so that the bytes come from
// the disk. `to` beyond the end is an error (corrupt).
Status hash_range(int fd, std::uint64_t from, std::uint64_t to, std::span<std::byte> buffer,
                  Sha256Hasher& hasher, const ObjectKey& key);

}  // namespace oracxfs::local
