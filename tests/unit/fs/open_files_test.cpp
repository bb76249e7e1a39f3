// A file that was replaced or removed lives on for those who have it open, also after the catalogue has forgotten it.

#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <span>
#include <thread>

#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

class OpenFilesTest : public testing::Test {
  protected:
    OpenFilesTest() : stack_(home_.path(), 1, options()) {}

    static ReplicatorOptions options() {
        ReplicatorOptions options;
        options.delete_grace = Millis(0);
        return options;
    }
    // Opens `path` and touches nothing of it.
    Handle opened(const std::string& path) {
        const auto inode = stack_.find(path);
        EXPECT_THAT(inode, IsOk());
        inode_ = *inode;
        const auto opened = stack_.filesystem->open(*inode, true, true, false);
        EXPECT_THAT(opened, IsOk());
        return opened->handle;
    }
    VersionId version_of(const std::string& path) { return stack_.catalog->find(path).value().value().version; }
    // Until nothing refers to it any more: its copies are gone from the provider, and its row from the catalogue.
    bool forgotten(VersionId version) {
        const SteadyTime until = stack_.clock.steady() + patient(Millis(60'000));
        while (stack_.catalog->version(version)) {
            if (stack_.clock.steady() > until) return false;
            stack_.replicator->nudge();
            stack_.filesystem->make_room(1);
            std::this_thread::yield();
        }
        return true;
    }
    std::string read(Handle handle, std::size_t size) {
        const auto data = wait_for<Result<ReadData>>([&](auto done) { stack_.filesystem->read(handle, 0, size, {}, std::move(done)); });
        EXPECT_THAT(data, IsOk());
        if (!data) return "";
        std::string text(reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size());
        if (data->fd >= 0) {
            text.resize(data->length);
            EXPECT_EQ(::pread(data->fd, text.data(), text.size(), static_cast<off_t>(data->offset)), static_cast<ssize_t>(text.size()));
        }
        return text;
    }

    TempDir home_;
    FileSystemStack stack_;
    Inode inode_ = 0;
};

TEST_F(OpenFilesTest, AReplacedFileCanStillBeReadAndCut) {
    ASSERT_THAT(stack_.write_file("a", "old content"), IsOk());
    ASSERT_THAT(stack_.write_file("b", "new"), IsOk());
    ASSERT_THAT(stack_.settle(), IsOk());
    const VersionId old = version_of("a");
    const Handle handle = opened("a");
    ASSERT_THAT(stack_.rename("b", "a"), IsOk());
    ASSERT_TRUE(forgotten(old));
    EXPECT_EQ(read(handle, 100), "old content");
    const auto cut = wait_for<Result<FileAttributes>>([&](auto done) {
        AttributeChange change;
        change.size = 3;
        stack_.filesystem->set_attributes(inode_, handle, change, {}, std::move(done));
    });
    ASSERT_THAT(cut, IsOk());
    EXPECT_EQ(read(handle, 100), "old");
    EXPECT_EQ(stack_.read_file("a").value(), "new");
    stack_.filesystem->release(handle);
}

TEST_F(OpenFilesTest, ARemovedFileCanStillBeChanged) {
    ASSERT_THAT(stack_.write_file("a", "content"), IsOk());
    ASSERT_THAT(stack_.settle(), IsOk());
    const VersionId old = version_of("a");
    const Handle first = opened("a"), second = opened("a");
    ASSERT_THAT(stack_.remove("a"), IsOk());
    ASSERT_TRUE(forgotten(old));
    const std::string_view word = "CON";
    const Status written = wait_for<Status>([&](auto done) {
        stack_.filesystem->write(second, 0, std::as_bytes(std::span(word)), {}, std::move(done));
    });
    EXPECT_THAT(written, IsOk()) << "the content is copied first";
    EXPECT_EQ(read(first, 100), "CONtent");
    stack_.filesystem->release(first);
    stack_.filesystem->release(second);
}

TEST_F(OpenFilesTest, ARemovedFileCanStillBeRead) {
    ASSERT_THAT(stack_.write_file("a", "content"), IsOk());
    ASSERT_THAT(stack_.settle(), IsOk());
    const VersionId old = version_of("a");
    const Handle handle = opened("a");
    ASSERT_THAT(stack_.remove("a"), IsOk());
    ASSERT_TRUE(forgotten(old));
    EXPECT_EQ(read(handle, 100), "content");
    stack_.filesystem->release(handle);
}

// The kernel creates what it believes to be absent; somebody else was quicker.
TEST_F(OpenFilesTest, CreatingWhatExistsEmptiesItWhenAskedTo) {
    ASSERT_THAT(stack_.write_file("f", "content"), IsOk());
    const Caller caller{::getuid(), ::getgid(), 0, 022};
    for (const bool truncate : {false, true}) {
        const auto created = stack_.filesystem->create(kRootInode, "f", 0644, false, true, caller, truncate);
        ASSERT_THAT(created, IsOk());
        EXPECT_EQ(created->attributes.size, truncate ? 0u : 7u);
        stack_.filesystem->release(created->handle);
        std::promise<void> through;
        stack_.filesystem->when_closed([&] { through.set_value(); });
        through.get_future().wait();
        EXPECT_EQ(stack_.read_file("f").value(), truncate ? "" : "content");
    }
}

TEST_F(OpenFilesTest, MadeOrEmptiedItIsCommittedAtTheLastCloseAndByWhoDidIt) {
    const Caller caller{::getuid(), ::getgid(), ::getpid(), 022};
    const auto flush = [&](Handle handle) {
        return wait_for<Status>([&](auto done) { stack_.filesystem->flush(handle, caller, {}, std::move(done)); });
    };
    const auto made = stack_.filesystem->create(kRootInode, "f", 0644, true, false, caller);  // to read only
    ASSERT_THAT(made, IsOk());
    const auto other = stack_.filesystem->open(made->attributes.inode, false, true, false);
    ASSERT_THAT(other, IsOk());
    EXPECT_THAT(flush(other->handle), IsOk());
    EXPECT_FALSE(stack_.catalog->find("f").value()) << "who only opened it promises nothing";
    EXPECT_THAT(flush(made->handle), IsOk());
    EXPECT_TRUE(stack_.catalog->find("f").value());
    stack_.filesystem->release(made->handle);
    stack_.filesystem->release(other->handle);
}

}  // namespace
}  // namespace oracxfs::test
