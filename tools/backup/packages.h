#pragma once
// The packages that the mount holds, with what is known of each copy.

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cache/catalog.h"
#include "tools/config/config.h"
#include "tools/scheduler/retention.h"

namespace oracxfs {

struct PackageCopyInfo {
    std::string provider;
    ReplicaRow row;
};

struct PackageInfo {
    NodeRow node;
    WallTime time;                  // as the name says
    std::optional<PackageRow> row;  // nothing: found at a provider, and nobody said what it is
    std::vector<PackageCopyInfo> copies;  // one for each active provider
    [[nodiscard]] std::uint32_t verified() const;
};

// Newest first. A package is a file in the root whose name is that of a package.
Result<std::vector<PackageInfo>> list_packages(Catalog& catalog, const Config& config);
// By name, by the time in it ("20250105_060000"), or "latest". not_found; invalid when several fit.
Result<PackageInfo> find_package(Catalog& catalog, const Config& config, const std::string& word);

// `decision`: why it is kept; may be null.
Json package_report(const PackageInfo& package, const PackageDecision* decision);

}  // namespace oracxfs
