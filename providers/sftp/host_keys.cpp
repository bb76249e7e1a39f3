#include "providers/sftp/host_keys.h"

#include <libssh2.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "providers/sftp/sftp_wire.h"

namespace oracxfs::sftp {
namespace {

constexpr bool kRsaHostKeys = LIBSSH2_VERSION_NUM >= 0x010b00;

const unsigned char* as_uchar(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

// The next word of `rest`, which is shortened by it; "" at the end.
std::string_view next_word(std::string_view& rest) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t begin = rest.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return rest = {};
    rest.remove_prefix(begin);
    const std::string_view word = rest.substr(0, rest.find_first_of(kBlank));
    rest.remove_prefix(word.size());
    return word;
}

// '*' and '?' as in OpenSSH's match_pattern. Iterative with one point to go back to: linear in practice, no recursion
// that a hostile file could blow up.
bool matches_wildcard(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) && pattern[p] != '*') {
            ++p;
            ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

// "|1|salt|HMAC-SHA1(salt, name)"
bool matches_hashed(std::string_view field, std::string_view name) {
    field.remove_prefix(3);
    const std::size_t bar = field.find('|');
    if (bar == std::string_view::npos) return false;
    const auto salt = base64_decode(field.substr(0, bar));
    const auto expected = base64_decode(field.substr(bar + 1));
    if (!salt || !expected || expected->size() != 20) return false;
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (HMAC(EVP_sha1(), salt->data(), static_cast<int>(salt->size()), as_uchar(name), name.size(), digest.data(),
             &length) == nullptr)
        return false;
    return length == 20 && std::equal(digest.begin(), digest.begin() + 20, as_uchar(*expected));
}

bool matches_hosts(std::string_view field, std::string_view name) {
    if (field.starts_with("|1|")) return matches_hashed(field, name);
    bool matched = false;
    while (!field.empty()) {
        const std::size_t comma = field.find(',');
        std::string_view pattern = field.substr(0, comma);
        field.remove_prefix(comma == std::string_view::npos ? field.size() : comma + 1);
        const bool negated = pattern.starts_with('!');
        if (negated) pattern.remove_prefix(1);
        if (!matches_wildcard(lower(pattern), name)) continue;
        if (negated) return false;
        matched = true;
    }
    return matched;
}

std::string known_name(std::string_view host, unsigned port) {
    const std::string name = lower(host);
    return port == 22 ? name : "[" + name + "]:" + std::to_string(port);
}

std::string describe(std::string_view blob) { return key_type_of(blob) + " " + fingerprint_of(blob); }

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_uchar(bytes),
                                       static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    };
    if (text.size() % 4 == 1 || text.size() > (1u << 16) || !std::all_of(text.begin(), text.end(), is_digit))
        return std::nullopt;
    std::string padded(text);
    while (padded.size() % 4 != 0) padded += '=';
    std::string out(padded.size() / 4 * 3 + 1, '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), as_uchar(padded),
                                       static_cast<int>(padded.size()));
    if (length < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(length) - (padded.size() - text.size()));
    return out;
}

std::string key_type_of(std::string_view key_blob) {
    Decoder in(std::as_bytes(std::span(key_blob)));
    const std::string_view type = in.str();
    const bool sane = in.ok() && type.size() <= 64 &&
                      std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < 127; });
    return sane ? std::string(type) : std::string();
}

std::string fingerprint_of(std::string_view key_blob) {
    const Sha256 digest = sha256_of(std::as_bytes(std::span(key_blob)));
    std::string text =
        base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
    while (text.ends_with('=')) text.pop_back();
    return "SHA256:" + text;
}

void read_known_hosts(std::string_view text, std::string_view source, std::string_view host, unsigned port,
                      KnownHost& into) {
    const std::string name = known_name(host, port);
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);

        std::string_view word = next_word(line);
        if (word.empty() || word.starts_with('#')) continue;
        const bool revoked = word == "@revoked";
        // Host certificates are not spoken here, so an authority's key vouches for nothing.
        if (word.starts_with('@') && !revoked) continue;
        if (revoked) word = next_word(line);
        if (!matches_hosts(word, name)) continue;
        const std::string_view type = next_word(line);
        const auto blob = base64_decode(next_word(line));
        if (!blob || blob->empty() || key_type_of(*blob) != type) continue;
        (revoked ? into.revoked : into.keys)
            .push_back({*blob, std::string(source) + ":" + std::to_string(number)});
    }
}

