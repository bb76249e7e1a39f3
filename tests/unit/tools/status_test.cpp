#include "tools/oracxfs/status.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

using test::IsOk;

TEST(Safety, NothingIsConfiguredWithoutAnEnabledProvider) {
    EXPECT_EQ(judge_safety({.providers = 0, .providers_down = 0, .files = 5, .files_incomplete = 5, .files_without_copy = 5}),
              Safety::not_configured);
}

TEST(Safety, AllCopiesVerifiedAtProvidersThatAreUpIsProtected) {
    EXPECT_EQ(judge_safety({.providers = 2, .files = 5}), Safety::protected_everywhere);
    EXPECT_EQ(judge_safety({.providers = 2, .files = 0}), Safety::protected_everywhere);
}

TEST(Safety, AMissingCopyIsDegradedAsLongAsEachFileHasOne) {
    EXPECT_EQ(judge_safety({.providers = 2, .files = 5, .files_incomplete = 1}), Safety::degraded);
}

TEST(Safety, AProviderThatIsDownIsNeverCalledProtected) {
    EXPECT_EQ(judge_safety({.providers = 2, .providers_down = 1, .files = 5}), Safety::degraded);
    EXPECT_EQ(judge_safety({.providers = 2, .providers_down = 2, .files = 0}), Safety::degraded);
}

TEST(Safety, OneFileWithoutACopyIsAtRiskWhateverTheOthersHave) {
    EXPECT_EQ(judge_safety({.providers = 3, .files = 1'000'000, .files_incomplete = 1, .files_without_copy = 1}), Safety::at_risk);
}

TEST(Safety, NoFileWithACopyIsUnprotected) {
    EXPECT_EQ(judge_safety({.providers = 1, .files = 1, .files_incomplete = 1, .files_without_copy = 1}), Safety::unprotected);
}

TEST(Safety, AFirstCopyUnderWayIsNoRiskButNotProtectedEither) {
    EXPECT_EQ(judge_safety({.providers = 2, .files = 5, .files_incomplete = 2, .files_without_copy = 1, .without_copy_under_way = 1}), Safety::degraded);
    EXPECT_EQ(judge_safety({.providers = 2, .files = 5, .files_incomplete = 2, .files_without_copy = 2, .without_copy_under_way = 1}), Safety::at_risk);
}

TEST(Safety, AProviderThatIsDownIsAFaultWhateverIsUnderWay) {
    EXPECT_EQ(judge_safety({.providers = 2, .providers_down = 1, .files = 5, .files_incomplete = 1, .files_without_copy = 1, .without_copy_under_way = 1}), Safety::degraded);
}

TEST(Safety, WhereNoFileHasACopyNothingIsProtectedYet) {
    EXPECT_EQ(judge_safety({.providers = 2, .files = 1, .files_incomplete = 1, .files_without_copy = 1, .without_copy_under_way = 1}), Safety::unprotected);
}

TEST(Safety, TheWordsAreThoseOfTheContract) {
    EXPECT_EQ(to_string(Safety::protected_everywhere), "protected");
    EXPECT_EQ(to_string(Safety::degraded), "degraded");
    EXPECT_EQ(to_string(Safety::at_risk), "at_risk");
    EXPECT_EQ(to_string(Safety::unprotected), "unprotected");
    EXPECT_EQ(to_string(Safety::not_configured), "not_configured");
}

Json report(const std::string& state, std::int64_t verified = 2, std::int64_t damaged = 0, const std::string& last_ok = "2026-01-01T00:00:00Z") {
    return Json::object({{"state", state},
                         {"copies", Json::object({{"wanted", 3}, {"verified", verified}})},
                         {"files", Json::object({{"damaged_copies", damaged}})},
                         {"providers", Json::array().push(Json::object({{"name", "a"}, {"enabled", true}, {"last_ok", last_ok}}))}});
}

const WallTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) + std::chrono::hours(1);

TEST(StatusCheck, ExitCodesFollowTheState) {
    EXPECT_EQ(check_exit_code(report("protected"), {}, kNow), 0);
    EXPECT_EQ(check_exit_code(report("degraded"), {}, kNow), 3);
    EXPECT_EQ(check_exit_code(report("at_risk"), {}, kNow), 5);
    EXPECT_EQ(check_exit_code(report("unprotected"), {}, kNow), 5);
    EXPECT_EQ(check_exit_code(report("at_risk", 0, 1), {}, kNow), 6);
    EXPECT_EQ(check_exit_code(report("not_configured"), {}, kNow), 10);
}

TEST(StatusCheck, EnoughCopiesTurnDegradedIntoSuccess) {
    EXPECT_EQ(check_exit_code(report("degraded", 2), {.min_copies = 2}, kNow), 0);
    EXPECT_EQ(check_exit_code(report("degraded", 1), {.min_copies = 2}, kNow), 3);
    EXPECT_EQ(check_exit_code(report("at_risk", 0), {.min_copies = 1}, kNow), 5);
    EXPECT_EQ(check_exit_code(report("protected", 1), {.min_copies = 2}, kNow), 3);
}

