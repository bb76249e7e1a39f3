#pragma once
// Bytes that were written into the mount and must not be lost: one local file per version, synced and self-describing,
// kept until enough replicas are verified. Also serves as the cache of recently written content.
//
// File "v<version, 16 hex digits>" in the staging directory: the content, then a trailer that is written and synced in
// the same step (path, size, SHA-256, mtime and a checksum of the trailer itself). So the catalogue can be rebuilt from
// staging alone, and an unsealed file (no valid trailer) is told from a sealed one.
//
// Life: begin -> write_at/truncate -> seal (durable) -> the caller commits the catalogue -> publish -> open ... -> remove.
// A writer that is dropped unsealed deletes its file.

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/blob.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"

namespace oracxfs {

struct StagingOptions {
    std::string directory;
    std::uint64_t max_bytes = UINT64_MAX;       // of all staged files
    std::uint64_t reserve_bytes = 512ull << 20;  // always left free on the disk
    DigestSet digests;                          // beyond sha256 and leaves; may be changed with set_digests
    LeafKey leaf_key{};
    // Asked when a write would break max_bytes or reserve_bytes: frees at least `bytes` of already replicated content if
    // it can. Called without locks held. May be empty.
    std::function<void(std::uint64_t bytes)> make_room;
};

// What the trailer says, for rebuilding.
struct StagedMeta {
    VersionId version;
    std::string path;  // inside the mount, at the time of sealing
    std::uint64_t size = 0;
    Sha256 sha256{};
    std::int64_t mtime_ns = 0;
    bool local_only = false;
};

// A sealed, immutable staged file. Thread-safe. Its bytes stay readable while it is held, even after remove().
class StagedBlob : public BlobReader {
  public:
    [[nodiscard]] virtual int fd() const = 0;  // for splicing; -1 if the disk has none. Bytes beyond size() are not content
};

// One file being written. Thread-safe; writes are applied in the order of the calls.
class StagedWriter {
  public:
    virtual ~StagedWriter() = default;

    // Errors: local_full (before anything is written), local_io, too_large (16 TiB). After an error the file counts as
    // failed(), and readers of growing() fail with Errc::changed; it can still be written, read and sealed.
    virtual Status write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;
    virtual Status truncate(std::uint64_t size) = 0;
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    [[nodiscard]] virtual bool failed() const = 0;

    // Bytes from the start that were written in order and never touched again so far.
    [[nodiscard]] virtual std::uint64_t contiguous() const = 0;
    // The content as a growing blob: gives out the contiguous prefix, ends when publish() is called. Once it was asked
    // for, a write below contiguous() makes its readers fail with Errc::changed. Dropping the writer: Errc::cancelled.
    virtual std::shared_ptr<BlobReader> growing() = 0;

    // Takes the digests (bytes already hashed on the way are not read again), writes the trailer, syncs file and
    // directory. The content is immutable afterwards; write_at and truncate fail with Errc::invalid.
    virtual Result<std::shared_ptr<const ContentDigests>> seal(const StagedMeta& meta) = 0;  // size and sha256 of meta are filled in
    [[nodiscard]] virtual const std::string& name() const = 0;  // "v..." for the catalogue
    // The catalogue knows it: growing() readers may finish. Returns the sealed blob. Call after seal, once. Not calling it
    // and dropping the writer deletes the file.
    virtual std::shared_ptr<StagedBlob> publish() = 0;
};

struct StagingUsage {
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t limit_bytes = 0;
};

// Thread-safe.
class Staging {
  public:
    static Result<std::unique_ptr<Staging>> open(Disk& disk, Clock& clock, StagingOptions options);
    virtual ~Staging() = default;

    // `base`: starts as a copy of the first base_size bytes of it (blocks are shared where the disk can).
    virtual Result<std::unique_ptr<StagedWriter>> begin(VersionId version, StagedBlob* base = nullptr,
                                                        std::uint64_t base_size = 0) = 0;
    // not_found, corrupt (no valid trailer, or another version's). `digests` are handed out by the blob.
    virtual Result<std::shared_ptr<StagedBlob>> open(const std::string& name,
                                                     std::shared_ptr<const ContentDigests> digests) = 0;
    // Absent = success. Not synced: after a power cut the file may be back, and recover() returns it if it is not known.
    virtual Status remove(const std::string& name) = 0;

    // At start, before anything else: removes unsealed files, and returns the trailers of sealed files that are not in
    // `known` (the catalogue's list): they were sealed but not committed, or the catalogue was lost. The content is not
    // read: a power cut in the middle of seal() may have kept the trailer but not all bytes, so take digest() before
    // anything is promised about such a file. Files that cannot be read now, and all other names, are left alone.
    virtual Result<std::vector<std::pair<std::string, StagedMeta>>> recover(const std::vector<std::string>& known) = 0;

    virtual void set_digests(DigestSet digests) = 0;
    // Re-reads a sealed file and takes its digests again (rebuild after a lost catalogue). corrupt when the content is
    // not what was sealed.
    virtual Result<ContentDigests> digest(const std::string& name) = 0;
    [[nodiscard]] virtual StagingUsage usage() const = 0;
};

}  // namespace oracxfs
