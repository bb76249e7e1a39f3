#pragma once
// Where the access tokens of a provider come from: a service account's key if one is stored, else the record of a sign-in.

#include <memory>

#include "providers/google_drive/drive_config.h"
#include "providers/http/oauth.h"

namespace oracxfs::drive {

// The secrets are read at the first token() and not before; until one can be used, at each. `client`, `clock` outlive it.
std::unique_ptr<http::TokenSource> choose_tokens(http::Client& client, Clock& clock, const DriveConfig& config);

}  // namespace oracxfs::drive
