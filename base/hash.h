#pragma once
// Digests of a file's content, all taken in one pass (OpenSSL EVP).
//
// sha256      identity of the content, what `sha256sum` prints; compared with the provider's copy
// blocks      SHA-256 of each 4 MiB block (Dropbox's content_hash is SHA-256 over these); only if wanted
// md5         for providers that know nothing better; only if wanted
// leaves      a keyed 128-bit tag (AES-128-GMAC) of each 64 KiB leaf. They let a small range that was fetched from a
//             provider be checked before it is handed out. The key is this installation's own and tags never leave
//             this machine, so a provider can't forge a leaf.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oracxfs {

using Sha256 = std::array<std::uint8_t, 32>;
using Md5 = std::array<std::uint8_t, 16>;
using LeafKey = std::array<std::uint8_t, 16>;
using LeafTag = std::array<std::uint8_t, 16>;

inline constexpr std::uint64_t kLeafBytes = 64ull << 10;
inline constexpr std::uint64_t kBlockBytes = 4ull << 20;

// Which optional digests to take; sha256 and leaves are always taken.
struct DigestSet {
    bool md5 = false;
    bool blocks = false;
    DigestSet operator|(DigestSet other) const { return {md5 || other.md5, blocks || other.blocks}; }
    bool operator==(const DigestSet&) const = default;
};

struct ContentDigests {
    std::uint64_t size = 0;
    Sha256 sha256{};
    std::optional<Md5> md5;
    std::vector<Sha256> blocks;     // empty unless wanted (and the file is not empty)
    std::uint64_t leaf_salt = 0;    // random, per pass; part of every tag's nonce
    std::vector<LeafTag> leaves;    // ceil(size / kLeafBytes)
};

// Feed bytes in order, then finish. One user at a time.
class ContentHasher {
  public:
    ContentHasher(DigestSet want, const LeafKey& key);
    ~ContentHasher();
    ContentHasher(ContentHasher&&) noexcept;
    ContentHasher& operator=(ContentHasher&&) noexcept;

    void update(std::span<const std::byte> data);
    [[nodiscard]] std::uint64_t size() const;  // bytes fed so far
    [[nodiscard]] ContentDigests finish();     // once

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Checks single leaves. Thread-safe when used through `matches` (stateless).
class LeafChecker {
  public:
    explicit LeafChecker(const LeafKey& key) : key_(key) {}
    // `data` is the whole leaf number `index` (the last one may be short).
    [[nodiscard]] bool matches(std::uint64_t salt, std::uint64_t index, std::span<const std::byte> data,
                               const LeafTag& expected) const;

  private:
    LeafKey key_;
};

// Plain incremental SHA-256, for read-back and the like.
class Sha256Hasher {
  public:
    Sha256Hasher();
    ~Sha256Hasher();
    Sha256Hasher(Sha256Hasher&&) noexcept;
    Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
    void update(std::span<const std::byte> data);
    [[nodiscard]] Sha256 finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

Sha256 sha256_of(std::span<const std::byte> data);
std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<Sha256> sha256_from_hex(std::string_view hex);  // exactly 64 hex digits, either case
void random_bytes(std::span<std::uint8_t> out);               // cryptographic; aborts if the system has none
std::uint64_t random_u64();
std::string random_hex(std::size_t bytes);

}  // namespace oracxfs
