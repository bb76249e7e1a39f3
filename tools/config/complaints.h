#pragma once
// What checks of values have in common.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/config/schema.h"

namespace oracxfs {

using Complaints = std::vector<Complaint>;

std::string shown_value(const Json& value);  // as JSON, shortened
Complaints must_be(std::string_view what, const Json& value, std::string hint = {});
// A list of objects: each key with its setting.
Complaints check_objects(const Json& value, std::span<const Setting> keys);

}  // namespace oracxfs
