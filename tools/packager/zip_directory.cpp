#include "tools/packager/zip_directory.h"

#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <numeric>
#include <optional>

#include "tools/packager/member_name.h"
#include "tools/packager/zip_aes.h"
#include "tools/packager/zip_format.h"

namespace oracxfs::zip {
namespace {

constexpr std::uint32_t kIn64 = 0xffffffff;
constexpr std::uint16_t kIn64Short = 0xffff;

tl::unexpected<Error> damaged(std::string why) { return fail(Errc::corrupt, "read the directory of the package", std::move(why)); }

std::string_view text_of(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// The end record ends the file, with its comment.
std::optional<std::size_t> end_position(std::string_view tail) {
    if (tail.size() < kEndBytes) return std::nullopt;
    for (std::size_t at = tail.size() - kEndBytes;; --at) {
        if (u32(tail.data() + at) == kEndSignature && u16(tail.data() + at + 20) == tail.size() - kEndBytes - at) return at;
        if (at == 0 || tail.size() - at >= kEndBytes + kCommentMax) return std::nullopt;
    }
}

Result<std::optional<std::size_t>> end64_position(std::string_view tail, std::size_t end, std::uint64_t tail_offset) {
    using Answer = std::optional<std::size_t>;
    if (end < kEnd64LocatorBytes || u32(tail.data() + end - kEnd64LocatorBytes) != kEnd64LocatorSignature) return Answer();
    const std::size_t locator = end - kEnd64LocatorBytes;
    if (u32(tail.data() + locator + 4) != 0 || u32(tail.data() + locator + 16) > 1)
        return fail(Errc::unsupported, "read the directory of the package", "it is one volume of several");
    const std::uint64_t offset = u64(tail.data() + locator + 8);
    if (offset < tail_offset || locator < kEnd64Bytes || offset - tail_offset > locator - kEnd64Bytes ||
        u32(tail.data() + (offset - tail_offset)) != kEnd64Signature)
        return damaged("its ZIP64 end record is not where it should be");
    return Answer(static_cast<std::size_t>(offset - tail_offset));
}

// The extra fields of one entry, one by one.
template <class Each>
bool each_extra(std::string_view extra, Each each) {
    while (extra.size() >= 4) {
        const std::uint16_t id = u16(extra.data()), size = u16(extra.data() + 2);
        if (size > extra.size() - 4) return false;
        if (!each(id, extra.substr(4, size))) return false;
        extra.remove_prefix(4u + size);
    }
    return true;  // some programs leave up to three bytes of padding
}

bool read_zip64(std::string_view field, PackageEntry& entry) {
    const auto take = [&](std::uint64_t& value) {
        if (value != kIn64) return true;
        if (field.size() < 8) return false;
        value = u64(field.data());
        field.remove_prefix(8);
        return true;
    };
    return take(entry.size) && take(entry.compressed) && take(entry.offset);
}

bool read_aes(std::string_view field, PackageEntry& entry) {
    if (field.size() < 7 || field.substr(2, 2) != "AE") return false;
    const std::uint16_t version = u16(field.data());
    entry.aes_strength = static_cast<std::uint8_t>(field[4]);
    entry.method = u16(field.data() + 5);
    entry.has_crc = version == 1;
    return (version == 1 || version == 2) && aes_key_bytes(entry.aes_strength) != 0;
}

PackageEntry::Kind kind_of(const PackageEntry& entry) {
    using Kind = PackageEntry::Kind;
    if (entry.name.ends_with('/')) return Kind::folder;
    switch (entry.mode & S_IFMT) {
        case 0:
        case S_IFREG: return Kind::file;
        case S_IFLNK: return Kind::symlink;
        // What Info-ZIP read from its standard input has the type of that: a pipe, with content.
        case S_IFIFO: return entry.size != 0 ? Kind::file : Kind::other;
        default: return Kind::other;  // also a "folder" without '/', whose data would have no place
    }
}

std::string_view why_refused(const PackageEntry& entry, std::uint16_t flags) {
    if (const std::string_view why = why_unsafe(entry.name); !why.empty()) return why;
    if (entry.kind == PackageEntry::Kind::other) return "it is neither a file nor a folder nor a link";
    if (entry.kind == PackageEntry::Kind::symlink && entry.size >= PATH_MAX) return "the link's target is too long";
    if (entry.kind == PackageEntry::Kind::folder && entry.size != 0) return "it is a folder with content";
    if ((flags & kFlagEncrypted) != 0 && entry.aes_strength == 0) return "its encryption is not AES";
    if (entry.method != kStored && entry.method != kDeflated) return "its compression method is not known here";
    const std::uint64_t overhead = entry.aes_strength == 0 ? 0 : aes_salt_bytes(entry.aes_strength) + kAesVerifierBytes + kAesMacBytes;
    if (entry.compressed < overhead) return "it is shorter than its encryption";
    if (entry.method == kStored && entry.size != entry.compressed - overhead) return "its sizes contradict each other";
    return {};
}

Result<PackageEntry> parse_entry(std::string_view& rest) {
    if (rest.size() < kCentralBytes || u32(rest.data()) != kCentralSignature) return damaged("an entry is missing");
    const char* at = rest.data();
    const std::uint16_t made_by = u16(at + 4), flags = u16(at + 8);
    const std::size_t name_bytes = u16(at + 28), extra_bytes = u16(at + 30), comment_bytes = u16(at + 32);
    if (name_bytes + extra_bytes + comment_bytes > rest.size() - kCentralBytes) return damaged("an entry is cut off");
    PackageEntry entry;
    entry.method = u16(at + 10);
    entry.mtime_s = time_from_dos(u16(at + 14), u16(at + 12));
    entry.crc = u32(at + 16);
    entry.compressed = u32(at + 20);
    entry.size = u32(at + 24);
    entry.offset = u32(at + 42);
    entry.streamed = (flags & kFlagDescriptor) != 0;
    entry.name = rest.substr(kCentralBytes, name_bytes);
    const unsigned system = made_by >> 8;
    if (system == kMadeOnUnix || system == 19) entry.mode = u32(at + 38) >> 16;  // 19: macOS

    const bool is_aes = entry.method == kAes;
    const bool wants64 = entry.size == kIn64 || entry.compressed == kIn64 || entry.offset == kIn64;
    bool has64 = false;
    const bool good = each_extra(rest.substr(kCentralBytes + name_bytes, extra_bytes), [&](std::uint16_t id, std::string_view field) {
        if (id == kExtraZip64 && wants64 && !has64) return has64 = read_zip64(field, entry);
        if (id == kExtraAes && is_aes && entry.aes_strength == 0) return read_aes(field, entry);
        if (id == kExtraTime && field.size() >= 5 && (field[0] & 1) != 0) entry.mtime_s = static_cast<std::int32_t>(u32(field.data() + 1));
        return true;
    });
    if (!good || (is_aes && entry.aes_strength == 0)) return damaged("an entry's extra field is damaged");
    entry.kind = kind_of(entry);
    entry.refused = why_refused(entry, flags);
    rest.remove_prefix(kCentralBytes + name_bytes + extra_bytes + comment_bytes);
    return entry;
}

// Data that belongs to two members is how a small file becomes an enormous one.
Status check_overlaps(const std::vector<PackageEntry>& entries, std::uint64_t directory_offset) {
    std::vector<std::uint32_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return entries[a].offset < entries[b].offset; });
    for (std::size_t i = 0; i < order.size(); ++i) {
        const PackageEntry& entry = entries[order[i]];
        const std::uint64_t limit = i + 1 < order.size() ? entries[order[i + 1]].offset : directory_offset;
        const std::uint64_t header = kLocalBytes + entry.name.size();
        if (entry.offset > directory_offset || limit - entry.offset < header || limit - entry.offset - header < entry.compressed)
            return damaged(i + 1 < order.size() ? "members overlap" : "a member reaches into the directory");
    }
    return {};
}

void refuse_duplicates(std::vector<PackageEntry>& entries) {
    const auto bare = [&](std::uint32_t index) {
        std::string_view name = entries[index].name;
        if (name.ends_with('/')) name.remove_suffix(1);
        return name;
    };
    std::vector<std::uint32_t> order(entries.size());
    std::iota(order.begin(), order.end(), 0u);
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return bare(a) < bare(b); });
    for (std::size_t i = 1; i < order.size(); ++i)
        if (bare(order[i]) == bare(order[i - 1]))
            entries[order[i]].refused = entries[order[i - 1]].refused = "there are several members of this name";
}

}  // namespace

