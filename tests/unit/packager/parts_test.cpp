// The pieces that packages are made of.

#include <gmock/gmock.h>

#include "tests/unit/packager/package_setup.h"
#include "tools/packager/beneath.h"
#include "tools/packager/deflate.h"
#include "tools/packager/glob.h"
#include "tools/packager/inflate.h"
#include "tools/packager/manifest.h"
#include "tools/packager/member_name.h"
#include "tools/packager/zip_aes.h"
#include "tools/packager/zip_format.h"

namespace oracxfs::test {
namespace {

ByteSpan bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::string inflated(const Bytes& stream) {
    InflateStream inflater;
    std::string text;
    const Status fed = inflater.feed(stream, [&](ByteSpan data) -> Status {
        text.append(reinterpret_cast<const char*>(data.data()), data.size());
        return {};
    });
    EXPECT_THAT(fed, IsOk());
    EXPECT_TRUE(inflater.at_end());
    return text;
}

// --- patterns -----------------------------------------------------------------------------------------------------------

struct GlobCase {
    const char* pattern;
    const char* text;
    bool matches;
};
void PrintTo(const GlobCase& one, std::ostream* out) { *out << one.pattern << " on " << one.text; }
class GlobTest : public testing::TestWithParam<GlobCase> {};

TEST_P(GlobTest, MatchesAsWritten) { EXPECT_EQ(glob_matches(GetParam().pattern, GetParam().text), GetParam().matches); }

INSTANTIATE_TEST_SUITE_P(
    All, GlobTest,
    testing::Values(GlobCase{"a", "a", true}, GlobCase{"a", "b", false}, GlobCase{"a", "", false}, GlobCase{"", "", true}, GlobCase{"*", "", true},
                    GlobCase{"*", "abc", true}, GlobCase{"*", "a/b", false}, GlobCase{"*.tmp", "x.tmp", true}, GlobCase{"*.tmp", "x.tmpx", false},
                    GlobCase{"a*b*c", "aXbYbZc", true}, GlobCase{"a*b*c", "aXbYbZ", false}, GlobCase{"?", "a", true}, GlobCase{"?", "/", false},
                    GlobCase{"?", "", false}, GlobCase{"[abc]", "b", true}, GlobCase{"[a-c]", "d", false}, GlobCase{"[!a-c]", "d", true},
                    GlobCase{"[!a-c]", "a", false}, GlobCase{"[!a]", "/", false}, GlobCase{"[]]", "]", true}, GlobCase{"[a", "[a", true},
                    GlobCase{"\\*", "*", true}, GlobCase{"\\*", "a", false}, GlobCase{"**", "a/b/c", true}, GlobCase{"a/**", "a/b/c", true},
                    GlobCase{"a/**", "a", false}, GlobCase{"**/x", "x", true}, GlobCase{"**/x", "a/b/x", true}, GlobCase{"**/x", "ax", false},
                    GlobCase{"a/**/b", "a/b", true}, GlobCase{"a/**/b", "a/x/y/b", true}, GlobCase{"a/**/b", "ab", false},
                    GlobCase{"a/*/c", "a/b/c", true}, GlobCase{"a/*/c", "a/b/b/c", false}, GlobCase{"**.o", "a/b.o", true}));

TEST(Glob, NoPatternIsSlow) {
    std::string pattern, text(4000, 'a');
    for (int i = 0; i < 200; ++i) pattern += "*a**/";
    EXPECT_FALSE(glob_matches(pattern + "b", text));
}

TEST(Glob, ListsKnowLastPartsWholePathsAndFolders) {
    const GlobList list({"*.o", "build/", "/top", "a/b"});
    EXPECT_TRUE(list.matches("x/y.o", false));
    EXPECT_TRUE(list.matches("x/build", true));
    EXPECT_FALSE(list.matches("x/build", false));
    EXPECT_TRUE(list.matches("top", false));
    EXPECT_FALSE(list.matches("x/top", false));
    EXPECT_TRUE(list.matches("a/b", false));
    EXPECT_FALSE(list.matches("x/a/b", false));
}

// --- compression --------------------------------------------------------------------------------------------------------

TEST(Deflate, BlocksJoinIntoOneStream) {
    for (const Compression level : {Compression::max, Compression::balanced}) {
        BlockCompressor compressor(level);
        Bytes stream;
        std::string all;
        for (unsigned i = 0; i < 12; ++i) {
            // All sizes and kinds, so that the ends of the streams fall on every bit.
            const std::string block = i % 4 == 3 ? std::string(1000 + i, 'x') : prose(100 + 7919 * i, i);
            all += block;
            const auto packed = compressor.compress(bytes_of(block), BlockCompressor::Form::joinable);
            ASSERT_THAT(packed, IsOk());
            ASSERT_TRUE(packed->has_value());
            stream.insert(stream.end(), (*packed)->begin(), (*packed)->end());
            all += noise(70'000 * (i % 3), i);
            append_stored_blocks(stream, bytes_of(noise(70'000 * (i % 3), i)));
        }
        stream.insert(stream.end(), end_of_stream().begin(), end_of_stream().end());
        EXPECT_TRUE(inflated(stream) == all);
    }
}

TEST(Deflate, EveryLengthOfTextJoins) {
    BlockCompressor compressor(Compression::balanced);
    for (std::size_t bytes = 30; bytes < 400; ++bytes) {
        const std::string block = std::string(bytes, 'a') + prose(bytes, static_cast<unsigned>(bytes));
        const auto packed = compressor.compress(bytes_of(block), BlockCompressor::Form::joinable);
        ASSERT_THAT(packed, IsOk());
        ASSERT_TRUE(packed->has_value());
        Bytes stream = **packed;
        stream.insert(stream.end(), (*packed)->begin(), (*packed)->end());
        stream.insert(stream.end(), end_of_stream().begin(), end_of_stream().end());
        ASSERT_TRUE(inflated(stream) == block + block) << bytes;
    }
}

TEST(Deflate, WhatCannotBeMadeSmallerIsStored) {
    for (const Compression level : {Compression::max, Compression::balanced, Compression::store}) {
        BlockCompressor compressor(level);
        for (const std::string& block : {noise(100'000), std::string(), std::string("x")}) {
            const auto packed = compressor.compress(bytes_of(block), BlockCompressor::Form::whole);
            ASSERT_THAT(packed, IsOk());
            EXPECT_FALSE(packed->has_value());
        }
    }
}

TEST(Deflate, CrcsOfPiecesJoin) {
    const std::string a = prose(1000), b = noise(777);
    EXPECT_EQ(crc32_joined(crc32_of(bytes_of(a)), crc32_of(bytes_of(b)), b.size()), crc32_of(bytes_of(a + b)));
    EXPECT_EQ(crc32_of(bytes_of("123456789")), 0xcbf43926u);
    EXPECT_EQ(crc32_joined(0, 0, 0), 0u);
}

TEST(Deflate, KnowsCompressedFormatsByTheirFirstBytes) {
    EXPECT_TRUE(looks_compressed(bytes_of(std::string("\x1f\x8b\x08", 3))));
    EXPECT_TRUE(looks_compressed(bytes_of(std::string("\0\0\0\x20" "ftypisom", 12))));
    EXPECT_TRUE(looks_compressed(bytes_of(std::string("RIFF\0\0\0\0WEBP", 12))));
    EXPECT_FALSE(looks_compressed(bytes_of(std::string("RIFF\0\0\0\0WAVE", 12))));
    EXPECT_FALSE(looks_compressed(bytes_of("plain text")));
    EXPECT_FALSE(looks_compressed({}));
}

// --- encryption ---------------------------------------------------------------------------------------------------------

TEST(ZipAes, KeysAreThoseOfPbkdf2) {
    // PBKDF2-HMAC-SHA1("password", "saltsaltsaltsalt", 1000): bytes 64 and 65 are the verifier, as Python's hashlib says.
    const std::string salt = "saltsaltsaltsalt";
    const Ran python = run({"/usr/bin/python3", "-c", "import hashlib; print(hashlib.pbkdf2_hmac('sha1', b'password', b'saltsaltsaltsalt', 1000, 66)[64:].hex())"});
    const auto stream = zip::AesStream::open("password", 3, bytes_of(salt));
    ASSERT_THAT(stream, IsOk());
    const auto verifier = stream->verifier();
    const std::vector<std::uint8_t> plain{static_cast<std::uint8_t>(verifier[0]), static_cast<std::uint8_t>(verifier[1])};
    EXPECT_EQ(to_hex(plain) + "\n", python.output);
}

TEST(ZipAes, PiecesGiveWhatTheWholeGives) {
    const std::string salt(16, 's'), text = prose(20'000);
    auto whole = zip::AesStream::open("p", 3, bytes_of(salt)), pieces = zip::AesStream::open("p", 3, bytes_of(salt)), back = zip::AesStream::open("p", 3, bytes_of(salt));
    Bytes a(bytes_of(text).begin(), bytes_of(text).end()), b = a;
    whole->encrypt(a);
    for (std::size_t at = 0, count = 1; at < b.size(); at += count, count = count * 3 + 1)
        pieces->encrypt(std::span(b).subspan(at, std::min(count, b.size() - at)));
    EXPECT_EQ(a, b);
    const auto mac = whole->mac();
    EXPECT_EQ(mac, pieces->mac());
    back->decrypt(a);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), bytes_of(text).begin()));
    EXPECT_EQ(back->mac(), mac);
}

// --- names --------------------------------------------------------------------------------------------------------------

TEST(MemberName, SafeOnesAreSafe) {
    for (const char* name : {"a", "a/b", "a/b/", "...", "a..b", ".hidden", "a b", "-x", "ü"}) EXPECT_EQ(why_unsafe(name), "") << name;
    EXPECT_TRUE(looks_foreign("a\\b"));
    EXPECT_TRUE(looks_foreign("C:"));
    EXPECT_FALSE(looks_foreign("CC:"));
}

TEST(Utf8, FlagIsSetOnlyWhereItIsTrue) {
    EXPECT_FALSE(zip::needs_utf8_flag("plain"));
    EXPECT_TRUE(zip::needs_utf8_flag("café"));
    EXPECT_FALSE(zip::needs_utf8_flag("caf\xe9"));
    EXPECT_FALSE(zip::is_utf8("\xed\xa0\x80"));
    EXPECT_FALSE(zip::is_utf8("\xc0\x80"));
    EXPECT_TRUE(zip::is_utf8("\xf0\x9f\x98\x80"));
}

TEST(Base64, GoesBothWays) {
    EXPECT_EQ(to_base64(""), "");
    EXPECT_EQ(to_base64("f"), "Zg==");
    EXPECT_EQ(to_base64("fo"), "Zm8=");
    EXPECT_EQ(to_base64("foo"), "Zm9v");
    for (std::size_t bytes = 0; bytes < 50; ++bytes) EXPECT_EQ(from_base64(to_base64(noise(bytes))), noise(bytes));
    EXPECT_FALSE(from_base64("abc").has_value());
    EXPECT_FALSE(from_base64("ab*=").has_value());
}

TEST(DosTime, IsReadBack) {
    EXPECT_EQ(zip::time_from_dos(0x21, 0), 315'532'800);
    EXPECT_EQ(zip::time_from_dos(0, 0), 315'532'800) << "no such day";
}

// --- staying below a folder ---------------------------------------------------------------------------------------------

class BeneathTest : public testing::TestWithParam<bool> {
  protected:
    UniqueFd open(const std::string& path, int flags = O_RDONLY) const {
        return GetParam() ? open_beneath(root.get(), path, flags) : open_beneath_stepwise(root.get(), path, flags);
    }
    TempDir dir;
    UniqueFd root;
    void SetUp() override {
        spill(dir / "root/a/b/file", "x");
        spill(dir / "outside", "x");
        std::filesystem::create_symlink("b/file", dir / "root/a/link");
        std::filesystem::create_directory_symlink("a", dir / "root/way");
        std::filesystem::create_directory_symlink("..", dir / "root/up");
        root.reset(::open((dir / "root").c_str(), O_RDONLY | O_DIRECTORY));
    }
};

TEST_P(BeneathTest, OpensWhatIsBelowAndNothingElse) {
    EXPECT_TRUE(open("a/b/file"));
    EXPECT_TRUE(open("a/b", O_RDONLY | O_DIRECTORY));
    EXPECT_TRUE(open("", O_RDONLY | O_DIRECTORY));
    EXPECT_FALSE(open("../outside"));
    EXPECT_FALSE(open("a/../../outside"));
    EXPECT_FALSE(open(dir / "outside"));
    for (const char* path : {"a/link", "way/b/file", "up/outside"}) {
        EXPECT_FALSE(open(path)) << path;
        EXPECT_EQ(errno, ELOOP) << path;
    }
    EXPECT_TRUE(open("a/link", O_PATH)) << "the link itself may be looked at";
    EXPECT_FALSE(open("a/none"));
    EXPECT_EQ(errno, ENOENT);
}

INSTANTIATE_TEST_SUITE_P(Both, BeneathTest, testing::Bool(), [](const auto& one) { return one.param ? "openat2" : "stepwise"; });

}  // namespace
}  // namespace oracxfs::test
