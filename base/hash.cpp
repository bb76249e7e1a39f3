#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/free_with.h"

namespace oracxfs {
namespace {

using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeWith<&EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<&EVP_CIPHER_CTX_free>>;

// Fetched once: with OpenSSL 3 a fetch costs more than hashing a small file. Not freed at exit, because a detached
// thread of a library may still be hashing then.
const EVP_MD* sha256_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    ORACX_ASSERT(algorithm != nullptr);
    return algorithm;
}

const EVP_MD* md5_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
    ORACX_ASSERT(algorithm != nullptr);
    return algorithm;
}

const EVP_CIPHER* gcm_algorithm() {
    static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
    ORACX_ASSERT(algorithm != nullptr);
    return algorithm;
}

// One running digest whose context is used again after finish().
template <class Value>
class Digest {
  public:
    explicit Digest(const EVP_MD* algorithm) : algorithm_(algorithm), context_(EVP_MD_CTX_new()) {
        ORACX_ASSERT(context_ != nullptr);
        restart();
    }

    void update(std::span<const std::byte> data) {
        ORACX_ASSERT(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
    }

    Value finish() {
        Value value;
        unsigned length = 0;
        ORACX_ASSERT(EVP_DigestFinal_ex(context_.get(), value.data(), &length) == 1);
        ORACX_ASSERT(length == value.size());
        return value;
    }

    void restart() { ORACX_ASSERT(EVP_DigestInit_ex2(context_.get(), algorithm_, nullptr) == 1); }

    // The digest of what was fed so far; feeding may go on.
    Value peek(Digest& scratch) const {
        ORACX_ASSERT(EVP_MD_CTX_copy_ex(scratch.context_.get(), context_.get()) == 1);
        return scratch.finish();
    }

  private:
    const EVP_MD* algorithm_;
    DigestContext context_;
};

// AES-128-GMAC: GCM without a plaintext, the leaf is the additional data. The key schedule is kept between leaves.
class LeafMac {
  public:
    LeafMac() : context_(EVP_CIPHER_CTX_new()) { ORACX_ASSERT(context_ != nullptr); }
    explicit LeafMac(const LeafKey& key) : LeafMac() { set_key(key); }
    ~LeafMac() { OPENSSL_cleanse(key_.data(), key_.size()); }
    LeafMac(const LeafMac&) = delete;
    LeafMac& operator=(const LeafMac&) = delete;

    void set_key(const LeafKey& key) {
        if (keyed_ && CRYPTO_memcmp(key.data(), key_.data(), key.size()) == 0) return;
        ORACX_ASSERT(EVP_EncryptInit_ex2(context_.get(), gcm_algorithm(), key.data(), nullptr,
                                         nullptr) == 1);
        key_ = key;
        keyed_ = true;
    }

    void start(std::uint64_t salt, std::uint64_t index) {
        ORACX_ASSERT(index <= std::numeric_limits<std::uint32_t>::max());
        std::array<std::uint8_t, 12> nonce;  // 8 bytes salt, 4 bytes index, both big-endian
        for (unsigned i = 0; i < 8; ++i)
            nonce[i] = static_cast<std::uint8_t>(salt >> (56 - 8 * i));
        for (unsigned i = 0; i < 4; ++i)
            nonce[8 + i] = static_cast<std::uint8_t>(index >> (24 - 8 * i));
        ORACX_ASSERT(
            EVP_EncryptInit_ex2(context_.get(), nullptr, nullptr, nonce.data(), nullptr) == 1);
    }

    void update(std::span<const std::byte> data) {
        ORACX_ASSERT(data.size() <= kLeafBytes);
        int ignored = 0;
        ORACX_ASSERT(EVP_EncryptUpdate(context_.get(), nullptr, &ignored,
                                       reinterpret_cast<const unsigned char*>(data.data()),
                                       static_cast<int>(data.size())) == 1);
    }

    LeafTag finish() {
        LeafTag tag;
        int ignored = 0;
        ORACX_ASSERT(EVP_EncryptFinal_ex(context_.get(), tag.data(), &ignored) == 1);
        ORACX_ASSERT(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG,
                                         static_cast<int>(tag.size()), tag.data()) == 1);
        return tag;
    }

  private:
    CipherContext context_;
    LeafKey key_{};
    bool keyed_ = false;
};

std::optional<std::uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
    return std::nullopt;
}

}  // namespace

struct ContentHasher::Impl {
    Impl(DigestSet want, const LeafKey& key) : leaf(key) {
        digests.leaf_salt = random_u64();
        if (want.md5) md5.emplace(md5_algorithm());
        if (want.blocks) block.emplace(sha256_algorithm());
    }

