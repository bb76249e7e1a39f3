#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "cache/catalog_schema.h"
#include "cache/sqlite.h"
#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

namespace stdfs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class CatalogOpenTest : public CatalogTest {
  protected:
    Result<std::unique_ptr<Catalog>> try_open() {
        return Catalog::open({.path = path(), .clock = &clock_, .delete_grace = kGrace}, &report_);
    }
    std::string content(const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void replace_content(const std::string& file, const std::string& bytes) {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    }
    // Some files, so that the database has pages to damage.
    void fill() {
        const ProviderId p = provider("p");
        for (int i = 0; i < 60; ++i) write("file with a name " + std::to_string(i), {p}, {.size = 20'000'000});
    }
    // A new, empty catalogue is begun and the old bytes are kept.
    void expect_set_aside(const std::string& old_bytes) {
        auto opened = try_open();
        ASSERT_THAT(opened, IsOk());
        catalog_ = std::move(*opened);
        EXPECT_TRUE(report_.created);
        EXPECT_FALSE(report_.damage.empty());
        EXPECT_THAT(report_.damaged_copy, StartsWith(path() + ".damaged-20261123T203628Z"));
        EXPECT_EQ(content(report_.damaged_copy), old_bytes);
        EXPECT_THAT(catalog_->children(kRootNode).value(), IsEmpty());
        write("new");
        reopen();
        EXPECT_FALSE(report_.created);
        EXPECT_EQ(report_.damage, "");
        EXPECT_TRUE(exists("new"));
    }
};

TEST_F(CatalogOpenTest, IdentityIsMadeOnce) {
    const std::string instance = catalog_->instance();
    const LeafKey key = catalog_->leaf_key();
    EXPECT_THAT(instance, testing::MatchesRegex("[0-9a-f]{8}"));
    EXPECT_NE(key, LeafKey{});
    reopen();
    EXPECT_FALSE(report_.created);
    EXPECT_FALSE(report_.unclean);
    EXPECT_EQ(catalog_->instance(), instance);
    EXPECT_EQ(catalog_->leaf_key(), key);
}

TEST_F(CatalogOpenTest, EverythingIsForTheOwnerOnly) {
    write("f");
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
        struct stat info {};
        ASSERT_EQ(::stat((path() + suffix).c_str(), &info), 0) << suffix;
        EXPECT_EQ(info.st_mode & 0777, 0600u) << suffix;
    }
}

TEST_F(CatalogOpenTest, SettingsAreRemembered) {
    EXPECT_EQ(catalog_->meta("k").value(), std::nullopt);
    ASSERT_THAT(catalog_->set_meta("k", std::string("\0v", 2)), IsOk());
    ASSERT_THAT(catalog_->set_meta("instance", "mine"), IsOk());
    reopen();
    EXPECT_EQ(catalog_->meta("k").value(), std::string("\0v", 2));
    EXPECT_NE(catalog_->instance(), "mine");
}

TEST_F(CatalogOpenTest, ASecondUserIsRefused) {
    EXPECT_THAT(try_open(), HasCode(Errc::busy));
    write("f");
    reopen();
    EXPECT_TRUE(exists("f"));
}

TEST_F(CatalogOpenTest, AMissingDirectoryIsNotFound) {
    EXPECT_THAT(Catalog::open({.path = directory_ / "none/catalog.db", .clock = &clock_}), HasCode(Errc::not_found));
}

TEST_F(CatalogOpenTest, ACheckpointEmptiesTheLogOnClose) {
    fill();
    EXPECT_THAT(catalog_->checkpoint(), IsOk());
    catalog_.reset();
    EXPECT_FALSE(stdfs::exists(path() + "-wal"));
    reopen();
    EXPECT_TRUE(exists("file with a name 59"));
}

// --- damage ----------------------------------------------------------------------------------------------------------

TEST_F(CatalogOpenTest, ATruncatedDatabaseIsSetAside) {
    fill();
    catalog_.reset();
    const std::string bytes = content(path());
    replace_content(path(), bytes.substr(0, bytes.size() / 2));
    expect_set_aside(bytes.substr(0, bytes.size() / 2));
}

