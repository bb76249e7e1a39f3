#pragma once
// A provider's test, step by step with a probe file: connect, write, read, hash, delete. Nothing stays behind.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "providers/provider.h"

namespace oracxfs {

struct ProviderTestStep {
    std::string name;      // "connect"
    Millis took{0};
    std::optional<Error> error;
};

struct ProviderTestReport {
    std::vector<ProviderTestStep> steps;  // up to the one that failed
    Space space;
    [[nodiscard]] const ProviderTestStep* failed() const;
};

ProviderTestReport test_provider(Provider& provider, const OpContext& ctx, Clock& clock,
                                 const std::function<void(const ProviderTestStep&)>& on_step = {});

}  // namespace oracxfs
