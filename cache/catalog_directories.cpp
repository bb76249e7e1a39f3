// Directories at the providers.

#include <algorithm>
#include <unordered_map>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

namespace {

std::size_t depth_of(std::string_view path) { return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')); }

}  // namespace

Result<std::vector<DirectoryJob>> CatalogImpl::due_directories(ProviderId provider, WallTime now, std::size_t limit) {
    return read([&](Db& db) -> Result<std::vector<DirectoryJob>> {
        std::vector<DirectoryJob> wanted, unwanted;
        ORACX_TRYV(db.query("SELECT " ORACX_DIRECTORY_COLUMNS
                            " FROM directory_replica d WHERE d.provider = ?1 AND d.due_ms IS NOT NULL AND (d.due_ms <= ?2 OR "
                            "d.intent_key <> x'')",
                            [&](const Statement& row) {
                                DirectoryRow found = directory_from(row);
                                (found.wanted ? wanted : unwanted).push_back({std::move(found), {}});
                            },
                            provider.value, to_ms(now)));
        for (DirectoryJob& job : wanted) {
            ORACX_TRY(job.want_key, build_path(db, job.row.node));
        }
        std::sort(wanted.begin(), wanted.end(), [](const DirectoryJob& a, const DirectoryJob& b) {
            return std::pair(depth_of(a.want_key), std::string_view(a.want_key)) <
                   std::pair(depth_of(b.want_key), std::string_view(b.want_key));
        });
        std::sort(unwanted.begin(), unwanted.end(), [](const DirectoryJob& a, const DirectoryJob& b) {
            return std::pair(depth_of(b.row.key), std::string_view(b.row.key)) <
                   std::pair(depth_of(a.row.key), std::string_view(a.row.key));
        });
        wanted.insert(wanted.end(), std::make_move_iterator(unwanted.begin()), std::make_move_iterator(unwanted.end()));
        std::stable_partition(wanted.begin(), wanted.end(), [](const DirectoryJob& job) { return !job.row.intent_key.empty(); });
        if (wanted.size() > limit) wanted.resize(limit);
        return wanted;
    });
}

// The caller's view may be older than the tree's: whether the directory is wanted is decided here, and a row is only
// settled if it fits.
Status CatalogImpl::record_directory(const DirectoryRow& given) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        DirectoryRow row = given;
        std::optional<std::int64_t> removed_ms;
        std::optional<WallTime> stored_due;
        std::string stored_key;
        ORACX_TRYV(db.query("SELECT removed_ms, due_ms, key FROM directory_replica WHERE node = ?1 AND provider = ?2",
                            [&](const Statement& found) {
                                removed_ms = found.optional_integer(0);
                                stored_due = time_from(found.optional_integer(1));
                                stored_key = found.text(2);
                            },
                            row.node.value, row.provider.value));
        ORACX_TRY(const std::optional<NodeRow> node, find_node(db, row.node));
        const bool exists = node && node->kind == NodeKind::directory;
        if (exists) {
            ORACX_TRY(const std::string path, build_path(db, row.node));
            if (!row.due && (row.key != path || !row.intent_key.empty())) row.due = now();
            removed_ms.reset();
        } else {
            if (!removed_ms) removed_ms = to_ms(now());
            if (!row.due || row.wanted) row.due = stored_due ? *stored_due : now() + delete_grace_;
        }
        ORACX_TRYV(db.run("INSERT INTO directory_replica(node, provider, key, wanted, attempts, due_ms, removed_ms, error_text, intent_key) "
                          "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT(node, provider) DO UPDATE SET key = excluded.key, "
                          "wanted = excluded.wanted, attempts = excluded.attempts, due_ms = excluded.due_ms, removed_ms = "
                          "excluded.removed_ms, error_text = excluded.error_text, intent_key = excluded.intent_key",
                          row.node.value, row.provider.value, blob(row.key), exists, row.attempts, ms_of(row.due), removed_ms,
                          std::string_view(row.error_text), blob(row.intent_key)));
        if (stored_key.empty() || row.key.empty() || row.key == stored_key) return {};
        // It did not move, it was made where it belongs: the folders below are still where it was, and have to follow.
        const KeyRange left = below(stored_key);
        ORACX_TRYV(db.run("UPDATE directory_replica SET due_ms = ?4 WHERE provider = ?1 AND key >= ?2 AND key < ?3 AND key <> x'' AND "
                          "wanted = 1 AND due_ms IS NULL",
                          row.provider.value, blob(left.first), blob(left.last), to_ms(now())));
        return {};
    });
}

Status CatalogImpl::drop_directory(NodeId node, ProviderId provider) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("DELETE FROM directory_replica WHERE node = ?1 AND provider = ?2", node.value, provider.value));
        return {};
    });
}

