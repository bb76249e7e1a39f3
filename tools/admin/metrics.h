#pragma once
// The state for Prometheus: text format 0.0.4.

#include <string>

#include "base/json.h"

namespace oracxfs {

// `status`: as `oracxfs status --json`.
std::string metrics_text(const Json& status);

}  // namespace oracxfs
