// What lies in a local folder: links and other traps, the trash, parts, times.

#include "tests/unit/providers/local_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

namespace oracxfs::test {
namespace {

using ::testing::IsEmpty;

// --- links and other traps; once with openat2 and once without ---

class LocalTrapTest : public LocalTest, public testing::WithParamInterface<bool> {
  protected:
    LocalTrapTest() {
        provider_->features().openat2 = GetParam();
        EXPECT_THAT(provider_->probe({}), IsOk());
        stdfs::create_directory(outside_);
        write_file(outside_ + "/secret", "outside");
        stdfs::create_directory_symlink(outside_, root_ + "/link");
        stdfs::create_symlink(outside_ + "/secret", root_ + "/file-link");
    }
    ~LocalTrapTest() override {
        EXPECT_THAT(names_below(outside_), testing::ElementsAre("secret"));
        EXPECT_EQ(read_file(outside_ + "/secret"), "outside");
    }
    const std::string outside_ = folder_ / "outside";
};

TEST_P(LocalTrapTest, NothingGoesThroughALinkToAFolder) {
    EXPECT_THAT(put("link/new", "x"), HasCode(Errc::denied));
    EXPECT_THAT(put("link/secret", "x"), HasCode(Errc::denied));
    EXPECT_THAT(provider_->stat({}, "link/secret"), HasCode(Errc::denied));
    EXPECT_THAT(provider_->read({}, at("link/secret"), 0, 9, [](auto) { return true; }),
                HasCode(Errc::denied));
    EXPECT_THAT(provider_->make_directory({}, "link/folder"), HasCode(Errc::denied));
    EXPECT_THAT(provider_->list({}, "link", ""), HasCode(Errc::denied));
    EXPECT_THAT(provider_->remove({}, at("link/secret"), RemoveMode::permanent),
                HasCode(Errc::denied));
    EXPECT_FALSE(provider_->remove_directory({}, "link").has_value());
    const auto file = put("file", "x");
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(provider_->rename({}, file->object, "link/file", std::nullopt),
                HasCode(Errc::denied));
}

TEST_P(LocalTrapTest, NothingGoesThroughALinkToAFile) {
    EXPECT_THAT(put("file-link", "x"), HasCode(Errc::exists));
    EXPECT_THAT(provider_->stat({}, "file-link"), HasCode(Errc::denied));
    EXPECT_THAT(provider_->read({}, at("file-link"), 0, 9, [](auto) { return true; }),
                HasCode(Errc::denied));
    EXPECT_THAT(provider_->remove({}, at("file-link"), RemoveMode::permanent), IsOk());
    EXPECT_FALSE(stdfs::is_symlink(root_ + "/file-link"));
}

TEST_P(LocalTrapTest, LinksAndSpecialFilesAreNotListed) {
    ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
    const auto page = provider_->list({}, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_THAT(page->entries, IsEmpty());
    // Opening a pipe would wait for its other end.
    EXPECT_THAT(provider_->read({}, at("pipe"), 0, 9, [](auto) { return true; }),
                HasCode(Errc::denied));
    EXPECT_THAT(provider_->verify({}, at("pipe"), {}), HasCode(Errc::denied));
}

TEST_P(LocalTrapTest, TrashThatIsALinkTakesNothing) {
    stdfs::create_directory_symlink(outside_, root_ + "/.oracxfs-trash");
    const auto file = put("file", "x");
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT(provider_->remove({}, file->object, RemoveMode::trash), HasCode(Errc::denied));
    EXPECT_THAT(put("file", "y", file->object), HasCode(Errc::denied));
    EXPECT_THAT(provider_->purge_trash({}, Millis(0)), HasCode(Errc::denied));
    EXPECT_EQ(read_file(root_ + "/file"), "x");
}

TEST_P(LocalTrapTest, PurgeRemovesLinksButNotWhatTheyPointTo) {
    const std::string entry = root_ + "/.oracxfs-trash/20200101-000000-00000000";
    stdfs::create_directories(entry + "/folder");
    stdfs::create_directory_symlink(outside_, entry + "/folder/link");
    write_file(root_ + "/.oracxfs-trash/foreign", "stays");
    EXPECT_EQ(provider_->purge_trash({}, std::chrono::hours(1)).value_or(99), 1u);
    EXPECT_FALSE(stdfs::exists(entry));
    EXPECT_EQ(read_file(root_ + "/.oracxfs-trash/foreign"), "stays");
}

INSTANTIATE_TEST_SUITE_P(Openat2, LocalTrapTest, testing::Bool());

// --- what is on the disk ---

// Each way of replacing, from the best to the one for the poorest file system.
struct Replacing {
    const char* name;
    bool exchange, hard_links, tmpfile;
};

class LocalReplaceTest : public LocalTest, public testing::WithParamInterface<Replacing> {
  protected:
    LocalReplaceTest() {
        EXPECT_THAT(provider_->probe({}), IsOk());
        provider_->features().exchange = GetParam().exchange;
        provider_->features().hard_links = GetParam().hard_links;
        provider_->features().tmpfile = GetParam().tmpfile;
    }
    std::vector<std::string> trashed() {
        std::vector<std::string> texts;
        if (!stdfs::exists(root_ + "/.oracxfs-trash")) return texts;
        for (const auto& entry : stdfs::recursive_directory_iterator(root_ + "/.oracxfs-trash"))
            if (entry.is_regular_file()) {
                EXPECT_THAT(entry.path().string(), testing::EndsWith("/folder/file"));
                texts.push_back(read_file(entry.path()));
            }
        return texts;
    }
};

TEST_P(LocalReplaceTest, ReplacedBytesAreInTheTrash) {
    const auto first = put("folder/file", "first");
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(put("folder/file", "second", first->object), IsOk());
    EXPECT_EQ(read_file(root_ + "/folder/file"), "second");
    EXPECT_THAT(trashed(), testing::ElementsAre("first"));
    clock_.advance(std::chrono::hours(1));
    EXPECT_EQ(provider_->purge_trash({}, std::chrono::minutes(59)).value_or(99), 1u);
    EXPECT_THAT(trashed(), IsEmpty());
}

TEST_P(LocalReplaceTest, ForeignContentIsNeitherReplacedNorTrashed) {
    const auto first = put("folder/file", "first");
    ASSERT_THAT(first, IsOk());
    write_file(root_ + "/folder/file", "foreign content");
    EXPECT_THAT(put("folder/file", "second", first->object), HasCode(Errc::changed));
    EXPECT_EQ(read_file(root_ + "/folder/file"), "foreign content");
    EXPECT_THAT(trashed(), IsEmpty());
}

TEST_P(LocalReplaceTest, RenamedOverBytesAreInTheTrash) {
    const auto old = put("folder/file", "old");
    const auto fresh = put("fresh", "fresh");
    ASSERT_THAT(old, IsOk());
    ASSERT_THAT(fresh, IsOk());
    const auto moved = provider_->rename({}, fresh->object, "folder/file", old->object);
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(moved->rev, fresh->object.rev);
    EXPECT_EQ(read_file(root_ + "/folder/file"), "fresh");
    EXPECT_THAT(trashed(), testing::ElementsAre("old"));
}

TEST_P(LocalReplaceTest, NoPartFileStays) {
    const auto first = put("folder/file", "first");
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(put("folder/file", "second", first->object), IsOk());
    EXPECT_THAT(put("folder/file", "third", first->object), HasCode(Errc::changed));
    EXPECT_THAT(put("folder/file", "fourth"), HasCode(Errc::exists));
    for (const auto& entry : stdfs::directory_iterator(root_))
        EXPECT_FALSE(entry.path().filename().string().ends_with(".part")) << entry.path();
}

INSTANTIATE_TEST_SUITE_P(Ways, LocalReplaceTest,
                         testing::Values(Replacing{"Exchange", true, true, true},
                                         Replacing{"ExchangeOfNamedParts", true, true, false},
                                         Replacing{"Links", false, true, true},
                                         Replacing{"Moves", false, false, false}),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_F(LocalTest, RevIgnoresAttributeChanges) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    const auto file = put("file", "x");
    ASSERT_THAT(file, IsOk());
    stdfs::permissions(root_ + "/file", stdfs::perms::owner_read);
    stdfs::create_hard_link(root_ + "/file", root_ + "/other name");
    EXPECT_EQ(provider_->stat({}, "file")->rev, file->object.rev);
}

TEST_F(LocalTest, RevDoesNotDependOnInodesThatMayChange) {
    provider_->features().stable_inodes = false;
    ASSERT_THAT(provider_->probe({}), IsOk());
    const auto file = put("file", "x");
    ASSERT_THAT(file, IsOk());
    // The same file under another number, as FAT shows it after a remount.
    const auto time = stdfs::last_write_time(root_ + "/file");
    stdfs::rename(root_ + "/file", folder_ / "old");
    write_file(root_ + "/file", "x");
    stdfs::last_write_time(root_ + "/file", time);
    EXPECT_EQ(provider_->stat({}, "file")->rev, file->object.rev);
    EXPECT_THAT(put("file", "y", file->object), IsOk());
}

TEST_F(LocalTest, LostAndFoundOfADiskIsNotListed) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    stdfs::create_directories(root_ + "/lost+found/inside");
    stdfs::permissions(root_ + "/lost+found", stdfs::perms::owner_all);
    const bool of_root = ::geteuid() == 0;
    const auto page = provider_->list({}, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->entries.size(), of_root ? 0u : 2u);
}

TEST_F(LocalTest, ZerosBecomeHoles) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    MemoryBlob blob{Bytes(8u << 20)};
    PutOptions options;
    options.upload_id = "upload";
    ASSERT_THAT(provider_->put({}, "zeros", blob, options), IsOk());
    struct stat status {};
    ASSERT_EQ(::stat((root_ + "/zeros").c_str(), &status), 0);
    EXPECT_EQ(status.st_size, 8 << 20);
    EXPECT_LT(status.st_blocks * 512, 1 << 20);
}

TEST_F(LocalTest, TimesBeforeTheEpochAreKept) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    MemoryBlob blob("x");
    PutOptions options;
    options.upload_id = "upload";
    options.mtime_ns = -1'500'000'000;
    const auto result = provider_->put({}, "old", blob, options);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->object.mtime_ns, -1'500'000'000);
}

