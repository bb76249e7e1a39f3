#include "tools/packager/package_reader.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include <fstream>

#include "tests/unit/packager/package_setup.h"
#include "tests/unit/packager/zip_builder.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

class PackageReaderTest : public PackageTest {
  protected:
    static Result<std::unique_ptr<PackageReader>> try_open(const std::string& archive) {
        return PackageReader::open({}, std::make_shared<MemoryRanges>(archive), {});
    }
};

TEST_F(PackageReaderTest, ListingASmallPackageIsOneRequestAndItsManifestNone) {
    for (int i = 0; i < 50; ++i) spill(source("f" + std::to_string(i)), noise(100'000));
    const auto ranges = std::make_shared<MemoryRanges>(pack(request()));
    const auto reader = PackageReader::open({}, ranges, {});
    ASSERT_THAT(reader, IsOk());
    EXPECT_EQ(ranges->requests, 1);
    EXPECT_LE(ranges->bytes, 1u << 20);
    EXPECT_THAT((*reader)->manifest({}), IsOk());
    EXPECT_EQ(ranges->requests, 1);
}

TEST_F(PackageReaderTest, ASingleMemberCostsItsSizeAndLittleMore) {
    spill(source("a"), noise(10u << 20));
    spill(source("wanted"), prose(9u << 20));
    spill(source("z"), noise(10u << 20, 2));
    const auto ranges = std::make_shared<MemoryRanges>(pack(request()));
    const auto reader = PackageReader::open({}, ranges, {});
    const PackageEntry& entry = *(*reader)->find("data/wanted");
    ranges->requests = 0;
    ranges->bytes = 0;
    EXPECT_TRUE(content(**reader, "data/wanted") == prose(9u << 20));
    EXPECT_LE(ranges->bytes, entry.compressed + (1u << 20));
    EXPECT_LE(ranges->requests, 1 + static_cast<int>(entry.compressed / (4u << 20)));
}

TEST_F(PackageReaderTest, ListingAgainFromTheKeptDirectoryNeedsNoRequest) {
    spill(source("a"), noise(3u << 20));
    const std::string archive = pack(request());
    const std::string kept = open(archive)->directory_bytes();
    EXPECT_LT(kept.size(), 2000u);
    const auto ranges = std::make_shared<MemoryRanges>(archive);
    PackageReaderOptions options;
    options.directory_bytes = kept;
    const auto reader = PackageReader::open({}, ranges, std::move(options));
    ASSERT_THAT(reader, IsOk());
    EXPECT_EQ(ranges->requests, 0);
    EXPECT_EQ(names(**reader), names(*open(archive)));
    EXPECT_TRUE(content(**reader, "data/a") == noise(3u << 20));
    EXPECT_EQ(ranges->requests, 1);
}

TEST_F(PackageReaderTest, AHundredThousandMembersOpenWithTwoRequestsAndLittleMemory) {
    HandZip zip;
    for (int i = 0; i < 100'000; ++i) zip.add({"folder/" + std::to_string(i % 100) + "/a file with a usual name " + std::to_string(i), "x"});
    // More than the classic end record can count.
    std::string all = zip.bytes + zip.directory;
    const std::uint64_t end64 = all.size();
    HandZip::put(all, 0x06064b50, 4);
    HandZip::put(all, 44, 8);
    HandZip::put(all, 45 << 16 | 45, 4);
    HandZip::put(all, 0, 8);
    HandZip::put(all, zip.count, 8);
    HandZip::put(all, zip.count, 8);
    HandZip::put(all, zip.directory.size(), 8);
    HandZip::put(all, zip.bytes.size(), 8);
    HandZip::put(all, 0x07064b50, 4);
    HandZip::put(all, 0, 4);
    HandZip::put(all, end64, 8);
    HandZip::put(all, 1, 4);
    HandZip::put(all, 0x06054b50, 4);
    HandZip::put(all, 0, 4);
    HandZip::put(all, 0xffffffff, 4);
    HandZip::put(all, 0xffffffffffffffff, 8);
    HandZip::put(all, 0, 2);
    const std::size_t directory_bytes = zip.directory.size();
    zip = {};
    const auto ranges = std::make_shared<MemoryRanges>(std::move(all));
    const std::size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
    const auto reader = PackageReader::open({}, ranges, {});
    ASSERT_THAT(reader, IsOk());
    const std::size_t after = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
    EXPECT_EQ((*reader)->entries().size(), 100'000u);
    EXPECT_EQ(ranges->requests, 2);
    EXPECT_LE(ranges->bytes, directory_bytes + (1u << 20));
#ifndef __SANITIZE_ADDRESS__
    EXPECT_LT(after - before, directory_bytes + 100'000 * 300u);
#else
    static_cast<void>(before), static_cast<void>(after);
#endif
    EXPECT_EQ(content(**reader, "folder/99/a file with a usual name 99999"), "x");
}

TEST_F(PackageReaderTest, MoreMembersThanTheClassicFormatCounts) {
    std::filesystem::create_directories(source());
    for (int i = 0; i < 70'000; ++i) {
        const UniqueFd fd(::open(source(std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0600));
        ASSERT_TRUE(fd);
    }
    const std::string archive = pack(request());
    EXPECT_EQ(last.members, 70'003u);
    spill(dir / "many.zip", archive);
    EXPECT_EQ(open(archive)->entries().size(), 70'003u);
    const Ran unzip = run({"/usr/bin/unzip", "-tqq", dir / "many.zip"});
    EXPECT_TRUE(unzip.ok) << unzip.output;
    const Ran python = run({"/usr/bin/python3", "-c", "import zipfile, sys; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))", dir / "many.zip"});
    EXPECT_EQ(python.output, "70003\n");
}

// A sparse file of more than 4 GiB. Takes about half a minute of two cores, hence only on demand.
TEST_F(PackageReaderTest, AFileOfMoreThanFourGibibytes) {
    if (std::getenv("ORACXFS_LARGE_TESTS") == nullptr) GTEST_SKIP() << "set ORACXFS_LARGE_TESTS=1";
    std::filesystem::create_directories(source());
    constexpr std::uint64_t kBytes = (4ull << 30) + 12'345;
    {
        const UniqueFd fd(::open(source("huge").c_str(), O_WRONLY | O_CREAT, 0600));
        ASSERT_EQ(::ftruncate(fd.get(), kBytes), 0);
        ASSERT_EQ(::pwrite(fd.get(), "end", 3, kBytes - 3), 3);
    }
    spill(source("zafter"), "after");
    const std::string archive = pack(request());
    EXPECT_LT(archive.size(), 10u << 20);
    const auto reader = open(archive);
    const PackageEntry& entry = *reader->find("data/huge");
    EXPECT_EQ(entry.size, kBytes);
    std::string tail;
    const auto extracted = reader->extract({}, entry, [&](ByteSpan data) -> Status {
        tail.assign(reinterpret_cast<const char*>(data.data()), data.size());
        return {};
    });
    ASSERT_THAT(extracted, IsOk());
    EXPECT_EQ(extracted->bytes, kBytes);
    EXPECT_TRUE(tail.ends_with("end"));
    EXPECT_EQ(content(*reader, "data/zafter"), "after");
    spill(dir / "huge.zip", archive);
    EXPECT_TRUE(run({"/usr/bin/unzip", "-tqq", dir / "huge.zip"}).ok);
    EXPECT_TRUE(run({"/usr/bin/7z", "t", dir / "huge.zip"}).ok);
}

// --- archives that are wrong --------------------------------------------------------------------------------------------

TEST_F(PackageReaderTest, WhatIsNoZipIsCorrupt) {
    EXPECT_THAT(try_open(""), HasCode(Errc::corrupt));
    EXPECT_THAT(try_open("PK"), HasCode(Errc::corrupt));
    EXPECT_THAT(try_open(noise(3u << 20)), HasCode(Errc::corrupt));
    const std::string whole = HandZip().add({"a", prose(1000)}).finish();
    EXPECT_THAT(try_open(whole), IsOk());
    for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) EXPECT_FALSE(try_open(whole.substr(0, bytes)).has_value()) << bytes;
}

TEST_F(PackageReaderTest, AnEmptyArchiveAndACommentAreFine) {
    EXPECT_THAT(try_open(HandZip().finish()), IsOk());
    EXPECT_THAT(try_open(HandZip().add({"a", "x"}).finish("a comment with PK\x05\x06 in it")), IsOk());
}

TEST_F(PackageReaderTest, OverlappingMembersAreRefused) {
    HandMember second{"b", "data of b"};
    second.offset = 0;
    second.local_name = "a";
    EXPECT_THAT(try_open(HandZip().add({"a", "data of a"}).add(second).finish()), HasCode(Errc::corrupt));
    // One that lies inside another.
    HandMember outer{"outer", std::string(100, 'x')};
    HandMember inner{"inner", "y"};
    inner.offset = 50;
    EXPECT_THAT(try_open(HandZip().add(outer).add(inner).finish()), HasCode(Errc::corrupt));
    HandMember long_one{"a", "short"};
    long_one.compressed = long_one.size = 500;
    EXPECT_THAT(try_open(HandZip().add(long_one).finish()), HasCode(Errc::corrupt)) << "reaches into the directory";
}

TEST_F(PackageReaderTest, CountsThatContradictTheDirectoryAreRefused) {
    HandZip zip;
    zip.add({"a", "x"}).add({"b", "y"});
    zip.count = 1;
    EXPECT_THAT(try_open(zip.finish()), HasCode(Errc::corrupt));
    zip.count = 3;
    EXPECT_THAT(try_open(zip.finish()), HasCode(Errc::corrupt));
    zip.count = 60'000;
    EXPECT_THAT(try_open(zip.finish()), HasCode(Errc::corrupt));
}

TEST_F(PackageReaderTest, ALocalHeaderThatContradictsTheDirectoryIsRefused) {
    HandMember other{"b", "data"};
    other.local_name = "c";
    const auto reader = open(HandZip().add({"a", "fine"}).add(other).finish());
    EXPECT_EQ(content(*reader, "a"), "fine");
    EXPECT_THAT(content(*reader, "b"), HasSubstr("contradicts the directory"));
    std::string wrong_size = HandZip().add({"a", "fine"}).finish();
    wrong_size[22] = 99;
    EXPECT_THAT(content(*open(wrong_size), "a"), HasSubstr("contradicts the directory"));
}

TEST_F(PackageReaderTest, AWrongCrcIsNoticed) {
    HandMember member{"a", "data"};
    member.crc = 1;
    EXPECT_THAT(content(*open(HandZip().add(member).finish()), "a"), HasSubstr("CRC"));
}

TEST_F(PackageReaderTest, DeflateStreamsThatEndEarlyOrLateAreNoticed) {
    const std::string text = prose(200'000);
    HandMember member{"a", deflated(text), 8};
    member.size = text.size();
    member.crc = crc32_of(std::as_bytes(std::span(text.data(), text.size())));
    EXPECT_TRUE(content(*open(HandZip().add(member).finish()), "a") == text);
    HandMember early = member;
    early.data = early.data.substr(0, early.data.size() - 2);
    EXPECT_THAT(content(*open(HandZip().add(early).finish()), "a"), HasSubstr("shorter"));
    HandMember late = member;
    late.data += "more";
    EXPECT_THAT(content(*open(HandZip().add(late).finish()), "a"), HasSubstr("after the end"));
    HandMember junk = member;
    junk.data = noise(1000);
    EXPECT_THAT(content(*open(HandZip().add(junk).finish()), "a"), HasSubstr("E-VERIFY"));
}

TEST_F(PackageReaderTest, AnErrorOfTheSinkEndsExtracting) {
    const auto reader = open(HandZip().add({"a", prose(1u << 20)}).finish());
    int calls = 0;
    const auto extracted = reader->extract({}, *reader->find("a"), [&](ByteSpan) -> Status {
        ++calls;
        return fail(Errc::local_full, "write");
    });
    EXPECT_THAT(extracted, HasCode(Errc::local_full));
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace oracxfs::test
