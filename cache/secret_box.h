#pragma once
// Encrypting single values: AES-256-GCM with a fresh random nonce each, bound to a label.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace oracxfs {

// 256 bits that are wiped when they go. Not copied by accident.
class SecretKey {
  public:
    static constexpr std::size_t kBytes = 32;

    SecretKey() = default;  // all zeros; for filling in
    SecretKey(SecretKey&& other) noexcept;
    SecretKey& operator=(SecretKey&& other) noexcept;
    SecretKey(const SecretKey&) = delete;
    SecretKey& operator=(const SecretKey&) = delete;
    ~SecretKey();

    static SecretKey random();
    // scrypt with N=2^15, r=8, p=1.
    static Result<SecretKey> from_passphrase(std::string_view passphrase, std::string_view salt);
    // 64 hex digits, white space around them is ignored.
    static std::optional<SecretKey> from_hex(std::string_view text);

    [[nodiscard]] SecretKey clone() const;
    [[nodiscard]] std::string to_hex() const;  // wipe it after use
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

  private:
    std::array<std::uint8_t, kBytes> bytes_{};
};

// A string that is wiped when it goes.
struct WipedString {
    WipedString() = default;
    explicit WipedString(std::string text) : value(std::move(text)) {}
    WipedString(WipedString&&) = default;
    WipedString& operator=(WipedString&&) = delete;
    WipedString(const WipedString&) = delete;
    ~WipedString();
    std::string value;
};

// nonce (12) | ciphertext | tag (16). The label is authenticated, not stored.
Result<std::string> seal_secret(const SecretKey& key, std::string_view label, std::string_view value);
// corrupt when key, label or bytes are not the ones it was sealed with.
Result<std::string> open_secret(const SecretKey& key, std::string_view label, std::string_view sealed);

}  // namespace oracxfs
