#include "fs/closing_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "fs/commit_gate.h"
#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

class ClosingProcessTest : public ::testing::Test {
  protected:
    ClosingProcessTest() : fd_(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) {
        struct stat status {};
        EXPECT_EQ(::fstat(fd_.get(), &status), 0);
        inode_ = status.st_ino;
    }
    LastClose asked(std::int32_t pid = ::getpid()) { return is_last_close(pid, "a file (deleted)", inode_); }

    test::TempDir dir_;
    std::string path_ = dir_.path() + "/a file (deleted)";
    UniqueFd fd_;
    std::uint64_t inode_ = 0;
};

TEST_F(ClosingProcessTest, AnotherDescriptorOfTheProcess) {
    EXPECT_EQ(asked(), LastClose::no);
    fd_.reset();
    EXPECT_EQ(asked(), LastClose::yes);
}

TEST_F(ClosingProcessTest, AnotherFileOfThatNameIsNotMeant) {
    EXPECT_EQ(is_last_close(::getpid(), "a file (deleted)", inode_ + 1), LastClose::yes);
}

TEST_F(ClosingProcessTest, AFileThatIsGoneIsStillOpen) {
    ::unlink(path_.c_str());
    EXPECT_EQ(asked(), LastClose::no);
}

TEST_F(ClosingProcessTest, HandedDownByWhoStartedTheProcess) {
    int hold[2], closed[2];
    ASSERT_EQ(::pipe2(hold, O_CLOEXEC), 0);
    ASSERT_EQ(::pipe2(closed, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    char byte = 0;
    if (child == 0) {
        ::close(fd_.get());
        ::close(hold[1]);
        ::close(closed[0]);
        if (::write(closed[1], &byte, 1) != 1) ::_exit(1);
        ::_exit(::read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    ::close(hold[0]);
    ::close(closed[1]);
    EXPECT_EQ(::read(closed[0], &byte, 1), 1);
    ::close(closed[0]);
    EXPECT_EQ(asked(child), LastClose::no) << "who started it has it open";
    fd_.reset();
    EXPECT_EQ(asked(child), LastClose::yes);
    ::close(hold[1]);
    ::waitpid(child, nullptr, 0);
}

// The kernel gives what is known of a process that is ending to root.
TEST_F(ClosingProcessTest, OneThatIsEndingHasNoneLeftAlsoForWhoIsNotRoot) {
    fd_.reset();
    const pid_t asking = ::fork();
    ASSERT_GE(asking, 0);
    if (asking == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
        const pid_t ended = ::fork();
        if (ended == 0) ::_exit(0);
        siginfo_t information{};
        if (::waitid(P_PID, static_cast<id_t>(ended), &information, WEXITED | WNOWAIT) != 0) ::_exit(3);
        ::_exit(asked(ended) == LastClose::yes ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(asking, &status, 0), asking);
    EXPECT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2) GTEST_SKIP() << "there is no other user here";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(ClosingProcessTest, WhoIsNotThereIsNotKnown) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(asked(child), LastClose::unknown);
    EXPECT_EQ(asked(0), LastClose::unknown);
    EXPECT_FALSE(killed_by_signal(child));
}

TEST(CommitGateTest, WhoAsksWaitsForThoseInsideAndNotForLaterOnes) {
    CommitGate gate;
    int called = 0;
    gate.when_left([&] { ++called; });
    EXPECT_EQ(called, 1) << "nobody is inside";
    const auto first = gate.enter(), second = gate.enter();
    gate.when_left([&] { ++called; });
    const auto later = gate.enter();
    gate.leave(second);
    EXPECT_EQ(called, 1);
    gate.leave(first);
    EXPECT_EQ(called, 2);
    gate.when_left([&] { ++called; });
    gate.leave(later);
    EXPECT_EQ(called, 3);
}

}  // namespace
}  // namespace oracxfs
