#pragma once
// One place that keeps replicas: a folder on a disk, an SFTP account, a cloud. The narrow interface that everything else
// wraps (decorators) or drives (fs/replicator).
//
// Keys: relative paths, '/' between components, no leading '/', no "." or ".." and no empty component; any other byte
// except NUL and '/' may occur, names are not always UTF-8. "" is the provider's root folder (as configured).
// Threads: every method may be called from any thread, at most capabilities().parallel_max calls at once.
// Waits: until done, ctx.stop (then Errc::cancelled within 0.2 s) or ctx.deadline.
// Nothing partial is ever visible under a final key; leftovers of interrupted uploads carry names that
// is_internal_name() knows and list() hides from its entries (but reports as leftovers).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/blob.h"
#include "base/clock.h"
#include "base/op_context.h"
#include "base/result.h"

namespace oracxfs {

using ObjectKey = std::string;

// Facts about a provider, no I/O. Constant after construction unless a comment says so.
struct Capabilities {
    bool resumable = false;         // an interrupted put can go on at an offset, also after a restart
    bool keeps_versions = false;    // replaced and removed objects are recoverable by the provider's own means
    bool duplicate_names = false;   // several objects may carry one key (Drive)
    bool case_insensitive = false;  // "A" and "a" are the same key (Dropbox)
    bool verifies_in_put = false;   // a successful put has already compared the stored bytes with the digests
    bool change_feed = false;       // changes() works
    bool reads_back = false;        // put (if it verifies) and verify look at the stored bytes, not at a hash of the provider
    bool sets_mtime = false;        // PutOptions.mtime_ns is stored
    bool reads_on = false;          // a read that begins where the one before ended costs much less than any other
    DigestSet wanted_digests;       // digests beyond sha256 that put/verify need
    std::uint32_t parallel_max = 2; // calls at once
    std::uint32_t batch_max = 1;    // requests in one put_batch that gain from being together
    std::uint64_t small_bytes = 0;  // files up to this size are worth batching
    std::uint64_t max_object_bytes = UINT64_MAX;
    std::uint32_t max_name_bytes = 255;  // one component
    Millis poll_interval{30'000};   // how often a listing, or else the change feed, is looked at for foreign changes
};

struct Space {
    std::optional<std::uint64_t> total_bytes;  // nothing: unknown
    std::optional<std::uint64_t> free_bytes;
};

// What a provider holds under a key.
struct RemoteObject {
    ObjectKey key;
    std::string id;             // the provider's own identity, "" if the key is the identity
    std::string rev;            // changes when the content changes; compared for equality only, never empty for files
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;  // 0: unknown
    bool is_directory = false;
    std::optional<Sha256> sha256;  // if the provider told it for free
    bool operator==(const RemoteObject&) const = default;
};

struct PutOptions {
    // What must be there before: nothing (Errc::exists otherwise, and nothing is changed), or exactly this object, which
    // is replaced in one step (Errc::changed if something else is there now). The replaced bytes stay recoverable for
    // kinds with keeps_versions == false by a move into the trash folder first, if keep_replaced is set.
    std::optional<RemoteObject> replaces;
    bool keep_replaced = true;
    std::int64_t mtime_ns = 0;  // 0: leave it to the provider
    // Names the upload across restarts; unique per installation and version, [0-9a-z-]{1,64}.
    std::string upload_id;
    // Opaque, from an earlier on_progress of the same upload_id and the same bytes; "" = from the start. A put that
    // cannot use it starts anew by itself.
    std::string resume_state;
    // Called from put's thread, a few times a second or every few MiB, and at its end: bytes that the provider has taken for
    // certain, and the state to persist for resuming ("" if not resumable).
    std::function<void(std::uint64_t acknowledged_bytes, const std::string& resume_state)> on_progress;
};

struct PutResult {
    RemoteObject object;
    bool verified = false;  // the stored bytes were compared with the blob's digests (or with the blob itself)
    std::uint64_t resumed_from = 0;
};

struct PutRequest {
    ObjectKey key;
    std::shared_ptr<BlobReader> content;  // sealed
    PutOptions options;
};

enum class RemoveMode { trash, permanent };  // trash: recoverable (trash folder or the provider's own)

struct ListPage {
    std::vector<RemoteObject> entries;   // files and directories, without internal names
    std::vector<RemoteObject> leftovers; // internal upload names of any installation
    std::string next;                    // pass to the next call; "" = that was the last page
};

// What somebody (also we ourselves) did at the provider since a cursor.
struct Change {
    RemoteObject object;  // if gone: only the key, or only the id where the key is no longer known
    bool gone = false;    // removed, trashed or moved out of the root folder; with everything below it
    // There may be more to it than the feed tells: a folder that came from elsewhere with all that is in it, or one that
    // is gone and whose key is no longer known. Only a listing shows the rest.
    bool untold = false;
};
struct ChangePage {
    std::vector<Change> changes;
    std::string next;   // pass to the next call
    bool more = false;  // there is more right now
};

// Receives bytes in order; returns false to stop early (then read returns success).
using ByteSink = std::function<bool(std::span<const std::byte>)>;

class Provider {
  public:
    virtual ~Provider() = default;

