#pragma once
// The insides of OAuthEmulator.

#include <openssl/evp.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/emulators/oauth_emulator.h"

namespace oracxfs::test {

struct FreeKey {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeKey>;

// A form in a body or a query, decoded.
struct OAuthEmulator::Form {
    std::map<std::string, std::string, std::less<>> fields;
    std::string basic_id, basic_secret;  // of HTTP Basic
    bool has_basic = false;

    [[nodiscard]] std::optional<std::string> find(std::string_view name) const {
        const auto it = fields.find(name);
        if (it == fields.end()) return std::nullopt;
        return it->second;
    }
    [[nodiscard]] std::string get(std::string_view name) const { return find(name).value_or(""); }
    // Nothing: a field twice, or broken encoding.
    static std::optional<Form> parse(std::string_view text);
};

struct OAuthEmulator::State {
    struct Grant {
        std::string client_id;
        std::set<std::string> scopes;
        std::string refresh_token;  // "" = none
        bool alive = true;
        std::string service_account, subject;
    };
    struct Access {
        std::uint64_t grant = 0;
        std::set<std::string> scopes;
        WallTime expires;
        bool invalid = false;
    };
    struct Code {
        std::string client_id;
        std::optional<std::string> redirect_uri;
        std::string challenge;
        std::set<std::string> scopes;
        bool offline = false;
        WallTime expires;
        std::uint64_t grant = 0;  // that it was exchanged for
    };
    struct Device {
        enum class Answer { pending, approved, denied, expired };
        std::string user_code, client_id;
        std::set<std::string> scopes;
        Answer answer = Answer::pending;
        std::chrono::seconds interval{5};
        std::optional<SteadyTime> polled;
        WallTime expires;
    };
    struct ServiceAccount {
        std::string key_id;
        KeyHandle key;
        std::set<std::string> subjects;
    };

    OAuthOptions options;
    std::uint64_t last_grant = 0;
    std::map<std::uint64_t, Grant> grants;
    std::map<std::string, Access, std::less<>> access;
    std::map<std::string, Code, std::less<>> codes;
    std::map<std::string, Device, std::less<>> devices;
    std::map<std::string, ServiceAccount, std::less<>> service_accounts;
    bool client_removed = false;
    std::uint64_t refreshes = 0, exchanges = 0, assertions = 0, revocations = 0;
};

std::set<std::string> words_of(std::string_view text);
std::string joined(const std::set<std::string>& words);
std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);
std::string sha256_bytes(std::string_view text);
HttpsResponse oauth_error(int status, std::string error, std::string description = {});

}  // namespace oracxfs::test
