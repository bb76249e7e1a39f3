#pragma once
// HMAC-SHA256 (RFC 2104), for signing what is sent to somebody who shares the key.

#include <string_view>

#include "base/hash.h"

namespace oracxfs {

Sha256 hmac_sha256(std::string_view key, std::string_view text);

}  // namespace oracxfs
