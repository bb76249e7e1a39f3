// Databases that are in use while they are packed.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "cache/sqlite.h"
#include "cache/sqlite_copy.h"
#include "tests/unit/packager/package_setup.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Accounts whose sum never changes; a mixture of two states would have another one.
constexpr int kAccounts = 2000, kSum = kAccounts * 100;

std::string sqlite3(const std::string& file, const std::string& sql) {
    const Ran ran = run({"/usr/bin/sqlite3", file, sql});
    EXPECT_TRUE(ran.ok) << ran.output;
    return ran.output;
}

class SqliteSourceTest : public PackageTest {
  protected:
    void make_database(const std::string& file, const std::string& journal_mode = "wal") const {
        std::filesystem::create_directories(std::filesystem::path(file).parent_path());
        sqlite3(file, "PRAGMA journal_mode=" + journal_mode +
                          "; CREATE TABLE a(id INTEGER PRIMARY KEY, value INTEGER, pad TEXT);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000)"
                          " INSERT INTO a SELECT i, 100, hex(randomblob(200)) FROM n;");
    }
    std::string extracted(const std::string& archive, const std::string& name) const {
        const std::string file = dir / "extracted.db";
        std::filesystem::remove(file);
        spill(file, content(*open(archive), name));
        return file;
    }
    static void expect_consistent(const std::string& file) {
        EXPECT_EQ(sqlite3(file, "PRAGMA integrity_check"), "ok\n");
        EXPECT_EQ(sqlite3(file, "SELECT sum(value) FROM a"), std::to_string(kSum) + "\n");
    }
};

// Moves money between accounts, as fast as it can, until it goes away.
class BusyWriter {
  public:
    explicit BusyWriter(const std::string& file) {
        sqlite::OpenOptions options;
        options.path = file;
        options.create = false;
        options.synchronous = sqlite::Synchronous::normal;
        auto opened = sqlite::Database::open(options);
        EXPECT_THAT(opened, IsOk());
        database_ = std::move(*opened);
        thread_ = std::jthread([this](const std::stop_token& stop) {
            for (int i = 0; !stop.stop_requested(); ++i) {
                auto transaction = sqlite::Transaction::begin(*database_);
                if (!transaction) continue;
                EXPECT_THAT(database_->run("UPDATE a SET value = value - 7 WHERE id = ?1", i * 7919 % kAccounts + 1), IsOk());
                EXPECT_THAT(database_->run("UPDATE a SET value = value + 7 WHERE id = ?1", i * 104729 % kAccounts + 1), IsOk());
                EXPECT_THAT(transaction->commit(), IsOk());
                ++transactions;
            }
        });
        while (transactions < 20) std::this_thread::yield();
    }
    std::atomic<int> transactions{0};

  private:
    std::unique_ptr<sqlite::Database> database_;
    std::jthread thread_;
};

TEST_F(SqliteSourceTest, ALiveDatabaseIsCopiedConsistentlyWithItsLog) {
    make_database(source("app.db"));
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    std::string archive;
    {
        BusyWriter writer(source("app.db"));
        const int before = writer.transactions;
        archive = pack(wanted);
        EXPECT_TRUE(std::filesystem::exists(source("app.db-wal")));
        while (writer.transactions == before) std::this_thread::yield();  // it was not locked out
    }
    EXPECT_THAT(last.problems, IsEmpty());
    expect_consistent(extracted(archive, "app.db"));
    EXPECT_EQ(sqlite3(dir / "extracted.db", "PRAGMA journal_mode"), "wal\n") << "as the program chose it";
}

TEST_F(SqliteSourceTest, WhatStandsInTheLogOnlyIsInTheCopy) {
    make_database(source("app.db"));
    sqlite::OpenOptions options;
    options.path = source("app.db");
    options.autocheckpoint_pages = 0;
    auto open_database = sqlite::Database::open(options);
    ASSERT_THAT(open_database, IsOk());
    ASSERT_THAT((*open_database)->run("CREATE TABLE fresh(x)"), IsOk());
    ASSERT_THAT((*open_database)->run("INSERT INTO fresh VALUES(42)"), IsOk());
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    EXPECT_EQ(sqlite3(extracted(pack(wanted), "app.db"), "SELECT x FROM fresh"), "42\n");
}

TEST_F(SqliteSourceTest, DatabasesInATreeAreRecognised) {
    make_database(source("sub/with_log.sqlite"));
    make_database(source("plain"), "delete");
    spill(source("app.db-wal"), "no database belongs to this");
    spill(source("text.db"), "SQLite format 2, or so");
    std::string archive;
    {
        BusyWriter writer(source("sub/with_log.sqlite"));
        archive = pack(request());
    }
    EXPECT_THAT(last.problems, IsEmpty());
    EXPECT_THAT(names(*open(archive)), ElementsAre("RESTORE.txt", "data/", "data/app.db-wal", "data/plain", "data/sub/",
                                                   "data/sub/with_log.sqlite", "data/text.db", "manifest.json"));
    expect_consistent(extracted(archive, "data/sub/with_log.sqlite"));
    expect_consistent(extracted(archive, "data/plain"));
    EXPECT_EQ(sqlite3(dir / "extracted.db", "PRAGMA journal_mode"), "delete\n");
}

