#include "fs/ack.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using S = ReplicaState;
using P = ProviderState;

struct Place {
    std::optional<S> replica;  // nothing: no row
    P provider = P::active;    // anything else: down
    bool intent = false;
    bool enabled = true;
};

AckDecision decide(const AckPolicy& policy, const std::vector<Place>& places) {
    std::vector<ReplicaRow> rows;
    std::vector<ProviderHealth> providers;
    std::int64_t id = 0;
    for (const Place& place : places) {
        const ProviderId provider{++id};
        providers.push_back({provider, place.enabled, place.provider != P::active, place.provider});
        if (!place.replica) continue;
        ReplicaRow row;
        row.version = VersionId{7};
        row.provider = provider;
        row.state = *place.replica;
        if (place.intent) row.intent_key = "k";
        rows.push_back(row);
    }
    return judge(policy, rows, providers);
}

AckPolicy all(std::uint32_t min_replicas = 1) { return {AckPolicy::Mode::all, 1, min_replicas}; }
AckPolicy quorum(std::uint32_t n) { return {AckPolicy::Mode::quorum, n, 1}; }
AckPolicy journal() { return {AckPolicy::Mode::journal, 1, 1}; }

struct AckCase {
    std::string name;
    AckPolicy policy;
    std::vector<Place> places;
    AckVerdict verdict;
    int errno_value = 0;  // when broken
};

const Place kGood{S::verified};
const Place kOpen{S::uploading};

std::vector<AckCase> ack_cases() {
    using V = AckVerdict;
    return {
        {"all verified", all(), {kGood, kGood}, V::kept},
        {"one to go", all(), {kGood, kOpen}, V::pending},
        {"one down, one verified", all(), {kGood, {S::queued, P::offline}}, V::kept},
        {"one down, one to go", all(), {kOpen, {S::queued, P::offline}}, V::pending},
        {"one refused the file, one verified", all(), {kGood, {S::failed}}, V::kept},
        {"one refused the file, one to go", all(), {kOpen, {S::failed}}, V::pending},
        {"a verified copy counts although its provider is down now", all(), {{S::verified, P::offline}}, V::kept},
        {"verified, but a move is under way", all(), {{S::verified, P::active, true}}, V::pending},
        {"stored is not verified", all(), {{S::stored}}, V::pending},
        {"a disabled provider is not waited for", all(), {kGood, {S::queued, P::active, false, false}}, V::kept},
        {"and its copy does not count", all(), {{S::verified, P::active, false, false}}, V::broken, EIO},

        {"offline", all(), {{S::queued, P::offline}, {S::queued, P::offline}}, V::broken, ETIMEDOUT},
        {"full", all(), {{S::queued, P::full}, {S::queued, P::full}}, V::broken, EDQUOT},
        {"sign-in", all(), {{S::queued, P::auth_needed}}, V::broken, EACCES},
        {"host key", all(), {{S::queued, P::blocked}, {S::queued, P::auth_needed}}, V::broken, EACCES},
        {"several reasons", all(), {{S::queued, P::full}, {S::queued, P::offline}}, V::broken, EIO},
        {"the file was refused", all(), {{S::failed}}, V::broken, EIO},
        {"refused here, offline there", all(), {{S::failed}, {S::queued, P::offline}}, V::broken, EIO},
        {"throttled for so long that it counts as down", all(), {{S::queued, P::degraded}}, V::broken, EIO},
        {"the last one may still make it", all(), {{S::queued, P::full}, kOpen}, V::pending},

        {"two wanted, one verified, one full", all(2), {kGood, {S::queued, P::full}}, V::broken, EDQUOT},
        {"two wanted, two verified, one down", all(2), {kGood, kGood, {S::queued, P::offline}}, V::kept},
        {"two wanted, one verified, one to go, one down", all(2), {kGood, kOpen, {S::queued, P::offline}}, V::pending},
        {"none needed, all down", all(0), {{S::queued, P::offline}}, V::kept},

        {"quorum reached", quorum(2), {kGood, kGood, kOpen}, V::kept},
        {"quorum open", quorum(2), {kGood, kOpen, kOpen}, V::pending},
        {"quorum out of reach", quorum(2), {kGood, {S::queued, P::offline}, {S::queued, P::offline}}, V::broken, ETIMEDOUT},
        {"quorum out of reach before the last upload ended", quorum(3), {kGood, kOpen, {S::queued, P::full}}, V::broken, EDQUOT},
        {"quorum of more than there are", quorum(3), {kGood, kGood}, V::broken, EIO},

        {"journal needs nobody", journal(), {{S::queued, P::offline}}, V::kept},
        {"journal without providers", journal(), {}, V::kept},
    };
}

