#include "providers/sftp/sftp_wire.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.h"

namespace oracxfs::sftp {
namespace {

constexpr std::uint32_t kAttrSize = 1, kAttrOwner = 2, kAttrPermissions = 4, kAttrTimes = 8, kAttrExtended = 0x80000000u;
// A name entry is at least two empty strings and empty attributes.
constexpr std::size_t kNameBytesMin = 12;

template <class T>
void append_big_endian(std::vector<std::byte>& out, T value) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
        out.push_back(static_cast<std::byte>(value >> shift));
}

auto malformed(const char* what) {
    return fail(Errc::unavailable, "talk SFTP", std::string("malformed ") + what + " packet from the server");
}

std::string_view as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

bool Version::offers(std::string_view extension) const {
    return std::any_of(extensions.begin(), extensions.end(),
                       [&](const auto& entry) { return entry.first == extension; });
}

Encoder::Encoder(std::vector<std::byte>& out, PacketType type, std::uint32_t id) : out_(out), start_(out.size()) {
    append_big_endian(out_, std::uint32_t{0});
    out_.push_back(static_cast<std::byte>(type));
    append_big_endian(out_, id);
}

Encoder& Encoder::u32(std::uint32_t value) {
    append_big_endian(out_, value);
    return *this;
}

Encoder& Encoder::u64(std::uint64_t value) {
    append_big_endian(out_, value);
    return *this;
}

Encoder& Encoder::str(std::string_view text) { return data(std::as_bytes(std::span(text))); }

Encoder& Encoder::data(std::span<const std::byte> bytes) {
    append_big_endian(out_, static_cast<std::uint32_t>(bytes.size()));
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
}

Encoder& Encoder::attrs(const Attrs& value) {
    u32((value.size ? kAttrSize : 0) | (value.permissions ? kAttrPermissions : 0) | (value.mtime ? kAttrTimes : 0));
    if (value.size) u64(*value.size);
    if (value.permissions) u32(*value.permissions);
    if (value.mtime) u32(*value.mtime).u32(*value.mtime);
    return *this;
}

void Encoder::finish() {
    const std::size_t length = out_.size() - start_ - 4;
    ORACX_ASSERT(length <= kPacketBytesMax);
    for (std::size_t i = 0; i < 4; ++i) out_[start_ + i] = static_cast<std::byte>(length >> (24 - 8 * i));
}

std::vector<std::byte> encode_init() {
    constexpr std::uint8_t packet[] = {0, 0, 0, 5, static_cast<std::uint8_t>(PacketType::init), 0, 0, 0, 3};
    const auto bytes = std::as_bytes(std::span(packet));
    return {bytes.begin(), bytes.end()};
}

std::span<const std::byte> Decoder::take(std::size_t count) {
    if (count > rest_.size()) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
}

std::uint8_t Decoder::u8() {
    const auto bytes = take(1);
    return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
}

std::uint32_t Decoder::u32() {
    std::uint32_t value = 0;
    for (const std::byte b : take(4)) value = (value << 8) | std::to_integer<std::uint32_t>(b);
    return value;
}

std::uint64_t Decoder::u64() {
    std::uint64_t value = 0;
    for (const std::byte b : take(8)) value = (value << 8) | std::to_integer<std::uint64_t>(b);
    return value;
}

std::span<const std::byte> Decoder::data() { return take(u32()); }

std::string_view Decoder::str() { return as_text(data()); }

Attrs Decoder::attrs() {
    Attrs value;
    const std::uint32_t flags = u32();
    if (flags & kAttrSize) value.size = u64();
    if (flags & kAttrOwner) (void)u64();
    if (flags & kAttrPermissions) value.permissions = u32();
    if (flags & kAttrTimes) {
        (void)u32();
        value.mtime = u32();
    }
    if (flags & kAttrExtended) {
        for (std::uint32_t count = u32(); count > 0 && ok_; --count) {
            (void)str();
            (void)str();
        }
    }
    return value;
}

Result<std::optional<std::span<const std::byte>>> first_packet(std::span<const std::byte> bytes) {
    if (bytes.size() < 4) return std::nullopt;
    Decoder head(bytes);
    const std::uint32_t length = head.u32();
    if (length == 0 || length > kPacketBytesMax)
        return fail(Errc::unavailable, "talk SFTP",
                    "packet of " + std::to_string(length) + " bytes announced; does the account's shell print a greeting?");
    if (bytes.size() - 4 < length) return std::nullopt;
    return bytes.subspan(4, length);
}

Result<AnswerPacket> decode_answer(std::span<const std::byte> packet) {
    Decoder in(packet);
    AnswerPacket out;
    Answer& answer = out.answer;
    answer.type = static_cast<PacketType>(in.u8());
    out.id = in.u32();
    switch (answer.type) {
        case PacketType::status:
            answer.code = static_cast<Fx>(in.u32());
            if (!in.ok()) return malformed("STATUS");
            answer.message = in.left() > 0 ? std::string(in.str()) : std::string();  // old servers send no text
            return out;
        case PacketType::handle:
            answer.handle = std::string(in.str());
            if (!in.ok() || answer.handle.size() > 256) return malformed("HANDLE");
            return out;
        case PacketType::data:
            answer.data = in.data();
            if (!in.ok()) return malformed("DATA");
            return out;
        case PacketType::attrs:
            answer.attrs = in.attrs();
            if (!in.ok()) return malformed("ATTRS");
            return out;
        case PacketType::name: {
            const std::uint32_t count = in.u32();
            if (count > in.left() / kNameBytesMin) return malformed("NAME");
            answer.names.reserve(count);
            for (std::uint32_t i = 0; i < count; ++i) {
                NameEntry entry;
                entry.name = std::string(in.str());
                (void)in.str();  // the "ls -l" line is for people
                entry.attrs = in.attrs();
                answer.names.push_back(std::move(entry));
            }
            if (!in.ok()) return malformed("NAME");
            return out;
        }
        case PacketType::extended_reply:
            if (!in.ok()) return malformed("EXTENDED_REPLY");
            answer.extended.assign(packet.end() - static_cast<std::ptrdiff_t>(in.left()), packet.end());
            return out;
        default:
            return malformed("unexpected");
    }
}

Result<Version> decode_version(std::span<const std::byte> packet) {
    Decoder in(packet);
    Version version;
    if (static_cast<PacketType>(in.u8()) != PacketType::version) return malformed("VERSION");
    version.number = in.u32();
    while (in.ok() && in.left() > 0) {
        std::string name(in.str());
        std::string value(in.str());
        if (in.ok()) version.extensions.emplace_back(std::move(name), std::move(value));
    }
    if (!in.ok()) return malformed("VERSION");
    return version;
}

Result<Limits> decode_limits(std::span<const std::byte> body) {
    Decoder in(body);
    Limits limits;
    limits.packet_bytes = in.u64();
    limits.read_bytes = in.u64();
    limits.write_bytes = in.u64();
    limits.handles = in.u64();
    if (!in.ok()) return malformed("limits");
    return limits;
}

Result<StatVfs> decode_statvfs(std::span<const std::byte> body) {
    Decoder in(body);
    StatVfs space;
    space.block_bytes = in.u64();
    space.fragment_bytes = in.u64();
    space.blocks = in.u64();
    space.blocks_free = in.u64();
    space.blocks_available = in.u64();
    space.inodes = in.u64();
    space.inodes_free = in.u64();
    space.inodes_available = in.u64();
    if (!in.ok()) return malformed("statvfs");
    return space;
}

}  // namespace oracxfs::sftp
