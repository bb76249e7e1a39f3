#include "tools/packager/restore.h"

#include <gmock/gmock.h>

#include "tests/unit/packager/package_setup.h"
#include "tests/unit/packager/zip_builder.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using What = RestoreItem::What;
using Overwrite = RestoreOptions::Overwrite;

class RestoreTest : public PackageTest {
  protected:
    RestoreOptions options() const {
        RestoreOptions wanted;
        wanted.to = dir / "out";
        return wanted;
    }
    Result<RestoreReport> restore(const std::string& archive, const RestoreOptions& wanted, const std::string& passphrase = "") const {
        const auto reader = open(archive, passphrase);
        return restore_package({}, *reader, wanted, nullptr);
    }
    RestoreReport restored(const std::string& archive, const RestoreOptions& wanted) const {
        auto report = restore(archive, wanted);
        EXPECT_THAT(report, IsOk());
        return report ? *report : RestoreReport{};
    }
    // What a package of one member that somebody made by hand becomes.
    RestoreReport restore_one(const HandMember& member) const { return restored(HandZip().add(member).finish(), options()); }
    std::string out(const std::string& name) const { return dir / ("out/" + name); }
    bool nothing_outside() const {
        for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
            if (const std::string name = entry.path().filename().string(); name != "out" && name != "data" && name != "temp") return false;
        return true;
    }
    static std::vector<std::string> of_kind(const RestoreReport& report, What what) {
        std::vector<std::string> list;
        for (const RestoreItem& item : report.problems)
            if (item.what == what) list.push_back(item.name);
        return list;
    }
};

