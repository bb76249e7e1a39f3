// Decorators change nothing of the contract.

#include "providers/limiting.h"
#include "providers/metered.h"
#include "providers/reading_back.h"
#include "providers/retrying.h"
#include "tests/contract/memory_environment.h"

namespace oracxfs::test {
namespace {

ContractInstance decorated(std::string name, const MemoryEnvironment::Wrap& wrap) {
    return {std::move(name), [wrap] {
                return std::make_unique<MemoryEnvironment>(MemoryOptions{.resumable = true}, wrap);
            }};
}

std::unique_ptr<Provider> retrying(std::unique_ptr<Provider> inner, Clock& clock) {
    return std::make_unique<RetryingProvider>(std::move(inner), clock, 1);
}

std::unique_ptr<Provider> limiting(std::unique_ptr<Provider> inner, Clock& clock) {
    // Fast enough not to be felt, but limited: the pieces and waits are the real ones.
    constexpr BandwidthLimits kLimits{.upload_bytes_per_second = 4'000'000'000,
                                      .download_bytes_per_second = 4'000'000'000};
    return std::make_unique<LimitingProvider>(std::move(inner), clock, kLimits);
}

std::unique_ptr<Provider> metered(std::unique_ptr<Provider> inner, Clock& clock) {
    return std::make_unique<MeteredProvider>(std::move(inner), clock);
}

std::unique_ptr<Provider> reading_back(std::unique_ptr<Provider> inner, Clock&) {
    return std::make_unique<ReadingBackProvider>(std::move(inner));
}

std::unique_ptr<Provider> all_of_them(std::unique_ptr<Provider> inner, Clock& clock) {
    return metered(retrying(reading_back(limiting(std::move(inner), clock), clock), clock), clock);
}

INSTANTIATE_TEST_SUITE_P(Decorators, ProviderContract,
                         testing::Values(decorated("Retrying", retrying),
                                         decorated("Limiting", limiting),
                                         decorated("Metered", metered),
                                         decorated("ReadingBack", reading_back),
                                         decorated("AllOfThem", all_of_them)),
                         contract_name);

}  // namespace
}  // namespace oracxfs::test
