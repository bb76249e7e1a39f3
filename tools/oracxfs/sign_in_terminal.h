#pragma once
// What signing in at a web service needs of the terminal and the desktop.

#include <string>

#include "base/result.h"

namespace oracxfs {

// A line typed at the terminal, shown while it is typed, without blanks around it. usage if nothing was entered.
Result<std::string> ask_line(const std::string& question);
// Tries to show the page in a browser; no shell sees the address. Nothing happens where there is no desktop.
void open_browser(const std::string& url);
bool has_desktop();

}  // namespace oracxfs
