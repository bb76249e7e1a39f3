#pragma once
// What the tests of staging share.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cache/staging.h"
#include "tests/support/blobs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {

inline constexpr LeafKey kStagingLeafKey{7, 1, 2};
inline constexpr std::uint64_t kMiB = 1ull << 20;

inline StagedMeta meta_of(std::string path) {
    StagedMeta meta;
    meta.path = std::move(path);
    meta.mtime_ns = 1'700'000'000'123'456'789;
    return meta;
}

// The content of a blob up to its end, read in odd steps.
inline Result<Bytes> read_all(BlobReader& blob, std::size_t step = 60'001, const std::stop_token& stop = {}) {
    Bytes all;
    Bytes part(step);
    for (;;) {
        ORACX_TRY(const std::size_t count, blob.read_at(all.size(), part, stop));
        if (count == 0) return all;
        all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
    }
}

// "" when the digests are those of `content`; else what is wrong.
inline std::string difference(const ContentDigests& digests, std::span<const std::byte> content,
                              const LeafKey& key = kStagingLeafKey) {
    if (digests.size != content.size()) return "size is " + std::to_string(digests.size);
    if (digests.sha256 != sha256_of(content)) return "sha256 is wrong";
    const ContentDigests fresh = digests_of(content);
    if (digests.md5 && digests.md5 != fresh.md5) return "md5 is wrong";
    if (!digests.blocks.empty() && digests.blocks != fresh.blocks) return "blocks are wrong";
    if (digests.leaves.size() != (content.size() + kLeafBytes - 1) / kLeafBytes) return "number of leaves is wrong";
    const LeafChecker checker(key);
    for (std::size_t i = 0; i < digests.leaves.size(); ++i) {
        const auto leaf = content.subspan(i * kLeafBytes).first(std::min<std::size_t>(kLeafBytes, content.size() - i * kLeafBytes));
        if (!checker.matches(digests.leaf_salt, i, leaf, digests.leaves[i])) return "leaf " + std::to_string(i) + " is wrong";
    }
    return "";
}

}  // namespace oracxfs::test
