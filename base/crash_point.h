#pragma once
// Named places where a crash test may kill the process. Off (one relaxed atomic load) unless armed.
//
// A point registers itself by name on first construction of its static; tests list all of them with
// registered_crash_points() after a warm-up run, and arm one through arm_crash_point() or the environment variable
// ORACXFS_CRASH_POINT="name" or "name:N" (die at the N-th hit, counted from 1).

#include <string>
#include <string_view>
#include <vector>

namespace oracxfs {

class CrashPoint {
  public:
    explicit CrashPoint(std::string_view name);
    void hit();

  private:
    std::string_view name_;
};

std::vector<std::string> registered_crash_points();
void arm_crash_point(std::string_view spec);  // "" disarms

}  // namespace oracxfs

#define ORACX_CRASH_POINT(name)                                  \
    do {                                                         \
        static ::oracxfs::CrashPoint oracx_crash_point(name);    \
        oracx_crash_point.hit();                                 \
    } while (false)
