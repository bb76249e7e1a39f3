#pragma once
// A sign-in that was made elsewhere: our own record, Google's "authorized_user" file, or what other programs keep
// ({"access_token", "refresh_token", "expiry"}).

#include <optional>
#include <string_view>

#include "providers/http/oauth.h"

namespace oracxfs {

// `client`: the OAuth client the tokens were made with, where the file does not name it. config: of no use, and why.
Result<http::TokenRecord> parse_google_token(std::string_view text, const std::optional<http::GoogleClient>& client);

}  // namespace oracxfs
