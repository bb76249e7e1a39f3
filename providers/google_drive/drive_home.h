#pragma once
// The provider's folder as a tree of keys: finds what is under a key, makes folders, keeps what is known up to date by the
// change feed. Every id that the tree names is looked at before it is believed. Thread-safe.

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "providers/google_drive/drive_api.h"
#include "providers/google_drive/drive_root.h"
#include "providers/google_drive/drive_tree.h"
#include "providers/google_drive/head_cache.h"
#include "providers/google_drive/id_stock.h"
#include "providers/google_drive/keyed_lock.h"
#include "providers/provider.h"

namespace oracxfs::drive {

inline constexpr int kPageSize = 1000;

bool has_internal_component(std::string_view key);

enum class Trust {
    known,  // what the change feed told within the last half minute will do
    ask,    // "it is not there" is said only after Drive was asked
};

// Something that lives, the folder it lies in, and its key (nothing: not below the root any more).
struct Located {
    FileMeta meta;
    std::string folder;
    std::optional<ObjectKey> key;
};

class DriveHome {
  public:
    DriveHome(std::unique_ptr<DriveApi> api);

    DriveApi& api() { return *api_; }
    DriveTree& tree() { return tree_; }
    IdStock& ids() { return ids_; }
    KeyedLock& locks() { return locks_; }
    HeadCache& heads() { return heads_; }
    Clock& clock() { return api_->clock(); }

    // Asks for the account and makes sure of the root folder, always anew.
    Result<Space> probe(const OpContext& ctx);
    // The root folder's id; finds it at the first call.
    Result<std::string> root(const OpContext& ctx);
    // The same for one who was here before: if nothing says otherwise, the root is `root_id` still, and the tree goes on
    // reading the change feed from `token`. Costs one request where root() costs several.
    Result<std::string> resume(const OpContext& ctx, const std::string& root_id, const std::string& token);
    void lose_root();  // it is looked for anew

    // The folders that are this directory; several only if others made twins; the oldest first. None: there is none.
    Result<std::vector<std::string>> folders(const OpContext& ctx, std::string_view directory, Trust trust);
    // The folder that new things go to; makes what is missing. not_directory if a file is in the way.
    Result<std::string> make_folders(const OpContext& ctx, std::string_view directory);
    // All that lives under the key, the oldest first; Google's documents and shortcuts are nothing.
    Result<std::vector<Located>> find_all(const OpContext& ctx, const ObjectKey& key, Trust trust);
    // By its id if it has one (not_found if that does not live; its key may be another one by now), else the oldest under
    // its key.
    Result<Located> locate(const OpContext& ctx, const RemoteObject& object);

    // The key of what lies in the folder with this id, or nothing if that is not below the root. Asks for folders that
    // nobody has seen.
    Result<std::optional<ObjectKey>> key_of_folder(const OpContext& ctx, const std::string& folder);
    // As above for a file or folder itself.
    Result<std::optional<ObjectKey>> key_of(const OpContext& ctx, const FileMeta& meta);

    // Reads the change feed unless that was done within max_age. A gap makes all folders incomplete.
    Status sync(const OpContext& ctx, Millis max_age);
    // Lists a folder's children into the tree.
    Status list_into_tree(const OpContext& ctx, const std::string& folder);
    void apply(const ChangeEntry& change);
    // A folder on the way to `folder` was not what it was taken for: looks at all of them.
    void forget_stale(const OpContext& ctx, const std::string& folder);
    void saw(const FileMeta& meta);
    // A folder that we put into the trash (or not, after all): the change feed tells of it later.
    void removes(const std::string& folder, bool gone);
    [[nodiscard]] bool removed_by_us(const std::string& folder) const;

    [[nodiscard]] static RemoteObject object_of(ObjectKey key, const FileMeta& meta);

  private:
    Status make_complete(const OpContext& ctx, const std::string& folder, Trust trust);
    Result<std::string> make_folder(const OpContext& ctx, const std::string& parent, std::string_view component);
    Result<std::optional<FileMeta>> look(const OpContext& ctx, const std::string& folder, std::string_view component,
                                         const std::string& id);
    Result<std::string> find_root(const OpContext& ctx, const About& about);

    std::unique_ptr<DriveApi> api_;
    IdStock ids_;
    DriveRoot root_finder_;
    DriveTree tree_;
    KeyedLock locks_;
    HeadCache heads_;
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> removed_;
    std::string change_token_;  // where the tree's own reading of the feed goes on; "" = not begun
    SteadyTime synced_{};
};

}  // namespace oracxfs::drive
