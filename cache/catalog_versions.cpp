// Contents: committing them, what is kept of them locally, forgetting those that nothing refers to.

#include <algorithm>
#include <bit>

#include "base/crash_point.h"
#include "cache/catalog_impl.h"

namespace oracxfs {
namespace {

using sqlite::blob;
using sqlite::Statement;

// std::array<uint8_t, N> has no padding, so a vector of them is one run of bytes.
template <std::size_t N>
std::string_view packed(const std::vector<std::array<std::uint8_t, N>>& items) {
    static_assert(sizeof(std::array<std::uint8_t, N>) == N);
    if (items.empty()) return {};
    return {reinterpret_cast<const char*>(items.data()), items.size() * N};
}

template <std::size_t N>
std::vector<std::array<std::uint8_t, N>> unpacked(std::string_view bytes) {
    std::vector<std::array<std::uint8_t, N>> items(bytes.size() / N);
    for (std::size_t i = 0; i < items.size(); ++i) std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * N), N, items[i].begin());
    return items;
}

template <std::size_t N>
std::string_view view(const std::array<std::uint8_t, N>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), N};
}

Status insert_version(sqlite::Database& db, const VersionCommit& commit, bool wanted, WallTime now) {
    const ContentDigests& digests = commit.digests;
    ORACX_TRYV(db.run("INSERT INTO version(id, node, fate, wanted, size, sha256, staged, created_ms, doomed_ms) "
                      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL)",
                      commit.version.value, commit.node.id.value,
                      to_string(commit.torn ? VersionFate::torn : VersionFate::current), wanted, digests.size,
                      blob(view(digests.sha256)), std::string_view(commit.staged), to_ms(now)));
    std::optional<sqlite::Blob> md5;
    if (digests.md5) md5 = blob(view(*digests.md5));
    ORACX_TRYV(db.run("INSERT INTO digest(version, md5, blocks, leaf_salt, leaves) VALUES(?1, ?2, ?3, ?4, ?5)",
                      commit.version.value, md5, blob(packed(digests.blocks)), std::bit_cast<std::int64_t>(digests.leaf_salt),
                      blob(packed(digests.leaves))));
    return {};
}

}  // namespace

Status CatalogImpl::commit_version(const VersionCommit& commit) {
    const Status committed = write(Durability::durable, [&](Db& db) -> Status {
        std::optional<NodeRow> stored;
        bool local_only = commit.node.local_only;
        ORACX_TRYV(put_node(db, commit, stored, local_only));
        tree_change_.files += stored ? 0 : 1;
        tree_change_.bytes += static_cast<std::int64_t>(commit.digests.size) - (stored ? static_cast<std::int64_t>(stored->size) : 0);
        const bool wanted = !local_only && !commit.torn;
        if (stored && stored->version) {
            const bool was_wanted = !stored->local_only && !stored->torn;
            if (was_wanted && !wanted) {
                ORACX_TRY(const std::string path, build_path(db, commit.node.id));
                ORACX_TRYV(wake_unwanted_at(db, path, false));
            }
            ORACX_TRYV(supersede(db, stored->version));
            // Kept local from now on: older content at the providers has nothing to wait for.
            if (local_only && !commit.torn)
                ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?2 WHERE due_ms IS NULL AND version IN (SELECT id FROM version "
                                  "WHERE node = ?1 AND fate = 'superseded')",
                                  commit.node.id.value, to_ms(now() + delete_grace_)));
        }
        ORACX_TRYV(insert_version(db, commit, wanted, now()));
        if (wanted) {
            ORACX_TRYV(add_replica_rows(db, commit.version, commit.wanted));
            ORACX_TRY(const std::string path, build_path(db, commit.node.id));
            ORACX_TRYV(note_stored(db, path, commit.digests.size, commit.wanted.size()));
        }
        ORACX_CRASH_POINT("catalog.commit.before");
        return {};
    });
    if (committed) ORACX_CRASH_POINT("catalog.commit.after");
    return committed;
}

// A file that is there keeps its name: a rename may have come between the caller's look at the node and this commit, and
// whether the file is replicated goes with the name it has now.
Status CatalogImpl::put_node(Db& db, const VersionCommit& commit, std::optional<NodeRow>& stored, bool& local_only) {
    const NodeRow& node = commit.node;
    ORACX_TRY(stored, find_node(db, node.id));
    if (stored) {
        if (stored->kind == NodeKind::directory) return fail(Errc::is_directory, "commit " + stored->name);
        if (stored->parent != node.parent || stored->name != node.name) local_only = stored->local_only;
        ORACX_TRYV(db.run("UPDATE node SET mode = ?2, uid = ?3, gid = ?4, mtime_ns = ?5, ctime_ns = ?6, created_ns = ?7, "
                          "version = ?8, size = ?9, local_only = ?10, torn = ?11 WHERE id = ?1",
                          node.id.value, node.mode, node.uid, node.gid, node.mtime_ns, node.ctime_ns, node.created_ns,
                          commit.version.value, commit.digests.size, local_only, commit.torn));
        return {};
    }
    ORACX_TRYV(check_name(node.name));
    ORACX_TRYV(check_parent(db, node.parent));
    ORACX_TRYV(db.run("INSERT INTO node(parent, name, id, kind, mode, uid, gid, mtime_ns, ctime_ns, created_ns, version, "
                      "size, local_only, torn) VALUES(?1, ?2, ?3, 'file', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                      node.parent.value, blob(node.name), node.id.value, node.mode, node.uid, node.gid, node.mtime_ns,
                      node.ctime_ns, node.created_ns, commit.version.value, commit.digests.size, local_only, commit.torn));
    return {};
}

