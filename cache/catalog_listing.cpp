// Views over all replicas, for people and for comparing with what a provider lists.

#include <algorithm>
#include <unordered_map>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::Statement;

namespace {

constexpr const char* kFileColumns = "SELECT key, version, size, remote_id, remote_rev, state FROM replica WHERE provider = ?1 AND key <> x''";
constexpr const char* kFolderColumns = "SELECT key FROM directory_replica WHERE provider = ?1 AND key <> x''";

Catalog::KnownObject known_file(const Statement& row) {
    Catalog::KnownObject object;
    object.key = row.text(0);
    object.version = {row.integer(1)};
    object.size = static_cast<std::uint64_t>(row.integer(2));
    object.remote_id = row.text(3);
    object.remote_rev = row.text(4);
    object.state = replica_state_from(row.bytes(5)).value_or(ReplicaState::queued);
    return object;
}

Catalog::KnownObject known_folder(const Statement& row) {
    Catalog::KnownObject object;
    object.key = row.text(0);
    object.directory = true;
    return object;
}

}  // namespace

Result<std::vector<Catalog::KnownObject>> CatalogImpl::known_objects(ProviderId provider) {
    return read([&](Db& db) -> Result<std::vector<KnownObject>> {
        std::vector<KnownObject> objects;
        ORACX_TRYV(db.query(std::string(kFileColumns) + " ORDER BY key",
                            [&](const Statement& row) { objects.push_back(known_file(row)); }, provider.value));
        const auto files = static_cast<std::ptrdiff_t>(objects.size());
        ORACX_TRYV(db.query(std::string(kFolderColumns) + " ORDER BY key",
                            [&](const Statement& row) { objects.push_back(known_folder(row)); }, provider.value));
        std::inplace_merge(objects.begin(), objects.begin() + files, objects.end(),
                           [](const KnownObject& a, const KnownObject& b) { return a.key < b.key; });
        return objects;
    });
}

Status CatalogImpl::visit_files(ProviderId provider, const std::function<void(const KnownObject&)>& visit) {
    return read([&](Db& db) -> Status {
        return db.query(kFileColumns, [&](const Statement& row) { visit(known_file(row)); }, provider.value);
    });
}

Result<std::vector<std::string>> CatalogImpl::begun_keys(ProviderId provider) {
    return read([&](Db& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> keys;
        ORACX_TRYV(db.query("SELECT intent_key FROM replica WHERE provider = ?1 AND intent_key <> x'' UNION "
                            "SELECT intent_key FROM directory_replica WHERE provider = ?1 AND intent_key <> x'' ORDER BY 1",
                            [&](const Statement& row) { keys.push_back(row.text(0)); }, provider.value));
        return keys;
    });
}

Result<std::vector<VersionId>> CatalogImpl::begun_uploads_below(ProviderId provider, std::string_view key) {
    return read([&](Db& db) -> Result<std::vector<VersionId>> {
        std::vector<VersionId> versions;
        const KeyRange range = below(key);
        ORACX_TRYV(db.query("SELECT version FROM replica WHERE provider = ?1 AND key = x'' AND intent_key >= ?2 AND intent_key < ?3 AND "
                            "intent_key <> x'' ORDER BY version",
                            [&](const Statement& row) { versions.push_back(VersionId{row.integer(0)}); }, provider.value,
                            sqlite::blob(range.first), sqlite::blob(range.last)));
        return versions;
    });
}

Result<std::vector<std::string>> CatalogImpl::upload_keys(ProviderId provider) {
    return read([&](Db& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> keys;
        ORACX_TRYV(db.query("SELECT DISTINCT key FROM session WHERE provider = ?1 AND key <> x'' ORDER BY 1",
                            [&](const Statement& row) { keys.push_back(row.text(0)); }, provider.value));
        return keys;
    });
}

