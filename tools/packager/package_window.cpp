#include "tools/packager/package_window.h"

namespace oracxfs {

static constexpr std::uint64_t kWindowBytes = 4u << 20;

Result<ByteSpan> PackageWindow::view(const OpContext& ctx, std::uint64_t offset, std::uint64_t until) {
    if (offset >= size()) return fail(Errc::corrupt, "read the package", "a member lies behind its end");
    const std::uint64_t tail_offset = size() - tail_.size();
    if (offset >= tail_offset) return ByteSpan(tail_).subspan(static_cast<std::size_t>(offset - tail_offset));
    if (offset >= window_offset_ && offset - window_offset_ < window_.size())
        return ByteSpan(window_).subspan(static_cast<std::size_t>(offset - window_offset_));
    const std::uint64_t end = std::min({std::max({until, expected_, offset + 1}), tail_offset, offset + kWindowBytes});
    window_.resize(static_cast<std::size_t>(end - offset));
    window_offset_ = offset;
    if (Status got = source_->read_at(ctx, offset, window_); !got) {
        window_.clear();
        return fail(std::move(got).error());
    }
    return ByteSpan(window_);
}

Status PackageWindow::read(const OpContext& ctx, std::uint64_t offset, std::uint64_t until, std::span<std::byte> into) {
    while (!into.empty()) {
        ORACX_TRY(const ByteSpan there, view(ctx, offset, std::max(until, offset + into.size())));
        const std::size_t count = std::min(there.size(), into.size());
        std::copy_n(there.begin(), count, into.begin());
        into = into.subspan(count);
        offset += count;
    }
    return {};
}

}  // namespace oracxfs
