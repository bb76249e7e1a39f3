#pragma once
// Pages of a recursive listing. Every call starts from the cursor alone, so a cursor stays valid whatever happens in
// between: folders are gone through in the order of their names, and the cursor is the last key given out.

#include "base/clock.h"
#include "base/op_context.h"
#include "providers/local/folder.h"

namespace oracxfs::local {

inline constexpr std::size_t kListPageEntries = 5'000;

// not_found if `directory` does not exist. An unreadable folder below it is an error, not a hole.
Result<ListPage> list_page(const OpContext& ctx, const Clock& clock, const Folder& folder,
                           const ObjectKey& directory, const std::string& cursor);

// Deletes the folder `name` in `parent` with everything in it, never following a link. Absent = success.
Status remove_tree(const OpContext& ctx, const Clock& clock, int parent, const std::string& name);

// Names in a folder, "." and ".." left out, and whether each is known (d_type) to be a folder.
struct DirectoryName {
    std::string name;
    unsigned char type = 0;  // DT_*
};
Result<std::vector<DirectoryName>> names_in(int directory, const ObjectKey& key);

}  // namespace oracxfs::local
