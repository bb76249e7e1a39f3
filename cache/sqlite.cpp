#include "cache/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <limits>

#include "base/assert.h"
#include "base/unique_fd.h"

namespace oracxfs::sqlite {
namespace {

Errc errc_of(int code, int system_errno) {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Errc::corrupt;
        case SQLITE_FULL: return Errc::local_full;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Errc::busy;
        case SQLITE_TOOBIG: return Errc::too_large;
        case SQLITE_INTERRUPT: return Errc::cancelled;
        case SQLITE_CONSTRAINT:
            return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
                           code == SQLITE_CONSTRAINT_ROWID
                       ? Errc::exists
                       : Errc::invalid;
        case SQLITE_PERM:
        case SQLITE_AUTH: return Errc::denied;
        case SQLITE_READONLY: return system_errno == EACCES ? Errc::denied : Errc::local_io;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR: return system_errno == 0 ? Errc::local_io : error_from_errno(system_errno, "").code;
        default: return Errc::internal;
    }
}

// SQLite creates files with 0644; the -wal and -shm follow the mode of the database. Only a file that does not exist yet
// is touched: closing a descriptor of one that is open elsewhere in this process would drop that one's POSIX locks.
Status create_private(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd && errno != EEXIST) return fail(error_from_errno(errno, "create " + path));
    return {};
}

}  // namespace

struct Database::Cached {
    explicit Cached(sqlite3_stmt* compiled) : handle(compiled) {}
    ~Cached() { sqlite3_finalize(handle); }
    Cached(const Cached&) = delete;
    Cached& operator=(const Cached&) = delete;
    sqlite3_stmt* handle;
    bool in_use = false;
};

// --- Statement -----------------------------------------------------------------------------------------------------

Statement::Statement(Database* database, sqlite3_stmt* handle, bool* in_use)
    : database_(database), handle_(handle), in_use_(in_use) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      handle_(std::exchange(other.handle_, nullptr)),
      in_use_(other.in_use_),
      bind_error_(other.bind_error_) {}

Statement::~Statement() {
    if (handle_ == nullptr) return;
    if (in_use_ == nullptr) {
        sqlite3_finalize(handle_);
        return;
    }
    reset();
    *in_use_ = false;
}

void Statement::note(int code) {
    if (code != SQLITE_OK && bind_error_ == 0) bind_error_ = code;
}

void Statement::bind(int index, std::int64_t value) { note(sqlite3_bind_int64(handle_, index, value)); }
void Statement::bind(int index, std::nullopt_t) { note(sqlite3_bind_null(handle_, index)); }

