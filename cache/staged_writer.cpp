#include "cache/staged_writer.h"

#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "base/crash_point.h"
#include "base/log.h"
#include "cache/staging_trailer.h"

namespace oracxfs {
namespace {
// What ext4 can hold. A larger sparse file would take hours to hash, and its leaf tags all memory.
constexpr std::uint64_t kFileBytesMax = 16ull << 40;
constexpr std::uint64_t kPathBytesMax = 512u << 10;
constexpr std::size_t kHashBufferBytes = 1u << 20;
constexpr std::uint64_t kSettleAfterBytes = 64ull << 20;
constexpr std::uint64_t kWriteBackBytes = 8ull << 20;

// How much of the range is not backed by blocks; all of it if the disk can't tell.
std::uint64_t hole_bytes(const DiskFile& file, std::uint64_t begin, std::uint64_t end) {
    std::uint64_t holes = 0;
    while (begin < end) {
        const off_t hole = ::lseek(file.fd(), static_cast<off_t>(begin), SEEK_HOLE);
        if (hole < 0) return holes + end - begin;
        const std::uint64_t hole_begin = std::min(static_cast<std::uint64_t>(hole), end);
        const off_t data = ::lseek(file.fd(), static_cast<off_t>(hole_begin), SEEK_DATA);
        const std::uint64_t hole_end = data < 0 ? end : std::min(static_cast<std::uint64_t>(data), end);
        holes += hole_end - hole_begin;
        begin = hole_end;
    }
    return holes;
}
}  // namespace

StagedFileWriter::StagedFileWriter(std::shared_ptr<StagingCore> core, VersionId version, std::shared_ptr<DiskFile> file,
                                   std::uint64_t copied, bool sparse)
    : core_(std::move(core)),
      version_(version),
      name_(staged_name(version)),
      file_(std::move(file)),
      size_(copied),
      sparse_(sparse),
      hashing_(core_->digests_wanted()),
      progress_(copied) {}

StagedFileWriter::~StagedFileWriter() {
    if (published_) return;
    if (growth_) growth_->end(Errc::cancelled);
    // What cannot be removed now is removed by recover(), unless it was sealed; then it is found again, which is not wrong.
    if (const auto removed = core_->disk.remove(core_->path(name_)); !removed)
        log::warn("staging", removed.error().to_string());
    core_->room.remove(version_);
}

Status StagedFileWriter::write_at(std::uint64_t offset, std::span<const std::byte> data) {
    OrderLock order(order_mutex_);
    ORACX_TRYV(check_open());
    if (data.empty()) return {};
    if (data.size() > kFileBytesMax || offset > kFileBytesMax - data.size())
        return give_up(Error(Errc::too_large, "write staged file"));
    ORACX_TRYV(take_room(order, offset, data.size()));
    ORACX_TRYV(clean_tail());
    about_to_change(offset);
    if (auto written = file_->write_at(offset, data); !written) {
        tail_dirty_ = true;
        return give_up(std::move(written).error());
    }
    {
        const std::lock_guard state(state_mutex_);
        if (offset > size_) sparse_ = true;
        size_ = std::max<std::uint64_t>(size_, offset + data.size());
        progress_.wrote(offset, data.size());
        if (growth_) growth_->advance(progress_.contiguous());
    }
    write_back();
    hash_on(offset, data);
    return {};
}

Status StagedFileWriter::truncate(std::uint64_t size) {
    const OrderLock order(order_mutex_);
    ORACX_TRYV(check_open());
    if (size > kFileBytesMax) return give_up(Error(Errc::too_large, "truncate staged file"));
    ORACX_TRYV(clean_tail());
    if (size == size_) return {};
    about_to_change(size);
    if (auto cut = file_->truncate(size); !cut) {
        tail_dirty_ = true;
        return give_up(std::move(cut).error());
    }
    {
        const std::lock_guard state(state_mutex_);
        if (size > size_) sparse_ = true;
        size_ = size;
        progress_.truncated(size);
    }
    core_->room.shrink_to(version_, size);
    return {};
}

Result<std::size_t> StagedFileWriter::read_at(std::uint64_t offset, std::span<std::byte> into) {
    const std::uint64_t size = size_;
    if (offset >= size) return 0;
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size - offset)));
    return file_->read_at(offset, into);
}

