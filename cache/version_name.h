#pragma once
// Names of local files that belong to one version: a letter and 16 lower-case hex digits.

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace oracxfs {

std::string version_name(char letter, VersionId version);
// Nothing for any name that version_name() cannot have made.
std::optional<VersionId> version_of_name(char letter, std::string_view name);

}  // namespace oracxfs
