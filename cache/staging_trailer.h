#pragma once
// The last bytes of a sealed staged file: what the content is, so that the file explains itself without the catalogue.
//
//   content | body (version, size, mtime, flags, SHA-256, path) | footer (body length, format, SHA-256 of all that, magic)
//
// All numbers are little-endian. The footer stands last, so that it is found from the end of the file; the file's length
// must fit exactly, so a cut or grown file has no valid trailer.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "cache/staging.h"
#include "cache/version_name.h"

namespace oracxfs {

inline std::string staged_name(VersionId version) { return version_name('v', version); }
inline std::optional<VersionId> version_of_staged_name(std::string_view name) { return version_of_name('v', name); }

std::vector<std::byte> encode_trailer(const StagedMeta& meta);
// Errors: corrupt when there is no valid trailer, or it belongs to another version; unsupported when a newer release
// sealed it; local_io and the like from the disk.
Result<StagedMeta> read_trailer(DiskFile& file, VersionId expected);

// Fills all of `into`; local_io when the file ends before.
Status read_staged(DiskFile& file, std::uint64_t offset, std::span<std::byte> into);

}  // namespace oracxfs
