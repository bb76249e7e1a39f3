#include "tools/packager/zip_format.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace oracxfs::zip {
namespace {

constexpr std::uint32_t kIn64 = 0xffffffff;   // the real value stands in the ZIP64 extra field
constexpr std::uint16_t kIn64Count = 0xffff;

void put(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}
void put16(std::string& out, std::uint64_t value) { put(out, value, 2); }
void put32(std::string& out, std::uint64_t value) { put(out, value, 4); }
void put64(std::string& out, std::uint64_t value) { put(out, value, 8); }

std::uint32_t fitting(std::uint64_t value) { return value < kIn64 ? static_cast<std::uint32_t>(value) : kIn64; }

struct DosTime {
    std::uint16_t date = 0, time = 0;
};

// UTC, although MS-DOS meant local time: the same tree must give the same archive wherever it is packed. Programs that
// know the extra field with the exact time use that.
DosTime dos_time(std::int64_t mtime_s) {
    using namespace std::chrono;
    constexpr std::int64_t kFirst = 315'532'800, kLast = 4'354'819'198;  // 1980-01-01 to 2107-12-31
    const sys_seconds time{seconds(std::clamp(mtime_s, kFirst, kLast))};
    const sys_days day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    const auto two_seconds = static_cast<unsigned>(clock.seconds().count() / 2);
    return {static_cast<std::uint16_t>((static_cast<unsigned>(static_cast<int>(date.year()) - 1980) << 9) |
                                       (static_cast<unsigned>(date.month()) << 5) | static_cast<unsigned>(date.day())),
            static_cast<std::uint16_t>((static_cast<unsigned>(clock.hours().count()) << 11) |
                                       (static_cast<unsigned>(clock.minutes().count()) << 5) | two_seconds)};
}

std::uint16_t flags_of(const MemberRecord& member) {
    return static_cast<std::uint16_t>((member.encrypted ? kFlagEncrypted : 0) | (member.streamed ? kFlagDescriptor : 0) |
                                      (needs_utf8_flag(member.name) ? kFlagUtf8 : 0));
}

std::uint16_t version_needed(const MemberRecord& member, bool zip64) { return member.encrypted ? 51 : zip64 ? 45 : 20; }

void append_common_extra(std::string& extra, const MemberRecord& member) {
    if (member.mtime_s >= std::numeric_limits<std::int32_t>::min() && member.mtime_s <= std::numeric_limits<std::int32_t>::max()) {
        put16(extra, kExtraTime);
        put16(extra, 5);
        extra.push_back(1);  // the time of modification only
        put32(extra, static_cast<std::uint64_t>(member.mtime_s));
    }
    if (member.encrypted) {
        put16(extra, kExtraAes);
        put16(extra, 7);
        put16(extra, 2);  // AE-2
        extra += "AE";
        extra.push_back(3);  // 256 bits
        put16(extra, member.method);
    }
}

}  // namespace

void append_local_header(std::string& out, const MemberRecord& member) {
    const bool zip64 = member.streamed || member.size >= kIn64 || member.stored_size >= kIn64;
    const DosTime time = dos_time(member.mtime_s);
    std::string extra;
    if (zip64) {
        put16(extra, kExtraZip64);
        put16(extra, 16);
        put64(extra, member.streamed ? 0 : member.size);
        put64(extra, member.streamed ? 0 : member.stored_size);
    }
    append_common_extra(extra, member);
    put32(out, kLocalSignature);
    put16(out, version_needed(member, zip64));
    put16(out, flags_of(member));
    put16(out, member.encrypted ? kAes : member.method);
    put16(out, time.time);
    put16(out, time.date);
    put32(out, member.streamed || member.encrypted ? 0 : member.crc);
    put32(out, zip64 ? kIn64 : member.stored_size);
    put32(out, zip64 ? kIn64 : member.size);
    put16(out, member.name.size());
    put16(out, extra.size());
    out += member.name;
    out += extra;
}

