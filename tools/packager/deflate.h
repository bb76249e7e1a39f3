#pragma once
// Compressing one block of a member. The only user of libdeflate.
//
// A large member is cut into blocks that are compressed independently, by any thread, and joined into one deflate
// stream: libdeflate finishes each of its streams, so the mark of the last block is taken off again and an empty stored
// block brings the end to a byte boundary. Against compressing in one go that costs 0.2 % in size at 512 KiB a block;
// it makes the result independent of the number of threads, bounds memory, and lets one large file use all cores.
//
// Every block is inflated again and compared before it is given out: faulty memory must not make a faulty backup.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"

namespace oracxfs {

using ByteSpan = std::span<const std::byte>;
using Bytes = std::vector<std::byte>;

enum class Compression : std::uint8_t { max, balanced, store };

// Also what a cancelled run may have to wait for: at `max` a block takes 50 to 170 ms.
inline constexpr std::size_t kDeflateBlockBytes = 512u << 10;

// One user at a time.
class BlockCompressor {
  public:
    explicit BlockCompressor(Compression level);
    ~BlockCompressor();
    BlockCompressor(const BlockCompressor&) = delete;
    BlockCompressor& operator=(const BlockCompressor&) = delete;

    enum class Form : std::uint8_t {
        whole,     // a complete deflate stream
        joinable,  // not the last block, ends on a byte boundary; end_of_stream() follows after the last one
    };
    // Nothing when storing is as good. Errors: corrupt when the result does not inflate to the input.
    Result<std::optional<Bytes>> compress(ByteSpan input, Form form);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// `data` as stored blocks of deflate, joinable with others.
void append_stored_blocks(Bytes& out, ByteSpan data);
// Ends a joined stream.
ByteSpan end_of_stream();

// The content is known to be compressed already, by its first bytes: gzip, zip, jpeg, mp4 and so on.
bool looks_compressed(ByteSpan beginning);

std::uint32_t crc32_of(ByteSpan data, std::uint32_t before = 0);
// The CRC of two pieces one after the other.
std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes);

}  // namespace oracxfs
