#pragma once
// The JSON of Dropbox API v2: arguments that fit in a header, metadata, and errors as chains of ".tag"s. No I/O.
// What comes from the service is taken as a stranger's word: nothing here throws, unknown tags are kept as they are.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

namespace oracxfs::dropbox {

// One line of ASCII for the header Dropbox-API-Arg: everything else as \uXXXX in UTF-16 code units.
std::string header_json(const Json& argument);

// A void member: "add". With a value: {".tag": "update", "update": value}.
Json tagged(std::string_view tag, Json value);

// "2026-11-22T11:30:00Z", the only form of a time there. Nothing for anything else.
std::optional<WallTime> parse_time(std::string_view text);
// Whole seconds, cut off.
std::string time_text(std::int64_t unix_ns);

struct Metadata {
    enum class Kind : std::uint8_t { file, folder, deleted };
    Kind kind = Kind::file;
    std::string name;          // the last component in its own case
    std::string path_lower;    // as the service folds it; "" where it told none
    std::string path_display;  // only its last component has reliable case
    std::string id;
    std::string rev;           // files
    std::uint64_t size = 0;
    std::optional<Sha256> content_hash;
    std::int64_t mtime_ns = 0;  // client_modified; 0 = none
    bool downloadable = true;   // false: a cloud document without bytes of its own
};

// Where ".tag" is missing, the declared type is `otherwise`. invalid without a name, or a file without rev or size.
Result<Metadata> parse_metadata(const Json& json, Metadata::Kind otherwise = Metadata::Kind::file);

struct FolderPage {
    std::vector<Metadata> entries;
    std::string cursor;
    bool has_more = false;
};
// Entries of kinds that this version doesn't know are left out. invalid without a cursor.
Result<FolderPage> parse_folder_page(const Json& json);

struct Revisions {
    std::vector<Metadata> entries;  // newest first
    bool is_deleted = false;
    bool has_more = false;
};
Result<Revisions> parse_revisions(const Json& json);

struct SpaceUsage {
    std::optional<std::uint64_t> total_bytes, free_bytes;
};
SpaceUsage parse_space_usage(const Json& json);

// The error of an answer that is not 2xx.
struct ApiProblem {
    std::vector<std::string> tags;  // outermost first: "path", "conflict", "file"
    std::string summary;            // the service's words; with a random tail
    std::string user_message;
    std::string required_scope;
    std::string upload_session_id;
    std::optional<std::uint64_t> correct_offset;
    std::optional<Millis> retry_after;

    [[nodiscard]] bool has(std::string_view tag) const;
    [[nodiscard]] std::string_view last() const { return tags.empty() ? std::string_view() : tags.back(); }
};
// Any text, also HTML or none: then there are no tags.
ApiProblem parse_problem(std::string_view body);
// From the value of "error", or of "failure" in an entry of a batch.
ApiProblem problem_of(const Json& error);

}  // namespace oracxfs::dropbox