TEST(StatusCheck, AProviderThatWasSilentForTooLongIsNoSuccess) {
    EXPECT_EQ(check_exit_code(report("protected"), {.max_age = Millis(2 * 3'600'000)}, kNow), 0);
    EXPECT_EQ(check_exit_code(report("protected"), {.max_age = Millis(1'800'000)}, kNow), 3);
    EXPECT_EQ(check_exit_code(report("protected", 2, 0, ""), {.max_age = Millis(1'800'000)}, kNow), 3);
}

// --- the report, from a real catalogue ---------------------------------------------------------------------------------

class StatusReport : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = Catalog::open({dir_ / "catalog.db", &clock_, Millis(0)});
        ASSERT_THAT(opened, IsOk());
        catalog_ = std::move(*opened);
    }
    void configure(const std::vector<std::string>& names) {
        Config config;
        for (const std::string& name : names) {
            ProviderEntry entry;
            entry.name = name;
            entry.type = "local";
            config.providers.push_back(entry);
        }
        config_ = std::make_shared<const Config>(config);
    }
    ProviderId provider(const std::string& name) { return catalog_->configure_provider(name, "local", true).value(); }
    VersionId file(const std::string& name, const std::vector<ProviderId>& wanted) {
        VersionCommit commit;
        commit.node.id = catalog_->reserve_node().value();
        commit.node.parent = kRootNode;
        commit.node.name = name;
        commit.version = catalog_->reserve_version().value();
        commit.node.version = commit.version;
        commit.node.size = commit.digests.size = 10;
        commit.wanted = wanted;
        EXPECT_THAT(catalog_->commit_version(commit), IsOk());
        return commit.version;
    }
    void verify(VersionId version, ProviderId at, const std::string& key) {
        ReplicaRow row;
        row.version = version;
        row.provider = at;
        row.state = ReplicaState::verified;
        row.key = key;
        row.verified_at = clock_.wall();
        EXPECT_THAT(catalog_->record({{ReplicaChange::Kind::store, row, std::nullopt}}, true), IsOk());
    }
    StateView view() { return {*catalog_, clock_, config_, nullptr, nullptr, {}, false}; }
    Json status() { return status_report(view()).value(); }

    test::TempDir dir_;
    test::FakeClock clock_;
    std::unique_ptr<Catalog> catalog_;
    std::shared_ptr<const Config> config_;
};

TEST_F(StatusReport, CountsACopyOnlyWhenItIsVerified) {
    configure({"a", "b"});
    const ProviderId a = provider("a"), b = provider("b");
    const VersionId version = file("f", {a, b});
    EXPECT_EQ(status()["state"].as_string(), "unprotected");
    verify(version, a, "f");
    EXPECT_EQ(status()["state"].as_string(), "degraded");
    EXPECT_EQ(status()["copies"]["verified"].as_int(), 1);
    EXPECT_EQ(status()["files"]["incomplete"].as_int(), 1);
    verify(version, b, "f");
    EXPECT_EQ(status()["state"].as_string(), "protected");
    EXPECT_EQ(status()["copies"]["verified"].as_int(), 2);
}

TEST_F(StatusReport, AProviderThatWasNeverOpenedHoldsNothing) {
    configure({"a", "new"});
    const ProviderId a = provider("a");
    verify(file("f", {a}), a, "f");
    const Json data = status();
    EXPECT_EQ(data["state"].as_string(), "degraded");
    EXPECT_EQ(data["copies"]["wanted"].as_int(), 2);
    EXPECT_EQ(data["copies"]["verified"].as_int(), 1);
}

TEST_F(StatusReport, AProviderTakenOutOfTheConfigurationDoesNotCount) {
    configure({"a"});
    const ProviderId a = provider("a"), gone = provider("gone");
    const VersionId version = file("f", {a, gone});
    verify(version, gone, "f");
    ASSERT_THAT(catalog_->configure_provider("gone", "local", false), IsOk());
    EXPECT_EQ(status()["state"].as_string(), "unprotected");
}

TEST_F(StatusReport, PendingNamesTheFileAndWhereItIsMissing) {
    configure({"a", "b"});
    const ProviderId a = provider("a"), b = provider("b");
    verify(file("done", {a}), a, "done");
    verify(file("half", {a, b}), a, "half");
    const auto pending = pending_report(view(), "", 10);
    ASSERT_THAT(pending, IsOk());
    ASSERT_EQ((*pending)["files"].items().size(), 1u);
    const Json& entry = (*pending)["files"].items()[0];
    EXPECT_EQ(entry["path"].as_string(), "half");
    EXPECT_EQ(entry["verified"].as_int(), 1);
    EXPECT_EQ(entry["missing"].items()[0]["provider"].as_string(), "b");
    EXPECT_EQ((*pending)["without_copy"].as_int(), 0);
}

}  // namespace
}  // namespace oracxfs
