#pragma once
// The catalogue of record: which files exist, which content (version) each has, which provider holds a replica of it, and
// what is still to be done there. One SQLite database (WAL, synchronous=FULL unless a method says "lazy").
//
// The model is convergent: a replica row says what *is* at the provider (`key`, "" = nothing) and the tree says what is
// *wanted* (path of the node). A row whose `due` is set has work to do; fs/replication_plan decides what.
//
//   node      a name in the tree; a file has a current version, or none before its first commit
//   version   one content. fate: current | superseded (a newer version took its place) | doomed (its node was unlinked
//             or replaced by a rename) | torn (its writer died: local only, never replicated)
//   replica   (version, provider). Unique per (provider, key): a key at a provider belongs to one version
//   session   (version, provider): an upload that was begun; exists before the version is committed when bytes are
//             uploaded while the file is still being written
//   directory_replica  (directory node, provider)
//
// Thread-safe. One call = one transaction: all of it or nothing. Durable calls are on stable storage on return; lazy
// ones survive a killed process but the last of them may be lost in a power cut (never reordered).
// Errors: local_io, local_full, corrupt, internal; others where noted.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "cache/backup_records.h"

namespace oracxfs {

enum class NodeKind : std::uint8_t { file, directory };
enum class ReplicaState : std::uint8_t { queued, uploading, stored, verified, missing, damaged, failed, paused };
enum class VersionFate : std::uint8_t { current, superseded, doomed, torn };
enum class ProviderState : std::uint8_t { active, inactive, degraded, auth_needed, full, offline, blocked };
std::string_view to_string(ReplicaState state);
std::string_view to_string(VersionFate fate);
std::string_view to_string(ProviderState state);
std::optional<ReplicaState> replica_state_from(std::string_view text);

struct NodeRow {
    NodeId id;
    NodeId parent;
    std::string name;  // bytes
    NodeKind kind = NodeKind::file;
    std::uint32_t mode = 0644;  // permission bits only
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::int64_t created_ns = 0;
    VersionId version;         // files: current (or torn) version; none: empty file not yet committed
    std::uint64_t size = 0;    // of that version
    bool local_only = false;   // temporary name or torn: not replicated
    bool torn = false;
};

struct ProviderRow {
    ProviderId id;
    std::string name;
    std::string type;
    bool active = true;  // enabled in the configuration
    ProviderState state = ProviderState::active;
    std::string reason;  // E-code and words, when not active
    std::optional<std::uint64_t> total_bytes;
    std::optional<std::uint64_t> free_bytes;
    std::optional<WallTime> checked_at;   // when the space was asked for
    std::optional<WallTime> last_ok;
    std::uint64_t read_errors = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t checksum_errors = 0;
};

struct ReplicaRow {
    VersionId version;
    ProviderId provider;
    ReplicaState state = ReplicaState::queued;
    std::string key;         // where the object is; "" = nothing there as far as we know
    std::string intent_key;  // a put or rename to this key was begun and its end is not recorded; "" = none
    std::uint32_t attempts = 0;
    std::optional<WallTime> due;  // work to do from then on; nothing = settled
    std::string error_code;       // E-code of the last failure, "" = none
    std::string error_text;
    std::string remote_id;
    std::string remote_rev;
    std::int64_t remote_mtime_ns = 0;
    std::optional<WallTime> verified_at;
    bool operator==(const ReplicaRow&) const = default;
};

struct SessionRow {
    VersionId version;
    ProviderId provider;
    std::string key;           // the key the upload was begun for
    std::string resume_state;  // opaque, from the provider
    std::uint64_t acknowledged_bytes = 0;
};

// A due replica with all that the plan needs to know.
struct ReplicaJob {
    ReplicaRow row;
    VersionFate fate = VersionFate::current;
    bool wanted = false;       // fate is current and the node is replicated (not local_only)
    std::string want_key;      // path of the node; "" when not wanted
    NodeId node;               // none when the version has no node any more
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    Sha256 sha256{};
    std::string staged;        // name in staging, "" = not kept locally
    std::optional<WallTime> doomed_at;
    bool successor_verified = false;  // not wanted: what replaced it (at the same node or key) is verified at this provider,
                                      // or nothing replaced it
    std::optional<SessionRow> session;
    // Another version's replica that is in the way at this provider. Row with an intent: whose key is intent_key. Else:
    // whose intent is want_key (to be waited for), or whose key is want_key.
    std::optional<ReplicaRow> occupant;
    bool occupant_wanted = false;
};

struct DirectoryRow {
    NodeId node;
    ProviderId provider;
    std::string key;        // where the directory is; "" = not made yet
    std::string intent_key; // a move to this key was begun and its end is not recorded; "" = none
    bool wanted = true;     // false: its node was removed
    std::uint32_t attempts = 0;
    std::optional<WallTime> due;
    std::string error_text;
};
struct DirectoryJob {
    DirectoryRow row;
    std::string want_key;
};

struct VersionRow {
    VersionId id;
    NodeId node;
    VersionFate fate = VersionFate::current;
    std::uint64_t size = 0;
    Sha256 sha256{};
    std::string staged;
    WallTime created;
};

// One step of an atomic change of replica rows.
struct ReplicaChange {
    enum class Kind { store, drop } kind = Kind::store;
    ReplicaRow row;                     // drop: only version and provider are read
    std::optional<ReplicaState> was;    // store: Errc::changed (and nothing of the whole list is done) if the row is absent
                                        // or in another state. Nothing: no check
};

struct VersionCommit {
    NodeRow node;              // id set by the caller (reserve_node); inserted if absent, else updated
    VersionId version;         // from reserve_version
    ContentDigests digests;
    std::string staged;
    bool torn = false;
    std::vector<ProviderId> wanted;  // one replica row each, state queued (uploading where a session exists), due now
};

struct EventRow {
    std::int64_t id = 0;
    WallTime at;
    std::string level;     // "info" | "warning" | "error"
    std::string kind;      // "stored", "verified", "damaged", "healed", "provider", "torn", "daemon", ...
    std::string provider;  // may be empty; several: "a,b"
    std::string path;      // may be empty
    std::string code;      // E-code, may be empty
    std::string message;   // of a run it begins with "run r-42 "
};
struct EventQuery {
    std::int64_t after_id = 0;
    std::size_t limit = 100;       // the newest `limit` ones after after_id, oldest first
    bool from_oldest = false;      // instead: the first `limit` ones after after_id
    std::string provider, path, level, kind;  // "" = any; provider: also one of several
};

// For `oracxfs replicas`: one row per file and provider.
struct ReplicaListing {
    std::string path;
    std::uint64_t size = 0;
    Sha256 sha256{};
    std::string provider;
    ReplicaRow replica;
    bool torn = false;
};

struct ProviderCounts {
    ProviderId provider;
    std::uint64_t files_by_state[8] = {};  // indexed by ReplicaState, wanted replicas only
    std::uint64_t pending_files = 0;       // wanted, not verified
    std::uint64_t pending_bytes = 0;
    std::uint64_t stored_bytes = 0;        // wanted and stored or verified
};

struct CatalogOptions {
    std::string path;               // catalog.db
    Clock* clock = nullptr;
    Millis delete_grace{60'000};    // unlink -> removal at the providers
    std::int64_t events_kept = 100'000;  // the newest ones, and at most a few dozen more
    // After each transaction that wrote events, once. With the catalogue's lock: it only wakes somebody.
    std::function<void()> on_event = {};
};

struct CatalogOpenReport {
    bool created = false;
    bool unclean = false;                    // the last user did not close it
    std::string damaged_copy;                // set when a damaged database was set aside (path) and a new one was begun
    std::string damage;                      // what was found
};

class Catalog : public BackupRecords {
  public:
    // Opens or creates, checks integrity, migrates. A damaged database is renamed (with -wal and -shm) to
    // "<path>.damaged-<UTC>", never deleted. Errors: config when it was written by a newer version, busy when another
    // process has it open for writing.
    static Result<std::unique_ptr<Catalog>> open(const CatalogOptions& options, CatalogOpenReport* report = nullptr);
    ~Catalog() override = default;  // marks a clean close

