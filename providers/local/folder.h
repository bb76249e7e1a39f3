#pragma once
// A folder tree reached only through its open root, one name at a time: whatever symbolic links somebody planted in it,
// nothing outside is ever opened, changed or followed.

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "providers/provider.h"

namespace oracxfs::local {

// What the kernel and the file system can do. Starts hopeful; whoever hits a refusal clears the flag and takes the
// other way from then on. Tests clear flags beforehand.
struct Features {
    std::atomic<bool> openat2 = true;     // resolve whole paths safely in one call
    std::atomic<bool> tmpfile = true;     // files without a name (O_TMPFILE) that can be linked in later
    std::atomic<bool> exchange = true;    // renameat2(RENAME_EXCHANGE)
    std::atomic<bool> no_replace = true;  // renameat2(RENAME_NOREPLACE)
    std::atomic<bool> hard_links = true;
    // Inode numbers last as long as the file. FAT makes them up anew whenever it likes.
    std::atomic<bool> stable_inodes = true;
    // Held between the look and the move where no call does both: of several of our own moves to one name, one wins.
    std::mutex look_and_move;
};

// The error of a system call on provider storage, in the provider's vocabulary.
Error io_error(int err, std::string what, const ObjectKey& key = {});

// Directories whose names must be made durable before a success is reported; each is synced once.
class DirtyDirectories {
  public:
    // `directory` may be an O_PATH descriptor; `key` only tells directories apart.
    Status add(const ObjectKey& key, int directory);
    // outcome_unknown if one of them cannot be synced.
    Status sync();

  private:
    std::map<ObjectKey, UniqueFd> directories_;
};

// Not owner of features; thread-safe.
class Folder {
  public:
    Folder(UniqueFd root, Features& features) : root_(std::move(root)), features_(features) {}

    [[nodiscard]] int root() const { return root_.get(); }
    [[nodiscard]] Features& features() const { return features_; }

    // An O_PATH descriptor of a directory. not_found, not_directory, denied (a symbolic link is in the way).
    [[nodiscard]] Result<UniqueFd> open_directory(const ObjectKey& key) const;
    // The same, creating what is missing; what it created is added to `dirty`.
    [[nodiscard]] Result<UniqueFd> make_directories(const ObjectKey& key,
                                                    DirtyDirectories& dirty) const;

  private:
    [[nodiscard]] Result<UniqueFd> walk(const ObjectKey& key, DirtyDirectories* create) const;

    UniqueFd root_;
    Features& features_;
};

// Never follows a link. not_found when absent.
Result<struct stat> status_of(int directory, const std::string& name, const ObjectKey& key);
// Opens a regular file for reading. not_found, is_directory, denied for everything that is neither.
Result<UniqueFd> open_file(int directory, const std::string& name, const ObjectKey& key);

// "size-mtime-inode": survives chmod, link and rename, changes with the content. Without stable inodes the last is 0.
std::string rev_of(const struct stat& status, const Features& features);
RemoteObject object_of(const ObjectKey& key, const struct stat& status, const Features& features);
// Whether the file system of `fd` keeps inode numbers.
bool has_stable_inodes(int fd);

// Moves a name and fails with EEXIST rather than replace; returns 0 or an errno. For file systems that lack the atomic
// call a link does it, and where links are missing too a look before the move has to do.
int rename_no_replace(Features& features, int from_directory, const std::string& from,
                      int to_directory, const std::string& to);

// fsync; file systems that have no such thing for directories say EINVAL, which is fine.
int sync_directory(int directory);

// name_too_long if a component cannot be stored, invalid if the key breaks the rules or is the root.
Status check_new_key(const ObjectKey& key);

}  // namespace oracxfs::local
