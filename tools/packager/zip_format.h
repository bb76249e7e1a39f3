#pragma once
// The records of a ZIP file, as they are written (PKWARE APPNOTE 6.3). No I/O.
//
// A member whose sizes are known beforehand has them in its local header. A streamed one has them in a descriptor after
// its data, so that nothing ever has to be written again further in front; it is marked ZIP64 from the start. Directory,
// sizes and counts use ZIP64 only where they must.

#include <cstdint>
#include <string>
#include <string_view>

namespace oracxfs::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kCentralSignature = 0x02014b50;
inline constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;
inline constexpr std::uint32_t kEnd64Signature = 0x06064b50;
inline constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;

inline constexpr std::size_t kLocalBytes = 30;
inline constexpr std::size_t kCentralBytes = 46;
inline constexpr std::size_t kEndBytes = 22;
inline constexpr std::size_t kEnd64Bytes = 56;
inline constexpr std::size_t kEnd64LocatorBytes = 20;
inline constexpr std::size_t kCommentMax = 0xffff;

inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kDeflated = 8;
inline constexpr std::uint16_t kAes = 99;  // the real method stands in the extra field

inline constexpr std::uint16_t kFlagEncrypted = 1u << 0;
inline constexpr std::uint16_t kFlagDescriptor = 1u << 3;
inline constexpr std::uint16_t kFlagUtf8 = 1u << 11;

inline constexpr std::uint16_t kExtraZip64 = 0x0001;
inline constexpr std::uint16_t kExtraTime = 0x5455;
inline constexpr std::uint16_t kExtraAes = 0x9901;

inline constexpr std::uint16_t kMadeOnUnix = 3;

struct MemberRecord {
    std::string name;             // ends in '/' for a folder
    std::uint16_t method = kStored;
    bool encrypted = false;       // AE-2 with 256 bits: no CRC is stored
    bool streamed = false;
    std::uint32_t mode = 0;       // as in struct stat, with the type
    std::int64_t mtime_s = 0;     // UTC
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    std::uint64_t stored_size = 0;  // in the archive, with what encryption adds
    std::uint64_t offset = 0;       // of the local header
};

void append_local_header(std::string& out, const MemberRecord& member);
void append_descriptor(std::string& out, const MemberRecord& member);
void append_central_header(std::string& out, const MemberRecord& member);
void append_end(std::string& out, std::uint64_t members, std::uint64_t directory_offset, std::uint64_t directory_bytes);

// The name may carry the flag for UTF-8: it is UTF-8, and not plain ASCII.
bool needs_utf8_flag(std::string_view name);
bool is_utf8(std::string_view text);

inline std::uint16_t u16(const char* at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(at[0]) | static_cast<unsigned char>(at[1]) << 8);
}
inline std::uint32_t u32(const char* at) { return static_cast<std::uint32_t>(u16(at)) | static_cast<std::uint32_t>(u16(at + 2)) << 16; }
inline std::uint64_t u64(const char* at) { return static_cast<std::uint64_t>(u32(at)) | static_cast<std::uint64_t>(u32(at + 4)) << 32; }

// Seconds since 1970 of an MS-DOS date and time, taken as UTC.
std::int64_t time_from_dos(std::uint16_t date, std::uint16_t time);

}  // namespace oracxfs::zip
