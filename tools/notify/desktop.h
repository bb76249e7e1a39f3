#pragma once
// A notice on the user's desktop, where there is one.

#include "base/op_context.h"
#include "base/translate.h"
#include "tools/config/places.h"
#include "tools/notify/notice.h"

namespace oracxfs {

// False: there is no session bus or no notify-send, so nobody could see it; that is no failure.
Result<bool> show_on_desktop(const OpContext& ctx, const Environment& environment, const Notice& notice, const TextCatalogue* texts = nullptr);

}  // namespace oracxfs