// A null pointer would bind NULL, hence the "" for empty views.
void Statement::bind(int index, std::string_view text) {
    note(sqlite3_bind_text64(handle_, index, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}
void Statement::bind(int index, Blob value) {
    note(sqlite3_bind_blob64(handle_, index, value.bytes.empty() ? "" : value.bytes.data(), value.bytes.size(),
                             SQLITE_STATIC));
}

Result<bool> Statement::step() {
    if (bind_error_ != 0) return fail(database_->error(bind_error_, sqlite3_sql(handle_)));
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    Error error = database_->error(code, sqlite3_sql(handle_));
    sqlite3_reset(handle_);
    return fail(std::move(error));
}

Status Statement::run() {
    for (;;) {
        ORACX_TRY(const bool row, step());
        if (!row) break;
    }
    reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    bind_error_ = 0;
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
std::optional<std::int64_t> Statement::optional_integer(int column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}
std::string_view Statement::bytes(int column) const {
    const void* data = sqlite3_column_blob(handle_, column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

// --- Database ------------------------------------------------------------------------------------------------------

Database::Database(std::string path) : path_(std::move(path)) {}

Database::~Database() {
    for (const auto& [sql, cached] : cache_) ORACX_ASSERT(!cached->in_use);
    cache_.clear();
    sqlite3_close_v2(handle_);
}

Result<std::unique_ptr<Database>> Database::open(const OpenOptions& options) {
    if (options.create) ORACX_TRYV(create_private(options.path));
    std::unique_ptr<Database> database(new Database(options.path));
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
    if (const int code = sqlite3_open_v2(options.path.c_str(), &database->handle_, flags, nullptr); code != SQLITE_OK)
        return fail(database->error(code, "open " + options.path));
    ORACX_TRYV(database->configure(options));
    return database;
}

Status Database::configure(const OpenOptions& options) {
    sqlite3_busy_timeout(handle_, static_cast<int>(options.busy_timeout.count()));
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
    {
        ORACX_TRY(const auto mode, text("PRAGMA journal_mode=WAL"));
        if (mode != "wal") return fail(Errc::local_io, "open " + path_, "the file system does not support SQLite's WAL");
    }
    synchronous_ = options.synchronous;
    return execute("PRAGMA synchronous=" + std::to_string(static_cast<int>(options.synchronous)) +
                   ";PRAGMA foreign_keys=ON;PRAGMA temp_store=MEMORY;PRAGMA mmap_size=0;PRAGMA secure_delete=OFF"
                   ";PRAGMA journal_size_limit=16777216;PRAGMA cache_size=-" + std::to_string(options.cache_kib) +
                   ";PRAGMA wal_autocheckpoint=" + std::to_string(options.autocheckpoint_pages) +
                   ";PRAGMA query_only=" + (options.read_only ? "ON" : "OFF"));
}

Error Database::error(int code, std::string_view what) const {
    const int system_errno = handle_ == nullptr ? 0 : sqlite3_system_errno(handle_);
    std::string why = handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_);
    constexpr std::size_t kShown = 120;  // statements are long, the beginning tells which one it is
    std::string message = path_ + ": " + std::string(what.substr(0, kShown));
    return Error(errc_of(code, system_errno), std::move(message), std::move(why)).with_native(code);
}

Result<sqlite3_stmt*> Database::compile(std::string_view sql, bool persistent) {
    ORACX_ASSERT(sql.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        persistent ? SQLITE_PREPARE_PERSISTENT : 0u, &handle, nullptr);
    if (code != SQLITE_OK) return fail(error(code, sql));
    ORACX_ASSERT(handle != nullptr);  // an empty text
    return handle;
}

Result<Statement> Database::prepare(std::string_view sql) {
    auto found = cache_.find(sql);
    if (found == cache_.end()) {
        ORACX_TRY(sqlite3_stmt* handle, compile(sql, true));
        found = cache_.emplace(std::string(sql), std::make_unique<Cached>(handle)).first;
    }
    Cached& cached = *found->second;
    if (cached.in_use) {  // the same text inside its own loop
        ORACX_TRY(sqlite3_stmt* handle, compile(sql, false));
        return Statement(this, handle, nullptr);
    }
    cached.in_use = true;
    return Statement(this, cached.handle, &cached.in_use);
}

Status Database::execute(const std::string& script) {
    const int code = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(error(code, script));
    return {};
}

Status Database::set_synchronous(Synchronous mode) {
    if (mode == synchronous_) return {};
    // Not through the statement cache: this pragma acts when it is compiled.
    ORACX_TRYV(execute(mode == Synchronous::full ? "PRAGMA synchronous=2" : "PRAGMA synchronous=1"));
    synchronous_ = mode;
    return {};
}

Status Database::check(Check check) {
    // The structure is checked in one go, before the first row; only rows count as steps of the virtual machine.
    constexpr int kQuickInstructions = 1'000'000;
    if (check == Check::quick)
        sqlite3_progress_handler(handle_, kQuickInstructions, [](void*) { return 1; }, nullptr);
    std::string findings;
    const Status ran = query(check == Check::thorough ? "PRAGMA integrity_check(10)" : "PRAGMA quick_check(10)",
                             [&](const Statement& row) {
                                 if (row.bytes(0) == "ok") return;
                                 if (!findings.empty()) findings += "; ";
                                 findings += row.bytes(0);
                             });
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
    if (!findings.empty()) return fail(Errc::corrupt, "check " + path_, std::move(findings));
    if (!ran && ran.error().code != Errc::cancelled) return ran;
    return {};
}

Status Database::copy_to(const std::string& path) {
    {
        // VACUUM INTO accepts an empty file; so its mode is ours and nothing is overwritten.
        const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return fail(error_from_errno(errno, "copy " + path_ + " to " + path));
    }
    if (auto copied = run("VACUUM INTO ?1", std::string_view(path)); !copied) {
        ::unlink(path.c_str());
        return fail(std::move(copied).error());
    }
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return fail(error_from_errno(errno, "sync " + path));
    return {};
}

Status Database::checkpoint(Checkpoint mode) {
    const int code = sqlite3_wal_checkpoint_v2(
        handle_, nullptr, mode == Checkpoint::truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nullptr,
        nullptr);
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return {};
    return fail(error(code, "checkpoint"));
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

// --- Transaction ---------------------------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
    ORACX_TRYV(database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"));
    return Transaction(database);
}

Transaction::~Transaction() {
    // Fails only if SQLite has rolled back already (disk full, I/O error): the same end.
    if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

Status Transaction::commit() {
    ORACX_ASSERT(database_ != nullptr);
    ORACX_TRYV(database_->run("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace oracxfs::sqlite