TEST_F(RestoreTest, EverythingComesBackAsItWas) {
    spill(source("a.txt"), "hello");
    spill(source("sub/large"), prose(18u << 20));
    spill(source("sub/b"), noise(10'000));
    std::filesystem::create_directories(source("empty"));
    std::filesystem::create_symlink("sub/b", source("link"));
    ::chmod(source("a.txt").c_str(), 04755);
    ::chmod(source("empty").c_str(), 0510);
    set_mtime(source("a.txt"), 1'700'000'001, 123'456'789);
    set_mtime(source("sub"), 1'600'000'000, 5);
    const RestoreReport report = restored(pack(request()), options());
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_EQ(report.files, 4u);
    EXPECT_EQ(report.verified, 4u);
    EXPECT_EQ(report.folders, 3u);
    const Ran same = run({"/usr/bin/diff", "-r", "--no-dereference", source(), out("data")});
    EXPECT_TRUE(same.ok) << same.output;
    struct stat status {};
    ASSERT_EQ(::stat(out("data/a.txt").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0755u) << "without setuid";
    EXPECT_EQ(status.st_mtim.tv_sec, 1'700'000'001);
    EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
    ASSERT_EQ(::stat(out("data/sub").c_str(), &status), 0);
    EXPECT_EQ(status.st_mtim.tv_sec, 1'600'000'000);
    ASSERT_EQ(::stat(out("data/empty").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0510u);
    EXPECT_FALSE(std::filesystem::exists(out("manifest.json")));
    ::chmod(source("empty").c_str(), 0700);
    ::chmod(out("data/empty").c_str(), 0700);
}

TEST_F(RestoreTest, PathsChooseFilesFoldersAndPatterns) {
    for (const char* name : {"a.txt", "b.md", "sub/c.txt", "sub/deep/d.md", "subway"}) spill(source(name), name);
    const std::string archive = pack(request());
    const auto chosen = [&](const std::vector<std::string>& paths) {
        std::filesystem::remove_all(dir / "out");
        RestoreOptions wanted = options();
        wanted.paths = paths;
        restored(archive, wanted);
        std::vector<std::string> list;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir / "out"))
            if (entry.is_regular_file()) list.push_back(std::filesystem::relative(entry.path(), dir / "out").string());
        return list;
    };
    EXPECT_THAT(chosen({"data/a.txt"}), UnorderedElementsAre("data/a.txt"));
    EXPECT_THAT(chosen({"data/sub/"}), UnorderedElementsAre("data/sub/c.txt", "data/sub/deep/d.md"));
    EXPECT_THAT(chosen({"*.md"}), UnorderedElementsAre("data/b.md", "data/sub/deep/d.md"));
    EXPECT_THAT(chosen({"data/*/*.txt", "data/subway"}), UnorderedElementsAre("data/sub/c.txt", "data/subway"));
    EXPECT_THAT(chosen({"manifest.json"}), UnorderedElementsAre("manifest.json"));
    RestoreOptions wanted = options();
    wanted.paths = {"data/a.txt", "data/missing"};
    EXPECT_THAT(of_kind(restored(archive, wanted), What::unmatched), ElementsAre("data/missing"));
}

TEST_F(RestoreTest, OverwritingIsAsAskedFor) {
    spill(source("older"), "packed");
    spill(source("newer"), "packed");
    set_mtime(source("older"), 1'000);
    set_mtime(source("newer"), 3'000);
    const std::string archive = pack(request());
    const auto overwritten = [&](Overwrite mode) {
        for (const char* name : {"data/older", "data/newer"}) {
            spill(out(name), "local");
            set_mtime(out(name), 2'000);
        }
        RestoreOptions wanted = options();
        wanted.overwrite = mode;
        const RestoreReport report = restored(archive, wanted);
        EXPECT_THAT(report.problems, IsEmpty());
        EXPECT_EQ(report.files + report.kept, 2u);
        return slurp(out("data/older")) + " " + slurp(out("data/newer"));
    };
    EXPECT_EQ(overwritten(Overwrite::never), "local local");
    EXPECT_EQ(overwritten(Overwrite::if_newer), "local packed");
    EXPECT_EQ(overwritten(Overwrite::always), "packed packed");
}

TEST_F(RestoreTest, ADryRunTellsAndDoesNothing) {
    spill(source("a"), "a");
    spill(source("b"), "bb");
    const std::string archive = pack(request());
    RestoreOptions wanted = options();
    wanted.dry_run = true;
    RestoreReport report = restored(archive, wanted);
    EXPECT_EQ(report.files, 2u);
    EXPECT_EQ(report.bytes, 3u);
    EXPECT_EQ(report.plan.size(), 2u);
    EXPECT_FALSE(std::filesystem::exists(dir / "out"));
    spill(out("data/a"), "there");
    report = restored(archive, wanted);
    EXPECT_EQ(report.kept, 1u);
    EXPECT_EQ(slurp(out("data/a")), "there");
    EXPECT_FALSE(std::filesystem::exists(out("data/b")));
}

TEST_F(RestoreTest, ADamagedMemberIsReportedAndLeavesNothing) {
    spill(source("bad"), noise(100'000));
    spill(source("good"), "good");
    std::string archive = pack(request());
    const PackageEntry entry = *open(archive)->find("data/bad");
    archive[entry.offset + 60'000] ^= 1;
    const RestoreReport report = restored(archive, options());
    EXPECT_THAT(of_kind(report, What::damaged), ElementsAre("data/bad"));
    EXPECT_FALSE(std::filesystem::exists(out("data/bad")));
    EXPECT_EQ(slurp(out("data/good")), "good");
    int files = 0;
    for (const auto& item : std::filesystem::directory_iterator(out("data"))) files += item.exists();
    EXPECT_EQ(files, 1) << "no temporary file stays";
}

TEST_F(RestoreTest, ContentThatIsNotTheManifestsIsDamagedUnlessNobodyAsks) {
    // Good by its CRC, but not what was packed.
    Sha256 other = sha256_of(std::as_bytes(std::span("other", 5)));
    const std::string manifest = R"({"format":"oracxfs-package","format_version":1,"members":[
        {"name":"a","size":5,"mtime_ns":0,"mode":"0644","sha256":")" + to_hex(other) + R"("},
        {"name":"gone","size":5,"mtime_ns":0,"mode":"0644","sha256":")" + to_hex(other) + R"("}]})";
    const std::string archive = HandZip().add({"a", "hello"}).add({"manifest.json", manifest}).finish();
    RestoreReport report = restored(archive, options());
    EXPECT_THAT(of_kind(report, What::damaged), ElementsAre("a"));
    EXPECT_THAT(of_kind(report, What::missing), ElementsAre("gone"));
    EXPECT_FALSE(std::filesystem::exists(out("a")));
    RestoreOptions wanted = options();
    wanted.verify = false;
    report = restored(archive, wanted);
    EXPECT_EQ(slurp(out("a")), "hello");
    EXPECT_EQ(report.verified, 0u);
}

TEST_F(RestoreTest, ADamagedManifestDoesNotPreventTheRest) {
    const std::string archive = HandZip().add({"a", "hello"}).add({"manifest.json", "{\"format\": oh"}).finish();
    const RestoreReport report = restored(archive, options());
    EXPECT_THAT(of_kind(report, What::damaged), ElementsAre("manifest.json"));
    EXPECT_EQ(slurp(out("a")), "hello");
}

TEST_F(RestoreTest, EncryptedPackagesNeedTheirPassphrase) {
    spill(source("a.txt"), prose(100'000));
    PackageRequest wanted = request();
    wanted.passphrase.emplace("correct");
    const std::string archive = pack(wanted);
    auto wrong = restore(archive, options(), "wrong");
    // Two bytes tell a wrong passphrase: one in 65,536 fits.
    if (wrong || wrong.error().code != Errc::key_unavailable) wrong = restore(archive, options(), "wrong, too");
    ASSERT_THAT(wrong, HasCode(Errc::key_unavailable));
    EXPECT_THAT(wrong.error().why, HasSubstr("the passphrase is wrong"));
    const auto none = restore(archive, options());
    ASSERT_THAT(none, HasCode(Errc::key_unavailable));
    EXPECT_THAT(none.error().why, HasSubstr("no passphrase was given"));
    EXPECT_FALSE(std::filesystem::exists(out("data/a.txt")));
    ASSERT_THAT(restore(archive, options(), "correct"), IsOk());
    EXPECT_EQ(slurp(out("data/a.txt")), prose(100'000));
    EXPECT_EQ(archive.find("the folder keeps"), std::string::npos);
}

TEST_F(RestoreTest, AChangedByteOfAnEncryptedMemberIsNoticed) {
    spill(source("a"), noise(100'000));
    PackageRequest wanted = request();
    wanted.passphrase.emplace("correct");
    std::string archive = pack(wanted);
    archive[open(archive)->find("data/a")->offset + 50'000] ^= 1;
    const auto report = restore(archive, options(), "correct");
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(of_kind(*report, What::damaged), ElementsAre("data/a"));
}

TEST_F(RestoreTest, CancelEndsIt) {
    for (int i = 0; i < 20; ++i) spill(source("f" + std::to_string(i)), noise(10'000));
    const auto reader = open(pack(request()));
    std::stop_source stop;
    OpContext ctx;
    ctx.stop = stop.get_token();
    const auto report = restore_package(ctx, *reader, options(), [&](const RestoreProgress& now) {
        if (now.members_done == 3) stop.request_stop();
    });
    EXPECT_THAT(report, HasCode(Errc::cancelled));
    EXPECT_FALSE(std::filesystem::exists(out("data/f19")));
}

TEST_F(RestoreTest, FileInTheWayOfAFolderIsReported) {
    spill(source("x/a"), "a");
    spill(source("b"), "b");
    spill(out("data/x"), "a file");
    const RestoreReport report = restored(pack(request()), options());
    EXPECT_THAT(of_kind(report, What::failed), ElementsAre("data/x/a", "data/x"));
    EXPECT_EQ(slurp(out("data/x")), "a file");
    EXPECT_EQ(slurp(out("data/b")), "b");
}

// --- archives that want to do harm --------------------------------------------------------------------------------------

class UnsafeName : public RestoreTest, public testing::WithParamInterface<std::string> {};

TEST_P(UnsafeName, IsRefused) {
    std::filesystem::create_directories(dir / "out");
    const RestoreReport report = restore_one({GetParam(), "evil"});
    EXPECT_EQ(of_kind(report, What::refused).size(), 1u) << testing::PrintToString(report.problems.size());
    EXPECT_EQ(report.files, 0u);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "out"));
    EXPECT_TRUE(nothing_outside());
}

INSTANTIATE_TEST_SUITE_P(All, UnsafeName,
                         testing::Values("../evil", "a/../../evil", "a/..", "..", "/tmp/oracxfs-evil", "./a", "a//b", "a/./b", "", ".",
                                         "..\\evil", "a\\..\\evil", "C:\\evil", "C:evil", "c:/evil", std::string("a\0b", 3),
                                         std::string(300, 'x'), std::string(5000, 'x'), "a/../b"));

TEST_F(RestoreTest, BackslashesOfOurOwnFilesComeBack) {
    spill(source("a\\b"), "legal here");
    spill(source("C:x"), "this too");
    const RestoreReport report = restored(pack(request()), options());
    EXPECT_THAT(report.problems, IsEmpty());
    EXPECT_EQ(slurp(out("data/a\\b")), "legal here");
    EXPECT_EQ(slurp(out("data/C:x")), "this too");
}

TEST_F(RestoreTest, FilesAreNotWrittenThroughTheArchivesOwnLinks) {
    std::filesystem::create_directories(dir / "outside");
    const std::string archive = HandZip()
                                    .add({"door", dir / "outside", 0, 0, 0120777})
                                    .add({"door/evil", "evil"})
                                    .add({"inside", ".", 0, 0, 0120777})
                                    .finish();
    RestoreOptions wanted = options();
    wanted.links_to_outside = true;
    const RestoreReport report = restored(archive, wanted);
    // The file makes "door" a folder, and the link comes last.
    EXPECT_TRUE(std::filesystem::is_empty(dir / "outside"));
    EXPECT_EQ(slurp(out("door/evil")), "evil");
    EXPECT_THAT(of_kind(report, What::failed), ElementsAre("door"));
}

TEST_F(RestoreTest, LinksThatAreThereAlreadyAreNotFollowed) {
    std::filesystem::create_directories(dir / "outside");
    std::filesystem::create_directories(dir / "out");
    std::filesystem::create_directory_symlink(dir / "outside", out("sub"));
    std::filesystem::create_symlink(dir / "outside/target", out("file"));
    const std::string archive = HandZip().add({"sub/evil", "evil"}).add({"file", "evil"}).finish();
    RestoreOptions wanted = options();
    wanted.overwrite = Overwrite::always;
    const RestoreReport report = restored(archive, wanted);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "outside"));
    EXPECT_THAT(of_kind(report, What::failed), ElementsAre("sub/evil"));
    EXPECT_FALSE(std::filesystem::is_symlink(out("file"))) << "replaced, not written through";
}

class LinkTarget : public RestoreTest, public testing::WithParamInterface<std::pair<const char*, bool>> {};

TEST_P(LinkTarget, IsRefusedIfItLeadsOutside) {
    const RestoreReport report = restore_one({"a/b/link", GetParam().first, 0, 0, 0120777});
    EXPECT_EQ(std::filesystem::is_symlink(out("a/b/link")), GetParam().second);
    EXPECT_EQ(of_kind(report, What::refused).empty(), GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(All, LinkTarget,
                         testing::Values(std::pair("x", true), std::pair("../x", true), std::pair("../../x", true), std::pair("./y/z", true),
                                         std::pair("../../../x", false), std::pair("/etc/passwd", false), std::pair("..//..//..", false),
                                         std::pair("c/../../../../x", false), std::pair("c/..", false)));

TEST_F(RestoreTest, DuplicatesAreRefused) {
    const std::string archive = HandZip().add({"a", "one"}).add({"a", "two"}).add({"b/", "", 0, 0, 040755}).add({"b", "file"}).add({"c", "c"}).finish();
    const RestoreReport report = restored(archive, options());
    EXPECT_THAT(of_kind(report, What::refused), UnorderedElementsAre("a", "a", "b", "b"));
    EXPECT_EQ(slurp(out("c")), "c");
    EXPECT_FALSE(std::filesystem::exists(out("a")));
}

TEST_F(RestoreTest, DevicesAndOddThingsAreRefused) {
    const std::string archive = HandZip()
                                    .add({"device", "", 0, 0, 0020666})
                                    .add({"pipe", "", 0, 0, 0010666})
                                    .add({"method", "x", 12})
                                    .add({"old encryption", std::string(20, 'x'), 0, 1})
                                    .add({"folder/", "content", 0, 0, 040755})
                                    .finish();
    const RestoreReport report = restored(archive, options());
    EXPECT_EQ(of_kind(report, What::refused).size(), 5u);
    EXPECT_EQ(report.files, 0u);
}

TEST_F(RestoreTest, AMemberThatGrowsBeyondItsSizeIsStopped) {
    const std::string data = deflated(prose(1u << 20));
    HandMember bomb{"bomb", data, 8};
    bomb.size = 1000;
    bomb.crc = 0;
    const RestoreReport report = restore_one(bomb);
    EXPECT_THAT(of_kind(report, What::damaged), ElementsAre("bomb"));
    EXPECT_LE(report.bytes, 1000u);
    EXPECT_FALSE(std::filesystem::exists(out("bomb")));
}

TEST_F(RestoreTest, WhatWouldBecomeEnormousIsRefusedUnlessTheManifestVouchesForIt) {
    spill(source("zeros"), std::string(150u << 20, '\0'));
    const std::string archive = pack(request());
    EXPECT_LT(archive.size(), 1u << 20);
    EXPECT_THAT(restored(archive, options()).problems, IsEmpty());
    EXPECT_EQ(std::filesystem::file_size(out("data/zeros")), 150u << 20);
    // The same member in an archive of somebody else.
    const PackageEntry entry = *open(archive)->find("data/zeros");
    const std::size_t header = 30 + entry.name.size() + 20 + 9;
    HandMember bomb{"zeros", archive.substr(entry.offset + header, entry.compressed), 8};
    bomb.size = entry.size;
    bomb.crc = entry.crc;
    std::filesystem::remove_all(dir / "out");
    EXPECT_THAT(of_kind(restore_one(bomb), What::refused), ElementsAre("zeros"));
}

TEST_F(RestoreTest, MoreThanIsAllowedOrFitsIsRefusedBeforeAnythingIsWritten) {
    spill(source("a"), noise(2000));
    const std::string archive = pack(request());
    RestoreOptions wanted = options();
    wanted.bytes_max = 1000;
    EXPECT_THAT(restore(archive, wanted), HasCode(Errc::too_large));
    EXPECT_FALSE(std::filesystem::exists(out("data")));
    wanted = options();
    wanted.members_max = 2;
    EXPECT_THAT(restore(archive, wanted), HasCode(Errc::too_large));
    HandMember huge{"huge", "x", 8};
    huge.size = 0xfffffff0u;
    std::string many = HandZip().add(huge).finish();
    EXPECT_THAT(of_kind(restored(many, options()), What::refused), ElementsAre("huge"));
}

}  // namespace
}  // namespace oracxfs::test
