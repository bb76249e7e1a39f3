#pragma once
// Dropbox's content_hash: SHA-256 over the SHA-256s of the 4 MiB blocks. An empty content has no block.

#include <span>
#include <vector>

#include "base/hash.h"

namespace oracxfs::dropbox {

Sha256 content_hash_of(std::span<const Sha256> blocks);
std::vector<Sha256> block_digests(std::span<const std::byte> data);
// Nothing when the digests were taken without blocks.
std::optional<Sha256> content_hash_of(const ContentDigests& digests);

}  // namespace oracxfs::dropbox
