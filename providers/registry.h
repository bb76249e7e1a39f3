#pragma once
// Kind -> factory. Filled by main (no self-registration).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "providers/provider.h"

namespace oracxfs {

// What a factory gets. `config` is the provider's entry of cloud_config.json, already validated against the schema.
struct ProviderConfig {
    std::string name;
    std::string type;
    Json config;
    // Reads a secret that belongs to this provider ("password", "key_passphrase", "token"); not_found if none is stored.
    std::function<Result<std::string>(const std::string& what)> secret;
    // Replaces such a secret, durably (renewed tokens). Empty where nothing may be stored.
    std::function<Status(const std::string& what, const std::string& value)> store_secret;
    // Folders the provider must not use (the mount point, the state directory).
    std::vector<std::string> forbidden_paths;
    std::string state_directory;  // for known_hosts and the like
    std::string instance;         // [0-9a-f]{8}: this installation, part of upload names
    Clock* clock = nullptr;       // outlives the provider
};

using ProviderFactory = std::function<Result<std::unique_ptr<Provider>>(const ProviderConfig&)>;

class ProviderRegistry {
  public:
    void add(std::string type, ProviderFactory factory);
    // config if the type is unknown, or whatever the factory says. No network: the factory only reads its configuration.
    [[nodiscard]] Result<std::unique_ptr<Provider>> create(const ProviderConfig& config) const;
    [[nodiscard]] std::vector<std::string> types() const;

  private:
    std::map<std::string, ProviderFactory> factories_;
};

}  // namespace oracxfs