void append_descriptor(std::string& out, const MemberRecord& member) {
    put32(out, kDescriptorSignature);
    put32(out, member.encrypted ? 0 : member.crc);
    put64(out, member.stored_size);
    put64(out, member.size);
}

void append_central_header(std::string& out, const MemberRecord& member) {
    const DosTime time = dos_time(member.mtime_s);
    std::string values;
    if (member.size >= kIn64) put64(values, member.size);
    if (member.stored_size >= kIn64) put64(values, member.stored_size);
    if (member.offset >= kIn64) put64(values, member.offset);
    std::string extra;
    if (!values.empty()) {
        put16(extra, kExtraZip64);
        put16(extra, values.size());
        extra += values;
    }
    append_common_extra(extra, member);
    const bool zip64 = member.streamed || !values.empty();
    const bool folder = member.name.ends_with('/');
    put32(out, kCentralSignature);
    put16(out, kMadeOnUnix << 8 | 63);
    put16(out, version_needed(member, zip64));
    put16(out, flags_of(member));
    put16(out, member.encrypted ? kAes : member.method);
    put16(out, time.time);
    put16(out, time.date);
    put32(out, member.encrypted ? 0 : member.crc);
    put32(out, fitting(member.stored_size));
    put32(out, fitting(member.size));
    put16(out, member.name.size());
    put16(out, extra.size());
    put16(out, 0);  // comment
    put16(out, 0);  // disk
    put16(out, 0);  // internal attributes
    put32(out, static_cast<std::uint64_t>(member.mode) << 16 | (folder ? 0x10u : 0u));
    put32(out, fitting(member.offset));
    out += member.name;
    out += extra;
}

void append_end(std::string& out, std::uint64_t members, std::uint64_t directory_offset, std::uint64_t directory_bytes) {
    if (members >= kIn64Count || directory_offset >= kIn64 || directory_bytes >= kIn64) {
        put32(out, kEnd64Signature);
        put64(out, kEnd64Bytes - 12);
        put16(out, kMadeOnUnix << 8 | 63);
        put16(out, 45);
        put32(out, 0);
        put32(out, 0);
        put64(out, members);
        put64(out, members);
        put64(out, directory_bytes);
        put64(out, directory_offset);
        put32(out, kEnd64LocatorSignature);
        put32(out, 0);
        put64(out, directory_offset + directory_bytes);
        put32(out, 1);
    }
    const std::uint64_t count = std::min<std::uint64_t>(members, kIn64Count);
    put32(out, kEndSignature);
    put16(out, 0);
    put16(out, 0);
    put16(out, count);
    put16(out, count);
    put32(out, fitting(directory_bytes));
    put32(out, fitting(directory_offset));
    put16(out, 0);
}

bool is_utf8(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    for (std::size_t at = 0; at < text.size();) {
        const unsigned first = byte(at);
        const std::size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (length == 0) return false;
        for (std::size_t i = 1; i < length; ++i)
            if ((byte(at + i) & 0xc0u) != 0x80u) return false;
        if ((first == 0xe0 && byte(at + 1) < 0xa0) || (first == 0xed && byte(at + 1) >= 0xa0)) return false;
        if ((first == 0xf0 && byte(at + 1) < 0x90) || (first == 0xf4 && byte(at + 1) >= 0x90)) return false;
        at += length;
    }
    return true;
}

bool needs_utf8_flag(std::string_view name) {
    const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    return !ascii && is_utf8(name);
}

std::int64_t time_from_dos(std::uint16_t date, std::uint16_t time) {
    using namespace std::chrono;
    const unsigned month_number = std::clamp(date >> 5 & 15, 1, 12), day_number = std::clamp(date & 31, 1, 31);
    const sys_days day_start = year_month_day(year(1980 + (date >> 9)), month(month_number), std::chrono::day(day_number));
    const auto in_day = hours(time >> 11) + minutes(time >> 5 & 63) + seconds((time & 31) * 2);
    return duration_cast<seconds>(day_start.time_since_epoch() + in_day).count();
}

}  // namespace oracxfs::zip
