// notify.targets: each mistake is named with its place.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tools/config/config.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Environment no_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        if (name == "HOME") return "/home/ada";
        return std::nullopt;
    };
}

ConfigDocument with_targets(const std::string& targets) {
    auto parsed = ConfigDocument::parse("{\"notify\": {\"targets\": " + targets + "}}", "/c.json");
    EXPECT_THAT(parsed, IsOk());
    return parsed ? std::move(*parsed) : ConfigDocument();
}

std::vector<std::string> problems(const std::string& targets) {
    std::vector<std::string> all;
    for (const ConfigProblem& problem : check_config(with_targets(targets), no_environment())) {
        std::string message = problem.message.substr(problem.message.find(": ") + 2);
        constexpr std::string_view kStart = "`notify.targets` ";
        if (message.starts_with(kStart)) message.erase(0, kStart.size());
        all.push_back(message + (problem.hint.empty() ? "" : " | " + problem.hint));
    }
    return all;
}

TEST(NotifyConfig, GoodTargetsAreRead) {
    const auto config = make_config(with_targets(R"([
        {"id": "ops", "type": "webhook", "url": "https://example.org/h", "secret": "secret:notify/ops", "on": ["at_risk"], "ca_file": "~/ca.pem"},
        {"id": "phone", "type": "webhook", "style": "ntfy", "url": "secret:notify/phone", "auth": "secret:notify/token", "timeout": "5s"},
        {"id": "mail", "type": "email", "host": "smtp.example.org", "tls": "implicit", "user": "u", "auth": "secret:notify/mail", "from": "b@example.org", "to": ["me@example.org"]},
        {"id": "hc", "type": "heartbeat", "url": "http://hc.lan/ping/1", "allow_plain_http": true},
        {"id": "desk", "type": "desktop", "enabled": false}])"),
                                    no_environment());
    ASSERT_THAT(config, IsOk());
    const auto& targets = config->notify.targets;
    ASSERT_EQ(targets.size(), 5u);
    EXPECT_EQ(targets[0].secret, "notify/ops");
    EXPECT_EQ(targets[0].style, "json");
    EXPECT_EQ(targets[0].ca_file, "/home/ada/ca.pem");
    EXPECT_THAT(targets[0].on, ElementsAre("at_risk"));
    EXPECT_EQ(targets[1].url, "secret:notify/phone");
    EXPECT_EQ(targets[1].auth, "notify/token");
    EXPECT_EQ(targets[1].timeout, Millis(5'000));
    EXPECT_EQ(targets[2].port, 465);
    EXPECT_THAT(targets[2].to, ElementsAre("me@example.org"));
    EXPECT_TRUE(targets[3].allow_plain_http);
    EXPECT_FALSE(targets[4].enabled);
    EXPECT_EQ(config->notify.settle, Millis(300'000));
    EXPECT_EQ(config->log.activity_files, 8u);
}

TEST(NotifyConfig, WhatATypeNeedsMustBeThere) {
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook"}])"), ElementsAre("has an entry without `url`, which type \"webhook\" needs"));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "email", "host": "h", "from": "a@b", "to": []}])"), ElementsAre("has an entry without `to`, which type \"email\" needs"));
    EXPECT_THAT(problems(R"([{"type": "desktop"}])"), ElementsAre("has an entry without `id`"));
}

TEST(NotifyConfig, WhatHasNoMeaningIsRefused) {
    EXPECT_THAT(problems(R"([{"id": "x", "type": "desktop", "url": "https://a"}])"), ElementsAre("has an entry whose `url` has no meaning for type \"desktop\""));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "style": "ntfy", "url": "https://a/b", "secret": "secret:k"}])"),
                ElementsAre("has an entry whose `secret` has no meaning: only style \"json\" is signed | for ntfy and Gotify the token belongs into `auth`"));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhok", "url": "https://a"}])"), testing::SizeIs(1));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "desktop"}, {"id": "x", "type": "desktop"}])"), ElementsAre("has two entries with the `id` \"x\""));
}

TEST(NotifyConfig, AddressesAreChecked) {
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "url": "ftp://a"}])"),
                ElementsAre("has an entry whose `url` must be an address that begins with https://, or \"secret:NAME\", not \"ftp://a\""));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "url": "http://a/"}])"),
                ElementsAre("has an entry whose `url` is not encrypted | use https://, or say \"allow_plain_http\": true if everybody on the way may read it"));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "url": "https://u:p@a/"}])"), testing::SizeIs(1));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "url": "https://a/@b"}])"), IsEmpty());

    EXPECT_THAT(problems(R"([{"id": "x", "type": "email", "host": "h", "from": "a", "to": ["c@d>\r\nRCPT"]}])"), testing::SizeIs(2));
}

TEST(NotifyConfig, SecretsDoNotBelongInTheFile) {
    const auto found = problems(R"([{"id": "x", "type": "webhook", "url": "https://a", "token": "abc"}])");
    ASSERT_THAT(found, testing::SizeIs(2));
    EXPECT_THAT(found[1], testing::HasSubstr("holds a secret"));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "webhook", "url": "https://a", "secret": "abc"}])"), testing::SizeIs(1));
    EXPECT_THAT(problems(R"([{"id": "x", "type": "email", "host": "h", "from": "a@b", "to": ["c@d"], "user": "u"}])"),
                ElementsAre("has an entry with only one of `user` and `auth` | to sign in at the mail server both are needed"));
}

TEST(NotifyConfig, OnNamesNoticesOnly) {
    const auto parsed = ConfigDocument::parse("{\"notify\": {\"on\": [\"at_risk\", \"degrade\"]}}", "/c.json");
    const auto found = check_config(*parsed, no_environment());
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].hint, "did you mean \"degraded\"?");
}

}  // namespace
}  // namespace oracxfs::test
