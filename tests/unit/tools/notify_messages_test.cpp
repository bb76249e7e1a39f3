// Notices as requests and mails; which addresses may be connected to; a receiver on this machine that checks all of it.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <map>
#include <mutex>

#include "base/hmac.h"
#include "base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/https_server.h"
#include "tests/support/matchers.h"
#include "tools/control/envelope.h"
#include "tools/notify/local_addresses.h"
#include "tools/notify/mail_message.h"
#include "tools/notify/notice_language.h"
#include "tools/notify/sender.h"
#include "tools/notify/web_message.h"
#include "tools/oracxfs/language.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr WallTime kNow = WallTime(Millis(1'795'466'188'042));

Delivery made_delivery() {
    Delivery delivery;
    delivery.id = "00112233";
    delivery.target = "ops";
    Notice& notice = delivery.notice.emplace();
    notice.topic = "state";
    notice.kind = "degraded";
    notice.level = ActivityLevel::warning;
    notice.at = kNow;
    notice.title = "h\xc3\xb4te: DEGRADED";
    notice.text = "nas is offline: a <b> & c.\n";
    notice.next = "oracxfs status";
    notice.details = Json::object({{"state", "degraded"}});
    return delivery;
}

std::string header(const http::Request& request, const std::string& name) {
    for (const http::Header& one : request.headers)
        if (one.name == name) return one.value;
    return "";
}

WebMessage message(const std::string& style, const std::string& key = "", const std::string& token = "") {
    NotifyTarget target;
    target.id = "ops";
    target.type = "webhook";
    target.style = style;
    return web_message(target, {"https://example.org/x", key, token}, made_delivery(), "host01", kNow);
}

TEST(WebMessageTest, JsonIsWholeAndSigned) {
    const WebMessage made = message("json", "the key", "bearer");
    const auto body = parse_json(made.body);
    ASSERT_THAT(body, IsOk());
    EXPECT_EQ((*body)["schema"].as_string(), "oracxfs/1");
    EXPECT_EQ((*body)["type"].as_string(), "notice");
    EXPECT_EQ((*body)["id"].as_string(), "00112233");
    EXPECT_EQ((*body)["instance"].as_string(), "host01");
    EXPECT_EQ((*body)["kind"].as_string(), "degraded");
    EXPECT_EQ((*body)["at"].as_string(), "2026-11-23T20:36:28.042Z");
    EXPECT_EQ((*body)["details"]["state"].as_string(), "degraded");
    EXPECT_EQ(header(made.request, "X-Oracxfs-Timestamp"), "1795466188");
    EXPECT_EQ(header(made.request, "X-Oracxfs-Signature"), "sha256=" + to_hex(hmac_sha256("the key", "1795466188." + made.body)));
    EXPECT_EQ(made.request.bearer, "bearer");
    EXPECT_EQ(header(message("json").request, "X-Oracxfs-Signature"), "");
}

TEST(WebMessageTest, NtfyTakesTextAndHeaders) {
    const WebMessage made = message("ntfy", "", "tk_x");
    EXPECT_EQ(made.body, "nas is offline: a <b> & c.\nNext: oracxfs status");
    EXPECT_EQ(header(made.request, "Title"), "=?UTF-8?B?aMO0dGU6IERFR1JBREVE?=") << "as in mails";
    EXPECT_EQ(header(made.request, "Priority"), "4");
    EXPECT_EQ(header(made.request, "Tags"), "warning");
    EXPECT_EQ(made.request.bearer, "tk_x");
}

TEST(WebMessageTest, GotifyTakesItsKeyInAHeader) {
    const WebMessage made = message("gotify", "", "Axyz");
    const auto body = parse_json(made.body);
    EXPECT_EQ((*body)["title"].as_string(), "h\xc3\xb4te: DEGRADED");
    EXPECT_EQ((*body)["priority"].as_int(), 5);
    EXPECT_EQ(header(made.request, "X-Gotify-Key"), "Axyz");
    EXPECT_EQ(made.request.bearer, "");
}

