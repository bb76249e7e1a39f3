#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>


#include "tests/unit/packager/package_setup.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using What = PackageProblem::What;

class PackagerTest : public PackageTest {};

TEST_F(PackagerTest, PacksATreeWithItsFoldersLinksModesAndTimes) {
    spill(source("a.txt"), "hello");
    spill(source("sub/b.bin"), noise(100'000));
    std::filesystem::create_directories(source("empty"));
    std::filesystem::create_symlink("sub/b.bin", source("link"));
    ::chmod(source("a.txt").c_str(), 0640);
    ::chmod(source("empty").c_str(), 0710);
    set_mtime(source("a.txt"), 1'700'000'001, 123'456'789);
    const auto reader = open(pack(request()));
    ASSERT_NE(reader, nullptr);
    EXPECT_THAT(names(*reader), ElementsAre("RESTORE.txt", "data/", "data/a.txt", "data/empty/", "data/link", "data/sub/",
                                            "data/sub/b.bin", "manifest.json"));
    EXPECT_EQ(content(*reader, "data/a.txt"), "hello");
    EXPECT_EQ(content(*reader, "data/sub/b.bin"), noise(100'000));
    EXPECT_EQ(content(*reader, "data/link"), "sub/b.bin");
    const PackageEntry& file = *reader->find("data/a.txt");
    EXPECT_EQ(file.mode & 07777u, 0640u);
    EXPECT_EQ(file.mtime_s, 1'700'000'001);
    EXPECT_EQ(reader->find("data/link")->kind, PackageEntry::Kind::symlink);
    EXPECT_EQ(reader->find("data/empty/")->kind, PackageEntry::Kind::folder);
    EXPECT_EQ(reader->find("data/empty/")->mode & 07777u, 0710u);
    EXPECT_EQ(last.files, 3u);
    EXPECT_EQ(last.members, 8u);
    EXPECT_EQ(last.bytes_in, 5 + 100'000 + 9u);
    EXPECT_THAT(last.problems, IsEmpty());
}

TEST_F(PackagerTest, ManifestSaysWhatIsInside) {
    spill(source("a.txt"), "hello");
    ::chmod(source("a.txt").c_str(), 0640);
    set_mtime(source("a.txt"), 1'700'000'001, 123'456'789);
    const auto reader = open(pack(request()));
    const auto text = parse_json(content(*reader, "manifest.json"));
    ASSERT_THAT(text, IsOk());
    EXPECT_EQ((*text)["format"].as_string(), "oracxfs-package");
    EXPECT_EQ((*text)["created"].as_string(), "2026-11-23T20:36:28Z");
    EXPECT_EQ((*text)["machine"].as_string(), "host01");
    EXPECT_EQ((*text)["version"].as_string(), "1.2.3");
    EXPECT_EQ((*text)["sources"].items()[0]["path"].as_string(), source());
    ASSERT_EQ((*text)["members"].items().size(), 3u);
    const Json& line = (*text)["members"].items()[2];
    EXPECT_EQ(line["name"].as_string(), "data/a.txt");
    EXPECT_EQ(line["size"].as_int(), 5);
    EXPECT_EQ(line["mode"].as_string(), "0640");
    EXPECT_EQ(line["mtime_ns"].as_int(), 1'700'000'001'123'456'789);
    EXPECT_EQ(line["sha256"].as_string(), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    EXPECT_TRUE(last.manifest["members"].is_null());
    EXPECT_EQ(last.manifest["totals"]["files"].as_int(), 1);
}

TEST_F(PackagerTest, RestoreTextIsThereInTwoLanguages) {
    spill(source("a"), "a");
    const auto reader = open(pack(request()));
    EXPECT_THAT(content(*reader, "RESTORE.txt"), HasSubstr("HOW TO RESTORE THIS BACKUP"));
    EXPECT_THAT(content(*reader, "RESTORE.txt"), HasSubstr("COMMENT RESTAURER CETTE SAUVEGARDE"));
}

TEST_F(PackagerTest, TheSameTreeGivesTheSameBytesHoweverManyThreadsWork) {
    for (int i = 0; i < 40; ++i) spill(source("f" + std::to_string(i)), prose(static_cast<std::size_t>(i) * 3000, static_cast<unsigned>(i)));
    spill(source("large"), prose(3u << 20));
    PackageRequest one = request();
    one.workers = 1;
    PackageRequest many = request();
    many.workers = 7;
    const std::string first = pack(one);
    EXPECT_EQ(first, pack(many));
    PackageRequest later = request();
    later.now += Millis(3'600'000);
    const auto a = open(first), b = open(pack(later));
    for (const std::string& name : names(*a))
        if (name != "manifest.json") {
            EXPECT_EQ(a->find(name)->offset, b->find(name)->offset) << name;
            EXPECT_EQ(content(*a, name), content(*b, name)) << name;
        }
}

TEST_F(PackagerTest, EmptyOneByteAndBlockSizedFilesComeBackAsTheyWere) {
    std::map<std::string, std::string> files;
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, kDeflateBlockBytes - 1, kDeflateBlockBytes, kDeflateBlockBytes + 1,
                                    2 * kDeflateBlockBytes, 3 * kDeflateBlockBytes + 7}) {
        files["data/prose" + std::to_string(bytes)] = prose(bytes);
        files["data/noise" + std::to_string(bytes)] = noise(bytes);
        files["data/mixed" + std::to_string(bytes)] = prose(bytes / 2) + noise(bytes - bytes / 2);
    }
    for (const auto& [name, bytes] : files) spill(dir / name, bytes);
    for (const Compression level : {Compression::max, Compression::balanced, Compression::store}) {
        PackageRequest wanted = request();
        wanted.compression = level;
        const auto reader = open(pack(wanted));
        for (const auto& [name, bytes] : files) EXPECT_TRUE(content(*reader, name) == bytes) << name;
    }
}

TEST_F(PackagerTest, LargeFilesAreStreamedAndComeBack) {
    const std::string large = prose(17u << 20) + noise(3u << 20) + prose(1u << 20, 2);
    spill(source("large"), large);
    spill(source("zlast"), "behind it");
    const std::string archive = pack(request());
    const auto reader = open(archive);
    EXPECT_TRUE(reader->find("data/large")->streamed);
    EXPECT_TRUE(content(*reader, "data/large") == large);
    EXPECT_EQ(content(*reader, "data/zlast"), "behind it");
    EXPECT_LT(archive.size(), large.size() / 2);
}

TEST_F(PackagerTest, CompressedContentIsStored) {
    spill(source("photo.jpg"), "\xff\xd8\xff" + noise(200'000));
    spill(source("archive.gz"), "\x1f\x8b" + prose(200'000));  // its beginning decides
    spill(source("random"), noise(200'000));
    spill(source("text"), prose(200'000));
    const auto reader = open(pack(request()));
    EXPECT_EQ(reader->find("data/photo.jpg")->method, 0);
    EXPECT_EQ(reader->find("data/archive.gz")->method, 0);
    EXPECT_EQ(reader->find("data/random")->method, 0);
    EXPECT_EQ(reader->find("data/text")->method, 8);
}

TEST_F(PackagerTest, PatternsChooseFiles) {
    for (const char* name : {"a.txt", "a.tmp", "cache/x.txt", "sub/b.txt", "sub/b.md", "sub/cache/y.txt", "sub/deep/c.txt"}) spill(source(name), name);
    PackageRequest wanted = request();
    wanted.sources[0].exclude = {"*.tmp", "cache/", "/sub/deep/**"};
    EXPECT_THAT(names(*open(pack(wanted))),
                ElementsAre("RESTORE.txt", "data/", "data/a.txt", "data/sub/", "data/sub/b.md", "data/sub/b.txt", "data/sub/deep/", "manifest.json"));
    wanted.sources[0].include = {"*.md", "x.txt"};
    EXPECT_THAT(names(*open(pack(wanted))), ElementsAre("RESTORE.txt", "data/", "data/sub/", "data/sub/b.md", "manifest.json"));
}

TEST_F(PackagerTest, UnreadableFilesAreReportedAndTheRestIsPacked) {
    if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
    spill(source("good"), "good");
    spill(source("secret"), "secret");
    spill(source("closed/in"), "in");
    ::chmod(source("secret").c_str(), 0);
    ::chmod(source("closed").c_str(), 0);
    const auto reader = open(pack(request()));
    ::chmod(source("closed").c_str(), 0700);
    EXPECT_THAT(paths_of(last, What::unreadable), testing::UnorderedElementsAre(source("closed"), source("secret")));
    EXPECT_EQ(last.count(What::unreadable), 2u);
    EXPECT_EQ(content(*reader, "data/good"), "good");
    EXPECT_EQ(reader->find("data/secret"), nullptr);
    EXPECT_THAT(content(*reader, "manifest.json"), HasSubstr("unreadable"));
    EXPECT_EQ(last.fingerprint, "") << "a package with gaps must not count as up to date";
}

TEST_F(PackagerTest, AFileThatCannotBeReadIsReportedEvenToRoot) {
    spill(source("good"), "good");
    // Reading a process's memory from its start fails with EIO for everybody.
    PackageRequest wanted = request();
    BackupSource broken;
    broken.kind = "tree";
    broken.path = "/proc/self/mem";
    wanted.sources.push_back(broken);
    const auto reader = open(pack(wanted));
    EXPECT_THAT(paths_of(last, What::unreadable), ElementsAre(testing::EndsWith("/mem")));
    EXPECT_EQ(reader->find("mem"), nullptr);
}

TEST_F(PackagerTest, SocketsAndPipesAreSkippedAndTold) {
    spill(source("a"), "a");
    ASSERT_EQ(::mkfifo(source("pipe").c_str(), 0600), 0);
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", source("socket").c_str());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    pack(request());
    EXPECT_THAT(paths_of(last, What::skipped_special), ElementsAre(source("pipe"), source("socket")));
    EXPECT_NE(last.fingerprint, "") << "they can never be packed";
}

TEST_F(PackagerTest, OwnFoldersAreNotPacked) {
    spill(source("a"), "a");
    spill(source("state/staging/x"), "x");
    spill(source("deep/mount/y"), "y");
    std::filesystem::create_symlink(source("deep"), dir / "way");
    PackageRequest wanted = request();
    wanted.never_pack = {source("state/"), dir / "way/mount"};
    EXPECT_THAT(names(*open(pack(wanted))), ElementsAre("RESTORE.txt", "data/", "data/a", "data/deep/", "manifest.json"));
}

TEST_F(PackagerTest, TemporaryCopiesInsideASourceAreNotPacked) {
    spill(source("a"), "a");
    PackageRequest wanted = request();
    wanted.temp_dir = source("tmp");
    MemorySink sink;
    ASSERT_THAT(build(wanted, sink), IsOk());
    EXPECT_THAT(names(*open(sink.bytes)), ElementsAre("RESTORE.txt", "data/", "data/a", "manifest.json"));
}

TEST_F(PackagerTest, ASourceInsideAnOwnFolderIsRefused) {
    spill(source("a"), "a");
    PackageRequest wanted = request();
    wanted.never_pack = {dir.path()};
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::invalid));
    EXPECT_EQ(sink.bytes, "");
}

TEST_F(PackagerTest, AMissingSourceIsAnErrorNotAnEmptyPackage) {
    MemorySink sink;
    EXPECT_THAT(build(request(), sink), HasCode(Errc::not_found));
    EXPECT_EQ(sink.bytes, "");
}

TEST_F(PackagerTest, SourcesOfOneNameGetDifferentOnesAndGivenNamesMustDiffer) {
    spill(source("a"), "1");
    spill(dir / "other/data/a", "2");
    spill(dir / "third/manifest.json", "3");
    PackageRequest wanted = request();
    BackupSource other = tree();
    other.path = dir / "other/data";
    BackupSource third = tree();
    third.path = dir / "third/manifest.json";
    wanted.sources.push_back(other);
    wanted.sources.push_back(third);
    const auto reader = open(pack(wanted));
    EXPECT_EQ(content(*reader, "data/a"), "1");
    EXPECT_EQ(content(*reader, "data-2/a"), "2");
    EXPECT_EQ(content(*reader, "manifest.json-2"), "3");
    wanted.sources[0].name = wanted.sources[1].name = "same";
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::invalid));
}

TEST_F(PackagerTest, FollowPacksWhatLinksPointToAndEndsInCircles) {
    spill(source("a"), "a");
    spill(dir / "outside/b", "b");
    std::filesystem::create_symlink(dir / "outside", source("out"));
    std::filesystem::create_symlink("..", source("circle"));
    std::filesystem::create_symlink("a", source("same"));
    std::filesystem::create_symlink("nowhere", source("dangling"));
    PackageRequest wanted = request();
    wanted.sources[0].follow = true;
    wanted.sources[0].exclude = {"/circle/temp"};
    const auto reader = open(pack(wanted));
    EXPECT_EQ(content(*reader, "data/out/b"), "b");
    EXPECT_EQ(content(*reader, "data/same"), "a");
    EXPECT_EQ(reader->find("data/same")->kind, PackageEntry::Kind::file);
    EXPECT_EQ(reader->find("data/dangling")->kind, PackageEntry::Kind::symlink);
    EXPECT_THAT(paths_of(last, What::skipped_special), testing::Contains(source("circle/data")));
}

TEST_F(PackagerTest, NamesThatAreNotUtf8ComeBackFromTheManifest) {
    spill(source("caf\xe9"), "latin");
    spill(source("café"), "utf-8");
    const auto reader = open(pack(request()));
    EXPECT_EQ(content(*reader, "data/caf\xe9"), "latin");
    EXPECT_EQ(content(*reader, "data/café"), "utf-8");
    const auto manifest = reader->manifest({});
    ASSERT_THAT(manifest, IsOk());
    EXPECT_TRUE((*manifest)->members.contains("data/caf\xe9"));
}

TEST_F(PackagerTest, MetadataOfTheCallerIsPackedIfWanted) {
    spill(source("a"), "a");
    PackageRequest wanted = request();
    wanted.metadata = {{"oracxfs/cloud_config.json", "{}", true}};
    EXPECT_EQ(content(*open(pack(wanted)), "oracxfs/cloud_config.json"), "{}");
    wanted.include_metadata = false;
    EXPECT_EQ(open(pack(wanted))->find("oracxfs/cloud_config.json"), nullptr);
    wanted.include_metadata = true;
    wanted.metadata[0].name = "../evil";
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::invalid));
}

}  // namespace
}  // namespace oracxfs::test