    // --- identity and small settings -------------------------------------------------------------------------------
    virtual std::string instance() = 0;    // 8 hex digits, made once
    virtual LeafKey leaf_key() = 0;        // made once
    virtual Result<std::optional<std::string>> meta(std::string_view key) = 0;
    virtual Status set_meta(std::string_view key, std::string_view value) = 0;  // lazy

    // Ids are handed out without a transaction each (blocks are reserved) and never used twice.
    virtual Result<NodeId> reserve_node() = 0;
    virtual Result<VersionId> reserve_version() = 0;

    // --- providers -------------------------------------------------------------------------------------------------
    virtual Result<std::vector<ProviderRow>> providers() = 0;
    // Adds it or updates type and active. A provider that is new or was inactive gets a due replica row for every wanted
    // version, and a due row for every directory. Durable. invalid: more than 63.
    virtual Result<ProviderId> configure_provider(std::string_view name, std::string_view type, bool active) = 0;
    virtual Status rename_provider(std::string_view from, std::string_view to) = 0;
    virtual Status forget_provider(ProviderId id) = 0;  // with all its rows
    virtual Status update_provider(const ProviderRow& row) = 0;  // state, reason, space, last_ok, counters; lazy
    // Opaque: the point of a provider's change feed up to which everything has been dealt with; "" = none. Lazy.
    virtual Result<std::string> feed_position(ProviderId id) = 0;
    virtual Status set_feed_position(ProviderId id, std::string_view position) = 0;

