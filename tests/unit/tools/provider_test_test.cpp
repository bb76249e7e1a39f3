#include "tools/oracxfs/provider_test.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/faulty_provider.h"
#include "tests/support/memory_provider.h"
#include "tools/oracxfs/provider_factory.h"

namespace oracxfs {
namespace {

std::vector<std::string> names(const ProviderTestReport& report) {
    std::vector<std::string> list;
    for (const ProviderTestStep& step : report.steps) list.push_back(step.name);
    return list;
}

TEST(ProviderTest, GoesThroughAllStepsAndLeavesNothingBehind) {
    test::FakeClock clock;
    test::MemoryProvider provider(clock);
    const ProviderTestReport report = test_provider(provider, {}, clock);
    EXPECT_EQ(report.failed(), nullptr);
    EXPECT_EQ(names(report), (std::vector<std::string>{"connect", "write", "read", "hash", "delete"}));
    EXPECT_TRUE(provider.list({}, "", "").value().entries.empty());
    EXPECT_TRUE(provider.list({}, "", "").value().leftovers.empty());
}

TEST(ProviderTest, NamesTheFirstStepThatFails) {
    test::FakeClock clock;
    test::FaultyProvider provider(std::make_unique<test::MemoryProvider>(clock), clock, 1);
    provider.down(true);
    const ProviderTestReport report = test_provider(provider, {}, clock);
    ASSERT_NE(report.failed(), nullptr);
    EXPECT_EQ(report.failed()->name, "connect");
    EXPECT_EQ(report.failed()->error->code, Errc::unavailable);
    EXPECT_EQ(report.steps.size(), 1u);
}

TEST(ProviderTest, NoticesBytesThatComeBackDifferent) {
    test::FakeClock clock;
    test::FaultyProvider provider(std::make_unique<test::MemoryProvider>(clock), clock, 1, {.damaged_read = 1});
    const ProviderTestReport report = test_provider(provider, {}, clock);
    ASSERT_NE(report.failed(), nullptr);
    EXPECT_EQ(report.failed()->name, "read");
    EXPECT_EQ(report.failed()->error->code, Errc::corrupt);
}

TEST(ProviderFactory, ATypeOfALaterVersionIsUnsupportedAndSaysSo) {
    SystemClock clock;
    ProviderEntry entry;
    entry.name = "box";
    entry.type = "s3";
    ProviderSurroundings surroundings;
    surroundings.clock = &clock;
    const auto made = make_provider(make_registry(), entry, surroundings);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, Errc::unsupported);
    EXPECT_EQ(made.error().provider, "box");
    EXPECT_NE(made.error().why.find("not supported in this version"), std::string::npos);
}

TEST(ProviderFactory, AnUnusableProviderFailsEachCallWithItsReason) {
    const auto provider = make_unusable_provider(Error(Errc::key_unavailable, "open the stored secrets", "no key"));
    EXPECT_EQ(provider->probe({}).error().code, Errc::key_unavailable);
    EXPECT_EQ(provider->stat({}, "a").error().code, Errc::key_unavailable);
}

}  // namespace
}  // namespace oracxfs
