#pragma once

#include <string_view>

namespace oracxfs {

// Tells systemd ("READY=1", "STATUS=...", "STOPPING=1"); does nothing when NOTIFY_SOCKET is not set.
void sd_notify(std::string_view message);

}  // namespace oracxfs
