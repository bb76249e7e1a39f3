// Commands as sources, and runs that end early.

#include <gmock/gmock.h>

#include <ctime>
#include <span>
#include <thread>

#include "tests/unit/packager/package_setup.h"
#include "tools/packager/deflate.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

class PackageRunTest : public PackageTest {};

// --- commands -----------------------------------------------------------------------------------------------------------

TEST_F(PackageRunTest, ACommandsOutputBecomesAMember) {
    PackageRequest wanted = request();
    wanted.sources = {command("small.txt", "printf hello"), command("large.txt", "yes 0123456789 | head -c 30000000"), command("none", "true")};
    const auto reader = open(pack(wanted));
    EXPECT_EQ(content(*reader, "small.txt"), "hello");
    EXPECT_EQ(content(*reader, "none"), "");
    const std::string large = content(*reader, "large.txt");
    EXPECT_EQ(large.size(), 30'000'000u);
    EXPECT_EQ(large.substr(0, 12), "0123456789\n0");
}

TEST_F(PackageRunTest, AFailingCommandFailsTheRunWithItsLastWords) {
    spill(source("a"), "a");
    PackageRequest wanted = request();
    wanted.sources.push_back(command("dump.sql", "echo partial; echo 'no such database: shop' >&2; exit 3"));
    MemorySink sink;
    const auto report = build(wanted, sink);
    ASSERT_THAT(report, HasCode(Errc::local_io));
    EXPECT_THAT(report.error().message, HasSubstr("dump.sql"));
    EXPECT_EQ(report.error().why, "exit status 3: no such database: shop");
}

TEST_F(PackageRunTest, AProgramThatDoesNotExistFailsTheRun) {
    PackageRequest wanted = request();
    BackupSource source_config = command("x", "");
    source_config.command = {"/no/such/program"};
    wanted.sources = {source_config};
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink), HasCode(Errc::not_found));
}

TEST_F(PackageRunTest, ACommandThatFloodsItsErrorsDoesNotHang) {
    PackageRequest wanted = request();
    wanted.sources = {command("x", "yes complaint | head -c 1000000 >&2; echo done")};
    EXPECT_EQ(content(*open(pack(wanted)), "x"), "done\n");
}

TEST_F(PackageRunTest, CancelKillsACommandAtOnce) {
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

TEST_F(PackageRunTest, ACommandThatClosesItsOutputIsHeardToItsEnd) {
    PackageRequest wanted = request();
    wanted.sources = {command("x", "echo done; exec >&-; yes complaint | head -c 1000000 >&2")};
    EXPECT_EQ(content(*open(pack(wanted)), "x"), "done\n");
}

TEST_F(PackageRunTest, CancelKillsACommandThatHasClosedItsOutput) {
    PackageRequest wanted = request();
    wanted.sources = {command("x", "exec >&-; echo $$ > '" + (dir / "pid") + "'; exec sleep 1000")};
    std::stop_source stop;
    const std::jthread canceller([&] {
        while (slurp(dir / "pid").empty()) std::this_thread::yield();
        stop.request_stop();
    });
    MemorySink sink;
    OpContext ctx;
    ctx.stop = stop.get_token();
    EXPECT_THAT(build(wanted, sink, ctx), HasCode(Errc::cancelled));
}

// --- ending early -------------------------------------------------------------------------------------------------------

TEST_F(PackageRunTest, CancelEndsARunSoon) {
    // What one block costs here. The whole file is 120.
    const std::string block = prose(kDeflateBlockBytes);
    const std::clock_t begun = std::clock();
    ASSERT_THAT(BlockCompressor(Compression::max).compress(std::as_bytes(std::span(block)), BlockCompressor::Form::joinable), IsOk());
    const double block_seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
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
    EXPECT_LT(cpu_seconds, 6 * block_seconds + 0.3);
    EXPECT_TRUE(std::filesystem::is_empty(dir / "temp"));
}

TEST_F(PackageRunTest, ADeadlineIsNoCancel) {
    spill(source("large"), prose(60u << 20));
    OpContext ctx;
    ctx.deadline = SystemClock().steady() + Millis(30);
    PackageRequest wanted = request();
    wanted.compression = Compression::max;
    MemorySink sink;
    EXPECT_THAT(build(wanted, sink, ctx), HasCode(Errc::deadline));
}

TEST_F(PackageRunTest, WhatTheSinkSaysEndsTheRun) {
    spill(source("large"), noise(20u << 20));
    MemorySink sink;
    sink.on_write = [](std::uint64_t bytes) -> Status {
        if (bytes > 3u << 20) return fail(Errc::quota_full, "write");
        return {};
    };
    EXPECT_THAT(build(request(), sink), HasCode(Errc::quota_full));
    EXPECT_LT(sink.bytes.size(), 5u << 20);
}

TEST_F(PackageRunTest, ProgressReachesItsEnd) {
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

std::size_t status_kib(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key)) return std::stoul(line.substr(key.size() + 1));
    return 0;
}

TEST_F(PackageRunTest, MemoryIsBounded) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers need memory of their own";
#endif
    // As many threads as there may be, and a file that is larger than everything they may hold.
    std::filesystem::create_directories(source());
    {
        const UniqueFd fd(::open(source("large").c_str(), O_WRONLY | O_CREAT, 0600));
        ASSERT_EQ(::ftruncate(fd.get(), 300 << 20), 0);
    }
    PackageRequest wanted = request();
    wanted.compression = Compression::max;
    wanted.workers = 64;
    std::ofstream("/proc/self/clear_refs") << "5";  // forget the peak
    const std::size_t before = status_kib("VmHWM:");
    pack(wanted);
    EXPECT_LT(status_kib("VmHWM:"), before + (256u << 10)) << "KiB";
}

TEST_F(PackageRunTest, WhatAKilledRunLeftIsRemovedByTheNext) {
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
