#pragma once
// SQLite behind RAII: one connection, its cached statements, a transaction guard. The only place that knows <sqlite3.h>.
//
// Threads: a Database is used by one thread at a time; its owner locks. Connections to one file do not share anything but
// the file. Never open a connection before a fork() and use it after.
// Errors: corrupt (SQLITE_CORRUPT, SQLITE_NOTADB), local_full, local_io, busy (another connection writes for longer than
// busy_timeout), exists (UNIQUE or PRIMARY KEY), invalid (CHECK, NOT NULL, foreign key, type of a STRICT column),
// not_found and denied (the file itself, on open), internal (our SQL is wrong). Error::native is the extended result code.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace oracxfs::sqlite {

enum class Synchronous : std::uint8_t { normal = 1, full = 2 };

struct OpenOptions {
    std::string path;
    bool create = true;          // a new file gets mode 0600 (and so do its -wal and -shm)
    bool read_only = false;      // queries only; the file is still opened for writing, as WAL readers need the -shm
    Synchronous synchronous = Synchronous::full;
    std::uint32_t cache_kib = 4096;
    std::uint32_t autocheckpoint_pages = 1000;  // 0: never by itself
    Millis busy_timeout{5000};
};

// A value that is bound as BLOB. Text is bound as TEXT; both may be empty and are never NULL.
struct Blob {
    std::string_view bytes;
};
inline Blob blob(std::string_view bytes) { return {bytes}; }
template <class Byte, std::size_t N>
    requires(sizeof(Byte) == 1)
Blob blob(std::span<const Byte, N> bytes) {
    return {{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

class Database;

// A prepared statement, borrowed from its connection: reset and unbound when it goes out of scope, so that no read
// transaction stays open by accident. Views it gives out live until the next step.
class Statement {
  public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Parameters from 1. A bound view must stay alive until the statement was stepped for the last time.
    void bind(int index, std::int64_t value);
    void bind(int index, std::string_view text);
    void bind(int index, Blob value);
    void bind(int index, std::nullopt_t null);
    template <class T>
    void bind(int index, const std::optional<T>& value) {
        value ? bind_one(index, *value) : bind(index, std::nullopt);
    }
    template <class... Values>
    void bind_all(const Values&... values) {
        int index = 0;
        (bind_one(++index, values), ...);
    }

    Result<bool> step();  // true: there is a row
    Status run();         // steps to the end and resets
    void reset();         // may be bound and stepped anew; the bindings are gone

    // Columns from 0, of the current row.
    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
    [[nodiscard]] std::string_view bytes(int column) const;  // TEXT or BLOB
    [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

  private:
    friend class Database;
    Statement(Database* database, sqlite3_stmt* handle, bool* in_use);

    template <class T>
    void bind_one(int index, const T& value) {
        if constexpr (std::is_integral_v<T>) bind(index, static_cast<std::int64_t>(value));
        else bind(index, value);
    }
    void note(int code);

    Database* database_;
    sqlite3_stmt* handle_;
    bool* in_use_;       // in the connection's cache; null: ours to finalise
    int bind_error_ = 0;  // the first failed bind; reported by step()
};

class Database {
  public:
    // WAL, foreign keys on, DEFENSIVE, no trusted schema, no secure_delete. Fails if the file is no database.
    static Result<std::unique_ptr<Database>> open(const OpenOptions& options);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Compiled once per connection and text.
    Result<Statement> prepare(std::string_view sql);

    // Prepare, bind, run to the end. Returns the number of changed rows.
    template <class... Values>
    Result<std::int64_t> run(std::string_view sql, const Values&... values) {
        ORACX_TRY(Statement statement, prepare(sql));
        statement.bind_all(values...);
        ORACX_TRYV(statement.run());
        return changes();
    }
    // Prepare, bind, and call `each(statement)` for every row.
    template <class Each, class... Values>
    Status query(std::string_view sql, Each&& each, const Values&... values) {
        ORACX_TRY(Statement statement, prepare(sql));
        statement.bind_all(values...);
        for (;;) {
            ORACX_TRY(const bool row, statement.step());
            if (!row) return {};
            each(std::as_const(statement));
        }
    }
    // The first column of the first row; nothing if there is no row or it is NULL.
    template <class... Values>
    Result<std::optional<std::int64_t>> integer(std::string_view sql, const Values&... values) {
        ORACX_TRY(Statement statement, prepare(sql));
        statement.bind_all(values...);
        ORACX_TRY(const bool row, statement.step());
        if (!row) return std::optional<std::int64_t>();
        return statement.optional_integer(0);
    }
    template <class... Values>
    Result<std::optional<std::string>> text(std::string_view sql, const Values&... values) {
        ORACX_TRY(Statement statement, prepare(sql));
        statement.bind_all(values...);
        ORACX_TRY(const bool row, statement.step());
        if (!row || statement.is_null(0)) return std::optional<std::string>();
        return std::optional<std::string>(statement.text(0));
    }

    // Any number of statements, without parameters and rows: schemas, pragmas.
    Status execute(const std::string& script);

    // Outside a transaction; cheap when it is so already.
    Status set_synchronous(Synchronous mode);

    // corrupt, with the first findings, if there are any. quick: the structure of all pages, and rows as far as a fixed
    // amount of work reaches (57 MB, 100,000 files with 3 replicas: 0.2 s). thorough: PRAGMA integrity_check, everything,
    // also compares indexes with their tables (the same: 1.2 s).
    enum class Check : std::uint8_t { quick, thorough };
    Status check(Check check);
    // A consistent, compact copy (VACUUM INTO), 0600, synced. exists if `path` exists.
    Status copy_to(const std::string& path);

    enum class Checkpoint : std::uint8_t { passive, truncate };
    // Moves the WAL into the database as far as readers allow; that much is success.
    Status checkpoint(Checkpoint mode);

    [[nodiscard]] std::int64_t changes() const;  // rows changed by the last INSERT, UPDATE or DELETE
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    friend class Statement;
    struct Cached;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    explicit Database(std::string path);
    Status configure(const OpenOptions& options);
    Error error(int code, std::string_view what) const;
    Result<sqlite3_stmt*> compile(std::string_view sql, bool persistent);

    std::string path_;
    sqlite3* handle_ = nullptr;
    std::unordered_map<std::string, std::unique_ptr<Cached>, Hash, std::equal_to<>> cache_;
    Synchronous synchronous_ = Synchronous::full;
};

// BEGIN IMMEDIATE (a write transaction from the start, so it never fails half-way for lack of the lock), or BEGIN for a
// consistent view over several reads. Rolled back unless committed.
class Transaction {
  public:
    enum class Kind : std::uint8_t { write, read };
    static Result<Transaction> begin(Database& database, Kind kind = Kind::write);
    Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Status commit();

  private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

}  // namespace oracxfs::sqlite
