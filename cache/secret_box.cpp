#include "cache/secret_box.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/hash.h"

namespace oracxfs {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kValueBytesMax = 16u << 20;

constexpr std::uint64_t kScryptN = 1u << 15;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 1;
constexpr std::uint64_t kScryptMemoryMax = 64ull << 20;  // it needs 128 * N * r = 32 MiB and some

struct CipherFree {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int length(std::string_view text) { return static_cast<int>(text.size()); }

tl::unexpected<Error> cipher_failed(std::string_view what) {
    return fail(Errc::internal, std::string(what), "OpenSSL refused AES-256-GCM");
}

}  // namespace

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
    OPENSSL_cleanse(other.bytes_.data(), other.bytes_.size());
}
SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
    if (this != &other) {
        bytes_ = other.bytes_;
        OPENSSL_cleanse(other.bytes_.data(), other.bytes_.size());
    }
    return *this;
}
SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

SecretKey SecretKey::random() {
    SecretKey key;
    random_bytes(key.bytes_);
    return key;
}

Result<SecretKey> SecretKey::from_passphrase(std::string_view passphrase, std::string_view salt) {
    SecretKey key;
    if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(), bytes(salt), salt.size(), kScryptN, kScryptR, kScryptP,
                       kScryptMemoryMax, key.bytes_.data(), key.bytes_.size()) != 1)
        return fail(Errc::internal, "derive the key from the passphrase", "scrypt failed");
    return key;
}

std::optional<SecretKey> SecretKey::from_hex(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return std::nullopt;
    text = text.substr(begin, text.find_last_not_of(blank) + 1 - begin);
    auto raw = sha256_from_hex(text);  // 32 bytes in hex
    if (!raw) return std::nullopt;
    SecretKey key;
    static_assert(sizeof(*raw) == kBytes);
    std::copy(raw->begin(), raw->end(), key.bytes_.begin());
    OPENSSL_cleanse(raw->data(), raw->size());
    return key;
}

SecretKey SecretKey::clone() const {
    SecretKey copy;
    copy.bytes_ = bytes_;
    return copy;
}

std::string SecretKey::to_hex() const { return oracxfs::to_hex(bytes_); }

WipedString::~WipedString() {
    value.resize(value.capacity());  // also what was there before it was shortened or moved from
    OPENSSL_cleanse(value.data(), value.size());
}

Result<std::string> seal_secret(const SecretKey& key, std::string_view label, std::string_view value) {
    if (value.size() > kValueBytesMax) return fail(Errc::too_large, "encrypt a secret");
    std::string sealed(kNonceBytes + value.size() + kTagBytes, '\0');
    random_bytes(std::span(bytes(sealed), kNonceBytes));
    const CipherContext context(EVP_CIPHER_CTX_new());
    int done = 0;
    unsigned char* const body = bytes(sealed) + kNonceBytes;
    if (!context ||
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), bytes(sealed)) != 1 ||
        EVP_EncryptUpdate(context.get(), nullptr, &done, bytes(label), length(label)) != 1 ||
        EVP_EncryptUpdate(context.get(), body, &done, bytes(value), length(value)) != 1 ||
        EVP_EncryptFinal_ex(context.get(), body + done, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + value.size()) != 1)
        return cipher_failed("encrypt a secret");
    return sealed;
}

Result<std::string> open_secret(const SecretKey& key, std::string_view label, std::string_view sealed) {
    if (sealed.size() < kNonceBytes + kTagBytes || sealed.size() > kValueBytesMax + kNonceBytes + kTagBytes)
        return fail(Errc::corrupt, "decrypt a secret", "its record is cut");
    const std::string_view nonce = sealed.substr(0, kNonceBytes);
    const std::string_view body = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
    std::string tag(sealed.substr(sealed.size() - kTagBytes));
    const CipherContext context(EVP_CIPHER_CTX_new());
    WipedString value(std::string(body.size(), '\0'));
    int done = 0;
    if (!context ||
        EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.data(), bytes(nonce)) != 1 ||
        EVP_DecryptUpdate(context.get(), nullptr, &done, bytes(label), length(label)) != 1 ||
        EVP_DecryptUpdate(context.get(), bytes(value.value), &done, bytes(body), length(body)) != 1 ||
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) != 1)
        return cipher_failed("decrypt a secret");
    if (EVP_DecryptFinal_ex(context.get(), bytes(value.value) + done, &done) != 1)
        return fail(Errc::corrupt, "decrypt a secret", "its record was changed, or belongs elsewhere");
    return std::move(value.value);
}

}  // namespace oracxfs
