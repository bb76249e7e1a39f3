// What openapi.json says, and what there is: the same addresses, methods and scopes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/admin/admin_api.h"
#include "tools/admin/assets.h"

namespace oracxfs::test {
namespace {

class OpenApi : public testing::Test {
  protected:
    OpenApi() {
        AccountsOptions options;
        options.file = dir_ / "admin.json";
        accounts_ = std::move(*Accounts::open(options, clock_));
        api_ = std::make_unique<AdminApi>(env_, *accounts_, hub_, tasks_, readers_, language_, std::vector<ListenAddress>{{"127.0.0.1", 10'000}});
    }

    static std::shared_ptr<const Config> default_config() { return std::make_shared<const Config>(*make_config(ConfigDocument(*ConfigDocument::parse("{}", "x")), [](const std::string&) { return std::nullopt; })); }

    TempDir dir_;
    FakeClock clock_;
    HandlerRegistry handlers_;
    AdminEnvironment env_{handlers_, clock_, default_config, {}, {}, {}, {}, {}, nullptr};
    EventHub hub_{clock_, {}};
    ReplyLanguage language_{{}};
    TaskList tasks_{handlers_, clock_, [](const Json&) {}};
    Executor readers_{1};
    std::unique_ptr<Accounts> accounts_;
    std::unique_ptr<AdminApi> api_;
};

Json document() {
    const Asset* asset = find_asset("openapi.json");
    if (asset == nullptr) return nullptr;
    const auto parsed = parse_json(asset->plain);
    EXPECT_THAT(parsed, IsOk());
    return parsed ? *parsed : Json();
}

TEST_F(OpenApi, KnowsEveryRouteAndNothingElse) {
    std::set<std::string> described, answered;
    const Json whole = document();
    for (const auto& [path, operations] : whole["paths"].members())
        for (const auto& [method, operation] : operations.members()) {
            std::string name = method;
            for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
            described.insert(name + " " + path + " " + operation["x-scope"].as_string());
        }
    for (const Route& route : api_->router().routes()) answered.insert(route.method + " " + route.pattern + " " + std::string(to_string(route.scope)));
    EXPECT_EQ(described, answered);
}

TEST_F(OpenApi, EveryReferenceLeadsSomewhere) {
    const Json whole = document();
    std::vector<std::string> dead;
    const std::function<void(const Json&)> look = [&](const Json& node) {
        for (const auto& [key, value] : node.members()) {
            const std::string& to = value.as_string();
            if (key == "$ref" && whole["components"]["schemas"].find(to.substr(std::min(to.size(), std::string("#/components/schemas/").size()))) == nullptr) dead.push_back(to);
            look(value);
        }
        for (const Json& item : node.items()) look(item);
    };
    look(whole);
    EXPECT_THAT(dead, testing::IsEmpty());
}

TEST_F(OpenApi, ChangingSomethingIsNeverOpenToReaders) {
    for (const Route& route : api_->router().routes()) {
        const bool preview = route.pattern.ends_with("/preview");
        const bool own = route.pattern == "/session" || route.pattern == "/setup";
        if (route.method == "GET" || preview || own) continue;
        EXPECT_GE(route.scope, Scope::operate) << route.method << " " << route.pattern;
    }
}

TEST_F(OpenApi, HeadOfARequestDecidesBeforeItsBodyIsRead) {
    HttpRequest request;
    request.method = "POST";
    request.headers = {{"host", "localhost:10000"}, {"content-type", "application/json"}};
    ASSERT_THAT(parse_target("/admin/cloud/api/v1/runs", request), IsOk());
    const HttpAdmission stranger = api_->admit(request);
    ASSERT_TRUE(stranger.refusal);
    EXPECT_EQ(stranger.refusal->status, 401);
    ASSERT_THAT(parse_target("/admin/cloud/api/v1/session", request), IsOk());
    EXPECT_EQ(api_->admit(request).body_max, 16u << 10);
}

}  // namespace
}  // namespace oracxfs::test
