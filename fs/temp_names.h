#pragma once
// Names that programs give to files which are not the file the user means: they stay on this machine until they are
// renamed, or until they have rested for a while under that name.

#include <string_view>

namespace oracxfs {

// rsync's ".name.XXXXXX", GIO's ".goutputstream-XXXXXX", "*.part", editor swap files, SQLite journals, ...
bool is_temporary_name(std::string_view name);

// ".Trash-1000": refused, so that desktops delete (recoverably) instead of copying into a trash folder of ours.
bool is_desktop_trash(std::string_view name);

}  // namespace oracxfs
