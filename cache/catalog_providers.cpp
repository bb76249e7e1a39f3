// Providers.

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::Statement;

namespace {

std::optional<std::uint64_t> unsigned_of(const std::optional<std::int64_t>& value) {
    if (!value) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

ProviderRow provider_from(const Statement& row) {
    ProviderRow provider;
    provider.id = {row.integer(0)};
    provider.name = row.text(1);
    provider.type = row.text(2);
    provider.active = row.integer(3) != 0;
    provider.state = provider_state_from(row.bytes(4)).value_or(ProviderState::degraded);
    provider.reason = row.text(5);
    provider.total_bytes = unsigned_of(row.optional_integer(6));
    provider.free_bytes = unsigned_of(row.optional_integer(7));
    provider.checked_at = time_from(row.optional_integer(8));
    provider.last_ok = time_from(row.optional_integer(9));
    provider.read_errors = static_cast<std::uint64_t>(row.integer(10));
    provider.write_errors = static_cast<std::uint64_t>(row.integer(11));
    provider.checksum_errors = static_cast<std::uint64_t>(row.integer(12));
    return provider;
}

// A number that was not used lately if there is one: late answers about a forgotten provider then meet nobody.
Result<ProviderId> free_provider_id(sqlite::Database& db) {
    ORACX_TRY(const auto highest, db.integer("SELECT max(id) FROM provider"));
    if (highest.value_or(0) < kProviderIdMax) return ProviderId{highest.value_or(0) + 1};
    for (std::int64_t id = 1; id <= kProviderIdMax; ++id) {
        ORACX_TRY(const auto taken, db.integer("SELECT 1 FROM provider WHERE id = ?1", id));
        if (!taken) return ProviderId{id};
    }
    return fail(Errc::invalid, "add a provider", "there are " + std::to_string(kProviderIdMax) + " already");
}

}  // namespace

Result<std::vector<ProviderRow>> CatalogImpl::providers() {
    return read([&](Db& db) -> Result<std::vector<ProviderRow>> {
        std::vector<ProviderRow> rows;
        ORACX_TRYV(db.query("SELECT id, name, type, active, state, reason, total_bytes, free_bytes, checked_ms, last_ok_ms, "
                            "read_errors, write_errors, checksum_errors FROM provider ORDER BY id",
                            [&](const Statement& row) { rows.push_back(provider_from(row)); }));
        return rows;
    });
}

Result<ProviderId> CatalogImpl::configure_provider(std::string_view name, std::string_view type, bool active) {
    return write(Durability::durable, [&](Db& db) -> Result<ProviderId> {
        std::optional<ProviderRow> old;
        ORACX_TRYV(db.query("SELECT id, name, type, active, state, reason, total_bytes, free_bytes, checked_ms, last_ok_ms, "
                            "read_errors, write_errors, checksum_errors FROM provider WHERE name = ?1",
                            [&](const Statement& row) { old = provider_from(row); }, name));
        ProviderId id;
        if (old) {
            id = old->id;
            ORACX_TRYV(db.run("UPDATE provider SET type = ?2, active = ?3 WHERE id = ?1", id.value, type, active));
        } else {
            ORACX_TRY(id, free_provider_id(db));
            ORACX_TRYV(db.run("INSERT INTO provider(id, name, type, active, state, reason, read_errors, write_errors, "
                              "checksum_errors) VALUES(?1, ?2, ?3, ?4, ?5, '', 0, 0, 0)",
                              id.value, name, type, active, to_string(active ? ProviderState::active : ProviderState::inactive)));
        }
        if (active && (!old || !old->active)) {
            ORACX_TRYV(db.run("UPDATE provider SET state = 'active', reason = '' WHERE id = ?1 AND state = 'inactive'", id.value));
            ORACX_TRYV(activate(db, id));
        } else if (!active) {
            ORACX_TRYV(db.run("UPDATE provider SET state = 'inactive', reason = '' WHERE id = ?1", id.value));
        }
        return id;
    });
}

// Rows for what the provider missed. What it had and still fits stays settled.
Status CatalogImpl::activate(Db& db, ProviderId provider) const {
    const std::int64_t now_ms = to_ms(now());
    ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?2 WHERE provider = ?1 AND (state <> 'verified' OR due_ms > ?2) AND version IN "
                      "(SELECT id FROM version WHERE wanted = 1)",
                      provider.value, now_ms));
    ORACX_TRYV(db.run("INSERT INTO replica(version, provider, state, key, intent_key, attempts, due_ms, error_code, error_text, "
                      "remote_id, remote_rev, remote_mtime_ns, verified_ms, size) SELECT v.id, ?1, 'queued', x'', x'', 0, ?2, "
                      "'', '', '', '', 0, NULL, v.size FROM version v WHERE v.wanted = 1 "
                      "ON CONFLICT(version, provider) DO NOTHING",
                      provider.value, now_ms));
    ORACX_TRYV(db.run("INSERT INTO directory_replica(node, provider, key, wanted, attempts, due_ms, removed_ms, error_text) "
                      "SELECT n.id, ?1, x'', 1, 0, ?2, NULL, '' FROM node n WHERE n.kind = 'directory' AND n.id <> 1 "
                      "ON CONFLICT(node, provider) DO UPDATE SET due_ms = ?2",
                      provider.value, now_ms));
    return {};
}

namespace {

std::string feed_key(ProviderId id) { return "feed/" + std::to_string(id.value); }

}  // namespace

Result<std::string> CatalogImpl::feed_position(ProviderId id) {
    ORACX_TRY(auto position, meta(feed_key(id)));
    return std::move(position).value_or("");
}

Status CatalogImpl::set_feed_position(ProviderId id, std::string_view position) { return set_meta(feed_key(id), position); }

Status CatalogImpl::rename_provider(std::string_view from, std::string_view to) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t changed, db.run("UPDATE provider SET name = ?2 WHERE name = ?1", from, to));
        if (changed == 0) return fail(Errc::not_found, "rename provider " + std::string(from));
        return {};
    });
}

Status CatalogImpl::forget_provider(ProviderId id) {
    return write(Durability::durable, [&](Db& db) -> Status {
        for (const char* sql : {"DELETE FROM replica WHERE provider = ?1", "DELETE FROM session WHERE provider = ?1",
                                "DELETE FROM directory_replica WHERE provider = ?1"})
            ORACX_TRYV(db.run(sql, id.value));
        ORACX_TRYV(db.run("DELETE FROM meta WHERE key = ?1", feed_key(id)));
        ORACX_TRY(const std::int64_t removed, db.run("DELETE FROM provider WHERE id = ?1", id.value));
        if (removed == 0) return fail(Errc::not_found, "forget provider " + std::to_string(id.value));
        return {};
    });
}

Status CatalogImpl::update_provider(const ProviderRow& row) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRY(const std::int64_t changed,
                  db.run("UPDATE provider SET state = ?2, reason = ?3, total_bytes = ?4, free_bytes = ?5, checked_ms = ?6, "
                         "last_ok_ms = ?7, read_errors = ?8, write_errors = ?9, checksum_errors = ?10 WHERE id = ?1",
                         row.id.value, to_string(row.state), std::string_view(row.reason), row.total_bytes, row.free_bytes,
                         ms_of(row.checked_at), ms_of(row.last_ok), row.read_errors, row.write_errors, row.checksum_errors));
        if (changed == 0) return fail(Errc::not_found, "find provider " + row.name);
        return {};
    });
}

}  // namespace oracxfs
