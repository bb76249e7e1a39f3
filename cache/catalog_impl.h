#pragma once
// The catalogue on SQLite. One write connection behind a mutex; a few read connections, so that looking at the tree never
// waits for a writer. The methods are in catalog_*.cpp by noun.
//
// Every commit appends to the WAL without syncing it (synchronous=NORMAL: SQLite syncs it before a checkpoint and when it
// begins anew). A durable call syncs the WAL itself after its commit, without the mutex: callers share a sync, and lazy
// writers and readers are not held up by it. The log is one sequence, so nothing is ever reordered.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <type_traits>
#include <vector>

#include "base/unique_fd.h"
#include "cache/catalog.h"
#include "cache/catalog_rows.h"
#include "cache/group_sync.h"
#include "cache/sqlite.h"

namespace oracxfs {

// Connections for reading, lent one at a time. Thread-safe.
class ReaderPool {
  public:
    explicit ReaderPool(std::vector<std::unique_ptr<sqlite::Database>> readers) : free_(std::move(readers)) {}

    class Lease {
      public:
        explicit Lease(ReaderPool& pool) : pool_(pool), database_(pool.take()) {}
        ~Lease() { pool_.give_back(std::move(database_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        sqlite::Database& operator*() const { return *database_; }

      private:
        ReaderPool& pool_;
        std::unique_ptr<sqlite::Database> database_;
    };

  private:
    std::unique_ptr<sqlite::Database> take();
    void give_back(std::unique_ptr<sqlite::Database> database);

    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<sqlite::Database>> free_;
};

class CatalogImpl final : public Catalog {
  public:
    struct Parts {
        UniqueFd lock;  // flock on "<path>.lock"
        UniqueFd log;   // the WAL, for syncing. It is one file as long as a connection is open
        std::unique_ptr<sqlite::Database> writer;
        std::vector<std::unique_ptr<sqlite::Database>> readers;
        std::string instance;
        LeafKey leaf_key{};
    };
    CatalogImpl(Parts parts, Clock& clock, const CatalogOptions& options);
    ~CatalogImpl() override;

    std::string instance() override { return instance_; }
    LeafKey leaf_key() override { return leaf_key_; }
    Result<std::optional<std::string>> meta(std::string_view key) override;
    Status set_meta(std::string_view key, std::string_view value) override;
    Result<NodeId> reserve_node() override;
    Result<VersionId> reserve_version() override;

    Result<std::vector<ProviderRow>> providers() override;
    Result<ProviderId> configure_provider(std::string_view name, std::string_view type, bool active) override;
    Status rename_provider(std::string_view from, std::string_view to) override;
    Status forget_provider(ProviderId id) override;
    Status update_provider(const ProviderRow& row) override;
    Result<std::string> feed_position(ProviderId id) override;
    Status set_feed_position(ProviderId id, std::string_view position) override;

    Result<std::vector<NodeRow>> children(NodeId parent) override;
    Result<std::optional<NodeRow>> child(NodeId parent, std::string_view name) override;
    Result<NodeRow> node(NodeId id) override;
    Result<std::string> path_of(NodeId id) override;
    Result<std::optional<NodeRow>> find(std::string_view path) override;
    Result<Counts> tree_counts() override;
    Result<std::vector<NodeId>> temporary_files() override;
    Status make_directory(const NodeRow& node, const std::vector<ProviderId>& wanted) override;
    Status set_attributes(const NodeRow& node) override;
    Status rename_node(NodeId id, NodeId parent, std::string_view name, std::optional<NodeId> replaced, bool local_only,
                       const std::vector<ProviderId>& wanted) override;
    Status remove_node(NodeId id) override;
    Status commit_version(const VersionCommit& commit) override;

    Result<VersionRow> version(VersionId id) override;
    Result<ContentDigests> digests(VersionId id) override;
    Result<std::vector<VersionRow>> staged_versions() override;
    Result<VersionId> newest_version() override;
    Status mark_evicted(VersionId id, std::uint32_t min_verified) override;
    Status set_staged(VersionId id, std::string_view staged) override;
    Result<std::vector<std::string>> collect_dead_versions() override;

    Result<std::vector<ReplicaJob>> due_replicas(ProviderId provider, WallTime now, const DueFilter& filter) override;
    Result<std::optional<ReplicaJob>> replica_job(VersionId version, ProviderId provider) override;
    Result<std::optional<WallTime>> next_due(ProviderId provider) override;
    Result<std::vector<ReplicaRow>> replicas(VersionId version) override;
    Result<std::vector<ReplicaRow>> replicas_in(NodeId directory) override;
    Status record(const std::vector<ReplicaChange>& changes, bool durable) override;
    Status make_due(ProviderId provider, WallTime now) override;
    Status make_replica_due(VersionId version, ProviderId provider, WallTime at) override;
    Result<std::vector<KnownObject>> known_objects(ProviderId provider) override;
    Status visit_files(ProviderId provider, const std::function<void(const KnownObject&)>& visit) override;
    Result<std::vector<std::string>> begun_keys(ProviderId provider) override;
    Result<std::vector<VersionId>> begun_uploads_below(ProviderId provider, std::string_view key) override;
    Result<std::vector<std::string>> upload_keys(ProviderId provider) override;
    Result<std::vector<KnownObject>> files_at(ProviderId provider, std::string_view key) override;
    Result<std::vector<KnownObject>> objects_at(ProviderId provider, std::string_view key) override;
    Result<std::vector<Presence>> presence(NodeId directory) override;
    Result<std::vector<ReplicaListing>> list_replicas(std::string_view path_prefix) override;
    Result<std::vector<StoredCopy>> stored_copies(ProviderId provider, VersionId after, std::size_t limit) override;
    Result<std::vector<VersionId>> pending_versions(std::string_view path_prefix) override;
    Result<std::vector<ProviderId>> pending_directories() override;
    Result<std::vector<ProviderCounts>> counts() override;
    Status add_replicas(VersionId version, const std::vector<ProviderId>& wanted) override;

    Status save_session(const SessionRow& row) override;
    Status end_session(VersionId version, ProviderId provider) override;
    Result<std::vector<SessionRow>> orphan_sessions(ProviderId provider) override;

    Result<std::vector<DirectoryJob>> due_directories(ProviderId provider, WallTime now, std::size_t limit) override;
    Status record_directory(const DirectoryRow& row) override;
    Status drop_directory(NodeId node, ProviderId provider) override;
    Status record_directory_move(NodeId node, ProviderId provider, std::string_view from, std::string_view to) override;

    Status set_xattr(NodeId node, std::string_view name, std::string_view value) override;
    Result<std::optional<std::string>> xattr(NodeId node, std::string_view name) override;
    Result<std::vector<std::string>> xattr_names(NodeId node) override;
    Status remove_xattr(NodeId node, std::string_view name) override;

    Status append_event(EventRow event) override;
    Status forget_events(WallTime before) override;
    Result<std::vector<EventRow>> events(const EventQuery& query) override;

    Result<std::int64_t> begin_run(const RunRow& row) override;
    Status update_run(const RunRow& row) override;
    Result<std::vector<RunRow>> runs(const RunQuery& query) override;
    Result<std::optional<RunRow>> run(std::int64_t id) override;
    Result<std::int64_t> interrupt_runs() override;
    Status record_package(const PackageRow& row) override;
    Result<std::vector<PackageRow>> packages() override;
    Result<std::optional<PackageRow>> package(NodeId node) override;
    Status mark_package(NodeId node, std::optional<bool> pinned, std::optional<std::string> label) override;
    Status keep_package_index(VersionId version, std::string_view bytes) override;
    Result<std::optional<std::string>> package_index(VersionId version) override;

    Status checkpoint() override;

  private:
    using Db = sqlite::Database;
    enum class Durability : std::uint8_t { lazy, durable };

    // Runs `body(Db&)`, which returns a Result, in one write transaction; an error rolls it back.
    template <class Body>
    auto write(Durability durability, Body&& body) -> std::invoke_result_t<Body, Db&> {
        auto result = commit_changes(std::forward<Body>(body));
        if (result && durability == Durability::durable) ORACX_TRYV(log_.sync());
        return result;
    }
    template <class Body>
    auto commit_changes(Body&& body) -> std::invoke_result_t<Body, Db&> {
        const std::lock_guard lock(write_mutex_);
        tree_change_ = {};
        events_written_ = false;
        ORACX_TRY(auto transaction, sqlite::Transaction::begin(*writer_));
        auto result = body(*writer_);
        if (!result) return result;
        ORACX_TRYV(transaction.commit());
        apply_tree_change();
        if (events_written_ && on_event_) on_event_();
        return result;
    }
    // Runs `body(Db&)` on one unchanging view of the database.
    template <class Body>
    auto read(Body&& body) -> std::invoke_result_t<Body, Db&> {
        const ReaderPool::Lease lease(readers_);
        ORACX_TRY(auto transaction, sqlite::Transaction::begin(*lease, sqlite::Transaction::Kind::read));
        auto result = body(*lease);
        if (!result) return result;
        ORACX_TRYV(transaction.commit());
        return result;
    }

    // What the rules about replicas need to know of a version.
    struct VersionFacts {
        NodeId node;
        VersionFate fate = VersionFate::current;
        bool wanted = false;
        std::uint64_t size = 0;
        std::optional<WallTime> doomed_at;
    };

    // --- parts of transactions (catalog_parts.cpp); the caller holds a transaction on `db` ---------------------------
    static Result<std::optional<NodeRow>> find_node(Db& db, NodeId id);
    static Result<NodeRow> get_node(Db& db, NodeId id);  // not_found
    static Result<std::optional<NodeRow>> find_child(Db& db, NodeId parent, std::string_view name);
    static Result<std::optional<NodeRow>> find_path(Db& db, std::string_view path);
    static Result<std::string> build_path(Db& db, NodeId id);
    static Result<VersionFacts> version_facts(Db& db, VersionId id);  // not_found
    static Result<bool> successor_verified(Db& db, const ReplicaRow& row, const VersionFacts& facts);
    Status add_replica_rows(Db& db, VersionId version, const std::vector<ProviderId>& wanted) const;
    // Replica rows of the node's versions that are not wanted any more: nothing there -> dropped, else due at `due`.
    static Status retire_rows(Db& db, VersionId version, std::optional<WallTime> due, std::optional<WallTime> intent_due);
    // A wanted file left `path` (or everything below the directory `path` moved): unwanted rows that waited for a
    // successor there look again.
    Status wake_unwanted_at(Db& db, std::string_view path, bool below) const;
    Status remove_file(Db& db, const NodeRow& node) const;
    Status remove_directory(Db& db, const NodeRow& node) const;
    static Status check_parent(Db& db, NodeId parent);
    static Status check_name(std::string_view name);

    [[nodiscard]] WallTime now() const { return clock_.wall(); }
    // When an unwanted row may be acted on.
    [[nodiscard]] WallTime removal_due(const std::optional<WallTime>& doomed_at) const;

    Status store_replica(Db& db, const ReplicaChange& change) const;
    static Status upsert_replica(Db& db, const ReplicaRow& row, std::uint64_t size);
    Status became_verified(Db& db, const ReplicaRow& row, const VersionFacts& facts, std::string_view path) const;
    static Result<std::optional<ReplicaJob>> build_job(Db& db, VersionId version, ProviderId provider);
    static Result<std::vector<VersionId>> newest_due(Db& db, ProviderId provider, WallTime now, const DueFilter& filter);
    Status move_file(Db& db, const NodeRow& node, const std::string& path, bool local_only,
                     const std::vector<ProviderId>& wanted) const;
    Status move_directory(Db& db, const NodeRow& node, const std::string& old_path) const;
    Status make_due_below(Db& db, ProviderId provider, std::string_view key) const;
    Status supersede(Db& db, VersionId previous) const;
    static Status put_node(Db& db, const VersionCommit& commit, std::optional<NodeRow>& stored, bool& local_only);
    Status activate(Db& db, ProviderId provider) const;
    Status insert_event(Db& db, const EventRow& event) const;
    Status note_stored(Db& db, std::string_view path, std::uint64_t size, std::size_t providers) const;
    Status note_verified(Db& db, VersionId version, std::string_view path, std::uint64_t size) const;
    void apply_tree_change();
    template <class Tag>
    Result<Id<Tag>> reserve(const char* column, std::int64_t& next, std::int64_t& end);

    const std::string instance_;
    const LeafKey leaf_key_;
    Clock& clock_;
    const Millis delete_grace_;
    const std::int64_t events_kept_;
    const std::function<void()> on_event_;

    UniqueFd lock_;  // before the connections: released after they are closed
    // What the running transaction does to tree_counts().
    struct TreeChange {
        std::int64_t files = 0, directories = 0, bytes = 0;
    };

    std::mutex write_mutex_;  // before counts_mutex_
    std::unique_ptr<Db> writer_;
    mutable TreeChange tree_change_;
    mutable std::uint32_t events_since_trim_ = 0;  // with write_mutex_
    mutable bool events_written_ = false;          // by the running transaction
    ReaderPool readers_;
    GroupSync log_;

    std::mutex counts_mutex_;
    std::optional<Counts> tree_counts_;            // nothing: not counted yet
    std::uint64_t commits_ = 0;                    // write transactions so far
    std::vector<ProviderCounts> counts_;           // as of counts_at_ commits
    std::optional<std::uint64_t> counts_at_;

    std::mutex id_mutex_;
    std::int64_t next_node_ = 0, node_end_ = 0;  // ids in [next, end) are ours to hand out
    std::int64_t next_version_ = 0, version_end_ = 0;
};

// `path` is `directory` itself or below it ("" = everything).
bool is_below(std::string_view path, std::string_view directory);
// Keys strictly below `directory` are those in [first, last).
struct KeyRange {
    std::string first, last;
};
KeyRange below(std::string_view directory);
std::string join_path(std::string_view directory, std::string_view name);

}  // namespace oracxfs
