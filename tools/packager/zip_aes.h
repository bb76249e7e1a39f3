#pragma once
// AES of ZIP files as WinZip defined it (AE-1 and AE-2), which 7-Zip, libzip and others read: PBKDF2-HMAC-SHA1 with 1000
// rounds, AES in counter mode (a little-endian counter from 1), and the first 10 bytes of an HMAC-SHA1 over the encrypted
// data. Names and sizes stay readable. The only user of OpenSSL here.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace oracxfs::zip {

inline constexpr std::size_t kAesSaltBytes = 16;      // for 256 bits
inline constexpr std::size_t kAesVerifierBytes = 2;
inline constexpr std::size_t kAesMacBytes = 10;
inline constexpr std::size_t kAesOverheadBytes = kAesSaltBytes + kAesVerifierBytes + kAesMacBytes;

using AesMac = std::array<std::byte, kAesMacBytes>;

// Bytes of key and salt for the strength in the extra field: 1 = 128, 2 = 192, 3 = 256 bits. 0 for others.
std::size_t aes_key_bytes(std::uint8_t strength);
inline std::size_t aes_salt_bytes(std::uint8_t strength) { return aes_key_bytes(strength) / 2; }

// One member's encryption or decryption, from front to back. Keys are wiped. Making one takes about a millisecond.
class AesStream {
  public:
    // The salt must be new for every member: key and counter together must never repeat.
    static Result<AesStream> open(std::string_view passphrase, std::uint8_t strength, std::span<const std::byte> salt);
    AesStream(AesStream&&) noexcept;
    AesStream& operator=(AesStream&&) noexcept;
    ~AesStream();

    // Two bytes that tell most wrong passphrases.
    [[nodiscard]] std::array<std::byte, kAesVerifierBytes> verifier() const;
    void encrypt(std::span<std::byte> data);
    void decrypt(std::span<std::byte> data);
    [[nodiscard]] AesMac mac();  // once, at the end

    // Without telling by its time where they differ.
    static bool equal(std::span<const std::byte> a, std::span<const std::byte> b);

  private:
    struct Impl;
    explicit AesStream(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace oracxfs::zip