std::uint64_t StagedFileWriter::contiguous() const {
    const std::lock_guard state(state_mutex_);
    return progress_.contiguous();
}

std::shared_ptr<BlobReader> StagedFileWriter::growing() {
    const std::lock_guard state(state_mutex_);
    if (!growth_) {
        growth_ = std::make_shared<StagedGrowth>(file_, progress_.contiguous());
        if (failed_) growth_->end(Errc::changed);
    }
    return growth_;
}

Result<std::shared_ptr<const ContentDigests>> StagedFileWriter::seal(const StagedMeta& meta) {
    const OrderLock order(order_mutex_);
    ORACX_TRYV(check_open());
    if (meta.path.size() > kPathBytesMax) return give_up(Error(Errc::name_too_long, "seal staged file"));
    if (sync_failed_) return give_up(Error(Errc::local_io, "seal staged file", "its bytes could not be made durable"));
    ORACX_TRYV(clean_tail());
    ORACX_TRY(auto digests, take_digests());
    StagedMeta complete = meta;
    complete.version = version_;
    complete.size = digests->size;
    complete.sha256 = digests->sha256;
    ORACX_TRYV(make_durable(complete));

    sealed_ = true;
    if (sparse_) settle_room();
    const std::lock_guard state(state_mutex_);
    digests_ = digests;
    progress_.sealed(size_);
    if (growth_) growth_->advance(size_);
    return digests;
}

std::shared_ptr<StagedBlob> StagedFileWriter::publish() {
    const OrderLock order(order_mutex_);
    ORACX_ASSERT(sealed_ && !published_);
    published_ = true;
    const std::lock_guard state(state_mutex_);
    if (!growth_) growth_ = std::make_shared<StagedGrowth>(file_, size_);
    growth_->finish(size_, digests_);
    return std::make_shared<SealedBlob>(file_, size_, digests_);
}

Status StagedFileWriter::check_open() const {
    if (sealed_) return fail(Errc::invalid, "change staged file", "it is sealed");
    return {};
}

// What was written so far stays readable and can be sealed, but nobody may take it for what the writer meant.
tl::unexpected<Error> StagedFileWriter::give_up(Error error) {
    const std::lock_guard state(state_mutex_);
    failed_ = true;
    if (growth_) growth_->end(Errc::changed);
    return fail(std::move(error));
}

Status StagedFileWriter::take_room(OrderLock& order, std::uint64_t offset, std::uint64_t length) {
    StagingRoom& room = core_->room;
    std::uint64_t growth = growth_of(offset, length);
    if (!room.take(version_, growth, StagingRoom::Look::cached)) return {};

    // Before anybody is asked to give something up: we may have charged too much, and the disk may have been freed.
    settle_room();
    if (sparse_) growth = hole_bytes(*file_, offset, offset + length);
    auto lacking = room.take(version_, growth, StagingRoom::Look::again);
    if (!lacking) return {};
    order.unlock();  // make_room() may take locks under which others write here
    room.make_room(*lacking);
    order.lock();
    ORACX_TRYV(check_open());
    growth = sparse_ ? hole_bytes(*file_, offset, offset + length) : growth_of(offset, length);
    lacking = room.take(version_, growth, StagingRoom::Look::again);
    if (!lacking) return {};
    return give_up(Error(Errc::local_full, "write staged file", room.describe()));
}

// Cheap, and never too little: in a sparse file all of it may fall into holes.
std::uint64_t StagedFileWriter::growth_of(std::uint64_t offset, std::uint64_t length) const {
    const std::uint64_t size = size_;
    const std::uint64_t end = offset + length;
    const std::uint64_t beyond = end > size ? end - std::max(offset, size) : 0;
    return sparse_ ? length : beyond;
}

