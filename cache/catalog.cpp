// Connections for reading, small settings, ids.

#include "cache/catalog.h"

#include <sys/stat.h>

#include "cache/catalog_impl.h"

namespace oracxfs {
namespace {

constexpr std::int64_t kIdBlock = 1'000;
constexpr std::int64_t kLogBytesMax = 64ll << 20;

}  // namespace

std::unique_ptr<sqlite::Database> ReaderPool::take() {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [this] { return !free_.empty(); });
    auto database = std::move(free_.back());
    free_.pop_back();
    return database;
}

void ReaderPool::give_back(std::unique_ptr<sqlite::Database> database) {
    {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(database));
    }
    returned_.notify_one();
}

Result<std::optional<std::string>> CatalogImpl::meta(std::string_view key) {
    return read([&](Db& db) { return db.text("SELECT value FROM meta WHERE key = ?1", key); });
}

Status CatalogImpl::set_meta(std::string_view key, std::string_view value) {
    return write(Durability::lazy, [&](Db& db) -> Status {
        ORACX_TRYV(db.run("INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                          key, sqlite::blob(value)));
        return {};
    });
}

// The end of the block is on disk before its first id is given out, so no crash makes us give one out twice.
template <class Tag>
Result<Id<Tag>> CatalogImpl::reserve(const char* column, std::int64_t& next, std::int64_t& end) {
    const std::lock_guard lock(id_mutex_);
    if (next == end) {
        const std::string set = std::string("UPDATE installation SET ") + column + " = " + column + " + ?1 RETURNING " + column;
        ORACX_TRY(const auto block_end, write(Durability::durable, [&](Db& db) -> Result<std::int64_t> {
                      ORACX_TRY(sqlite::Statement statement, db.prepare(set));
                      statement.bind_all(kIdBlock);
                      ORACX_TRY(const bool row, statement.step());
                      if (!row) return fail(Errc::corrupt, "reserve ids", "the installation row is missing");
                      const std::int64_t value = statement.integer(0);
                      ORACX_TRYV(statement.run());
                      return value;
                  }));
        next = block_end - kIdBlock;
        end = block_end;
    }
    return Id<Tag>{next++};
}

Result<NodeId> CatalogImpl::reserve_node() { return reserve<NodeTag>("next_node", next_node_, node_end_); }
Result<VersionId> CatalogImpl::reserve_version() { return reserve<VersionTag>("next_version", next_version_, version_end_); }

Status CatalogImpl::checkpoint() {
    const std::lock_guard lock(write_mutex_);
    struct stat wal {};
    const bool huge = ::stat((writer_->path() + "-wal").c_str(), &wal) == 0 && wal.st_size > kLogBytesMax;
    return writer_->checkpoint(huge ? Db::Checkpoint::truncate : Db::Checkpoint::passive);
}

}  // namespace oracxfs
