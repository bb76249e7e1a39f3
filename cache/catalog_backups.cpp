// Runs of the backup job, and packages.

#include <algorithm>
#include <array>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

namespace {

constexpr std::int64_t kRunsKept = 10'000;

constexpr std::array<std::string_view, 7> kRunStates = {"running", "succeeded", "partial",    "unchanged",
                                                        "failed",  "cancelled", "interrupted"};
static_assert(static_cast<std::size_t>(RunState::interrupted) + 1 == kRunStates.size());

#define ORACX_RUN_COLUMNS                                                                                               \
    "id, kind, state, started_ms, ended_ms, package, label, members, bytes_in, bytes_out, error_code, error_text, detail"
#define ORACX_PACKAGE_COLUMNS \
    "node, version, run, series, made_ms, fingerprint, members, bytes_in, encrypted, pinned, label"

RunRow run_from(const Statement& row) {
    RunRow run;
    run.id = row.integer(0);
    run.kind = row.text(1);
    run.state = run_state_from(row.bytes(2)).value_or(RunState::failed);
    run.started = wall_from_ms(row.integer(3));
    run.ended = time_from(row.optional_integer(4));
    run.package = row.text(5);
    run.label = row.text(6);
    run.members = static_cast<std::uint64_t>(row.integer(7));
    run.bytes_in = static_cast<std::uint64_t>(row.integer(8));
    run.bytes_out = static_cast<std::uint64_t>(row.integer(9));
    run.error_code = row.text(10);
    run.error_text = row.text(11);
    run.detail = row.text(12);
    return run;
}

PackageRow package_from(const Statement& row) {
    PackageRow package;
    package.node = NodeId{row.integer(0)};
    package.version = VersionId{row.integer(1)};
    package.run = row.integer(2);
    package.series = row.text(3);
    package.made = wall_from_ms(row.integer(4));
    package.fingerprint = row.text(5);
    package.members = static_cast<std::uint64_t>(row.integer(6));
    package.bytes_in = static_cast<std::uint64_t>(row.integer(7));
    package.encrypted = row.integer(8) != 0;
    package.pinned = row.integer(9) != 0;
    package.label = row.text(10);
    return package;
}

}  // namespace

std::string_view to_string(RunState state) { return kRunStates.at(static_cast<std::size_t>(state)); }

std::optional<RunState> run_state_from(std::string_view text) {
    const auto found = std::find(kRunStates.begin(), kRunStates.end(), text);
    if (found == kRunStates.end()) return std::nullopt;
    return static_cast<RunState>(found - kRunStates.begin());
}

Result<std::int64_t> CatalogImpl::begin_run(const RunRow& row) {
    return write(Durability::durable, [&](Db& db) -> Result<std::int64_t> {
        ORACX_TRYV(db.run("INSERT INTO run(kind, state, started_ms, ended_ms, package, label, members, bytes_in, bytes_out, "
                          "error_code, error_text, detail) VALUES(?1, 'running', ?2, NULL, ?3, ?4, 0, 0, 0, '', '', ?5)",
                          std::string_view(row.kind), to_ms(row.started), blob(row.package), std::string_view(row.label),
                          std::string_view(row.detail)));
        ORACX_TRY(const auto id, db.integer("SELECT max(id) FROM run"));
        ORACX_TRYV(db.run("DELETE FROM run WHERE id <= ?1 - ?2 AND state <> 'running'", *id, kRunsKept));
        return *id;
    });
}

Status CatalogImpl::update_run(const RunRow& row) {
    return write(row.ended ? Durability::durable : Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRY(const auto changed,
                  db.run("UPDATE run SET state = ?2, ended_ms = ?3, package = ?4, label = ?5, members = ?6, bytes_in = ?7, "
                         "bytes_out = ?8, error_code = ?9, error_text = ?10, detail = ?11 WHERE id = ?1",
                         row.id, to_string(row.state), ms_of(row.ended), blob(row.package), std::string_view(row.label),
                         row.members, row.bytes_in, row.bytes_out, std::string_view(row.error_code),
                         std::string_view(row.error_text), std::string_view(row.detail)));
        if (changed == 0) return fail(Errc::not_found, "record run " + std::to_string(row.id), "the catalogue does not know it");
        return {};
    });
}

