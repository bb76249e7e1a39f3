#pragma once
// How long tests wait for what must happen: the one place that knows of slow builds and of busy machines.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>

namespace oracxfs::test {

// 1 for a release build on an idle machine. More with sanitizers (ORACXFS_PATIENCE, set by tests/CMakeLists.txt), and where
// more programs want to run than there are processors.
inline double patience() {
    double load = 0;
    std::ifstream("/proc/loadavg") >> load;
    const double processors = static_cast<double>(std::max(1l, ::sysconf(_SC_NPROCESSORS_ONLN)));
    return ORACXFS_PATIENCE * std::max(1.0, load / processors);
}

template <class Rep, class Period>
std::chrono::milliseconds patient(std::chrono::duration<Rep, Period> time) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::chrono::duration<double, std::milli>(time).count() * patience()));
}

}  // namespace oracxfs::test
