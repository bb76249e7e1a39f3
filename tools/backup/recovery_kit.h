#pragma once
// The recovery kit: a sheet to be printed, with all that a person needs to get the files back when this machine is gone, with
// oracxfs and without. It holds no secret; there is room to write them by hand.

#include <string>

#include "base/json.h"
#include "cache/catalog.h"
#include "tools/config/config.h"

namespace oracxfs {

inline constexpr const char* kKitTimeKey = "recovery/kit_at";  // when it was last made, in the catalogue's meta

// {"made", "machine", "installation", "encrypted", "providers": [{"name", "type", "place", "account", "command", "by_hand": [...],
// "needed": [...]}], "backups": [{"name", "time", "size", "sha256", "providers": [...]}]}: the newest backups first.
Result<Json> kit_facts(Catalog& catalog, const Config& config, WallTime now);

// The sheet in the language that is spoken (base/translate.h).
std::string kit_as_text(const Json& facts);
// One page that needs nothing else, and prints well.
std::string kit_as_html(const Json& facts);

}  // namespace oracxfs
