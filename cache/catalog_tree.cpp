// Names: looking them up, making, moving and removing them.

#include <map>
#include <set>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

Result<std::vector<NodeRow>> CatalogImpl::children(NodeId parent) {
    return read([&](Db& db) -> Result<std::vector<NodeRow>> {
        std::vector<NodeRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_NODE_COLUMNS " FROM node n WHERE n.parent = ?1 AND n.name > x'' ORDER BY n.name",
                            [&](const Statement& row) { rows.push_back(node_from(row)); }, parent.value));
        return rows;
    });
}

Result<std::optional<NodeRow>> CatalogImpl::child(NodeId parent, std::string_view name) {
    return read([&](Db& db) { return find_child(db, parent, name); });
}

Result<NodeRow> CatalogImpl::node(NodeId id) {
    return read([&](Db& db) { return get_node(db, id); });
}

Result<std::string> CatalogImpl::path_of(NodeId id) {
    return read([&](Db& db) { return build_path(db, id); });
}

Result<std::optional<NodeRow>> CatalogImpl::find(std::string_view path) {
    return read([&](Db& db) { return find_path(db, path); });
}

Result<std::vector<NodeId>> CatalogImpl::temporary_files() {
    return read([&](Db& db) -> Result<std::vector<NodeId>> {
        std::vector<NodeId> nodes;
        ORACX_TRYV(db.query("SELECT id FROM node WHERE local_only = 1 AND torn = 0",
                            [&](const sqlite::Statement& row) { nodes.push_back({row.integer(0)}); }));
        return nodes;
    });
}

// Counted once, then kept up to date: statfs asks often.
Result<Catalog::Counts> CatalogImpl::tree_counts() {
    {
        const std::lock_guard lock(counts_mutex_);
        if (tree_counts_) return *tree_counts_;
    }
    const std::lock_guard writers(write_mutex_);
    Counts counted;
    ORACX_TRYV(writer_->query("SELECT kind, count(*), sum(size) FROM node WHERE id <> 1 GROUP BY kind", [&](const Statement& row) {
        const auto names = static_cast<std::uint64_t>(row.integer(1));
        if (row.bytes(0) == "directory") {
            counted.directories = names;
            return;
        }
        counted.files = names;
        counted.bytes = static_cast<std::uint64_t>(row.integer(2));
    }));
    const std::lock_guard lock(counts_mutex_);
    tree_counts_ = counted;
    return counted;
}

void CatalogImpl::apply_tree_change() {
    const std::lock_guard lock(counts_mutex_);
    ++commits_;
    if (!tree_counts_) return;
    tree_counts_->files += static_cast<std::uint64_t>(tree_change_.files);  // modulo 2^64: negative changes subtract
    tree_counts_->directories += static_cast<std::uint64_t>(tree_change_.directories);
    tree_counts_->bytes += static_cast<std::uint64_t>(tree_change_.bytes);
}

Status CatalogImpl::make_directory(const NodeRow& node, const std::vector<ProviderId>& wanted) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRYV(check_name(node.name));
        ORACX_TRYV(check_parent(db, node.parent));
        ORACX_TRYV(db.run("INSERT INTO node(parent, name, id, kind, mode, uid, gid, mtime_ns, ctime_ns, created_ns, version, "
                          "size, local_only, torn) VALUES(?1, ?2, ?3, 'directory', ?4, ?5, ?6, ?7, ?8, ?9, NULL, 0, 0, 0)",
                          node.parent.value, blob(node.name), node.id.value, node.mode, node.uid, node.gid, node.mtime_ns,
                          node.ctime_ns, node.created_ns));
        tree_change_.directories += 1;
        ORACX_TRY(const std::string path, build_path(db, node.id));
        ORACX_TRYV(db.run("DELETE FROM directory_replica WHERE provider IN (SELECT id FROM provider) AND key = ?1 AND "
                          "key <> x'' AND wanted = 0",
                          blob(path)));
        for (const ProviderId provider : wanted)
            ORACX_TRYV(db.run("INSERT INTO directory_replica(node, provider, key, wanted, attempts, due_ms, removed_ms, "
                              "error_text) VALUES(?1, ?2, x'', 1, 0, ?3, NULL, '')",
                              node.id.value, provider.value, to_ms(now())));
        return {};
    });
}

Status CatalogImpl::set_attributes(const NodeRow& node) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t changed,
                  db.run("UPDATE node SET mode = ?2, uid = ?3, gid = ?4, mtime_ns = ?5, ctime_ns = ?6, created_ns = ?7 WHERE "
                         "id = ?1",
                         node.id.value, node.mode, node.uid, node.gid, node.mtime_ns, node.ctime_ns, node.created_ns));
        if (changed == 0) return fail(Errc::not_found, "find node " + std::to_string(node.id.value));
        return {};
    });
}