Result<PinnedKey> parse_pinned_key(std::string_view text) {
    std::string_view rest = text;
    for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
        if (word.starts_with("SHA256:")) {
            const auto digest = base64_decode(word.substr(7));
            if (!digest || digest->size() != 32) break;
            while (word.ends_with('=')) word.remove_suffix(1);
            return PinnedKey{std::string(word), {}};
        }
        std::string_view after = rest;
        const auto blob = base64_decode(next_word(after));
        if (blob && !blob->empty() && key_type_of(*blob) == word) return PinnedKey{fingerprint_of(*blob), *blob};
    }
    return fail(Errc::config, "read host_key",
                "expected \"ssh-ed25519 AAAA...\" or \"SHA256:...\" as `ssh-keygen -lf` prints it");
}

HostKeyPolicy HostKeyPolicy::pinned(PinnedKey key) {
    HostKeyPolicy policy;
    policy.pin_ = std::move(key);
    return policy;
}

HostKeyPolicy HostKeyPolicy::files(std::vector<std::string> known_hosts_paths) {
    HostKeyPolicy policy;
    policy.paths_ = std::move(known_hosts_paths);
    return policy;
}

HostKeyPolicy::Knowledge HostKeyPolicy::look_up(std::string_view host, unsigned port) const {
    Knowledge knowledge{pin_, {}, paths_};
    for (const std::string& path : paths_) {
        std::ifstream file(path, std::ios::binary);
        if (!file) continue;
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        read_known_hosts(text, path, host, port, knowledge.known);
    }
    return knowledge;
}

std::vector<std::string> preferred_key_types(const HostKeyPolicy::Knowledge& knowledge) {
    std::vector<std::string> types;
    const auto add = [&](const std::string& type) {
        if (!type.empty() && std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
    };
    if (knowledge.pin && !knowledge.pin->blob.empty()) add(key_type_of(knowledge.pin->blob));
    for (const KnownKey& key : knowledge.known.keys) add(key_type_of(key.blob));
    for (const char* type : {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"})
        add(type);
    return types;
}

Status check_host_key(const HostKeyPolicy::Knowledge& knowledge, std::string_view host, unsigned port,
                      std::string_view offered_blob) {
    const std::string what = "check host key of " + std::string(host) + ":" + std::to_string(port);
    const std::string offered = "offered " + describe(offered_blob);
    if (knowledge.pin) {
        if (knowledge.pin->fingerprint == fingerprint_of(offered_blob)) return {};
        const std::string& blob = knowledge.pin->blob;
        return fail(Errc::host_key_changed, what,
                    offered + ", configured " + (blob.empty() ? knowledge.pin->fingerprint : describe(blob)));
    }
    const auto is_offered = [&](const KnownKey& key) { return key.blob == offered_blob; };
    const KnownHost& known = knowledge.known;
    const auto revoked = std::find_if(known.revoked.begin(), known.revoked.end(), is_offered);
    if (revoked != known.revoked.end())
        return fail(Errc::host_key_changed, what, offered + ", which " + revoked->source + " marks as revoked");
    if (std::any_of(known.keys.begin(), known.keys.end(), is_offered)) return {};
    const auto is_checkable = [](const KnownKey& key) {
        const std::string type = key_type_of(key.blob);
        return type == "ssh-ed25519" || type.starts_with("ecdsa-sha2-nistp") || (kRsaHostKeys && type == "ssh-rsa");
    };
    if (!known.keys.empty() && std::none_of(known.keys.begin(), known.keys.end(), is_checkable))
        return fail(Errc::host_key_unknown, what,
                    offered + ", but " + known.keys.front().source + " knows only a " +
                        key_type_of(known.keys.front().blob) +
                        " key, which cannot be checked here: add the offered one after comparing it");
    if (!known.keys.empty()) {
        std::string expected;
        for (const KnownKey& key : known.keys)
            expected += (expected.empty() ? "" : ", ") + describe(key.blob) + " (" + key.source + ")";
        return fail(Errc::host_key_changed, what, offered + ", known " + expected);
    }
    std::string searched;
    for (const std::string& path : knowledge.searched) searched += (searched.empty() ? "" : ", ") + path;
    return fail(Errc::host_key_unknown, what,
                offered + ", not in " + (searched.empty() ? "any known_hosts file" : searched));
}

}  // namespace oracxfs::sftp
