#pragma once
// The bytes of an emulated file, shared between its versions and the sessions they came from. Never copied as a whole.

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace oracxfs::test {

class Content {
  public:
    using Piece = std::shared_ptr<const std::string>;

    Content() = default;
    explicit Content(std::string bytes) { append(std::make_shared<const std::string>(std::move(bytes))); }
    void append(Piece piece);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] std::string read(std::uint64_t offset, std::uint64_t bytes) const;  // less at the end
    [[nodiscard]] std::string all() const { return read(0, size_); }
    void flip(std::uint64_t offset);  // a bit of this byte; others who share the piece keep theirs
    [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

  private:
    std::vector<Piece> pieces_;
    std::uint64_t size_ = 0;
};

// A digest by OpenSSL's name ("MD5", "SHA1", "SHA256"), in lower-case hex. Copies share nothing.
class Digest {
  public:
    explicit Digest(const char* name);
    Digest(const Digest& other);
    Digest& operator=(const Digest&) = delete;
    void update(std::string_view bytes);
    [[nodiscard]] std::string hex() const;  // of what was fed so far

  private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// SHA-256 of each 4 MiB block; and what Dropbox calls content_hash.
std::vector<Sha256> block_digests(std::string_view bytes);
std::string content_hash_of(const std::vector<Sha256>& blocks);
std::string content_hash_of(const Content& content);

}  // namespace oracxfs::test
