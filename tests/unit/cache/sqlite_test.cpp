#include "cache/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace oracxfs::sqlite {
namespace {

namespace stdfs = std::filesystem;

class SqliteTest : public testing::Test {
  protected:
    [[nodiscard]] std::string path(const std::string& name = "test.db") const { return directory_ / name; }
    std::unique_ptr<Database> open(bool read_only = false) {
        auto database = Database::open({.path = path(), .read_only = read_only});
        EXPECT_TRUE(database) << database.error().to_string();
        return std::move(*database);
    }
    std::unique_ptr<Database> open_with_table() {
        auto database = open();
        EXPECT_TRUE(database->execute("CREATE TABLE t(k INTEGER PRIMARY KEY, v ANY, u TEXT UNIQUE) STRICT"));
        return database;
    }

    test::TempDir directory_;
};

TEST_F(SqliteTest, NewFilesAreReadableByTheOwnerOnly) {
    const auto database = open_with_table();
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat info {};
        ASSERT_EQ(::stat((path() + suffix).c_str(), &info), 0) << suffix;
        EXPECT_EQ(info.st_mode & 0777, 0600u) << suffix;
    }
}

TEST_F(SqliteTest, ConnectionsHaveTheSafeSettings) {
    const auto database = open();
    const auto value = [&](const char* pragma) { return database->text(pragma)->value_or("?"); };
    EXPECT_EQ(value("PRAGMA journal_mode"), "wal");
    EXPECT_EQ(value("PRAGMA synchronous"), "2");
    EXPECT_EQ(value("PRAGMA foreign_keys"), "1");
    EXPECT_EQ(value("PRAGMA trusted_schema"), "0");
    EXPECT_EQ(value("PRAGMA secure_delete"), "0");
    ASSERT_TRUE(database->set_synchronous(Synchronous::normal));
    EXPECT_EQ(value("PRAGMA synchronous"), "1");
    ASSERT_TRUE(database->set_synchronous(Synchronous::full));
    EXPECT_EQ(database->text("PRAGMA synchronous ")->value_or("?"), "2");
}

TEST_F(SqliteTest, ValuesComeBackAsTheyWereBound) {
    const auto database = open_with_table();
    const std::string bytes("\0\xff/x", 4);
    ASSERT_TRUE(database->run("INSERT INTO t VALUES(1, ?1, ?2)", blob(bytes), std::string_view("")));
    ASSERT_TRUE(database->run("INSERT INTO t VALUES(2, ?1, ?2)", blob(""), std::optional<std::string_view>()));
    ASSERT_TRUE(database->run("INSERT INTO t VALUES(3, ?1, NULL)", std::int64_t{-1} << 63));
    auto row = database->prepare("SELECT v, u, typeof(v) FROM t ORDER BY k");
    ASSERT_TRUE(row);
    ASSERT_TRUE(row->step().value());
    EXPECT_EQ(row->bytes(0), bytes);
    EXPECT_FALSE(row->is_null(1));
    ASSERT_TRUE(row->step().value());
    EXPECT_EQ(row->bytes(2), "blob") << "an empty BLOB is not NULL";
    EXPECT_TRUE(row->is_null(1));
    ASSERT_TRUE(row->step().value());
    EXPECT_EQ(row->integer(0), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row->optional_integer(1), std::nullopt);
    EXPECT_FALSE(row->step().value());
}

TEST_F(SqliteTest, AStatementMayRunInsideItsOwnLoop) {
    const auto database = open_with_table();
    ASSERT_TRUE(database->execute("INSERT INTO t(k) VALUES(1),(2),(3)"));
    int pairs = 0;
    ASSERT_TRUE(database->query("SELECT k FROM t", [&](const Statement&) {
        EXPECT_TRUE(database->query("SELECT k FROM t", [&](const Statement&) { ++pairs; }));
    }));
    EXPECT_EQ(pairs, 9);
}

TEST_F(SqliteTest, AStatementThatWentOutOfScopeHoldsNoTransaction) {
    const auto database = open_with_table();
    ASSERT_TRUE(database->execute("INSERT INTO t(k) VALUES(1),(2)"));
    {
        auto half_read = database->prepare("SELECT k FROM t");
        ASSERT_TRUE(half_read->step().value());
    }
    const auto other = open();
    ASSERT_TRUE(other->run("INSERT INTO t(k) VALUES(3)"));
    EXPECT_EQ(*database->integer("SELECT count(*) FROM t"), 3);
}

