#include "tests/emulators/content.h"

#include <algorithm>
#include <array>

namespace oracxfs::test {

void Content::append(Piece piece) {
    if (piece->empty()) return;
    size_ += piece->size();
    pieces_.push_back(std::move(piece));
}

std::string Content::read(std::uint64_t offset, std::uint64_t bytes) const {
    std::string out;
    if (offset >= size_) return out;
    bytes = std::min(bytes, size_ - offset);
    out.reserve(static_cast<std::size_t>(bytes));
    for (const Piece& piece : pieces_) {
        if (bytes == 0) break;
        if (offset >= piece->size()) {
            offset -= piece->size();
            continue;
        }
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, piece->size() - offset));
        out.append(*piece, static_cast<std::size_t>(offset), n);
        bytes -= n;
        offset = 0;
    }
    return out;
}

void Content::flip(std::uint64_t offset) {
    for (Piece& piece : pieces_) {
        if (offset >= piece->size()) {
            offset -= piece->size();
            continue;
        }
        std::string changed = *piece;
        changed[static_cast<std::size_t>(offset)] ^= 1;
        piece = std::make_shared<const std::string>(std::move(changed));
        return;
    }
}

Digest::Digest(const char* name) : context_(EVP_MD_CTX_new()) {
    EVP_DigestInit_ex(context_.get(), EVP_get_digestbyname(name), nullptr);
}

Digest::Digest(const Digest& other) : context_(EVP_MD_CTX_new()) {
    EVP_MD_CTX_copy_ex(context_.get(), other.context_.get());
}

void Digest::update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

std::string Digest::hex() const {
    const Digest copy(*this);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(copy.context_.get(), bytes.data(), &length);
    return to_hex(std::span(bytes).first(length));
}

std::vector<Sha256> block_digests(std::string_view bytes) {
    std::vector<Sha256> blocks;
    while (!bytes.empty()) {
        const std::string_view block = bytes.substr(0, kBlockBytes);
        blocks.push_back(sha256_of(std::as_bytes(std::span(block))));
        bytes.remove_prefix(block.size());
    }
    return blocks;
}

std::string content_hash_of(const std::vector<Sha256>& blocks) {
    Sha256Hasher whole;
    for (const Sha256& block : blocks) whole.update(std::as_bytes(std::span(block)));
    return to_hex(whole.finish());
}

std::string content_hash_of(const Content& content) {
    std::vector<Sha256> blocks;
    for (std::uint64_t at = 0; at < content.size(); at += kBlockBytes)
        for (const Sha256& digest : block_digests(content.read(at, kBlockBytes))) blocks.push_back(digest);
    return content_hash_of(blocks);
}

}  // namespace oracxfs::test