TEST_F(CatalogOpenTest, ADatabaseCutInsideItsHeaderIsSetAside) {
    catalog_.reset();
    replace_content(path(), content(path()).substr(0, 50));
    expect_set_aside(content(path()));
}

TEST_F(CatalogOpenTest, AGarbageHeaderIsSetAside) {
    fill();
    catalog_.reset();
    std::string bytes = content(path());
    bytes.replace(0, 100, std::string(100, '?'));
    replace_content(path(), bytes);
    expect_set_aside(bytes);
}

TEST_F(CatalogOpenTest, GarbageInTheMiddleIsSetAside) {
    fill();
    catalog_.reset();
    std::string bytes = content(path());
    for (std::size_t page = 2; (page + 1) * 4096 <= bytes.size(); page += 3)
        bytes.replace(page * 4096, 512, std::string(512, '\xA5'));
    replace_content(path(), bytes);
    expect_set_aside(bytes);
}

TEST_F(CatalogOpenTest, NotADatabaseIsSetAside) {
    catalog_.reset();
    const std::string bytes = "once upon a time\n";
    replace_content(path(), bytes);
    expect_set_aside(bytes);
}

TEST_F(CatalogOpenTest, AnEmptyFileIsANewCatalogue) {
    catalog_.reset();
    replace_content(path(), "");
    reopen();
    EXPECT_TRUE(report_.created);
    EXPECT_EQ(report_.damage, "");
}

TEST_F(CatalogOpenTest, AnEmptyFileWithALogIsSetAsideWithTheLog) {
    write("f");
    const std::string log = content(path() + "-wal");
    ASSERT_FALSE(log.empty());
    catalog_.reset();
    replace_content(path(), "");
    replace_content(path() + "-wal", log);
    reopen();
    EXPECT_TRUE(report_.created);
    EXPECT_FALSE(report_.damage.empty());
    EXPECT_EQ(content(report_.damaged_copy + "-wal"), log);
}

TEST_F(CatalogOpenTest, AMissingFileWithALogKeepsTheLog) {
    write("f");
    const std::string log = content(path() + "-wal");
    catalog_.reset();
    stdfs::remove(path());
    replace_content(path() + "-wal", log);
    reopen();
    EXPECT_TRUE(report_.created);
    EXPECT_EQ(content(report_.damaged_copy + "-wal"), log);
}

TEST_F(CatalogOpenTest, TwoDamagedDatabasesInOneSecondAreBothKept) {
    std::set<std::string> copies;
    for (int i = 0; i < 3; ++i) {
        catalog_.reset();
        replace_content(path(), "damaged " + std::to_string(i));
        reopen();
        copies.insert(report_.damaged_copy);
        EXPECT_EQ(content(report_.damaged_copy), "damaged " + std::to_string(i));
    }
    EXPECT_THAT(copies, SizeIs(3));
}

TEST_F(CatalogOpenTest, AFolderInItsPlaceIsRefusedAndStays) {
    catalog_.reset();
    stdfs::remove(path());
    stdfs::create_directory(path());
    EXPECT_THAT(try_open(), HasCode(Errc::is_directory));
    EXPECT_TRUE(stdfs::is_directory(path()));
}

TEST_F(CatalogOpenTest, ASymbolicLinkInItsPlaceIsRefused) {
    catalog_.reset();
    stdfs::rename(path(), directory_ / "elsewhere.db");
    stdfs::create_symlink(directory_ / "elsewhere.db", path());
    EXPECT_THAT(try_open(), HasCode(Errc::config));
}

TEST_F(CatalogOpenTest, ANewerFormatIsRefusedAndNotTouched) {
    write("f");
    catalog_.reset();
    {
        auto database = sqlite::Database::open({.path = path()});
        ASSERT_THAT(database, IsOk());
        ASSERT_THAT((*database)->execute("PRAGMA user_version=" + std::to_string(kCatalogVersion + 1)), IsOk());
    }
    const auto refused = try_open();
    ASSERT_THAT(refused, HasCode(Errc::config));
    EXPECT_THAT(refused.error().to_string(), HasSubstr("newer version"));
    {
        auto database = sqlite::Database::open({.path = path()});
        ASSERT_THAT((*database)->execute("PRAGMA user_version=" + std::to_string(kCatalogVersion)), IsOk());
    }
    reopen();
    EXPECT_TRUE(exists("f"));
    EXPECT_EQ(report_.damage, "");
}

