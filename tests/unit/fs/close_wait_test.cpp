// close() waits for the content that was closed. When nobody wants that content any more, it must not wait for ever.

#include <future>

#include "fs/filesystem.h"
#include "tests/unit/fs/replication_fixture.h"

namespace oracxfs::test {
namespace {

constexpr auto kLong = std::chrono::seconds(60);
const Caller kCaller{0, 0, 0, 022};

// The replicator is not started: nothing is ever uploaded.
struct CloseWaitTest : ReplicationTest {
    CloseWaitTest() : filesystem(std::make_unique<Filesystem>(*catalog, *staging, *cache, *replicator, clock, FilesystemOptions{})) {}
    ~CloseWaitTest() override { filesystem->stop(); }

    struct Closing {
        Inode inode = 0;
        std::shared_ptr<std::promise<Status>> promise = std::make_shared<std::promise<Status>>();
        std::future<Status> answer = promise->get_future();
    };
    // Writes a file and closes it; the answer to close() comes later.
    Closing write(const std::string& name) {
        Closing closing;
        auto opened = filesystem->create(kRootInode, name, 0644, true, true, kCaller);
        if (!opened) opened = filesystem->open(filesystem->lookup(kRootInode, name)->inode, false, true, true);
        EXPECT_THAT(opened, IsOk());
        closing.inode = opened->attributes.inode;
        std::promise<Status> written;
        filesystem->write(opened->handle, 0, random_content(100, ++seed), {}, [&](Status status) { written.set_value(std::move(status)); });
        EXPECT_THAT(written.get_future().get(), IsOk());
        filesystem->flush(opened->handle, kCaller, {}, [promise = closing.promise](Status status) { promise->set_value(std::move(status)); });
        // Until its content is in the catalogue.
        while (!committed(name)) std::this_thread::yield();
        seen = (*catalog->find(name))->version;
        filesystem->release(opened->handle);
        return closing;
    }
    bool committed(const std::string& name) {
        const auto node = catalog->find(name);
        return node && *node && (*node)->version && (*node)->version != seen;
    }
    Status answer(Closing& closing) {
        if (closing.answer.wait_for(kLong) != std::future_status::ready) return fail(Errc::deadline, "close never returned");
        return closing.answer.get();
    }

    std::unique_ptr<Filesystem> filesystem;
    std::uint64_t seed = 0;
    VersionId seen;
};

TEST_F(CloseWaitTest, WrittenAgain) {
    Closing first = write("a");
    Closing second = write("a");
    EXPECT_THAT(answer(first), IsOk());
    EXPECT_EQ(second.answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

TEST_F(CloseWaitTest, Removed) {
    Closing first = write("a");
    ASSERT_THAT(filesystem->remove(kRootInode, "a"), IsOk());
    EXPECT_THAT(answer(first), IsOk());
}

TEST_F(CloseWaitTest, ReplacedByARename) {
    Closing first = write("a");
    seen = VersionId{};
    Closing other = write("b");
    std::promise<Status> renamed;
    filesystem->rename(kRootInode, "b", kRootInode, "a", false, {}, [&](Status status) { renamed.set_value(std::move(status)); });
    EXPECT_THAT(renamed.get_future().get(), IsOk());
    EXPECT_THAT(answer(first), IsOk());
    EXPECT_EQ(other.answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

}  // namespace
}  // namespace oracxfs::test
