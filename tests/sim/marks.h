#pragma once
// Which rare branches the histories came through, how often, and the first seed that did: a simulation that never meets a
// conflict proves nothing about conflicts.

#include <cstdint>
#include <map>
#include <ostream>
#include <string>

namespace oracxfs::test {

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