TEST_F(CatalogOpenTest, AnotherProgramsDatabaseIsRefused) {
    catalog_.reset();
    stdfs::remove(path());
    {
        auto database = sqlite::Database::open({.path = path()});
        ASSERT_THAT((*database)->execute("CREATE TABLE bookmarks(url TEXT)"), IsOk());
    }
    EXPECT_THAT(try_open(), HasCode(Errc::config));
}

TEST_F(CatalogOpenTest, ALostCatalogueDoesNotGiveOutItsVersionsAgain) {
    const VersionId before = catalog_->reserve_version().value();
    catalog_.reset();
    replace_content(path(), "damaged");
    clock_.advance(Millis(5'000));  // later, by more than one version a millisecond
    reopen();
    EXPECT_GT(catalog_->reserve_version()->value, before.value);
}

// --- crashes ---------------------------------------------------------------------------------------------------------

// Runs `work` in a child process on a catalogue of its own, and kills it after it wrote `count` bytes to its pipe.
// Returns the bytes that it wrote before it died.
template <class Work>
std::string killed_after(std::size_t count, Work work) {
    int ends[2];
    if (::pipe(ends) != 0) return {};
    const pid_t child = ::fork();
    if (child == 0) {
        ::close(ends[0]);
        work(ends[1]);
        ::_exit(1);
    }
    ::close(ends[1]);
    std::string acknowledged;
    char buffer[4096];
    bool killed = false;
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        acknowledged.append(buffer, static_cast<std::size_t>(n));
        if (!killed && acknowledged.size() >= count) {
            ::kill(child, SIGKILL);
            killed = true;
        }
    }
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return acknowledged;
}

TEST_F(CatalogOpenTest, AKilledProcessLosesNoAcknowledgedCommit) {
    const ProviderId p = provider("p");
    std::set<std::int64_t> ids;
    std::size_t total = 0;
    for (const std::size_t count : {1u, 17u, 60u}) {
        catalog_.reset();  // no connection may cross the fork
        const std::string acknowledged = killed_after(count, [&](int out) {
            reopen();
            for (std::size_t i = 0;; ++i) {
                const VersionId version = catalog_->reserve_version().value();
                VersionCommit commit;
                commit.node.parent = kRootNode;
                commit.node.name = "k" + std::to_string(total + i);
                commit.node.id = catalog_->reserve_node().value();
                commit.version = version;
                commit.digests = made_up_digests(7, 7);
                commit.wanted = {p};
                if (!catalog_->commit_version(commit)) ::_exit(2);
                if (::write(out, "x", 1) != 1) ::_exit(3);
            }
        });
        ASSERT_GE(acknowledged.size(), count);
        reopen();
        EXPECT_TRUE(report_.unclean);
        EXPECT_EQ(report_.damage, "");
        for (std::size_t i = 0; i < acknowledged.size(); ++i) {
            const NodeRow node = find("k" + std::to_string(total + i));
            ASSERT_TRUE(node.id) << "lost: " << total + i;
            ASSERT_TRUE(row(node.version, p));
            ids.insert(node.version.value);
        }
        total = catalog_->children(kRootNode)->size();
    }
    const VersionId next = catalog_->reserve_version().value();
    EXPECT_EQ(ids.count(next.value), 0u);
    EXPECT_GT(next.value, *ids.rbegin());
}

TEST_F(CatalogOpenTest, IdsAreNeverUsedTwiceAfterAKill) {
    std::set<std::int64_t> seen;
    for (int round = 0; round < 3; ++round) {
        catalog_.reset();
        const std::string told = killed_after(sizeof(std::int64_t) * 50, [&](int out) {
            reopen();
            for (;;) {
                const std::int64_t id = catalog_->reserve_node()->value;
                if (::write(out, &id, sizeof id) != sizeof id) ::_exit(3);
            }
        });
        for (std::size_t i = 0; i + sizeof(std::int64_t) <= told.size(); i += sizeof(std::int64_t)) {
            std::int64_t id = 0;
            std::memcpy(&id, told.data() + i, sizeof id);
            EXPECT_TRUE(seen.insert(id).second) << id;
        }
        reopen();
        EXPECT_TRUE(seen.insert(catalog_->reserve_node()->value).second);
    }
    EXPECT_EQ(seen.count(kRootNode.value), 0u);
}

TEST_F(CatalogOpenTest, ConcurrentReservationsAreDistinct) {
    std::vector<std::vector<std::int64_t>> got(4);
    {
        std::vector<std::jthread> threads;
        for (auto& mine : got)
            threads.emplace_back([this, &mine] {
                for (int i = 0; i < 1'500; ++i) mine.push_back(catalog_->reserve_version()->value);
            });
    }
    std::set<std::int64_t> all;
    for (const auto& mine : got) {
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_THAT(all, SizeIs(6'000));
}

TEST_F(CatalogOpenTest, ReadersAndWritersGetAlongInManyThreads) {
    const ProviderId p = provider("p");
    std::atomic<bool> stop = false;
    std::atomic<int> looks = 0;
    {
        std::vector<std::jthread> readers;
        for (int i = 0; i < 5; ++i)
            readers.emplace_back([&] {
                while (!stop) {
                    ++looks;
                    const auto files = catalog_->children(kRootNode);
                    ASSERT_THAT(files, IsOk());
                    for (const NodeRow& file : *files) ASSERT_THAT(catalog_->version(file.version), IsOk());
                    ASSERT_THAT(catalog_->due_replicas(p, now(), {}), IsOk());
                }
            });
        {
            std::vector<std::jthread> writers;
            for (int i = 0; i < 3; ++i)
                writers.emplace_back([&, i] {
                    for (int k = 0; k < 10; ++k) write("w" + std::to_string(i) + "-" + std::to_string(k), {p});
                });
        }
        stop = true;
    }
    EXPECT_GT(looks, 0);
    EXPECT_THAT(catalog_->children(kRootNode).value(), SizeIs(30));
}

// --- events ----------------------------------------------------------------------------------------------------------

TEST_F(CatalogOpenTest, EventsAreFilteredAndOldestFirst) {
    for (int i = 0; i < 10; ++i) {
        EventRow event;
        event.level = i % 2 == 0 ? "info" : "error";
        event.kind = i < 5 ? "verified" : "damaged";
        event.provider = i % 3 == 0 ? "p" : "q";
        event.path = "\xff" + std::to_string(i);
        event.code = "E-X";
        event.message = "m" + std::to_string(i);
        ASSERT_THAT(catalog_->append_event(event), IsOk());
        clock_.advance(Millis(1));
    }
    const auto messages = [&](const EventQuery& query) {
        std::string all;
        for (const auto found = catalog_->events(query); const EventRow& event : *found) all += event.message + " ";
        return all;
    };
    EventQuery query;
    EXPECT_EQ(messages(query), "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9 ");
    query.limit = 3;
    EXPECT_EQ(messages(query), "m7 m8 m9 ");
    query.after_id = catalog_->events(query)->at(1).id;
    EXPECT_EQ(messages(query), "m9 ");
    query = {};
    query.provider = "p";
    query.level = "info";
    EXPECT_EQ(messages(query), "m0 m6 ");
    query = {};
    query.path = "\xff" "4";
    EXPECT_EQ(messages(query), "m4 ");
    query = {};
    query.kind = "damaged";
    query.limit = 1;
    const EventRow last = catalog_->events(query)->at(0);
    EXPECT_EQ(last.at, now() - Millis(1));
    EXPECT_EQ(last.code, "E-X");
    EventRow odd;
    odd.level = "loud";
    EXPECT_THAT(catalog_->append_event(odd), HasCode(Errc::invalid));
}

}  // namespace
}  // namespace oracxfs::test
