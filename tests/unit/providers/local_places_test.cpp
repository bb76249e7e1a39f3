// Where a local folder may be, and disks that go away.

#include "tests/unit/providers/local_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include <future>

namespace oracxfs::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- probe and configuration ---

TEST_F(LocalTest, FactoryWantsAPath) {
    config_.config = Json::object();
    EXPECT_THAT(make_local_provider(config_), HasCode(Errc::config));
    config_.config = Json::object({{"path", root_}});
    EXPECT_THAT(make_local_provider(config_), IsOk());
    EXPECT_FALSE(stdfs::exists(root_));  // no I/O before the probe
}

TEST_F(LocalTest, ProbeCreatesTheFolderForItsOwnerAndTellsSpace) {
    const auto space = provider_->probe({});
    ASSERT_THAT(space, IsOk());
    EXPECT_GT(space->total_bytes.value_or(0), 0u);
    EXPECT_LE(space->free_bytes.value_or(UINT64_MAX), *space->total_bytes);
    EXPECT_EQ(stdfs::status(root_).permissions(), stdfs::perms::owner_all);
    EXPECT_THAT(names_below(root_), IsEmpty());
}

TEST_F(LocalTest, ProbeDoesNotCreateParents) {
    use(folder_ / "not/there");
    EXPECT_THAT(provider_->probe({}), HasCode(Errc::unavailable));
    EXPECT_FALSE(stdfs::exists(folder_ / "not"));
}

TEST_F(LocalTest, RelativePathIsAConfigurationError) {
    use("relative/folder");
    EXPECT_THAT(provider_->probe({}), HasCode(Errc::config));
    EXPECT_THAT(put("file", "x"), HasCode(Errc::config));
}

TEST_F(LocalTest, FileInPlaceOfTheFolderIsAConfigurationError) {
    write_file(root_, "x");
    EXPECT_THAT(provider_->probe({}), HasCode(Errc::config));
}

TEST_F(LocalTest, FolderThatRefusesFilesIsDenied) {
    use("/sys");
    EXPECT_THAT(provider_->probe({}), HasCode(Errc::denied));
}

TEST_F(LocalTest, ForbiddenPlacesAreConfigurationErrors) {
    const std::string mount = folder_ / "mount";
    stdfs::create_directory(mount);
    stdfs::create_directory_symlink(mount, folder_ / "link");
    config_.forbidden_paths = {mount, state_};
    for (const std::string& path :
         {mount, mount + "/", mount + "/below", mount + "/../mount/below", folder_ / "link",
          folder_ / "link/below", state_, folder_.path(), std::string("/")}) {
        SCOPED_TRACE(path);
        use(path);
        EXPECT_THAT(provider_->probe({}), HasCode(Errc::config));
    }
    EXPECT_THAT(names_below(mount), IsEmpty());
    use(folder_ / "mountain");  // a prefix, but not inside
    EXPECT_THAT(provider_->probe({}), IsOk());
}

TEST_F(LocalTest, FolderThatContainsTheMountByALinkIsAConfigurationError) {
    stdfs::create_directories(folder_ / "real/mount");
    stdfs::create_directory_symlink(folder_ / "real", folder_ / "alias");
    config_.forbidden_paths = {folder_ / "real/mount"};
    use(folder_ / "alias");
    EXPECT_THAT(provider_->probe({}), HasCode(Errc::config));
}

TEST_F(LocalTest, ErrorsNameTheProvider) {
    const auto result = provider_->stat({}, "nothing");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().provider, "disk");
}

// --- the disk that goes away ---

TEST_F(LocalTest, VanishedFolderIsUnavailableUntilTheNextProbe) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    ASSERT_THAT(put("file", "x"), IsOk());
    stdfs::rename(root_, folder_ / "elsewhere");
    EXPECT_THAT(put("other", "x"), HasCode(Errc::unavailable));
    EXPECT_THAT(provider_->stat({}, "file"), HasCode(Errc::unavailable));
    EXPECT_FALSE(stdfs::exists(root_));

    stdfs::rename(folder_ / "elsewhere", root_);
    EXPECT_THAT(put("other", "x"), HasCode(Errc::unavailable));
    EXPECT_THAT(provider_->probe({}), IsOk());
    EXPECT_THAT(put("other", "x"), IsOk());
    EXPECT_THAT(provider_->stat({}, "file"), IsOk());
}