namespace {

constexpr const char* kAtOrBelow = " AND (key = ?2 OR (key >= ?3 AND key < ?4))";

Status add_files_at(sqlite::Database& db, ProviderId provider, std::string_view key, std::vector<Catalog::KnownObject>& objects) {
    const KeyRange range = below(key);
    return db.query(std::string(kFileColumns) + kAtOrBelow, [&](const Statement& row) { objects.push_back(known_file(row)); },
                    provider.value, sqlite::blob(key), sqlite::blob(range.first), sqlite::blob(range.last));
}

}  // namespace

Result<std::vector<Catalog::KnownObject>> CatalogImpl::files_at(ProviderId provider, std::string_view key) {
    return read([&](Db& db) -> Result<std::vector<KnownObject>> {
        std::vector<KnownObject> objects;
        ORACX_TRYV(add_files_at(db, provider, key, objects));
        return objects;
    });
}

Result<std::vector<Catalog::KnownObject>> CatalogImpl::objects_at(ProviderId provider, std::string_view key) {
    return read([&](Db& db) -> Result<std::vector<KnownObject>> {
        std::vector<KnownObject> objects;
        ORACX_TRYV(add_files_at(db, provider, key, objects));
        const KeyRange range = below(key);
        ORACX_TRYV(db.query(std::string(kFolderColumns) + kAtOrBelow,
                            [&](const Statement& row) { objects.push_back(known_folder(row)); }, provider.value,
                            sqlite::blob(key), sqlite::blob(range.first), sqlite::blob(range.last)));
        return objects;
    });
}

Result<std::vector<Catalog::Presence>> CatalogImpl::presence(NodeId directory) {
    return read([&](Db& db) -> Result<std::vector<Presence>> {
        ORACX_TRY(const std::string folder, build_path(db, directory));
        std::vector<Presence> files;
        std::string path;
        ORACX_TRYV(db.query("SELECT n.id, n.name, r.provider, r.state, r.key FROM node n CROSS JOIN replica r ON r.version = "
                            "n.version WHERE n.parent = ?1 AND n.name > x'' AND n.local_only = 0 AND n.torn = 0 AND r.state IN "
                            "('stored', 'verified') ORDER BY n.name",
                            [&](const Statement& row) {
                                const std::string_view key = row.bytes(4);
                                const std::string_view name = row.bytes(1);
                                const std::size_t prefix = folder.empty() ? 0 : folder.size() + 1;
                                if (key.size() != prefix + name.size() || !key.ends_with(name) || !is_below(key, folder)) return;
                                const NodeId id{row.integer(0)};
                                if (files.empty() || files.back().node != id) files.push_back({id, 0, 0});
                                const ProviderMask mask = mask_of({row.integer(2)});
                                files.back().present |= mask;
                                if (row.bytes(3) == "verified") files.back().verified |= mask;
                            },
                            directory.value));
        return files;
    });
}

namespace {

struct Folder {
    NodeId id;
    std::string path;
};

// The rows of one folder's files (only of the one called `only`, unless that is empty). Folders in it go to `more`.
Status list_folder(sqlite::Database& db, const Folder& folder, std::string_view only, std::vector<ReplicaListing>& listing,
                   std::vector<Folder>& more) {
    ORACX_TRY(Statement rows, db.prepare("SELECT " ORACX_REPLICA_COLUMNS
                                         ", n.id, n.name, n.kind, n.size, n.torn, v.sha256, p.name FROM node n LEFT JOIN version "
                                         "v ON v.id = n.version LEFT JOIN replica r ON r.version = n.version LEFT JOIN provider "
                                         "p ON p.id = r.provider WHERE n.parent = ?1 AND n.name > x'' AND (?2 = x'' OR n.name = "
                                         "?2) ORDER BY n.name, r.provider"));
    rows.bind_all(folder.id.value, sqlite::blob(only));
    std::vector<Folder> below_this;
    for (;;) {
        ORACX_TRY(const bool row, rows.step());
        if (!row) break;
        constexpr int k = kReplicaColumnCount;
        std::string path = join_path(folder.path, rows.bytes(k + 1));
        if (rows.bytes(k + 2) == "directory") {
            below_this.push_back({{rows.integer(k)}, std::move(path)});
            continue;
        }
        const bool torn = rows.integer(k + 4) != 0;
        if (rows.is_null(1) && !torn) continue;  // kept local, or no provider yet
        ReplicaListing& item = listing.emplace_back();
        item.path = std::move(path);
        item.size = static_cast<std::uint64_t>(rows.integer(k + 3));
        item.sha256 = sha256_from(rows.bytes(k + 5));
        item.torn = torn;
        if (!rows.is_null(1)) {
            item.provider = rows.text(k + 6);
            item.replica = replica_from(rows);
        }
    }
    more.insert(more.end(), std::make_move_iterator(below_this.rbegin()), std::make_move_iterator(below_this.rend()));
    return {};
}

}  // namespace

