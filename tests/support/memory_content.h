#pragma once
// Bytes of an object in memory: immutable pieces of equal size (the last may be short), shared by copies. Zeros are one piece
// for all, so that a sparse file costs nothing.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/blob.h"
#include "base/hash.h"
#include "tests/support/blobs.h"

namespace oracxfs::test {

class MemoryContent {
  public:
    static constexpr std::size_t kPieceBytes = 1u << 20;

    [[nodiscard]] std::uint64_t size() const { return size_; }
    void append(std::span<const std::byte> data);
    void shrink(std::uint64_t size_bytes);
    void flip(std::uint64_t offset);  // one bit; offset < size()
    [[nodiscard]] std::span<const std::byte> piece_at(std::uint64_t offset) const;  // from there to the end of its piece
    [[nodiscard]] Bytes bytes() const;
    [[nodiscard]] Sha256 sha256() const;

  private:
    std::vector<std::shared_ptr<const Bytes>> pieces_;
    std::uint64_t size_ = 0;
};

}  // namespace oracxfs::test
