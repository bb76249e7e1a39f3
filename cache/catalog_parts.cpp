// Steps that several transactions share: paths, facts of a version, retiring and waking replica rows.

#include <algorithm>

#include "cache/catalog_impl.h"

namespace oracxfs {

using sqlite::blob;
using sqlite::Statement;

bool is_below(std::string_view path, std::string_view directory) {
    if (directory.empty()) return true;
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// '0' is the byte after '/'.
KeyRange below(std::string_view directory) {
    return {std::string(directory) + "/", std::string(directory) + "0"};
}

std::string join_path(std::string_view directory, std::string_view name) {
    if (directory.empty()) return std::string(name);
    std::string path;
    path.reserve(directory.size() + 1 + name.size());
    path.append(directory).append(1, '/').append(name);
    return path;
}

// --- tree --------------------------------------------------------------------------------------------------------------

Result<std::optional<NodeRow>> CatalogImpl::find_node(Db& db, NodeId id) {
    std::optional<NodeRow> found;
    ORACX_TRYV(db.query("SELECT " ORACX_NODE_COLUMNS " FROM node n WHERE n.id = ?1",
                        [&](const Statement& row) { found = node_from(row); }, id.value));
    return found;
}

Result<NodeRow> CatalogImpl::get_node(Db& db, NodeId id) {
    ORACX_TRY(auto found, find_node(db, id));
    if (!found) return fail(Errc::not_found, "find node " + std::to_string(id.value));
    return std::move(*found);
}

Result<std::optional<NodeRow>> CatalogImpl::find_child(Db& db, NodeId parent, std::string_view name) {
    std::optional<NodeRow> found;
    if (name.empty()) return found;  // that would be the root
    ORACX_TRYV(db.query("SELECT " ORACX_NODE_COLUMNS " FROM node n WHERE n.parent = ?1 AND n.name = ?2",
                        [&](const Statement& row) { found = node_from(row); }, parent.value, blob(name)));
    return found;
}

Result<std::optional<NodeRow>> CatalogImpl::find_path(Db& db, std::string_view path) {
    ORACX_TRY(std::optional<NodeRow> node, find_node(db, kRootNode));
    while (node && !path.empty()) {
        const std::size_t slash = path.find('/');
        ORACX_TRY(node, find_child(db, node->id, path.substr(0, slash)));
        if (slash + 1 == path.size()) return std::optional<NodeRow>();  // "a/" is no path
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    return node;
}

Result<std::string> CatalogImpl::build_path(Db& db, NodeId id) {
    std::vector<std::string> names;
    std::size_t bytes = 0;
    ORACX_TRY(Statement up, db.prepare("SELECT parent, name FROM node WHERE id = ?1"));
    while (id != kRootNode) {
        up.bind(1, id.value);
        ORACX_TRY(const bool row, up.step());
        if (!row) return fail(Errc::not_found, "find node " + std::to_string(id.value));
        id = {up.integer(0)};
        names.push_back(up.text(1));
        bytes += names.back().size() + 1;
        up.reset();
    }
    std::string path;
    path.reserve(bytes);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        if (!path.empty()) path += '/';
        path += *name;
    }
    return path;
}

Status CatalogImpl::check_parent(Db& db, NodeId parent) {
    ORACX_TRY(const NodeRow node, get_node(db, parent));
    if (node.kind != NodeKind::directory) return fail(Errc::not_directory, node.name);
    return {};
}

Status CatalogImpl::check_name(std::string_view name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos ||
        name.find('\0') != std::string_view::npos)
        return fail(Errc::invalid, "name a file", "not a name: \"" + std::string(name) + "\"");
    return {};
}

// --- versions and their replicas -----------------------------------------------------------------------------------------

Result<CatalogImpl::VersionFacts> CatalogImpl::version_facts(Db& db, VersionId id) {
    ORACX_TRY(Statement statement, db.prepare("SELECT node, fate, wanted, size, doomed_ms FROM version WHERE id = ?1"));
    statement.bind_all(id.value);
    ORACX_TRY(const bool row, statement.step());
    if (!row) return fail(Errc::not_found, "find version " + std::to_string(id.value));
    VersionFacts facts;
    facts.node = {statement.integer(0)};
    facts.fate = version_fate_from(statement.bytes(1)).value_or(VersionFate::current);
    facts.wanted = statement.integer(2) != 0;
    facts.size = static_cast<std::uint64_t>(statement.integer(3));
    facts.doomed_at = time_from(statement.optional_integer(4));
    return facts;
}

namespace {

Result<bool> is_verified(sqlite::Database& db, VersionId version, ProviderId provider) {
    ORACX_TRY(const auto found,
              db.integer("SELECT 1 FROM replica WHERE version = ?1 AND provider = ?2 AND state = 'verified'", version.value,
                         provider.value));
    return found.has_value();
}

}  // namespace

// For a row whose version is not wanted. A superseded version waits for the content that its file has now; one whose name
// is gone waits for the file that has that name now, if there is one.
Result<bool> CatalogImpl::successor_verified(Db& db, const ReplicaRow& row, const VersionFacts& facts) {
    if (facts.fate == VersionFate::superseded && facts.node) {
        ORACX_TRY(const std::optional<NodeRow> node, find_node(db, facts.node));
        if (node && node->version && node->version != row.version) {
            if (node->torn) return false;  // the last good content: it stays until there is a better one
            if (!node->local_only) return is_verified(db, node->version, row.provider);
        }
    }
    ORACX_TRY(const std::optional<NodeRow> there, find_path(db, row.key));
    if (!there || there->kind != NodeKind::file || !there->version || there->version == row.version) return true;
    if (there->local_only || there->torn) return true;  // not wanted there
    return is_verified(db, there->version, row.provider);
}

WallTime CatalogImpl::removal_due(const std::optional<WallTime>& doomed_at) const {
    return doomed_at ? std::max(now(), *doomed_at + delete_grace_) : now();
}

Status CatalogImpl::add_replica_rows(Db& db, VersionId version, const std::vector<ProviderId>& wanted) const {
    for (const ProviderId provider : wanted) {
        // An upload that was begun before the commit may end at any moment from now on: its key is an intent.
        ORACX_TRYV(db.run(
            "INSERT INTO replica(version, provider, state, key, intent_key, attempts, due_ms, error_code, error_text, "
            "remote_id, remote_rev, remote_mtime_ns, verified_ms, size) "
            "SELECT v.id, ?2, iif(s.key IS NULL, 'queued', 'uploading'), x'', ifnull(s.key, x''), 0, ?3, '', '', '', '', 0, "
            "NULL, v.size FROM version v LEFT JOIN session s ON s.version = v.id AND s.provider = ?2 WHERE v.id = ?1 "
            "ON CONFLICT(version, provider) DO NOTHING",
            version.value, provider.value, to_ms(now())));
    }
    return {};
}

Status CatalogImpl::retire_rows(Db& db, VersionId version, std::optional<WallTime> due, std::optional<WallTime> intent_due) {
    ORACX_TRYV(db.run("DELETE FROM replica WHERE version = ?1 AND key = x'' AND intent_key = x''", version.value));
    ORACX_TRYV(db.run("UPDATE replica SET due_ms = iif(intent_key = x'', ?2, ?3) WHERE version = ?1", version.value,
                      ms_of(due), ms_of(intent_due)));
    return {};
}

Status CatalogImpl::wake_unwanted_at(Db& db, std::string_view path, bool below_it) const {
    struct Row {
        std::int64_t version, provider;
        std::optional<WallTime> doomed_at;
    };
    std::vector<Row> rows;
    const KeyRange range = below_it ? below(path) : KeyRange{std::string(path), std::string(path) + '\0'};
    // CROSS JOIN: from the few unwanted versions to their rows, never the other way round.
    ORACX_TRYV(db.query("SELECT r.version, r.provider, v.doomed_ms FROM version v CROSS JOIN replica r ON r.version = v.id "
                        "WHERE v.wanted = 0 AND r.due_ms IS NULL AND r.key >= ?1 AND r.key < ?2",
                        [&](const Statement& row) {
                            rows.push_back({row.integer(0), row.integer(1), time_from(row.optional_integer(2))});
                        },
                        blob(range.first), blob(range.last)));
    for (const Row& row : rows)
        ORACX_TRYV(db.run("UPDATE replica SET due_ms = ?3 WHERE version = ?1 AND provider = ?2", row.version, row.provider,
                          to_ms(removal_due(row.doomed_at))));
    return {};
}

}  // namespace oracxfs
