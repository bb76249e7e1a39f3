#pragma once
// Which rare branches the histories came through, how often, and the first seed that did: a simulation that never meets a
// conflict proves nothing about conflicts.

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

namespace oracxfs::test {

// Those that matter: a normal run without one of them fails.
inline constexpr const char* kNeededMarks[] = {
    "batch put: E-CHANGED", "batch put: E-EXISTS", "crash after make folder", "crash after move folder",
    "crash after move", "crash after put over", "crash after put", "crash batch put", "crash before move over",
    "event changed E-VERIFY", "event conflict E-EXISTS", "event damaged E-VERIFY", "event healed",
    "event missing E-NOT-FOUND", "folder moved without our knowing", "keep stranger: done", "make folder: E-EXISTS",
    "move aside: done", "move folder: E-EXISTS", "move folder: E-OUTCOME-UNKNOWN", "move over: E-CHANGED",
    "move over: E-OUTCOME-UNKNOWN", "move: E-EXISTS", "move: E-NOT-FOUND", "move: E-OUTCOME-UNKNOWN",
    "put over: E-CHANGED", "put over: E-OUTCOME-UNKNOWN", "put: E-EXISTS", "put: E-QUOTA-FULL",
    "remove folder: E-NOT-EMPTY", "remove: E-CHANGED", "step evict", "step read", "step rmdir", "step squatter",
    "verify: E-NOT-FOUND", "verify: E-VERIFY"};

class Marks {
  public:
    void begin(std::uint64_t seed) { seed_ = seed; }
    void hit(const std::string& name) {
        Mark& mark = marks_.try_emplace(name, Mark{0, seed_}).first->second;
        ++mark.hits;
    }
    [[nodiscard]] std::uint64_t hits(const std::string& name) const {
        const auto found = marks_.find(name);
        return found == marks_.end() ? 0 : found->second.hits;
    }
    [[nodiscard]] std::size_t size() const { return marks_.size(); }
    void print(std::ostream& out) const {
        for (const auto& [name, mark] : marks_) out << "  " << name << ": " << mark.hits << ", first in seed " << mark.first << "\n";
    }

  private:
    struct Mark {
        std::uint64_t hits;
        std::uint64_t first;
    };
    std::uint64_t seed_ = 0;
    std::map<std::string, Mark> marks_;
};

}  // namespace oracxfs::test
