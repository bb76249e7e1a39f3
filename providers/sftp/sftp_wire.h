#pragma once
// SFTP version 3 packets (draft-ietf-secsh-filexfer-02 and OpenSSH's extensions): encoding and decoding, no I/O.
//
// Decoders take what a server sent and never trust it: every read is bounds-checked, a malformed packet is an error of
// the whole connection (Errc::unavailable), never undefined behaviour.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace oracxfs::sftp {

enum class PacketType : std::uint8_t {
    init = 1, version = 2, open = 3, close = 4, read = 5, write = 6, lstat = 7, fstat = 8, setstat = 9, fsetstat = 10,
    opendir = 11, readdir = 12, remove = 13, mkdir = 14, rmdir = 15, realpath = 16, stat = 17, rename = 18,
    readlink = 19, symlink = 20, status = 101, handle = 102, data = 103, name = 104, attrs = 105,
    extended = 200, extended_reply = 201,
};

// SSH_FX_*. Servers of version 3 send 0..8; the rest are sent by some all the same.
enum class Fx : std::uint32_t {
    ok = 0, eof = 1, no_such_file = 2, permission_denied = 3, failure = 4, bad_message = 5, no_connection = 6,
    connection_lost = 7, op_unsupported = 8, invalid_handle = 9, no_such_path = 10, file_already_exists = 11,
    write_protect = 12, no_media = 13, no_space = 14, quota_exceeded = 15, dir_not_empty = 18, not_a_directory = 19,
    invalid_filename = 20, link_loop = 21,
};

inline constexpr std::uint32_t kOpenRead = 1, kOpenWrite = 2, kOpenCreate = 8, kOpenTruncate = 16, kOpenExclusive = 32;

// No peer sends more in one packet (OpenSSH and libssh2 agree on 256 KiB); more is an attack or a shell's greeting.
inline constexpr std::size_t kPacketBytesMax = 256u << 10;

struct Attrs {
    std::optional<std::uint64_t> size;
    std::optional<std::uint32_t> permissions;
    std::optional<std::uint32_t> mtime;  // seconds; written together with the same access time
    [[nodiscard]] bool is_directory() const { return permissions && (*permissions & 0170000u) == 0040000u; }
    [[nodiscard]] bool is_regular() const { return permissions && (*permissions & 0170000u) == 0100000u; }
};

struct NameEntry {
    std::string name;
    Attrs attrs;
};

struct Limits {
    std::uint64_t packet_bytes = 0, read_bytes = 0, write_bytes = 0, handles = 0;
};

struct StatVfs {
    std::uint64_t block_bytes = 0, fragment_bytes = 0, blocks = 0, blocks_free = 0, blocks_available = 0;
    std::uint64_t inodes = 0, inodes_free = 0, inodes_available = 0;
    [[nodiscard]] std::uint64_t unit() const { return fragment_bytes != 0 ? fragment_bytes : block_bytes; }
    [[nodiscard]] std::uint64_t total() const { return blocks * unit(); }
    [[nodiscard]] std::uint64_t available() const { return blocks_available * unit(); }
};

struct Version {
    std::uint32_t number = 0;
    std::vector<std::pair<std::string, std::string>> extensions;
    [[nodiscard]] bool offers(std::string_view extension) const;
};

// Appends one packet to `out`; the length is filled in by finish().
class Encoder {
  public:
    Encoder(std::vector<std::byte>& out, PacketType type, std::uint32_t id);
    Encoder& u32(std::uint32_t value);
    Encoder& u64(std::uint64_t value);
    Encoder& str(std::string_view text);
    Encoder& data(std::span<const std::byte> bytes);
    Encoder& attrs(const Attrs& value);
    void finish();

  private:
    std::vector<std::byte>& out_;
    std::size_t start_;
};

std::vector<std::byte> encode_init();

// Reads fields in order. After the first read beyond the end ok() is false and everything read is zero or empty.
class Decoder {
  public:
    explicit Decoder(std::span<const std::byte> bytes) : rest_(bytes) {}
    std::uint8_t u8();
    std::uint32_t u32();
    std::uint64_t u64();
    std::string_view str();             // points into the packet
    std::span<const std::byte> data();  // the same as bytes
    Attrs attrs();
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return rest_.size(); }

  private:
    std::span<const std::byte> take(std::size_t count);
    std::span<const std::byte> rest_;
    bool ok_ = true;
};

// The first packet in `bytes` without its length field, or nothing if it has not arrived whole.
Result<std::optional<std::span<const std::byte>>> first_packet(std::span<const std::byte> bytes);

// One answer, decoded. Only the fields of its type are set.
struct Answer {
    PacketType type = PacketType::status;
    Fx code = Fx::ok;
    std::string message;                // the server's words, for logs
    std::string handle;
    std::span<const std::byte> data;    // valid during the callback only
    std::vector<NameEntry> names;
    Attrs attrs;
    std::vector<std::byte> extended;

    [[nodiscard]] bool ok() const { return code == Fx::ok; }
    [[nodiscard]] bool absent() const { return code == Fx::no_such_file || code == Fx::no_such_path; }
};

struct AnswerPacket {
    std::uint32_t id = 0;
    Answer answer;
};

Result<AnswerPacket> decode_answer(std::span<const std::byte> packet);
Result<Version> decode_version(std::span<const std::byte> packet);
Result<Limits> decode_limits(std::span<const std::byte> body);
Result<StatVfs> decode_statvfs(std::span<const std::byte> body);

}  // namespace oracxfs::sftp
