#include "providers/google_drive/session_seal.h"

#include <openssl/evp.h>

#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"

namespace oracxfs::drive {
namespace {

constexpr std::string_view kPrefix = "gd1:";
constexpr const char* kSecret = "upload_key";
constexpr std::size_t kNonceBytes = 12, kTagBytes = 16;
constexpr std::size_t kSealedBytesMax = 64u << 10;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;
using Octets = std::vector<std::uint8_t>;

std::optional<Octets> from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    if (hex.size() % 2 != 0) return std::nullopt;
    Octets out(hex.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

// nonce, ciphertext, tag
std::optional<Octets> encrypt(const std::uint8_t* key, std::string_view text) {
    Octets out(kNonceBytes + text.size() + kTagBytes);
    random_bytes(std::span(out).first(kNonceBytes));
    const Context context(EVP_CIPHER_CTX_new());
    int written = 0;
    auto* const body = out.data() + kNonceBytes;
    const auto* const plain = reinterpret_cast<const std::uint8_t*>(text.data());
    const bool good = context && EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key, out.data()) == 1 &&
                      EVP_EncryptUpdate(context.get(), body, &written, plain, static_cast<int>(text.size())) == 1 &&
                      EVP_EncryptFinal_ex(context.get(), body + written, &written) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, body + text.size()) == 1;
    return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::string> decrypt(const std::uint8_t* key, Octets sealed) {
    if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
    const std::size_t size = sealed.size() - kNonceBytes - kTagBytes;
    std::string out(size, '\0');
    const Context context(EVP_CIPHER_CTX_new());
    int written = 0;
    auto* const plain = reinterpret_cast<std::uint8_t*>(out.data());
    const auto* const body = sealed.data() + kNonceBytes;
    const bool good = context && EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key, sealed.data()) == 1 &&
                      EVP_DecryptUpdate(context.get(), plain, &written, body, static_cast<int>(size)) == 1 &&
                      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, sealed.data() + kNonceBytes + size) == 1 &&
                      EVP_DecryptFinal_ex(context.get(), plain + written, &written) == 1;
    return good ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace

SessionSeal::SessionSeal(const DriveConfig& config) : config_(config) {}

std::optional<SessionSeal::Key> SessionSeal::key() {
    const std::lock_guard lock(mutex_);
    if (key_) return key_;
    if (config_.secret) {
        if (const auto stored = config_.secret(kSecret)) {
            const auto bytes = from_hex(*stored);
            if (!bytes || bytes->size() != Key{}.size()) return std::nullopt;
            key_.emplace();
            std::copy(bytes->begin(), bytes->end(), key_->begin());
            return key_;
        } else if (stored.error().code != Errc::not_found) {
            return std::nullopt;
        }
    }
    Key fresh{};
    random_bytes(fresh);
    if (config_.store_secret) {
        if (const Status kept = config_.store_secret(kSecret, to_hex(fresh)); !kept)
            log::warn("google-drive", config_.name + ": uploads cannot be resumed after a restart: " + kept.error().to_string());
    }
    key_ = fresh;
    return key_;
}

std::string SessionSeal::close(const SessionState& state) {
    const auto secret = key();
    if (!secret) return "";
    Json json = Json::object({{"address", state.address}, {"id", state.id}, {"folder", state.folder}, {"key", state.key},
                              {"replaces", state.replaces}, {"begun", to_ms(state.begun)}});
    if (state.total) json.set("total", *state.total);
    const auto sealed = encrypt(secret->data(), json.dump());
    return sealed ? std::string(kPrefix) + to_hex(*sealed) : "";
}

std::optional<SessionState> SessionSeal::open(const std::string& text) {
    if (!text.starts_with(kPrefix) || text.size() > kSealedBytesMax) return std::nullopt;
    auto sealed = from_hex(std::string_view(text).substr(kPrefix.size()));
    if (!sealed) return std::nullopt;
    const auto secret = key();
    if (!secret) return std::nullopt;
    const auto plain = decrypt(secret->data(), std::move(*sealed));
    if (!plain) return std::nullopt;
    const auto json = parse_json(*plain);
    if (!json) return std::nullopt;
    SessionState state;
    state.address = (*json)["address"].as_string();
    state.id = (*json)["id"].as_string();
    state.folder = (*json)["folder"].as_string();
    state.key = (*json)["key"].as_string();
    state.replaces = (*json)["replaces"].as_bool();
    state.begun = wall_from_ms((*json)["begun"].as_int());
    if ((*json)["total"].is_int()) state.total = static_cast<std::uint64_t>((*json)["total"].as_int());
    if (state.address.empty() || state.id.empty()) return std::nullopt;
    return state;
}

}  // namespace oracxfs::drive