TEST(Ack, Verdicts) {
    for (const AckCase& c : ack_cases()) {
        SCOPED_TRACE(c.name);
        const AckDecision decision = decide(c.policy, c.places);
        EXPECT_EQ(decision.verdict, c.verdict);
        if (c.verdict == AckVerdict::broken) {
            EXPECT_EQ(info(decision.code).errno_value, c.errno_value);
        }
    }
}

TEST(Ack, EveryStateIsSafeOrOpenOrFailed) {
    for (const S state : {S::queued, S::uploading, S::stored, S::verified, S::missing, S::damaged, S::failed, S::paused}) {
        const AckDecision decision = decide(all(), {{state}});
        EXPECT_EQ(decision.verdict, state == S::verified ? AckVerdict::kept : state == S::failed ? AckVerdict::broken : AckVerdict::pending)
            << to_string(state);
        EXPECT_EQ(decision.verified, state == S::verified ? 1u : 0u) << to_string(state);
        EXPECT_EQ(decision.wanted, 1u);
    }
}

TEST(Ack, NothingIsKeptThatIsNotVerified) {
    // Every pair of replica states and provider states, under every policy: kept means that enough are verified.
    const std::vector<P> providers = {P::active, P::degraded, P::auth_needed, P::full, P::offline, P::blocked};
    const std::vector<S> states = {S::queued, S::uploading, S::stored, S::verified, S::missing, S::damaged, S::failed};
    for (const AckPolicy& policy : {all(1), all(2), quorum(1), quorum(2)})
        for (const S s1 : states)
            for (const S s2 : states)
                for (const P p1 : providers)
                    for (const P p2 : providers) {
                        const std::uint32_t verified = (s1 == S::verified ? 1 : 0) + (s2 == S::verified ? 1 : 0);
                        const std::uint32_t needed = policy.mode == AckPolicy::Mode::quorum ? policy.quorum : policy.min_replicas;
                        const AckDecision decision = decide(policy, {{s1, p1}, {s2, p2}});
                        ASSERT_EQ(decision.verified, verified);
                        if (decision.verdict == AckVerdict::kept) {
                            ASSERT_GE(verified, needed);
                        }
                        if (decision.verdict == AckVerdict::broken) {
                            ASSERT_LT(verified, needed);
                        }
                    }
}

TEST(Ack, Policies) {
    for (const std::string text : {"all", "journal", "quorum=1", "quorum=2", "quorum=63"}) {
        const auto policy = parse_ack_policy(text);
        ASSERT_THAT(policy, IsOk()) << text;
        EXPECT_EQ(to_string(*policy), text);
    }
    EXPECT_EQ(parse_ack_policy("quorum=2")->quorum, 2u);
    for (const std::string text : {"", "ALL", "quorum", "quorum=", "quorum=0", "quorum=64", "quorum=-1", "quorum=2x", "quorum= 2", "quorum=99999999999", "some"})
        EXPECT_THAT(parse_ack_policy(text), HasCode(Errc::invalid)) << text;
}

}  // namespace
}  // namespace oracxfs::test
