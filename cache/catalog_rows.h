#pragma once
// Columns to structs and back, for the catalogue's own files.

#include "cache/catalog.h"
#include "cache/sqlite.h"

namespace oracxfs {

// Column lists that the readers below expect, for tables under the alias n, v, r, s, d.
#define ORACX_NODE_COLUMNS                                                                                       \
    "n.id, n.parent, n.name, n.kind, n.mode, n.uid, n.gid, n.mtime_ns, n.ctime_ns, n.created_ns, n.version, n.size, " \
    "n.local_only, n.torn"
#define ORACX_VERSION_COLUMNS "v.id, v.node, v.fate, v.size, v.sha256, v.staged, v.created_ms"
#define ORACX_REPLICA_COLUMNS                                                                                      \
    "r.version, r.provider, r.state, r.key, r.intent_key, r.attempts, r.due_ms, r.error_code, r.error_text, r.remote_id, " \
    "r.remote_rev, r.remote_mtime_ns, r.verified_ms"
#define ORACX_SESSION_COLUMNS "s.version, s.provider, s.key, s.resume_state, s.acknowledged_bytes"
#define ORACX_DIRECTORY_COLUMNS "d.node, d.provider, d.key, d.wanted, d.attempts, d.due_ms, d.error_text, d.intent_key"

// `first`: the column with which the list begins.
NodeRow node_from(const sqlite::Statement& row, int first = 0);
VersionRow version_from(const sqlite::Statement& row, int first = 0);
ReplicaRow replica_from(const sqlite::Statement& row, int first = 0);
inline constexpr int kReplicaColumnCount = 13;
SessionRow session_from(const sqlite::Statement& row, int first = 0);
DirectoryRow directory_from(const sqlite::Statement& row, int first = 0);

Sha256 sha256_from(std::string_view bytes);
std::optional<WallTime> time_from(std::optional<std::int64_t> ms);
std::optional<std::int64_t> ms_of(const std::optional<WallTime>& time);
std::optional<VersionFate> version_fate_from(std::string_view text);
std::optional<ProviderState> provider_state_from(std::string_view text);

}  // namespace oracxfs
