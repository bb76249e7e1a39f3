#pragma once
// A provider's test, step by step with a probe file: connect, write, read, hash, delete. Nothing stays behind. Where making
// contact fails the step is named more closely: DNS, TCP, TLS, certificate, host key, sign-in, folder.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
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

// `type`: the kind of provider, "sftp".
ProviderTestReport test_provider(Provider& provider, const OpContext& ctx, Clock& clock,
                                 const std::function<void(const ProviderTestStep&)>& on_step = {}, const std::string& type = {});

// How far a probe that failed had come. "connect" where that cannot be told.
std::string_view contact_step(std::string_view type, const Error& error);

}  // namespace oracxfs