TEST_F(SqliteTest, TransactionIsRolledBackUnlessCommitted) {
    const auto database = open_with_table();
    {
        auto transaction = Transaction::begin(*database);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(database->run("INSERT INTO t(k) VALUES(1)"));
    }
    EXPECT_EQ(*database->integer("SELECT count(*) FROM t"), 0);
    {
        auto transaction = Transaction::begin(*database);
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(database->run("INSERT INTO t(k) VALUES(1)"));
        ASSERT_TRUE(transaction->commit());
    }
    EXPECT_EQ(*database->integer("SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteTest, ErrorsAreToldApart) {
    const auto database = open_with_table();
    ASSERT_TRUE(database->execute("CREATE TABLE c(x INTEGER CHECK(x > 0), t INTEGER REFERENCES t(k)) STRICT"));
    ASSERT_TRUE(database->run("INSERT INTO t(k, u) VALUES(1, 'a')"));
    EXPECT_EQ(database->run("INSERT INTO t(k) VALUES(1)").error().code, Errc::exists);
    EXPECT_EQ(database->run("INSERT INTO t(k, u) VALUES(2, 'a')").error().code, Errc::exists);
    EXPECT_EQ(database->run("INSERT INTO c VALUES(0, NULL)").error().code, Errc::invalid);
    EXPECT_EQ(database->run("INSERT INTO c VALUES(1, 77)").error().code, Errc::invalid);
    EXPECT_EQ(database->run("INSERT INTO c VALUES('x', NULL)").error().code, Errc::invalid);
    EXPECT_EQ(database->run("SELECT nonsense").error().code, Errc::internal);
    EXPECT_EQ(database->run("SELECT ?1", 1, 2).error().code, Errc::internal) << "more values than parameters";
}

TEST_F(SqliteTest, ReadOnlyConnectionsDoNotWrite) {
    const auto writer = open_with_table();
    const auto reader = open(true);
    EXPECT_FALSE(reader->run("INSERT INTO t(k) VALUES(1)"));
    ASSERT_TRUE(writer->run("INSERT INTO t(k) VALUES(1)"));
    EXPECT_EQ(*reader->integer("SELECT count(*) FROM t"), 1);
}

TEST_F(SqliteTest, FullDiskIsLocalFull) {
    const auto database = open_with_table();
    ASSERT_TRUE(database->text("PRAGMA max_page_count=4"));
    const std::string big(1 << 16, 'x');
    EXPECT_EQ(database->run("INSERT INTO t(v) VALUES(?1)", blob(big)).error().code, Errc::local_full);
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsCorrupt) {
    std::ofstream(path()) << std::string(8192, 'x');
    const auto database = Database::open({.path = path()});
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, Errc::corrupt);
}

TEST_F(SqliteTest, MissingDirectoryIsNotFound) {
    EXPECT_EQ(Database::open({.path = directory_ / "none/x.db"}).error().code, Errc::not_found);
    EXPECT_EQ(Database::open({.path = path(), .create = false}).error().code, Errc::not_found);
}

TEST_F(SqliteTest, CopyIsCompleteAndNeverOverwrites) {
    const auto database = open_with_table();
    ASSERT_TRUE(database->run("INSERT INTO t(k, v) VALUES(7, 'x')"));
    ASSERT_TRUE(database->copy_to(path("copy.db")));
    EXPECT_EQ(database->copy_to(path("copy.db")).error().code, Errc::exists);
    const auto copy = Database::open({.path = path("copy.db")});
    ASSERT_TRUE(copy);
    EXPECT_EQ(*(*copy)->integer("SELECT k FROM t"), 7);
    EXPECT_TRUE((*copy)->check(Database::Check::thorough));
}

TEST_F(SqliteTest, ChecksFindDamage) {
    {
        const auto database = open_with_table();
        ASSERT_TRUE(database->execute("WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i < 20000) "
                                      "INSERT INTO t(k, u) SELECT i, 'text ' || i FROM c"));
        EXPECT_TRUE(database->check(Database::Check::quick)) << "more rows than it looks at are no damage";
        EXPECT_TRUE(database->check(Database::Check::thorough));
        EXPECT_EQ(*database->integer("SELECT count(*) FROM t"), 20'000) << "the limit is gone";
    }
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(50 * 4096);
    file << std::string(512, '\xA5');
    file.close();
    const auto database = open();
    EXPECT_EQ(database->check(Database::Check::quick).error().code, Errc::corrupt);
    EXPECT_EQ(database->check(Database::Check::thorough).error().code, Errc::corrupt);
}

TEST_F(SqliteTest, CheckpointTruncatesTheLog) {
    const auto database = open_with_table();
    EXPECT_GT(stdfs::file_size(path() + "-wal"), 0u);
    ASSERT_TRUE(database->checkpoint(Database::Checkpoint::passive));
    ASSERT_TRUE(database->checkpoint(Database::Checkpoint::truncate));
    EXPECT_EQ(stdfs::file_size(path() + "-wal"), 0u);
}

}  // namespace
}  // namespace oracxfs::sqlite
