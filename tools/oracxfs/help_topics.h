#pragma once
// Texts about the whole program: `oracxfs help exit-codes`, and the man page.

#include <string>
#include <string_view>
#include <vector>

namespace oracxfs {

// In the language that is spoken; "" when there is no such topic.
std::string help_topic(std::string_view name);
std::vector<std::string_view> help_topics();

}  // namespace oracxfs
