#pragma once
// Reads the directory of a ZIP file that a stranger may have made. No I/O, no trust: whatever the bytes, the answer is an
// error or entries that are safe to look at.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/packager/deflate.h"

namespace oracxfs {

struct PackageEntry {
    enum class Kind : std::uint8_t { file, folder, symlink, other };
    std::string name;              // ends in '/' for a folder
    Kind kind = Kind::file;
    std::uint64_t size = 0;
    std::uint64_t compressed = 0;  // in the archive
    std::uint64_t offset = 0;      // of its local header
    std::uint32_t crc = 0;
    std::uint32_t mode = 0;        // permissions and more as they stand there; 0: not known
    std::int64_t mtime_s = 0;      // UTC
    std::uint16_t method = 0;      // stored or deflated
    std::uint8_t aes_strength = 0; // 0: not encrypted
    bool has_crc = true;           // AE-2 has none
    bool streamed = false;         // its local header knows no sizes
    std::string_view refused;      // why it is never extracted; "" if it may be
};

namespace zip {

// More than 2 million members of usual names.
inline constexpr std::uint64_t kDirectoryBytesMax = 256u << 20;
// What must be read from the end to find the directory in any case.
inline constexpr std::uint64_t kTailBytes = 1u << 20;

struct EndRecord {
    std::uint64_t entries = 0;
    std::uint64_t directory_offset = 0;
    std::uint64_t directory_bytes = 0;
};
// `tail` is the end of an archive of `archive_bytes`. Errors: corrupt (no ZIP file, or a damaged one), unsupported
// (several volumes), too_large.
Result<EndRecord> find_end(ByteSpan tail, std::uint64_t archive_bytes);

// `directory`: exactly the bytes that the end record tells. Errors: corrupt, also when members overlap.
Result<std::vector<PackageEntry>> parse_directory(ByteSpan directory, const EndRecord& end);

}  // namespace zip
}  // namespace oracxfs
