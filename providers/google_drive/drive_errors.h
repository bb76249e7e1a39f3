#pragma once
// From Drive's refusals to the project's errors: by `reason`, never by the status alone (403 has a dozen meanings).

#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "providers/http/http_client.h"

namespace oracxfs::drive {

enum class Purpose {
    metadata,
    upload,  // a user's daily 750 GB end as a rate limit in words that mean something else here
};

// Of an answer that is no success. `what` is what was tried. 5xx and what cannot be understood: unavailable; whoever
// changed something with that request has to look. 404 and 410: not_found.
Error error_of(const http::Response& response, std::string what, Purpose purpose, WallTime now);

// The same request may be sent again after a short pause: 429, and the 403s that mean it. Not the daily limits.
bool is_rate_limit(const http::Response& response);

}  // namespace oracxfs::drive
