// Every shape that a released catalogue ever had is kept as a fixture: SQL text of a small filled database. After raising
// kCatalogVersion write the new one by
//   ORACXFS_WRITE_FIXTURE=1 test_unit_cache --gtest_filter='CatalogSchemaTest.WritesTheFixture'

#include "cache/catalog_schema.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

namespace stdfs = std::filesystem;
using testing::HasSubstr;
using testing::SizeIs;

std::string fixture_path(int version) {
    return std::string(ORACXFS_SOURCE_DIR) + "/tests/unit/cache/fixtures/catalog-v" + std::to_string(version) + ".sql";
}

std::string text_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

class CatalogSchemaTest : public CatalogTest {
  protected:
    std::unique_ptr<sqlite::Database> database(const std::string& name) {
        auto opened = sqlite::Database::open({.path = directory_ / name});
        EXPECT_THAT(opened, IsOk());
        return std::move(*opened);
    }
    std::string shape_of(const std::string& name) { return describe_schema(*database(name)).value(); }

    // One of everything.
    void fill() {
        const ProviderId p = provider("p");
        const ProviderId q = provider("q");
        mkdir("folder", {p, q});
        mkdir("folder/gone", {p});
        EXPECT_THAT(remove("folder/gone"), IsOk());
        const VersionId first = write("folder/file \xff", {p, q}, {.size = 100'000, .staged = "v1"});
        verified(first, p, "folder/file \xff");
        const VersionId second = write("folder/file \xff", {p, q}, {.size = 200'000, .staged = "v2"});
        uploading(second, q, "folder/file \xff");
        EXPECT_THAT(catalog_->save_session({second, q, "folder/file \xff", "resume", 5}), IsOk());
        const VersionId removed = write("removed", {p});
        verified(removed, p, "removed");
        EXPECT_THAT(remove("removed"), IsOk());
        write("local~", {}, {.local_only = true});
        write("torn", {}, {.torn = true});
        EXPECT_THAT(catalog_->set_xattr(find("torn").id, "user.x", "1"), IsOk());
        EXPECT_THAT(catalog_->set_meta("k", "v"), IsOk());
        EventRow event;
        event.level = "info";
        event.kind = "committed";
        event.path = "folder/file \xff";
        EXPECT_THAT(catalog_->append_event(event), IsOk());
        const auto run = catalog_->begin_run({.kind = "backup", .started = now(), .package = "removed.zip"});
        EXPECT_THAT(run, IsOk());
        const NodeRow packed = find("folder/file \xff");
        PackageRow package;
        package.node = packed.id;
        package.version = packed.version;
        package.run = *run;
        package.series = "01234567";
        package.made = now();
        EXPECT_THAT(catalog_->record_package(package), IsOk());
        EXPECT_THAT(catalog_->keep_package_index(packed.version, "PK"), IsOk());
    }
    void expect_filled() {
        const NodeRow file = find("folder/file \xff");
        ASSERT_TRUE(file.id);
        EXPECT_EQ(file.size, 200'000u);
        EXPECT_THAT(catalog_->digests(file.version).value().leaves, SizeIs(4));
        const auto rows = catalog_->replicas(file.version).value();
        ASSERT_THAT(rows, SizeIs(2));
        EXPECT_EQ(rows[1].state, ReplicaState::uploading);
        EXPECT_EQ(rows[1].intent_key, "folder/file \xff");
        EXPECT_TRUE(find("torn").torn);
        EXPECT_TRUE(find("local~").local_only);
        EXPECT_EQ(catalog_->xattr(find("torn").id, "user.x").value(), "1");
        EXPECT_EQ(catalog_->meta("k").value(), "v");
        EventQuery committed;
        committed.kind = "committed";
        EXPECT_THAT(catalog_->events(committed).value(), SizeIs(1));
        EXPECT_THAT(catalog_->staged_versions().value(), SizeIs(2));
        EXPECT_THAT(catalog_->known_objects(rows[0].provider).value(), SizeIs(2));
        write("more", {rows[0].provider});
        EXPECT_THAT(remove("folder/file \xff"), IsOk());
    }

    static std::string dump(sqlite::Database& db) {
        std::string text = "PRAGMA foreign_keys=OFF;\nBEGIN;\n";
        std::vector<std::string> tables;
        EXPECT_THAT(db.query("SELECT name, sql, type FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, rowid",
                             [&](const sqlite::Statement& row) {
                                 text += row.text(1) + ";\n";
                                 if (row.bytes(2) == "table") tables.push_back(row.text(0));
                             }),
                    IsOk());
        for (const std::string& table : tables) {
            std::string columns;
            EXPECT_THAT(db.query("SELECT name FROM pragma_table_info(?1)",
                                 [&](const sqlite::Statement& row) {
                                     columns += (columns.empty() ? "quote(" : "||','||quote(") + row.text(0) + ")";
                                 },
                                 std::string_view(table)),
                        IsOk());
            EXPECT_THAT(db.query("SELECT " + columns + " FROM " + table, [&](const sqlite::Statement& row) {
                text += "INSERT INTO " + table + " VALUES(" + row.text(0) + ");\n";
            }), IsOk());
        }
        for (const char* pragma : {"application_id", "user_version"})
            text += "PRAGMA " + std::string(pragma) + "=" +
                    db.text("PRAGMA " + std::string(pragma))->value_or("0") + ";\n";
        return text + "COMMIT;\n";
    }
};

TEST_F(CatalogSchemaTest, TheBinaryCarriesTheFile) {
    EXPECT_EQ(std::string(kCatalogSchema), text_of(std::string(ORACXFS_SOURCE_DIR) + "/cache/schema.sql"));
    catalog_.reset();
    ASSERT_THAT(database("fresh.db")->execute(kCatalogSchema), IsOk());
    EXPECT_EQ(shape_of("catalog.db"), shape_of("fresh.db"));
}

TEST_F(CatalogSchemaTest, AllTablesAreStrict) {
    catalog_.reset();
    std::istringstream lines(shape_of("catalog.db"));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("table")) continue;
        EXPECT_THAT(line, HasSubstr("STRICT"));
    }
}

TEST_F(CatalogSchemaTest, StepsLeadFromEachVersionToTheNext) {
    ASSERT_THAT(catalog_steps(), SizeIs(kCatalogVersion - 1));
    for (std::size_t i = 0; i < catalog_steps().size(); ++i) EXPECT_EQ(catalog_steps()[i].to, static_cast<int>(i) + 2);
}

TEST_F(CatalogSchemaTest, EveryOldVersionUpgradesToTheSameShape) {
    catalog_.reset();
    const std::string today = shape_of("catalog.db");
    for (int version = 1; version <= kCatalogVersion; ++version) {
        const std::string script = text_of(fixture_path(version));
        ASSERT_FALSE(script.empty()) << fixture_path(version) << " is missing, see the top of this file";
        for (const char* suffix : {"", "-wal", "-shm"}) stdfs::remove(path() + suffix);
        ASSERT_THAT(database("catalog.db")->execute(script), IsOk());
        reopen();
        EXPECT_FALSE(report_.created);
        EXPECT_EQ(report_.damage, "");
        expect_filled();
        catalog_.reset();
        EXPECT_EQ(shape_of("catalog.db"), today) << "upgraded from version " << version;
        const auto db = database("catalog.db");
        EXPECT_THAT(db->check(sqlite::Database::Check::thorough), IsOk());
        EXPECT_EQ(db->text("PRAGMA foreign_key_check").value(), std::nullopt);
        EXPECT_EQ(db->integer("PRAGMA user_version").value(), kCatalogVersion);
    }
}

TEST_F(CatalogSchemaTest, WritesTheFixture) {
    if (std::getenv("ORACXFS_WRITE_FIXTURE") == nullptr) GTEST_SKIP() << "only when asked for";  // NOLINT(concurrency-mt-unsafe)
    fill();
    catalog_.reset();
    std::ofstream(fixture_path(kCatalogVersion), std::ios::binary) << dump(*database("catalog.db"));
}

// --- the mechanism, with shapes made up here -------------------------------------------------------------------------

constexpr SchemaStep kSteps[] = {
    {2, "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7"},
    {3, "CREATE TABLE b(x INTEGER REFERENCES a(x)) STRICT; INSERT INTO b SELECT x FROM a"},
    {4, "DROP TABLE missing"},
    {5, "INSERT INTO b VALUES(99)"},
};

class SchemaStepsTest : public CatalogSchemaTest {
  protected:
    SchemaStepsTest() : db(database("steps.db")) {
        EXPECT_THAT(create_schema(*db, "CREATE TABLE a(x INTEGER PRIMARY KEY) STRICT", 1), IsOk());
        EXPECT_THAT(db->execute("INSERT INTO a VALUES(1)"), IsOk());
    }
    std::unique_ptr<sqlite::Database> db;
};

TEST_F(SchemaStepsTest, StepsAreAppliedInOrderAfterACopy) {
    ASSERT_THAT(migrate_schema(*db, kSteps, 1, 3, "now"), IsOk());
    EXPECT_EQ(db->integer("PRAGMA user_version").value(), 3);
    EXPECT_EQ(db->integer("SELECT y FROM a JOIN b USING(x)").value(), 7);
    EXPECT_EQ(db->integer("PRAGMA foreign_keys").value(), 1);
    const auto copy = database("steps.db.v1-now");
    EXPECT_EQ(copy->integer("PRAGMA user_version").value(), 1);
    EXPECT_EQ(copy->integer("SELECT x FROM a").value(), 1);
}

TEST_F(SchemaStepsTest, AnUpgradeMayBeginAnywhere) {
    ASSERT_THAT(migrate_schema(*db, kSteps, 1, 2, "a"), IsOk());
    ASSERT_THAT(migrate_schema(*db, kSteps, 2, 3, "b"), IsOk());
    EXPECT_EQ(db->integer("PRAGMA user_version").value(), 3);
}

TEST_F(SchemaStepsTest, AFailingStepLeavesTheOldShape) {
    const std::string before = describe_schema(*db).value();
    EXPECT_FALSE(migrate_schema(*db, kSteps, 1, 4, "now"));
    EXPECT_EQ(describe_schema(*db).value(), before);
    EXPECT_EQ(db->integer("PRAGMA user_version").value(), 1);
    EXPECT_EQ(db->integer("PRAGMA foreign_keys").value(), 1);
}

TEST_F(SchemaStepsTest, BrokenReferencesAreRefused) {
    ASSERT_THAT(migrate_schema(*db, kSteps, 1, 3, "a"), IsOk());
    const std::vector<SchemaStep> broken = {{4, kSteps[3].script}};
    EXPECT_THAT(migrate_schema(*db, broken, 3, 4, "b"), HasCode(Errc::internal)) << "not damage: nothing is set aside";
    EXPECT_EQ(db->integer("PRAGMA user_version").value(), 3);
    EXPECT_EQ(db->integer("SELECT count(*) FROM b").value(), 1);
}

TEST_F(SchemaStepsTest, WithoutACopyNothingHappens) {
    std::ofstream(directory_ / "steps.db.v1-now") << "in the way";
    EXPECT_THAT(migrate_schema(*db, kSteps, 1, 3, "now"), HasCode(Errc::exists));
    EXPECT_EQ(db->integer("PRAGMA user_version").value(), 1);
}

TEST_F(SchemaStepsTest, LayoutAndCommentsDoNotCount) {
    const auto a = database("a.db");
    const auto b = database("b.db");
    ASSERT_THAT(a->execute("CREATE TABLE t(\n  a INTEGER, -- why\n  b TEXT CHECK (b <> '')\n) STRICT"), IsOk());
    ASSERT_THAT(b->execute("CREATE TABLE t(a INTEGER,b   TEXT CHECK(b <> '')) STRICT"), IsOk());
    EXPECT_EQ(describe_schema(*a).value(), describe_schema(*b).value());
    ASSERT_THAT(b->execute("CREATE INDEX i ON t(a)"), IsOk());
    EXPECT_NE(describe_schema(*a).value(), describe_schema(*b).value());
}

}  // namespace
}  // namespace oracxfs::test
