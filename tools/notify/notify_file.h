#pragma once
// Writing the notifier's file.

#include "base/disk.h"
#include "tools/notify/delivery_book.h"
#include "tools/notify/notify_rules.h"

namespace oracxfs {

std::string notify_state_text(const NotifyMemory& memory, const DeliveryBook& book);
// All or nothing, durable.
Status write_notify_state(Disk& disk, const std::string& state_directory, const std::string& text);

}  // namespace oracxfs
