#pragma once
// The file system's operations without FUSE: names, inodes, handles, contents. Speaks Result; fs/fuse_adapter turns
// errors into errno. Metadata calls never touch the network. Calls that may wait take a callback that is called exactly
// once, from any thread, and never occupy the caller.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/block_cache.h"
#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/ack.h"
#include "fs/replicator.h"

namespace oracxfs {

class VirtualFolder;

using Inode = std::uint64_t;  // node id; in provider folders: provider << 48 | node id; 1 = root
inline constexpr Inode kRootInode = 1;
inline constexpr Inode kVirtualBit = Inode{1} << 61;  // in the virtual folder: this | its id
inline bool is_virtual(Inode inode) { return (inode & kVirtualBit) != 0; }

struct FileAttributes {
    Inode inode = 0;
    bool directory = false;
    bool symlink = false;    // in the virtual folder only
    std::uint32_t mode = 0;  // permission bits
    std::uint32_t uid = 0, gid = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    std::uint32_t links = 1;
};

struct DirectoryItem {
    std::string name;
    FileAttributes attributes;
};

struct AttributeChange {
    std::optional<std::uint32_t> mode, uid, gid;
    std::optional<std::int64_t> mtime_ns;
    std::optional<std::uint64_t> size;
};

struct Caller {
    std::uint32_t uid = 0, gid = 0;
    std::int32_t pid = 0;
    std::uint32_t umask = 022;
};

struct VolumeSpace {
    std::uint64_t total_bytes = 0, free_bytes = 0;
    std::uint64_t files = 0;
};

// Either bytes in memory or a range of a local file (for splicing).
struct ReadData {
    std::vector<std::byte> bytes;
    int fd = -1;  // set: take `length` bytes at `offset` of it instead
    std::shared_ptr<const void> keeps_open;
    std::uint64_t offset = 0;
    std::size_t length = 0;
};

struct FilesystemOptions {
    AckPolicy ack;
    bool read_only = false;
    bool provider_folders_writable = true;          // what is written there goes to all providers, as in the root
    bool offline_reads = true;                      // false: nothing is opened while all providers that hold it are down
    std::uint64_t cache_bytes = 5ull << 30;         // staged content that is kept although it is replicated, and read cache
    std::uint64_t stream_from_bytes = 4ull << 20;   // files that reach this size are uploaded while being written
    std::uint32_t uid = 0, gid = 0;                 // owner of the root and the virtual files
    std::string readme;                             // content of README.txt
};

using Handle = std::uint64_t;

class Filesystem {
  public:
    Filesystem(Catalog& catalog, Staging& staging, BlockCache& cache, Replicator& replicator, Clock& clock,
               FilesystemOptions options);
    ~Filesystem();
    Filesystem(const Filesystem&) = delete;
    Filesystem& operator=(const Filesystem&) = delete;

    // Called when something changed that the kernel may have cached (foreign changes, presence at a provider).
    // entry: parent + name; inode: its attributes and content. Called without locks, from a thread of our own.
    struct Invalidation {
        Inode parent = 0;
        std::string name;
        Inode inode = 0;
    };
    void set_on_invalidate(std::function<void(const Invalidation&)> on_invalidate);
    // One folder of somebody else's making in the root (see fs/virtual_folder.h); a file or folder of the same name hides it.
    // It may be taken away again (null) while calls are under way: they still end.
    void set_virtual_folder(std::shared_ptr<VirtualFolder> folder);
    // Calls `done` once, when names below `inode` can be told: at once, but for some virtual folders.
    void prepare(Inode inode, const std::stop_token& stop, std::function<void(Status)> done);

    // --- names: never wait -----------------------------------------------------------------------------------------
    Result<FileAttributes> lookup(Inode parent, const std::string& name);  // counts one reference
    void forget(Inode inode, std::uint64_t count);
    Result<FileAttributes> attributes(Inode inode);
    Result<FileAttributes> make_directory(Inode parent, const std::string& name, std::uint32_t mode, const Caller& caller);
    Status remove(Inode parent, const std::string& name);
    Status remove_directory(Inode parent, const std::string& name);
    // A stable snapshot for one opendir; `.` and `..` are not in it.
    Result<Handle> open_directory(Inode inode);
    // Items from position `from` on, until `take` returns false. With `references` each item taken counts as a lookup.
    Status read_directory(Handle handle, std::uint64_t from, bool references,
                          const std::function<bool(const DirectoryItem&)>& take);
    void close_directory(Handle handle);
    Result<VolumeSpace> space(Inode inode);

    Result<std::string> xattr(Inode inode, const std::string& name);
    Result<std::vector<std::string>> xattr_names(Inode inode);
    Status set_xattr(Inode inode, const std::string& name, const std::string& value, bool create, bool replace);
    Status remove_xattr(Inode inode, const std::string& name);

    // --- files -----------------------------------------------------------------------------------------------------
    struct Opened {
        FileAttributes attributes;
        Handle handle = 0;
        bool keep_cache = false;  // content is the same as at the last open
    };
    // `truncate`: empties the file if there is one of this name already.
    Result<Opened> create(Inode parent, const std::string& name, std::uint32_t mode, bool exclusive, bool for_write,
                          const Caller& caller, bool truncate = false);
    Result<Opened> open(Inode inode, bool for_read, bool for_write, bool truncate);
    void release(Handle handle);
    // Where a symbolic link of the virtual folder points to.
    void read_link(Inode inode, const std::stop_token& stop, std::function<void(Result<std::string>)> done);

    void read(Handle handle, std::uint64_t offset, std::size_t size, const std::stop_token& stop,
              std::function<void(Result<ReadData>)> done);
    // From now on what is read through this handle is fetched as it is asked for, and nothing that may follow: for who knows
    // where he will stop.
    void read_in_pieces(Handle handle, bool in_pieces);
    // The data is taken before the call returns; `done` comes later when the writer has to be slowed down.
    void write(Handle handle, std::uint64_t offset, std::span<const std::byte> data, const std::stop_token& stop,
               std::function<void(Status)> done);
    void set_attributes(Inode inode, std::optional<Handle> handle, const AttributeChange& change,
                        const std::stop_token& stop, std::function<void(Result<FileAttributes>)> done);
    void flush(Handle handle, const Caller& caller, const std::stop_token& stop, std::function<void(Status)> done);
    void fsync(Handle handle, const std::stop_token& stop, std::function<void(Status)> done);
    void fsync_directory(Inode inode, const std::stop_token& stop, std::function<void(Status)> done);
    // Calls `done` once, when what was closed before is in the catalogue: from now on the replicator knows of it. At once, or
    // in another thread.
    void when_closed(std::function<void()> done);
    void rename(Inode parent, const std::string& name, Inode new_parent, const std::string& new_name, bool no_replace,
                const std::stop_token& stop, std::function<void(Status)> done);

    // --- the rest of the program -----------------------------------------------------------------------------------
    void providers_changed();  // configuration was reloaded
    // Takes over what lies at a provider and is not in the catalogue: at once, where otherwise the provider's next listings
    // would find it. Blocks until all bytes were read; then they are on this machine and wanted at every active provider.
    // False: nothing is to be taken (its name is known already, or belongs to oracxfs).
    Result<bool> adopt(ProviderId provider, const RemoteObject& object, const std::stop_token& stop);
    void stop();               // no more work of our own; call before the replicator stops
    // Evicts replicated content from staging until `bytes` are freed, if it can. For StagingOptions::make_room.
    void make_room(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t open_writers() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs
