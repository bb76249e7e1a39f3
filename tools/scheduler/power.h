#pragma once
// Does this machine run on its battery? Read from the kernel's list of power supplies.

#include <string>

namespace oracxfs {

inline constexpr const char* kPowerSupplies = "/sys/class/power_supply";

// True when a battery (or a UPS) of the machine itself is being discharged and no mains supply is there. A machine without
// such a list, with batteries of mice and headsets only, or with files that can't be read counts as on mains: a job
// that waits for mains must not wait for ever where nobody can tell.
bool on_battery(const std::string& power_supplies = kPowerSupplies);

}  // namespace oracxfs
