#pragma once
// Giving finished bytes their name, and taking names away so that nothing is lost: what is replaced or removed goes to the
// trash folder.

#include "base/clock.h"
#include "providers/local/folder.h"
#include "providers/local/part_file.h"

namespace oracxfs::local {

// A name in an open folder.
struct Place {
    UniqueFd directory;
    std::string name;
    ObjectKey key;
};

// not_found if a folder on the way is absent.
Result<Place> find_place(const Folder& folder, const ObjectKey& key);
// Creates the folders on the way; the innermost one is added to `dirty`, because a name in it is about to change.
Result<Place> make_place(const Folder& folder, const ObjectKey& key, DirtyDirectories& dirty);

// Same name and content? changed if not, also when nothing is there.
Status check_unchanged(const Folder& folder, const Place& place, const std::string& rev);

// Publishes under `key` what `options` allow. exists, changed; nothing has changed then.
Status publish(const Folder& folder, const Clock& clock, PartFile& part, const ObjectKey& key,
               const PutOptions& options, DirtyDirectories& dirty);

// The file leaves `place`. changed (and it stays) if it is not `rev`; "" = any.
Status move_to_trash(const Folder& folder, const Clock& clock, const Place& place,
                     const std::string& rev, DirtyDirectories& dirty);

// Moves the file `from` over the file `to`, which must be `rev` and is kept in the trash.
Status rename_over(const Folder& folder, const Clock& clock, const Place& from, const Place& to,
                   const std::string& rev, DirtyDirectories& dirty);

}  // namespace oracxfs::local
