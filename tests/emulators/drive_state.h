#pragma once
// The insides of DriveEmulator: files by id, revisions, the log of changes, page tokens and upload sessions.

#include <condition_variable>
#include <functional>
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
#include "tests/emulators/drive_emulator.h"

namespace oracxfs::test {

inline constexpr std::string_view kFolderType = "application/vnd.google-apps.folder";
inline constexpr std::string_view kShortcutType = "application/vnd.google-apps.shortcut";
inline constexpr std::uint64_t kChunkBytes = 256u << 10;

// An answer of the API that is an error.
struct DriveError {
    int status;
    std::string reason, message;
    std::string location;  // the parameter that is at fault
};
HttpsResponse drive_error(const DriveError& error);
[[noreturn]] void throw_not_found(std::string_view id);

// A field mask as in `fields`: "a,b(c,d),e/f,*". Checked against what exists.
class FieldMask {
  public:
    // `known`: a sample of the resource; an object's members are its fields, an array's first item stands for all.
    static FieldMask parse(std::string_view text, const Json& known);
    [[nodiscard]] Json apply(const Json& resource) const;

  private:
    bool all_ = false;
    std::vector<std::pair<std::string, FieldMask>> members_;
    friend class FieldMaskParser;
};

struct DriveRevision {
    std::string id, modified_time, md5, sha1, sha256, mime_type;
    Content content;
    bool keep_forever = false;
};

struct DriveFile {
    std::string id, name, mime_type, parent;  // parent: "" = none
    Owner owner = Owner::app;
    bool trashed = false, writable = true, abusive = false;
    std::vector<DriveRevision> revisions;     // the last one is the head; empty: no content
    std::string created_time, modified_time, description;
    std::map<std::string, std::string> app_properties, properties;
    bool starred = false;
    std::uint64_t version = 1;
    std::string shortcut_target, shortcut_type;
    std::string indexed_name;                 // what queries by name see; "" = nothing yet
    SteadyTime named{};                       // when `name` came to be

    [[nodiscard]] bool folder() const { return mime_type == kFolderType; }
    [[nodiscard]] bool has_content() const { return !revisions.empty(); }
    [[nodiscard]] std::uint64_t size() const { return revisions.empty() ? 0 : revisions.back().content.size(); }
};

// Who asks.
struct DriveCaller {
    bool everything = false;  // scope drive; otherwise drive.file
    bool can_write = true;
    bool without_storage = false;  // a service account
};

// What a create, an update or an upload says about a file.
struct DriveMetadata {
    std::optional<std::string> id, name, mime_type, parent, created_time, modified_time, description;
    std::optional<bool> trashed, starred;
    std::vector<std::pair<std::string, std::optional<std::string>>> app_properties, properties;
};

struct DriveSession {
    std::string file_id;  // of an update; "" = create
    DriveMetadata metadata;
    std::string query;    // of the initiating request: fields, addParents, ...
    std::string content_type;
    std::optional<std::uint64_t> total;
    Content content;
    Digest md5{"MD5"}, sha1{"SHA1"}, sha256{"SHA256"};
    std::optional<Json> finished;  // the answer
    bool at_work = false;
    WallTime created;
    int gone = 0;         // 404 or 410
};

// A parsed `q`.
class DriveQuery {
  public:
    struct Context {
        std::function<std::string(const DriveFile&)> indexed_name;
        std::function<bool(const DriveFile&)> trashed;
        std::string root;
    };
    static DriveQuery parse(std::string_view text);
    [[nodiscard]] bool matches(const DriveFile& file, const Context& context) const;
    [[nodiscard]] std::size_t parents() const;  // how many "in parents" there are

