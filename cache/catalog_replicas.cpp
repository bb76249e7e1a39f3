// Replica rows: recording what happened, and when there is work.

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

Result<std::vector<ReplicaRow>> CatalogImpl::replicas(VersionId version) {
    return read([&](Db& db) -> Result<std::vector<ReplicaRow>> {
        std::vector<ReplicaRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_REPLICA_COLUMNS " FROM replica r WHERE r.version = ?1 ORDER BY r.provider",
                            [&](const Statement& row) { rows.push_back(replica_from(row)); }, version.value));
        return rows;
    });
}

Result<std::vector<ReplicaRow>> CatalogImpl::replicas_in(NodeId directory) {
    return read([&](Db& db) -> Result<std::vector<ReplicaRow>> {
        std::vector<ReplicaRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_REPLICA_COLUMNS " FROM node n CROSS JOIN replica r ON r.version = n.version WHERE n.parent = ?1",
                            [&](const Statement& row) { rows.push_back(replica_from(row)); }, directory.value));
        std::sort(rows.begin(), rows.end(), [](const ReplicaRow& a, const ReplicaRow& b) {
            return std::pair(a.version.value, a.provider.value) < std::pair(b.version.value, b.provider.value);
        });
        return rows;
    });
}

Status CatalogImpl::record(const std::vector<ReplicaChange>& changes, bool durable) {
    return write(durable ? Durability::durable : Durability::lazy, [&](Db& db) -> Status {
        for (const ReplicaChange& change : changes) {
            if (change.kind == ReplicaChange::Kind::store) {
                ORACX_TRYV(store_replica(db, change));
                continue;
            }
            ORACX_TRYV(db.run("DELETE FROM replica WHERE version = ?1 AND provider = ?2", change.row.version.value,
                              change.row.provider.value));
        }
        return {};
    });
}

// The caller planned with an older view of the tree. A row is only settled (no due) if it still fits what is wanted, or
// if something is sure to wake it: else the plan looks again.
Status CatalogImpl::store_replica(Db& db, const ReplicaChange& change) const {
    ReplicaRow row = change.row;
    ORACX_TRY(const std::optional<std::string> old_state,
              db.text("SELECT state FROM replica WHERE version = ?1 AND provider = ?2", row.version.value, row.provider.value));
    if (change.was && old_state != to_string(*change.was))
        return fail(Errc::changed, "record replica of version " + std::to_string(row.version.value),
                    "it is " + old_state.value_or("gone") + ", not " + std::string(to_string(*change.was)));
    ORACX_TRY(const VersionFacts facts, version_facts(db, row.version));

    const bool verified = row.state == ReplicaState::verified && !row.key.empty();
    std::string path;
    if (facts.wanted && verified) {
        ORACX_TRY(path, build_path(db, facts.node));
    }
    if (!row.due && row.intent_key.empty()) {
        if (facts.wanted) {
            if (verified && row.key != path) row.due = now();
        } else if (row.key.empty()) {
            row.due = now();
        } else {
            ORACX_TRY(const bool free_to_go, successor_verified(db, row, facts));
            if (free_to_go) row.due = removal_due(facts.doomed_at);
        }
    }
    ORACX_TRYV(upsert_replica(db, row, facts.size));
    if (verified && facts.wanted && old_state != to_string(ReplicaState::verified))
        return became_verified(db, row, facts, path);
    return {};
}

Status CatalogImpl::upsert_replica(Db& db, const ReplicaRow& row, std::uint64_t size) {
    ORACX_TRYV(db.run(
        "INSERT INTO replica(version, provider, state, key, intent_key, attempts, due_ms, error_code, error_text, remote_id, "
        "remote_rev, remote_mtime_ns, verified_ms, size) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
        "ON CONFLICT(version, provider) DO UPDATE SET state = excluded.state, key = excluded.key, intent_key = "
        "excluded.intent_key, attempts = excluded.attempts, due_ms = excluded.due_ms, error_code = excluded.error_code, "
        "error_text = excluded.error_text, remote_id = excluded.remote_id, remote_rev = excluded.remote_rev, "
        "remote_mtime_ns = excluded.remote_mtime_ns, verified_ms = excluded.verified_ms",
        row.version.value, row.provider.value, to_string(row.state), blob(row.key), blob(row.intent_key), row.attempts,
        ms_of(row.due), std::string_view(row.error_code), std::string_view(row.error_text), std::string_view(row.remote_id),
        std::string_view(row.remote_rev), row.remote_mtime_ns, ms_of(row.verified_at), size));
    return {};
}

