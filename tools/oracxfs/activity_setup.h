#pragma once
// The activity log as a configuration wants it, over one state.

#include <string>

#include "tools/activity/event_feed.h"
#include "tools/config/config.h"

namespace oracxfs {

ActivityOptions activity_options(const Config& config, const std::string& state_directory);
DescribeRun describe_run_in(Catalog& catalog);

// Remembers the configuration file as it is. True: it is another than the one that was remembered, so somebody changed it
// while nobody ran.
bool remember_config_file(Catalog& catalog, Disk& disk, const std::string& file);

}  // namespace oracxfs
