#pragma once
// Names of members, which become paths when a package is restored.

#include <string_view>

namespace oracxfs {

// Why no file may ever get this name; "" if it may. A '/' at the end (a folder) is fine.
std::string_view why_unsafe(std::string_view name);
// A backslash or a drive letter: a harmless part of a name here, but a path on other systems.
bool looks_foreign(std::string_view name);

// For names that this program chooses itself.
inline bool is_safe_member_name(std::string_view name) { return why_unsafe(name).empty() && !looks_foreign(name) && !name.ends_with('/'); }

}  // namespace oracxfs
