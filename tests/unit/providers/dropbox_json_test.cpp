// The wire format of Dropbox without a wire: header-safe JSON, tagged unions, content_hash, names and their normal form.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/dropbox/content_hash.h"
#include "providers/dropbox/dropbox_api.h"
#include "providers/dropbox/dropbox_json.h"
#include "providers/dropbox/dropbox_names.h"
#include "providers/dropbox/dropbox_upload.h"
#include "providers/dropbox/unicode_nfc.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::dropbox {
namespace {

using test::bytes_of;
using test::HasCode;
using test::IsOk;
using testing::ElementsAre;
using testing::HasSubstr;

Json json(std::string_view text) {
    auto parsed = parse_json(text);
    EXPECT_THAT(parsed, IsOk());
    return parsed ? std::move(*parsed) : Json();
}

Reply refusal(int status, std::string_view body) {
    Reply reply;
    reply.status = status;
    reply.problem = parse_problem(body);
    return reply;
}

TEST(DropboxHeader, IsAsciiInUtf16CodeUnits) {
    Json argument = Json::object({{"path", "/K\xc3\xb6ln/\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80\x7f \"x\\y\".zip"}});
    argument.set("mode", tagged("update", "a1c10ce0dd78"));
    EXPECT_EQ(header_json(argument),
              R"({"path":"/K\u00f6ln/\u65e5\u672c \ud83d\ude00\u007f \"x\\y\".zip","mode":{".tag":"update","update":"a1c10ce0dd78"}})");
}

TEST(DropboxHeader, HoldsNoLineBreaks) {
    const std::string header = header_json(Json::object({{"path", "/a\r\nb\x01"}}));
    for (const char c : header) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
    EXPECT_EQ(parse_json(header).value()["path"].as_string(), "/a\r\nb\x01");
}

TEST(DropboxTime, IsWholeSecondsInUtc) {
    EXPECT_EQ(time_text(1'600'000'000'999'999'999), "2020-09-13T12:26:40Z");
    EXPECT_EQ(to_ms(parse_time("2020-09-13T12:26:40Z").value()), 1'600'000'000'000);
    for (const char* bad : {"", "2020-09-13T12:26:40", "2020-09-13T12:26:40+00:00", "2020-13-13T12:26:40Z", "2020-02-30T12:26:40Z", "2020-09-13 12:26:40Z"})
        EXPECT_FALSE(parse_time(bad).has_value()) << bad;
}

TEST(DropboxMetadata, IsReadWithAndWithoutItsTag) {
    const char* text = R"("name":"a.zip","id":"id:1","path_lower":"/b/a.zip","path_display":"/B/a.zip","client_modified":"2015-05-12T15:50:38Z",
        "rev":"a1c10ce0dd78","size":7212,"content_hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")";
    for (const std::string& begin : {std::string("{"), std::string("{\".tag\":\"file\",")}) {
        const auto file = parse_metadata(json(begin + text + "}"));
        ASSERT_THAT(file, IsOk());
        EXPECT_EQ(file->rev, "a1c10ce0dd78");
        EXPECT_EQ(file->size, 7212u);
        EXPECT_EQ(file->mtime_ns, 1'431'445'838'000'000'000);
        EXPECT_TRUE(file->content_hash.has_value());
    }
    EXPECT_EQ(parse_metadata(json(R"({".tag":"folder","name":"x"})"))->kind, Metadata::Kind::folder);
    EXPECT_EQ(parse_metadata(json(R"({"name":"x"})"), Metadata::Kind::folder)->kind, Metadata::Kind::folder);
    for (const char* bad : {"null", "[]", R"({"name":"x"})", R"({"name":"x","rev":"1"})", R"({"name":"x","rev":"1","size":-1})",
                            R"({"name":"x","rev":"1","size":1.5})", R"({".tag":"file","rev":"1","size":1})", R"({".tag":"hologram","name":"x"})"})
        EXPECT_THAT(parse_metadata(json(bad)), HasCode(Errc::invalid)) << bad;
}

