#pragma once
// Private to fs: the parts that the files of Filesystem share.

#include <atomic>
#include <condition_variable>
#include <set>
#include <thread>
#include <unordered_map>

#include "fs/commit_gate.h"
#include "fs/executor.h"
#include "fs/filesystem.h"
#include "fs/tree.h"
#include "fs/virtual_folder.h"

namespace oracxfs {

// How an inode number is put together.
struct View {
    std::int64_t provider = 0;  // 0 = the root view
    NodeId node;
};
inline constexpr int kProviderShift = 48;
inline constexpr Inode kReadmeInode = (Inode{1} << 62) | 1;
inline View view_of(Inode inode) {
    return {static_cast<std::int64_t>((inode >> kProviderShift) & 0x3f), NodeId{static_cast<std::int64_t>(inode & ((Inode{1} << kProviderShift) - 1))}};
}
inline Inode inode_of(std::int64_t provider, NodeId node) {
    return (static_cast<Inode>(provider) << kProviderShift) | static_cast<Inode>(node.value);
}
std::int64_t nanoseconds_now(const Clock& clock);

struct OpenHandle {
    OpenHandle(NodePtr n, std::int64_t p, bool write, bool is_readme, std::shared_ptr<VirtualFile> virtual_file)
        : node(std::move(n)), provider(p), for_write(write), readme(is_readme), made_up(std::move(virtual_file)) {}
    NodePtr node;
    std::int64_t provider = 0;
    bool for_write = false;
    bool began = false;  // made the file (also to read only) or emptied it: closing it commits that, without a byte written
    bool readme = false;
    std::shared_ptr<VirtualFile> made_up;  // a file of the virtual folder
    std::atomic<bool> in_pieces{false};
};
struct OpenDirectory {
    NodePtr node;
    std::int64_t provider = 0;
    std::vector<NodeId> children;      // positions 0..n-1
    std::vector<std::int64_t> folders; // provider folders, then
    bool readme = false;               // then README.txt
    std::optional<VirtualItem> folder; // then the virtual folder
    std::vector<VirtualItem> made_up;  // instead of all that: a folder within it
    bool is_made_up = false;
};
inline constexpr std::uint64_t kVirtualMask = kVirtualBit - 1;
inline std::uint64_t virtual_id(Inode inode) { return inode & kVirtualMask; }

struct Filesystem::Impl {
    Impl(Catalog& c, Staging& s, BlockCache& b, Replicator& r, Clock& k, FilesystemOptions o);

    // --- names ---
    Result<NodePtr> node_at(const View& view);                      // takes the tree's lock
    FileAttributes attributes_of(Node& node, std::int64_t provider);  // tree lock held (shared)
    FileAttributes readme_attributes() const;
    FileAttributes folder_attributes(std::int64_t provider) const;
    std::optional<std::int64_t> provider_named(std::string_view name) const;
    std::string provider_name(std::int64_t provider) const;
    Status check_new_name(Node& parent, std::int64_t provider, const std::string& name) const;
    Status ensure_presence(Node& directory);                        // tree lock held exclusively
    bool visible(const Node& node, std::int64_t provider) const;
    Status check_writable(std::int64_t provider) const;
    Status check_any_provider(const std::string& what);             // read_only, with the reason in the log
    Status check_online(const Node& node, std::int64_t provider);   // unavailable: see FilesystemOptions::offline_reads
    // A change came through a provider's folder: the kernel must forget what it knows of the same thing in the root.
    void changed_elsewhere(std::int64_t provider, NodeId parent, const std::string& name, NodeId node);
    void invalidate(Invalidation change);

    // --- the virtual folder (filesystem_virtual.cpp) ---
    std::shared_ptr<VirtualFolder> virtual_folder() const;          // null: none, or it is switched off
    Result<std::shared_ptr<VirtualFolder>> virtual_folder_for(Inode inode) const;  // not_found
    FileAttributes virtual_attributes(const VirtualItem& item) const;
    bool is_virtual_name(std::string_view name) const;              // in the root
    Result<FileAttributes> look_up_virtual(Inode parent, const std::string& name);
    Result<Handle> open_virtual_directory(Inode inode);
    Result<Opened> open_virtual(Inode inode, bool for_write);
    void read_virtual(const std::shared_ptr<VirtualFile>& file, std::uint64_t offset, std::size_t size, const std::stop_token& stop,
                      std::function<void(Result<ReadData>)> done);