Status CatalogImpl::record_directory_move(NodeId node, ProviderId provider, std::string_view from, std::string_view to) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t found,
                  db.run("UPDATE directory_replica SET key = ?3, attempts = 0, error_text = '', intent_key = x'', due_ms = ifnull(due_ms, ?4) "
                         "WHERE node = ?1 AND provider = ?2",
                         node.value, provider.value, blob(to), to_ms(now())));
        if (found == 0) return fail(Errc::not_found, "find directory " + std::to_string(node.value));

        // `||` makes TEXT of BLOBs, byte by byte.
        const KeyRange old_keys = below(from);
        const auto first_kept = static_cast<std::int64_t>(from.size() + 1);
        // The folder could take its new name, so what else we believed to be there is not: somebody removed it.
        ORACX_TRYV(db.run("UPDATE replica SET key = x'', state = 'missing', remote_id = '', remote_rev = '', remote_mtime_ns = 0, "
                          "verified_ms = NULL, due_ms = ?6 WHERE provider = ?1 AND key IN (SELECT CAST(?4 || substr(r.key, ?5) AS "
                          "BLOB) FROM replica r WHERE r.provider = ?1 AND r.key >= ?2 AND r.key < ?3 AND r.key <> x'')",
                          provider.value, blob(old_keys.first), blob(old_keys.last), blob(to), first_kept, to_ms(now())));
        // Two folders of ours, one after the other, had the name that is free now; the newer one has to be made again.
        ORACX_TRYV(db.run("UPDATE directory_replica SET key = x'', due_ms = ?4 WHERE provider = ?1 AND node <> ?2 AND key = ?3 AND "
                          "key <> x'' AND intent_key = x'' AND wanted = 1",
                          provider.value, node.value, blob(from), to_ms(now())));
        ORACX_TRYV(db.run("UPDATE replica SET key = CAST(?4 || substr(key, ?5) AS BLOB) WHERE provider = ?1 AND key >= ?2 AND "
                          "key < ?3 AND key <> x''",
                          provider.value, blob(old_keys.first), blob(old_keys.last), blob(to), first_kept));
        // What was begun and never heard of may have happened before the move: it is to be looked for where it is now.
        ORACX_TRYV(db.run("UPDATE replica SET intent_key = CAST(?4 || substr(intent_key, ?5) AS BLOB) WHERE provider = ?1 AND "
                          "intent_key >= ?2 AND intent_key < ?3 AND intent_key <> x''",
                          provider.value, blob(old_keys.first), blob(old_keys.last), blob(to), first_kept));
        ORACX_TRYV(db.run("UPDATE directory_replica SET intent_key = CAST(?4 || substr(intent_key, ?5) AS BLOB) WHERE provider = "
                          "?1 AND due_ms IS NOT NULL AND intent_key >= ?2 AND intent_key < ?3 AND intent_key <> x''",
                          provider.value, blob(old_keys.first), blob(old_keys.last), blob(to), first_kept));
        ORACX_TRYV(db.run("UPDATE directory_replica SET key = CAST(?4 || substr(key, ?5) AS BLOB) WHERE provider = ?1 AND key "
                          ">= ?2 AND key < ?3 AND key <> x''",
                          provider.value, blob(old_keys.first), blob(old_keys.last), blob(to), first_kept));

        // Rows with work that now fit have none any more.
        struct Due {
            std::int64_t id, node;
            std::string key;
        };
        std::vector<Due> files, directories;
        const KeyRange new_keys = below(to);
        ORACX_TRYV(db.query("SELECT r.version, v.node, r.key FROM replica r JOIN version v ON v.id = r.version WHERE r.provider = "
                            "?1 AND r.key >= ?2 AND r.key < ?3 AND r.key <> x'' AND r.due_ms IS NOT NULL AND r.intent_key = x'' "
                            "AND r.state = 'verified' AND v.wanted = 1",
                            [&](const Statement& row) { files.push_back({row.integer(0), row.integer(1), row.text(2)}); },
                            provider.value, blob(new_keys.first), blob(new_keys.last)));
        ORACX_TRYV(db.query("SELECT node, key FROM directory_replica WHERE provider = ?1 AND (node = ?4 OR (key >= ?2 AND key < "
                            "?3)) AND key <> x'' AND due_ms IS NOT NULL AND wanted = 1 AND intent_key = x''",
                            [&](const Statement& row) { directories.push_back({row.integer(0), row.integer(0), row.text(1)}); },
                            provider.value, blob(new_keys.first), blob(new_keys.last), node.value));
        for (const Due& file : files) {
            ORACX_TRY(const std::string path, build_path(db, {file.node}));
            if (path == file.key)
                ORACX_TRYV(db.run("UPDATE replica SET due_ms = NULL WHERE version = ?1 AND provider = ?2", file.id,
                                  provider.value));
        }
        for (const Due& directory : directories) {
            ORACX_TRY(const std::string path, build_path(db, {directory.node}));
            if (path == directory.key)
                ORACX_TRYV(db.run("UPDATE directory_replica SET due_ms = NULL WHERE node = ?1 AND provider = ?2", directory.id,
                                  provider.value));
        }
        return {};
    });
}

}  // namespace oracxfs
