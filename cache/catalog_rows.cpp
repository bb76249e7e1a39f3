#include "cache/catalog_rows.h"

#include <algorithm>
#include <array>

namespace oracxfs {
namespace {

constexpr std::array<std::string_view, 8> kReplicaStates = {"queued",  "uploading", "stored", "verified",
                                                            "missing", "damaged",   "failed", "paused"};
constexpr std::array<std::string_view, 4> kFates = {"current", "superseded", "doomed", "torn"};
constexpr std::array<std::string_view, 7> kProviderStates = {"active", "inactive", "degraded", "auth_needed",
                                                             "full",   "offline",  "blocked"};
static_assert(static_cast<std::size_t>(ReplicaState::paused) + 1 == kReplicaStates.size());
static_assert(static_cast<std::size_t>(VersionFate::torn) + 1 == kFates.size());
static_assert(static_cast<std::size_t>(ProviderState::blocked) + 1 == kProviderStates.size());

template <class Enum, std::size_t N>
std::optional<Enum> enum_from(const std::array<std::string_view, N>& names, std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

std::uint64_t unsigned_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::uint32_t narrow(std::int64_t value) { return static_cast<std::uint32_t>(value); }

}  // namespace

std::string_view to_string(ReplicaState state) { return kReplicaStates.at(static_cast<std::size_t>(state)); }
std::string_view to_string(VersionFate fate) { return kFates.at(static_cast<std::size_t>(fate)); }
std::string_view to_string(ProviderState state) { return kProviderStates.at(static_cast<std::size_t>(state)); }
std::optional<ReplicaState> replica_state_from(std::string_view text) {
    return enum_from<ReplicaState>(kReplicaStates, text);
}
std::optional<VersionFate> version_fate_from(std::string_view text) { return enum_from<VersionFate>(kFates, text); }
std::optional<ProviderState> provider_state_from(std::string_view text) {
    return enum_from<ProviderState>(kProviderStates, text);
}

std::optional<WallTime> time_from(std::optional<std::int64_t> ms) {
    if (!ms) return std::nullopt;
    return wall_from_ms(*ms);
}
std::optional<std::int64_t> ms_of(const std::optional<WallTime>& time) {
    if (!time) return std::nullopt;
    return to_ms(*time);
}

Sha256 sha256_from(std::string_view bytes) {
    Sha256 value{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), value.size()), value.begin());
    return value;
}

NodeRow node_from(const sqlite::Statement& row, int first) {
    NodeRow node;
    node.id = {row.integer(first)};
    node.parent = {row.integer(first + 1)};
    node.name = row.bytes(first + 2);
    node.kind = row.bytes(first + 3) == "directory" ? NodeKind::directory : NodeKind::file;
    node.mode = narrow(row.integer(first + 4));
    node.uid = narrow(row.integer(first + 5));
    node.gid = narrow(row.integer(first + 6));
    node.mtime_ns = row.integer(first + 7);
    node.ctime_ns = row.integer(first + 8);
    node.created_ns = row.integer(first + 9);
    node.version = {row.integer(first + 10)};  // NULL reads as 0
    node.size = unsigned_of(row.integer(first + 11));
    node.local_only = row.integer(first + 12) != 0;
    node.torn = row.integer(first + 13) != 0;
    return node;
}

// The CHECK constraints let no other word in, so an unknown one is a damaged page that no checksum caught: the fallbacks
// are those that lose nothing.
VersionRow version_from(const sqlite::Statement& row, int first) {
    VersionRow version;
    version.id = {row.integer(first)};
    version.node = {row.integer(first + 1)};
    version.fate = version_fate_from(row.bytes(first + 2)).value_or(VersionFate::current);
    version.size = unsigned_of(row.integer(first + 3));
    version.sha256 = sha256_from(row.bytes(first + 4));
    version.staged = row.text(first + 5);
    version.created = wall_from_ms(row.integer(first + 6));
    return version;
}

ReplicaRow replica_from(const sqlite::Statement& row, int first) {
    ReplicaRow replica;
    replica.version = {row.integer(first)};
    replica.provider = {row.integer(first + 1)};
    replica.state = replica_state_from(row.bytes(first + 2)).value_or(ReplicaState::queued);
    replica.key = row.text(first + 3);
    replica.intent_key = row.text(first + 4);
    replica.attempts = narrow(row.integer(first + 5));
    replica.due = time_from(row.optional_integer(first + 6));
    replica.error_code = row.text(first + 7);
    replica.error_text = row.text(first + 8);
    replica.remote_id = row.text(first + 9);
    replica.remote_rev = row.text(first + 10);
    replica.remote_mtime_ns = row.integer(first + 11);
    replica.verified_at = time_from(row.optional_integer(first + 12));
    return replica;
}

SessionRow session_from(const sqlite::Statement& row, int first) {
    SessionRow session;
    session.version = {row.integer(first)};
    session.provider = {row.integer(first + 1)};
    session.key = row.text(first + 2);
    session.resume_state = row.text(first + 3);
    session.acknowledged_bytes = unsigned_of(row.integer(first + 4));
    return session;
}

DirectoryRow directory_from(const sqlite::Statement& row, int first) {
    DirectoryRow directory;
    directory.node = {row.integer(first)};
    directory.provider = {row.integer(first + 1)};
    directory.key = row.text(first + 2);
    directory.wanted = row.integer(first + 3) != 0;
    directory.attempts = narrow(row.integer(first + 4));
    directory.due = time_from(row.optional_integer(first + 5));
    directory.error_text = row.text(first + 6);
    directory.intent_key = row.text(first + 7);
    return directory;
}

}  // namespace oracxfs
