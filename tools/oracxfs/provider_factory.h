#pragma once
// From an entry of the configuration to a provider with its decorators.

#include <memory>
#include <string>

#include "cache/secrets.h"
#include "providers/limiting.h"
#include "providers/registry.h"
#include "tools/config/config.h"

namespace oracxfs {

// All kinds of this version.
ProviderRegistry make_registry();

struct ProviderSurroundings {
    std::string state_directory;
    std::string instance;
    std::vector<std::string> forbidden_paths;
    // Looks a secret up by its full name ("nas/password"); not_found, or why none can be read.
    std::function<Result<std::string>(const std::string& name)> secret;
    // Stores one under its full name; empty where nothing may be stored.
    std::function<Status(const std::string& name, const std::string& value)> store_secret;
    Clock* clock = nullptr;
    RateByTime upload_limit;          // what holds for each provider now, beside its own limit; asked about once a second
    bool verify_by_download = false;  // replication.verify; a provider's own `verify` goes first
};

// Metered(Retrying(ReadingBack(Limiting(real)))), reading back only where that is wanted and the kind does not by itself. Errors: unsupported (a type of a later version), config.
Result<std::unique_ptr<Provider>> make_provider(const ProviderRegistry& registry, const ProviderEntry& entry,
                                                const ProviderSurroundings& surroundings);

// A provider that cannot be made, in the place of the real one: every call fails with the reason. So it counts as
// configured and down, never as absent: fewer copies than wanted are not called safe.
std::shared_ptr<Provider> make_unusable_provider(Error reason);

// "nas/password": the name of a provider's secret in the store.
std::string secret_name(const std::string& provider, const std::string& what);

}  // namespace oracxfs