  private:
    enum class Kind { always, all_of, any_of, none_of, term };
    Kind kind_ = Kind::always;
    std::vector<DriveQuery> parts_;
    std::string name_, operator_, value_, value2_;
    friend class DriveQueryParser;
};

const Json& known_file();  // a sample with all fields
inline constexpr std::string_view kFileDefaults = "kind,id,name,mimeType";

// The query of a request: decoded, each name once and one of `allowed` or of those that all methods have.
class DriveParameters {
  public:
    DriveParameters(std::string_view query, std::initializer_list<std::string_view> allowed);
    [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
    [[nodiscard]] std::string get(std::string_view name) const { return find(name).value_or(""); }
    [[nodiscard]] bool flag(std::string_view name, bool fallback) const;
    [[nodiscard]] std::size_t number(std::string_view name, std::size_t least, std::size_t most, std::size_t fallback) const;
    // By the mask in `fields`, or by `defaults`.
    [[nodiscard]] Json masked(const Json& resource, const Json& known, std::string_view defaults) const;

  private:
    std::map<std::string, std::string, std::less<>> values_;
};
inline Json masked_file(const DriveParameters& parameters, const Json& resource) {
    return parameters.masked(resource, known_file(), kFileDefaults);
}

struct DriveEmulator::State {
    explicit State(DriveOptions given) : options(given), random(given.seed ^ 0xD21E) {}

    DriveOptions options;
    std::mutex mutex;
    std::condition_variable_any changed;
    std::mt19937_64 random;
    std::string root;
    std::map<std::string, DriveFile, std::less<>> files;
    std::map<std::string, std::set<std::string>, std::less<>> children;  // by parent
    std::set<std::string, std::less<>> issued_ids, used_ids;
    struct Change {
        std::string id, time;
        bool removed = false;
        Owner owner = Owner::app;
    };
    std::vector<Change> changes;  // number i has the token i + 1
    std::map<std::string, std::size_t, std::less<>> last_change;  // by id
    struct Listing {
        std::string query;
        std::shared_ptr<const std::vector<std::string>> ids;
        std::size_t next = 0, page = 0;
        bool gone = false;
    };
    std::map<std::string, Listing, std::less<>> page_tokens;
    std::map<std::string, DriveSession, std::less<>> sessions;
    std::uint64_t used = 0, change_pages = 0;
    std::string now;      // of the request at work
    SteadyTime steady{};

    // All of these with the mutex held.
    std::string make_name(std::string_view prefix, std::size_t characters);
    std::string make_id();
    DriveFile* find(std::string_view id);
    [[nodiscard]] bool is_trashed(const DriveFile& file) const;  // itself or an ancestor
    [[nodiscard]] bool is_visible(const DriveFile& file, const DriveCaller& caller) const;
    // Throws notFound for what the caller does not see.
    DriveFile& look_up(std::string_view id, const DriveCaller& caller);
    DriveFile& look_up_writable(std::string_view id, const DriveCaller& caller);
    // The folder that a new or moved file goes to; throws.
    std::string look_up_parent(std::string_view id, const DriveCaller& caller);
    void check_new_id(const std::string& id);
    void check_space(std::uint64_t bytes, const DriveCaller& caller, bool full) const;
    DriveFile& create(const DriveMetadata& metadata, Owner owner);  // checked before
    void apply(DriveFile& file, const DriveMetadata& metadata);
    void set_content(DriveFile& file, DriveRevision revision, bool keeps_time);
    void set_parent(DriveFile& file, const std::string& parent);
    void erase(const std::string& id);  // with what is below
    void drop(DriveFile& file, std::string_view revision);
    void change_parents(DriveFile& file, const DriveParameters& parameters, const DriveCaller& caller);
    void check_upload(DriveSession& session, const DriveCaller& caller, bool full);
    Json commit_upload(DriveSession& session, const DriveCaller& caller, bool full);
    void pin(DriveFile& file, DriveRevision& revision, bool keep);
    void record(const DriveFile& file, bool removed = false);
    [[nodiscard]] std::string indexed_name(const DriveFile& file) const;
    [[nodiscard]] Json resource(const DriveFile& file) const;
    [[nodiscard]] Json resource(const DriveRevision& revision) const;
    [[nodiscard]] DriveEntry entry(const DriveFile& file) const;
};

// JSON that a request carries about a file. `updating`: parents and id are refused.
DriveMetadata read_metadata(const Json& json, bool updating);
std::string rfc3339(WallTime time);
bool is_rfc3339(std::string_view text);
std::string normal_time(std::string_view rfc3339);  // UTC with three decimals

}  // namespace oracxfs::test
