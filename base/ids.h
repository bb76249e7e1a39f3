#pragma once
// Distinct integer ids that cannot be swapped. 0 means "none".

#include <compare>
#include <cstdint>
#include <functional>

namespace oracxfs {

template <class Tag>
struct Id {
    std::int64_t value = 0;
    auto operator<=>(const Id&) const = default;
    explicit operator bool() const { return value != 0; }
};

using NodeId = Id<struct NodeTag>;          // a name in the tree; also the inode number. 1 = the root
using VersionId = Id<struct VersionTag>;    // one content of a file; grows, never used again
using ProviderId = Id<struct ProviderTag>;  // 1..63, a bit position in ProviderMask

using ProviderMask = std::uint64_t;
inline constexpr std::int64_t kProviderIdMax = 63;
inline ProviderMask mask_of(ProviderId id) { return ProviderMask{1} << id.value; }

inline constexpr NodeId kRootNode{1};

}  // namespace oracxfs

template <class Tag>
struct std::hash<oracxfs::Id<Tag>> {
    std::size_t operator()(oracxfs::Id<Tag> id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};
