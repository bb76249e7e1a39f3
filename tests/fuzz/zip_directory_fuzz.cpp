// The directory of a ZIP file: the end record and the entries, as a reader meets them.

#include "tests/fuzz/fuzz.h"
#include "tools/packager/member_name.h"
#include "tools/packager/zip_directory.h"
#include "tools/packager/zip_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace oracxfs;
    const ByteSpan bytes = std::as_bytes(std::span(data, size));
    const auto end = zip::find_end(bytes, size);
    if (!end) return 0;
    fuzz::require(end->directory_offset <= size && end->directory_bytes <= size - end->directory_offset);
    const auto entries = zip::parse_directory(bytes.subspan(end->directory_offset, end->directory_bytes), *end);
    if (!entries) return 0;
    fuzz::require(entries->size() == end->entries);
    std::uint64_t total = 0;
    for (const PackageEntry& entry : *entries) {
        // All data lies in front of the directory, each byte belongs to one member, and what may be extracted has a name
        // that stays below its folder.
        fuzz::require(entry.offset + zip::kLocalBytes + entry.compressed <= end->directory_offset);
        total += entry.compressed;
        if (entry.refused.empty()) fuzz::require(why_unsafe(entry.name).empty());
    }
    fuzz::require(total <= size);
    return 0;
}
