#include "cache/sqlite_copy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"

namespace oracxfs::sqlite {
namespace {

constexpr int kInstructionsBetweenLooks = 2000;
constexpr int kPagesBetweenLooks = 256;
constexpr int kPauseMs = 20;

struct CloseHandle {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
};
struct FinaliseStatement {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, CloseHandle>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinaliseStatement>;

// Seen by SQLite's callbacks. sqlite3_sleep() is what its own busy handler waits with, and it cannot be stopped; so it is
// called for short times.
struct Watch {
    const std::stop_token& stop;
    int waits_left;
};

int on_progress(void* watch) { return static_cast<Watch*>(watch)->stop.stop_requested() ? 1 : 0; }

int on_busy(void* data, int) {
    Watch& watch = *static_cast<Watch*>(data);
    if (watch.stop.stop_requested() || watch.waits_left-- <= 0) return 0;
    sqlite3_sleep(kPauseMs);
    return 1;
}

Error error_of(sqlite3* handle, int code, const std::string& what) {
    Errc errc = Errc::local_io;
    const int system_errno = handle == nullptr ? 0 : sqlite3_system_errno(handle);
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: errc = Errc::corrupt; break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: errc = Errc::busy; break;
        case SQLITE_FULL: errc = Errc::local_full; break;
        case SQLITE_INTERRUPT: errc = Errc::cancelled; break;
        case SQLITE_PERM:
        case SQLITE_READONLY: errc = Errc::denied; break;
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
            if (system_errno != 0) errc = error_from_errno(system_errno, "").code;
            break;
        default: break;
    }
    return Error(errc, what, handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle)).with_native(code);
}

Result<Handle> open_watched(const std::string& path, int flags, Watch& watch, const std::string& what) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    Handle handle(raw);
    if (code != SQLITE_OK) return fail(error_of(raw, code, what));
    sqlite3_busy_handler(raw, on_busy, &watch);
    sqlite3_progress_handler(raw, kInstructionsBetweenLooks, on_progress, &watch);
    // The schema was written by somebody else: nothing in it may do more than describe data.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_exec(raw, "PRAGMA cache_size=-8192; PRAGMA mmap_size=0", nullptr, nullptr, nullptr);
    return handle;
}