Result<std::vector<ReplicaListing>> CatalogImpl::list_replicas(std::string_view path_prefix) {
    return read([&](Db& db) -> Result<std::vector<ReplicaListing>> {
        ORACX_TRY(const std::optional<NodeRow> start, find_path(db, path_prefix));
        if (!start) return fail(Errc::not_found, "list " + std::string(path_prefix));
        std::vector<ReplicaListing> listing;
        std::vector<Folder> folders;  // still to be visited, the next one last
        if (start->kind == NodeKind::file) {
            ORACX_TRY(std::string folder, build_path(db, start->parent));
            ORACX_TRYV(list_folder(db, {start->parent, std::move(folder)}, start->name, listing, folders));
            return listing;
        }
        folders.push_back({start->id, std::string(path_prefix)});
        while (!folders.empty()) {
            const Folder folder = std::move(folders.back());
            folders.pop_back();
            ORACX_TRYV(list_folder(db, folder, {}, listing, folders));
        }
        return listing;
    });
}

Result<std::vector<Catalog::StoredCopy>> CatalogImpl::stored_copies(ProviderId provider, VersionId after, std::size_t limit) {
    return read([&](Db& db) -> Result<std::vector<StoredCopy>> {
        std::vector<StoredCopy> copies;
        ORACX_TRYV(db.query("SELECT r.version, r.size, r.verified_ms FROM replica r CROSS JOIN version v ON v.id = r.version WHERE "
                            "r.version > ?1 AND r.provider = ?2 AND r.state IN ('stored', 'verified') AND r.key <> x'' AND v.wanted "
                            "= 1 ORDER BY r.version LIMIT ?3",
                            [&](const Statement& row) {
                                StoredCopy& copy = copies.emplace_back();
                                copy.version = {row.integer(0)};
                                copy.size = static_cast<std::uint64_t>(row.integer(1));
                                if (!row.is_null(2)) copy.verified_at = wall_from_ms(row.integer(2));
                            },
                            after.value, provider.value, static_cast<std::int64_t>(limit)));
        return copies;
    });
}

namespace {

// Tells whether a node is `top` or below it; remembers the folders that it met on the way.
class Subtree {
  public:
    Subtree(sqlite::Database& db, NodeId top) : db_(db) {
        inside_[top] = true;
        inside_.emplace(kRootNode, false);
    }

    Result<bool> contains(NodeId node) {
        std::vector<NodeId> way;
        auto known = inside_.find(node);
        for (; known == inside_.end(); known = inside_.find(node)) {
            way.push_back(node);
            ORACX_TRY(const auto parent, db_.integer("SELECT parent FROM node WHERE id = ?1", node.value));
            if (!parent) return false;
            node = {*parent};
        }
        const bool inside = known->second;
        for (const NodeId one : way) inside_[one] = inside;
        return inside;
    }

  private:
    sqlite::Database& db_;
    std::unordered_map<NodeId, bool> inside_;
};

}  // namespace

