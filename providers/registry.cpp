#include "providers/registry.h"

#include "base/assert.h"

namespace oracxfs {

void ProviderRegistry::add(std::string type, ProviderFactory factory) {
    ORACX_ASSERT(factory);
    const bool added = factories_.emplace(std::move(type), std::move(factory)).second;
    ORACX_ASSERT(added);
}

Result<std::unique_ptr<Provider>> ProviderRegistry::create(const ProviderConfig& config) const {
    const auto found = factories_.find(config.type);
    if (found != factories_.end()) return found->second(config);
    std::string known;
    for (const auto& [type, factory] : factories_) known += (known.empty() ? "" : ", ") + type;
    return fail(Error(Errc::config, "create provider of type '" + config.type + "'",
                      "unknown type; known are: " + known)
                    .with_provider(config.name));
}

std::vector<std::string> ProviderRegistry::types() const {
    std::vector<std::string> names;
    for (const auto& [type, factory] : factories_) names.push_back(type);
    return names;
}

}  // namespace oracxfs
