#include "tests/support/memory_content.h"

#include <algorithm>
#include <cstring>

namespace oracxfs::test {
namespace {

const std::shared_ptr<const Bytes>& zero_piece() {
    static const auto zeros = std::make_shared<const Bytes>(MemoryContent::kPieceBytes);
    return zeros;
}

bool is_zero_piece(std::span<const std::byte> data) {
    return data.size() == MemoryContent::kPieceBytes &&
           std::memcmp(data.data(), zero_piece()->data(), MemoryContent::kPieceBytes) == 0;
}

}  // namespace

void MemoryContent::append(std::span<const std::byte> data) {
    while (!data.empty()) {
        const std::size_t filled = size_ % kPieceBytes;
        const std::size_t count = std::min(data.size(), kPieceBytes - filled);
        const auto piece = data.first(count);
        if (filled == 0 && is_zero_piece(piece)) {
            pieces_.push_back(zero_piece());
        } else if (filled == 0) {
            pieces_.push_back(std::make_shared<const Bytes>(piece.begin(), piece.end()));
        } else {
            Bytes longer = *pieces_.back();
            longer.insert(longer.end(), piece.begin(), piece.end());
            pieces_.back() = std::make_shared<const Bytes>(std::move(longer));
        }
        size_ += count;
        data = data.subspan(count);
    }
}

void MemoryContent::shrink(std::uint64_t size_bytes) {
    if (size_bytes >= size_) return;
    pieces_.resize((size_bytes + kPieceBytes - 1) / kPieceBytes);
    if (const std::size_t tail = size_bytes % kPieceBytes; tail != 0) {
        const Bytes& last = *pieces_.back();
        pieces_.back() = std::make_shared<const Bytes>(
            last.begin(), last.begin() + static_cast<std::ptrdiff_t>(tail));
    }
    size_ = size_bytes;
}

Sha256 MemoryContent::sha256() const {
    Sha256Hasher hasher;
    for (const auto& piece : pieces_) hasher.update(*piece);
    return hasher.finish();
}

void MemoryContent::flip(std::uint64_t offset) {
    auto& piece = pieces_[offset / kPieceBytes];
    Bytes bytes = *piece;
    bytes[offset % kPieceBytes] ^= std::byte{1};
    piece = std::make_shared<const Bytes>(std::move(bytes));
}

std::span<const std::byte> MemoryContent::piece_at(std::uint64_t offset) const {
    return std::span(*pieces_[offset / kPieceBytes]).subspan(offset % kPieceBytes);
}

Bytes MemoryContent::bytes() const {
    Bytes all;
    for (const auto& piece : pieces_) all.insert(all.end(), piece->begin(), piece->end());
    return all;
}

}  // namespace oracxfs::test
