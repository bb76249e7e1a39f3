// Who waits for a close, and what they are told. With a real catalogue; the health of the providers is made up.

#include "fs/ack_desk.h"

#include <atomic>
#include <future>

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

constexpr auto kLong = std::chrono::seconds(60);

// What a waiter was told; asking waits for it.
class Answer {
  public:
    std::function<void(Status)> done() {
        return [state = state_](Status status) {
            if (state->calls.fetch_add(1) == 0) state->promise.set_value(std::move(status));
        };
    }
    Status get() {
        if (future_.wait_for(kLong) != std::future_status::ready) return fail(Errc::deadline, "the waiter was never called");
        return future_.get();
    }
    [[nodiscard]] bool open() const { return future_.wait_for(std::chrono::seconds(0)) != std::future_status::ready; }
    [[nodiscard]] int calls() const { return state_->calls; }

  private:
    struct State {
        std::promise<Status> promise;
        std::atomic<int> calls{0};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::shared_future<Status> future_ = state_->promise.get_future().share();
};

class AckDeskTest : public CatalogTest {
  protected:
    AckDeskTest() : one(provider("one")), two(provider("two")) {
        for (const ProviderId id : {one, two}) health_[id] = ProviderState::active;
        desk = std::make_unique<AckDesk>(*catalog_, [this] {
            const std::lock_guard lock(mutex_);
            asked_ += 1;
            std::vector<ProviderHealth> list;
            for (const auto& [id, state] : health_) list.push_back({id, true, state != ProviderState::active, state});
            return list;
        });
    }
    ~AckDeskTest() override { desk.reset(); }

    void set_health(ProviderId id, ProviderState state) {
        {
            const std::lock_guard lock(mutex_);
            health_[id] = state;
        }
        desk->health_changed();
    }
    void verify(VersionId version, ProviderId id, const std::string& key) {
        verified(version, id, key);
        desk->replica_changed(version);
    }
    // Blocks until the desk has looked at all that happened before.
    void settle() {
        // The second one is judged in a round of its own, after everybody in the first one's.
        for (int i = 0; i < 2; ++i) {
            Answer marker;
            desk->wait({}, AckPolicy{}, {}, marker.done());
            EXPECT_THAT(marker.get(), IsOk());
        }
    }

