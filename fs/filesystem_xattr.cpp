// Filesystem: extended attributes. user.oracxfs.* tell about a file's replicas; other user.* belong to the user and stay in
// the catalogue; all other name spaces are refused as "not supported", which makes tools stop asking.

#include <algorithm>

#include "fs/filesystem_impl.h"

namespace oracxfs {
namespace {

constexpr std::string_view kPrefix = "user.oracxfs.";
constexpr std::string_view kReplicaPrefix = "replica.";
constexpr std::string_view kRemoteIdPrefix = "remote_id.";

bool is_user(std::string_view name) { return name.starts_with("user."); }

}  // namespace

Result<std::string> Filesystem::xattr(Inode inode, const std::string& name) {
    Impl& self = *impl_;
    if (!is_user(name)) return fail(Errc::unsupported, name);
    if (inode == kReadmeInode || is_virtual(inode)) return fail(Errc::not_found, name);
    const View view = view_of(inode);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    NodeRow row;
    bool stored = false, writing = false;
    {
        const std::shared_lock lock(self.tree.mutex);
        row = node->row;
        stored = node->stored;
        writing = node->file && node->file->live_size >= 0;
    }
    if (!name.starts_with(kPrefix)) {
        if (stored) {
            ORACX_TRY(const std::optional<std::string> value, self.catalog.xattr(row.id, name));
            if (value) return *value;
        }
        const std::shared_lock lock(self.tree.mutex);
        if (node->file)
            if (const auto found = node->file->xattrs.find(name); found != node->file->xattrs.end()) return found->second;
        return fail(Errc::not_found, name);
    }
    if (node->directory) return fail(Errc::not_found, name);
    const std::string_view what = std::string_view(name).substr(kPrefix.size());
    std::vector<ReplicaRow> replicas;
    if (row.version) {
        ORACX_TRY(replicas, self.catalog.replicas(row.version));
    }
    const auto active = self.replicator.active();
    const auto is_active = [&](ProviderId id) { return std::find(active.begin(), active.end(), id) != active.end(); };
    std::size_t verified = 0, stored_somewhere = 0;
    std::optional<WallTime> oldest_check;
    std::string error;
    for (const ReplicaRow& replica : replicas) {
        if (!is_active(replica.provider)) continue;
        if (replica.state == ReplicaState::verified) {
            verified += 1;
            if (replica.verified_at && (!oldest_check || *replica.verified_at < *oldest_check)) oldest_check = replica.verified_at;
        }
        stored_somewhere += replica.state == ReplicaState::stored;
        if (error.empty()) error = replica.error_code;
    }
    if (what == "state") {
        if (row.torn) return "torn";
        if (writing) return "writing";
        if (row.local_only) return "local";
        if (!row.version) return "empty";
        if (!active.empty() && verified == active.size()) return "verified";
        if (verified > 0) return "degraded";
        return stored_somewhere > 0 ? "stored" : "queued";
    }
    if (what == "copies") return std::to_string(verified) + "/" + std::to_string(active.size());
    if (what == "sha256") {
        if (!row.version) return fail(Errc::not_found, name);
        ORACX_TRY(const VersionRow version, self.catalog.version(row.version));
        return to_hex(version.sha256);
    }
    if (what == "verified_at" && oldest_check) return format_utc(*oldest_check);
    if (what == "created_at") return format_utc(wall_from_ms(row.created_ns / 1'000'000));
    if (what == "error" && !error.empty()) return error;
    if (what == "progress") {
        std::uint64_t sent = 0, total = 0;
        for (const ReplicaRow& replica : replicas) {
            total += row.size;
            if (replica.state == ReplicaState::verified || replica.state == ReplicaState::stored) sent += row.size;
        }
        for (const TransferProgress& transfer : self.replicator.transfers())
            if (transfer.version == row.version) sent += transfer.bytes;
        return std::to_string(total == 0 ? 1000 : std::min<std::uint64_t>(1000, sent * 1000 / total));
    }
    for (const std::string_view prefix : {kReplicaPrefix, kRemoteIdPrefix}) {
        if (!what.starts_with(prefix)) continue;
        const auto provider = self.provider_named(what.substr(prefix.size()));
        if (!provider) break;
        for (const ReplicaRow& replica : replicas) {
            if (replica.provider.value != *provider) continue;
            if (prefix == kRemoteIdPrefix) return replica.remote_id.empty() ? replica.key : replica.remote_id;
            std::string text(to_string(replica.state));
            text += ";" + (replica.verified_at ? format_utc(*replica.verified_at) : std::string());
            return text + ";rev=" + replica.remote_rev;
        }
    }
    return fail(Errc::not_found, name);
}

Result<std::vector<std::string>> Filesystem::xattr_names(Inode inode) {
    Impl& self = *impl_;
    std::vector<std::string> names;
    if (inode == kReadmeInode || is_virtual(inode)) return names;
    const View view = view_of(inode);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    if (view.provider != 0 && view.node == kRootNode) return names;
    if (!node->directory) {
        // Only these two are listed, so that `cp -a` of a tree stays quiet; the others answer by name.
        names.push_back(std::string(kPrefix) + "state");
        names.push_back(std::string(kPrefix) + "sha256");
    }
    ORACX_TRY(const std::vector<std::string> own, self.catalog.xattr_names(node->row.id));
    names.insert(names.end(), own.begin(), own.end());
    const std::shared_lock lock(self.tree.mutex);
    if (node->file)
        for (const auto& [name, value] : node->file->xattrs)
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return names;
}

Status Filesystem::set_xattr(Inode inode, const std::string& name, const std::string& value, bool create, bool replace) {
    Impl& self = *impl_;
    if (is_virtual(inode)) return fail(Errc::read_only, name);
    ORACX_TRYV(self.check_writable(view_of(inode).provider));
    if (!is_user(name)) return fail(Errc::unsupported, name);
    // Copied along by `cp -a` from one mount to another; the truth is our own.
    if (name.starts_with(kPrefix)) return {};
    if (inode == kReadmeInode) return fail(Errc::read_only, name);
    const View view = view_of(inode);
    if (view.provider != 0 && view.node == kRootNode) return fail(Errc::not_permitted, name);
    ORACX_TRY(const NodePtr node, self.node_at(view));
    const std::unique_lock lock(self.tree.mutex);
    bool exists = false;
    if (node->stored) {
        ORACX_TRY(const std::optional<std::string> old, self.catalog.xattr(node->row.id, name));
        exists = old.has_value();
    } else if (node->file) {
        exists = node->file->xattrs.contains(name);
    }
    if (create && exists) return fail(Errc::exists, name);
    if (replace && !exists) return fail(Errc::not_found, name);
    if (node->stored) return self.catalog.set_xattr(node->row.id, name, value);
    if (node->file) node->file->xattrs[name] = value;  // goes to the catalogue with the first commit
    return {};
}

Status Filesystem::remove_xattr(Inode inode, const std::string& name) {
    Impl& self = *impl_;
    if (is_virtual(inode)) return fail(Errc::read_only, name);
    ORACX_TRYV(self.check_writable(view_of(inode).provider));
    if (!is_user(name)) return fail(Errc::unsupported, name);
    if (inode == kReadmeInode) return fail(Errc::read_only, name);
    ORACX_TRY(const NodePtr node, self.node_at(view_of(inode)));
    const std::unique_lock lock(self.tree.mutex);
    if (!node->stored) {
        if (node->file && node->file->xattrs.erase(name) > 0) return {};
        return fail(Errc::not_found, name);
    }
    return self.catalog.remove_xattr(node->row.id, name);
}

}  // namespace oracxfs