Result<std::vector<VersionId>> CatalogImpl::pending_versions(std::string_view path_prefix) {
    return read([&](Db& db) -> Result<std::vector<VersionId>> {
        ORACX_TRY(const std::optional<NodeRow> top, find_path(db, path_prefix));
        if (!top) return fail(Errc::not_found, "find " + std::string(path_prefix));
        std::vector<std::pair<VersionId, NodeId>> pending;
        ORACX_TRYV(db.query("SELECT DISTINCT r.version, v.node FROM replica r INDEXED BY replica_pending CROSS JOIN provider p ON "
                            "p.id = r.provider CROSS JOIN version v ON v.id = r.version WHERE r.state <> 'verified' AND p.active "
                            "= 1 AND v.wanted = 1 "
                            // Verified but due: still to be moved.
                            "UNION SELECT r.version, v.node FROM replica r INDEXED BY replica_due CROSS JOIN provider p ON "
                            "p.id = r.provider CROSS JOIN version v ON v.id = r.version WHERE r.due_ms IS NOT NULL AND "
                            "r.state = 'verified' AND p.active = 1 AND v.wanted = 1 ORDER BY 1",
                            [&](const Statement& row) {
                                pending.emplace_back(VersionId{row.integer(0)}, NodeId{row.integer(1)});
                            }));
        std::vector<VersionId> versions;
        Subtree subtree(db, top->id);
        for (const auto& [version, node] : pending) {
            ORACX_TRY(const bool inside, subtree.contains(node));
            if (inside) versions.push_back(version);
        }
        return versions;
    });
}

Result<std::vector<ProviderId>> CatalogImpl::pending_directories() {
    return read([&](Db& db) -> Result<std::vector<ProviderId>> {
        std::vector<ProviderId> providers;
        constexpr std::int64_t kAttempts = 4;
        ORACX_TRYV(db.query("SELECT p.id FROM provider p WHERE p.active = 1 AND EXISTS (SELECT 1 FROM directory_replica d WHERE "
                            "d.provider = p.id AND d.due_ms IS NOT NULL AND d.wanted = 1 AND d.attempts < ?1)",
                            [&](const Statement& row) { providers.push_back({row.integer(0)}); }, kAttempts));
        return providers;
    });
}

namespace {

Result<std::vector<ProviderCounts>> count_wanted(sqlite::Database& db) {
    std::vector<ProviderCounts> counts;
    std::vector<std::size_t> position(static_cast<std::size_t>(kProviderIdMax) + 1);
    ORACX_TRYV(db.query("SELECT id FROM provider ORDER BY id", [&](const Statement& row) {
        position.at(static_cast<std::size_t>(row.integer(0))) = counts.size();
        counts.emplace_back().provider = {row.integer(0)};
    }));
    // Added up here: GROUP BY would sort all rows first.
    ORACX_TRYV(db.query("SELECT r.provider, r.state, r.size FROM version v CROSS JOIN replica r ON r.version = v.id WHERE v.wanted = 1",
                        [&](const Statement& row) {
                            const auto state = replica_state_from(row.bytes(1));
                            if (!state) return;
                            const auto bytes = static_cast<std::uint64_t>(row.integer(2));
                            ProviderCounts& at = counts[position.at(static_cast<std::size_t>(row.integer(0)))];
                            ++at.files_by_state[static_cast<std::size_t>(*state)];
                            if (*state == ReplicaState::stored || *state == ReplicaState::verified) at.stored_bytes += bytes;
                            if (*state == ReplicaState::verified) return;
                            ++at.pending_files;
                            at.pending_bytes += bytes;
                        }));
    return counts;
}

}  // namespace

// Everyone who watches the status asks again and again; most of the time nothing has happened.
Result<std::vector<ProviderCounts>> CatalogImpl::counts() {
    std::uint64_t commits = 0;
    {
        const std::lock_guard lock(counts_mutex_);
        if (counts_at_ == commits_) return counts_;
        commits = commits_;
    }
    ORACX_TRY(std::vector<ProviderCounts> counted, read([&](Db& db) { return count_wanted(db); }));
    const std::lock_guard lock(counts_mutex_);
    if (!counts_at_ || *counts_at_ < commits) {
        counts_ = counted;
        counts_at_ = commits;
    }
    return counted;
}

}  // namespace oracxfs