    const ProviderId one, two;
    std::mutex mutex_;
    std::map<ProviderId, ProviderState> health_;
    int asked_ = 0;
    std::unique_ptr<AckDesk> desk;
};

TEST_F(AckDeskTest, CalledOnceWhenAllAreVerified) {
    const VersionId version = write("a", {one, two});
    Answer answer;
    desk->wait({version}, AckPolicy{}, {}, answer.done());
    settle();
    EXPECT_TRUE(answer.open());
    verify(version, one, "a");
    settle();
    EXPECT_TRUE(answer.open());
    verify(version, two, "a");
    EXPECT_THAT(answer.get(), IsOk());
    desk->replica_changed(version);
    desk->health_changed();
    settle();
    EXPECT_EQ(answer.calls(), 1);
}

TEST_F(AckDeskTest, WhatIsVerifiedAlreadyIsAnsweredAtOnce) {
    const VersionId version = write("a", {one});
    verified(version, one, "a");
    set_health(two, ProviderState::offline);
    Answer answer;
    desk->wait({version}, AckPolicy{}, {}, answer.done());
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, AProviderThatGoesDownIsNotWaitedForAnyLonger) {
    const VersionId version = write("a", {one, two});
    Answer answer;
    desk->wait({version}, AckPolicy{}, {}, answer.done());
    verify(version, one, "a");
    settle();
    EXPECT_TRUE(answer.open());
    set_health(two, ProviderState::offline);
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, BrokenPromisesNameTheReason) {
    const struct {
        ProviderState first, second;
        Errc expected;
    } cases[] = {{ProviderState::offline, ProviderState::offline, Errc::unavailable},
                 {ProviderState::full, ProviderState::full, Errc::quota_full},
                 {ProviderState::auth_needed, ProviderState::blocked, Errc::unauthenticated},
                 {ProviderState::full, ProviderState::offline, Errc::partial}};
    const VersionId version = write("a", {one, two});
    for (const auto& c : cases) {
        set_health(one, c.first);
        set_health(two, c.second);
        Answer answer;
        desk->wait({version}, AckPolicy{}, {}, answer.done());
        const Status status = answer.get();
        EXPECT_THAT(status, HasCode(c.expected));
        EXPECT_NE(status.error().why.find("0 of 2"), std::string::npos) << status.error().to_string();
    }
}

TEST_F(AckDeskTest, QuorumNeedsNoMore) {
    const VersionId version = write("a", {one, two});
    Answer answer;
    desk->wait({version}, *parse_ack_policy("quorum=1"), {}, answer.done());
    verify(version, two, "a");
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, AnInterruptEndsOnlyItsOwnWait) {
    const VersionId version = write("a", {one, two});
    std::stop_source stop;
    Answer interrupted, patient;
    desk->wait({version}, AckPolicy{}, stop.get_token(), interrupted.done());
    desk->wait({version}, AckPolicy{}, {}, patient.done());
    settle();
    stop.request_stop();
    EXPECT_THAT(interrupted.get(), HasCode(Errc::cancelled));
    settle();
    EXPECT_TRUE(patient.open());
    verify(version, one, "a");
    verify(version, two, "a");
    EXPECT_THAT(patient.get(), IsOk());
    EXPECT_EQ(interrupted.calls(), 1);
}

TEST_F(AckDeskTest, AnInterruptBeforeTheWait) {
    const VersionId version = write("a", {one});
    std::stop_source stop;
    stop.request_stop();
    Answer answer;
    desk->wait({version}, AckPolicy{}, stop.get_token(), answer.done());
    EXPECT_THAT(answer.get(), HasCode(Errc::cancelled));
}

TEST_F(AckDeskTest, AWaiterMayWaitAgainFromItsCallback) {
    const VersionId first = write("a", {one, two});
    const VersionId second = write("b", {one, two});
    Answer answer;
    desk->wait({first}, AckPolicy{}, {}, [&](Status) { desk->wait({second}, AckPolicy{}, {}, answer.done()); });
    for (const ProviderId id : {one, two}) verify(first, id, "a");
    for (const ProviderId id : {one, two}) verify(second, id, "b");
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, ReplacedContentIsNotWaitedFor) {
    const VersionId old = write("a", {one, two});
    Answer answer;
    desk->wait({old}, AckPolicy{}, {}, answer.done());
    settle();
    write("a", {one, two});
    desk->replica_changed(old);
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, ReplacedWhileItIsBeingJudged) {
    // The judge starts when the commit does, a little later in every round, until it certainly comes after it.
    std::atomic<bool> committing{false};
    std::atomic<bool> committed{false};
    std::atomic<int> delay{0};
    AckDesk own(*catalog_, [&] {
        while (!committing) std::this_thread::yield();
        for (int i = 0; i < delay && !committed; ++i) (void)catalog_->version(VersionId{1});  // as long as a look takes
        return std::vector<ProviderHealth>{{one, true, false, {}}, {two, true, false, {}}};
    });
    for (int round = 0; round < 100; ++round) {
        committing = committed = false;
        delay = round;
        const VersionId old = write("a", {one, two});
        const VersionCommit next = prepare("a", {one, two}, {});
        Answer answer;
        own.wait({old}, AckPolicy{}, {}, answer.done());
        committing = true;
        ASSERT_THAT(catalog_->commit_version(next), IsOk());
        committed = true;
        own.replica_changed(old);
        ASSERT_THAT(answer.get(), IsOk()) << "round " << round;
    }
}

TEST_F(AckDeskTest, NeitherIsContentThatNobodyKnowsAnyMore) {
    const VersionId gone = write("a", {one, two});
    ASSERT_THAT(remove("a"), IsOk());
    ASSERT_THAT(catalog_->collect_dead_versions(), IsOk());
    ASSERT_THAT(catalog_->version(gone), HasCode(Errc::not_found));
    Answer answer;
    desk->wait({gone}, AckPolicy{}, {}, answer.done());
    EXPECT_THAT(answer.get(), IsOk());
}

TEST_F(AckDeskTest, SettlingSeveralVersionsTellsWhatIsMissing) {
    const VersionId first = write("a", {one, two});
    const VersionId second = write("b", {one, two});
    for (const ProviderId id : {one, two}) verified(first, id, "a");
    AckPolicy settle_policy;
    settle_policy.min_replicas = 0;
    Answer complete;
    desk->wait({first}, settle_policy, {}, complete.done());
    EXPECT_THAT(complete.get(), IsOk());
    Answer incomplete;
    desk->wait({first, second}, settle_policy, {}, incomplete.done());
    settle();
    EXPECT_TRUE(incomplete.open());
    verify(second, one, "b");
    set_health(two, ProviderState::offline);
    EXPECT_THAT(incomplete.get(), HasCode(Errc::partial));
}

TEST_F(AckDeskTest, StopAnswersEverybody) {
    const VersionId version = write("a", {one, two});
    std::vector<Answer> answers(20);
    for (Answer& answer : answers) desk->wait({version}, AckPolicy{}, {}, answer.done());
    desk->stop();
    for (Answer& answer : answers) EXPECT_THAT(answer.get(), HasCode(Errc::cancelled));
    Answer late;
    desk->wait({version}, AckPolicy{}, {}, late.done());
    EXPECT_THAT(late.get(), HasCode(Errc::cancelled));
    desk->stop();
}

TEST_F(AckDeskTest, InterruptsChangesAndTheEndAtOnce) {
    // Many rounds of waits, interrupts and changes from several threads, and the end in the middle of them: everybody is
    // called exactly once.
    const VersionId version = write("a", {one, two});
    for (int round = 0; round < 30; ++round) {
        AckDesk own(*catalog_, [this] { return std::vector<ProviderHealth>{{one, true, false, {}}, {two, true, false, {}}}; });
        std::vector<Answer> answers(40);
        std::vector<std::stop_source> stops(answers.size());
        std::atomic<std::size_t> waiting{0};
        {
            std::jthread waits([&] {
                for (std::size_t i = 0; i < answers.size(); ++i) {
                    own.wait({version}, AckPolicy{}, stops[i].get_token(), answers[i].done());
                    waiting = i + 1;
                }
            });
            std::jthread interrupts([&] {
                for (std::size_t i = 0; i < stops.size(); i += 2) stops[i].request_stop();
            });
            std::jthread changes([&] {
                for (int i = 0; i < 20; ++i) {
                    own.replica_changed(version);
                    own.health_changed();
                }
            });
            while (waiting < static_cast<std::size_t>(round)) std::this_thread::yield();
            own.stop();
        }
        for (Answer& answer : answers) {
            ASSERT_THAT(answer.get(), HasCode(Errc::cancelled));
            ASSERT_EQ(answer.calls(), 1);
        }
    }
}

}  // namespace
}  // namespace oracxfs::test