// Replaces the estimate by what the disk says.
void StagedFileWriter::settle_room() {
    into_holes_ = 0;
    if (const auto allocated = file_->allocated_bytes()) core_->room.set(version_, *allocated);
}

Status StagedFileWriter::clean_tail() {
    if (!tail_dirty_) return {};
    if (auto cut = file_->truncate(size_); !cut) return give_up(std::move(cut).error());
    tail_dirty_ = false;
    return {};
}

// Before bytes below the prefix change: its readers and the running hash have seen them.
void StagedFileWriter::about_to_change(std::uint64_t offset) {
    const std::lock_guard state(state_mutex_);
    if (!progress_.touches(offset)) return;
    if (growth_) growth_->end(Errc::changed);
    growth_ = nullptr;
    hasher_.reset();
    written_back_ = std::min(written_back_, offset);
}

// Otherwise the kernel keeps a large file in memory for many seconds, and seal() has to wait for all of it.
void StagedFileWriter::write_back() {
    const std::uint64_t contiguous = progress_.contiguous();
    if (contiguous < written_back_ + kWriteBackBytes) return;
    file_->start_writing_back(written_back_, contiguous - written_back_);
    written_back_ = contiguous;
}

void StagedFileWriter::hash_on(std::uint64_t offset, std::span<const std::byte> data) {
    if (sparse_ && (into_holes_ += data.size()) >= kSettleAfterBytes) settle_room();
    const std::uint64_t contiguous = progress_.contiguous();
    if (!hasher_) {
        if (contiguous == 0 || progress_.frozen()) return;
        hasher_.emplace(hashing_, core_->leaf_key);
    }
    if (hasher_->size() == offset && offset + data.size() <= contiguous) hasher_->update(data);
    // A gap was closed. Twice the size of the write, so that the hash comes closer with each write and none takes long.
    // An error is not lost: seal() reads the same bytes.
    if (hasher_->size() < contiguous)
        std::ignore = hash_file_up_to(std::min(contiguous, hasher_->size() + 2 * data.size()));
}

Status StagedFileWriter::hash_file_up_to(std::uint64_t end) {
    hash_buffer_.resize(kHashBufferBytes);
    while (hasher_->size() < end) {
        const auto part = std::span(hash_buffer_).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(hash_buffer_.size(), end - hasher_->size())));
        ORACX_TRYV(read_staged(*file_, hasher_->size(), part));
        hasher_->update(part);
    }
    return {};
}

Result<std::shared_ptr<const ContentDigests>> StagedFileWriter::take_digests() {
    const DigestSet wanted = core_->digests_wanted();
    if (!hasher_ || (hashing_ | wanted) != hashing_) {
        hashing_ = wanted;
        hasher_.emplace(hashing_, core_->leaf_key);
    }
    if (auto hashed = hash_file_up_to(size_); !hashed) return give_up(std::move(hashed).error());
    ORACX_ASSERT(hasher_->size() == size_);
    auto digests = std::make_shared<const ContentDigests>(hasher_->finish());
    hasher_.reset();
    hash_buffer_ = {};
    return digests;
}

Status StagedFileWriter::make_durable(const StagedMeta& meta) {
    if (auto written = file_->write_at(size_, encode_trailer(meta)); !written) {
        tail_dirty_ = true;
        return give_up(std::move(written).error());
    }
    ORACX_CRASH_POINT("staging.seal.written");
    auto synced = file_->sync();
    if (synced) synced = core_->disk.sync_directory(core_->directory);
    if (!synced) {
        sync_failed_ = true;
        tail_dirty_ = true;
        return give_up(std::move(synced).error());
    }
    ORACX_CRASH_POINT("staging.seal.synced");
    return {};
}

}  // namespace oracxfs