TEST_F(LocalTest, OtherFolderInItsPlaceIsUnavailable) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    stdfs::rename(root_, folder_ / "elsewhere");
    stdfs::create_directory(root_);
    EXPECT_THAT(put("file", "x"), HasCode(Errc::unavailable));
    EXPECT_THAT(names_below(root_), IsEmpty());
}

TEST_F(LocalTest, FolderThatVanishesDuringAPutIsUnavailable) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    GrowingBlob blob;
    auto result = std::async(std::launch::async, [&] {
        PutOptions options;
        options.upload_id = "upload";
        return provider_->put({}, "folder/file", blob, options);
    });
    blob.append("x");
    blob.wait_for_reader();
    stdfs::rename(root_, folder_ / "elsewhere");
    blob.seal();
    EXPECT_THAT(result.get(), HasCode(Errc::unavailable));
    EXPECT_THAT(names_below(folder_ / "elsewhere"), IsEmpty());
}

TEST_F(LocalTest, BeforeTheFirstProbeAnExistingFolderIsUsedAndAMissingOneNotCreated) {
    EXPECT_THAT(put("file", "x"), HasCode(Errc::unavailable));
    EXPECT_FALSE(stdfs::exists(root_));
    stdfs::create_directory(root_);
    restart();
    EXPECT_THAT(put("file", "x"), IsOk());
}

// A symbolic link plays the mount point: it leads to the disk or to another file system.
class LocalDiskTest : public LocalTest {
  protected:
    void SetUp() override {
        struct stat here {
        }, there{};
        if (::stat("/dev/shm", &there) != 0 || ::access("/dev/shm", W_OK) != 0 ||
            ::stat(folder_.path().c_str(), &here) != 0 || here.st_dev == there.st_dev)
            GTEST_SKIP() << "needs /dev/shm as a second file system";
        std::string pattern = "/dev/shm/oracxfs-test-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        other_disk_ = pattern;
        stdfs::create_directory(folder_ / "disk");
        mount_point(folder_ / "disk");
        use(folder_ / "mount/replica");
        ASSERT_THAT(provider_->probe({}), IsOk());
    }
    ~LocalDiskTest() override {
        if (!other_disk_.empty()) stdfs::remove_all(other_disk_);
    }
    void mount_point(const std::string& target) {
        stdfs::remove(folder_ / "mount");
        stdfs::create_directory_symlink(target, folder_ / "mount");
    }

    std::string other_disk_;
};

TEST_F(LocalDiskTest, FolderIsNotCreatedOnAnotherFileSystem) {
    mount_point(other_disk_);
    for (int run = 0; run < 2; ++run) {
        EXPECT_THAT(provider_->probe({}), HasCode(Errc::unavailable));
        EXPECT_THAT(names_below(other_disk_), IsEmpty());
        restart();  // the record outlives the process
    }
    mount_point(folder_ / "disk");
    EXPECT_THAT(provider_->probe({}), IsOk());
}

TEST_F(LocalDiskTest, EmptyFolderOnAnotherFileSystemIsNotTrusted) {
    stdfs::create_directory(other_disk_ + "/replica");
    mount_point(other_disk_);
    restart();
    const auto refused = provider_->probe({});
    ASSERT_THAT(refused, HasCode(Errc::unavailable));
    EXPECT_THAT(refused.error().why, HasSubstr("put any file into it"));
    write_file(other_disk_ + "/replica/hello", "I am the new disk");
    EXPECT_THAT(provider_->probe({}), IsOk());
    EXPECT_THAT(put("file", "x"), IsOk());
}

TEST_F(LocalDiskTest, DeletedFolderIsNotCreatedAgainButAcceptedWhenSomebodyDoes) {
    stdfs::remove_all(folder_ / "disk/replica");
    EXPECT_THAT(put("file", "x"), HasCode(Errc::unavailable));
    for (int run = 0; run < 2; ++run) {
        const auto gone = provider_->probe({});
        ASSERT_THAT(gone, HasCode(Errc::unavailable));
        EXPECT_THAT(gone.error().why, HasSubstr("create it again"));
        EXPECT_FALSE(stdfs::exists(folder_ / "disk/replica"));
        restart();  // the record outlives the process
    }
    stdfs::create_directory(folder_ / "disk/replica");
    EXPECT_THAT(provider_->probe({}), IsOk());
    EXPECT_THAT(put("file", "x"), IsOk());
}

TEST_F(LocalDiskTest, AnotherPathStartsAfresh) {
    mount_point(other_disk_);
    use(folder_ / "mount/another");
    EXPECT_THAT(provider_->probe({}), IsOk());
}

}  // namespace
}  // namespace oracxfs::test
