// Replies, listings, names and settings of FTP. Without a server.

#include <gtest/gtest.h>

#include "providers/ftp/ftp_config.h"
#include "providers/ftp/ftp_listing.h"
#include "providers/ftp/ftp_reply.h"
#include "providers/ftp/ftp_status.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using ftp::ListEntry;
using Kind = ftp::ListEntry::Kind;

ftp::Reply reply(std::initializer_list<const char*> lines) {
    ftp::ReplyReader reader;
    for (const char* line : lines) reader.feed(line);
    return reader.replies().empty() ? ftp::Reply{} : reader.replies().back();
}

TEST(FtpReply, LinesBecomeReplies) {
    ftp::ReplyReader reader;
    for (const char* line : {"220-Welcome\r\n", " 220 not yet\r\n", "220 come in\r\n", "331 password?\r\n", "230-half"}) reader.feed(line);
    ASSERT_EQ(reader.replies().size(), 2u);
    EXPECT_EQ(reader.replies()[0].code, 220);
    EXPECT_EQ(reader.replies()[0].lines.size(), 3u);
    EXPECT_EQ(reader.replies()[0].words(), "come in");
    EXPECT_EQ(reader.replies()[1].text(), "331 password?");
}

TEST(FtpReply, EndlessRepliesEnd) {
    ftp::ReplyReader reader;
    reader.feed("211-Features");
    for (int i = 0; i < 100'000; ++i) reader.feed(" X");
    reader.feed("211 End");
    ASSERT_EQ(reader.replies().size(), 1u);
    EXPECT_LT(reader.replies()[0].lines.size(), 1'000u);
    EXPECT_EQ(reader.replies()[0].words(), "End");
}

TEST(FtpReply, WordsAreFitForATerminal) {
    EXPECT_EQ(reply({"550 \x1b[31mred\a"}).words(), "?[31mred?");
    EXPECT_EQ(ftp::Reply{}.text(), "no reply");
}

TEST(FtpReply, Features) {
    const auto proftpd = ftp::parse_features(reply({"211-Features:", " HASH CRC32;SHA-1*;SHA-256;", " MFMT", " MLST modify*;size*;", " rest stream", " XSHA256", "211 End"}));
    EXPECT_TRUE(proftpd.mlst && proftpd.mfmt && proftpd.rest_stream && proftpd.xsha256 && proftpd.hash_sha256);
    EXPECT_FALSE(proftpd.utf8 || proftpd.xmd5);
    EXPECT_FALSE(ftp::parse_features(reply({"211-Features:", " REST", " HASH SHA-1;", "211 End"})).rest_stream);
    EXPECT_FALSE(ftp::parse_features(reply({"500 MLST unknown"})).mlst);
}

TEST(FtpReply, NumbersAndTimes) {
    EXPECT_EQ(ftp::parse_number(reply({"213 5368709120"})), 5'368'709'120u);
    for (const char* bad : {"213 -1", "213 1x", "213", "550 12", "213 99999999999999999999"}) EXPECT_FALSE(ftp::parse_number(reply({bad}))) << bad;
    EXPECT_EQ(ftp::parse_time("20200913122640"), 1'600'000'000);
    EXPECT_EQ(ftp::parse_time("20200913122640.123"), 1'600'000'000);
    EXPECT_EQ(ftp::parse_time(reply({"213 19700101000000"})), 0);
    for (const char* bad : {"", "2020091312264", "20201313122640", "20200230122640", "20200913252640", "20200913122640x", "2020091312264 "})
        EXPECT_FALSE(ftp::parse_time(bad)) << bad;
    EXPECT_EQ(ftp::format_time(1'600'000'000), "20200913122640");
}

TEST(FtpReply, Digests) {
    const std::string hex(64, 'a');
    EXPECT_TRUE(ftp::parse_sha256(reply({"213-Computing", ("213 SHA-256 0-12 " + hex + " /name").c_str()})));
    EXPECT_TRUE(ftp::parse_sha256(reply({("250 " + std::string(64, 'A')).c_str()})));
    EXPECT_FALSE(ftp::parse_sha256(reply({("550 " + hex).c_str()})));
    EXPECT_FALSE(ftp::parse_sha256(reply({("250 " + hex + "aa").c_str()})));
    EXPECT_TRUE(ftp::parse_md5(reply({("250 " + hex.substr(32)).c_str()})));
}

TEST(FtpListing, Facts) {
    const auto file = ftp::parse_facts("modify=20200913122640;perm=adfrw;SIZE=3;Type=file;unique=FE00UA7; name; with = all \r\n");
    ASSERT_TRUE(file);
    EXPECT_EQ(*file, (ListEntry{"name; with = all ", Kind::file, 3, 1'600'000'000, "FE00UA7", ""}));
    EXPECT_EQ(ftp::parse_facts(" type=dir;sizd=4096; /a b")->kind, Kind::directory);
    EXPECT_EQ(ftp::parse_facts("type=dir;size=4096; d")->size, 0u);
    for (const char* other : {"type=cdir; .", "type=pdir; ..", "type=OS.unix=slink:/etc;size=4; link"}) EXPECT_EQ(ftp::parse_facts(other)->kind, Kind::other);
    for (const char* bad : {"", "name", "type=file; no-size", "type=file;size=-1; x", "size=1; untyped", "type=file;size=1 ;x", "type=file;size=1;", "drwxr-xr-x 2 a b 1 Nov 1 2020 x"})
        EXPECT_FALSE(ftp::parse_facts(bad)) << bad;
}

TEST(FtpListing, UnixDialect) {
    const auto file = ftp::parse_list_line("-rw-r--r--    1 0        0         3000000 Nov 25 03:09  two  words -> x\r");
    ASSERT_TRUE(file);
    EXPECT_EQ(*file, (ListEntry{" two  words -> x", Kind::file, 3'000'000, {}, "", "Nov 25 03:09"}));
    EXPECT_EQ(ftp::parse_list_line("drwxr-xr-x+ 2 ftp ftp 4096 Jan 01  2020 d")->kind, Kind::directory);
    EXPECT_EQ(ftp::parse_list_line("-rw-r--r-- 1 owner 12 Feb 29 2024 no group")->name, "no group");
    EXPECT_EQ(ftp::parse_list_line("lrwxrwxrwx 1 0 0 4 Nov 25 03:09 link -> /etc")->kind, Kind::other);
    for (const char* bad : {"total 8", "", "-rw-r--r-- 1 0 0 x Nov 25 03:09 f", "-rw-r--r-- 1 0 0 3 Nov 25 03:09", "-rw-r--r-- 1 0 0 3 25 Nov 03:09 f"})
        EXPECT_FALSE(ftp::parse_list_line(bad)) << bad;
}

TEST(FtpListing, DosDialect) {
    EXPECT_EQ(*ftp::parse_list_line("11-25-26  03:09AM       <DIR>          two words"), (ListEntry{"two words", Kind::directory, 0, {}, "", "11-25-26 03:09AM"}));
    EXPECT_EQ(*ftp::parse_list_line("11-25-2026  03:09PM              1234 a.txt"), (ListEntry{"a.txt", Kind::file, 1'234, {}, "", "11-25-2026 03:09PM"}));
    for (const char* bad : {"11-25-26", "11-25-26  03:09AM <DIR>", "11-25-26 03:09AM big f", "11/25/26 03:09AM 1 f"}) EXPECT_FALSE(ftp::parse_list_line(bad)) << bad;
}

TEST(FtpNames, WhatTheWireCannotCarry) {
    for (const char* good : {"a", " a", "caf\xc3\xa9", "*?[a]{b}", "-rf", "..."}) EXPECT_THAT(ftp::check_name(good), IsOk()) << good;
    for (const char* bad : {"a\nb", "a\rb", "\t", "\x7f", "\xff", "a "}) EXPECT_THAT(ftp::check_name(bad), HasCode(Errc::name_refused));
    EXPECT_THAT(ftp::check_name(std::string(256, 'n')), HasCode(Errc::name_too_long));
    EXPECT_EQ(ftp::url_path("/a b/%2e\xc3"), "%2Fa%20b/%252e%C3");
}

TEST(FtpNames, TimesThatNoClockHasAreUnknown) {
    ListEntry entry{"f", Kind::file, 1, 253'402'300'799, "", ""};
    EXPECT_EQ(ftp::object_of("f", entry).mtime_ns, 0);
    EXPECT_EQ(ftp::object_of("f", entry).rev, "1:253402300799");
}

Result<ftp::FtpConfig> config(const char* text) {
    ProviderConfig given;
    given.name = "depot";
    given.config = *parse_json(text);
    return ftp::read_config(given);
}

TEST(FtpConfig, TlsIsRequiredUnlessSaidOtherwise) {
    const auto plain = config(R"({"host": "ftp.example", "user": "ada"})");
    ASSERT_THAT(plain, IsOk());
    EXPECT_EQ(plain->target.tls, ftp::TlsMode::explicit_required);
    EXPECT_EQ(plain->target.port, 21);
    EXPECT_FALSE(plain->target.tls13);
    EXPECT_EQ(config(R"({"host": "h", "tls": "implicit"})")->target.port, 990);
    EXPECT_EQ(config(R"({"host": "h", "tls": "implicit", "allow_plain_ftp": true})")->target.tls, ftp::TlsMode::implicit);
    EXPECT_EQ(config(R"({"host": "h", "allow_plain_ftp": true})")->target.tls, ftp::TlsMode::if_offered);
    EXPECT_EQ(config(R"({"host": "h", "folder": "/a//b/"})")->folder, "/a/b");
}

TEST(FtpConfig, BadValuesAreRefused) {
    for (const char* bad : {R"({})", R"({"host": "a/b"})", R"({"host": "user@host"})", R"({"host": "h", "folder": "../up"})", R"({"host": "h", "folder": "a\nb"})",
                            R"({"host": "h", "user": "a\r\nDELE x"})", R"({"host": "h", "tls": "none"})", R"({"host": "h", "tls_max": "1.1"})", R"({"host": "h", "port": 0})",
                            R"({"host": "h", "timeout": 0})", R"({"host": "h", "verify": "no"})"})
        EXPECT_THAT(config(bad), HasCode(Errc::config)) << bad;
}

}  // namespace
}  // namespace oracxfs::test
