#pragma once
// manifest.json, the last member of a package: what the package is, what it holds, what could not be packed.
//
//   {"format": "oracxfs-package", "format_version": 1, "created": "2026-11-23T20:36:28Z", "machine": …, "version": …,
//    "compression": "max", "encryption": "none", "sources": [{"name", "kind", "path"}], "totals": {"files", "bytes"},
//    "problems": [{"path", "what", "why"}], "problem_count": 0,
//    "members": [{"name", "size", "mtime_ns", "mode": "0644", "sha256"}, …]}
//
// One member a line. A folder's name ends in '/', and it has neither size nor hash; "type": "symlink" marks links, whose
// content is their target; "changed_while_read": true a file that may be no state it ever had. A name or path that is not
// UTF-8 is given as "name_b64" (or "path_b64") instead.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"
#include "base/json.h"
#include "tools/packager/package_plan.h"
#include "tools/packager/problem_list.h"

namespace oracxfs {

inline constexpr std::string_view kManifestName = "manifest.json";

struct ManifestMember {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::uint32_t mode = 0;  // permissions only
    std::optional<Sha256> sha256;
    bool is_symlink = false;
    bool changed_while_read = false;
};

// Written along with the members, so that their list needs no more memory than its text.
class ManifestWriter {
  public:
    void add(const std::string& name, const ManifestMember& member);
    struct Parts {
        std::string text;
        Json head;  // all but the members
    };
    Parts finish(const PackageRequest& request, const PackagePlan& plan, const ProblemList& problems, std::uint64_t files,
                 std::uint64_t bytes);

  private:
    std::string members_;
};

struct Manifest {
    Json head;
    std::unordered_map<std::string, ManifestMember> members;
};
// Errors: invalid (not a manifest, or one of a later format), too_large.
Result<Manifest> parse_manifest(std::string_view text);

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace oracxfs
