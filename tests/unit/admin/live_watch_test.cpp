// Lines of the activity log reach the streams as they are written, whatever time it is.

#include "tools/admin/live_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/lossy_disk.h"
#include "tests/support/matchers.h"
#include "tools/oracxfs/language.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string pulled(HttpStream& stream) {
    std::string all;
    std::array<char, 512> buffer{};
    for (std::size_t count = 0; stream.pull(buffer, count) == HttpStream::Pulled::some; count = 0) all.append(buffer.data(), count);
    return all;
}

std::uint64_t last_id(const std::string& text) {
    const auto at = text.rfind("\nid: ");
    return std::stoull(at == std::string::npos ? text.substr(text.find("\"id\":") + 5) : text.substr(at + 5));
}

// Its clock stands still, so nothing comes of looking again and again.
class LiveWatchTest : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_THAT(disk_.make_directories("/state"), IsOk());
        ActivityOptions options;
        options.directory = "/state";
        auto opened = ActivityLog::open(disk_, clock_, options);
        ASSERT_THAT(opened, IsOk());
        log_ = std::move(*opened);
        env_.activity = log_.get();
    }
    void happens(const std::string& message) {
        ActivityEntry entry;
        entry.category = "service";
        entry.kind = "word";
        entry.message = message;
        log_->publish(std::move(entry));
        log_->flush();  // returns when those who follow have it
    }

    FakeClock clock_;
    LossyDisk disk_;
    std::unique_ptr<ActivityLog> log_;
    HandlerRegistry handlers_;
    AdminEnvironment env_{handlers_, clock_, {}, {}, {}, {}, {}, {}, nullptr};
    EventHub hub_{clock_, {}};
    ReplyLanguage language_{texts_of};
};

TEST_F(LiveWatchTest, ALineIsToldWhenItIsWritten) {
    happens("history");
    LiveWatch watch(env_, hub_, language_);
    watch.start();
    const auto stream = hub_.open("s", Json::object(), std::nullopt);
    happens("news");
    const std::string text = pulled(*stream);
    EXPECT_THAT(text, HasSubstr("event: log\n"));
    EXPECT_THAT(text, HasSubstr("\"message\":\"news\""));
    EXPECT_THAT(text, HasSubstr("\"seq\":2"));
    EXPECT_THAT(text, Not(HasSubstr("history")));
    EXPECT_THAT(text, Not(HasSubstr("\"type\"")));
}

TEST_F(LiveWatchTest, ALineIsToldInTheLanguagesThatWereAskedFor) {
    LiveWatch watch(env_, hub_, language_);
    watch.start();
    const auto stream = hub_.open("s", Json::object(), std::nullopt);
    happens("nas is back");
    EXPECT_THAT(pulled(*stream), Not(HasSubstr("translations")));
    HttpRequest request;
    request.headers = {{"accept-language", "fr-FR,fr;q=0.9,en;q=0.8"}};
    ASSERT_NE(language_.wanted(request), nullptr);
    happens("nas is back");
    const std::string text = pulled(*stream);
    EXPECT_THAT(text, HasSubstr("\"message\":\"nas is back\""));
    EXPECT_THAT(text, HasSubstr("\"translations\":{\"fr\":\"nas "));
}

TEST_F(LiveWatchTest, WhoComesBackGetsWhatHeMissedOnce) {
    LiveWatch watch(env_, hub_, language_);
    watch.start();
    auto stream = hub_.open("s", Json::object(), std::nullopt);
    happens("one");
    const std::uint64_t seen = last_id(pulled(*stream));
    stream->closed();
    happens("two");  // while nobody watches
    stream = hub_.open("s", Json::object(), seen);
    happens("three");
    const std::string text = pulled(*stream);
    EXPECT_THAT(text, Not(HasSubstr("\"one\"")));
    EXPECT_THAT(text, Not(HasSubstr("event: reset")));
    const auto two = text.find("\"two\""), three = text.find("\"three\"");
    ASSERT_NE(two, std::string::npos) << text;
    ASSERT_NE(three, std::string::npos) << text;
    EXPECT_LT(two, three);
    EXPECT_EQ(text.find("\"two\"", two + 1), std::string::npos);
}

TEST_F(LiveWatchTest, NothingIsToldAfterItsEnd) {
    LiveWatch watch(env_, hub_, language_);
    watch.start();
    const auto stream = hub_.open("s", Json::object(), std::nullopt);
    watch.stop();
    happens("too late");
    EXPECT_THAT(pulled(*stream), Not(HasSubstr("too late")));
}

}  // namespace
}  // namespace oracxfs::test
