#pragma once
// What went wrong with single members. One user at a time.

#include <string>

#include "tools/packager/packager.h"

namespace oracxfs {

class ProblemList {
  public:
    void add(PackageProblem::What what, std::string path, std::string why) {
        ++counts_[static_cast<std::size_t>(what)];
        ++total_;
        if (problems_.size() < kKept) problems_.push_back({std::move(path), what, std::move(why)});
    }
    [[nodiscard]] const std::vector<PackageProblem>& problems() const { return problems_; }
    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::uint64_t count(PackageProblem::What what) const { return counts_[static_cast<std::size_t>(what)]; }
    // Something is missing or uncertain. What can never be packed does not count.
    [[nodiscard]] bool any_serious() const { return total_ > count(PackageProblem::What::skipped_special); }

  private:
    static constexpr std::size_t kKept = 10'000;
    std::vector<PackageProblem> problems_;
    std::uint64_t total_ = 0;
    std::uint64_t counts_[5] = {};
};

}  // namespace oracxfs
