#include "cache/catalog_schema.h"

#include <cctype>

#include "base/assert.h"

namespace oracxfs {
namespace {

// "CREATE TABLE t(\n  a INTEGER -- why\n)" -> "CREATE TABLE t(a INTEGER)". Good enough for our own schema, which has no
// "--" and no runs of spaces inside literals.
std::string without_layout(std::string_view sql) {
    std::string text;
    bool space = false;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        if (sql.substr(i, 2) == "--") {
            i = std::min(sql.find('\n', i), sql.size()) - 1;
            continue;
        }
        const char c = sql[i];
        if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            space = true;
            continue;
        }
        const bool tight = text.empty() || text.back() == '(' || text.back() == ',' || c == ')' || c == '(' || c == ',';
        if (space && !tight) text += ' ';
        space = false;
        text += c;
    }
    return text;
}

Status stamp(sqlite::Database& database, int version) {
    return database.execute("PRAGMA application_id=" + std::to_string(kCatalogApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(version));
}

Status check_references(sqlite::Database& database) {
    ORACX_TRY(const auto broken, database.text("PRAGMA foreign_key_check"));
    if (broken) return fail(Errc::internal, "upgrade " + database.path(), "rows of " + *broken + " refer to nothing");
    return {};
}

}  // namespace

std::span<const SchemaStep> catalog_steps() {
    static constexpr SchemaStep kSteps[] = {
        {2, R"sql(
            CREATE TABLE run(
              id INTEGER PRIMARY KEY,
              kind TEXT NOT NULL CHECK (kind <> ''),
              state TEXT NOT NULL
                CHECK (state IN ('running', 'succeeded', 'partial', 'unchanged', 'failed', 'cancelled', 'interrupted')),
              started_ms INTEGER NOT NULL,
              ended_ms INTEGER,
              package BLOB NOT NULL,
              label TEXT NOT NULL,
              members INTEGER NOT NULL CHECK (members >= 0),
              bytes_in INTEGER NOT NULL CHECK (bytes_in >= 0),
              bytes_out INTEGER NOT NULL CHECK (bytes_out >= 0),
              error_code TEXT NOT NULL,
              error_text TEXT NOT NULL,
              detail TEXT NOT NULL,
              CHECK ((state = 'running') = (ended_ms IS NULL))
            ) STRICT;
            CREATE INDEX run_kind ON run(kind, id);
            CREATE TABLE package(
              node INTEGER PRIMARY KEY REFERENCES node(id) ON DELETE CASCADE,
              version INTEGER NOT NULL,
              run INTEGER NOT NULL,
              series TEXT NOT NULL,
              made_ms INTEGER NOT NULL,
              fingerprint TEXT NOT NULL,
              members INTEGER NOT NULL CHECK (members >= 0),
              bytes_in INTEGER NOT NULL CHECK (bytes_in >= 0),
              encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
              pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
              label TEXT NOT NULL
            ) STRICT;
            CREATE TABLE package_index(
              version INTEGER PRIMARY KEY REFERENCES version(id) ON DELETE CASCADE,
              bytes BLOB NOT NULL
            ) STRICT;
        )sql"},
    };
    return kSteps;
}

Status create_schema(sqlite::Database& database, const std::string& schema, int version) {
    ORACX_TRY(auto transaction, sqlite::Transaction::begin(database));
    ORACX_TRYV(database.execute(schema));
    ORACX_TRYV(stamp(database, version));
    return transaction.commit();
}

Status migrate_schema(sqlite::Database& database, std::span<const SchemaStep> steps, int from, int target,
                      const std::string& suffix) {
    ORACX_ASSERT(from < target);
    ORACX_TRYV(database.copy_to(database.path() + ".v" + std::to_string(from) + "-" + suffix));
    // Has no effect inside a transaction; rebuilding a table would trip over it.
    ORACX_TRYV(database.execute("PRAGMA foreign_keys=OFF"));
    const auto apply = [&]() -> Status {
        ORACX_TRY(auto transaction, sqlite::Transaction::begin(database));
        int version = from;
        for (const SchemaStep& step : steps) {
            if (step.to <= from || step.to > target) continue;
            ORACX_ASSERT(step.to == version + 1);
            ORACX_TRYV(database.execute(step.script));
            version = step.to;
        }
        ORACX_ASSERT(version == target);
        ORACX_TRYV(check_references(database));
        ORACX_TRYV(stamp(database, target));
        return transaction.commit();
    };
    const Status applied = apply();
    ORACX_TRYV(database.execute("PRAGMA foreign_keys=ON"));
    return applied;
}

Result<std::string> describe_schema(sqlite::Database& database) {
    std::string text;
    ORACX_TRYV(database.query(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name",
        [&](const sqlite::Statement& row) {
            text += row.text(0) + " " + row.text(1) + ": " + without_layout(row.bytes(2)) + "\n";
        }));
    return text;
}

}  // namespace oracxfs
