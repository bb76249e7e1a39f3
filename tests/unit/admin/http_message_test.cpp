#include "tools/admin/http_message.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tools/admin/download.h"
#include "tools/admin/http_server.h"

namespace oracxfs::test {
namespace {

TEST(ParseTarget, TakesPathAndQueryApart) {
    HttpRequest request;
    ASSERT_THAT(parse_target("/admin/cloud/x%20y?path=a%2Fb&q=c+d&e", request), IsOk());
    EXPECT_EQ(request.path, "/admin/cloud/x%20y");
    EXPECT_EQ(request.segments, (std::vector<std::string>{"admin", "cloud", "x y"}));
    EXPECT_EQ(request.query_value("path"), "a/b");
    EXPECT_EQ(request.query_value("q"), "c d");
    EXPECT_TRUE(request.has_query("e"));
    EXPECT_EQ(request.query_value("absent"), "");
}

TEST(ParseTarget, AnEncodedSlashDividesNothing) {
    HttpRequest request;
    ASSERT_THAT(parse_target("/backups/a%2F..%2Fb/files", request), IsOk());
    EXPECT_EQ(request.segments, (std::vector<std::string>{"backups", "a/../b", "files"}));
}

TEST(ParseTarget, ATrailingSlashIsAnEmptySegment) {
    HttpRequest request;
    ASSERT_THAT(parse_target("/admin/", request), IsOk());
    EXPECT_EQ(request.segments, (std::vector<std::string>{"admin", ""}));
}

class BadTarget : public testing::TestWithParam<const char*> {};
TEST_P(BadTarget, IsRefused) {
    HttpRequest request;
    EXPECT_THAT(parse_target(GetParam(), request), HasCode(Errc::invalid));
}
INSTANTIATE_TEST_SUITE_P(All, BadTarget,
                         testing::Values("", "x", "http://x/", "/a/../b", "/a/%2e%2e/b", "/.", "/a%", "/a%2", "/a%zz", "/a%00b", "/a?b=%00", "/a?b=%1"));

TEST(Cookie, IsFoundAmongOthers) {
    HttpRequest request;
    request.headers = {{"cookie", "a=1; session=x=y ;b=2"}};
    EXPECT_EQ(request.cookie("session"), "x=y");
    EXPECT_EQ(request.cookie("b"), "2");
    EXPECT_EQ(request.cookie("essio"), std::nullopt);
}

TEST(Cookie, OfSeveralHeadersCounts) {
    HttpRequest request;
    request.headers = {{"cookie", "a=1"}, {"cookie", "b=2"}};
    EXPECT_EQ(request.cookie("b"), "2");
}

TEST(PercentEncode, ComesBackTheSame) {
    const std::string bytes = std::string("a b/ö\xff%+&") + '\x01';
    EXPECT_EQ(percent_decode(percent_encode(bytes), true), bytes);
}

TEST(ParseRange, UnderstandsAllForms) {
    const auto range = [](const char* text, std::uint64_t size) { return parse_range(text, size); };
    ASSERT_TRUE(range("bytes=0-9", 100));
    EXPECT_EQ(range("bytes=0-9", 100)->last, 9u);
    EXPECT_EQ(range("bytes=90-", 100)->last, 99u);
    EXPECT_EQ(range("bytes=90-500", 100)->last, 99u);
    EXPECT_EQ(range("bytes=-10", 100)->first, 90u);
    EXPECT_EQ(range("bytes=-1000", 100)->first, 0u);
}

TEST(ParseRange, WhatLiesBehindTheEndCannotBeGiven) {
    ASSERT_TRUE(parse_range("bytes=100-", 100));
    EXPECT_FALSE(parse_range("bytes=100-", 100)->satisfiable);
    EXPECT_FALSE(parse_range("bytes=-0", 100)->satisfiable);
    EXPECT_FALSE(parse_range("bytes=0-", 0)->satisfiable);
}

class IgnoredRange : public testing::TestWithParam<const char*> {};
TEST_P(IgnoredRange, IsNone) { EXPECT_EQ(parse_range(GetParam(), 100), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(All, IgnoredRange, testing::Values("", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b", "bytes=99999999999999999999-"));

TEST(ListenAddress, IsReadAndWritten) {
    const auto v4 = parse_listen_address("127.0.0.1:10000");
    ASSERT_THAT(v4, IsOk());
    EXPECT_EQ(v4->port, 10'000);
    EXPECT_TRUE(v4->is_loopback());
    const auto v6 = parse_listen_address("[::1]:80");
    ASSERT_THAT(v6, IsOk());
    EXPECT_EQ(v6->to_string(), "[::1]:80");
    EXPECT_TRUE(v6->is_loopback());
    EXPECT_FALSE(parse_listen_address("0.0.0.0:80")->is_loopback());
}

class BadAddress : public testing::TestWithParam<const char*> {};
TEST_P(BadAddress, IsRefused) { EXPECT_THAT(parse_listen_address(GetParam()), HasCode(Errc::invalid)); }
INSTANTIATE_TEST_SUITE_P(All, BadAddress, testing::Values("", "10000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "example.org:80", ":80", "::1:80x", "127.0.0.1:-1"));

TEST(Attachment, HoldsAnyNameWithoutLeavingItsQuotes) {
    EXPECT_EQ(attachment("a.zip"), "attachment; filename=\"a.zip\"");
    EXPECT_EQ(attachment("a\"b\r\nc"), "attachment; filename=\"a_b__c\"; filename*=UTF-8''a%22b%0D%0Ac");
    EXPECT_EQ(attachment("\xff"), "attachment; filename=\"_\"");
}

}  // namespace
}  // namespace oracxfs::test