TEST_F(LocalTest, LeftoversOfACrashAreReportedAndDiscarded) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    write_file(root_ + "/" + part_name("1a2b3c4d-17"), "half");
    const auto page = provider_->list({}, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_THAT(page->entries, IsEmpty());
    ASSERT_EQ(page->leftovers.size(), 1u);
    EXPECT_EQ(page->leftovers[0].key, ".oracxfs-1a2b3c4d-17.part");
    EXPECT_EQ(page->leftovers[0].size, 4u);
    EXPECT_THAT(provider_->discard_upload({}, "file", "../../etc", ""), HasCode(Errc::invalid));
    EXPECT_THAT(provider_->discard_upload({}, "file", "1a2b3c4d-17", ""), IsOk());
    EXPECT_THAT(names_below(root_), IsEmpty());
}

TEST_F(LocalTest, LeftoverOfTheSameUploadIsNoObstacle) {
    ASSERT_THAT(provider_->probe({}), IsOk());
    for (const bool tmpfile : {true, false}) {
        provider_->features().tmpfile = tmpfile;
        const auto first = put(tmpfile ? "a" : "b", "first");
        ASSERT_THAT(first, IsOk());
        write_file(root_ + "/" + part_name("upload-" + std::to_string(uploads_ + 1)), "half");
        EXPECT_THAT(put(first->object.key, "second", first->object), IsOk());
    }
}

TEST(LocalErrors, SpeakOfTheReplica) {
    using local::io_error;
    EXPECT_EQ(io_error(ENOSPC, "x").code, Errc::quota_full);
    EXPECT_EQ(io_error(EDQUOT, "x").code, Errc::quota_full);
    EXPECT_EQ(io_error(EROFS, "x").code, Errc::denied);
    EXPECT_EQ(io_error(EACCES, "x").code, Errc::denied);
    EXPECT_EQ(io_error(ELOOP, "x").code, Errc::denied);
    EXPECT_EQ(io_error(EIO, "x").code, Errc::unavailable);
    EXPECT_EQ(io_error(ENODEV, "x").code, Errc::unavailable);
    EXPECT_EQ(io_error(EMFILE, "x").code, Errc::unavailable);
    EXPECT_EQ(io_error(ENAMETOOLONG, "x").code, Errc::name_too_long);
    EXPECT_EQ(io_error(EILSEQ, "x").code, Errc::name_refused);
    EXPECT_EQ(io_error(EIO, "x").native, EIO);
}

}  // namespace
}  // namespace oracxfs::test