    // --- tree ------------------------------------------------------------------------------------------------------
    virtual Result<std::vector<NodeRow>> children(NodeId parent) = 0;   // in order of name; fast for 100,000
    virtual Result<std::optional<NodeRow>> child(NodeId parent, std::string_view name) = 0;
    virtual Result<NodeRow> node(NodeId id) = 0;                        // not_found
    virtual Result<std::string> path_of(NodeId id) = 0;                 // "a/b", root = ""
    virtual Result<std::optional<NodeRow>> find(std::string_view path) = 0;
    // Files that are kept local only because of a temporary name (not torn ones).
    virtual Result<std::vector<NodeId>> temporary_files() = 0;
    struct Counts { std::uint64_t files = 0, directories = 0, bytes = 0; };
    virtual Result<Counts> tree_counts() = 0;

    // Inserts a directory (id from reserve_node) and a due directory row for each of `wanted`; a removed directory's
    // rows with the same key are dropped. exists. Durable.
    virtual Status make_directory(const NodeRow& node, const std::vector<ProviderId>& wanted) = 0;
    // mode, uid, gid, times of an existing node. Lazy.
    virtual Status set_attributes(const NodeRow& node) = 0;
    // Moves `id` to (parent, name). `replaced`: the node that has that name now; it is removed as by remove_node in the
    // same transaction. Replica and directory rows whose key no longer fits get due now. `local_only` is the new value;
    // when it goes from true to false and the node has a version that is not torn, replica rows for `wanted` are
    // inserted. Durable.
    virtual Status rename_node(NodeId id, NodeId parent, std::string_view name, std::optional<NodeId> replaced,
                               bool local_only, const std::vector<ProviderId>& wanted) = 0;
    // Removes a name. File: its version becomes doomed and its replica rows with a key get due after delete_grace, those
    // without key and intent are dropped. Directory (not_empty unless empty): directory rows get wanted = false, due
    // after delete_grace. Durable.
    virtual Status remove_node(NodeId id) = 0;

    // The moment of acknowledgement. Inserts or updates the node, inserts the version, makes the previous current version
    // superseded (its replica rows without key and intent are dropped; the others get due when the new version's replica
    // at the same provider is verified), inserts replica rows for `wanted`. Durable.
    virtual Status commit_version(const VersionCommit& commit) = 0;

