#include "cache/staging_trailer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"

namespace oracxfs {
namespace {

constexpr std::uint32_t kFormat = 1;
constexpr std::string_view kMagic = "ORACXSTG";
constexpr std::size_t kFooterBytes = 4 + 4 + 32 + 8;
constexpr std::size_t kBodyFixedBytes = 8 + 8 + 8 + 4 + 32 + 4;
constexpr std::size_t kBodyBytesMax = 1u << 20;  // far above any path; bounds what a damaged length makes us read
constexpr std::size_t kFirstReadBytes = 4096;    // body and footer of nearly every file
constexpr std::uint32_t kFlagLocalOnly = 1;

class Encoder {
  public:
    void number(std::uint64_t value, std::size_t bytes) {
        for (std::size_t i = 0; i < bytes; ++i) out_.push_back(static_cast<std::byte>((value >> (8 * i)) & 0xff));
    }
    void bytes(std::span<const std::byte> data) { out_.insert(out_.end(), data.begin(), data.end()); }
    [[nodiscard]] std::span<const std::byte> so_far() const { return out_; }
    std::vector<std::byte> take() { return std::move(out_); }

  private:
    std::vector<std::byte> out_;
};

// The caller has checked that enough bytes are there.
class Decoder {
  public:
    explicit Decoder(std::span<const std::byte> data) : data_(data) {}
    std::uint64_t number(std::size_t count) {
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < count; ++i) value |= std::to_integer<std::uint64_t>(data_[at_ + i]) << (8 * i);
        at_ += count;
        return value;
    }
    std::span<const std::byte> bytes(std::size_t count) {
        const auto part = data_.subspan(at_, count);
        at_ += count;
        return part;
    }

  private:
    std::span<const std::byte> data_;
    std::size_t at_ = 0;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

tl::unexpected<Error> no_trailer(VersionId expected, std::string why) {
    return fail(Errc::corrupt, "read staged file " + staged_name(expected), std::move(why));
}

// `tail` ends where the file ends and holds at least body and footer.
Result<StagedMeta> parse(std::span<const std::byte> tail, std::size_t body_bytes, std::uint64_t file_bytes,
                         VersionId expected) {
    const auto trailer = tail.last(body_bytes + kFooterBytes);
    Decoder footer(trailer.subspan(body_bytes));
    footer.bytes(8);  // body length and format, checked by the caller
    const Sha256 actual = sha256_of(trailer.first(body_bytes + 8));
    if (std::memcmp(footer.bytes(actual.size()).data(), actual.data(), actual.size()) != 0)
        return no_trailer(expected, "the checksum of its trailer is wrong");

    Decoder body(trailer);
    StagedMeta meta;
    meta.version.value = static_cast<std::int64_t>(body.number(8));
    meta.size = body.number(8);
    meta.mtime_ns = static_cast<std::int64_t>(body.number(8));
    meta.local_only = (body.number(4) & kFlagLocalOnly) != 0;
    std::memcpy(meta.sha256.data(), body.bytes(meta.sha256.size()).data(), meta.sha256.size());
    const auto path_bytes = static_cast<std::size_t>(body.number(4));
    if (path_bytes != body_bytes - kBodyFixedBytes) return no_trailer(expected, "its trailer is inconsistent");
    const auto path = body.bytes(path_bytes);
    meta.path.resize(path_bytes);
    std::memcpy(meta.path.data(), path.data(), path_bytes);

    // A staged file may itself be copied into the mount: its trailer is then content, and names another version.
    if (meta.version != expected) return no_trailer(expected, "its trailer belongs to " + staged_name(meta.version));
    if (meta.size != file_bytes - trailer.size()) return no_trailer(expected, "its length does not fit its trailer");
    return meta;
}

}  // namespace

std::vector<std::byte> encode_trailer(const StagedMeta& meta) {
    ORACX_ASSERT(kBodyFixedBytes + meta.path.size() <= kBodyBytesMax);
    Encoder out;
    out.number(static_cast<std::uint64_t>(meta.version.value), 8);
    out.number(meta.size, 8);
    out.number(static_cast<std::uint64_t>(meta.mtime_ns), 8);
    out.number(meta.local_only ? kFlagLocalOnly : 0, 4);
    out.bytes(std::as_bytes(std::span(meta.sha256)));
    out.number(meta.path.size(), 4);
    out.bytes(bytes_of(meta.path));
    out.number(out.so_far().size(), 4);
    out.number(kFormat, 4);
    const Sha256 checksum = sha256_of(out.so_far());
    out.bytes(std::as_bytes(std::span(checksum)));
    out.bytes(bytes_of(kMagic));
    return out.take();
}

Result<StagedMeta> read_trailer(DiskFile& file, VersionId expected) {
    ORACX_TRY(const std::uint64_t file_bytes, file.size());
    if (file_bytes < kBodyFixedBytes + kFooterBytes) return no_trailer(expected, "it is too short for a trailer");

    std::vector<std::byte> tail(static_cast<std::size_t>(std::min<std::uint64_t>(file_bytes, kFirstReadBytes)));
    ORACX_TRYV(read_staged(file, file_bytes - tail.size(), tail));
    Decoder footer(std::span<const std::byte>(tail).last(kFooterBytes));
    const auto body_bytes = static_cast<std::size_t>(footer.number(4));
    const auto format = footer.number(4);
    footer.bytes(32);
    if (std::memcmp(footer.bytes(kMagic.size()).data(), kMagic.data(), kMagic.size()) != 0)
        return no_trailer(expected, "it has no trailer");
    if (format > kFormat)  // sealed by a newer version of us: not ours to call it unsealed
        return fail(Errc::unsupported, "read staged file " + staged_name(expected),
                    "its trailer has format " + std::to_string(format));
    if (body_bytes < kBodyFixedBytes || body_bytes > kBodyBytesMax || body_bytes + kFooterBytes > file_bytes)
        return no_trailer(expected, "its trailer is inconsistent");

    if (tail.size() < body_bytes + kFooterBytes) {
        tail.resize(body_bytes + kFooterBytes);
        ORACX_TRYV(read_staged(file, file_bytes - tail.size(), tail));
    }
    return parse(tail, body_bytes, file_bytes, expected);
}

Status read_staged(DiskFile& file, std::uint64_t offset, std::span<std::byte> into) {
    while (!into.empty()) {
        ORACX_TRY(const std::size_t count, file.read_at(offset, into));
        if (count == 0) return fail(Errc::local_io, "read staged file", "it is shorter than it was");
        offset += count;
        into = into.subspan(count);
    }
    return {};
}

}  // namespace oracxfs