    // --- content ---
    void unpin(const NodePtr& node);                                // tree lock held exclusively
    std::string name_of(const Node& node) const;  // takes the tree's lock
    Result<std::shared_ptr<OpenHandle>> handle(Handle h);
    // The state's mutex must be held.
    Status begin_writer(Node& node, FileState& state, bool may_fetch, const std::stop_token& stop, bool* would_wait);
    Status load_content(Node& node, FileState& state);
    // `name` is about to go: whoever has the file open keeps its content, which the catalogue may forget afterwards.
    void hold_content(Node& directory, const std::string& name);
    Status check_sealed(Node& node, FileState& state, std::uint64_t offset, std::uint64_t length);
    Status commit(const NodePtr& node, FileState& state, bool torn);
    bool is_last_close(const Node& node, std::int32_t pid);
    void empty(FileState& state, std::int64_t provider);  // the state's mutex must be held
    void after_write(Node& node, FileState& state, std::function<void(Status)> done, const std::stop_token& stop);
    void acknowledge(const NodePtr& node, const std::stop_token& stop, std::function<void(Status)> done);
    void commit_and_acknowledge(const NodePtr& node, bool torn, const std::stop_token& stop, std::function<void(Status)> done);
    std::shared_ptr<ReplicaReader> make_reader(VersionId version, std::shared_ptr<const ContentDigests> digests,
                                               std::optional<ProviderId> only);
    Result<std::shared_ptr<BlobReader>> open_remote(VersionId version, ProviderId but);
    Status rescue(VersionId version, const std::stop_token& stop);
    void note_change(VersionId version, ProviderId provider);
    void adopt(ProviderId provider, const RemoteObject& object);
    Result<bool> take_over(ProviderId provider, const RemoteObject& object, const std::stop_token& stop);
    Status adopt_directory(const std::string& key);
    void make_room(std::uint64_t bytes);
    void maintain(const std::stop_token& stop);
    void settle_temporaries();
    void event(std::string level, std::string kind, const std::string& path, Errc code, std::string message);
    void emit_progress_event(VersionId version);

    Catalog& catalog;
    Staging& staging;
    BlockCache& cache;
    Replicator& replicator;
    Clock& clock;
    FilesystemOptions options;
    LeafKey leaf_key;

    Tree tree;
    std::atomic<bool> any_presence{false};
    std::mutex handles_mutex;
    std::unordered_map<Handle, std::shared_ptr<OpenHandle>> handles;
    std::unordered_map<Handle, std::shared_ptr<OpenDirectory>> directories;
    Handle next_handle = 1;
    mutable std::mutex providers_mutex;
    std::map<std::int64_t, std::string> provider_names;  // configured ones, also inactive
    std::function<void(const Invalidation&)> on_invalidate;
    std::mutex temporaries_mutex;
    std::map<NodeId, SteadyTime> temporaries;  // closed files under temporary names, since when
    std::atomic<std::uint64_t> open_writers{0};
    CommitGate commits;  // of files that were closed
    std::atomic<std::uint64_t> buffered{0};
    std::mutex room_mutex;
    std::stop_source stopping;
    std::mutex adopt_mutex;
    std::set<std::string> adopting;
    std::int64_t started_ns = 0;
    ReadWatch read_watch{clock};
    std::mutex refusal_mutex;
    std::optional<SteadyTime> refusal_told;  // when the log last heard that there is no provider
    Executor fetchers{24};
    Executor workers{24};
    // Tells the kernel. Never from inside a request, nor with the threads that requests need: it waits for the kernel's lock
    // of the folder, which a request in that folder may hold until it is answered.
    Executor notifiers{8};
    mutable std::mutex virtual_mutex;
    std::shared_ptr<VirtualFolder> made_up_folder;
    Executor virtual_workers{16};  // not `workers`: what the folder's maker does may come back to us and need one of those
    std::jthread maintainer;
};

}  // namespace oracxfs
