#include "tools/admin/reply_language.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/admin/admin_api.h"
#include "tools/oracxfs/language.h"

namespace oracxfs::test {
namespace {

HttpRequest asking(const std::string& accept_language) {
    HttpRequest request;
    if (!accept_language.empty()) request.headers = {{"accept-language", accept_language}};
    return request;
}

TEST(PreferredLanguage, IsThePrimaryTagThatIsLikedBest) {
    EXPECT_EQ(preferred_language("fr"), "fr");
    EXPECT_EQ(preferred_language("fr-CA"), "fr");
    EXPECT_EQ(preferred_language("FR"), "fr");
    EXPECT_EQ(preferred_language("de;q=0.3, fr;q=0.9, en;q=0.8"), "fr");
    EXPECT_EQ(preferred_language("en, fr"), "en") << "of equals the first";
    EXPECT_EQ(preferred_language("fr;q=0, en"), "en");
    EXPECT_EQ(preferred_language(" \tfr ; q=0.5"), "fr");
}

TEST(PreferredLanguage, IsNoneWhereNoneIsNamed) {
    for (const char* header : {"", "*", ",", ";;;", "../../etc", "fr/..", "x", "abcd", "fr;q=x", "fr;q=", "f\xc3\xa9"})
        EXPECT_EQ(preferred_language(header), "") << header;
}

TEST(ReplyLanguage, EnglishWhereNothingElseIsWished) {
    ReplyLanguage language(texts_of);
    for (const char* header : {"", "en", "en-GB, fr;q=0.5", "*"}) EXPECT_EQ(language.wanted(asking(header)), nullptr) << header;
    EXPECT_NE(language.wanted(asking("fr")), nullptr);
}

TEST(ReplyLanguage, FilesAreReadOnceForEachLanguageAndNotForAnyNumber) {
    int reads = 0;
    ReplyLanguage language([&](const std::string&) {
        ++reads;
        return std::shared_ptr<const TextCatalogue>();
    });
    for (int i = 0; i < 3; ++i)
        for (char c = 'a'; c <= 'z'; ++c) (void)language.wanted(asking(std::string("x") + c));
    EXPECT_LE(reads, 8);
}

TEST(ReplyLanguage, SentencesAreTranslatedAndNothingElseIs) {
    const auto texts = texts_of("fr");
    ASSERT_NE(texts, nullptr);
    Json answer = Json::object({{"message", "find provider nas"},
                                {"name", "find provider nas"},
                                {"data", Json::object({{"why", "there is none of that name"}, {"problems", Json::array()}, {"next", "2026-12-01T00:00:00Z"}})}});
    const Json before = answer;
    ReplyLanguage::translate(answer, *texts);
    EXPECT_EQ(answer["name"], before["name"]);
    EXPECT_EQ(answer["data"]["next"], before["data"]["next"]);
    EXPECT_NE(answer["message"], before["message"]);
    EXPECT_THAT(answer["message"].as_string(), ::testing::HasSubstr("nas"));
}

TEST(ReplyLanguage, ErrorsAreInTheReadersLanguage) {
    const auto texts = texts_of("fr");
    ASSERT_NE(texts, nullptr);
    const Error error(Errc::not_found, "find provider nas", "there is none of that name");
    const HttpResponse english = error_response("providers", error);
    const HttpResponse french = error_response("providers", error, nullptr, 0, texts.get());
    EXPECT_NE(english.body, french.body);
    EXPECT_EQ(english.status, french.status);
    const auto envelope = parse_json(french.body);
    ASSERT_TRUE(envelope);
    EXPECT_EQ((*envelope)["error"]["code"].as_string(), "E-NOT-FOUND");
    EXPECT_EQ((*envelope)["error"]["why"].as_string(), texts->sentence("there is none of that name"));
}

}  // namespace
}  // namespace oracxfs::test