    // --- content ---------------------------------------------------------------------------------------------------
    virtual Result<VersionRow> version(VersionId id) = 0;               // not_found
    virtual Result<ContentDigests> digests(VersionId id) = 0;           // with leaves
    // Versions that have staged content, oldest first: for recovery and eviction.
    virtual Result<std::vector<VersionRow>> staged_versions() = 0;
    // The highest version that was committed and is still known; none (0) in an empty catalogue.
    virtual Result<VersionId> newest_version() = 0;
    // Forgets the staged copy. busy unless the version is unwanted or at least `min_verified` wanted replicas at active
    // providers are verified and none is due. Durable: only after it returns may the bytes go.
    virtual Status mark_evicted(VersionId id, std::uint32_t min_verified) = 0;
    virtual Status set_staged(VersionId id, std::string_view staged) = 0;  // a local copy was made again
    // Versions that nothing refers to any more (not wanted, no replica rows, no session) are deleted; their staged names
    // are returned for removal. Durable.
    virtual Result<std::vector<std::string>> collect_dead_versions() = 0;

    // --- replicas --------------------------------------------------------------------------------------------------
    struct DueFilter {
        std::size_t limit = 64;
        std::optional<std::uint64_t> max_size;   // only versions up to this size
        std::optional<std::uint64_t> min_size;   // only versions of at least this size
        std::vector<VersionId> except;           // being worked on already
    };
    // Newest version first among those due at `now`.
    virtual Result<std::vector<ReplicaJob>> due_replicas(ProviderId provider, WallTime now, const DueFilter& filter) = 0;
    virtual Result<std::optional<ReplicaJob>> replica_job(VersionId version, ProviderId provider) = 0;
    // When the next row of any kind (replica, directory) of this provider gets due; nothing = never.
    virtual Result<std::optional<WallTime>> next_due(ProviderId provider) = 0;
    virtual Result<std::vector<ReplicaRow>> replicas(VersionId version) = 0;
    // Of the current versions of all files in that directory (not below it), by version and provider.
    virtual Result<std::vector<ReplicaRow>> replicas_in(NodeId directory) = 0;
    // Applies all changes in order, or none. When a stored row makes a version verified at a provider, rows of versions
    // it superseded there get due now. lazy unless `durable`.
    virtual Status record(const std::vector<ReplicaChange>& changes, bool durable) = 0;
    // Everything of this provider that waits (due in the future) is due now; e.g. after it came back.
    virtual Status make_due(ProviderId provider, WallTime now) = 0;
    virtual Status make_replica_due(VersionId version, ProviderId provider, WallTime at) = 0;
    // All rows with a key at this provider, ordered by key: for comparing with a listing.
    struct KnownObject {
        std::string key;
        VersionId version;
        bool directory = false;
        std::uint64_t size = 0;
        std::string remote_id, remote_rev;
        ReplicaState state = ReplicaState::stored;
    };
    virtual Result<std::vector<KnownObject>> known_objects(ProviderId provider) = 0;
    // The files of these, one by one in any order, while the catalogue is being read: `visit` must not call it.
    virtual Status visit_files(ProviderId provider, const std::function<void(const KnownObject&)>& visit) = 0;
    // Where puts and moves were begun whose end is not recorded: files and directories, sorted.
    virtual Result<std::vector<std::string>> begun_keys(ProviderId provider) = 0;
    // Versions of which an upload to a key below folder `key` was begun, its end is not recorded, and nothing else of them is
    // known to be there.
    virtual Result<std::vector<VersionId>> begun_uploads_below(ProviderId provider, std::string_view key) = 0;
    // Of the sessions there are, sorted.
    virtual Result<std::vector<std::string>> upload_keys(ProviderId provider) = 0;
    // As known_objects, for the files at `key` itself and below it.
    virtual Result<std::vector<KnownObject>> files_at(ProviderId provider, std::string_view key) = 0;
    virtual Result<std::vector<KnownObject>> objects_at(ProviderId provider, std::string_view key) = 0;  // and directories
    // Which wanted files below `directory` (not recursive) have an object at which provider (state stored or verified,
    // at the wanted key): for the provider folders.
    struct Presence { NodeId node; ProviderMask present = 0, verified = 0; };
    virtual Result<std::vector<Presence>> presence(NodeId directory) = 0;
    virtual Result<std::vector<ReplicaListing>> list_replicas(std::string_view path_prefix) = 0;  // "" = all; file or folder
    // Page by page, in order of version: wanted versions after `after` that this provider holds (state stored or verified),
    // `limit` of them; fewer, down to none: these are the last ones.
    struct StoredCopy {
        VersionId version;
        std::uint64_t size = 0;
        std::optional<WallTime> verified_at;
    };
    virtual Result<std::vector<StoredCopy>> stored_copies(ProviderId provider, VersionId after, std::size_t limit) = 0;
    // Wanted versions below `path_prefix` (file or folder, "" = all) with a replica that is not verified at an enabled
    // provider. Must not visit verified rows (partial index).
    virtual Result<std::vector<VersionId>> pending_versions(std::string_view path_prefix) = 0;
    // Providers at which a wanted folder is still to be made or moved, and may well be soon: a few attempts may have failed,
    // because other folders are on their way at the same time.
    virtual Result<std::vector<ProviderId>> pending_directories() = 0;
    virtual Result<std::vector<ProviderCounts>> counts() = 0;
    // The node's current version is replicated from here on: inserts missing replica rows (due now) for `wanted`.
    virtual Status add_replicas(VersionId version, const std::vector<ProviderId>& wanted) = 0;

