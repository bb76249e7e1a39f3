#pragma once
// The activity log over the control socket.

#include "tools/activity/activity_log.h"
#include "tools/control/handlers.h"

namespace oracxfs {

// {"limit","before","after","provider","run","level","category","path","since_ms"}: emits {"type":"event", ...} for each entry, oldest
// first, and answers {"count","older","last_seq"}.
Result<Json> answer_log(ActivityLog& log, const Json& args, const Emit& emit);
// invalid: an unknown level.
Result<ActivityFilter> activity_filter(const Json& args);

}  // namespace oracxfs
