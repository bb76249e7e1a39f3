// What Google Drive says, read with suspicion.

#include "providers/google_drive/drive_json.h"

#include <gmock/gmock.h>

#include "providers/google_drive/drive_errors.h"
#include "tests/support/matchers.h"

namespace oracxfs::drive {
namespace {

using test::HasCode;
using test::IsOk;

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(DriveFileJson, NumbersAreStrings) {
    const auto file = parse_file(json(R"({"id":"1","name":"f","mimeType":"a/b","size":"5497558138880","version":"7","createdTime":"2026-01-02T03:04:05.678Z"})"));
    ASSERT_THAT(file, IsOk());
    EXPECT_EQ(file->size, 5'497'558'138'880u);
    EXPECT_EQ(file->version, "7");
    EXPECT_EQ(file->kind, FileKind::file);
    EXPECT_EQ(parse_file(json(R"({"id":"1","mimeType":"a/b","size":12})"))->size, 12u) << "a number does no harm";
    const About about = parse_about(json(R"({"user":{"permissionId":"9","emailAddress":"a@example"},"storageQuota":{"limit":"16106127360","usage":"5"}})"));
    EXPECT_EQ(about.limit, 16'106'127'360u);
    EXPECT_EQ(about.usage, 5u);
    EXPECT_FALSE(parse_about(json(R"({"storageQuota":{"usage":"5"}})")).limit) << "unlimited is not zero";
}

TEST(DriveFileJson, ATimeThatCanNotBeToldInNanosecondsIsNotTold) {
    const auto modified = [](const std::string& time) {
        return parse_file(parse_json(R"({"id":"1","name":"a","mimeType":"text/plain","size":"1","headRevisionId":"r","modifiedTime":")" + time + "\"}").value())->modified_ns;
    };
    EXPECT_EQ(modified("2026-01-02T03:04:05.678Z"), 1'767'323'045'678'000'000);
    EXPECT_EQ(modified("1700-01-01T00:00:00Z"), -8'520'336'000'000'000'000);
    EXPECT_EQ(modified("1013-01-02T03:04:05Z"), 0);
    EXPECT_EQ(modified("9999-12-31T23:59:59Z"), 0);
}

TEST(DriveFileJson, WhatHasNoBytesIsNoFile) {
    EXPECT_EQ(parse_file(json(R"({"id":"1","mimeType":"application/vnd.google-apps.folder"})"))->kind, FileKind::folder);
    for (const char* text : {R"({"id":"1","mimeType":"application/vnd.google-apps.document","size":"1024"})",
                             R"({"id":"1","mimeType":"application/vnd.google-apps.shortcut"})", R"({"id":"1","mimeType":"text/plain"})"})
        EXPECT_EQ(parse_file(json(text))->kind, FileKind::special) << text;
    EXPECT_THAT(parse_file(json(R"({"name":"f"})")), HasCode(Errc::unavailable));
}

TEST(DriveFileJson, ARevisionIsNamedByWhateverThereIs) {
    FileMeta file;
    file.version = "3";
    EXPECT_EQ(file.rev(), "version:3");
    file.md5.emplace();
    EXPECT_THAT(file.rev(), testing::StartsWith("md5:"));
    file.head_revision = "head";
    EXPECT_EQ(file.rev(), "head");
}

TEST(DrivePages, OnlyTheTokenTellsTheEnd) {
    const auto page = parse_file_page(json(R"({"files":[],"nextPageToken":"more","incompleteSearch":true})"));
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->next, "more");
    EXPECT_TRUE(page->incomplete);
    EXPECT_THAT(parse_changes(json(R"({"changes":[]})")), HasCode(Errc::unavailable)) << "the position would be lost";
}

TEST(DriveStoredRange, CountsFromTheBeginning) {
    EXPECT_EQ(parse_stored_range(""), 0u);
    EXPECT_EQ(parse_stored_range("bytes=0-8388607"), 8'388'608u);
    for (const char* strange : {"bytes=5-9", "0-9", "bytes=0-", "bytes=0-18446744073709551615", "bytes=0-x"})
        EXPECT_FALSE(parse_stored_range(strange)) << strange;
}

TEST(DriveErrors, AnythingMayBeSaidAndNothingBreaks) {
    for (const char* body : {"", "<html>502</html>", "[]", "{}", R"({"error":7})", R"({"error":{"errors":{}}})", "\xff\xfe"}) {
        EXPECT_EQ(parse_error(body).reason, "") << body;
        http::Response response;
        response.status = 502;
        response.body = body;
        EXPECT_EQ(error_of(response, "look", Purpose::metadata, {}).code, Errc::unavailable);
    }
    EXPECT_EQ(parse_error(R"({"error":{"errors":[{"reason":"rateLimitExceeded"}],"message":"two\nlines"}})").message, "two lines");
}

TEST(DriveErrors, TheDailyVolumeIsToldFromHasteByItsWords) {
    http::Response response;
    response.status = 403;
    response.body = R"({"error":{"message":"User rate limit exceeded.","errors":[{"reason":"userRateLimitExceeded"}]}})";
    EXPECT_FALSE(is_rate_limit(response));
    EXPECT_EQ(error_of(response, "upload", Purpose::upload, {}).retry_after, Millis(3'600'000));
    EXPECT_FALSE(error_of(response, "list", Purpose::metadata, {}).retry_after) << "only uploads pause";
    response.body = R"({"error":{"message":"User Rate Limit Exceeded. Rate of requests for user exceed configured project quota","errors":[{"reason":"userRateLimitExceeded"}]}})";
    EXPECT_TRUE(is_rate_limit(response));
    response.body = R"({"error":{"message":"Daily Limit","errors":[{"reason":"dailyLimitExceeded"}]}})";
    EXPECT_GT(error_of(response, "list", Purpose::metadata, {}).retry_after, Millis(0)) << "until the next day in California";
}

TEST(DriveQuery, TextIsQuoted) {
    EXPECT_EQ(quote("it's a \\"), "'it\\'s a \\\\'");
}

TEST(DriveNames, WhatNoPathCanHoldGetsALookAlike) {
    EXPECT_EQ(component_of("a/b"), "a\xe2\xa7\xb8" "b");
    EXPECT_EQ(component_of(".."), "\xef\xbc\x8e\xef\xbc\x8e");
    EXPECT_NE(component_of(""), "");
    const std::string one(300, 'x'), two = std::string(299, 'x') + "y";
    EXPECT_LE(component_of(one).size(), 255u);
    EXPECT_NE(component_of(one), component_of(two));
    EXPECT_THAT(check_component("\xff"), HasCode(Errc::name_refused));
}

TEST(DriveTimes, AreReadWithAnyOffset) {
    EXPECT_EQ(parse_time("2026-01-02T03:04:05.678+01:00"), parse_time("2026-01-02T02:04:05.678Z"));
    EXPECT_EQ(format_time(*parse_time("2026-01-02T03:04:05.6Z")), "2026-01-02T03:04:05.600Z");
    for (const char* bad : {"", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05Zx"})
        EXPECT_FALSE(parse_time(bad)) << bad;
}

}  // namespace
}  // namespace oracxfs::drive