TEST_F(SqliteSourceTest, ADamagedDatabaseFailsItsSourceButNotATree) {
    make_database(source("app.db"), "delete");
    {
        const UniqueFd fd(::open(source("app.db").c_str(), O_WRONLY));
        const std::string junk = noise(4096 * 20);
        ASSERT_EQ(::pwrite(fd.get(), junk.data(), junk.size(), 4096 * 3), static_cast<ssize_t>(junk.size()));
    }
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::corrupt));

    const auto reader = open(pack(request()));
    ASSERT_EQ(last.problems.size(), 1u);
    EXPECT_EQ(last.problems[0].what, PackageProblem::What::copied_raw);
    EXPECT_EQ(last.problems[0].path, source("app.db"));
    EXPECT_TRUE(content(*reader, "data/app.db") == slurp(source("app.db"))) << "as it lies there";
    EXPECT_EQ(last.fingerprint, "");
}

TEST_F(SqliteSourceTest, ARawDatabaseBringsItsLogAlong) {
    // Says it is a database with a log, but is none.
    const std::string fake = std::string("SQLite format 3\0\x10\x00\x02\x02", 20) + noise(8192);
    spill(source("x.db"), fake);
    spill(source("x.db-wal"), noise(5000, 2));
    spill(source("x.db-shm"), noise(5000, 3));
    const auto reader = open(pack(request()));
    EXPECT_TRUE(content(*reader, "data/x.db") == fake);
    EXPECT_TRUE(content(*reader, "data/x.db-wal") == noise(5000, 2));
    EXPECT_EQ(reader->find("data/x.db-shm"), nullptr);
    EXPECT_EQ(last.count(PackageProblem::What::copied_raw), 1u);
}

TEST_F(SqliteSourceTest, ASchemaThatNeedsForeignFunctionsIsCopiedPageByPage) {
    make_database(source("app.db"), "delete");
    // A collation that only the program knows: nothing here can rebuild this index.
    const Ran made = run({"/usr/bin/python3", "-c",
                          "import sqlite3, sys\n"
                          "db = sqlite3.connect(sys.argv[1])\n"
                          "db.create_collation('mine', lambda a, b: (a > b) - (a < b))\n"
                          "db.execute('CREATE INDEX i ON a(pad COLLATE mine)')\n"
                          "db.commit()\n",
                          source("app.db")});
    ASSERT_TRUE(made.ok) << made.output;
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    const std::string archive = pack(wanted);
    EXPECT_EQ(sqlite3(extracted(archive, "app.db"), "SELECT sum(value) FROM a"), std::to_string(kSum) + "\n");
}

TEST_F(SqliteSourceTest, NoRoomForTheCopyIsToldBeforeItIsMade) {
    make_database(source("app.db"));
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    wanted.min_free = 1ull << 60;
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::local_full));
}

TEST_F(SqliteSourceTest, AnUnchangedDatabaseIsToldAndAChangedOneToo) {
    make_database(source("app.db"));
    PackageRequest wanted = request();
    wanted.sources = {database("app.db")};
    pack(wanted);
    wanted.unchanged_since = last.fingerprint;
    MemorySink same, other;
    auto report = build(wanted, same);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->unchanged);
    sqlite3(source("app.db"), "UPDATE a SET value = value + 1 WHERE id = 5");
    report = build(wanted, other);
    ASSERT_THAT(report, IsOk());
    EXPECT_FALSE(report->unchanged);
}

TEST_F(SqliteSourceTest, CopyingWaitsForALockAndCanBeStopped) {
    make_database(source("app.db"), "delete");
    // Holds the database exclusively until it is told to let go.
    const Ran made = shell("mkfifo '" + (dir / "go") + "'");
    ASSERT_TRUE(made.ok);
    const auto lock = [&] {
        std::filesystem::remove(dir / "locked");
        const pid_t pid = spawn_process({"/bin/sh", "-c",
                                         "(echo 'BEGIN EXCLUSIVE;'; echo '.shell touch " + (dir / "locked") + "'; cat '" + (dir / "go") +
                                             "'; echo 'COMMIT;') | sqlite3 '" + source("app.db") + "'"},
                                        dir / "log");
        while (!std::filesystem::exists(dir / "locked")) std::this_thread::yield();
        return pid;
    };
    pid_t holder = lock();
    EXPECT_THAT(sqlite::copy_live_database(source("app.db"), dir / "copy1", Millis(50), {}), HasCode(Errc::busy));
    EXPECT_FALSE(std::filesystem::exists(dir / "copy1"));
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_THAT(sqlite::copy_live_database(source("app.db"), dir / "copy2", Millis(600'000), stop.get_token()), HasCode(Errc::cancelled));
    EXPECT_FALSE(std::filesystem::exists(dir / "copy2"));
    stopper = std::jthread([&] { std::ofstream(dir / "go") << "\n"; });
    EXPECT_THAT(sqlite::copy_live_database(source("app.db"), dir / "copy3", Millis(600'000), {}), IsOk());
    expect_consistent(dir / "copy3");
    end_process(holder);
}

TEST_F(SqliteSourceTest, TheSourceIsNeverChanged) {
    make_database(source("app.db"));
    const std::string before = slurp(source("app.db"));
    ASSERT_THAT(sqlite::copy_live_database(source("app.db"), dir / "copy", Millis(1000), {}), IsOk());
    EXPECT_TRUE(slurp(source("app.db")) == before);
    EXPECT_FALSE(std::filesystem::exists(source("app.db-wal")));
    EXPECT_FALSE(std::filesystem::exists(source("app.db-shm")));
    EXPECT_THAT(sqlite::copy_live_database(source("app.db"), dir / "copy", Millis(1000), {}), HasCode(Errc::exists));
    EXPECT_THAT(sqlite::copy_live_database(source("no.db"), dir / "copy2", Millis(1000), {}), HasCode(Errc::not_found));
    EXPECT_FALSE(std::filesystem::exists(source("no.db")));
    EXPECT_FALSE(std::filesystem::exists(dir / "copy2"));
}

}  // namespace
}  // namespace oracxfs::test
