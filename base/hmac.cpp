#include "base/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

namespace oracxfs {

Sha256 hmac_sha256(std::string_view key, std::string_view text) {
    Sha256 digest{};
    unsigned length = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), digest.data(), &length);
    ORACX_ASSERT(made != nullptr && length == digest.size());
    return digest;
}

}  // namespace oracxfs