Result<EndRecord> find_end(ByteSpan bytes, std::uint64_t archive_bytes) {
    const std::string_view tail = text_of(bytes);
    const auto position = end_position(tail);
    if (!position) return damaged("this is no ZIP file, or its end is missing");
    const char* at = tail.data() + *position;
    const std::uint64_t tail_offset = archive_bytes - tail.size();
    const std::uint16_t disk = u16(at + 4), directory_disk = u16(at + 6);
    EndRecord end{u16(at + 10), u32(at + 16), u32(at + 12)};
    std::uint64_t limit = tail_offset + *position;
    ORACX_TRY(const auto position64, end64_position(tail, *position, tail_offset));
    if (position64) {
        const char* at64 = tail.data() + *position64;
        end = {u64(at64 + 32), u64(at64 + 48), u64(at64 + 40)};
        limit = tail_offset + *position64;
    } else if ((disk != 0 && disk != kIn64Short) || (directory_disk != 0 && directory_disk != kIn64Short) || u16(at + 8) != u16(at + 10)) {
        return fail(Errc::unsupported, "read the directory of the package", "it is one volume of several");
    }
    if (end.directory_offset > limit || end.directory_bytes > limit - end.directory_offset)
        return damaged("the directory is not where the end of the file says");
    if (end.directory_bytes > kDirectoryBytesMax) return fail(Errc::too_large, "read the directory of the package");
    if (end.entries > end.directory_bytes / kCentralBytes) return damaged("there are fewer entries than the end of the file says");
    return end;
}

Result<std::vector<PackageEntry>> parse_directory(ByteSpan directory, const EndRecord& end) {
    std::string_view rest = text_of(directory);
    std::vector<PackageEntry> entries;
    entries.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(end.entries, rest.size() / kCentralBytes)));
    for (std::uint64_t i = 0; i < end.entries; ++i) {
        ORACX_TRY(PackageEntry entry, parse_entry(rest));
        entries.push_back(std::move(entry));
    }
    if (rest.size() >= 4 && u32(rest.data()) == kCentralSignature) return damaged("there are more entries than the end of the file says");
    ORACX_TRYV(check_overlaps(entries, end.directory_offset));
    refuse_duplicates(entries);
    return entries;
}

}  // namespace oracxfs::zip
