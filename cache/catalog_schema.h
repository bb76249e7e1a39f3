#pragma once
// The catalogue's shape: creating it, bringing an older one up to date, and describing it.
//
// schema.sql is the shape of kCatalogVersion. When it changes: raise kCatalogVersion, add a step to catalog_steps() that
// turns the previous shape into the new one, and write the fixture of the new version (tests/unit/cache/fixtures).

#include <span>
#include <string>

#include "cache/sqlite.h"

namespace oracxfs {

inline constexpr int kCatalogVersion = 2;                         // PRAGMA user_version
inline constexpr std::int64_t kCatalogApplicationId = 0x4F525843;  // "ORXC": PRAGMA application_id

extern const char* const kCatalogSchema;  // schema.sql

struct SchemaStep {
    int to = 0;              // the version it leads to, from the one before
    const char* script = "";  // SQL; foreign keys are not enforced while it runs, but checked at the end
};
// Every step from version 1 on, in order.
std::span<const SchemaStep> catalog_steps();

// Creates the schema in an empty database and stamps it, all or nothing.
Status create_schema(sqlite::Database& database, const std::string& schema, int version);

// Applies the steps after `from` up to `target` in one transaction, after a copy to "<path>.v<from>-<suffix>".
Status migrate_schema(sqlite::Database& database, std::span<const SchemaStep> steps, int from, int target,
                      const std::string& suffix);

// All objects of the schema as text, in a fixed order, without comments and layout: equal for equal shapes.
Result<std::string> describe_schema(sqlite::Database& database);

}  // namespace oracxfs
