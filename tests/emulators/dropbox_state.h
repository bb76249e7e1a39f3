#pragma once
// The insides of DropboxEmulator: the tree, revisions, the log of changes, cursors and upload sessions.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/emulators/content.h"
#include "tests/emulators/dropbox_emulator.h"
#include "tests/emulators/dropbox_names.h"

namespace oracxfs::test {

// 400 with a text.
struct BadCall {
    std::string why;
};
// 409 with the endpoint's error union.
struct RouteError {
    Json error;
};

Json tag(std::string_view name);                                // {".tag": name}
Json tag(std::string_view name, Json value);                    // {".tag": name, name: value}
HttpsResponse dropbox_error(int status, const Json& error, std::mt19937_64& random);

// A JSON argument: types are checked, unknown fields refused.
class Arguments {
  public:
    Arguments(const Json& json, std::string where);
    // The end of the reading: a field that nobody asked for is an error. (Not in the destructor: it throws.)
    void done() const;

    [[nodiscard]] bool has(std::string_view name);
    std::string text(std::string_view name, std::optional<std::string> fallback = std::nullopt);
    bool flag(std::string_view name, bool fallback);
    std::int64_t number(std::string_view name, std::int64_t least, std::int64_t most,
                        std::optional<std::int64_t> fallback = std::nullopt);
    // The tag of a union without values in the members of `tags`.
    std::string choice(std::string_view name, const std::vector<std::string>& tags, const std::string& fallback);
    const Json& value(std::string_view name);  // null if absent
    Arguments structure(std::string_view name);
    // "/a", "id:..", "ns:..", "rev:.."; what is not one of `allowed` is a 400.
    enum Forms : unsigned { kPath = 1, kId = 2, kRev = 4, kRoot = 8 };
    std::string path(std::string_view name, unsigned allowed);
    [[noreturn]] void refuse(std::string_view name, const std::string& why) const;

  private:
    const Json& json_;
    std::string where_;
    std::set<std::string, std::less<>> read_;
};

struct DropboxVersion {  // of a file
    std::string rev, id, display, hash;
    Content content;
    std::string client_modified, server_modified;
    bool downloadable = true;
    std::uint64_t order = 0;
};
using VersionHandle = std::shared_ptr<const DropboxVersion>;

struct DropboxNode {
    std::string display, id;
    VersionHandle version;  // nothing: a folder
    [[nodiscard]] bool folder() const { return version == nullptr; }
};

struct DropboxCommit {
    std::string path, mode = "add", rev, client_modified;
    bool autorename = false, strict_conflict = false;
};

struct DropboxScope {  // of a listing
    std::string lower;
    bool recursive = false, include_deleted = false, include_cloud_documents = true;
    std::size_t limit = 2000;
    [[nodiscard]] bool covers(std::string_view path) const;
    bool operator==(const DropboxScope&) const = default;
};

struct DropboxCursor {
    DropboxScope scope;
    std::size_t change = 0;  // the first one that this cursor has not seen
    std::shared_ptr<const std::vector<std::string>> listing;  // paths still to be listed from `next` on
    std::size_t next = 0;
    std::size_t page = 0;
    bool reset = false;
};

struct DropboxSession {
    bool concurrent = false, closed = false;
    std::map<std::uint64_t, Content::Piece> pieces;  // by offset
    std::map<std::uint64_t, std::vector<Sha256>> blocks;
    std::uint64_t size = 0;                          // sequential: so far; concurrent: known when closed
    WallTime created;
    bool gone = false, finished = false;
};

struct DropboxEmulator::State {
    explicit State(DropboxOptions given) : options(given), random(given.seed ^ 0xD60B) {}

    DropboxOptions options;
    std::mutex mutex;
    std::condition_variable_any changed;
    std::mt19937_64 random;
    std::map<std::string, DropboxNode, std::less<>> nodes;  // by path in lower case, without the root
    std::map<std::string, std::string, std::less<>> paths;  // by id
    std::map<std::string, VersionHandle, std::less<>> versions;  // by rev
    std::map<std::string, std::vector<VersionHandle>, std::less<>> history;  // by path
    std::map<std::string, std::string, std::less<>> deleted_at;  // by path
    struct Change {
        std::string lower;
        Json entry;
        bool cloud_document = false;
    };
    std::vector<Change> changes;
    std::map<std::string, DropboxCursor, std::less<>> cursors;
    std::map<std::string, DropboxSession, std::less<>> sessions;
    std::uint64_t used = 0, last_rev = 0x5a1c10ce0ddull, order = 0, refused_commits = 0;
    bool committing = false;
    std::set<std::string, std::less<>> listings;  // under way: token and argument
    std::string now;  // of the request at work

    // All of these with the mutex held.
    std::string make_name(std::string_view prefix, std::size_t characters);
    std::string next_rev();
    [[nodiscard]] const DropboxNode* find(std::string_view lower) const;
    // By "/path", "id:" or "ns:"; throws a LookupError inside of tag `wrap`.
    const DropboxNode& look_up(std::string_view text, const std::string& wrap, std::string* lower = nullptr) const;
    VersionHandle look_up_version(std::string_view text, const std::string& wrap) const;  // also "rev:"
    // Throws a WriteError (bare) where the path can't be written at all.
    [[nodiscard]] DropboxPath writable_path(std::string_view text) const;
    VersionHandle commit(const DropboxCommit& commit, const Content& content, const std::string& hash, bool full);
    VersionHandle write_file(const DropboxPath& path, const Content& content, const std::string& hash,
                             const std::string& client_modified);
    const DropboxNode& make_folder(const DropboxPath& path);  // with its parents
    void remove(const std::string& lower);
    void move(const std::string& from, const DropboxPath& to, bool copies);
    [[nodiscard]] std::size_t count_below(std::string_view lower) const;
    [[nodiscard]] std::string free_name(const DropboxPath& path, std::string_view suffix_kind) const;
    [[nodiscard]] Json metadata(const DropboxNode& node, bool with_tag) const;
    [[nodiscard]] Json metadata(const DropboxVersion& version, const std::string& display, bool with_tag) const;
    [[nodiscard]] Json deleted_metadata(const std::string& display) const;
    [[nodiscard]] DropboxEntry entry(const DropboxNode& node) const;

  private:
    void record(const std::string& lower, Json entry, bool cloud_document = false);
};

// CommitInfo; `upload` has content_hash beside its fields.
DropboxCommit read_commit(Arguments arguments, bool with_hash);
std::string read_hash(Arguments& arguments);  // "" = none
inline Json conflict(std::string_view what) { return tag("conflict", tag(what)); }

}  // namespace oracxfs::test
