// The verdict while files are being sent: to providers that are well that is no risk, as long as it gets on.

#include "tests/unit/fs/replication_fixture.h"
#include "tools/oracxfs/status.h"

namespace oracxfs::test {
namespace {

using namespace std::chrono_literals;

struct UnderWayTest : ReplicationTest {
    static MemoryOptions verified_apart() {
        MemoryOptions options;
        options.verifies_in_put = false;
        return options;
    }
    UnderWayTest() : ReplicationTest({verified_apart(), verified_apart()}) {
        Config made;
        for (const char* name : {"p0", "p1"}) {
            ProviderEntry entry;
            entry.name = name;
            entry.type = "local";
            made.providers.push_back(entry);
        }
        config = std::make_shared<const Config>(std::move(made));
    }
    Json status(bool with_replicator = true) {
        const StateView view{*catalog, clock, config, with_replicator ? replicator.get() : nullptr, nullptr, {}, false};
        return status_report(view).value();
    }
    std::string state() { return status()["state"].as_string(); }
    void fail_at(VersionId version, ProviderId provider) {
        ReplicaRow row;
        row.version = version;
        row.provider = provider;
        row.error_code = "E-QUOTA-FULL";
        row.due = clock.wall() + 1h;
        EXPECT_THAT(catalog->record({{ReplicaChange::Kind::store, row, std::nullopt}}, true), IsOk());
    }

    std::shared_ptr<const Config> config;
};

TEST_F(UnderWayTest, NothingIsProtectedBeforeTheFirstCopyIsVerified) {
    commit("a", random_content(100, 1));
    const Json data = status();
    EXPECT_EQ(data["state"].as_string(), "unprotected");
    EXPECT_EQ(data["files"]["under_way"].as_int(), 1);
    EXPECT_EQ(data["copies"]["verified"].as_int(), 0);
    drive_all();
    EXPECT_EQ(state(), "protected");
}

TEST_F(UnderWayTest, ANewFileOnItsWayIsNoRiskButNotProtectedEither) {
    commit("a", random_content(100, 1));
    drive_all();
    commit("b", random_content(100, 2));
    const Json data = status();
    EXPECT_EQ(data["state"].as_string(), "degraded");
    EXPECT_EQ(data["copies"]["verified"].as_int(), 0);
    EXPECT_EQ(data["files"]["incomplete"].as_int(), 1);
    EXPECT_EQ(data["files"]["without_copy"].as_int(), 1);
    EXPECT_EQ(data["files"]["under_way"].as_int(), 1);
    EXPECT_NE(check_exit_code(data, {}, clock.wall()), 0);
    drive_all();
    EXPECT_EQ(status()["files"]["under_way"].as_int(), 0);
    EXPECT_EQ(status()["files"]["incomplete"].as_int(), 0);
}

TEST_F(UnderWayTest, WithoutADaemonNothingIsUnderWay) {
    commit("a", random_content(100, 1));
    drive_all();
    commit("b", random_content(100, 2));
    EXPECT_EQ(status(false)["state"].as_string(), "at_risk");
}

TEST_F(UnderWayTest, AProviderThatIsDownIsAFault) {
    commit("a", random_content(100, 1));
    drive_all();
    providers[1]->down = true;
    commit("b", random_content(100, 2));
    drive_all();
    const Json data = status();
    EXPECT_EQ(data["state"].as_string(), "degraded");
    EXPECT_EQ(data["files"]["incomplete"].as_int(), 1);
    EXPECT_EQ(data["files"]["under_way"].as_int(), 0);
    // A file that is only being sent to the other one is no more at risk than it has to be.
    commit("c", random_content(100, 3));
    EXPECT_EQ(state(), "degraded");
}

TEST_F(UnderWayTest, AFailedAttemptIsAFault) {
    commit("a", random_content(100, 1));
    drive_all();
    const VersionId version = commit("b", random_content(100, 2));
    fail_at(version, ids[0]);
    EXPECT_EQ(state(), "degraded");
    fail_at(version, ids[1]);
    EXPECT_EQ(state(), "at_risk");
}

TEST_F(UnderWayTest, ToWaitTooLongForOnesTurnIsAFault) {
    commit("a", random_content(100, 1));
    drive_all();
    commit("b", random_content(100, 2));
    clock.advance(9min);
    EXPECT_EQ(state(), "degraded");
    clock.advance(2min);
    EXPECT_EQ(state(), "at_risk");
}

TEST_F(UnderWayTest, WhatIsBeingSentMayTakeItsTime) {
    commit("a", random_content(100, 1));
    drive_all();
    std::vector<std::string> seen;
    for (const auto& provider : providers)
        provider->on_verify = [&, raw = provider.get()](const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
            if (seen.empty()) {
                clock.advance(3h);  // the first one alone is checked; the other copy waits, for too long
                seen.push_back(state());
            }
            return raw->inner().verify(ctx, object, expected);
        };
    const VersionId version = commit("b", random_content(100, 2));
    drive_all();
    EXPECT_EQ(seen, std::vector<std::string>{"degraded"});
    EXPECT_EQ(catalog->replicas(version)->size(), 2u);
    EXPECT_EQ(state(), "protected");
}

}  // namespace
}  // namespace oracxfs::test
