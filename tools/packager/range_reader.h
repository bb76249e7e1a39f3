#pragma once
// Where the bytes of a stored package come from.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/op_context.h"
#include "base/result.h"

namespace oracxfs {

// One user at a time. The size does not change. Each read may be a network request, so there are few, large ones.
class RangeReader {
  public:
    virtual ~RangeReader() = default;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
    // Fills `into` completely; it lies within the size. Errors: whatever the place has to say.
    virtual Status read_at(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) = 0;
};

}  // namespace oracxfs
