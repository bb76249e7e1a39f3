#include "tools/oracxfs/recovery.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "providers/provider.h"
#include "fs/temp_names.h"

namespace oracxfs {
namespace {

// The folder `key` with all above it, made where missing.
Result<NodeId> ensure_folder(Catalog& catalog, const std::string& key, std::int64_t mtime_ns, const std::vector<ProviderId>& providers) {
    NodeId at = kRootNode;
    std::size_t begin = 0;
    while (begin < key.size()) {
        const std::size_t end = std::min(key.find('/', begin), key.size());
        const std::string name = key.substr(begin, end - begin);
        begin = end + 1;
        ORACX_TRY(const auto existing, catalog.child(at, name));
        if (existing) {
            if (existing->kind != NodeKind::directory) return fail(Errc::not_directory, "restore folder " + key);
            at = existing->id;
            continue;
        }
        NodeRow row;
        ORACX_TRY(row.id, catalog.reserve_node());
        row.parent = at;
        row.name = name;
        row.kind = NodeKind::directory;
        row.mode = 0755;
        row.uid = ::geteuid();
        row.gid = ::getegid();
        row.mtime_ns = row.ctime_ns = row.created_ns = mtime_ns;
        ORACX_TRYV(catalog.make_directory(row, providers));
        at = row.id;
    }
    return at;
}

Status commit_staged(Catalog& catalog, Staging& staging, const std::string& name, const StagedMeta& meta,
                     const std::vector<ProviderId>& providers) {
    ORACX_TRYV(check_key(meta.path));
    if (meta.path.empty()) return fail(Errc::invalid, "recover " + name, "it has no path");
    VersionCommit commit;
    ORACX_TRY(commit.digests, staging.digest(name));
    ORACX_TRY(const NodeId parent, ensure_folder(catalog, std::string(parent_key(meta.path)), meta.mtime_ns, providers));
    std::string file(base_name(meta.path));
    ORACX_TRY(auto existing, catalog.child(parent, file));
    if (existing && existing->kind == NodeKind::directory) {
        file += ".recovered";
        ORACX_TRY(existing, catalog.child(parent, file));
    }
    if (existing) {
        commit.node = *existing;
    } else {
        ORACX_TRY(commit.node.id, catalog.reserve_node());
        commit.node.parent = parent;
        commit.node.name = file;
        commit.node.uid = ::geteuid();
        commit.node.gid = ::getegid();
        commit.node.created_ns = meta.mtime_ns;
    }
    commit.node.mtime_ns = commit.node.ctime_ns = meta.mtime_ns;
    commit.node.version = meta.version;
    commit.node.size = meta.size;
    commit.node.local_only = meta.local_only;
    // Local under a name that is no temporary one: it was torn, and must never be sent.
    commit.node.torn = commit.torn = meta.local_only && !is_temporary_name(file);
    commit.version = meta.version;
    commit.staged = name;
    if (!meta.local_only) commit.wanted = providers;
    return catalog.commit_version(commit);
}

}  // namespace

Result<StagingRecovery> recover_staging(Catalog& catalog, Staging& staging, bool catalogue_lost,
                                        const std::vector<ProviderId>& providers) {
    ORACX_TRY(const auto versions, catalog.staged_versions());
    std::vector<std::string> known;
    for (const VersionRow& version : versions) known.push_back(version.staged);
    ORACX_TRY(auto found, staging.recover(known));
    StagingRecovery result;
    if (found.empty()) return result;
    ORACX_TRY(const VersionId newest, catalog.newest_version());
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.second.version < b.second.version; });
    for (const auto& [name, meta] : found) {
        // Known but not as staged: it was evicted, and the crash came before the file went.
        const bool in_catalogue = catalog.version(meta.version).has_value();
        if (in_catalogue || (!catalogue_lost && meta.version <= newest)) {
            ORACX_TRYV(staging.remove(name));
            result.removed += 1;
            continue;
        }
        if (const Status committed = commit_staged(catalog, staging, name, meta, providers); !committed) {
            // Never thrown away: somebody may still want its bytes.
            log::error("recovery", "staged file " + name + " of \"" + meta.path + "\" stays where it is: " + committed.error().to_string());
            result.unreadable += 1;
            continue;
        }
        EventRow event;
        event.level = "warning";
        event.kind = "recovered";
        event.path = meta.path;
        event.message = "found in staging after a crash, now replicated";
        (void)catalog.append_event(event);
        result.committed += 1;
    }
    return result;
}

}  // namespace oracxfs
