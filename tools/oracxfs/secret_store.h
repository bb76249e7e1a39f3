#pragma once
// The stored secrets, opened at first use: who has no secrets needs no key, and a missing key stops only the providers
// that need one.

#include <memory>
#include <mutex>
#include <string>

#include "cache/secrets.h"
#include "tools/config/places.h"

namespace oracxfs {

// Secrets that belong to the program, not to a provider of the name in front.
[[nodiscard]] bool is_program_secret(std::string_view name);

// Thread-safe.
class SecretStore {
  public:
    SecretStore(const Places& places, Environment environment) : places_(places), environment_(std::move(environment)) {}

    Result<std::string> get(const std::string& name);  // not_found also when nothing was ever stored
    Status put(const std::string& name, const std::string& value);
    Status remove(const std::string& name);
    Result<std::vector<std::string>> names();
    // Moves "from/..." to "to/...". What is ours and not a provider's (see is_program_secret) stays, whatever the provider is
    // called.
    Status rename_owner(const std::string& from, const std::string& to);
    Status remove_owner(const std::string& owner);

  private:
    Result<Secrets*> open();

    const Places places_;
    const Environment environment_;
    std::mutex mutex_;
    std::unique_ptr<Secrets> secrets_;
};

}  // namespace oracxfs