// --- moving --------------------------------------------------------------------------------------------------------------

Status CatalogImpl::rename_node(NodeId id, NodeId parent, std::string_view name, std::optional<NodeId> replaced,
                                bool local_only, const std::vector<ProviderId>& wanted) {
    return write(Durability::durable, [&](Db& db) -> Status {
        if (id == kRootNode) return fail(Errc::invalid, "rename the root");
        ORACX_TRYV(check_name(name));
        ORACX_TRY(const NodeRow node, get_node(db, id));
        ORACX_TRYV(check_parent(db, parent));
        const bool directory = node.kind == NodeKind::directory;
        for (NodeId up = parent; directory && up != kRootNode;) {
            if (up == id) return fail(Errc::invalid, "rename " + node.name, "the target is inside it");
            ORACX_TRY(const NodeRow above, get_node(db, up));
            up = above.parent;
        }
        ORACX_TRY(const std::string old_path, build_path(db, id));
        ORACX_TRY(const std::optional<NodeRow> there, find_child(db, parent, name));
        if (there && there->id != id) {
            if (replaced != there->id) return fail(Errc::exists, "rename " + node.name + " to " + std::string(name));
            if (directory && there->kind == NodeKind::file) return fail(Errc::not_directory, there->name);
            if (!directory && there->kind == NodeKind::directory) return fail(Errc::is_directory, there->name);
            ORACX_TRYV(directory ? remove_directory(db, *there) : remove_file(db, *there));
        } else if (!there && replaced) {
            return fail(Errc::changed, "rename " + node.name, "what it should replace is gone");
        }
        ORACX_TRYV(db.run("UPDATE node SET parent = ?2, name = ?3, local_only = ?4 WHERE id = ?1", id.value, parent.value,
                          blob(name), local_only && !directory));
        return directory ? move_directory(db, node, old_path) : move_file(db, node, old_path, local_only, wanted);
    });
}

// `node` is the row before the rename.
Status CatalogImpl::move_file(Db& db, const NodeRow& node, const std::string& old_path, bool local_only,
                              const std::vector<ProviderId>& wanted) const {
    if (!node.version) return {};
    const bool was_wanted = !node.local_only && !node.torn;
    const bool is_wanted = !local_only && !node.torn;
    ORACX_TRYV(db.run("UPDATE version SET wanted = ?2 WHERE id = ?1", node.version.value, is_wanted));
    if (was_wanted) ORACX_TRYV(wake_unwanted_at(db, old_path, false));
    if (is_wanted) {
        ORACX_TRY(const std::string path, build_path(db, node.id));
        ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?3 WHERE version = ?1 AND (key <> ?2 OR ?4)", node.version.value,
                          blob(path), to_ms(now()), !was_wanted));
        if (was_wanted) return {};
        ORACX_TRYV(add_replica_rows(db, node.version, wanted));
        return note_stored(db, path, node.size, wanted.size());
    }
    if (!was_wanted) return {};
    // A name that is kept local: for the providers the file is gone, older versions of it too.
    std::vector<VersionId> versions;
    ORACX_TRYV(db.query("SELECT id FROM version WHERE node = ?1",
                        [&](const Statement& row) { versions.push_back({row.integer(0)}); }, node.id.value));
    const WallTime due = now() + delete_grace_;
    for (const VersionId version : versions) ORACX_TRYV(retire_rows(db, version, due, due));
    return {};
}

// Settled objects below the folder stand under its key at the provider, then they move with it; or under its old path, or
// where a folder above that is itself still to be moved has them. Those move one by one: their key has lost its meaning.
Status CatalogImpl::move_directory(Db& db, const NodeRow& node, const std::string& old_path) const {
    ORACX_TRYV(wake_unwanted_at(db, old_path, true));
    std::map<std::int64_t, std::string> keys;  // the folder's own, by provider
    std::set<std::pair<std::int64_t, std::string>> stale;
    ORACX_TRYV(db.query("SELECT p.id, d.key FROM provider p LEFT JOIN directory_replica d ON d.node = ?1 AND d.provider = p.id",
                        [&](const Statement& row) {
                            keys[row.integer(0)] = row.text(1);
                            stale.emplace(row.integer(0), old_path);
                        },
                        node.id.value));
    std::string rest = "/" + node.name;
    for (NodeId up = node.parent; up != kRootNode;) {
        ORACX_TRYV(db.query("SELECT provider, key FROM directory_replica WHERE node = ?1 AND key <> x''",
                            [&](const Statement& row) { stale.emplace(row.integer(0), row.text(1) + rest); }, up.value));
        ORACX_TRY(const NodeRow above, get_node(db, up));
        rest.insert(0, "/" + above.name);
        up = above.parent;
    }
    for (const auto& [provider, key] : stale)
        if (keys[provider] != key) ORACX_TRYV(make_due_below(db, {provider}, key));
    ORACX_TRYV(db.run("UPDATE directory_replica SET due_ms = ?2 WHERE node = ?1", node.id.value, to_ms(now())));
    return {};
}

