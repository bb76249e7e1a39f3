#include "tools/packager/deflate.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/assert.h"

namespace oracxfs {
namespace {

// 12 is libdeflate's best. 6 is smaller than zlib's best, in a seventh of its time.
constexpr int kMaxLevel = 12;
constexpr int kBalancedLevel = 6;
constexpr int kProbeLevel = 1;
// A block that a quick look cannot make smaller than this is stored: slower levels gain a percent at most.
constexpr std::size_t kWorthPerMille = 985;

struct FreeCompressor {
    void operator()(libdeflate_compressor* handle) const { libdeflate_free_compressor(handle); }
};
using Compressor = std::unique_ptr<libdeflate_compressor, FreeCompressor>;

Compressor make_compressor(int level) {
    Compressor compressor(libdeflate_alloc_compressor(level));
    ORACX_ASSERT(compressor != nullptr);  // no memory
    return compressor;
}

// The end of the inflater's scope.
struct Inflater {
    Inflater() { ORACX_ASSERT(inflateInit2(&stream, -MAX_WBITS) == Z_OK); }
    ~Inflater() { inflateEnd(&stream); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    z_stream stream{};
};

std::size_t bits_used(const z_stream& stream) {
    return static_cast<std::size_t>(stream.total_in) * 8 - static_cast<std::size_t>(stream.data_type & 7);
}

bool is_worth(std::size_t compressed, std::size_t size) { return compressed * 1000 < size * kWorthPerMille; }

Error differs() {
    return {Errc::corrupt, "compress", "a compressed block does not inflate to its input: the memory of this machine may be faulty"};
}

}  // namespace

struct BlockCompressor::Impl {
    explicit Impl(Compression wanted)
        : compression(wanted),
          compressor(wanted == Compression::store ? nullptr : make_compressor(wanted == Compression::max ? kMaxLevel : kBalancedLevel)),
          prober(wanted == Compression::max ? make_compressor(kProbeLevel) : nullptr),
          scratch(64u << 10) {
        if (compressor != nullptr) out.resize(libdeflate_deflate_compress_bound(compressor.get(), kDeflateBlockBytes));
    }

    std::size_t run(libdeflate_compressor* with, ByteSpan input) {
        return libdeflate_deflate_compress(with, input.data(), input.size(), out.data(), out.size());
    }

    // Inflates what is in `out`, compares, and finds where the last block of the stream begins and ends, in bits.
    struct Marks {
        std::size_t last_block = 0, end = 0;
    };
    std::optional<Marks> check(ByteSpan input, std::size_t size) {
        Inflater inflater;
        z_stream& stream = inflater.stream;
        stream.next_in = reinterpret_cast<Bytef*>(out.data());
        stream.avail_in = static_cast<uInt>(size);
        Marks marks;
        std::size_t done = 0;
        for (;;) {
            stream.next_out = reinterpret_cast<Bytef*>(scratch.data());
            stream.avail_out = static_cast<uInt>(scratch.size());
            if (inflate(&stream, Z_BLOCK) != Z_OK) return std::nullopt;
            const std::size_t count = scratch.size() - stream.avail_out;
            if (count > input.size() - done || std::memcmp(scratch.data(), input.data() + done, count) != 0) return std::nullopt;
            done += count;
            if ((stream.data_type & 128) == 0) continue;  // not at the end of a block
            if ((stream.data_type & 64) != 0) break;      // of the last one
            marks.last_block = bits_used(stream);
        }
        marks.end = bits_used(stream);
        if (done != input.size() || stream.avail_in != 0) return std::nullopt;
        return marks;
    }

    const Compression compression;
    const Compressor compressor;
    const Compressor prober;
    Bytes out;      // room for the largest result
    Bytes scratch;  // of check()
};

BlockCompressor::BlockCompressor(Compression level) : impl_(std::make_unique<Impl>(level)) {}
BlockCompressor::~BlockCompressor() = default;

Result<std::optional<Bytes>> BlockCompressor::compress(ByteSpan input, Form form) {
    Impl& self = *impl_;
    ORACX_ASSERT(input.size() <= kDeflateBlockBytes);
    if (self.compression == Compression::store || input.empty()) return std::optional<Bytes>();
    if (self.prober != nullptr && !is_worth(self.run(self.prober.get(), input), input.size())) return std::optional<Bytes>();
    const std::size_t size = self.run(self.compressor.get(), input);
    ORACX_ASSERT(size > 0);  // the output has libdeflate's own bound
    if (!is_worth(size, input.size())) return std::optional<Bytes>();
    const auto marks = self.check(input, size);
    if (!marks) return fail(differs());

    Bytes result;
    result.reserve(size + 5);
    result.assign(self.out.begin(), self.out.begin() + static_cast<std::ptrdiff_t>(size));
    if (form == Form::whole) return std::optional<Bytes>(std::move(result));

    std::byte& header = result[marks->last_block / 8];
    ORACX_ASSERT((header >> (marks->last_block % 8) & std::byte{1}) == std::byte{1});
    header &= ~(std::byte{1} << (marks->last_block % 8));
    // An empty stored block: three zero bits, zeros up to the next byte, then its length. What is left of the last byte
    // is zero already.
    if (const std::size_t used = marks->end % 8; used == 0 || used > 5) result.push_back(std::byte{0});
    for (const int byte : {0x00, 0x00, 0xff, 0xff}) result.push_back(static_cast<std::byte>(byte));
    return std::optional<Bytes>(std::move(result));
}

void append_stored_blocks(Bytes& out, ByteSpan data) {
    constexpr std::size_t kStoredMax = 65'535;
    out.reserve(out.size() + data.size() + 5 * (data.size() / kStoredMax + 1));
    while (!data.empty()) {
        const std::size_t count = std::min(kStoredMax, data.size());
        const auto low = static_cast<std::byte>(count & 0xff), high = static_cast<std::byte>(count >> 8);
        const std::array<std::byte, 5> header{std::byte{0}, low, high, ~low, ~high};
        out.insert(out.end(), header.begin(), header.end());
        out.insert(out.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count));
        data = data.subspan(count);
    }
}

ByteSpan end_of_stream() {
    // A last block with fixed codes that holds nothing but its end.
    static constexpr std::array<std::byte, 2> kEnd{std::byte{3}, std::byte{0}};
    return kEnd;
}

bool looks_compressed(ByteSpan beginning) {
    const std::string_view bytes(reinterpret_cast<const char*>(beginning.data()), beginning.size());
    using namespace std::string_view_literals;
    static constexpr std::array kMagic = {
        "\x1f\x8b"sv, "PK\x03\x04"sv, "\xfd""7zXZ\0"sv, "\x28\xb5\x2f\xfd"sv, "BZh"sv, "7z\xbc\xaf\x27\x1c"sv, "Rar!\x1a\x07"sv,
        "\xff\xd8\xff"sv, "\x89PNG\r\n\x1a\n"sv, "GIF8"sv, "\x1a\x45\xdf\xa3"sv, "OggS"sv, "fLaC"sv, "ID3"sv, "wOF2"sv, "\x04\x22\x4d\x18"sv,
    };
    if (std::any_of(kMagic.begin(), kMagic.end(), [&](std::string_view magic) { return bytes.starts_with(magic); })) return true;
    if (bytes.size() < 12) return false;
    return bytes.substr(4, 4) == "ftyp" || (bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP");
}

std::uint32_t crc32_of(ByteSpan data, std::uint32_t before) { return libdeflate_crc32(before, data.data(), data.size()); }

std::uint32_t crc32_joined(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
    return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(second_bytes)));
}

}  // namespace oracxfs
