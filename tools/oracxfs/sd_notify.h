#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace oracxfs {

// Tells systemd ("READY=1", "STATUS=...", "STOPPING=1"); does nothing when NOTIFY_SOCKET is not set.
void sd_notify(std::string_view message);

// Within which time systemd wants to hear "WATCHDOG=1" from this process; nothing when it does not.
std::optional<Millis> watchdog_interval();

}  // namespace oracxfs
