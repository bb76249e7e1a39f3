#include "base/crash_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "base/assert.h"

namespace oracxfs {
namespace {

void pass_first() { ORACX_CRASH_POINT("test.first"); }
void pass_second() { ORACX_CRASH_POINT("test.second"); }

constexpr int kSurvived = 17;

// Runs `body` in a child process. The signal that killed it, or minus its exit code.
template <class Body>
int outcome_of(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        body();
        ::_exit(kSurvived);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

TEST(CrashPoint, DoesNothingUnlessArmed) {
    EXPECT_EQ(outcome_of([] { pass_first(); }), -kSurvived);
}

TEST(CrashPoint, KillsTheProcessWhenItsNameIsArmed) {
    EXPECT_EQ(outcome_of([] {
                  arm_crash_point("test.first");
                  pass_first();
              }),
              SIGKILL);
}

TEST(CrashPoint, LeavesOtherPointsAlone) {
    EXPECT_EQ(outcome_of([] {
                  arm_crash_point("test.first");
                  pass_second();
              }),
              -kSurvived);
}

TEST(CrashPoint, KillsAtTheChosenHit) {
    const auto passes = [](int count) {
        return [count] {
            arm_crash_point("test.first:3");
            for (int i = 0; i < count; ++i) pass_first();
        };
    };
    EXPECT_EQ(outcome_of(passes(2)), -kSurvived);
    EXPECT_EQ(outcome_of(passes(3)), SIGKILL);
}

TEST(CrashPoint, IsDisarmedByAnEmptyName) {
    EXPECT_EQ(outcome_of([] {
                  arm_crash_point("test.first");
                  arm_crash_point("");
                  pass_first();
              }),
              -kSurvived);
}

TEST(CrashPoint, IsListedOnceAfterItWasPassed) {
    pass_first();
    pass_first();
    pass_second();
    const auto names = registered_crash_points();
    EXPECT_THAT(names, testing::IsSupersetOf({"test.first", "test.second"}));
    EXPECT_EQ(std::count(names.begin(), names.end(), "test.first"), 1);
}

TEST(CrashPointDeathTest, IsArmedByTheEnvironment) {
    // The child starts this program anew, so it reads the environment at its first point.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    ::setenv("ORACXFS_CRASH_POINT", "test.second:2", 1);
    EXPECT_EXIT(
        {
            pass_second();
            pass_first();
            pass_second();
        },
        testing::KilledBySignal(SIGKILL), "");
    ::unsetenv("ORACXFS_CRASH_POINT");
}

TEST(AssertDeathTest, NamesTheBrokenConditionAndStops) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const int pages = 3;
    ORACX_ASSERT(pages == 3);
    EXPECT_DEATH(ORACX_ASSERT(pages == 4), "crash_point_test.cpp:[0-9]+: assertion failed: pages == 4");
}

}  // namespace
}  // namespace oracxfs
