#include "cache/secrets.h"

#include <mutex>
#include <tuple>

#include "base/crash_point.h"
#include "base/hash.h"
#include "base/log.h"
#include "cache/key_file.h"
#include "cache/secret_box.h"
#include "cache/sqlite.h"

// How access is never lost in rekey():
//
//   1. the new key is written and synced as master.key.new     -> master.key fits the database, .new is a leftover
//   2. one transaction encrypts all records anew               -> .new fits the database, master.key is old
//   3. master.key.new is renamed to master.key
//
// Each of these steps, and the tidying in open(), happens while the database's write lock is held: two processes never
// touch the key files at the same time. Which key is right is always told by the verifier, a record of known content.

namespace oracxfs {
namespace {

// One row in `lock`: how the key is made, and the verifier. One row in `record` for each secret.
constexpr const char* kSchema = R"(
    PRAGMA secure_delete = ON;
    CREATE TABLE IF NOT EXISTS lock (
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        format   INTEGER NOT NULL,
        salt     BLOB NOT NULL,      -- empty: the key stands in master.key, else it comes from a passphrase
        verifier BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS record (
        name   TEXT PRIMARY KEY,
        sealed BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
)";
constexpr const char* kSelectLock = "SELECT format, salt, verifier FROM lock WHERE id = 1";
constexpr const char* kStoreLock = "INSERT OR REPLACE INTO lock (id, format, salt, verifier) VALUES (1, ?, ?, ?)";
constexpr const char* kCountRecords = "SELECT count(*) FROM record";
constexpr const char* kSelectNames = "SELECT name FROM record ORDER BY name";
constexpr const char* kSelectRecord = "SELECT sealed FROM record WHERE name = ?";
constexpr const char* kStoreRecord = "INSERT OR REPLACE INTO record (name, sealed) VALUES (?, ?)";
constexpr const char* kDeleteRecord = "DELETE FROM record WHERE name = ?";

constexpr std::int64_t kFormat = 1;
constexpr std::string_view kVerifierLabel = "oracxfs secrets 1 verifier";
constexpr std::string_view kVerifierValue = "this is the right key";
constexpr std::size_t kSaltBytes = 16;

std::string label_of(std::string_view name) { return "oracxfs secrets 1 record " + std::string(name); }

std::string random_salt() {
    std::string salt(kSaltBytes, '\0');
    random_bytes(std::span(reinterpret_cast<std::uint8_t*>(salt.data()), salt.size()));
    return salt;
}

tl::unexpected<Error> no_key(std::string why) {
    return fail(Errc::key_unavailable, "open the stored secrets", std::move(why));
}

struct LockRow {
    std::int64_t format = kFormat;
    std::string salt;
    std::string verifier;
    bool operator==(const LockRow&) const = default;
    [[nodiscard]] bool from_passphrase() const { return !salt.empty(); }
};

class SqliteSecrets final : public Secrets {
  public:
    SqliteSecrets(std::unique_ptr<sqlite::Database> database, std::string key_file)
        : database_(std::move(database)), key_file_(std::move(key_file)) {}

    Status unlock(const std::optional<std::string>& passphrase);

    Result<std::string> get(std::string_view name) override;
    Status put(std::string_view name, std::string_view value) override;
    Status remove(std::string_view name) override;
    Result<std::vector<std::string>> names() override;
    Status rekey(const std::optional<std::string>& new_passphrase) override;

  private:
    Result<std::optional<LockRow>> read_lock();
    Status store_lock(const SecretKey& key, std::string salt);
    Status begin_anew(const std::optional<std::string>& passphrase);
    Status unlock_with_passphrase(const LockRow& lock, const std::string& passphrase);
    enum class Files { look, tidy };  // tidy: only while a write transaction is open
    Status unlock_with_file(const LockRow& lock, Files files);
    Status follow_rekey(Files files);
    Result<std::vector<std::string>> all_names();
    Status seal_all_anew(const SecretKey& key);
    Status tidy_after_rekey();
    void remove_key_files();

    std::mutex mutex_;
    // --- guarded by mutex_
    const std::unique_ptr<sqlite::Database> database_;
    const KeyFile key_file_;
    SecretKey key_;
    LockRow lock_;  // the one that key_ fits
};

bool fits(const SecretKey& key, const LockRow& lock) {
    const auto value = open_secret(key, kVerifierLabel, lock.verifier);
    return value && *value == kVerifierValue;
}

Result<std::optional<LockRow>> SqliteSecrets::read_lock() {
    std::optional<LockRow> lock;
    ORACX_TRYV(database_->query(kSelectLock, [&](const sqlite::Statement& row) {
        lock = LockRow{row.integer(0), row.text(1), row.text(2)};
    }));
    if (lock && lock->format != kFormat)
        return fail(Errc::config, "open the stored secrets", "they were written by a newer version of oracxfs");
    return lock;
}

Status SqliteSecrets::store_lock(const SecretKey& key, std::string salt) {
    LockRow lock;
    lock.salt = std::move(salt);
    ORACX_TRY(lock.verifier, seal_secret(key, kVerifierLabel, kVerifierValue));
    ORACX_TRYV(database_->run(kStoreLock, lock.format, sqlite::Blob{lock.salt}, sqlite::Blob{lock.verifier}));
    lock_ = std::move(lock);
    return {};
}

// With the write lock from the start: two processes that open at once must not both make a key.
Status SqliteSecrets::unlock(const std::optional<std::string>& passphrase) {
    ORACX_TRYV(database_->execute(kSchema));
    ORACX_TRY(auto transaction, sqlite::Transaction::begin(*database_));
    ORACX_TRY(const auto lock, read_lock());
    if (!lock) {
        ORACX_TRYV(begin_anew(passphrase));
    } else if (lock->from_passphrase()) {
        if (!passphrase) return no_key("they are protected by a passphrase, and none was given");
        ORACX_TRYV(unlock_with_passphrase(*lock, *passphrase));
    } else {
        if (passphrase) return no_key("a passphrase was given, but they are protected by " + key_file_.path());
        ORACX_TRYV(unlock_with_file(*lock, Files::tidy));
    }
    return transaction.commit();
}

Status SqliteSecrets::begin_anew(const std::optional<std::string>& passphrase) {
    if (passphrase) {
        std::string salt = random_salt();
        ORACX_TRY(key_, SecretKey::from_passphrase(*passphrase, salt));
        return store_lock(key_, std::move(salt));
    }
    auto key = key_file_.read();
    if (!key && key.error().code == Errc::not_found) {
        key = SecretKey::random();
        ORACX_TRYV(key_file_.write_new(*key));
        ORACX_TRYV(key_file_.adopt_new());
    }
    if (!key && key.error().code == Errc::invalid) return no_key(key.error().to_string());
    if (!key) return fail(std::move(key).error());
    key_ = std::move(*key);
    return store_lock(key_, "");
}

Status SqliteSecrets::unlock_with_passphrase(const LockRow& lock, const std::string& passphrase) {
    ORACX_TRY(auto key, SecretKey::from_passphrase(passphrase, lock.salt));
    if (!fits(key, lock)) return no_key("the passphrase is not the one they were encrypted with");
    key_ = std::move(key);
    lock_ = lock;
    // Left over from a change to the passphrase that was cut short: keys that fit nothing any more.
    remove_key_files();
    return {};
}

Status SqliteSecrets::unlock_with_file(const LockRow& lock, Files files) {
    auto key = key_file_.read();
    if (!key && key.error().code == Errc::denied) return fail(std::move(key).error());
    if (key && fits(*key, lock)) {
        if (files == Files::tidy) ORACX_TRYV(key_file_.remove_new());
        key_ = std::move(*key);
        lock_ = lock;
        return {};
    }
    if (auto fresh = key_file_.read_new(); fresh && fits(*fresh, lock)) {
        if (files == Files::tidy) ORACX_TRYV(key_file_.adopt_new());
        key_ = std::move(*fresh);
        lock_ = lock;
        return {};
    }
    if (key) return no_key(key_file_.path() + " is not the key they were encrypted with");
    if (key.error().code != Errc::not_found) return no_key(key.error().to_string());
    ORACX_TRY(const auto records, database_->integer(kCountRecords));
    if (records.value_or(0) != 0 || files == Files::look) return no_key(key_file_.path() + " is gone");
    return begin_anew(std::nullopt);
}

// Another process may have changed the key since: then ours would make records that nobody can read.
Status SqliteSecrets::follow_rekey(Files files) {
    ORACX_TRY(const auto lock, read_lock());
    if (lock && *lock == lock_) return {};
    if (!lock) return no_key("they were removed meanwhile");
    if (lock->from_passphrase()) return no_key("another process changed the passphrase");
    return unlock_with_file(*lock, files);
}

void SqliteSecrets::remove_key_files() {
    for (const Status& removed : {key_file_.remove(), key_file_.remove_new()})
        if (!removed) log::warn("secrets", removed.error().to_string());
}

Result<std::string> SqliteSecrets::get(std::string_view name) {
    const std::lock_guard lock(mutex_);
    // One view of key and record.
    ORACX_TRY(auto transaction, sqlite::Transaction::begin(*database_, sqlite::Transaction::Kind::read));
    ORACX_TRY(const auto sealed, database_->text(kSelectRecord, name));
    if (!sealed) return fail(Errc::not_found, "read secret " + std::string(name));
    auto value = open_secret(key_, label_of(name), *sealed);
    if (!value) {
        ORACX_TRYV(follow_rekey(Files::look));
        value = open_secret(key_, label_of(name), *sealed);
    }
    if (!value) return fail(std::move(std::move(value).error()).at("read secret " + std::string(name)));
    return value;
}

Status SqliteSecrets::put(std::string_view name, std::string_view value) {
    const std::lock_guard lock(mutex_);
    ORACX_TRY(auto transaction, sqlite::Transaction::begin(*database_));
    ORACX_TRYV(follow_rekey(Files::tidy));
    ORACX_TRY(const std::string sealed, seal_secret(key_, label_of(name), value));
    ORACX_TRYV(database_->run(kStoreRecord, name, sqlite::Blob{sealed}));
    return transaction.commit();
}

Status SqliteSecrets::remove(std::string_view name) {
    const std::lock_guard lock(mutex_);
    ORACX_TRYV(database_->run(kDeleteRecord, name));
    return {};
}

Result<std::vector<std::string>> SqliteSecrets::names() {
    const std::lock_guard lock(mutex_);
    return all_names();
}

Result<std::vector<std::string>> SqliteSecrets::all_names() {
    std::vector<std::string> names;
    ORACX_TRYV(database_->query(kSelectNames, [&](const sqlite::Statement& row) { names.push_back(row.text(0)); }));
    return names;
}

Status SqliteSecrets::rekey(const std::optional<std::string>& new_passphrase) {
    if (new_passphrase && new_passphrase->empty()) return fail(Errc::invalid, "change the key", "the passphrase is empty");
    const std::lock_guard lock(mutex_);
    std::string salt = new_passphrase ? random_salt() : "";
    Result<SecretKey> key = new_passphrase ? SecretKey::from_passphrase(*new_passphrase, salt) : SecretKey::random();
    if (!key) return fail(std::move(key).error());

    ORACX_TRY(auto transaction, sqlite::Transaction::begin(*database_));
    ORACX_TRYV(follow_rekey(Files::tidy));
    const LockRow before = lock_;
    if (!new_passphrase) ORACX_TRYV(key_file_.write_new(*key));
    ORACX_CRASH_POINT("secrets.rekey.key_written");
    auto sealed = seal_all_anew(*key);
    if (sealed) sealed = store_lock(*key, std::move(salt));
    if (!sealed) {
        std::ignore = key_file_.remove_new();  // else the next open() does it
        return sealed;
    }
    if (auto committed = transaction.commit(); !committed) {
        // Not known whether it happened: the next call looks at the database, and both keys are still there.
        lock_ = before;
        return committed;
    }
    ORACX_CRASH_POINT("secrets.rekey.committed");
    key_ = std::move(*key);
    // It has happened. What fails from here on is done by the next open().
    if (const auto tidied = tidy_after_rekey(); !tidied) log::warn("secrets", tidied.error().to_string());
    return {};
}

Status SqliteSecrets::tidy_after_rekey() {
    {
        ORACX_TRY(auto transaction, sqlite::Transaction::begin(*database_));
        ORACX_TRY(const auto lock, read_lock());
        if (!lock || *lock != lock_) return {};  // another process was here in between and did it
        if (lock_.from_passphrase()) {
            remove_key_files();
        } else {
            ORACX_TRYV(unlock_with_file(*lock, Files::tidy));
        }
    }
    return database_->checkpoint(sqlite::Database::Checkpoint::truncate);  // the log still holds what the old key opens
}

Status SqliteSecrets::seal_all_anew(const SecretKey& key) {
    ORACX_TRY(const auto names, all_names());
    for (const std::string& name : names) {
        ORACX_TRY(const auto sealed, database_->text(kSelectRecord, name));
        auto opened = open_secret(key_, label_of(name), sealed.value_or(""));
        if (!opened) return fail(std::move(std::move(opened).error()).at("change the key of " + name));
        const WipedString value(std::move(*opened));
        ORACX_TRY(const std::string anew, seal_secret(key, label_of(name), value.value));
        ORACX_TRYV(database_->run(kStoreRecord, name, sqlite::Blob{anew}));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Secrets>> Secrets::open(const SecretsOptions& options) {
    if (options.passphrase && options.passphrase->empty())
        return fail(Errc::invalid, "open the stored secrets", "the passphrase is empty");
    ORACX_TRYV(check_private(options.database));
    sqlite::OpenOptions open;
    open.path = options.database;
    open.cache_kib = 256;
    ORACX_TRY(auto database, sqlite::Database::open(open));
    auto secrets = std::make_unique<SqliteSecrets>(std::move(database), options.master_key_file);
    ORACX_TRYV(secrets->unlock(options.passphrase));
    return secrets;
}

}  // namespace oracxfs
