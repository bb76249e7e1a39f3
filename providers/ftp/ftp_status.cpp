#include "providers/ftp/ftp_status.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace oracxfs::ftp {
namespace {

constexpr std::size_t kNameBytesMax = 255;

}  // namespace

Errc errc_of(int reply_code) {
    switch (reply_code) {
        case 421: return Errc::throttled;
        case 430:
        case 530: return Errc::unauthenticated;
        case 452:
        case 552: return Errc::quota_full;
        case 500:
        case 502:
        case 504: return Errc::unsupported;
        case 501:
        case 553: return Errc::name_refused;
        case 532:
        case 533:
        case 534:
        case 536:
        case 550: return Errc::denied;
        default: return Errc::unavailable;
    }
}

Error error_of(const Reply& reply, std::string what) {
    return Error(errc_of(reply.code), std::move(what), reply.code == 0 ? "no reply" : "the server says '" + reply.text() + "'")
        .with_native(reply.code);
}

Status check_name(std::string_view component) {
    if (component.size() > kNameBytesMax) return fail(Errc::name_too_long, "check name", "more than 255 bytes");
    for (const char c : component) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 32 || byte == 127) return fail(Errc::name_refused, "check name", "FTP cannot carry control characters in names");
        if (byte == 255) return fail(Errc::name_refused, "check name", "FTP cannot carry the byte 0xFF in names");
    }
    if (component.ends_with(' ')) return fail(Errc::name_refused, "check name", "FTP servers lose spaces at the end of a name");
    return {};
}

Status check_names(const ObjectKey& key) {
    ORACX_TRYV(check_key(key));
    std::string_view rest = key;
    while (!rest.empty()) {
        const std::size_t slash = std::min(rest.find('/'), rest.size());
        ORACX_TRYV(check_name(rest.substr(0, slash)));
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return {};
}

std::string rev_of(const ListEntry& entry) {
    std::string rev = std::to_string(entry.size) + ":" + std::to_string(entry.mtime.value_or(0));
    if (!entry.unique.empty()) rev += ":" + entry.unique;
    return rev;
}

RemoteObject object_of(const ObjectKey& key, const ListEntry& entry) {
    RemoteObject object;
    object.key = key;
    object.is_directory = entry.is_directory();
    // Nanoseconds reach from 1677 to 2262; a server may claim any year.
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    const std::int64_t seconds = entry.mtime.value_or(0);
    if (std::abs(seconds) < INT64_MAX / kNsPerSecond) object.mtime_ns = seconds * kNsPerSecond;
    if (object.is_directory) return object;
    object.size = entry.size;
    object.rev = rev_of(entry);
    return object;
}

std::string url_path(std::string_view absolute) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (std::size_t i = 0; i < absolute.size(); ++i) {
        const char c = absolute[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                           (c == '/' && i > 0);
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
    }
    return out;
}

}  // namespace oracxfs::ftp
