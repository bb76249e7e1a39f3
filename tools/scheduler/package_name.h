#pragma once
// Names of backup packages: PREFIX, the time in UTC as YYYYMMDD_HHMMSS, ".zip".
//
// The name is what a person without oracxfs sees, so it says when the package was made and nothing else; what belongs
// to whom stands in the catalogue. Pure functions, no allocation but the results.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace oracxfs {

// The name for `time`, whose milliseconds are cut off. Nothing outside the years 0 to 9999, which four digits can't say.
std::optional<std::string> package_name(std::string_view prefix, WallTime time);

// Takes exactly the names that package_name() makes with this prefix; for everything else, nothing.
std::optional<WallTime> parse_package_name(std::string_view prefix, std::string_view name);

struct NewPackageName {
    std::string name;
    WallTime time;  // as the name says it
};

// The name for a package that is made now. Two runs in one second: the later one takes the next second whose name is
// free, a minute ahead at most, so that names stay unique and in the order of the runs. `taken` answers whether a name
// exists anywhere, also at one provider only.
// Errors: exists (a whole minute is taken), invalid (the clock shows a year that no name can hold).
Result<NewPackageName> new_package_name(std::string_view prefix, WallTime now,
                                        const std::function<bool(std::string_view name)>& taken);

// Can packages be called so at every kind of provider? Errors: name_refused, name_too_long.
Status check_package_prefix(std::string_view prefix);

}  // namespace oracxfs
