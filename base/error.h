#pragma once
// The project's one error type: a code from error_codes.def plus words for the person who reads it.
//
// Errors are values. `message` says what was tried, `why` says what came back (the peer's own words, shortened and
// free of secrets); the hint of the code says what to do next. Provider and path are filled in where they are known.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oracxfs {

enum class Errc : std::uint8_t {
#define X(name, code, err, exit_code, retry, hint) name,
#include "base/error_codes.def"
#undef X
};

enum class RetryClass : std::uint8_t { never, later, look };

// One row of error_codes.def.
struct ErrcInfo {
    Errc code;
    std::string_view name;    // "quota_full"
    std::string_view e_code;  // "E-QUOTA-FULL": stable, for scripts
    int errno_value;
    int exit_code;
    RetryClass retry;
    std::string_view hint;
};

const ErrcInfo& info(Errc code);
std::optional<Errc> errc_from_name(std::string_view name_or_e_code);

struct Error {
    Errc code = Errc::internal;
    std::string message;   // lower case, no full stop: "put backup.zip"
    std::string why;       // what came back: "disk full on server"; may be empty
    std::string next;      // what to do, where more is known than the code's hint says; may be empty
    std::string provider;  // configured name; may be empty
    std::string path;      // path inside the mount or key at the provider; may be empty
    std::optional<std::chrono::milliseconds> retry_after;  // the peer's own wish
    int native = 0;        // errno, HTTP status, libssh2 or SFTP code: for logs only
    bool silent = false;   // nothing was heard for as long as we are ready to wait: asking again at once would take as long

    Error() = default;
    Error(Errc c, std::string what, std::string reason = {})
        : code(c), message(std::move(what)), why(std::move(reason)) {}

    // Adds context in front while the error climbs: "vault: put x".
    Error&& at(std::string_view where) &&;
    Error&& with_next(std::string_view advice) &&;
    Error&& with_provider(std::string_view name) &&;
    Error&& with_path(std::string_view name) &&;
    Error&& with_native(int number) &&;
    Error&& with_retry_after(std::chrono::milliseconds pause) &&;
    Error&& with_silence(bool is_silent = true) &&;

    [[nodiscard]] std::string_view advice() const;
    // "sftp1: put a.zip: disk full on server" — one line, for logs.
    [[nodiscard]] std::string to_string() const;
};

// An Error from an errno of this machine: ENOSPC and EDQUOT become local_full, ENOENT not_found, EACCES/EPERM denied,
// EEXIST exists, ... everything else local_io.
Error error_from_errno(int err, std::string what);

}  // namespace oracxfs
