#pragma once
// The commands that look at the state: answered by the daemon through its socket, and by the command line itself when no
// daemon runs.

#include <functional>

#include "tools/control/handlers.h"
#include "tools/oracxfs/status.h"

namespace oracxfs {

// status, replicas, pending, log, explain-path. `view` is asked at each call; what it refers to outlives the registry.
void add_state_handlers(HandlerRegistry& registry, std::function<StateView()> view);

// wait: needs a running replicator. Answers {"state": "settled" | "partial" | "pending" | "at_risk", ...pending_report};
// emits {"type":"progress","transfers":[...],"pending_files":n} while it waits, if args.progress is set.
Result<Json> wait_for_replicas(const StateView& view, const Json& args, const OpContext& ctx, const Emit& emit);

// {"path","size","sha256","provider","state","remote_id","verified_at","error"} and more.
Json replica_report(const ReplicaListing& row);

}  // namespace oracxfs
