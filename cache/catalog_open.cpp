// Opening and closing: the lock, the checks, what happens to a damaged database, creating and upgrading.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/log.h"
#include "cache/catalog_impl.h"
#include "cache/catalog_schema.h"

namespace oracxfs {
namespace {

constexpr std::size_t kReaders = 3;
constexpr std::uint32_t kWriterCacheKib = 8192;
constexpr std::uint32_t kReaderCacheKib = 4096;
// Checkpoints are the caller's (idle moments); this only bounds the WAL if there are none. 16 MiB.
constexpr std::uint32_t kAutocheckpointPages = 4096;

constexpr const char* kSuffixes[] = {"", "-wal", "-shm"};

struct FileState {
    bool exists = false;
    bool regular = false;
    bool directory = false;
    std::uint64_t bytes = 0;
};

Result<FileState> look_at(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return FileState{};
        return fail(error_from_errno(errno, "open " + path));
    }
    return FileState{true, S_ISREG(info.st_mode), S_ISDIR(info.st_mode), static_cast<std::uint64_t>(info.st_size)};
}

// Held while the catalogue is open. SQLite's own locks allow several writers in turn; our ids and caches don't.
Result<UniqueFd> lock_exclusively(const std::string& path) {
    UniqueFd fd(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return fail(error_from_errno(errno, "open " + path + ".lock"));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(Errc::busy, "open " + path, "another process uses it");
        return fail(error_from_errno(errno, "lock " + path));
    }
    return fd;
}

// "20261123T203628Z": part of a file name, so without ':'.
std::string stamp_of(WallTime time) {
    std::string text = format_utc(time);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

// Renames the database with its companions, which belong together. Returns the new path of the database.
Result<std::string> set_aside(const std::string& path, WallTime now) {
    std::string target = path + ".damaged-" + stamp_of(now);
    const auto taken = [](const std::string& name) {
        return std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                           [&](const char* suffix) { return ::access((name + suffix).c_str(), F_OK) == 0; });
    };
    for (int n = 2; taken(target); ++n) target = path + ".damaged-" + stamp_of(now) + "-" + std::to_string(n);
    for (const char* suffix : kSuffixes) {
        if (std::rename((path + suffix).c_str(), (target + suffix).c_str()) != 0 && errno != ENOENT)
            return fail(error_from_errno(errno, "set aside " + path + suffix));
    }
    const std::size_t slash = path.rfind('/');
    const UniqueFd directory(::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(),
                                    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return fail(error_from_errno(errno, "sync the directory of " + path));
    return target;
}

// SQLite deletes a WAL whose database is missing or empty; in ours there may be the last acknowledged files.
Status check_companions(const std::string& path, const FileState& database) {
    ORACX_TRY(const FileState wal, look_at(path + "-wal"));
    if (database.bytes == 0 && wal.bytes > 0)
        return fail(Errc::corrupt, "open " + path, "the file is gone or empty, but its log is not");
    return {};
}

Status fill_new(sqlite::Database& database, WallTime now) {
    LeafKey key{};
    random_bytes(key);
    // Version ids name files in staging, which may outlive a lost catalogue. Starting at the current time (ms), a new
    // catalogue never gives out an id that the lost one gave out.
    const std::int64_t first_version = std::max<std::int64_t>(1, to_ms(now));
    ORACX_TRYV(database.run("INSERT INTO installation(id, instance, leaf_key, next_node, next_version, unclean) "
                            "VALUES(1, ?1, ?2, 2, ?3, 0)",
                            std::string_view(random_hex(4)), sqlite::blob(std::span<const std::uint8_t>(key)), first_version));
    const std::int64_t now_ns = to_ms(now) * 1'000'000;
    ORACX_TRYV(database.run("INSERT INTO node(parent, name, id, kind, mode, uid, gid, mtime_ns, ctime_ns, created_ns, "
                            "version, size, local_only, torn) VALUES(1, x'', 1, 'directory', 493, 0, 0, ?1, ?1, ?1, NULL, 0, "
                            "0, 0)",
                            now_ns));
    return {};
}

// Creates, upgrades or refuses, by the two numbers in the header.
Status bring_up_to_date(sqlite::Database& database, WallTime now, CatalogOpenReport& report) {
    ORACX_TRY(const auto application, database.integer("PRAGMA application_id"));
    ORACX_TRY(const auto version, database.integer("PRAGMA user_version"));
    ORACX_TRY(const auto objects, database.integer("SELECT count(*) FROM sqlite_schema"));
    if (objects == 0 && version == 0 && application == 0) {
        // Empty: new, or its creation was interrupted.
        ORACX_TRYV(create_schema(database, kCatalogSchema, kCatalogVersion));
        report.created = true;
        return {};
    }
    if (application != kCatalogApplicationId)
        return fail(Errc::config, "open " + database.path(), "it is the database of another program");
    if (version > kCatalogVersion)
        return fail(Errc::config, "open " + database.path(),
                    "it was written by a newer version of oracxfs (format " + std::to_string(version.value_or(0)) +
                        ", this one knows " + std::to_string(kCatalogVersion) + ")");
    if (version < 1) return fail(Errc::corrupt, "open " + database.path(), "it has no format number");
    if (version < kCatalogVersion)
        return migrate_schema(database, catalog_steps(), static_cast<int>(*version), kCatalogVersion, stamp_of(now));
    return {};
}

struct Opened {
    std::unique_ptr<sqlite::Database> writer;
    std::string instance;
    LeafKey leaf_key{};
};

Result<Opened> open_writer(const std::string& path, WallTime now, CatalogOpenReport& report) {
    Opened opened;
    ORACX_TRY(opened.writer, sqlite::Database::open({.path = path,
                                                     .synchronous = sqlite::Synchronous::full,
                                                     .cache_kib = kWriterCacheKib,
                                                     .autocheckpoint_pages = kAutocheckpointPages}));
    sqlite::Database& database = *opened.writer;
    ORACX_TRYV(bring_up_to_date(database, now, report));
    if (!report.created) {
        ORACX_TRY(const auto unclean, database.integer("SELECT unclean FROM installation WHERE id = 1"));
        report.unclean = unclean.value_or(0) != 0;
        ORACX_TRYV(database.check(report.unclean ? sqlite::Database::Check::thorough : sqlite::Database::Check::quick));
    }
    ORACX_TRY(auto transaction, sqlite::Transaction::begin(database));
    // A creation that was interrupted after the schema is finished here.
    ORACX_TRY(const auto rows, database.integer("SELECT count(*) FROM installation"));
    if (rows == 0) {
        ORACX_TRYV(fill_new(database, now));
        report.created = true;
    }
    ORACX_TRYV(database.run("UPDATE installation SET unclean = 1"));
    ORACX_TRYV(transaction.commit());  // synchronous=FULL: the log file and its name are durable from here on
    ORACX_TRYV(database.set_synchronous(sqlite::Synchronous::normal));

    ORACX_TRYV(database.query("SELECT instance, leaf_key FROM installation WHERE id = 1", [&](const sqlite::Statement& row) {
        opened.instance = row.text(0);
        const std::string_view key = row.bytes(1);
        std::copy_n(key.begin(), std::min(key.size(), opened.leaf_key.size()), opened.leaf_key.begin());
    }));
    return opened;
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const CatalogOptions& options, CatalogOpenReport* report) {
    static SystemClock system_clock;
    Clock& clock = options.clock != nullptr ? *options.clock : system_clock;
    CatalogOpenReport local;
    CatalogOpenReport& told = report != nullptr ? *report : local;
    told = {};

    CatalogImpl::Parts parts;
    ORACX_TRY(parts.lock, lock_exclusively(options.path));
    ORACX_TRY(const FileState database, look_at(options.path));
    if (database.directory) return fail(Errc::is_directory, "open " + options.path, "a folder is in the catalogue's place");
    if (database.exists && !database.regular) return fail(Errc::config, "open " + options.path, "it is not a regular file");

    const auto attempt = [&]() -> Result<Opened> {
        ORACX_TRY(const FileState state, look_at(options.path));
        ORACX_TRYV(check_companions(options.path, state));
        return open_writer(options.path, clock.wall(), told);
    };
    Result<Opened> opened = attempt();
    if (!opened && opened.error().code == Errc::corrupt) {
        told.damage = opened.error().to_string();
        told.unclean = false;
        ORACX_TRY(told.damaged_copy, set_aside(options.path, clock.wall()));
        log::error("catalog", "damaged: " + told.damage + "; kept as " + told.damaged_copy + ", a new one is begun");
        opened = attempt();
    }
    if (!opened) return fail(std::move(opened).error());

    parts.writer = std::move(opened->writer);
    parts.log.reset(::open((options.path + "-wal").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!parts.log) return fail(error_from_errno(errno, "open " + options.path + "-wal"));
    parts.instance = opened->instance;
    parts.leaf_key = opened->leaf_key;
    for (std::size_t i = 0; i < kReaders; ++i) {
        ORACX_TRY(auto reader, sqlite::Database::open({.path = options.path,
                                                       .create = false,
                                                       .read_only = true,
                                                       .cache_kib = kReaderCacheKib}));
        parts.readers.push_back(std::move(reader));
    }
    return std::unique_ptr<Catalog>(new CatalogImpl(std::move(parts), clock, options));
}

CatalogImpl::CatalogImpl(Parts parts, Clock& clock, const CatalogOptions& options)
    : instance_(std::move(parts.instance)),
      leaf_key_(parts.leaf_key),
      clock_(clock),
      delete_grace_(options.delete_grace),
      events_kept_(options.events_kept),
      on_event_(options.on_event),
      lock_(std::move(parts.lock)),
      writer_(std::move(parts.writer)),
      readers_(std::move(parts.readers)),
      log_(std::move(parts.log)) {}

CatalogImpl::~CatalogImpl() {
    const Status closed = write(Durability::durable, [](Db& db) -> Status {
        ORACX_TRYV(db.run("UPDATE installation SET unclean = 0"));
        return {};
    });
    if (!closed) log::warn("catalog", "not closed cleanly: " + closed.error().to_string());
    static_cast<void>(writer_->checkpoint(Db::Checkpoint::truncate));
}

}  // namespace oracxfs
