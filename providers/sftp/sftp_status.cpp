#include "providers/sftp/sftp_status.h"

#include <algorithm>

namespace oracxfs::sftp {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kPathBytesMax = 4095;
constexpr std::size_t kServerTextMax = 160;

bool is_too_long(std::string_view path) {
    if (path.size() > kPathBytesMax) return true;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        if (std::min(slash, path.size()) > kNameBytesMax) return true;
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return false;
}

// The server's words go to a terminal or a log: no control characters, not too many of them.
std::string printable(std::string_view text) {
    std::string out(text.substr(0, kServerTextMax));
    std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }, '?');
    return out;
}

}  // namespace

Errc errc_of(Fx code) {
    switch (code) {
        case Fx::no_such_file:
        case Fx::no_such_path: return Errc::not_found;
        case Fx::permission_denied:
        case Fx::write_protect:
        case Fx::link_loop: return Errc::denied;
        case Fx::bad_message:
        case Fx::invalid_filename: return Errc::name_refused;
        case Fx::op_unsupported: return Errc::unsupported;
        case Fx::file_already_exists: return Errc::exists;
        case Fx::no_space:
        case Fx::quota_exceeded: return Errc::quota_full;
        case Fx::dir_not_empty: return Errc::not_empty;
        case Fx::not_a_directory: return Errc::not_directory;
        default: return Errc::unavailable;
    }
}

std::string describe(const Answer& answer) {
    return "SFTP status " + std::to_string(static_cast<std::uint32_t>(answer.code)) +
           (answer.message.empty() ? "" : " '" + printable(answer.message) + "'");
}

Error error_of(const Answer& answer, std::string what, std::string_view path) {
    Errc code = errc_of(answer.code);
    if (code == Errc::name_refused && is_too_long(path)) code = Errc::name_too_long;
    return Error(code, std::move(what), describe(answer)).with_native(static_cast<int>(answer.code));
}

std::string rev_of(const Attrs& attrs) {
    return std::to_string(attrs.size.value_or(0)) + ":" + std::to_string(attrs.mtime.value_or(0));
}

RemoteObject object_of(const ObjectKey& key, const Attrs& attrs) {
    RemoteObject object;
    object.key = key;
    object.is_directory = attrs.is_directory();
    object.mtime_ns = static_cast<std::int64_t>(attrs.mtime.value_or(0)) * 1'000'000'000;
    if (object.is_directory) return object;
    object.size = attrs.size.value_or(0);
    object.rev = rev_of(attrs);
    return object;
}

bool is_safe_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

}  // namespace oracxfs::sftp