// What waited for this: older versions of the file, and what stands where it has to go.
Status CatalogImpl::became_verified(Db& db, const ReplicaRow& row, const VersionFacts& facts, std::string_view path) const {
    ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?3 WHERE provider = ?1 AND (due_ms IS NULL OR due_ms > ?3) AND version IN "
                      "(SELECT id FROM version WHERE node = ?2 AND fate = 'superseded')",
                      row.provider.value, facts.node.value, to_ms(now())));
    if (row.key != path) ORACX_TRYV(wake_unwanted_at(db, path, false));
    return note_verified(db, row.version, path, facts.size);
}

Status CatalogImpl::add_replicas(VersionId version, const std::vector<ProviderId>& wanted) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const VersionFacts facts, version_facts(db, version));
        if (facts.fate == VersionFate::torn) return fail(Errc::torn, "replicate version " + std::to_string(version.value));
        if (facts.fate != VersionFate::current)
            return fail(Errc::changed, "replicate version " + std::to_string(version.value),
                        "it is " + std::string(to_string(facts.fate)));
        if (!facts.wanted) {
            ORACX_TRYV(db.run("UPDATE node SET local_only = 0 WHERE id = ?1", facts.node.value));
            ORACX_TRYV(db.run("UPDATE version SET wanted = 1 WHERE id = ?1", version.value));
            ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?2 WHERE version = ?1", version.value, to_ms(now())));
            ORACX_TRY(const std::string path, build_path(db, facts.node));
            ORACX_TRYV(note_stored(db, path, facts.size, wanted.size()));
        }
        return add_replica_rows(db, version, wanted);
    });
}

// What is removed keeps its grace period: that a provider came back is no reason to forget it.
Status CatalogImpl::make_due(ProviderId provider, WallTime now) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("UPDATE replica SET due_ms = max(?2, min(due_ms, ifnull((SELECT doomed_ms + ?3 FROM version WHERE id = "
                          "replica.version), ?2))) WHERE provider = ?1 AND due_ms > ?2",
                          provider.value, to_ms(now), delete_grace_.count()));
        ORACX_TRYV(db.run("UPDATE directory_replica SET due_ms = max(?2, min(due_ms, ifnull(removed_ms + ?3, ?2))) "
                          "WHERE provider = ?1 AND due_ms > ?2",
                          provider.value, to_ms(now), delete_grace_.count()));
        return {};
    });
}

Status CatalogImpl::make_replica_due(VersionId version, ProviderId provider, WallTime at) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t changed, db.run("UPDATE replica SET due_ms = ?3 WHERE version = ?1 AND provider = ?2",
                                                     version.value, provider.value, to_ms(at)));
        if (changed == 0) return fail(Errc::not_found, "find replica of version " + std::to_string(version.value));
        return {};
    });
}

Result<std::optional<WallTime>> CatalogImpl::next_due(ProviderId provider) {
    return read([&](Db& db) -> Result<std::optional<WallTime>> {
        ORACX_TRY(const auto replica,
                  db.integer("SELECT min(due_ms) FROM replica WHERE provider = ?1 AND due_ms IS NOT NULL", provider.value));
        ORACX_TRY(const auto directory, db.integer("SELECT min(due_ms) FROM directory_replica WHERE provider = ?1 AND due_ms "
                                                   "IS NOT NULL",
                                                   provider.value));
        if (replica && directory) return time_from(std::min(*replica, *directory));
        return time_from(replica ? replica : directory);
    });
}

// --- upload sessions -----------------------------------------------------------------------------------------------------

Status CatalogImpl::save_session(const SessionRow& row) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("INSERT INTO session(version, provider, key, resume_state, acknowledged_bytes) VALUES(?1, ?2, ?3, ?4, "
                          "?5) ON CONFLICT(version, provider) DO UPDATE SET key = excluded.key, resume_state = "
                          "excluded.resume_state, acknowledged_bytes = excluded.acknowledged_bytes",
                          row.version.value, row.provider.value, blob(row.key), blob(row.resume_state), row.acknowledged_bytes));
        return {};
    });
}

Status CatalogImpl::end_session(VersionId version, ProviderId provider) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("DELETE FROM session WHERE version = ?1 AND provider = ?2", version.value, provider.value));
        return {};
    });
}

Result<std::vector<SessionRow>> CatalogImpl::orphan_sessions(ProviderId provider) {
    return read([&](Db& db) -> Result<std::vector<SessionRow>> {
        std::vector<SessionRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_SESSION_COLUMNS " FROM session s WHERE s.provider = ?1 AND NOT EXISTS (SELECT 1 FROM "
                            "replica r WHERE r.version = s.version AND r.provider = s.provider AND r.state NOT IN ('stored', "
                            "'verified')) ORDER BY s.version",
                            [&](const Statement& row) { rows.push_back(session_from(row)); }, provider.value));
        return rows;
    });
}

}  // namespace oracxfs