    // `data` stays inside one leaf, so that it is still in the CPU's cache for the second and third digest.
    void update_within_leaf(std::span<const std::byte> data) {
        if (digests.size % kLeafBytes == 0) leaf.start(digests.leaf_salt, digests.size / kLeafBytes);
        whole.update(data);
        leaf.update(data);
        if (md5) md5->update(data);
        // The first block's digest is the digest of all bytes so far: hashing it apart would double the work of most
        // files, which are smaller than a block.
        if (block && digests.size >= kBlockBytes) block->update(data);
        digests.size += data.size();
        if (digests.size % kLeafBytes == 0) digests.leaves.push_back(leaf.finish());
        if (block && digests.size % kBlockBytes == 0) end_block();
    }

    void end_block() {
        digests.blocks.push_back(digests.size <= kBlockBytes ? whole.peek(*block) : block->finish());
        block->restart();
    }

    Digest<Sha256> whole{sha256_algorithm()};
    LeafMac leaf;
    std::optional<Digest<Md5>> md5;
    std::optional<Digest<Sha256>> block;
    ContentDigests digests;
    bool finished = false;
};

ContentHasher::ContentHasher(DigestSet want, const LeafKey& key)
    : impl_(std::make_unique<Impl>(want, key)) {}
ContentHasher::~ContentHasher() = default;
ContentHasher::ContentHasher(ContentHasher&&) noexcept = default;
ContentHasher& ContentHasher::operator=(ContentHasher&&) noexcept = default;

void ContentHasher::update(std::span<const std::byte> data) {
    ORACX_ASSERT(!impl_->finished);
    while (!data.empty()) {
        const std::uint64_t room = kLeafBytes - impl_->digests.size % kLeafBytes;
        const std::size_t count = std::min<std::uint64_t>(room, data.size());
        impl_->update_within_leaf(data.first(count));
        data = data.subspan(count);
    }
}

std::uint64_t ContentHasher::size() const { return impl_->digests.size; }

ContentDigests ContentHasher::finish() {
    Impl& self = *impl_;
    ORACX_ASSERT(!self.finished);
    self.finished = true;
    if (self.digests.size % kLeafBytes != 0) self.digests.leaves.push_back(self.leaf.finish());
    if (self.block && self.digests.size % kBlockBytes != 0) self.end_block();
    if (self.md5) self.digests.md5 = self.md5->finish();
    self.digests.sha256 = self.whole.finish();
    return std::move(self.digests);
}

bool LeafChecker::matches(std::uint64_t salt, std::uint64_t index, std::span<const std::byte> data,
                          const LeafTag& expected) const {
    if (data.size() > kLeafBytes || index > std::numeric_limits<std::uint32_t>::max()) return false;
    // One context a thread: setting the key up costs as much as checking a few KiB.
    thread_local LeafMac mac;
    mac.set_key(key_);
    mac.start(salt, index);
    mac.update(data);
    const LeafTag tag = mac.finish();
    return CRYPTO_memcmp(tag.data(), expected.data(), tag.size()) == 0;
}

struct Sha256Hasher::Impl {
    Digest<Sha256> digest{sha256_algorithm()};
};

Sha256Hasher::Sha256Hasher() : impl_(std::make_unique<Impl>()) {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;
void Sha256Hasher::update(std::span<const std::byte> data) { impl_->digest.update(data); }
Sha256 Sha256Hasher::finish() { return impl_->digest.finish(); }

Sha256 sha256_of(std::span<const std::byte> data) {
    Sha256 value;
    ORACX_ASSERT(EVP_Digest(data.data(), data.size(), value.data(), nullptr, sha256_algorithm(),
                            nullptr) == 1);
    return value;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::optional<Sha256> sha256_from_hex(std::string_view hex) {
    Sha256 value;
    if (hex.size() != value.size() * 2) return std::nullopt;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const auto high = hex_digit(hex[2 * i]);
        const auto low = hex_digit(hex[2 * i + 1]);
        if (!high || !low) return std::nullopt;
        value[i] = static_cast<std::uint8_t>(*high << 4 | *low);
    }
    return value;
}

void random_bytes(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const std::size_t count = std::min<std::size_t>(out.size(), 1u << 20);
        ORACX_ASSERT(RAND_bytes(out.data(), static_cast<int>(count)) == 1);
        out = out.subspan(count);
    }
}

std::uint64_t random_u64() {
    std::array<std::uint8_t, 8> bytes;
    random_bytes(bytes);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = value << 8 | byte;
    return value;
}

std::string random_hex(std::size_t bytes) {
    std::vector<std::uint8_t> raw(bytes);
    random_bytes(raw);
    return to_hex(raw);
}

}  // namespace oracxfs
