// Events: what happened, for `oracxfs log`. What every file goes through is written inside the transactions that it takes
// anyway, so it costs a row and no sync.

#include <algorithm>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

namespace {

constexpr std::uint32_t kEventsBetweenTrims = 64;

std::string bytes_text(std::uint64_t size) { return std::to_string(size) + (size == 1 ? " byte" : " bytes"); }

}  // namespace

Status CatalogImpl::insert_event(Db& db, const EventRow& event) const {
    // The id is one more than the highest.
    ORACX_TRYV(db.run("INSERT INTO event(at_ms, level, kind, provider, path, code, message) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                      to_ms(event.at == WallTime() ? now() : event.at), std::string_view(event.level),
                      std::string_view(event.kind), std::string_view(event.provider), blob(event.path),
                      std::string_view(event.code), std::string_view(event.message)));
    events_written_ = true;
    if (events_since_trim_++ % kEventsBetweenTrims != 0) return {};
    ORACX_TRYV(db.run("DELETE FROM event WHERE id <= (SELECT max(id) FROM event) - ?1", events_kept_));
    return {};
}

Status CatalogImpl::append_event(EventRow event) {
    return write(Durability::lazy, [&](Db& db) { return insert_event(db, event); });
}

// Ids grow with time, so the old ones are the first ones. The newest stays: ids must not begin anew.
Status CatalogImpl::forget_events(WallTime before) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("DELETE FROM event WHERE id < ifnull((SELECT id FROM event WHERE at_ms >= ?1 ORDER BY id LIMIT 1), "
                          "(SELECT max(id) FROM event))",
                          to_ms(before)));
        return {};
    });
}

Status CatalogImpl::note_stored(Db& db, std::string_view path, std::uint64_t size, std::size_t providers) const {
    EventRow event;
    event.level = "info";
    event.kind = "stored";
    event.path = path;
    event.message = bytes_text(size) + ", on the way to " + std::to_string(providers) +
                    (providers == 1 ? " provider" : " providers");
    return insert_event(db, event);
}

// One row when the last active provider has verified its replica, not one a provider.
Status CatalogImpl::note_verified(Db& db, VersionId version, std::string_view path, std::uint64_t size) const {
    ORACX_TRY(const auto open, db.integer("SELECT 1 FROM replica WHERE version = ?1 AND state <> 'verified' AND provider IN "
                                          "(SELECT id FROM provider WHERE active = 1) LIMIT 1",
                                          version.value));
    if (open) return {};
    EventRow event;
    std::string names;
    bool complete = true;
    ORACX_TRYV(db.query("SELECT p.name, r.version IS NOT NULL FROM provider p LEFT JOIN replica r ON r.version = ?1 AND "
                        "r.provider = p.id WHERE p.active = 1 ORDER BY p.name",
                        [&](const Statement& row) {
                            event.provider += (event.provider.empty() ? "" : ",") + row.text(0);
                            names += (names.empty() ? "" : ", ") + row.text(0);
                            complete = complete && row.integer(1) != 0;
                        },
                        version.value));
    if (!complete) return {};
    event.level = "info";
    event.kind = "verified";
    event.path = path;
    event.message = bytes_text(size) + ", at every active provider: " + names;
    return insert_event(db, event);
}

Result<std::vector<EventRow>> CatalogImpl::events(const EventQuery& query) {
    std::string sql =
        "SELECT id, at_ms, level, kind, provider, path, code, message FROM event WHERE id > ?1 AND (?2 = '' OR "
        "instr(',' || provider || ',', ',' || ?2 || ',') > 0) AND (?3 = x'' OR path = ?3) AND (?4 = '' OR level = ?4) AND "
        "(?5 = '' OR kind = ?5) ORDER BY id ";
    sql += query.from_oldest ? "LIMIT ?6" : "DESC LIMIT ?6";
    return read([&](Db& db) -> Result<std::vector<EventRow>> {
        std::vector<EventRow> rows;
        ORACX_TRYV(db.query(
            sql,
            [&](const Statement& row) {
                EventRow& event = rows.emplace_back();
                event.id = row.integer(0);
                event.at = wall_from_ms(row.integer(1));
                event.level = row.text(2);
                event.kind = row.text(3);
                event.provider = row.text(4);
                event.path = row.text(5);
                event.code = row.text(6);
                event.message = row.text(7);
            },
            query.after_id, std::string_view(query.provider), blob(query.path), std::string_view(query.level),
            std::string_view(query.kind), query.limit));
        if (!query.from_oldest) std::reverse(rows.begin(), rows.end());
        return rows;
    });
}

}  // namespace oracxfs
