#pragma once
// For kinds whose folders must exist before something can be put into them.

#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace oracxfs {

// Directories that were there a moment ago: saves requests, proves nothing. Thread-safe.
class KnownDirectories {
  public:
    [[nodiscard]] bool contains(std::string_view key) const;
    void add(std::string_view key);          // and its parents
    void forget(std::string_view key);       // and everything below

  private:
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> keys_;
};

}  // namespace oracxfs
