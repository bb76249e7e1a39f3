// What is done in a provider's folder is told to the kernel, which remembers the root.

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <mutex>

#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

constexpr auto kLong = std::chrono::seconds(60);
const Caller kCaller{0, 0, 0, 022};

class ViewsTest : public testing::Test {
  protected:
    ~ViewsTest() override { stack_.filesystem->stop(); }
    Inode there() { return stack_.filesystem->lookup(kRootInode, "p0").value().inode; }

    TempDir home_;
    FileSystemStack stack_{home_.path(), 1};
};

// The kernel's lock of a folder may be held by a request that waits for a slow provider.
TEST_F(ViewsTest, WhatWaitsForTheKernelKeepsNobodyElseWaiting) {
    std::promise<void> release;
    stack_.filesystem->set_on_invalidate([released = release.get_future().share()](const auto&) { released.wait(); });
    const Inode folder = there();
    for (int i = 0; i < 100; ++i) ASSERT_THAT(stack_.filesystem->make_directory(folder, "d" + std::to_string(i), 0755, kCaller), IsOk());
    auto written = std::async(std::launch::async, [&] { return stack_.write_file("f", "content"); });
    EXPECT_EQ(written.wait_for(patient(kLong)), std::future_status::ready);
    release.set_value();
    EXPECT_THAT(written.get(), IsOk());
}

TEST_F(ViewsTest, ARenameIsAnsweredAfterTheKernelWasTold) {
    ASSERT_THAT(stack_.write_file("new", "new"), IsOk());
    ASSERT_THAT(stack_.write_file("f", "old"), IsOk());
    // What is closed is let go of by another thread.
    std::promise<void> through;
    stack_.filesystem->when_closed([&] { through.set_value(); });
    through.get_future().wait();
    std::mutex mutex;
    std::vector<std::string> told;
    stack_.filesystem->set_on_invalidate([&](const Filesystem::Invalidation& change) {
        const std::lock_guard lock(mutex);
        EXPECT_EQ(change.parent, kRootInode);
        told.push_back(change.name);
    });
    const Inode folder = there();
    const Inode before = stack_.find("f").value();
    const Status renamed = wait_for<Status>([&](auto done) {
        stack_.filesystem->rename(folder, "new", folder, "f", false, {}, [&, done](Status status) {
            const std::lock_guard lock(mutex);
            EXPECT_EQ(told, (std::vector<std::string>{"new", "f"}));
            done(std::move(status));
        });
    });
    EXPECT_THAT(renamed, IsOk());
    EXPECT_THAT(stack_.filesystem->open(before, false, true, false), HasCode(Errc::not_found)) << "what is not there any more";
    EXPECT_EQ(stack_.read_file("f").value(), "new");
}

TEST_F(ViewsTest, WhatWasWrittenThereIsNotInTheKernelsPages) {
    ASSERT_THAT(stack_.write_file("f", "content"), IsOk());
    ASSERT_THAT(stack_.settle(), IsOk());
    const Inode root = stack_.find("f").value();
    const auto keeps = [&] {
        const auto opened = stack_.filesystem->open(root, true, false, false);
        EXPECT_THAT(opened, IsOk());
        stack_.filesystem->release(opened->handle);
        return opened->keep_cache;
    };
    (void)keeps();
    EXPECT_TRUE(keeps());
    const auto opened = stack_.filesystem->open(stack_.filesystem->lookup(there(), "f").value().inode, false, true, false);
    ASSERT_THAT(opened, IsOk());
    const std::string_view word = "CON";
    EXPECT_THAT(wait_for<Status>([&](auto done) {
                    stack_.filesystem->write(opened->handle, 0, std::as_bytes(std::span(word)), {}, std::move(done));
                }),
                IsOk());
    EXPECT_THAT(wait_for<Status>([&](auto done) { stack_.filesystem->flush(opened->handle, kCaller, {}, std::move(done)); }), IsOk());
    EXPECT_FALSE(keeps());
    EXPECT_TRUE(keeps());
    stack_.filesystem->release(opened->handle);
}

// close() of the one that wrote may not be through: nobody else would commit it.
TEST_F(ViewsTest, TruncatingByNameIsCommittedAlsoWhileAWriterHasItOpen) {
    ASSERT_THAT(stack_.write_file("f", "content"), IsOk());
    const Inode root = stack_.find("f").value();
    const auto opened = stack_.filesystem->open(root, false, true, false);
    ASSERT_THAT(opened, IsOk());
    const auto cut = wait_for<Result<FileAttributes>>([&](auto done) {
        AttributeChange change;
        change.size = 3;
        stack_.filesystem->set_attributes(root, std::nullopt, change, {}, std::move(done));
    });
    ASSERT_THAT(cut, IsOk());
    EXPECT_EQ(stack_.catalog->find("f").value().value().size, 3u);
    stack_.filesystem->release(opened->handle);
}

}  // namespace
}  // namespace oracxfs::test
