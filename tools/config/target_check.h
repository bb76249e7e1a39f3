#pragma once
// Entries of notify.targets: which keys each type has, and what they may hold.

#include <string_view>

#include "tools/config/complaints.h"

namespace oracxfs {

// What somebody may want to be told of.
inline constexpr std::string_view kNotices = "degraded|at_risk|unprotected|recovered|provider|run|damage";

Complaints check_targets(const Json& value);

}  // namespace oracxfs
