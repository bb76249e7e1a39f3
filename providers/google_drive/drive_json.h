#pragma once
// What Drive's API v3 says, read with suspicion: answers of its JSON methods, the 308 Range header, times. And what we say.
// Pure functions. 64-bit numbers come as strings; an absent member means not set, not asked for, or not permitted.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/result.h"

namespace oracxfs::drive {

inline constexpr std::string_view kFolderType = "application/vnd.google-apps.folder";

// `fields` masks. What is not asked for is not told.
inline constexpr std::string_view kFileFields =
    "id,name,mimeType,parents,size,md5Checksum,sha256Checksum,headRevisionId,version,createdTime,modifiedTime,trashed,"
    "appProperties";

// folder: also of others. file: has bytes. special: Google's own documents, shortcuts, sites: no bytes, never touched.
enum class FileKind { folder, file, special };

struct FileMeta {
    std::string id;
    std::string name;  // as Drive has it: any Unicode, also '/'
    FileKind kind = FileKind::file;
    std::vector<std::string> parents;  // one nowadays; none = shared with us
    std::uint64_t size = 0;
    std::optional<Sha256> sha256;
    std::optional<Md5> md5;
    std::string head_revision;   // "" where Drive has none
    std::string version;         // grows with any change
    WallTime created{};          // epoch if not told
    std::int64_t modified_ns = 0;  // 0 if not told
    bool trashed = false;        // itself or a folder above it
    std::vector<std::pair<std::string, std::string>> app_properties;

    // Changes with the content, never empty for files.
    [[nodiscard]] std::string rev() const;
    [[nodiscard]] std::string_view property(std::string_view key) const;
    bool operator==(const FileMeta&) const = default;
};

// unavailable when it is not a file resource (no id).
Result<FileMeta> parse_file(const Json& json);

struct FilePage {
    std::vector<FileMeta> files;
    std::string next;         // only its absence ends a listing; a page may be empty
    bool incomplete = false;  // nothing may be concluded from absence
};
Result<FilePage> parse_file_page(const Json& json);

struct ChangeEntry {
    std::string id;
    bool removed = false;          // deleted, or no longer visible
    std::optional<FileMeta> file;  // unless removed
};
struct ChangesPage {
    std::vector<ChangeEntry> changes;
    std::string next;       // another page right now
    std::string new_start;  // on the last page
};
Result<ChangesPage> parse_changes(const Json& json);
Result<std::string> parse_start_token(const Json& json);
Result<std::vector<std::string>> parse_ids(const Json& json);

struct About {
    std::string account;     // e-mail, else name
    std::string account_id;  // permissionId
    std::optional<std::uint64_t> limit, usage;  // bytes; no limit = unlimited
};
About parse_about(const Json& json);

struct Revision {
    std::string id;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0;
    std::optional<Md5> md5;
};
struct RevisionPage {
    std::vector<Revision> revisions;  // oldest first
    std::string next;
};
Result<RevisionPage> parse_revisions(const Json& json);

// {"error":{"code":403,"message":"...","errors":[{"reason":"..."}]}}. The body may be anything at all.
struct ServiceError {
    std::string reason;   // "userRateLimitExceeded"; "" if not told
    std::string message;  // the service's own words, one line, shortened; of HTML and the like nothing
};
ServiceError parse_error(std::string_view body);

// "bytes=0-8388607" of a 308 -> 8388608: what is stored, always counted from 0. "" -> 0. Nothing: cannot be understood.
std::optional<std::uint64_t> parse_stored_range(std::string_view header);
// "bytes 5-9/100" of a 206 -> 5.
std::optional<std::uint64_t> parse_content_range_start(std::string_view header);

// RFC 3339 with milliseconds.
std::optional<WallTime> parse_time(std::string_view text);
std::string format_time(WallTime time);
std::string format_time_ns(std::int64_t ns);  // since 1970, rounded down to ms

// A string in a query `q`, with its quotes.
std::string quote(std::string_view text);

// One component of a key for a name in Drive. Names that no path can hold get a look-alike: '/', NUL, ".", "..", "", and
// names beyond 255 bytes (cut, with a part of their hash). Two names may get one component: the id tells them apart.
std::string component_of(std::string_view name);
// name_refused if Drive cannot store the component: not UTF-8. Otherwise the name is the component itself.
Status check_component(std::string_view component);
bool is_utf8(std::string_view text);

}  // namespace oracxfs::drive
