#pragma once
// A Dropbox provider and the service it talks to, on loopback.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "providers/dropbox/dropbox_provider.h"
#include "providers/http/oauth.h"
#include "tests/emulators/dropbox_emulator.h"

namespace oracxfs::test {

// The secrets of a provider, as the program keeps them. Thread-safe.
struct SecretDrawer {
    std::mutex mutex;
    std::map<std::string, std::string> secrets;
    int stored = 0;
};

inline std::string token_of(DropboxEmulator& service, const IssuedTokens& tokens) {
    http::TokenRecord record;
    record.access_token = tokens.access;
    record.refresh_token = tokens.refresh;
    record.client_id = service.oauth().client().id;
    record.scope = tokens.scope;
    return record.dump();
}

class DropboxSetup {
  public:
    explicit DropboxSetup(DropboxOptions options = {}, std::string folder = "/ORACXPRED") : service(options), folder_(std::move(folder)) {
        set_token(token_of(service, service.oauth().grant()));
    }

    void set_token(const std::string& text) {
        const std::lock_guard lock(drawer->mutex);
        drawer->secrets["token"] = text;
    }

    [[nodiscard]] ProviderConfig config(Clock* clock = nullptr) {
        ProviderConfig config;
        config.name = "box";
        config.type = kDropboxType;
        config.config = Json::object({{"folder", folder_}, {"base_url", service.base_url()}, {"ca_file", service.ca_file()}});
        config.secret = [drawer = drawer](const std::string& what) -> Result<std::string> {
            const std::lock_guard lock(drawer->mutex);
            const auto found = drawer->secrets.find(what);
            if (found == drawer->secrets.end()) return fail(Errc::not_found, "read " + what);
            return found->second;
        };
        config.store_secret = [drawer = drawer](const std::string& what, const std::string& value) -> Status {
            const std::lock_guard lock(drawer->mutex);
            drawer->secrets[what] = value;
            ++drawer->stored;
            return {};
        };
        config.clock = clock;
        return config;
    }

    std::unique_ptr<Provider> make(Clock* clock = nullptr) {
        auto provider = make_dropbox_provider(config(clock));
        if (!provider) {
            ADD_FAILURE() << provider.error().to_string();
            return nullptr;
        }
        return std::move(*provider);
    }

    // What lies under a key at the service.
    [[nodiscard]] std::string path(const ObjectKey& key) const { return folder_ + "/" + key; }

    DropboxEmulator service;
    const std::shared_ptr<SecretDrawer> drawer = std::make_shared<SecretDrawer>();

  private:
    const std::string folder_;
};

}  // namespace oracxfs::test
