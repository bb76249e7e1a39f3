#pragma once
// Dropbox's rules on paths and names: case-insensitive, NFC, and what can't be stored.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oracxfs::test {

std::u32string decode_utf8(std::string_view text);  // wrong bytes become U+FFFD
std::string encode_utf8(std::u32string_view text);
std::string compose(std::string_view text);         // NFC for Latin, Greek, Cyrillic and kana
std::string lower_case(std::string_view text);      // of each character for itself

struct DropboxPath {
    std::string display;  // "/A/b", "" = the root
    std::string lower;
    [[nodiscard]] std::string name() const { return display.substr(display.rfind('/') + 1); }
};
// Nothing: malformed_path (an empty component, "." or "..", a slash at the end).
std::optional<DropboxPath> parse_dropbox_path(std::string_view text);
std::string parent_of(std::string_view path);  // of "/a/b": "/a"; of "/a": ""

enum class NameRule { good, malformed, disallowed };
NameRule check_dropbox_name(std::string_view name);

// JSON for an HTTP header: everything outside printable ASCII as \uXXXX.
std::string header_safe(std::string_view json);

}  // namespace oracxfs::test
