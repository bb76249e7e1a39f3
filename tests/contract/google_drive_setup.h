#pragma once
// A Google Drive provider and the service it talks to, on loopback.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "providers/google_drive/google_drive_provider.h"
#include "providers/http/oauth.h"
#include "tests/emulators/drive_emulator.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

// The secrets of a provider, as the program keeps them. Thread-safe.
class DriveSecrets {
  public:
    Result<std::string> get(const std::string& what) const {
        const std::lock_guard lock(mutex_);
        const auto found = values_.find(what);
        if (found == values_.end()) return fail(Errc::not_found, "read " + what);
        return found->second;
    }
    Status put(const std::string& what, const std::string& value) {
        const std::lock_guard lock(mutex_);
        values_[what] = value;
        return {};
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> values_;
};

// One machine with a provider.
struct DriveMachine {
    TempDir state;
    std::shared_ptr<DriveSecrets> secrets = std::make_shared<DriveSecrets>();
};

class GoogleDriveSetup {
  public:
    explicit GoogleDriveSetup(DriveOptions options = {}) : service(options) { sign_in(machine, service.oauth().grant()); }

    void sign_in(DriveMachine& at, const IssuedTokens& tokens) {
        http::TokenRecord record;
        record.access_token = tokens.access;
        record.refresh_token = tokens.refresh;
        record.client_id = service.oauth().client().id;
        record.client_secret = service.oauth().client().secret;
        record.scope = tokens.scope;
        ASSERT_TRUE(at.secrets->put("token", record.dump()).has_value());
    }

    [[nodiscard]] ProviderConfig config(DriveMachine& at, Clock* clock = nullptr, Json more = Json::object()) {
        ProviderConfig config;
        config.name = "gd";
        config.type = kGoogleDriveType;
        config.config = Json::object({{"folder", "ORACXPRED"}, {"base_url", service.base_url()}, {"ca_file", service.ca_file()}});
        for (const auto& [key, value] : more.members()) config.config.set(key, value);
        config.secret = [secrets = at.secrets](const std::string& what) { return secrets->get(what); };
        config.store_secret = [secrets = at.secrets](const std::string& what, const std::string& value) { return secrets->put(what, value); };
        config.state_directory = at.state.path();
        config.clock = clock;
        return config;
    }

    std::unique_ptr<Provider> make(DriveMachine& at, Clock* clock = nullptr, Json more = Json::object()) {
        auto provider = make_google_drive_provider(config(at, clock, std::move(more)));
        if (!provider) {
            ADD_FAILURE() << provider.error().to_string();
            return nullptr;
        }
        return std::move(*provider);
    }
    std::unique_ptr<Provider> make() { return make(machine); }

    // The provider's folder in Drive; "" before it was made.
    [[nodiscard]] std::string folder() const {
        const auto found = service.find_path("ORACXPRED");
        return found.empty() ? "" : found.front().id;
    }
    [[nodiscard]] std::vector<DriveEntry> at(const ObjectKey& key) const { return service.find_path("ORACXPRED/" + key); }
    // As somebody else, with the folders above.
    DriveEntry add(const ObjectKey& key, std::string content, Owner owner = Owner::app) {
        std::string parent = folder();
        std::size_t begin = 0;
        for (std::size_t slash = key.find('/'); slash != std::string::npos; begin = slash + 1, slash = key.find('/', begin)) {
            const auto known = at(key.substr(0, slash));
            parent = known.empty() ? service.make_folder(parent, key.substr(begin, slash - begin), owner).id : known.front().id;
        }
        return service.put(parent, key.substr(begin), std::move(content), owner);
    }

    DriveEmulator service;
    DriveMachine machine;
};

}  // namespace oracxfs::test