TEST(WebMessageTest, SlackGetsItsMarksEscaped) {
    EXPECT_EQ((*parse_json(message("slack").body))["text"].as_string(), "*h\xc3\xb4te: DEGRADED*\nnas is offline: a &lt;b&gt; &amp; c.\nNext: oracxfs status");
}

TEST(WebMessageTest, AHeartbeatHasAnAddressForEachEnd) {
    Delivery ping;
    ping.text = "run r-1 failed";
    const auto url = [&](const std::string& base, const std::string& word) {
        ping.ping = word;
        return heartbeat_message({base, "", ""}, ping).request.url;
    };
    EXPECT_EQ(url("https://hc.example/ping/uuid", "start"), "https://hc.example/ping/uuid/start");
    EXPECT_EQ(url("https://hc.example/ping/uuid/", "fail"), "https://hc.example/ping/uuid/fail");
    EXPECT_EQ(url("https://hc.example/ping/uuid", "success"), "https://hc.example/ping/uuid");
    EXPECT_EQ(url("https://hc.example/ping/uuid?k=1", "start"), "https://hc.example/ping/uuid/start?k=1");
    EXPECT_EQ(heartbeat_message({"https://x/", "", ""}, ping).body, "run r-1 failed");
}

TEST(MailMessageTest, IsAWholeMailWhateverItHolds) {
    Notice notice = *made_delivery().notice;
    notice.title = "a\r\nBcc: evil@example.org " + std::string(100, 'x');
    const std::string mail = mail_message(notice, "backup@example.org", {"me@example.org", "you@example.org"}, "0011", "host01", kNow);
    EXPECT_THAT(mail, HasSubstr("Date: Mon, 23 Nov 2026 20:36:28 +0000\r\n"));
    EXPECT_THAT(mail, HasSubstr("From: oracxfs <backup@example.org>\r\n"));
    EXPECT_THAT(mail, HasSubstr("To: me@example.org,\r\n you@example.org\r\n"));
    EXPECT_THAT(mail, HasSubstr("Message-ID: <0011.oracxfs@example.org>\r\n"));
    EXPECT_THAT(mail, Not(HasSubstr("\nBcc:")));
    EXPECT_EQ(mail.find("\n\n"), std::string::npos) << "lines end with CR LF";
    std::size_t longest = 0;
    for (std::size_t at = 0; at < mail.size(); at = mail.find('\n', at) + 1) longest = std::max(longest, mail.find('\n', at) - at);
    EXPECT_LE(longest, 78u);
}

TEST(MailMessageTest, SpeaksTheLanguageOfItsReader) {
    const auto french = texts_of("fr");
    ASSERT_NE(french, nullptr);
    const Delivery delivery = delivery_in(french.get(), made_delivery());
    EXPECT_EQ(delivery.notice->title, "h\xc3\xb4te: D\xc3\x89GRAD\xc3\x89");
    const std::string mail = mail_message(*delivery.notice, "backup@example.org", {"me@example.org"}, "0011", "host01", kNow, french.get());
    EXPECT_THAT(mail, HasSubstr("Subject: " + encoded_words("[oracxfs] " + delivery.notice->title, "\r\n ") + "\r\n"));
    std::string body = mail.substr(mail.find("\r\n\r\n") + 4), wire;
    body.erase(std::remove_if(body.begin(), body.end(), [](char c) { return c == '\r' || c == '\n'; }), body.end());
    EXPECT_EQ(body, base64("nas est hors ligne: a <b> & c.\r\n\r\nSuite : oracxfs status\r\n\r\n-- \r\noracxfs @ host01, 2026-11-23T20:36:28Z\r\n"));
}

// --- addresses -----------------------------------------------------------------------------------------------------------

