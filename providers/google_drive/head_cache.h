#pragma once
// What was known of the present content of files a moment ago, so that reading a file in many pieces does not ask for its
// metadata before each. Small, thread-safe.

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace oracxfs::drive {

class HeadCache {
  public:
    struct Head {
        std::string rev;
        std::uint64_t size = 0;
    };

    void put(const std::string& id, Head head, SteadyTime now);
    void forget(const std::string& id);
    // Nothing if it is older than half a minute.
    [[nodiscard]] std::optional<Head> get(const std::string& id, SteadyTime now) const;

  private:
    struct Entry {
        std::string id;
        Head head;
        SteadyTime at;
    };
    mutable std::mutex mutex_;
    std::list<Entry> entries_;  // the latest first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
};

}  // namespace oracxfs::drive