    [[nodiscard]] virtual const Capabilities& capabilities() const = 0;

    // Logs in, reaches (and if need be creates) the root folder, asks for space. Errors: unavailable, unauthenticated,
    // host_key_unknown, host_key_changed, denied, config (e.g. a local path inside the mount).
    virtual Result<Space> probe(const OpContext& ctx) = 0;

    // Uploads the whole content under `key`, creating parent directories. All or nothing visible. `content` may still be
    // growing: the object becomes visible only after it was sealed. Same key and same bytes twice = one object.
    // Errors: exists, changed (see PutOptions; also when the blob changed), quota_full, too_large, name_refused, denied,
    // unauthenticated, throttled, unavailable, outcome_unknown (call stat before repeating), cancelled, deadline.
    // After a failed put at most a leftover remains that discard_upload() removes; a resumable leftover is kept when the
    // error is unavailable, outcome_unknown, cancelled or deadline, and removed otherwise where that is possible.
    virtual Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                                  const PutOptions& options) = 0;

    // Many small sealed files at once; `done(i, result)` is called exactly once for each, in any order, from this thread.
    // The default calls put() one by one.
    virtual void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                           const std::function<void(std::size_t, Result<PutResult>)>& done);

    // Removes what an interrupted upload left behind; absent = success.
    virtual Status discard_upload(const OpContext& ctx, const ObjectKey& key, const std::string& upload_id,
                                  const std::string& resume_state) = 0;

    // not_found when absent. Directories too.
    virtual Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) = 0;

    // Streams up to `length` bytes from `offset` into `sink`; less only at the end of the object. changed if the object's
    // rev is known to differ from `object.rev`.
    virtual Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length,
                        const ByteSink& sink) = 0;

    // Compares the stored bytes with the digests, by the provider's own hash if it has one, else by reading back.
    // corrupt if they differ, not_found if absent.
    virtual Status verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) = 0;

    // Everything below `directory`, recursively, page by page. Trash is not listed.
    virtual Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) = 0;

    // Absent = success. Errc::changed if object.rev is not empty and another object is there now (nothing is removed).
    virtual Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) = 0;

    // Moves a file or directory natively; creates the parents of `to`. `replaces` as in PutOptions (files only).
    // exists when something else is at `to`, not_found when the source is gone.
    virtual Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                        const std::optional<RemoteObject>& replaces) = 0;

    // Both succeed when the work is already done. remove_directory: not_empty if something (also foreign) is in it.
    virtual Result<RemoteObject> make_directory(const OpContext& ctx, const ObjectKey& key) = 0;
    virtual Status remove_directory(const OpContext& ctx, const ObjectKey& key) = 0;

    // Kinds with change_feed. "" as the cursor: a cursor for "from now on", and no changes. A cursor serves other processes
    // and later ones too, as long as the folder is the same. changed: the provider has forgotten the cursor, or it belongs
    // to another folder; list everything once and begin anew.
    virtual Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor);
    // Waits until something changed after the cursor (long poll), also by us: true; false when the provider ended the wait
    // without a change. changed: as for changes(). unsupported: there is no such way, poll.
    virtual Result<bool> wait_for_changes(const OpContext& ctx, const std::string& cursor);

    // Older contents of the object's key that can still be had, newest first: those that the provider keeps, or what lies in
    // our trash folder. read() takes them as they are.
    virtual Result<std::vector<RemoteObject>> versions(const OpContext& ctx, const RemoteObject& object);

    // Deletes trash entries older than `age` for good; returns how many. Kinds with keeps_versions: 0.
    virtual Result<std::uint64_t> purge_trash(const OpContext& ctx, Millis age) = 0;
};

// ".oracxfs-trash", ".oracxfs-<id>.part", ".oracxfs-probe-...": names that belong to this product at a provider. They are
// refused as file names in the mount.
bool is_internal_name(std::string_view component);
inline constexpr std::string_view kTrashFolder = ".oracxfs-trash";
// ".oracxfs-<upload_id>.part"
std::string part_name(std::string_view upload_id);
// "20261123-203628-1a2b3c4d/<key>": where a removed object goes below kTrashFolder; the time can be read back.
std::string trash_entry(WallTime now, const ObjectKey& key);
std::optional<WallTime> trash_entry_time(std::string_view first_component);

// invalid unless `key` obeys the rules at the top of this file ("" is allowed: the root).
Status check_key(const ObjectKey& key);
std::string_view parent_key(std::string_view key);  // "a/b" -> "a", "a" -> ""
std::string_view base_name(std::string_view key);   // "a/b" -> "b"

}  // namespace oracxfs