Result<std::vector<RunRow>> CatalogImpl::runs(const RunQuery& query) {
    return read([&](Db& db) -> Result<std::vector<RunRow>> {
        std::vector<RunRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_RUN_COLUMNS " FROM run WHERE (?1 = '' OR kind = ?1) AND (?2 IS NULL OR id < ?2) "
                            "ORDER BY id DESC LIMIT ?3",
                            [&](const Statement& row) { rows.push_back(run_from(row)); }, std::string_view(query.kind),
                            query.before, query.limit));
        return rows;
    });
}

Result<std::optional<RunRow>> CatalogImpl::run(std::int64_t id) {
    return read([&](Db& db) -> Result<std::optional<RunRow>> {
        std::optional<RunRow> found;
        ORACX_TRYV(db.query("SELECT " ORACX_RUN_COLUMNS " FROM run WHERE id = ?1",
                            [&](const Statement& row) { found = run_from(row); }, id));
        return found;
    });
}

Result<std::int64_t> CatalogImpl::interrupt_runs() {
    return write(Durability::durable, [&](Db& db) {
        return db.run("UPDATE run SET state = 'interrupted', ended_ms = ?1 WHERE state = 'running'", to_ms(now()));
    });
}

Status CatalogImpl::record_package(const PackageRow& row) {
    return write(Durability::durable, [&](Db& db) -> Status {
        ORACX_TRYV(get_node(db, row.node));
        ORACX_TRYV(db.run("INSERT OR REPLACE INTO package(" ORACX_PACKAGE_COLUMNS
                          ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                          row.node.value, row.version.value, row.run, std::string_view(row.series), to_ms(row.made),
                          std::string_view(row.fingerprint), row.members, row.bytes_in, row.encrypted, row.pinned,
                          std::string_view(row.label)));
        return {};
    });
}

Result<std::vector<PackageRow>> CatalogImpl::packages() {
    return read([&](Db& db) -> Result<std::vector<PackageRow>> {
        std::vector<PackageRow> rows;
        ORACX_TRYV(db.query("SELECT " ORACX_PACKAGE_COLUMNS " FROM package ORDER BY made_ms, node",
                            [&](const Statement& row) { rows.push_back(package_from(row)); }));
        return rows;
    });
}

Result<std::optional<PackageRow>> CatalogImpl::package(NodeId node) {
    return read([&](Db& db) -> Result<std::optional<PackageRow>> {
        std::optional<PackageRow> found;
        ORACX_TRYV(db.query("SELECT " ORACX_PACKAGE_COLUMNS " FROM package WHERE node = ?1",
                            [&](const Statement& row) { found = package_from(row); }, node.value));
        return found;
    });
}

Status CatalogImpl::mark_package(NodeId node, std::optional<bool> pinned, std::optional<std::string> label) {
    return write(Durability::durable, [&](Db& db) -> Status {
        std::optional<std::string_view> text;
        if (label) text = *label;
        ORACX_TRY(const auto changed, db.run("UPDATE package SET pinned = ifnull(?2, pinned), label = ifnull(?3, label) WHERE node = ?1",
                                             node.value, pinned, text));
        if (changed == 0) return fail(Errc::not_found, "mark a package", "the file is not known as one");
        return {};
    });
}

Status CatalogImpl::keep_package_index(VersionId version, std::string_view bytes) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRYV(version_facts(db, version));
        ORACX_TRYV(db.run("INSERT OR REPLACE INTO package_index(version, bytes) VALUES(?1, ?2)", version.value, blob(bytes)));
        return {};
    });
}

Result<std::optional<std::string>> CatalogImpl::package_index(VersionId version) {
    return read([&](Db& db) -> Result<std::optional<std::string>> {
        std::optional<std::string> found;
        ORACX_TRYV(db.query("SELECT bytes FROM package_index WHERE version = ?1",
                            [&](const Statement& row) { found = row.text(0); }, version.value));
        return found;
    });
}

}  // namespace oracxfs
