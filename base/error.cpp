#include "base/error.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace oracxfs {
namespace {

constexpr std::array kInfos = {
#define X(name, e_code, err, exit_code, retry, hint) \
    ErrcInfo{Errc::name, #name, e_code, err, exit_code, RetryClass::retry, hint},
#include "base/error_codes.def"
#undef X
};

}  // namespace

const ErrcInfo& info(Errc code) { return kInfos.at(static_cast<std::size_t>(code)); }

std::optional<Errc> errc_from_name(std::string_view name) {
    for (const ErrcInfo& row : kInfos)
        if (row.name == name || row.e_code == name) return row.code;
    return std::nullopt;
}

Error&& Error::at(std::string_view where) && {
    message = message.empty() ? std::string(where) : fmt::format("{}: {}", where, message);
    return std::move(*this);
}

Error&& Error::with_provider(std::string_view name) && {
    provider = name;
    return std::move(*this);
}

Error&& Error::with_path(std::string_view name) && {
    path = name;
    return std::move(*this);
}

Error&& Error::with_native(int number) && {
    native = number;
    return std::move(*this);
}

Error&& Error::with_retry_after(std::chrono::milliseconds pause) && {
    retry_after = pause;
    return std::move(*this);
}

Error&& Error::with_next(std::string_view advice) && {
    next = advice;
    return std::move(*this);
}

std::string_view Error::advice() const { return next.empty() ? info(code).hint : std::string_view(next); }

Error&& Error::with_silence(bool is_silent) && {
    silent = is_silent;
    return std::move(*this);
}

std::string Error::to_string() const {
    std::string text;
    const auto add = [&text](std::string_view part) {
        if (part.empty()) return;
        if (!text.empty()) text += ": ";
        text += part;
    };
    add(provider);
    if (!path.empty() && message.find(path) == std::string::npos) add(path);
    add(message);
    add(why);
    text += fmt::format(" [{}]", info(code).e_code);
    return text;
}

Error error_from_errno(int err, std::string what) {
    Errc code = Errc::local_io;
    switch (err) {
        case ENOENT: code = Errc::not_found; break;
        case EEXIST: code = Errc::exists; break;
        case EACCES:
        case EPERM: code = Errc::denied; break;
        case EROFS: code = Errc::read_only; break;
        case ENOSPC:
        case EDQUOT: code = Errc::local_full; break;
        case EISDIR: code = Errc::is_directory; break;
        case ENOTDIR: code = Errc::not_directory; break;
        case ENOTEMPTY: code = Errc::not_empty; break;
        case ENAMETOOLONG: code = Errc::name_too_long; break;
        case EXDEV: code = Errc::cross_device; break;
        case EFBIG: code = Errc::too_large; break;
        case EINVAL: code = Errc::invalid; break;
        default: break;
    }
    // strerror_r (GNU) is thread-safe; strerror is not.
    char buffer[128];
    Error error(code, std::move(what), ::strerror_r(err, buffer, sizeof buffer));
    error.native = err;
    return error;
}

}  // namespace oracxfs
