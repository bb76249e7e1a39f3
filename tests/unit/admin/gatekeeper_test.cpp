#include "tools/admin/gatekeeper.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

const std::vector<ListenAddress> kLocal{{"127.0.0.1", 10'000}, {"::1", 10'000}};

class OwnHost : public testing::TestWithParam<const char*> {};
TEST_P(OwnHost, IsAnswered) { EXPECT_TRUE(is_allowed_host(GetParam(), kLocal, {})); }
INSTANTIATE_TEST_SUITE_P(All, OwnHost, testing::Values("localhost", "localhost:10000", "LOCALHOST:1", "127.0.0.1:10000", "[::1]:10000", "[::1]", "localhost."));

class StrangeHost : public testing::TestWithParam<const char*> {};
TEST_P(StrangeHost, IsRefused) { EXPECT_FALSE(is_allowed_host(GetParam(), kLocal, {})); }
INSTANTIATE_TEST_SUITE_P(All, StrangeHost,
                         testing::Values("", "evil.example", "localhost.evil.example", "evil.example:10000", "127.0.0.1.evil.example", "localhost:80@evil.example", "[::1", "[::2]", "10.0.0.1", "localhost:x",
                                         "localhost evil", "localhost\tx", "127.0.0.1:10000:1"));

TEST(AllowedHosts, AreAnsweredWithAndWithoutTheirPort) {
    EXPECT_TRUE(is_allowed_host("nas.lan:10000", kLocal, {"nas.lan"}));
    EXPECT_TRUE(is_allowed_host("NAS.lan", kLocal, {"nas.LAN"}));
    EXPECT_TRUE(is_allowed_host("nas.lan:8443", kLocal, {"nas.lan:8443"}));
    EXPECT_FALSE(is_allowed_host("other.lan", kLocal, {"nas.lan"}));
}

TEST(AllowedHosts, AddressesAreGoodWhereWeListenAtAll) {
    EXPECT_TRUE(is_allowed_host("192.168.1.5:10000", {{"0.0.0.0", 10'000}}, {}));
    EXPECT_TRUE(is_allowed_host("[fd00::5]:10000", {{"::", 10'000}}, {}));
    EXPECT_FALSE(is_allowed_host("nas.lan", {{"0.0.0.0", 10'000}}, {}));
    EXPECT_TRUE(is_allowed_host("192.168.1.5", {{"192.168.1.5", 10'000}}, {}));
    EXPECT_FALSE(is_allowed_host("192.168.1.6", {{"192.168.1.5", 10'000}}, {}));
}

HttpRequest post(HttpFields headers) {
    HttpRequest request;
    request.method = "POST";
    request.path = "/admin/cloud/api/v1/runs";
    request.headers = std::move(headers);
    return request;
}

const Principal kSession{Scope::admin, "s-1", "", "admin", "0123456789abcdef"};

TEST(Forgery, OurOwnPageMayChangeThings) {
    EXPECT_THAT(check_forgery(post({{"host", "localhost:10000"}, {"origin", "http://localhost:10000"}, {"sec-fetch-site", "same-origin"}, {"x-oracxfs-csrf", kSession.csrf}}), kSession), IsOk());
    EXPECT_THAT(check_forgery(post({{"host", "nas.lan"}, {"origin", "https://nas.lan"}, {"x-oracxfs-csrf", kSession.csrf}}), kSession), IsOk());
}

TEST(Forgery, ProgramsWithoutOriginNeedTheHeaderAll) {
    EXPECT_THAT(check_forgery(post({{"host", "localhost:10000"}, {"x-oracxfs-csrf", kSession.csrf}}), kSession), IsOk());
    EXPECT_THAT(check_forgery(post({{"host", "localhost:10000"}}), kSession), HasCode(Errc::denied));
    EXPECT_THAT(check_forgery(post({{"host", "localhost:10000"}, {"x-oracxfs-csrf", "0123456789abcdee"}}), kSession), HasCode(Errc::denied));
}

class ForeignPage : public testing::TestWithParam<HttpFields> {};
TEST_P(ForeignPage, MayNot) {
    HttpFields headers = GetParam();
    headers.emplace_back("host", "localhost:10000");
    headers.emplace_back("x-oracxfs-csrf", kSession.csrf);
    EXPECT_THAT(check_forgery(post(headers), kSession), HasCode(Errc::denied));
}
INSTANTIATE_TEST_SUITE_P(All, ForeignPage,
                         testing::Values(HttpFields{{"origin", "http://evil.example"}}, HttpFields{{"origin", "null"}}, HttpFields{{"origin", ""}}, HttpFields{{"origin", "http://localhost:10001"}},
                                         HttpFields{{"origin", "http://localhost:10000.evil.example"}}, HttpFields{{"sec-fetch-site", "cross-site"}}, HttpFields{{"sec-fetch-site", "same-site"}}));

TEST(ContentType, OnlyJsonIsJson) {
    EXPECT_TRUE(is_json(post({{"content-type", "application/json"}})));
    EXPECT_TRUE(is_json(post({{"content-type", "Application/JSON; charset=utf-8"}})));
    EXPECT_FALSE(is_json(post({{"content-type", "text/plain"}})));
    EXPECT_FALSE(is_json(post({{"content-type", "application/jsonx"}})));
    EXPECT_FALSE(is_json(post({})));
}

}  // namespace
}  // namespace oracxfs::test