    // --- upload sessions -------------------------------------------------------------------------------------------
    virtual Status save_session(const SessionRow& row) = 0;  // insert or update; lazy
    virtual Status end_session(VersionId version, ProviderId provider) = 0;  // lazy
    // Sessions whose version has no replica row at the provider that could still use them.
    virtual Result<std::vector<SessionRow>> orphan_sessions(ProviderId provider) = 0;

    // --- directories -----------------------------------------------------------------------------------------------
    // Those with an intent first, and also before they are due: until it is known where such a folder is, keys below it mean
    // nothing. Then wanted: shallow first; then unwanted: deep first.
    virtual Result<std::vector<DirectoryJob>> due_directories(ProviderId provider, WallTime now, std::size_t limit) = 0;
    virtual Status record_directory(const DirectoryRow& row) = 0;  // lazy
    virtual Status drop_directory(NodeId node, ProviderId provider) = 0;
    // The provider moved directory `from` to `to`: rewrites this row and the key of every replica and directory row of the
    // provider below it, in one transaction; rows that now fit their wanted key and are verified get settled.
    virtual Status record_directory_move(NodeId node, ProviderId provider, std::string_view from, std::string_view to) = 0;

    // --- user attributes -------------------------------------------------------------------------------------------
    virtual Status set_xattr(NodeId node, std::string_view name, std::string_view value) = 0;
    virtual Result<std::optional<std::string>> xattr(NodeId node, std::string_view name) = 0;
    virtual Result<std::vector<std::string>> xattr_names(NodeId node) = 0;
    virtual Status remove_xattr(NodeId node, std::string_view name) = 0;  // not_found

    // --- events ----------------------------------------------------------------------------------------------------
    // commit_version() and what makes a file wanted later write "stored" by themselves, record() "verified" when the last
    // active provider has it.
    virtual Status append_event(EventRow event) = 0;  // id and, if zero, `at` are filled in; lazy; keeps the newest events_kept
    virtual Status forget_events(WallTime before) = 0;  // all older ones but the newest of all; lazy
    virtual Result<std::vector<EventRow>> events(const EventQuery& query) = 0;

    virtual Status checkpoint() = 0;  // WAL into the database; for idle moments
};

}  // namespace oracxfs
