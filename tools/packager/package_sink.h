#pragma once
// Where the bytes of a package go.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace oracxfs {

// Called from one thread. The packager writes strictly forward: each offset is where the previous write ended, so a
// sink may upload while it is written to. After an error it is not called again.
class PackageSink {
  public:
    virtual ~PackageSink() = default;
    virtual Status write_at(std::uint64_t offset, std::span<const std::byte> data) = 0;
};

}  // namespace oracxfs
