#pragma once
// Keys and the paths that stand for them. Dropbox folds case, composes accents, and shows the ancestors of a path in
// whatever case it likes; keys are rebuilt component by component from what each folder itself is called.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "providers/dropbox/dropbox_json.h"
#include "providers/provider.h"

namespace oracxfs::dropbox {

// name_refused with the reason for a name that would fail there, or come back as another one; invalid and name_too_long
// as everywhere.
Status check_storable(const ObjectKey& key);

// "/ORACXPRED", "" for the account's (or the app's) own root; config when `folder` is of no use.
Result<std::string> clean_root(const std::string& folder);

// Lower case for ASCII only; the service's own folding of other letters is not documented.
std::string ascii_lower(std::string_view text);

// What folders are called in their own case, by their folded paths below the root folder. Thread-safe. It forgets
// nothing by itself; whoever removes or moves a folder says so.
class FolderNames {
  public:
    explicit FolderNames(std::string root) : root_(std::move(root)) {}

    [[nodiscard]] const std::string& root() const { return root_; }
    // "/ORACXPRED/a/b"; "" is the root of the account.
    [[nodiscard]] std::string path_of(const ObjectKey& key) const { return key.empty() ? root_ : root_ + "/" + key; }

    // The key of an entry in a listing of `directory`; nothing for the directory itself and what is not below it.
    [[nodiscard]] std::optional<ObjectKey> key_of(const Metadata& entry, const ObjectKey& directory) const;

    [[nodiscard]] bool is_root(const Metadata& entry) const;
    // Paths of the folders above an entry whose own case is not known, the outermost first.
    [[nodiscard]] std::vector<std::string> unknown_parents(const Metadata& entry) const;

    void add(const ObjectKey& folder);          // it and its parents exist and are called so
    void note(const Metadata& folder);          // an entry of a listing
    void forget(const ObjectKey& folder);       // with everything below it
    void forget_folded(const std::string& path_lower);
    void forget_all();
    // A listing of everything is through: what is not known does not exist.
    void set_complete();

    enum class Knowledge : std::uint8_t { same, other_case, absent, unknown };
    [[nodiscard]] Knowledge look_up(const ObjectKey& folder) const;

  private:
    // "/oracxpred/a/b" -> "a/b" without the root's components; nothing if it is shorter.
    [[nodiscard]] std::optional<std::string> below_root(std::string_view path) const;

    const std::string root_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> names_;  // folded "a/b" -> the folder's own "B"
    bool complete_ = false;
};

}  // namespace oracxfs::dropbox
