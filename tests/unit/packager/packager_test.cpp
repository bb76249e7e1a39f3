#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <ctime>
#include <thread>

#include "tests/unit/packager/package_setup.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using What = PackageProblem::What;

class PackagerTest : public PackageTest {};

std::vector<std::string> paths_of(const PackageReport& report, What what) {
    std::vector<std::string> list;
    for (const PackageProblem& problem : report.problems)
        if (problem.what == what) list.push_back(problem.path);
    return list;
}

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

// --- files that change --------------------------------------------------------------------------------------------------

// Calls back each time the packager has written some more, which is while it reads.
TEST_F(PackagerTest, AFileThatVanishesMeanwhileIsReported) {
    for (int i = 0; i < 30; ++i) spill(source("a" + std::to_string(i)), noise(1u << 20, static_cast<unsigned>(i)));
    // Larger than all room ahead of the writer: so the reader has not come to the last file when the first bytes arrive.
    spill(source("b"), noise(70u << 20));
    spill(source("z"), "gone");
    MemorySink sink;
    sink.on_write = [&](std::uint64_t) -> Status {
        std::filesystem::remove(source("z"));
        return {};
    };
    const auto report = build(request(), sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(paths_of(*report, What::vanished), ElementsAre(source("z")));
}

TEST_F(PackagerTest, AFileThatOnlyGrowsIsPackedUpToTheSizeItHad) {
    spill(source("log"), noise(80u << 20));
    MemorySink sink;
    int writes = 0;
    sink.on_write = [&](std::uint64_t) -> Status {
        if (writes++ < 50) std::ofstream(source("log"), std::ios::app) << "one more line\n";
        return {};
    };
    const auto report = build(request(), sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(report->problems, IsEmpty());
    EXPECT_EQ(open(sink.bytes)->find("data/log")->size, 80u << 20);
}

TEST_F(PackagerTest, ALargeFileThatIsRewrittenOnceIsReadAgain) {
    const std::string after = noise(80u << 20, 2);
    spill(source("disk.img"), noise(80u << 20, 1));
    MemorySink sink;
    bool changed = false;
    // The reader cannot be done with it: it is larger than all room ahead of the writer.
    sink.on_write = [&](std::uint64_t) -> Status {
        if (std::exchange(changed, true)) return {};
        const UniqueFd fd(::open(source("disk.img").c_str(), O_WRONLY));
        EXPECT_EQ(::pwrite(fd.get(), after.data(), after.size(), 0), static_cast<ssize_t>(after.size()));
        return {};
    };
    const auto report = build(request(), sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(report->problems, IsEmpty());
    const auto reader = open(sink.bytes);
    EXPECT_TRUE(content(*reader, "data/disk.img") == after);
    // The first attempt stays as a gap, which others must not mind.
    EXPECT_GT(sink.bytes.size(), 100u << 20);
    spill(dir / "x.zip", sink.bytes);
    EXPECT_TRUE(run({"/usr/bin/unzip", "-tq", dir / "x.zip"}).ok) << run({"/usr/bin/unzip", "-t", dir / "x.zip"}).output;
    EXPECT_TRUE(run({"/usr/bin/7z", "t", dir / "x.zip"}).ok) << run({"/usr/bin/7z", "t", dir / "x.zip"}).output;
}

TEST_F(PackagerTest, AFileThatChangesAllTheTimeIsTakenAsItWasReadAndFlagged) {
    // What is read ahead of the sink has room for neither file as a whole, and the sink waits for a change to be visible
    // each MiB: so there is one during each attempt.
    spill(source("before"), noise(60u << 20));
    spill(source("busy"), noise(8u << 20));
    std::jthread writer([&](const std::stop_token& stop) {
        const UniqueFd fd(::open(source("busy").c_str(), O_WRONLY));
        for (char value = 0; !stop.stop_requested(); ++value) EXPECT_EQ(::pwrite(fd.get(), &value, 1, 5'000'000), 1);
    });
    MemorySink sink;
    std::uint64_t mib = 0;
    sink.on_write = [&](std::uint64_t bytes) -> Status {
        if (std::exchange(mib, bytes >> 20) == bytes >> 20) return {};
        struct stat before {}, now {};
        EXPECT_EQ(::stat(source("busy").c_str(), &before), 0);
        do {
            std::this_thread::yield();
            EXPECT_EQ(::stat(source("busy").c_str(), &now), 0);
        } while (now.st_ctim.tv_nsec == before.st_ctim.tv_nsec);
        return {};
    };
    const auto report = build(request(), sink);
    writer.request_stop();
    ASSERT_THAT(report, IsOk());
    EXPECT_THAT(paths_of(*report, What::changed_while_read), ElementsAre(source("busy")));
    EXPECT_EQ(report->fingerprint, "");
    const auto reader = open(sink.bytes);
    const std::string packed = content(*reader, "data/busy");
    EXPECT_EQ(packed.size(), 8u << 20);
    const auto manifest = reader->manifest({});
    ASSERT_THAT(manifest, IsOk());
    const ManifestMember& member = (*manifest)->members.at("data/busy");
    EXPECT_TRUE(member.changed_while_read);
    EXPECT_EQ(*member.sha256, sha256_of(std::as_bytes(std::span(packed.data(), packed.size())))) << "its true hash";
}

// --- nothing changed ----------------------------------------------------------------------------------------------------

TEST_F(PackagerTest, AnUnchangedTreeIsToldBeforeAnythingIsWritten) {
    spill(source("a"), "a");
    spill(source("sub/b"), prose(1u << 20));
    pack(request());
    PackageRequest again = request();
    again.now += Millis(3'600'000);
    again.unchanged_since = last.fingerprint;
    MemorySink sink;
    auto report = build(again, sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->unchanged);
    EXPECT_EQ(report->fingerprint, *again.unchanged_since);
    EXPECT_EQ(sink.bytes, "");
}

TEST_F(PackagerTest, AnyChangeMakesANewPackage) {
    spill(source("a"), "a");
    spill(source("b"), "b");
    set_mtime(source("a"), 1'700'000'000);
    const auto changed = [&](const std::string& before, PackageRequest wanted) {
        wanted.unchanged_since = before;
        MemorySink sink;
        const auto report = build(wanted, sink);
        EXPECT_THAT(report, IsOk());
        return report && !report->unchanged && !sink.bytes.empty();
    };
    pack(request());
    const std::string before = last.fingerprint;
    EXPECT_FALSE(changed(before, request()));
    spill(source("a"), "A");  // same size
    EXPECT_TRUE(changed(before, request()));
    set_mtime(source("a"), 1'700'000'000);  // and same time
    EXPECT_TRUE(changed(before, request()));
    spill(source("a"), "a");
    set_mtime(source("a"), 1'700'000'000);
    EXPECT_FALSE(changed(before, request())) << "the same content again";
    ::chmod(source("b").c_str(), 0600);
    EXPECT_TRUE(changed(before, request()));
    pack(request());
    const std::string now = last.fingerprint;
    std::filesystem::remove(source("b"));
    EXPECT_TRUE(changed(now, request()));
    PackageRequest other = request();
    other.compression = Compression::max;
    EXPECT_TRUE(changed(last.fingerprint, std::move(other)));
    EXPECT_TRUE(changed("nonsense", request()));
}

TEST_F(PackagerTest, ACommandsOutputDecidesWhetherItChanged) {
    spill(source("a"), "a");
    spill(dir / "text", "one");
    PackageRequest wanted = request();
    wanted.sources.push_back(command("out.txt", "cat '" + (dir / "text") + "'; echo ran >> '" + (dir / "runs") + "'"));
    pack(wanted);
    const std::string before = last.fingerprint;
    wanted.unchanged_since = before;
    MemorySink same, other;
    auto report = build(wanted, same);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->unchanged);
    spill(dir / "text", "two");
    report = build(wanted, other);
    ASSERT_THAT(report, IsOk());
    EXPECT_FALSE(report->unchanged);
    EXPECT_EQ(content(*open(other.bytes), "out.txt"), "two");
    EXPECT_EQ(slurp(dir / "runs"), "ran\nran\nran\n") << "once a run";
}

// --- commands -----------------------------------------------------------------------------------------------------------

TEST_F(PackagerTest, ACommandsOutputBecomesAMember) {
    PackageRequest wanted = request();
    wanted.sources = {command("small.txt", "printf hello"), command("large.txt", "yes 0123456789 | head -c 30000000"), command("none", "true")};
    const auto reader = open(pack(wanted));
    EXPECT_EQ(content(*reader, "small.txt"), "hello");
    EXPECT_EQ(content(*reader, "none"), "");
    const std::string large = content(*reader, "large.txt");
    EXPECT_EQ(large.size(), 30'000'000u);
    EXPECT_EQ(large.substr(0, 12), "0123456789\n0");
}

TEST_F(PackagerTest, AFailingCommandFailsTheRunWithItsLastWords) {
    spill(source("a"), "a");
    PackageRequest wanted = request();
    wanted.sources.push_back(command("dump.sql", "echo partial; echo 'no such database: shop' >&2; exit 3"));
    MemorySink sink;
    const auto report = build(wanted, sink);
    ASSERT_THAT(report, HasCode(Errc::local_io));
    EXPECT_THAT(report.error().message, HasSubstr("dump.sql"));
    EXPECT_EQ(report.error().why, "exit status 3: no such database: shop");
}

TEST_F(PackagerTest, AProgramThatDoesNotExistFailsTheRun) {
    PackageRequest wanted = request();
    BackupSource source_config = command("x", "");
    source_config.command = {"/no/such/program"};
    wanted.sources = {source_config};
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::not_found));
}

TEST_F(PackagerTest, ACommandThatFloodsItsErrorsDoesNotHang) {
    PackageRequest wanted = request();
    wanted.sources = {command("x", "yes complaint | head -c 1000000 >&2; echo done")};
    EXPECT_EQ(content(*open(pack(wanted)), "x"), "done\n");
}

TEST_F(PackagerTest, CancelKillsACommandAtOnce) {
    PackageRequest wanted = request();
    wanted.sources = {command("x", "echo $$ > '" + (dir / "pid") + "'; exec sleep 1000")};
    std::stop_source stop;
    const std::jthread canceller([&] {
        while (slurp(dir / "pid").empty()) std::this_thread::yield();
        stop.request_stop();
    });
    MemorySink sink;
    OpContext ctx;
    ctx.stop = stop.get_token();
    EXPECT_THAT(build(wanted, sink, ctx), HasCode(Errc::cancelled));
    const pid_t pid = std::stoi(slurp(dir / "pid"));
    EXPECT_NE(::kill(pid, 0), 0) << "it is gone";
}

// --- ending early -------------------------------------------------------------------------------------------------------

TEST_F(PackagerTest, CancelEndsARunSoon) {
    spill(source("large"), prose(60u << 20));
    PackageRequest wanted = request();
    wanted.compression = Compression::max;
    std::stop_source stop;
    std::clock_t asked = 0;
    OpContext ctx;
    ctx.stop = stop.get_token();
    MemorySink sink;
    const auto report = build_package(ctx, wanted, sink, [&](const PackageProgress& now) {
        if (now.bytes_done == 0 || stop.stop_requested()) return;
        asked = std::clock();
        stop.request_stop();
    });
    const double cpu_seconds = static_cast<double>(std::clock() - asked) / CLOCKS_PER_SEC;
    EXPECT_THAT(report, HasCode(Errc::cancelled));
    // Not by the wall clock, which also counts what else the machine does: two workers end their blocks.
    EXPECT_LT(cpu_seconds, 0.5);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "temp"));
}

TEST_F(PackagerTest, ADeadlineIsNoCancel) {
    spill(source("large"), prose(60u << 20));
    OpContext ctx;
    ctx.deadline = SystemClock().steady() + Millis(30);
    PackageRequest wanted = request();
    wanted.compression = Compression::max;
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink, ctx), HasCode(Errc::deadline));
}

