#include "tests/support/blobs.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace oracxfs::test {
namespace {

constexpr LeafKey kTestLeafKey{};
constexpr std::uint64_t kIslandBytes = 100'000;
constexpr std::uint64_t kFourGiB = 4ull << 30;

// splitmix64: tiny, and the same everywhere.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

std::size_t copy_from(const Bytes& data, std::uint64_t offset, std::span<std::byte> into) {
    if (offset >= data.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), data.size() - offset);
    std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
    return count;
}

}  // namespace

Bytes bytes_of(std::string_view text) {
    Bytes bytes(text.size());
    std::transform(text.begin(), text.end(), bytes.begin(), [](char c) { return std::byte(c); });
    return bytes;
}

Bytes random_content(std::size_t size, std::uint64_t seed) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t word = mix(seed * 0x2545f4914f6cdd1dull + i);
        std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, size - i));
    }
    return bytes;
}

ContentDigests digests_of(std::span<const std::byte> data) {
    ContentHasher hasher({.md5 = true, .blocks = true}, kTestLeafKey);
    hasher.update(data);
    return hasher.finish();
}

MemoryBlob::MemoryBlob(Bytes data)
    : data_(std::move(data)), digests_(std::make_shared<ContentDigests>(digests_of(data_))) {}

Result<std::size_t> MemoryBlob::read_at(std::uint64_t offset, std::span<std::byte> into,
                                        const std::stop_token& stop) {
    if (hook_) hook_(offset);
    if (stop.stop_requested()) return fail(Errc::cancelled, "read content");
    const std::size_t count = copy_from(data_, offset, into);
    bytes_read_ += count;
    return count;
}

std::uint64_t MemoryBlob::available(std::uint64_t offset) const {
    return data_.size() - std::min<std::uint64_t>(offset, data_.size());
}

void GrowingBlob::append(std::span<const std::byte> data) {
    const std::lock_guard lock(mutex_);
    data_.insert(data_.end(), data.begin(), data.end());
    moved_.notify_all();
}

void GrowingBlob::seal() {
    const std::lock_guard lock(mutex_);
    state_ = State::sealed;
    digests_ = std::make_shared<ContentDigests>(digests_of(data_));
    moved_.notify_all();
}

void GrowingBlob::drop() {
    const std::lock_guard lock(mutex_);
    state_ = State::dropped;
    moved_.notify_all();
}

void GrowingBlob::invalidate() {
    const std::lock_guard lock(mutex_);
    state_ = State::changed;
    moved_.notify_all();
}

void GrowingBlob::wait_for_reader() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return waiting_ > 0; });
}

std::optional<std::uint64_t> GrowingBlob::size() const {
    const std::lock_guard lock(mutex_);
    if (state_ != State::sealed) return std::nullopt;
    return data_.size();
}

Result<std::size_t> GrowingBlob::read_at(std::uint64_t offset, std::span<std::byte> into,
                                         const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    moved_.notify_all();
    const bool ready = moved_.wait(
        lock, stop, [&] { return state_ != State::growing || offset < data_.size(); });
    --waiting_;
    if (state_ == State::changed) return fail(Errc::changed, "read content");
    if (!ready || state_ == State::dropped) return fail(Errc::cancelled, "read content");
    return copy_from(data_, offset, into);
}

std::uint64_t GrowingBlob::available(std::uint64_t offset) const {
    const std::lock_guard lock(mutex_);
    return data_.size() - std::min<std::uint64_t>(offset, data_.size());
}

std::shared_ptr<const ContentDigests> GrowingBlob::digests() const {
    const std::lock_guard lock(mutex_);
    return digests_;
}

SparseBlob::SparseBlob(std::uint64_t size) : size_(size) {
    ContentHasher hasher({}, kTestLeafKey);
    Bytes piece(1u << 20);
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        const std::size_t count = std::min<std::uint64_t>(piece.size(), size - at);
        fill(at, std::span(piece).first(count));
        hasher.update(std::span(piece).first(count));
    }
    digests_ = std::make_shared<ContentDigests>(hasher.finish());
}

Result<std::size_t> SparseBlob::read_at(std::uint64_t offset, std::span<std::byte> into,
                                        const std::stop_token& stop) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "read content");
    const std::size_t count = std::min<std::uint64_t>(into.size(), available(offset));
    fill(offset, into.first(count));
    return count;
}

std::uint64_t SparseBlob::available(std::uint64_t offset) const {
    return size_ - std::min(offset, size_);
}

void SparseBlob::fill(std::uint64_t offset, std::span<std::byte> into) const {
    std::memset(into.data(), 0, into.size());
    const std::array<std::uint64_t, 3> islands{
        0, kFourGiB - kIslandBytes / 2, size_ > kIslandBytes ? size_ - kIslandBytes : 0};
    for (const std::uint64_t island : islands) {
        const std::uint64_t from = std::max(offset, island);
        const std::uint64_t to = std::min(offset + into.size(), island + kIslandBytes);
        for (std::uint64_t at = from; at < to; ++at)
            into[at - offset] = std::byte(mix(at) & 0xff);
    }
}

}  // namespace oracxfs::test
