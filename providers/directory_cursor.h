#pragma once
// The cursor of a recursive listing: the directories still to be read. For kinds that list one directory at a time.

#include <deque>
#include <string>
#include <string_view>

#include "providers/provider.h"

namespace oracxfs {

// One a line; what could be mistaken is escaped, so names of any bytes survive.
std::string encode_directories(const std::deque<ObjectKey>& directories);
// invalid if it is no such text.
Result<std::deque<ObjectKey>> decode_directories(std::string_view cursor);

}  // namespace oracxfs
