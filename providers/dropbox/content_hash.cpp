#include "providers/dropbox/content_hash.h"

#include <algorithm>

namespace oracxfs::dropbox {

Sha256 content_hash_of(std::span<const Sha256> blocks) {
    Sha256Hasher hasher;
    for (const Sha256& block : blocks) hasher.update(std::as_bytes(std::span(block)));
    return hasher.finish();
}

std::vector<Sha256> block_digests(std::span<const std::byte> data) {
    std::vector<Sha256> blocks;
    while (!data.empty()) {
        const auto block = data.first(std::min<std::size_t>(data.size(), kBlockBytes));
        blocks.push_back(sha256_of(block));
        data = data.subspan(block.size());
    }
    return blocks;
}

std::optional<Sha256> content_hash_of(const ContentDigests& digests) {
    if (digests.blocks.size() != (digests.size + kBlockBytes - 1) / kBlockBytes) return std::nullopt;
    return content_hash_of(digests.blocks);
}

}  // namespace oracxfs::dropbox
