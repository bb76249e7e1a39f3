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

// A kind that notes how it was made.
class FactorySettings : public testing::Test {
  protected:
    FactorySettings() {
        registry_.add("sftp", [this](const ProviderConfig& config) -> Result<std::unique_ptr<Provider>> {
            seen_verify_ = config.config["verify"].as_string();
            return std::unique_ptr<Provider>(std::make_unique<test::MemoryProvider>(clock_));
        });
        entry_.name = "nas";
        entry_.type = "sftp";
        entry_.values = Json::object({{"verify", "auto"}});
        surroundings_.clock = &clock_;
        surroundings_.secret = [](const std::string& name) -> Result<std::string> { return fail(Errc::not_found, name); };
    }
    std::unique_ptr<Provider> make() {
        auto made = make_provider(registry_, entry_, surroundings_);
        EXPECT_TRUE(made.has_value());
        return std::move(*made);
    }

    test::FakeClock clock_{test::FakeClock::Sleep::advances};
    ProviderRegistry registry_;
    ProviderEntry entry_;
    ProviderSurroundings surroundings_;
    std::string seen_verify_;
};

TEST_F(FactorySettings, ByDefaultAProviderVerifiesAsItDoesBest) {
    EXPECT_TRUE(make()->capabilities().verifies_in_put);
    EXPECT_EQ(seen_verify_, "auto");
}

TEST_F(FactorySettings, VerifyByDownloadReadsBackWhatAKindWouldOnlyHash) {
    surroundings_.verify_by_download = true;
    const auto provider = make();
    EXPECT_TRUE(provider->capabilities().reads_back);
    EXPECT_FALSE(provider->capabilities().verifies_in_put);
    EXPECT_EQ(seen_verify_, "readback");
}

TEST_F(FactorySettings, AProvidersOwnVerifyGoesFirst) {
    surroundings_.verify_by_download = true;
    entry_.values.set("verify", "hash");
    EXPECT_TRUE(make()->capabilities().verifies_in_put);
    EXPECT_EQ(seen_verify_, "hash");
}

TEST_F(FactorySettings, TheCommonLimitIsForUploadsAndNothingElse) {
    const std::uint64_t rate = 1u << 20;
    surroundings_.upload_limit = [&](WallTime) { return rate; };
    const auto provider = make();
    const SteadyTime begin = clock_.steady();
    test::MemoryBlob blob(test::random_content(3 * rate, 1));
    PutOptions options;
    options.upload_id = "upload";
    const auto stored = provider->put({}, "file", blob, options);
    ASSERT_TRUE(stored.has_value());
    EXPECT_NEAR(std::chrono::duration<double>(clock_.steady() - begin).count(), 3.0, 0.2);
    const SteadyTime read = clock_.steady();
    EXPECT_TRUE(provider->read({}, stored->object, 0, 3 * rate, [](auto) { return true; }).has_value());
    EXPECT_EQ(clock_.steady(), read);
}

TEST_F(FactorySettings, ANewLimitHoldsForWhatIsOnItsWay) {
    const std::uint64_t slow = 64u << 10;
    const SteadyTime raised = clock_.steady() + std::chrono::seconds(10);
    surroundings_.upload_limit = [&](WallTime) { return clock_.steady() < raised ? slow : 0; };
    const auto provider = make();
    test::MemoryBlob blob(test::random_content(100 * slow, 1));
    PutOptions options;
    options.upload_id = "upload";
    const SteadyTime begin = clock_.steady();
    ASSERT_TRUE(provider->put({}, "file", blob, options).has_value());
    EXPECT_NEAR(std::chrono::duration<double>(clock_.steady() - begin).count(), 10.0, 1.5);
}

TEST_F(FactorySettings, TheLowerOfTwoLimitsCounts) {
    const std::uint64_t own = 1u << 20;
    entry_.values.set("upload_limit", static_cast<std::int64_t>(own));
    surroundings_.upload_limit = [&](WallTime) { return 2 * own; };
    const auto provider = make();
    test::MemoryBlob blob(test::random_content(3 * own, 1));
    PutOptions options;
    options.upload_id = "upload";
    const SteadyTime begin = clock_.steady();
    ASSERT_TRUE(provider->put({}, "file", blob, options).has_value());
    EXPECT_NEAR(std::chrono::duration<double>(clock_.steady() - begin).count(), 3.0, 0.2);
}

TEST(ProviderFactory, AnUnusableProviderFailsEachCallWithItsReason) {
    const auto provider = make_unusable_provider(Error(Errc::key_unavailable, "open the stored secrets", "no key"));
    EXPECT_EQ(provider->probe({}).error().code, Errc::key_unavailable);
    EXPECT_EQ(provider->stat({}, "a").error().code, Errc::key_unavailable);
}

}  // namespace
}  // namespace oracxfs
