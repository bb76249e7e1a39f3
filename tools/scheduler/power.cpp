#include "tools/scheduler/power.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace oracxfs {
namespace {

// First line of a file of the kernel; "" if there is none.
std::string value_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ' || line.back() == '\r')) line.pop_back();
    return line;
}

enum class Supply { other, mains_there, discharging, ups_discharging };

Supply supply_of(const std::filesystem::path& supply) {
    const std::string type = value_of(supply / "type");
    if (value_of(supply / "scope") == "Device") return Supply::other;  // of a mouse, not of the machine
    // 1: fixed voltage, 2: programmable (USB-C).
    const std::string online = value_of(supply / "online");
    if ((type == "Mains" || type.starts_with("USB")) && (online == "1" || online == "2")) return Supply::mains_there;
    if (value_of(supply / "status") != "Discharging") return Supply::other;
    if (type == "UPS") return Supply::ups_discharging;
    // A battery bay that is empty keeps its last status.
    if (type == "Battery" && value_of(supply / "present") != "0") return Supply::discharging;
    return Supply::other;
}

}  // namespace

bool on_battery(const std::string& power_supplies) {
    bool mains = false;
    bool discharging = false;
    std::error_code error;
    std::filesystem::directory_iterator it(power_supplies, error);
    for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) {
        switch (supply_of(it->path())) {
            case Supply::ups_discharging: return true;  // the machine sees a mains supply: the UPS itself
            case Supply::mains_there: mains = true; break;
            case Supply::discharging: discharging = true; break;
            case Supply::other: break;
        }
    }
    return discharging && !mains;
}

}  // namespace oracxfs