TEST_F(PackagerTest, WhatTheSinkSaysEndsTheRun) {
    spill(source("large"), noise(20u << 20));
    MemorySink sink;
    sink.on_write = [](std::uint64_t bytes) -> Status {
        if (bytes > 3u << 20) return fail(Errc::quota_full, "write");
        return {};
    };
    EXPECT_THAT(build(request(), sink), HasCode(Errc::quota_full));
    EXPECT_LT(sink.bytes.size(), 5u << 20);
}

TEST_F(PackagerTest, ProgressReachesItsEnd) {
    spill(source("a"), prose(3u << 20));
    spill(source("b"), "b");
    PackageProgress seen;
    std::uint64_t before = 0;
    MemorySink sink;
    ASSERT_THAT(build_package({}, request(), sink, [&](const PackageProgress& now) {
        EXPECT_GE(now.bytes_done, before);
        EXPECT_LE(now.bytes_done, now.bytes_total);
        before = now.bytes_done;
        seen = now;
    }), IsOk());
    EXPECT_GE(seen.bytes_done, (3u << 20) + 1);
    EXPECT_EQ(seen.members_done, seen.members_total);
    EXPECT_EQ(seen.archive_bytes, sink.bytes.size());
}

TEST_F(PackagerTest, WhatAKilledRunLeftIsRemovedByTheNext) {
    spill(source("a"), "a");
    spill(dir / "temp/oracxfs-package-dead/1", "a copy");
    spill(dir / "temp/else", "not ours");
    MemorySink sink;
    ASSERT_THAT(build_package({}, request(), sink, nullptr), IsOk());
    EXPECT_FALSE(std::filesystem::exists(dir / "temp/oracxfs-package-dead"));
    EXPECT_TRUE(std::filesystem::exists(dir / "temp/else"));
}

}  // namespace
}  // namespace oracxfs::test
