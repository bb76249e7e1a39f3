#include "cache/group_sync.h"

#include <atomic>
#include <cerrno>
#include <latch>
#include <semaphore>
#include <thread>
#include <vector>

#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

TEST(GroupSync, EachCallAloneSyncs) {
    int calls = 0;
    GroupSync sync(UniqueFd(), [&](int) { return ++calls, 0; });
    EXPECT_THAT(sync.sync(), IsOk());
    EXPECT_THAT(sync.sync(), IsOk());
    EXPECT_EQ(calls, 2);
}

TEST(GroupSync, CallsThatWaitShareTheNextOne) {
    std::counting_semaphore<> allowed(0);
    std::atomic<int> begun = 0;
    GroupSync sync(UniqueFd(), [&](int) {
        ++begun;
        begun.notify_all();
        allowed.acquire();
        return 0;
    });
    std::atomic<int> done = 0;
    std::jthread first([&] { EXPECT_THAT(sync.sync(), IsOk()); ++done; });
    begun.wait(0);
    // These come while the first one runs: it does not cover their writes, one more call covers all of them.
    std::vector<std::jthread> later;
    std::latch started(5);
    for (int i = 0; i < 5; ++i)
        later.emplace_back([&] {
            started.count_down();
            EXPECT_THAT(sync.sync(), IsOk());
            ++done;
        });
    started.wait();
    EXPECT_EQ(done, 0);
    allowed.release(6);
    first.join();
    for (std::jthread& thread : later) thread.join();
    EXPECT_EQ(done, 6);
    EXPECT_GE(begun, 2);
    EXPECT_LE(begun, 6);
}

TEST(GroupSync, AFailureIsNeverForgotten) {
    int calls = 0;
    GroupSync sync(UniqueFd(), [&](int) {
        if (++calls != 2) return 0;
        errno = EIO;
        return -1;
    });
    EXPECT_THAT(sync.sync(), IsOk());
    EXPECT_THAT(sync.sync(), HasCode(Errc::local_io));
    EXPECT_THAT(sync.sync(), HasCode(Errc::local_io)) << "a later success would prove nothing";
    EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace oracxfs::test
