#pragma once
// The activity log as a configuration wants it, over one state.

#include <string>

#include "tools/activity/event_feed.h"
#include "tools/config/config.h"

namespace oracxfs {

ActivityOptions activity_options(const Config& config, const std::string& state_directory);
DescribeRun describe_run_in(Catalog& catalog);

}  // namespace oracxfs
