#include "base/crash_point.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <mutex>

namespace oracxfs {
namespace {

std::atomic<bool> any_armed = false;  // all that hit() looks at in a normal run

struct Registry {
    std::mutex mutex;
    std::vector<std::string> names;
    std::string armed_name;
    std::uint64_t hits_left = 0;
};

Registry& registry() {
    static Registry instance;
    return instance;
}

// "name" or "name:N". A name may contain colons as long as its last part is not a number.
void arm(Registry& points, std::string_view spec) {
    points.armed_name = spec;
    points.hits_left = 1;
    if (const auto colon = spec.rfind(':'); colon != std::string_view::npos) {
        const std::string_view digits = spec.substr(colon + 1);
        std::uint64_t count = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), count);
        if (error == std::errc() && end == digits.data() + digits.size() && count > 0) {
            points.armed_name = spec.substr(0, colon);
            points.hits_left = count;
        }
    }
    any_armed.store(!points.armed_name.empty(), std::memory_order_relaxed);
}

}  // namespace

CrashPoint::CrashPoint(std::string_view name) : name_(name) {
    Registry& points = registry();
    const std::lock_guard lock(points.mutex);
    // Before the first point can be hit, so that the environment never overrides a later arm_crash_point().
    static const bool environment_read = [&points] {
        const char* spec = std::getenv("ORACXFS_CRASH_POINT");  // NOLINT(concurrency-mt-unsafe)
        if (spec != nullptr && points.armed_name.empty()) arm(points, spec);
        return true;
    }();
    static_cast<void>(environment_read);
    if (std::find(points.names.begin(), points.names.end(), name) == points.names.end())
        points.names.emplace_back(name);
}

void CrashPoint::hit() {
    if (!any_armed.load(std::memory_order_relaxed)) return;
    Registry& points = registry();
    const std::lock_guard lock(points.mutex);
    if (points.armed_name != name_ || --points.hits_left > 0) return;
    // As hard as a power cut for this process: no destructors, no exit handlers, no flushed buffers.
    std::raise(SIGKILL);
}

std::vector<std::string> registered_crash_points() {
    Registry& points = registry();
    const std::lock_guard lock(points.mutex);
    std::vector<std::string> names = points.names;
    std::sort(names.begin(), names.end());
    return names;
}

void arm_crash_point(std::string_view spec) {
    Registry& points = registry();
    const std::lock_guard lock(points.mutex);
    arm(points, spec);
}

}  // namespace oracxfs
