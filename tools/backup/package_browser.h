#pragma once
// `browse/` in the root of the mount: every package as a read-only folder, named after its time, so that one file is brought
// back with `cp`. Names come from the catalogue; of a package whose members it does not know, the list is read once, with one
// ranged read, when its folder is opened. Content is read by ranges, made anew from the front, and checked.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "fs/virtual_folder.h"
#include "tools/backup/package_access.h"

namespace oracxfs {

inline constexpr const char* kBrowseName = "browse";

class OpenPackages;

class PackageBrowser final : public VirtualFolder {
  public:
    explicit PackageBrowser(BackupEnvironment environment);

    [[nodiscard]] std::string name() const override { return kBrowseName; }
    [[nodiscard]] bool enabled() const override { return enabled_; }
    [[nodiscard]] bool is_ready(std::uint64_t id) override;
    Status prepare(std::uint64_t id, const std::stop_token& stop) override;
    Result<VirtualItem> find(std::uint64_t folder, const std::string& name) override;
    Result<std::vector<VirtualItem>> list(std::uint64_t folder) override;
    Result<VirtualItem> item(std::uint64_t id) override;
    Result<std::shared_ptr<VirtualFile>> open(std::uint64_t id) override;
    Result<std::string> read_link(std::uint64_t id, const std::stop_token& stop) override;

  private:
    // What is in one package: its members and the folders that lead to them. Constant once it is made.
    struct Node {
        std::string name;            // without its folders
        bool directory = false;
        std::int32_t entry = -1;     // of the package; -1: a folder that has no entry of its own
        std::uint32_t parent = 0;
        std::vector<std::uint32_t> children;  // in order of name
    };
    struct Index {
        std::vector<PackageEntry> entries;
        std::vector<Node> nodes;     // 0: the package itself
    };
    struct Package {
        NodeRow node;
        WallTime time;
        std::string label;           // its name here
        std::shared_ptr<const Index> index;  // null: not needed so far, or given up
        std::uint64_t used = 0;      // when the index was last looked at
    };

    std::uint64_t slot_of(const NodeRow& node, WallTime time);  // lock held
    Result<Package> package_at(std::uint64_t slot) const;
    Result<std::shared_ptr<const Index>> index_of(std::uint64_t slot);  // from the catalogue; unavailable
    void keep(std::uint64_t slot, std::shared_ptr<const Index> index);
    static std::shared_ptr<const Index> make_index(const PackageReader& reader);
    static VirtualItem describe(const Package& package, std::uint64_t slot, const Index& index, std::uint32_t at);
    static VirtualItem describe(const Package& package, std::uint64_t slot);

    const BackupEnvironment env_;
    const bool enabled_;
    const std::shared_ptr<OpenPackages> pool_;
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, Package> packages_;     // by slot
    std::map<std::int64_t, std::uint64_t> slots_;             // by version
    std::uint64_t next_slot_ = 1;
    std::uint64_t uses_ = 0;
};

}  // namespace oracxfs