// Objects of the old version wait until the new one is verified at the same provider. An upload that is running keeps its
// row (it has an intent), so that what it leaves behind is looked at.
Status CatalogImpl::supersede(Db& db, VersionId previous) const {
    ORACX_TRYV(db.run("UPDATE version SET fate = 'superseded', wanted = 0 WHERE id = ?1", previous.value));
    return retire_rows(db, previous, std::nullopt, now());
}

Result<VersionRow> CatalogImpl::version(VersionId id) {
    return read([&](Db& db) -> Result<VersionRow> {
        std::optional<VersionRow> found;
        ORACX_TRYV(db.query("SELECT " ORACX_VERSION_COLUMNS " FROM version v WHERE v.id = ?1",
                            [&](const Statement& row) { found = version_from(row); }, id.value));
        if (!found) return fail(Errc::not_found, "find version " + std::to_string(id.value));
        return std::move(*found);
    });
}

Result<ContentDigests> CatalogImpl::digests(VersionId id) {
    return read([&](Db& db) -> Result<ContentDigests> {
        std::optional<ContentDigests> found;
        ORACX_TRYV(db.query(
            "SELECT v.size, v.sha256, d.md5, d.blocks, d.leaf_salt, d.leaves FROM version v JOIN digest d ON d.version = v.id "
            "WHERE v.id = ?1",
            [&](const Statement& row) {
                ContentDigests& digests = found.emplace();
                digests.size = static_cast<std::uint64_t>(row.integer(0));
                digests.sha256 = sha256_from(row.bytes(1));
                if (!row.is_null(2)) {
                    digests.md5.emplace();
                    const std::string_view md5 = row.bytes(2);
                    std::copy_n(md5.begin(), std::min(md5.size(), digests.md5->size()), digests.md5->begin());
                }
                digests.blocks = unpacked<32>(row.bytes(3));
                digests.leaf_salt = std::bit_cast<std::uint64_t>(row.integer(4));
                digests.leaves = unpacked<16>(row.bytes(5));
            },
            id.value));
        if (!found) return fail(Errc::not_found, "find version " + std::to_string(id.value));
        return std::move(*found);
    });
}

Result<std::vector<VersionRow>> CatalogImpl::staged_versions() {
    return read([&](Db& db) -> Result<std::vector<VersionRow>> {
        std::vector<VersionRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_VERSION_COLUMNS " FROM version v WHERE v.staged <> '' ORDER BY v.id",
                            [&](const Statement& row) { rows.push_back(version_from(row)); }));
        return rows;
    });
}

Result<VersionId> CatalogImpl::newest_version() {
    return read([&](Db& db) -> Result<VersionId> {
        ORACX_TRY(const auto highest, db.integer("SELECT max(id) FROM version"));
        return VersionId{highest.value_or(0)};
    });
}

Status CatalogImpl::mark_evicted(VersionId id, std::uint32_t min_verified) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const VersionFacts facts, version_facts(db, id));
        if (facts.wanted) {
            std::int64_t verified = 0, due = 0;
            ORACX_TRYV(db.query("SELECT count(*) FILTER (WHERE r.state = 'verified' AND r.key <> x''), "
                                "count(*) FILTER (WHERE r.due_ms IS NOT NULL) FROM replica r JOIN provider p ON p.id = "
                                "r.provider WHERE r.version = ?1 AND p.active = 1",
                                [&](const Statement& row) {
                                    verified = row.integer(0);
                                    due = row.integer(1);
                                },
                                id.value));
            if (due > 0 || verified < std::max<std::int64_t>(1, min_verified))
                return fail(Errc::busy, "evict version " + std::to_string(id.value),
                            std::to_string(verified) + " verified, " + std::to_string(due) + " to be done");
        } else if (facts.fate != VersionFate::superseded && facts.fate != VersionFate::doomed) {
            // A local file: the staged copy is the only one.
            return fail(Errc::busy, "evict version " + std::to_string(id.value), "it is not replicated");
        }
        ORACX_TRYV(db.run("UPDATE version SET staged = '' WHERE id = ?1", id.value));
        return {};
    });
}

Status CatalogImpl::set_staged(VersionId id, std::string_view staged) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t changed, db.run("UPDATE version SET staged = ?2 WHERE id = ?1", id.value, staged));
        if (changed == 0) return fail(Errc::not_found, "find version " + std::to_string(id.value));
        return {};
    });
}

Result<std::vector<std::string>> CatalogImpl::collect_dead_versions() {
    return write(Durability::durable, [&](Db& db) -> Result<std::vector<std::string>> {
        std::vector<std::string> staged;
        ORACX_TRYV(db.query("DELETE FROM version AS v WHERE v.wanted = 0 AND v.fate IN ('superseded', 'doomed') "
                            "AND NOT EXISTS (SELECT 1 FROM replica r WHERE r.version = v.id) "
                            "AND NOT EXISTS (SELECT 1 FROM session s WHERE s.version = v.id) RETURNING staged",
                            [&](const Statement& row) {
                                if (!row.bytes(0).empty()) staged.push_back(row.text(0));
                            }));
        return staged;
    });
}

}  // namespace oracxfs
