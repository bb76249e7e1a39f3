#pragma once
// How long tests wait for what must happen: the one place that knows of slow builds and of busy machines.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

namespace oracxfs::test {

// Share of the last ten seconds in which something waited for it ("cpu", "io"), as the kernel tells; 0 where it does not.
inline double pressure(const std::string& of) {
    std::ifstream file("/proc/pressure/" + of);
    std::string word;
    if (!(file >> word >> word) || !word.starts_with("avg10=")) return 0;
    return std::strtod(word.c_str() + 6, nullptr) / 100;
}

// 1 for a release build on an idle machine. More with sanitizers (ORACXFS_PATIENCE, set by tests/CMakeLists.txt), and where
// more programs want to run than there are processors.
inline double patience() {
    double load = 0;
    std::ifstream("/proc/loadavg") >> load;
    const double processors = static_cast<double>(std::max(1l, ::sysconf(_SC_NPROCESSORS_ONLN)));
    // The load average needs a minute.
    return ORACXFS_PATIENCE * std::max({1.0, load / processors, 1 + 4 * pressure("cpu"), 1 + 8 * pressure("io")});
}

template <class Rep, class Period>
std::chrono::milliseconds patient(std::chrono::duration<Rep, Period> time) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::chrono::duration<double, std::milli>(time).count() * patience()));
}

// How soon whoever is asked to stop has stopped: 0.2 s are promised, the rest is for a disk or a machine that is busy with
// other tests. Who does not listen at all sits out a server's timeout of 20 s.
inline constexpr std::chrono::milliseconds kPrompt{200 + 2'800};

}  // namespace oracxfs::test
