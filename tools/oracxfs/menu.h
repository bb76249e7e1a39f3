#pragma once
// What a bare `oracxfs` at a terminal shows: the usual commands by number.

#include <string>
#include <vector>

#include "tools/oracxfs/cli.h"

namespace oracxfs {

struct MenuEntry {
    std::string key;                     // what is typed
    std::string text;                    // in English
    std::vector<std::string> arguments;  // of oracxfs; none: leave
};
// As it fits: what is on can be switched off.
std::vector<MenuEntry> menu_entries(bool automatic_sync, bool mounted);

// Shows the menu and runs what is chosen, each as a command of its own, until it is left with q, 0 or the end of input.
int run_menu(Cli& cli);

}  // namespace oracxfs
