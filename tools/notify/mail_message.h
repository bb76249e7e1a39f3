#pragma once
// A notice as a mail (RFC 5322, MIME, UTF-8). No I/O.

#include <string>
#include <vector>

#include "base/clock.h"
#include "tools/notify/notice.h"

namespace oracxfs {

// `id` makes the Message-ID: attempts of one delivery have the same, so a server that got it twice can tell.
std::string mail_message(const Notice& notice, const std::string& from, const std::vector<std::string>& to, const std::string& id, const std::string& instance, WallTime now);

}  // namespace oracxfs
