#pragma once
// What is known of the folders in Drive: which folder lies where, and which ids may carry a name. No I/O, thread-safe.
//
// Names of files are kept as hashes, and entries go away lazily: an id that the tree names is a candidate that the caller
// looks at before he believes it. What the tree must never do is to miss one in a folder that is complete.
// About 120 bytes a file.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "providers/google_drive/drive_json.h"

namespace oracxfs::drive {

class DriveTree {
  public:
    // Everything known is forgotten.
    void reset(std::string root_id);
    // The change feed had a gap: no folder is complete any more.
    void forget_completeness();
    [[nodiscard]] std::string root() const;

    // Somebody (also we) saw this object, alive or trashed.
    void saw(const FileMeta& file);
    // A file that may come to be under this name (an upload whose end is unknown).
    void may_hold(const std::string& folder, std::string_view component, const std::string& id);
    // The id is gone; a folder with everything below it.
    void forget(const std::string& id);
    // It is not under this name (any more).
    void forget_name(const std::string& folder, std::string_view component, const std::string& id);

    [[nodiscard]] bool is_complete(const std::string& folder) const;
    void set_complete(const std::string& folder);
    [[nodiscard]] std::size_t size_of(const std::string& folder) const;

    // Ids that may have this name in the folder.
    [[nodiscard]] std::vector<std::string> candidates(const std::string& folder, std::string_view component) const;
    // Known folders of this name in the folder, the oldest first.
    [[nodiscard]] std::vector<std::string> folders_named(const std::string& folder, std::string_view component) const;
    [[nodiscard]] bool is_folder(const std::string& id) const;

    // The key of a folder ("" = the root). Nothing: it is not below the root as far as is known; then `unknown` is the
    // first id on the way up that nobody has looked at, "" if it surely lies outside.
    [[nodiscard]] std::optional<std::string> key_of(const std::string& folder, std::string* unknown = nullptr) const;
    // Not visible, or without a parent.
    void set_outside(const std::string& id);
    [[nodiscard]] std::vector<std::string> all_folders() const;

  private:
    struct Folder {
        std::string parent, component;
        WallTime created{};
        bool complete = false;
        std::unordered_multimap<std::size_t, std::string> children;  // by the name's hash
    };
    void link(const std::string& folder, std::string_view component, const std::string& id);
    void unlink(const std::string& folder, std::string_view component, const std::string& id);
    void drop(const std::string& id);

    mutable std::mutex mutex_;
    std::string root_;
    std::unordered_map<std::string, Folder> folders_;
    std::unordered_set<std::string> outside_;
};

}  // namespace oracxfs::drive
