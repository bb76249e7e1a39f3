// `oracxfs wait`: until every copy is where it belongs, also those of files that are written while it waits.

#include <future>

#include "tests/unit/fs/replication_fixture.h"
#include "tools/oracxfs/service.h"

namespace oracxfs::test {
namespace {

struct WaitTest : ReplicationTest {
    static MemoryOptions verified_apart() {
        MemoryOptions options;
        options.verifies_in_put = false;
        return options;
    }
    WaitTest() : ReplicationTest({verified_apart()}) {}

    // A call of `wait` on a thread of its own; returns when it waits.
    std::future<Result<Json>> begin() {
        auto waits = std::make_shared<std::promise<void>>();
        auto once = std::make_shared<std::once_flag>();
        std::future<void> waiting = waits->get_future();
        auto answer = std::async(std::launch::async, [this, waits, once] {
            const StateView view{*catalog, real_clock, std::make_shared<const Config>(), replicator.get(), nullptr, {}, false};
            return wait_for_replicas(view, Json::object({{"progress", true}}), {}, [&](const Json&) { std::call_once(*once, [&] { waits->set_value(); }); });
        });
        waiting.wait();
        return answer;
    }

    SystemClock real_clock;
};

TEST_F(WaitTest, TellsThatAllIsVerified) {
    commit("a", random_content(100, 1));
    auto answer = begin();
    drive_all();
    const auto result = answer.get();
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ((*result)["state"].as_string(), "settled");
}

TEST_F(WaitTest, AFileWrittenMeanwhileIsWaitedForAndNotCalledAFailure) {
    commit("a", random_content(100, 1));
    auto answer = begin();
    providers[0]->on_verify = [this](const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) {
        if (object.key == "a") commit("b", random_content(100, 2));
        return providers[0]->inner().verify(ctx, object, expected);
    };
    drive_all();
    const auto result = answer.get();
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ((*result)["state"].as_string(), "settled") << result->dump();
}

}  // namespace
}  // namespace oracxfs::test
