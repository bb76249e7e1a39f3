#pragma once
// Directory listings: MLSD and MLST (RFC 3659), and the two dialects of LIST that are still met. No I/O.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oracxfs::ftp {

struct ListEntry {
    enum class Kind { file, directory, other };  // other: links, devices, the folder itself and its parent

    std::string name;
    Kind kind = Kind::other;
    std::uint64_t size = 0;               // files
    std::optional<std::int64_t> mtime;    // seconds since 1970, UTC; LIST does not tell it
    std::string unique;                   // the server's own identity of the object (device and inode); may be empty
    std::string stamp;                    // LIST: the words for the time, in the server's zone; compared, never read

    [[nodiscard]] bool is_file() const { return kind == Kind::file; }
    [[nodiscard]] bool is_directory() const { return kind == Kind::directory; }
    bool operator==(const ListEntry&) const = default;
};

// "fact=value;fact=value; name". Nothing if it is no such line.
std::optional<ListEntry> parse_facts(std::string_view line);
// "-rw-r--r-- 1 owner group 123 Nov 25 03:09 name" and "11-25-26 03:09AM 123 name".
std::optional<ListEntry> parse_list_line(std::string_view line);

// A name that came from a server and may be joined to a path: no '/', no control characters, not "." or "..".
bool is_safe_name(std::string_view name);

}  // namespace oracxfs::ftp
