#pragma once
// Questions that a command asks at the terminal when it is called without what it needs.

#include <string>

#include "tools/oracxfs/add_provider.h"

namespace oracxfs {

// There is somebody who can be asked, and who may be.
bool may_ask(Cli& cli);
// With an answer for whoever just presses Enter; "" = none: then nothing entered is an error.
Result<std::string> ask(const std::string& question, const std::string& otherwise = "");
// One of the numbered choices, from 1 on.
Result<int> ask_choice(const std::string& question, int choices, int otherwise);
// A name that no provider has yet: `wanted`, else with a number behind it.
Result<std::string> free_name(Cli& cli, const std::string& wanted);
// "host", "host:2222" or "[::1]:2222"; leaves `port` as it is where none is said. usage for nonsense.
Status read_host(const std::string& typed, std::string& host, std::int64_t& port);

}  // namespace oracxfs
