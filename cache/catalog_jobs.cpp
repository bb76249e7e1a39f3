// What is due, with all that the plan needs to know.

#include <algorithm>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

namespace {

// Up to so many due rows are sorted; more, and the newest are looked up from the other end.
constexpr std::size_t kSortedMax = 512;

bool passes(const Catalog::DueFilter& filter, VersionId version, std::uint64_t size) {
    return (!filter.max_size || size <= *filter.max_size) && (!filter.min_size || size >= *filter.min_size) &&
           std::find(filter.except.begin(), filter.except.end(), version) == filter.except.end();
}

}  // namespace

// Answered from two indexes that hold only rows with work: by time (how many are due at all?) and by version. With a few
// due rows among many that wait, or many that are due, neither reads more than it has to.
Result<std::vector<VersionId>> CatalogImpl::newest_due(Db& db, ProviderId provider, WallTime now, const DueFilter& filter) {
    std::vector<VersionId> chosen;
    std::size_t due = 0;
    ORACX_TRY(Statement by_time, db.prepare("SELECT version, size FROM replica INDEXED BY replica_due WHERE provider = ?1 AND "
                                            "due_ms <= ?2 LIMIT ?3"));
    by_time.bind_all(provider.value, to_ms(now), kSortedMax + 1);
    for (;;) {
        ORACX_TRY(const bool row, by_time.step());
        if (!row) break;
        ++due;
        const VersionId version{by_time.integer(0)};
        if (passes(filter, version, static_cast<std::uint64_t>(by_time.integer(1)))) chosen.push_back(version);
    }
    if (due <= kSortedMax) {
        std::sort(chosen.begin(), chosen.end(), std::greater<>());
        if (chosen.size() > filter.limit) chosen.resize(filter.limit);
        return chosen;
    }
    chosen.clear();
    ORACX_TRY(Statement by_version,
              db.prepare("SELECT version, size FROM replica INDEXED BY replica_newest WHERE provider = ?1 AND due_ms IS NOT "
                         "NULL AND due_ms <= ?2 ORDER BY version DESC"));
    by_version.bind_all(provider.value, to_ms(now));
    while (chosen.size() < filter.limit) {
        ORACX_TRY(const bool row, by_version.step());
        if (!row) break;
        const VersionId version{by_version.integer(0)};
        if (passes(filter, version, static_cast<std::uint64_t>(by_version.integer(1)))) chosen.push_back(version);
    }
    return chosen;
}

Result<std::vector<ReplicaJob>> CatalogImpl::due_replicas(ProviderId provider, WallTime now, const DueFilter& filter) {
    return read([&](Db& db) -> Result<std::vector<ReplicaJob>> {
        ORACX_TRY(const std::vector<VersionId> versions, newest_due(db, provider, now, filter));
        std::vector<ReplicaJob> jobs;
        jobs.reserve(versions.size());
        for (const VersionId version : versions) {
            ORACX_TRY(std::optional<ReplicaJob> job, build_job(db, version, provider));
            if (job) jobs.push_back(std::move(*job));
        }
        return jobs;
    });
}

Result<std::optional<ReplicaJob>> CatalogImpl::replica_job(VersionId version, ProviderId provider) {
    return read([&](Db& db) { return build_job(db, version, provider); });
}

namespace {

// Who else is at the key that this row is about. A row with an intent is looked at next: what counts is who stands there.
// Otherwise an upload or move of somebody else to that key, whose end is not known, comes first: it has to be waited for.
Status find_occupant(sqlite::Database& db, ReplicaJob& job) {
    const auto take = [&](const Statement& row) {
        job.occupant = replica_from(row);
        job.occupant_wanted = row.integer(kReplicaColumnCount) != 0;
    };
    const bool looking = !job.row.intent_key.empty();
    const std::string& key = looking ? job.row.intent_key : job.want_key;
    if (key.empty()) return {};
    if (!looking) {
        ORACX_TRYV(db.query("SELECT " ORACX_REPLICA_COLUMNS ", v.wanted FROM replica r JOIN version v ON v.id = r.version WHERE "
                            "r.provider = ?1 AND r.intent_key = ?2 AND r.intent_key <> x'' AND r.version <> ?3 ORDER BY r.version LIMIT 1",
                            take, job.row.provider.value, blob(key), job.row.version.value));
        if (job.occupant) return {};
    }
    return db.query("SELECT " ORACX_REPLICA_COLUMNS ", v.wanted FROM replica r JOIN version v ON v.id = r.version WHERE "
                    "r.provider = ?1 AND r.key = ?2 AND r.key <> x'' AND r.version <> ?3",
                    take, job.row.provider.value, blob(key), job.row.version.value);
}

}  // namespace

Result<std::optional<ReplicaJob>> CatalogImpl::build_job(Db& db, VersionId version, ProviderId provider) {
    std::optional<ReplicaJob> found;
    VersionFacts facts;
    ORACX_TRYV(db.query(
        "SELECT " ORACX_REPLICA_COLUMNS ", v.node, v.fate, v.wanted, v.size, v.sha256, v.staged, v.doomed_ms, n.mtime_ns "
        "FROM replica r JOIN version v ON v.id = r.version LEFT JOIN node n ON n.id = v.node "
        "WHERE r.version = ?1 AND r.provider = ?2",
        [&](const Statement& row) {
            constexpr int k = kReplicaColumnCount;
            ReplicaJob& job = found.emplace();
            job.row = replica_from(row);
            job.node = facts.node = {row.integer(k)};
            job.fate = facts.fate = version_fate_from(row.bytes(k + 1)).value_or(VersionFate::current);
            job.wanted = facts.wanted = row.integer(k + 2) != 0;
            job.size = facts.size = static_cast<std::uint64_t>(row.integer(k + 3));
            job.sha256 = sha256_from(row.bytes(k + 4));
            job.staged = row.text(k + 5);
            job.doomed_at = facts.doomed_at = time_from(row.optional_integer(k + 6));
            job.mtime_ns = row.integer(k + 7);
        },
        version.value, provider.value));
    if (!found) return found;
    ReplicaJob& job = *found;
    if (job.wanted) {
        ORACX_TRY(job.want_key, build_path(db, job.node));
    } else {
        ORACX_TRY(job.successor_verified, successor_verified(db, job.row, facts));
    }
    ORACX_TRYV(find_occupant(db, job));
    ORACX_TRYV(db.query("SELECT " ORACX_SESSION_COLUMNS " FROM session s WHERE s.version = ?1 AND s.provider = ?2",
                        [&](const Statement& row) { job.session = session_from(row); }, version.value, provider.value));
    return found;
}

}  // namespace oracxfs