TEST(DropboxPage, LeavesOutKindsThatAreNotKnown) {
    const auto page = parse_folder_page(json(R"({"entries":[{".tag":"hologram"},{".tag":"folder","name":"a"}],"cursor":"c","has_more":true})"));
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->entries.size(), 1u);
    EXPECT_TRUE(page->has_more);
    EXPECT_THAT(parse_folder_page(json(R"({"entries":[]})")), HasCode(Errc::invalid));
}

TEST(DropboxProblem, TagsAreWalkedThroughUnionsAndStructs) {
    EXPECT_THAT(parse_problem(R"({"error_summary":"path/not_found/..","error":{".tag":"path","path":{".tag":"not_found"}}})").tags, ElementsAre("path", "not_found"));
    EXPECT_THAT(parse_problem(R"({"error":{".tag":"path","reason":{".tag":"conflict","conflict":{".tag":"file"}},"upload_session_id":"u"}})").tags,
                ElementsAre("path", "conflict", "file"));
    const ApiProblem offset = parse_problem(R"({"error":{".tag":"lookup_failed","lookup_failed":{".tag":"incorrect_offset","correct_offset":12556930}}})");
    EXPECT_THAT(offset.tags, ElementsAre("lookup_failed", "incorrect_offset"));
    EXPECT_EQ(offset.correct_offset, 12'556'930u);
    const ApiProblem busy = parse_problem(R"({"error":{"reason":{".tag":"too_many_write_operations"},"retry_after":15}})");
    EXPECT_TRUE(busy.has("too_many_write_operations"));
    EXPECT_EQ(busy.retry_after, Millis(15'000));
    EXPECT_EQ(parse_problem(R"({"error":{".tag":"missing_scope","required_scope":"files.content.write"}})").required_scope, "files.content.write");
    EXPECT_THAT(parse_problem(R"({"error":{".tag":"path","path":{".tag":"malformed_path","malformed_path":"too long, sorry"}}})").tags,
                ElementsAre("path", "malformed_path"));
    EXPECT_THAT(parse_problem(R"({"error":"expired_access_token"})").tags, ElementsAre("expired_access_token"));
}

TEST(DropboxProblem, AnythingElseIsNoReasonToFail) {
    for (const char* body : {"", "<html>", "Error in call to API function", "null", "[1]", "{\"error\":7}", "{\"error\":{\".tag\":{}}}", "\xff\xfe"})
        EXPECT_TRUE(parse_problem(body).tags.empty()) << body;
    EXPECT_EQ(parse_problem("Error in call").summary, "Error in call");
    EXPECT_EQ(parse_problem("<html>big</html>").summary, "");
    // Deep nesting and a union that goes on for ever.
    std::string deep;
    for (int i = 0; i < 60; ++i) deep += R"({".tag":"a","a":)";
    deep += "1" + std::string(60, '}');
    EXPECT_LE(parse_problem("{\"error\":" + deep + "}").tags.size(), 8u);
}

TEST(DropboxError, A409IsWhatItsTagSays) {
    const auto code = [](int status, std::string_view body) { return error_of(refusal(status, body), "x").code; };
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","path":{".tag":"not_found"}}})"), Errc::not_found);
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","reason":{".tag":"conflict","conflict":{".tag":"folder"}}}})"), Errc::exists);
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","reason":{".tag":"conflict","conflict":{".tag":"file_ancestor"}}}})"), Errc::not_directory);
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","reason":{".tag":"insufficient_space"}}})"), Errc::quota_full);
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","reason":{".tag":"disallowed_name"}}})"), Errc::name_refused);
    EXPECT_EQ(code(409, R"({"error":{".tag":"path","path":{".tag":"restricted_content"}}})"), Errc::denied);
    EXPECT_EQ(code(409, R"({"error":{".tag":"reset"}})"), Errc::changed);
    EXPECT_EQ(code(409, R"({"error":{".tag":"something_new"}})"), Errc::denied);
    EXPECT_EQ(code(409, ""), Errc::denied);
    EXPECT_EQ(code(429, "too_many_requests"), Errc::throttled);
    EXPECT_EQ(code(500, "<html>"), Errc::unavailable);
    EXPECT_EQ(code(507, ""), Errc::quota_full);
    EXPECT_EQ(code(403, ""), Errc::denied);
    EXPECT_EQ(code(400, "Error in call to API function"), Errc::invalid);
}