Result<std::string> first_text(sqlite3* handle, std::string_view sql, const std::string& what) {
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
    const StatementHandle statement(raw);
    if (code == SQLITE_OK) code = sqlite3_step(raw);
    if (code != SQLITE_ROW) return fail(error_of(handle, code, what));
    const unsigned char* text = sqlite3_column_text(raw, 0);
    return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

int vacuum_into(sqlite3* source, const std::string& target) {
    sqlite3_stmt* raw = nullptr;
    int code = sqlite3_prepare_v2(source, "VACUUM INTO ?1", -1, &raw, nullptr);
    const StatementHandle statement(raw);
    if (code == SQLITE_OK) code = sqlite3_bind_text(raw, 1, target.c_str(), -1, SQLITE_STATIC);
    if (code == SQLITE_OK) code = sqlite3_step(raw);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

// In one read transaction, so that a busy writer cannot make it start again for ever.
Status copy_pages(sqlite3* source, const std::string& target, Watch& watch, const std::string& what) {
    ORACX_TRY(const Handle copy, open_watched(target, SQLITE_OPEN_READWRITE, watch, what));
    if (const int code = sqlite3_exec(source, "BEGIN; SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr); code != SQLITE_OK)
        return fail(error_of(source, code, what));
    sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source, "main");
    if (backup == nullptr) return fail(error_of(copy.get(), sqlite3_errcode(copy.get()), what));
    int code = SQLITE_OK;
    while (code == SQLITE_OK && !watch.stop.stop_requested()) code = sqlite3_backup_step(backup, kPagesBetweenLooks);
    const int finished = sqlite3_backup_finish(backup);
    sqlite3_exec(source, "COMMIT", nullptr, nullptr, nullptr);
    if (watch.stop.stop_requested()) return fail(Errc::cancelled, what);
    if (code != SQLITE_DONE) return fail(error_of(copy.get(), code, what));
    if (finished != SQLITE_OK) return fail(error_of(copy.get(), finished, what));
    return {};
}

// Ends what the handle is doing when a stop is requested; goes away before the handle.
class Interrupt {
  public:
    Interrupt(sqlite3* handle, const std::stop_token& stop) : callback_(stop, Call{handle}) {}

  private:
    struct Call {
        sqlite3* handle;
        void operator()() const { sqlite3_interrupt(handle); }
    };
    std::stop_callback<Call> callback_;
};

// Without its schema's own functions a table may be impossible to check; that says nothing about the data.
Status check_copy(const std::string& target, Watch& watch, bool compact, const std::string& what) {
    ORACX_TRY(const Handle copy, open_watched(target, SQLITE_OPEN_READWRITE, watch, what));
    const Interrupt interrupt(copy.get(), watch.stop);  // one page after the other, without asking
    auto finding = first_text(copy.get(), compact ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", what);
    if (!finding) {
        if (!compact && (finding.error().native & 0xff) == SQLITE_ERROR) return {};
        return fail(std::move(finding).error());
    }
    if (*finding != "ok") return fail(Errc::corrupt, what, "the database is damaged: " + *finding);
    return {};
}

// VACUUM INTO leaves a database with a rollback journal. Programs that chose the write-ahead log chose it once, for good.
Status keep_journal_kind(const std::string& target, const std::string& what) {
    constexpr std::array<char, 2> kWal{2, 2};  // versions for writing and reading, in the file's header
    constexpr off_t kVersions = 18;
    const UniqueFd fd(::open(target.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd || ::pwrite(fd.get(), kWal.data(), kWal.size(), kVersions) != static_cast<ssize_t>(kWal.size()))
        return fail(error_from_errno(errno, what));
    return {};
}

Status copy_from(const std::string& name, int flags, bool uses_log, const std::string& target, Watch& watch, const std::string& what) {
    ORACX_TRY(const Handle handle, open_watched(name, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW | flags, watch, what));
    int code = vacuum_into(handle.get(), target);
    const bool compact = (code & 0xff) != SQLITE_ERROR;
    if (!compact) {
        if (::truncate(target.c_str(), 0) != 0) return fail(error_from_errno(errno, what));
        ORACX_TRYV(copy_pages(handle.get(), target, watch, what));
        code = SQLITE_OK;
    }
    if (watch.stop.stop_requested()) return fail(Errc::cancelled, what);
    if (code != SQLITE_OK) return fail(error_of(handle.get(), code, what));
    ORACX_TRYV(check_copy(target, watch, compact, what));
    if (compact && uses_log) return keep_journal_kind(target, what);
    return {};
}

// What tells whether somebody wrote: the file's identity, size and times, and that there is no log with content.
struct Rest {
    bool has_log = false, uses_log = false;
    struct stat status {};
    bool operator==(const Rest& other) const {
        const auto same = [](const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; };
        return has_log == other.has_log && status.st_ino == other.status.st_ino && status.st_size == other.status.st_size &&
               same(status.st_mtim, other.status.st_mtim) && same(status.st_ctim, other.status.st_ctim);
    }
};

Result<Rest> look_at(const std::string& source, const std::string& what) {
    Rest rest;
    std::array<char, 2> versions{};
    constexpr off_t kVersions = 18;
    {
        // Closed before SQLite opens the file: closing it later would take the locks away.
        const UniqueFd fd(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!fd || ::fstat(fd.get(), &rest.status) != 0) return fail(error_from_errno(errno, what));
        rest.uses_log = ::pread(fd.get(), versions.data(), versions.size(), kVersions) == static_cast<ssize_t>(versions.size()) && versions[0] == 2;
    }
    struct stat log {};
    rest.has_log = ::stat((source + "-wal").c_str(), &log) == 0;
    return rest;
}

std::string as_uri(const std::string& path) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string uri = "file:";
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') uri += c;
        else (uri += '%') += {kHex[byte >> 4], kHex[byte & 15]};
    }
    return uri + "?immutable=1";
}

Status copy_into(const std::string& source, const std::string& target, Watch& watch) {
    const std::string what = "copy the database " + source;
    ORACX_TRY(const Rest before, look_at(source, what));
    if (before.uses_log && !before.has_log) {
        // Nobody has it open. Opening it as usual would make a log and an index beside it, and leave them there (or fail,
        // in a folder that cannot be written to). So it is read as a file that nobody changes, which is true if it is at
        // rest afterwards too: who writes makes a log first.
        const Status copied = copy_from(as_uri(source), SQLITE_OPEN_URI, true, target, watch, what);
        ORACX_TRY(const Rest after, look_at(source, what));
        if (after == before) return copied;
        if (::truncate(target.c_str(), 0) != 0) return fail(error_from_errno(errno, what));
    }
    return copy_from(source, 0, before.uses_log, target, watch, what);
}

}  // namespace

Status copy_live_database(const std::string& source, const std::string& target, Millis patience, const std::stop_token& stop) {
    {
        // Made by us, so that its mode is ours and nothing is overwritten; an empty file is a new database to SQLite.
        const UniqueFd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return fail(error_from_errno(errno, "create " + target));
    }
    Watch watch{stop, static_cast<int>(patience.count() / kPauseMs)};
    Status copied = copy_into(source, target, watch);
    if (!copied) {
        for (const char* suffix : {"", "-journal", "-wal", "-shm"}) ::unlink((target + suffix).c_str());
        if (stop.stop_requested()) return fail(Errc::cancelled, "copy the database " + source);
    }
    return copied;
}

}  // namespace oracxfs::sqlite
