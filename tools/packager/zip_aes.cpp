#include "tools/packager/zip_aes.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace oracxfs::zip {
namespace {

constexpr int kRounds = 1000;
constexpr std::size_t kAesBlockBytes = 16;
constexpr std::size_t kPadBytes = 4096;  // of the key stream, made in one go
constexpr std::size_t kKeyBytesMax = 32;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
struct FreeMac {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
struct FreeMacKind {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};

const EVP_CIPHER* cipher_of(std::size_t key_bytes) {
    return key_bytes == 16 ? EVP_aes_128_ecb() : key_bytes == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();
}

const unsigned char* bytes_of(std::span<const std::byte> data) { return reinterpret_cast<const unsigned char*>(data.data()); }

}  // namespace

std::size_t aes_key_bytes(std::uint8_t strength) { return strength >= 1 && strength <= 3 ? 8 + 8u * strength : 0; }

struct AesStream::Impl {
    ~Impl() { OPENSSL_cleanse(pad.data(), pad.size()); }

    void apply(std::span<std::byte> data) {
        while (!data.empty()) {
            if (used == pad.size()) refill();
            const std::size_t count = std::min(data.size(), pad.size() - used);
            for (std::size_t i = 0; i < count; ++i) data[i] ^= pad[used + i];
            used += count;
            data = data.subspan(count);
        }
    }

    // OpenSSL's counter mode counts big-endian, so the counters are encrypted as blocks.
    void refill() {
        std::array<unsigned char, kPadBytes> counters{};
        for (std::size_t at = 0; at < counters.size(); at += kAesBlockBytes, ++counter)
            for (std::size_t i = 0; i < 8; ++i) counters[at + i] = static_cast<unsigned char>(counter >> (8 * i));
        int size = 0;
        ORACX_ASSERT(EVP_EncryptUpdate(cipher.get(), reinterpret_cast<unsigned char*>(pad.data()), &size, counters.data(),
                                       static_cast<int>(counters.size())) == 1);
        used = 0;
    }

    void authenticate(std::span<const std::byte> data) { ORACX_ASSERT(EVP_MAC_update(mac.get(), bytes_of(data), data.size()) == 1); }

    std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> cipher{EVP_CIPHER_CTX_new()};
    std::unique_ptr<EVP_MAC_CTX, FreeMac> mac;
    std::array<std::byte, kAesVerifierBytes> verifier{};
    std::array<std::byte, kPadBytes> pad{};
    std::size_t used = kPadBytes;
    std::uint64_t counter = 1;
};

AesStream::AesStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AesStream::AesStream(AesStream&&) noexcept = default;
AesStream& AesStream::operator=(AesStream&&) noexcept = default;
AesStream::~AesStream() = default;

Result<AesStream> AesStream::open(std::string_view passphrase, std::uint8_t strength, std::span<const std::byte> salt) {
    const std::size_t key_bytes = aes_key_bytes(strength);
    ORACX_ASSERT(key_bytes != 0 && salt.size() == key_bytes / 2);
    if (passphrase.size() > std::numeric_limits<int>::max()) return fail(Errc::invalid, "encryption", "the passphrase is too long");

    std::array<unsigned char, 2 * kKeyBytesMax + kAesVerifierBytes> keys{};
    const std::size_t wanted = 2 * key_bytes + kAesVerifierBytes;
    auto impl = std::make_unique<Impl>();
    const std::unique_ptr<EVP_MAC, FreeMacKind> kind(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    impl->mac.reset(EVP_MAC_CTX_new(kind.get()));
    char digest[] = "SHA1";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    const bool ready =
        impl->cipher != nullptr && impl->mac != nullptr &&
        PKCS5_PBKDF2_HMAC(passphrase.data(), static_cast<int>(passphrase.size()), bytes_of(salt), static_cast<int>(salt.size()),
                          kRounds, EVP_sha1(), static_cast<int>(wanted), keys.data()) == 1 &&
        EVP_EncryptInit_ex(impl->cipher.get(), cipher_of(key_bytes), nullptr, keys.data(), nullptr) == 1 &&
        EVP_CIPHER_CTX_set_padding(impl->cipher.get(), 0) == 1 &&
        EVP_MAC_init(impl->mac.get(), keys.data() + key_bytes, key_bytes, parameters) == 1;
    std::transform(keys.begin() + static_cast<std::ptrdiff_t>(2 * key_bytes), keys.begin() + static_cast<std::ptrdiff_t>(wanted),
                   impl->verifier.begin(), [](unsigned char byte) { return static_cast<std::byte>(byte); });
    OPENSSL_cleanse(keys.data(), keys.size());
    if (!ready) return fail(Errc::internal, "encryption", "OpenSSL refuses AES or HMAC-SHA1");
    return AesStream(std::move(impl));
}

std::array<std::byte, kAesVerifierBytes> AesStream::verifier() const { return impl_->verifier; }

void AesStream::encrypt(std::span<std::byte> data) {
    impl_->apply(data);
    impl_->authenticate(data);
}

void AesStream::decrypt(std::span<std::byte> data) {
    impl_->authenticate(data);
    impl_->apply(data);
}

AesMac AesStream::mac() {
    std::array<unsigned char, 20> full{};
    std::size_t size = 0;
    ORACX_ASSERT(EVP_MAC_final(impl_->mac.get(), full.data(), &size, full.size()) == 1 && size == full.size());
    AesMac shortened;
    std::transform(full.begin(), full.begin() + kAesMacBytes, shortened.begin(), [](unsigned char byte) { return static_cast<std::byte>(byte); });
    return shortened;
}

bool AesStream::equal(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace oracxfs::zip