TEST(DropboxError, NamesTheMissingPermission) {
    const Error error = error_of(refusal(401, R"({"error":{".tag":"missing_scope","required_scope":"files.content.write"}})"), "upload");
    EXPECT_EQ(error.code, Errc::unauthenticated);
    EXPECT_THAT(error.why, HasSubstr("files.content.write"));
    EXPECT_THAT(error.why, HasSubstr("sign in again"));
}

TEST(DropboxSpace, DoesNotWrapAround) {
    EXPECT_EQ(parse_space_usage(json(R"({"used":20,"allocation":{".tag":"individual","allocated":10}})")).free_bytes, 0u);
    EXPECT_EQ(parse_space_usage(json(R"({"used":3,"allocation":{".tag":"individual","allocated":10}})")).free_bytes, 7u);
    // A team's own numbers count, and a member's share of them.
    EXPECT_EQ(parse_space_usage(json(R"({"used":3,"allocation":{".tag":"team","allocated":100,"used":90,"user_within_team_space_allocated":0}})")).free_bytes, 10u);
    EXPECT_EQ(parse_space_usage(json(R"({"used":3,"allocation":{".tag":"team","allocated":100,"used":10,"user_within_team_space_allocated":5}})")).free_bytes, 2u);
    EXPECT_FALSE(parse_space_usage(json(R"({"used":3,"allocation":{".tag":"other"}})")).free_bytes.has_value());
}

