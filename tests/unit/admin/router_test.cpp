#include "tools/admin/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/admin/pages.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Router router() {
    Router router;
    const auto nothing = [](const ApiCall&) -> Result<ApiAnswer> { return ApiAnswer(Json()); };
    router.add({"GET", "/runs", Scope::read, nothing});
    router.add({"POST", "/runs", Scope::operate, nothing});
    router.add({"GET", "/runs/{run}", Scope::read, nothing});
    router.add({"GET", "/runs/latest", Scope::read, nothing});
    router.add({"POST", "/runs/{run}/cancel", Scope::operate, nothing});
    return router;
}

TEST(RouterTest, FindsByMethodAndPath) {
    const Router routes = router();
    EXPECT_EQ(routes.find("POST", {"runs"}).route->method, "POST");
    EXPECT_EQ(routes.find("GET", {"runs"}).route->pattern, "/runs");
    const auto match = routes.find("POST", {"runs", "r-1", "cancel"});
    ASSERT_NE(match.route, nullptr);
    EXPECT_EQ(match.params.at("run"), "r-1");
    EXPECT_EQ(match.route->command, "runs cancel");
}

TEST(RouterTest, AParameterTakesWhateverASegmentHolds) { EXPECT_EQ(router().find("GET", {"runs", "../../etc/passwd"}).params.at("run"), "../../etc/passwd"); }

TEST(RouterTest, WordsGoBeforeParameters) { EXPECT_EQ(router().find("GET", {"runs", "latest"}).route->pattern, "/runs/latest"); }

TEST(RouterTest, HeadIsAnsweredAsGet) { EXPECT_NE(router().find("HEAD", {"runs"}).route, nullptr); }

TEST(RouterTest, SaysWhichMethodsThereAre) {
    const auto match = router().find("DELETE", {"runs"});
    EXPECT_EQ(match.route, nullptr);
    EXPECT_THAT(match.allowed, ElementsAre("GET", "POST"));
    EXPECT_THAT(router().find("GET", {"nothing"}).allowed, IsEmpty());
    EXPECT_THAT(router().find("GET", {}).allowed, IsEmpty());
    EXPECT_THAT(router().find("GET", {"runs", ""}).allowed, IsEmpty());
}

TEST(Pages, NothingFromElsewhereBecomesMarkup) {
    const std::string evil = "<script>alert(1)</script>\"'&";
    EXPECT_EQ(escape_html(evil), "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;");
    EXPECT_THAT(host_refusal_page(evil).body, Not(HasSubstr("<script>")));
    EXPECT_THAT(going_on_page("/admin/#x=" + evil).body, Not(HasSubstr("<script>")));
    const Json status = Json::object({{"state", evil}, {"providers", Json::array().push(Json::object({{"name", evil}, {"state", evil}, {"reason_text", evil}, {"last_ok", evil}}))}});
    EXPECT_THAT(status_table(status), Not(HasSubstr("<script>")));
}

TEST(Pages, RefusalNamesTheSetting) { EXPECT_THAT(host_refusal_page("nas.lan").body, HasSubstr("oracxfs config set admin.allowed_hosts '[\"nas.lan\"]'")); }

}  // namespace
}  // namespace oracxfs::test