bool is_local(const std::string& text) {
    sockaddr_storage storage{};
    if (text.find(':') != std::string::npos) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1);
        std::memcpy(&storage, &v6, sizeof v6);
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &v4.sin_addr), 1);
        std::memcpy(&storage, &v4, sizeof v4);
    }
    return is_local_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(LocalAddresses, AreThoseOfThisMachineAndItsLink) {
    for (const char* local : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1", "febf::1", "::ffff:127.0.0.1", "::ffff:169.254.1.1"}) EXPECT_TRUE(is_local(local)) << local;
    for (const char* other : {"10.0.0.1", "192.168.1.2", "172.16.0.1", "8.8.8.8", "169.253.0.1", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1"}) EXPECT_FALSE(is_local(other)) << other;
}

TEST(LocalAddresses, AListedOneIsFoundHoweverItIsSpelled) {
    EXPECT_TRUE(is_listed({"localhost"}, "LOCALHOST", 80));
    EXPECT_TRUE(is_listed({"127.0.0.1:8080"}, "127.0.0.1", 8080));
    EXPECT_FALSE(is_listed({"127.0.0.1:8080"}, "127.0.0.1", 8081));
    EXPECT_TRUE(is_listed({"[::1]:25"}, "::1", 25));
    EXPECT_TRUE(is_listed({"[::1]:25"}, "[::1]", 25));
    EXPECT_FALSE(is_listed({}, "localhost", 80));
}

// --- over the wire -------------------------------------------------------------------------------------------------------

class SenderTest : public testing::Test {
  protected:
    SenderTest()
        : server_([this](HttpsRequest& request) {
              const std::lock_guard lock(mutex_);
              body_ = request.body();
              method_ = request.method;
              path_ = request.path;
              signature_ = request.header("x-oracxfs-signature");
              timestamp_ = request.header("x-oracxfs-timestamp");
              return answer_;
          }) {
        config_.instance = "host01";
        target_.id = "ops";
        target_.type = "webhook";
        target_.style = "json";
        target_.url = server_.url("/hook");
        target_.ca_file = server_.ca_file();
        target_.timeout = Millis(20'000);
        config_.notify.allowed_local = {"localhost"};
    }
    Result<std::string> send(const Delivery& delivery = made_delivery()) {
        const SenderParts parts{clock_, [](const std::string&) { return std::nullopt; },
                                [this](const std::string& name) -> Result<std::string> {
                                    if (const auto found = secrets_.find(name); found != secrets_.end()) return found->second;
                                    return fail(Errc::not_found, "read secret " + name);
                                }};
        return send_delivery({}, parts, config_, target_, delivery);
    }

    SystemClock clock_;
    std::mutex mutex_;
    HttpsResponse answer_ = HttpsResponse::text("ok");
    std::string body_, method_, path_, signature_, timestamp_;
    HttpsServer server_;
    Config config_;
    NotifyTarget target_;
    std::map<std::string, std::string> secrets_;
};

TEST_F(SenderTest, TheReceiverCanCheckWhoSentIt) {
    secrets_["notify/ops"] = "shared-key-123";
    target_.secret = "notify/ops";
    EXPECT_EQ(send().value_or("failed"), "200");
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(method_, "POST");
    EXPECT_EQ(path_, "/hook");
    EXPECT_EQ(signature_, "sha256=" + to_hex(hmac_sha256("shared-key-123", timestamp_ + "." + body_)));
}

TEST_F(SenderTest, TheReceiverIsToldInTheLanguageOfTheSettings) {
    const auto sent = [this] {
        EXPECT_THAT(send(), IsOk());
        const std::lock_guard lock(mutex_);
        const auto json = parse_json(body_);
        return json ? *json : Json(body_);
    };
    EXPECT_EQ(sent()["title"].as_string(), "h\xc3\xb4te: DEGRADED");
    config_.language = "fr";
    const Json french = sent();
    EXPECT_EQ(french["title"].as_string(), "h\xc3\xb4te: D\xc3\x89GRAD\xc3\x89");
    EXPECT_EQ(french["text"].as_string(), "nas est hors ligne: a <b> & c.\n");
    EXPECT_EQ(french["kind"].as_string(), "degraded") << "words for programs are the same everywhere";
    target_.style = "ntfy";
    EXPECT_EQ(sent().as_string(), "nas est hors ligne: a <b> & c.\nSuite : oracxfs status");
}

TEST_F(SenderTest, AMissingSecretIsNamedAndNothingIsSent) {
    target_.secret = "notify/ops";
    const auto sent = send();
    ASSERT_THAT(sent, HasCode(Errc::unauthenticated));
    EXPECT_THAT(sent.error().why, HasSubstr("oracxfs secrets set notify/ops"));
    EXPECT_EQ(server_.requests(), 0u);
}

TEST_F(SenderTest, ALoopbackAddressMustBeListed) {
    config_.notify.allowed_local.clear();
    const auto sent = send();
    ASSERT_THAT(sent, HasCode(Errc::unavailable));
    EXPECT_THAT(sent.error().why, HasSubstr("notify.allowed_local"));
    EXPECT_EQ(server_.connections(), 0u);
}

TEST_F(SenderTest, ARedirectionIsNotFollowed) {
    {
        const std::lock_guard lock(mutex_);
        answer_ = HttpsResponse::text("", 302).with("Location", server_.url("/elsewhere"));
    }
    const auto sent = send();
    ASSERT_THAT(sent, HasCode(Errc::unavailable));
    EXPECT_THAT(sent.error().why, HasSubstr("302, a redirection, which is not followed"));
    EXPECT_EQ(server_.requests(), 1u);
}

TEST_F(SenderTest, AnUntrustedCertificateEndsIt) {
    target_.ca_file.clear();
    const auto sent = send();
    ASSERT_THAT(sent, HasCode(Errc::unavailable));
    EXPECT_THAT(sent.error().why, HasSubstr("no trusted TLS connection"));
    EXPECT_EQ(server_.requests(), 0u);
}

TEST_F(SenderTest, WhatTheReceiverSaysIsPassedOn) {
    {
        const std::lock_guard lock(mutex_);
        answer_ = HttpsResponse::text("no such\x1b topic", 404);
    }
    const auto missing = send();
    ASSERT_THAT(missing, HasCode(Errc::unavailable));
    EXPECT_THAT(missing.error().why, HasSubstr("localhost answered 404: no such\\x1b topic"));
    {
        const std::lock_guard lock(mutex_);
        answer_ = HttpsResponse::text("", 429).with("Retry-After", "7");
    }
    EXPECT_EQ(send().error().retry_after, Millis(7'000));
    {
        const std::lock_guard lock(mutex_);
        answer_ = HttpsResponse::text("", 401);
    }
    EXPECT_THAT(send(), HasCode(Errc::unauthenticated));
}

TEST_F(SenderTest, AnAddressThatIsASecretStaysOne) {
    secrets_["notify/url"] = server_.url("/services/T000/B000/abcdefabcdef");
    target_.url = "secret:notify/url";
    EXPECT_THAT(send(), IsOk());
    {
        const std::lock_guard lock(mutex_);
        EXPECT_EQ(path_, "/services/T000/B000/abcdefabcdef");
        answer_ = HttpsResponse::text("", 500);
    }
    const auto sent = send();
    EXPECT_THAT(sent.error().to_string(), Not(HasSubstr("T000")));
    EXPECT_EQ(log::redact("see /services/T000/B000/abcdefabcdef"), "see ***");
    EXPECT_EQ(target_place(target_), "secret:notify/url");
}

TEST_F(SenderTest, ATestOfAHeartbeatChangesNoState) {
    target_.type = "heartbeat";
    EXPECT_THAT(send(test_delivery(target_, "host01", kNow)), IsOk());
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(path_, "/hook/log");
}

TEST_F(SenderTest, WithoutADesktopNothingIsShownAndNothingFails) {
    target_.type = "desktop";
    EXPECT_EQ(send().value_or("failed"), "no desktop session");
}

}  // namespace
}  // namespace oracxfs::test