TEST(DropboxContentHash, AgreesWithPublishedValues) {
    const auto hash = [](std::size_t size) { return to_hex(content_hash_of(block_digests(test::Bytes(size, std::byte{0x41})))); };
    EXPECT_EQ(hash(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash(1), "1cd6ef71e6e0ff46ad2609d403dc3fee244417089aa4461245a4e4fe23a55e42");
    EXPECT_EQ(hash(4194304), "d4d63bac5b866c71620185392a8a6218ac1092454a2d16f820363b69852befa3");
    EXPECT_EQ(hash(8388609), "02c8a4aefc2bfc9036f89a7098001865885938ca580e5c9e5db672385edd303c");
    test::Bytes pattern(9'711'423);
    for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::byte>(i % 251);
    const ContentDigests digests = test::digests_of(pattern);
    EXPECT_EQ(to_hex(content_hash_of(digests).value()), "c2548ae69e493dad26831aa86c34eaba870021782fadfe084c1116b3e421f79d");
    ContentDigests without = digests;
    without.blocks.clear();
    EXPECT_FALSE(content_hash_of(without).has_value());
}

TEST(DropboxNames, SayWhyTheyAreRefused) {
    for (const char* good : {"a", "a/b", "new\nline", "trailing dot.", " leading", "caf\xc3\xa9", "\xe1\xba\xb9\xcc\x80"})
        EXPECT_THAT(check_storable(good), IsOk()) << good;
    for (const char* bad : {"back\\slash", "DEL\x7f", "blank ", "blank /x", "Desktop.ini", ".DS_Store/x", "icon\r", "latin1-\xe9", "cafe\xcc\x81"})
        EXPECT_THAT(check_storable(bad), HasCode(Errc::name_refused)) << bad;
    EXPECT_THAT(check_storable(std::string(256, 'n')), HasCode(Errc::name_too_long));
    EXPECT_THAT(check_storable("a/../b"), HasCode(Errc::invalid));
}

TEST(DropboxNames, NormalFormC) {
    EXPECT_TRUE(is_nfc("plain"));
    EXPECT_TRUE(is_nfc("\xed\x95\x9c"));                       // a Hangul syllable
    EXPECT_FALSE(is_nfc("\xe1\x84\x92\xe1\x85\xa1"));          // its parts
    EXPECT_FALSE(is_nfc("\xe2\x84\xab"));                      // Angstrom sign, a singleton
    EXPECT_FALSE(is_nfc("s\xcc\x87\xcc\xa3"));                 // marks out of order
    EXPECT_FALSE(is_nfc("\xe1\xb9\xa3\xcc\xa7"));              // a cedilla that belongs inside
    EXPECT_TRUE(is_nfc("x\xcc\x82"));                          // no composed form exists
    EXPECT_FALSE(is_nfc("\xc0\xaf"));
    EXPECT_FALSE(is_nfc("\xed\xa0\x80"));
}

Metadata entry(std::string lower, std::string display, Metadata::Kind kind = Metadata::Kind::file) {
    Metadata out;
    out.kind = kind;
    out.name = display.substr(display.rfind('/') + 1);
    out.path_lower = std::move(lower);
    out.path_display = std::move(display);
    return out;
}

TEST(DropboxFolderNames, KeysAreMadeOfEachFoldersOwnName) {
    FolderNames names("/Backups/X");
    names.note(entry("/backups/x/docs", "/BACKUPS/X/Docs", Metadata::Kind::folder));
    EXPECT_EQ(names.key_of(entry("/backups/x/docs/a.txt", "/backups/x/DOCS/A.txt"), ""), "Docs/A.txt");
    EXPECT_EQ(names.key_of(entry("/backups/x/docs/a.txt", "/backups/x/DOCS/A.txt"), "Docs"), "Docs/A.txt");
    EXPECT_EQ(names.key_of(entry("/backups/x/new/b", "/backups/x/New/B"), ""), "New/B");
    EXPECT_FALSE(names.key_of(entry("/backups/x", "/Backups/X", Metadata::Kind::folder), "").has_value());
    EXPECT_FALSE(names.key_of(entry("/backups", "/Backups", Metadata::Kind::folder), "").has_value());
}

TEST(DropboxFolderNames, KnowWhatIsNotThere) {
    using enum FolderNames::Knowledge;
    FolderNames names("");
    EXPECT_EQ(names.look_up("Docs"), unknown);
    names.add("Docs/Old");
    EXPECT_EQ(names.look_up("Docs"), same);
    EXPECT_EQ(names.look_up("docs/Old"), same);  // its own name; the parent is looked up by itself
    EXPECT_EQ(names.look_up("Docs/old"), other_case);
    names.set_complete();
    EXPECT_EQ(names.look_up("Pics"), absent);
    names.forget("docs");
    EXPECT_EQ(names.look_up("Docs/Old"), absent);
}

TEST(DropboxSession, StateSurvivesARestart) {
    SessionState state;
    state.session = "pid_upload_session:x";
    state.concurrent = true;
    state.piece = 4u << 20;
    state.size = 40u << 20;
    state.started_ms = 7;
    state.done = {0, 1, 2, 5, 9};
    const auto read = SessionState::parse(state.dump());
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->done, state.done);
    EXPECT_EQ(read->session, state.session);
    EXPECT_EQ(read->size, state.size);
    EXPECT_TRUE(read->concurrent);
    EXPECT_TRUE(SessionState::parse(R"({"dropbox":1,"kind":"concurrent","session":"s","piece":4194304,"done":[[1,3]]})").has_value());
    EXPECT_TRUE(SessionState::parse(R"({"dropbox":1,"kind":"sequential","session":"s","piece":4194304})").has_value());
    for (const char* bad : {"", "999", "{}", R"({"dropbox":1})", R"({"dropbox":1,"kind":"concurrent","session":"s","piece":5})",
                            R"({"dropbox":1,"kind":"concurrent","session":"s","piece":4194304,"done":[[0,99999999999]]})",
                            R"({"dropbox":1,"kind":"concurrent","session":"s","piece":4194304,"done":[[3,1]]})",
                            R"({"dropbox":1,"kind":"concurrent","session":"s","piece":4194304,"done":[1]})",
                            R"({"dropbox":1,"session":"s","piece":4194304})", R"({"dropbox":1,"kind":"other","session":"s","piece":4194304})",
                            R"({"dropbox":1,"kind":"sequential","session":"s","piece":4194304,"done":[[1,3]]})"})
        EXPECT_FALSE(SessionState::parse(bad).has_value()) << bad;
}

}  // namespace
}  // namespace oracxfs::dropbox
