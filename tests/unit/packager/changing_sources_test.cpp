// Sources that change while they are packed, and since they were packed.

#include <gmock/gmock.h>

#include <thread>

#include "tests/unit/packager/package_setup.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using What = PackageProblem::What;

class ChangingSourcesTest : public PackageTest {};

// --- while they are packed --------------------------------------------------------------------------------------------------

// Calls back each time the packager has written some more, which is while it reads.
TEST_F(ChangingSourcesTest, AFileThatVanishesMeanwhileIsReported) {
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

TEST_F(ChangingSourcesTest, AFileThatOnlyGrowsIsPackedUpToTheSizeItHad) {
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

TEST_F(ChangingSourcesTest, ALargeFileThatIsRewrittenOnceIsReadAgain) {
    SKIP_WITHOUT("/usr/bin/unzip", "/usr/bin/7z");
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

TEST_F(ChangingSourcesTest, AFileThatChangesAllTheTimeIsTakenAsItWasReadAndFlagged) {
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

// --- since they were packed ----------------------------------------------------------------------------------------------------

TEST_F(ChangingSourcesTest, AnUnchangedTreeIsToldBeforeAnythingIsWritten) {
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

std::uint64_t bytes_read_by_us() {
    std::ifstream counters("/proc/self/io");
    std::string word;
    std::uint64_t bytes = 0;
    counters >> word >> bytes;
    EXPECT_EQ(word, "rchar:");
    return bytes;
}

TEST_F(ChangingSourcesTest, ATreeThatNobodyTouchedIsNotEvenRead) {
    spill(source("large"), noise(20u << 20));
    PackageRequest wanted = request();
    wanted.now = SystemClock().wall() + Millis(3'600'000);  // long after the last change
    pack(wanted);
    wanted.unchanged_since = last.fingerprint;
    const std::uint64_t before = bytes_read_by_us();
    MemorySink sink;
    auto report = build(wanted, sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->unchanged);
    EXPECT_LT(bytes_read_by_us() - before, 1u << 20);
    // The same bytes in another file, as after a restore: read, and found to be the same.
    std::filesystem::copy(source("large"), dir / "copy");
    struct stat status {};
    ASSERT_EQ(::stat(source("large").c_str(), &status), 0);
    set_mtime(dir / "copy", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    ::chmod((dir / "copy").c_str(), status.st_mode & 07777);
    std::filesystem::rename(dir / "copy", source("large"));
    report = build(wanted, sink);
    ASSERT_THAT(report, IsOk());
    EXPECT_TRUE(report->unchanged);
    EXPECT_GT(bytes_read_by_us() - before, 20u << 20);
}

TEST_F(ChangingSourcesTest, AnyChangeMakesANewPackage) {
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
    ::chmod(source("b").c_str(), 0400);
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

TEST_F(ChangingSourcesTest, ACommandsOutputDecidesWhetherItChanged) {
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

}  // namespace
}  // namespace oracxfs::test
