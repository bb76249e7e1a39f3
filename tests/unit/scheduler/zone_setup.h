#pragma once
// Time zones for tests: the C library's, by name or by rule, for the length of a scope.

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/scheduler/local_time.h"

namespace oracxfs::test {

class ScopedZone {
  public:
    explicit ScopedZone(const std::string& name) {
        if (const char* old = std::getenv("TZ")) old_ = old;
        ::setenv("TZ", name.c_str(), 1);
        ::tzset();
    }
    ~ScopedZone() {
        if (old_)
            ::setenv("TZ", old_->c_str(), 1);
        else
            ::unsetenv("TZ");
        ::tzset();
    }
    ScopedZone(const ScopedZone&) = delete;
    ScopedZone& operator=(const ScopedZone&) = delete;

  private:
    std::optional<std::string> old_;
};

// Without the package tzdata, the C library takes an unknown zone for UTC.
inline bool has_zone(const std::string& name) { return std::filesystem::exists("/usr/share/zoneinfo/" + name); }

#define ORACX_NEED_ZONE(name) \
    if (!::oracxfs::test::has_zone(name)) GTEST_SKIP() << "there is no time zone " << (name) << " (package tzdata)"

// A clock on the wall that is always the same time ahead.
class FixedZone final : public LocalTime {
  public:
    explicit FixedZone(std::chrono::seconds offset = std::chrono::seconds(0)) : offset_(offset) {}
    [[nodiscard]] std::chrono::seconds utc_offset(WallTime) const override { return offset_; }

  private:
    const std::chrono::seconds offset_;
};

// "2025-03-30 03:00" at that moment.
inline std::string local_text(const LocalTime& zone, WallTime time) {
    std::string text = format_utc(time + zone.utc_offset(time)).substr(0, 16);
    text[10] = ' ';
    return text;
}

}  // namespace oracxfs::test
