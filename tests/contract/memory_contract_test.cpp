// The fakes are held to the same contract as what they stand for.

#include "tests/contract/memory_environment.h"
#include "tests/support/faulty_provider.h"

namespace oracxfs::test {
namespace {

ContractInstance memory(std::string name, MemoryOptions options) {
    return {std::move(name), [options] { return std::make_unique<MemoryEnvironment>(options); }};
}

INSTANTIATE_TEST_SUITE_P(
    Memory, ProviderContract,
    testing::Values(
        memory("Plain", {}), memory("WithDuplicateNames", {.duplicate_names = true}),
        memory("CaseInsensitive", {.case_insensitive = true}),
        memory("WithoutDigests", {.gives_digests = false, .verifies_in_put = false}),
        memory("ResumableWithVersions", {.resumable = true, .keeps_versions = true})),
    contract_name);

INSTANTIATE_TEST_SUITE_P(
    Faulty, ProviderContract,
    testing::Values(ContractInstance{
        "WithRateZero",
        [] {
            return std::make_unique<MemoryEnvironment>(
                MemoryOptions{.resumable = true}, [](std::unique_ptr<Provider> inner, Clock& clock) {
                    return std::make_unique<FaultyProvider>(std::move(inner), clock, 1);
                });
        }}),
    contract_name);

}  // namespace
}  // namespace oracxfs::test