Status CatalogImpl::make_due_below(Db& db, ProviderId provider, std::string_view key) const {
    const KeyRange range = below(key);
    ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?4 WHERE provider = ?1 AND key >= ?2 AND key < ?3 AND key <> x'' AND "
                      "(due_ms IS NULL OR due_ms > ?4) AND version IN (SELECT id FROM version WHERE wanted = 1)",
                      provider.value, blob(range.first), blob(range.last), to_ms(now())));
    ORACX_TRYV(db.run("UPDATE directory_replica SET due_ms = ?4 WHERE provider = ?1 AND key >= ?2 AND key < ?3 AND key <> x'' AND "
                      "wanted = 1",
                      provider.value, blob(range.first), blob(range.last), to_ms(now())));
    return {};
}

// --- removing ------------------------------------------------------------------------------------------------------------

Status CatalogImpl::remove_node(NodeId id) {
    return write(Durability::durable, [&](Db& db) -> Status {
        if (id == kRootNode) return fail(Errc::invalid, "remove the root");
        ORACX_TRY(const NodeRow node, get_node(db, id));
        return node.kind == NodeKind::directory ? remove_directory(db, node) : remove_file(db, node);
    });
}

Status CatalogImpl::remove_file(Db& db, const NodeRow& node) const {
    ORACX_TRY(const std::string path, build_path(db, node.id));
    ORACX_TRYV(wake_unwanted_at(db, path, false));
    std::vector<VersionId> versions;
    ORACX_TRYV(db.query("SELECT id FROM version WHERE node = ?1",
                        [&](const Statement& row) { versions.push_back({row.integer(0)}); }, node.id.value));
    // The older versions go with it: the content that they waited for will not come any more.
    const WallTime due = now() + delete_grace_;
    for (const VersionId version : versions) ORACX_TRYV(retire_rows(db, version, due, due));
    ORACX_TRYV(db.run("UPDATE version SET fate = 'doomed', wanted = 0, node = NULL, doomed_ms = ?2 WHERE node = ?1",
                      node.id.value, to_ms(now())));
    ORACX_TRYV(db.run("DELETE FROM node WHERE id = ?1", node.id.value));
    tree_change_.files -= 1;
    tree_change_.bytes -= static_cast<std::int64_t>(node.size);
    return {};
}

Status CatalogImpl::remove_directory(Db& db, const NodeRow& node) const {
    ORACX_TRY(const auto child, db.integer("SELECT 1 FROM node WHERE parent = ?1 AND name > x'' LIMIT 1", node.id.value));
    if (child) return fail(Errc::not_empty, "remove " + node.name);
    ORACX_TRYV(db.run("UPDATE directory_replica SET wanted = 0, removed_ms = ?2, due_ms = iif(intent_key = x'', ?3, ?2) WHERE "
                      "node = ?1",
                      node.id.value, to_ms(now()), to_ms(now() + delete_grace_)));
    ORACX_TRYV(db.run("DELETE FROM node WHERE id = ?1", node.id.value));
    tree_change_.directories -= 1;
    return {};
}

// --- user attributes -----------------------------------------------------------------------------------------------------

Status CatalogImpl::set_xattr(NodeId node, std::string_view name, std::string_view value) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRYV(get_node(db, node));
        ORACX_TRYV(db.run("INSERT INTO xattr(node, name, value) VALUES(?1, ?2, ?3) "
                          "ON CONFLICT(node, name) DO UPDATE SET value = excluded.value",
                          node.value, blob(name), blob(value)));
        return {};
    });
}

Result<std::optional<std::string>> CatalogImpl::xattr(NodeId node, std::string_view name) {
    return read([&](Db& db) {
        return db.text("SELECT value FROM xattr WHERE node = ?1 AND name = ?2", node.value, blob(name));
    });
}

Result<std::vector<std::string>> CatalogImpl::xattr_names(NodeId node) {
    return read([&](Db& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> names;
        ORACX_TRYV(db.query("SELECT name FROM xattr WHERE node = ?1 ORDER BY name",
                            [&](const Statement& row) { names.push_back(row.text(0)); }, node.value));
        return names;
    });
}

Status CatalogImpl::remove_xattr(NodeId node, std::string_view name) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t removed,
                  db.run("DELETE FROM xattr WHERE node = ?1 AND name = ?2", node.value, blob(name)));
        if (removed == 0) return fail(Errc::not_found, "remove attribute " + std::string(name));
        return {};
    });
}

}  // namespace oracxfs
