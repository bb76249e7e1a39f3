#pragma once
// Walks the tree of one source.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/packager/glob.h"
#include "tools/packager/package_plan.h"

namespace oracxfs {

// Folders of our own, which no package may hold: by path, so that a mount need not be asked, and by identity, for links
// that lead there.
class OwnFolders {
  public:
    explicit OwnFolders(const std::vector<std::string>& paths);
    [[nodiscard]] bool has(std::string_view path) const;
    [[nodiscard]] bool has(std::uint64_t device, std::uint64_t inode) const;
    // The path lies in one of them, or is one.
    [[nodiscard]] bool contains(std::string_view path) const;

  private:
    std::vector<std::string> paths_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> identities_;
};

class TreeWalk {
  public:
    TreeWalk(PackagePlan& plan, std::uint32_t source, const OwnFolders& own, ProblemList& problems, std::stop_token stop);
    // Appends the members of the whole tree. False when stopped.
    bool run();

  private:
    struct Entry;
    bool walk(const std::string& path, const FileStat& stat);
    std::vector<Entry> list(const std::string& path, const std::string& full);
    void mark_databases(const std::string& path, std::vector<Entry>& entries) const;
    bool add(const std::string& path, Entry& entry);
    [[nodiscard]] std::string full_path(const std::string& path) const;
    [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;
    void report(int error, const std::string& path);

    PackagePlan& plan_;
    const std::uint32_t index_;
    const PlannedSource& source_;
    const OwnFolders& own_;
    ProblemList& problems_;
    const std::stop_token stop_;
    const GlobList include_, exclude_;
    std::uint64_t root_device_ = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> above_;  // folders on the way down, if links are followed
};

}  // namespace oracxfs
