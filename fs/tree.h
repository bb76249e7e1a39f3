#pragma once
// Private to fs: the part of the catalogue's tree that was looked at, in memory. Directories are loaded whole at the first
// look; nothing is written here without having been written to the catalogue first (files that were created but never
// closed excepted: they exist only here).
//
// Locking: a file's FileState::mutex first, then `Tree::mutex`, which guards names and rows (shared to read). A FileState
// is made and freed under the tree's lock held exclusively, and lives while Node::handles is not 0. No provider is called
// and nobody is called back under either lock.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/replica_reader.h"

namespace oracxfs {

struct Node;

// What an open (or not yet committed) file needs; shared by all its handles.
struct FileState {
    std::mutex mutex;
    unsigned writers = 0;             // handles opened for writing
    std::unique_ptr<StagedWriter> writer;
    VersionId writer_version;
    bool dirty = false;               // bytes or size changed since the last commit
    bool wrote_bytes = false;         // ... by write(), not only by O_TRUNC or create
    bool truncated = false;           // the next writer starts empty instead of from the current content
    bool streaming = false;           // the upload of the writer's bytes has begun
    bool failed = false;              // a write failed: the content is not what its writer meant
    bool not_through_root = false;    // some of it came through a provider's folder: the kernel has other pages in the root
    std::atomic<std::int64_t> mtime_ns{0};   // of the last write, 0 = none since the last commit
    std::atomic<std::int64_t> live_size{-1}; // while it differs from the row's; -1 = it does not
    std::map<std::string, std::string> xattrs;  // set before the first commit; guarded by the tree's lock
    // Content of the current version: a local copy, or a reader of replicas.
    VersionId content_version;
    std::shared_ptr<StagedBlob> sealed;
    std::vector<bool> checked;        // leaves of `sealed` that were compared with their tags; empty = written in this run
    std::shared_ptr<ReplicaReader> reader;
    std::map<std::int64_t, std::shared_ptr<ReplicaReader>> provider_readers;  // for provider folders
};

// Nodes by their name, whose bytes are kept in the node alone.
struct NodeName {
    using is_transparent = void;
    static std::string_view of(std::string_view name) noexcept { return name; }
    static std::string_view of(const Node* node) noexcept;
    std::size_t operator()(const auto& one) const noexcept { return std::hash<std::string_view>()(of(one)); }
    bool operator()(const auto& one, const auto& other) const noexcept { return of(one) == of(other); }
};

struct DirectoryState {
    bool loaded = false;
    std::atomic<bool> presence_loaded{false};
    std::unordered_set<Node*, NodeName, NodeName> children;
};

// There is one for each name that was looked at: its size is what a large tree takes.
struct Node {
    NodeRow row;
    Node* parent = nullptr;
    std::unique_ptr<DirectoryState> directory;
    std::unique_ptr<FileState> file;
    std::atomic<std::uint64_t> references{0};  // the kernel's, of all views
    ProviderMask present = 0;                  // valid when the parent's presence is loaded
    VersionId kernel_version;                  // content that the kernel may hold in its cache; tree lock
    std::atomic<unsigned> handles{0};          // open handles, and calls that use `file` without one
    bool stored = false;                       // the catalogue has it
    std::atomic<bool> unlinked{false};         // set under the tree's lock, may be read without

    // Tree lock held exclusively; counts a handle.
    FileState& pin() {
        handles += 1;
        if (!file) file = std::make_unique<FileState>();
        return *file;
    }
    FileState& state() { return *file; }  // pinned
};
using NodePtr = std::shared_ptr<Node>;

inline std::string_view NodeName::of(const Node* node) noexcept { return node->row.name; }

struct NodeNumber {
    using is_transparent = void;
    static NodeId of(NodeId id) noexcept { return id; }
    static NodeId of(const NodePtr& node) noexcept { return node->row.id; }
    std::size_t operator()(const auto& one) const noexcept { return std::hash<NodeId>()(of(one)); }
    bool operator()(const auto& one, const auto& other) const noexcept { return of(one) == of(other); }
};

class Tree {
  public:
    explicit Tree(Catalog& catalog) : catalog_(catalog) {}

    Status load_root();
    // All below need `mutex` held: exclusive unless they say shared.
    Status load_children(Node& directory);                     // does nothing when loaded
    Result<Node*> child(Node& directory, std::string_view name);  // null = absent
    Node* loaded_child(Node& directory, std::string_view name) const;  // shared; null if absent (directory is loaded)
    NodePtr find(NodeId id) const;                             // shared; null if not in memory
    Result<NodePtr> get(NodeId id);                            // loads it (and its parents) if need be
    NodePtr add(NodeRow row, Node* parent);                    // links it into its parent
    void link(Node& node, Node& parent, std::string name);     // under a name nobody has
    void unlink(Node& node);                                   // takes the name away; the node stays until nobody refers to it
    void forget_if_unused(const NodePtr& node);                // unlinked or never stored, no references, no handles
    [[nodiscard]] std::string path(const Node& node) const;    // shared; "a/b", root = ""
    Node& root() { return *root_; }

    mutable std::shared_mutex mutex;

  private:
    Catalog& catalog_;
    NodePtr root_;
    std::unordered_set<NodePtr, NodeNumber, NodeNumber> nodes_;
};

}  // namespace oracxfs
