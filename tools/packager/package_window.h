#pragma once
// Few large reads behind many small ones: the end of the package, which was read to find the directory, and one window.

#include <algorithm>
#include <memory>

#include "base/op_context.h"
#include "tools/packager/deflate.h"
#include "tools/packager/range_reader.h"

namespace oracxfs {

class PackageWindow {
  public:
    explicit PackageWindow(std::shared_ptr<RangeReader> source) : source_(std::move(source)) {}

    [[nodiscard]] std::uint64_t size() const { return source_->size(); }
    void keep_tail(Bytes tail) { tail_ = std::move(tail); }
    void expect_until(std::uint64_t offset) { expected_ = offset; }

    // Some bytes from `offset` on, at least one; valid until the next call. A read that is needed goes up to `until` (or
    // to what is expected), but not beyond a window's size.
    Result<ByteSpan> view(const OpContext& ctx, std::uint64_t offset, std::uint64_t until);
    // Exactly these bytes, with one read.
    Status fetch(const OpContext& ctx, std::uint64_t offset, std::span<std::byte> into) { return source_->read_at(ctx, offset, into); }
    Status read(const OpContext& ctx, std::uint64_t offset, std::uint64_t until, std::span<std::byte> into);

  private:
    const std::shared_ptr<RangeReader> source_;
    Bytes tail_;
    Bytes window_;
    std::uint64_t window_offset_ = 0;
    std::uint64_t expected_ = 0;
};

}  // namespace oracxfs
