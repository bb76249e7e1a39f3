#pragma once
// The words that providers and cache share: a stream of bytes that can be read again from any offset, also while it is
// still being written.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "base/hash.h"
#include "base/result.h"

namespace oracxfs {

// Content to upload. Thread-safe. A *growing* blob has no size until it is sealed; its bytes are final once given out,
// or reading ends with Errc::changed (the writer went back and overwrote them) and the upload must be given up.
class BlobReader {
  public:
    virtual ~BlobReader() = default;

    // The final size, or nothing while the blob is still growing.
    [[nodiscard]] virtual std::optional<std::uint64_t> size() const = 0;

    // Fills as much of `into` as exists at `offset`; waits while nothing exists there yet and the blob is growing.
    // 0 = the end (only when sealed). Errors: changed, cancelled (stop requested, or the blob was dropped), local_io.
    virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) = 0;

    // How many bytes from `offset` on could be read right now without waiting.
    [[nodiscard]] virtual std::uint64_t available(std::uint64_t offset) const = 0;

    // Digests of the whole content; null while growing.
    [[nodiscard]] virtual std::shared_ptr<const ContentDigests> digests() const = 0;
};

}  // namespace oracxfs
