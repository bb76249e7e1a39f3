// How DropboxEmulator is spoken to: headers, tokens, arguments, names, folders, revisions.

#include <future>
#include <set>
#include <thread>

#include "tests/support/patience.h"
#include "tests/unit/emulators/dropbox_fixture.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class DropboxCalls : public DropboxEmulatorTest {};

TEST_F(DropboxCalls, TwoIdenticalListingsAtOnceAreRefused) {
    dropbox_.set_latency(test::patient(std::chrono::milliseconds(1'000)));
    const std::string argument = R"({"path":""})";
    const http::Request one = rpc_request("files/list_folder", argument), two = rpc_request("files/list_folder", argument),
                        other = rpc_request("files/list_folder", R"({"path":"","recursive":true})");
    auto first = std::async(std::launch::async, [&] { return client_.send(one).status; });
    auto third = std::async(std::launch::async, [&] { return client_.send(other).status; });
    ASSERT_TRUE(dropbox_.wait_for("files/list_folder", 2));  // both are at work, for as long as the latency
    const int second = client_.send(two).status;
    EXPECT_EQ((std::multiset<int>{first.get(), second}), (std::multiset<int>{200, 429}));
    EXPECT_EQ(third.get(), 200);
    dropbox_.set_latency(std::chrono::milliseconds(0));
    EXPECT_EQ(client_.send(one).status, 200) << "one after the other is all right";
}

TEST_F(DropboxCalls, AccountTakesNullOrNothing) {
    EXPECT_EQ(call("users/get_current_account", "null")["account_id"].as_string(), dropbox_.account_id());
    http::Request bare = rpc_request("users/get_current_account", "");
    bare.content_type.clear();
    bare.headers = {{"Content-Type", ""}};
    EXPECT_EQ(rpc("users/get_current_account", "{}").status, 400);
    dropbox_.put("/a", std::string(100, 'x'));
    const Json space = call("users/get_space_usage", "null");
    EXPECT_EQ(space["used"].as_int(), 100);
    EXPECT_EQ(space["allocation"][".tag"].as_string(), "individual");
}

TEST_F(DropboxCalls, WrongContentTypeIsA400InText) {
    http::Request request = rpc_request("files/get_metadata", R"({"path":"/a"})");
    request.content_type = "application/x-www-form-urlencoded";
    const http::Response response = client_.send(request);
    EXPECT_EQ(response.status, 400);
    EXPECT_THAT(response.body, HasSubstr("Bad HTTP \"Content-Type\" header"));
    EXPECT_THAT(response.header("content-type"), StartsWith("text/plain"));
    http::Request json_upload = content_request("files/upload", R"({"path":"/a"})", "x");
    json_upload.content_type = "application/json";
    EXPECT_EQ(client_.send(json_upload).status, 400);
}

TEST_F(DropboxCalls, TokensAreJudgedByStateAndScope) {
    dropbox_.oauth().expire_access_tokens();
    http::Response response = rpc("files/get_metadata", R"({"path":"/a"})");
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(tags_of(response), "expired_access_token");
    token_ = "sl.u.garbage";
    EXPECT_EQ(tags_of(rpc("files/get_metadata", R"({"path":"/a"})")), "invalid_access_token");
    token_ = dropbox_.oauth().grant(std::set<std::string>{"account_info.read"}).access;
    response = rpc("files/create_folder_v2", R"({"path":"/a"})");
    EXPECT_EQ(response.status, 401);
    EXPECT_EQ(tags_of(response), "missing_scope");
    EXPECT_EQ(json_of(response)["error"]["required_scope"].as_string(), "files.content.write");
    token_.clear();
    EXPECT_EQ(rpc("files/get_metadata", R"({"path":"/a"})").status, 400);
}

TEST_F(DropboxCalls, RevocationEndsTheGrant) {
    const IssuedTokens tokens = dropbox_.oauth().grant();
    token_ = tokens.access;
    EXPECT_EQ(rpc("auth/token/revoke", "null").body, "null");
    EXPECT_EQ(rpc("auth/token/revoke", "null").status, 401);
    const http::Response refreshed = client_.post_form(
        dropbox_.oauth().token_url(),
        {{"grant_type", "refresh_token"}, {"refresh_token", tokens.refresh}, {"client_id", dropbox_.oauth().client().id}});
    EXPECT_EQ(refreshed.status, 400);
    EXPECT_EQ(json_of(refreshed)["error"].as_string(), "invalid_grant");
}

TEST_F(DropboxCalls, UnknownFieldsAndWrongTypesAreRefused) {
    for (const char* body : {R"({"path":"/a","size":1})", R"({"path":7})", R"({})", R"([])", R"({"path":"a"})",
                             R"({"path":"/a","include_deleted":"yes"})", "nonsense"})
        EXPECT_EQ(rpc("files/get_metadata", body).status, 400) << body;
    EXPECT_EQ(rpc("files/list_folder", R"({"path":"","limit":2001})").status, 400);
    const http::Response root = rpc("files/list_folder", R"({"path":"/"})");
    EXPECT_EQ(root.status, 400);
    EXPECT_THAT(root.body, HasSubstr("Specify the root folder as an empty string"));
}

TEST_F(DropboxCalls, RoutesBelongToTheirHosts) {
    http::Request request = rpc_request("files/get_metadata", R"({"path":"/a"})");
    request.url = dropbox_.content_url() + "/2/files/get_metadata";
    EXPECT_EQ(client_.send(request).status, 404);
    request.url = dropbox_.api_url() + "/2/files/get_metadata";
    EXPECT_EQ(client_.send(request).status, 409);
}

TEST_F(DropboxCalls, HeaderArgumentsAreEscapedAscii) {
    EXPECT_EQ(upload("files/upload", "{\"path\":\"/K\xC3\xB6ln\"}", "x").status, 400);
    const std::string argument =
        R"({"path":"/K\u00f6ln/\u65e5\u672c \ud83d\ude00 \"x\".zip","mode":{".tag":"add"}})";
    const Json made = json_of(upload("files/upload", argument, "x"));
    EXPECT_EQ(made["path_display"].as_string(), "/K\xC3\xB6ln/\xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80 \"x\".zip");
    EXPECT_TRUE(made[".tag"].is_null());
    const http::Response answer = download(R"({"path":")" + made["id"].as_string() + R"("})");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(std::string(answer.header("dropbox-api-result")), HasSubstr(R"(/K\u00f6ln/\u65e5\u672c \ud83d\ude00)"));
}

TEST_F(DropboxCalls, NamesIgnoreCaseAndComposition) {
    dropbox_.put("/Caf\xC3\xA9.TXT", "x");
    EXPECT_EQ(call("files/get_metadata", R"({"path":"/cafe\u0301.txt"})")["name"].as_string(), "Caf\xC3\xA9.TXT");
    EXPECT_EQ(call("files/get_metadata", R"({"path":"/CAF\u00c9.txt"})")["path_lower"].as_string(), "/caf\xC3\xA9.txt");
}

TEST_F(DropboxCalls, NamesThatCannotBeStored) {
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/a/"})"), "path/malformed_path");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/a//b"})"), "path/malformed_path");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/a/../b"})"), "path/malformed_path");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/a\\b"})"), "path/malformed_path");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/Desktop.ini"})"), "path/disallowed_name");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/)" + std::string(256, 'x') + R"("})"), "path/malformed_path");
    EXPECT_EQ(call("files/create_folder_v2", R"({"path":"/stripped "})")["metadata"]["name"].as_string(), "stripped");
}

TEST_F(DropboxCalls, FoldersAreMadeWithParentsAndOnce) {
    const Json made = call("files/create_folder_v2", R"({"path":"/A/b/C"})")["metadata"];
    EXPECT_EQ(made["path_lower"].as_string(), "/a/b/c");
    EXPECT_TRUE(made[".tag"].is_null());
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/a/B"})"), "path/conflict/folder");
    dropbox_.put("/file", "x");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/file"})"), "path/conflict/file");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/file/below"})"), "path/conflict/file_ancestor");
    EXPECT_EQ(call("files/get_metadata", R"({"path":"/a"})")[".tag"].as_string(), "folder");
    EXPECT_EQ(refusal("files/get_metadata", R"({"path":"/nothing"})"), "path/not_found");
}

TEST_F(DropboxCalls, DeletesFoldersWholeAndFilesByRev) {
    dropbox_.put("/d/a", "1");
    const DropboxEntry other = dropbox_.put("/d/b", "2");
    EXPECT_EQ(refusal("files/delete_v2", R"({"path":"/d/a","parent_rev":")" + other.rev + R"("})"),
              "path_write/conflict/file");
    call("files/delete_v2", R"({"path":"/d/b","parent_rev":")" + other.rev + R"("})");
    EXPECT_EQ(call("files/delete_v2", R"({"path":"/D"})")["metadata"][".tag"].as_string(), "folder");
    EXPECT_TRUE(dropbox_.tree().empty());
    EXPECT_EQ(refusal("files/delete_v2", R"({"path":"/d"})"), "path_lookup/not_found");
    EXPECT_EQ(dropbox_.used_bytes(), 0u);
}

TEST_F(DropboxCalls, MovesKeepIdsAndNeverReplace) {
    const DropboxEntry file = dropbox_.put("/D/sub/File", "1");
    dropbox_.put("/other", "2");
    EXPECT_EQ(refusal("files/move_v2", R"({"from_path":"/other","to_path":"/d/sub/file"})"), "to/conflict/file");
    EXPECT_EQ(refusal("files/move_v2", R"({"from_path":"/other","to_path":"/Other"})"), "to/conflict/file");
    EXPECT_EQ(refusal("files/move_v2", R"({"from_path":"/nothing","to_path":"/x"})"), "from_lookup/not_found");
    EXPECT_EQ(refusal("files/move_v2", R"({"from_path":"/d","to_path":"/d/sub/x"})"), "cant_move_folder_into_itself");
    call("files/move_v2", R"({"from_path":"/d","to_path":"/New/E"})");
    EXPECT_EQ(dropbox_.find(file.id)->path, "/New/E/sub/File");
    EXPECT_FALSE(dropbox_.find("/d/sub"));
    call("files/copy_v2", R"({"from_path":"/new/e","to_path":"/F"})");
    EXPECT_NE(dropbox_.find("/f/sub/file")->id, file.id);
    EXPECT_EQ(dropbox_.used_bytes(), 3u);
}

TEST_F(DropboxCalls, RevisionsCanBeListedReadAndRestored) {
    const std::string first = dropbox_.put("/a", "one").rev;
    const std::string second = dropbox_.put("/a", "two").rev;
    dropbox_.remove("/a");
    const Json list = call("files/list_revisions", R"({"path":"/a","limit":1})");
    EXPECT_TRUE(list["is_deleted"].as_bool());
    EXPECT_TRUE(list["has_more"].as_bool());
    EXPECT_EQ(list["entries"].items().at(0)["rev"].as_string(), second);
    EXPECT_EQ(download(R"({"path":"rev:)" + first + R"("})").body, "one");
    EXPECT_EQ(refusal("files/restore", R"({"path":"/a","rev":"123456789"})"), "invalid_revision");
    const Json restored = call("files/restore", R"({"path":"/a","rev":")" + first + R"("})");
    EXPECT_NE(restored["rev"].as_string(), first);
    EXPECT_EQ(dropbox_.content("/a"), "one");
}

TEST_F(DropboxCalls, DownloadsRanges) {
    dropbox_.put("/a", "0123456789");
    dropbox_.put("/empty", "");
    const http::Response part = download(R"({"path":"/a"})", "bytes=2-5");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "2345");
    EXPECT_EQ(part.header("content-range"), "bytes 2-5/10");
    EXPECT_EQ(parse_json(std::string(part.header("dropbox-api-result"))).value()["size"].as_int(), 10);
    EXPECT_EQ(download(R"({"path":"/a"})", "bytes=8-").body, "89");
    EXPECT_EQ(download(R"({"path":"/a"})", "bytes=8-100").body, "89");
    EXPECT_EQ(download(R"({"path":"/a"})", "bytes=10-").status, 416);
    EXPECT_EQ(tags_of(download(R"({"path":"/empty"})", "bytes=0-0")), "range/not_satisfiable");
    EXPECT_EQ(download(R"({"path":"/empty"})").status, 200);
    EXPECT_EQ(tags_of(download(R"({"path":"/nothing"})")), "path/not_found");
    dropbox_.make_cloud_document("/doc.paper");
    EXPECT_EQ(tags_of(download(R"({"path":"/doc.paper"})")), "unsupported_file");
}

class DropboxListings : public DropboxEmulatorTest {
  protected:
    // Follows has_more; gives the names in order and keeps the last cursor.
    std::vector<std::string> follow(Json page, std::vector<std::size_t>* sizes = nullptr) {
        std::vector<std::string> names;
        for (;;) {
            for (const Json& entry : page["entries"].items())
                names.push_back(entry[".tag"].as_string() + " " + entry["path_display"].as_string());
            if (sizes != nullptr) sizes->push_back(page["entries"].items().size());
            cursor_ = page["cursor"].as_string();
            if (!page["has_more"].as_bool()) return names;
            page = call("files/list_folder/continue", R"({"cursor":")" + cursor_ + R"("})");
        }
    }
    std::vector<std::string> news() {
        return follow(call("files/list_folder/continue", R"({"cursor":")" + cursor_ + R"("})"));
    }
    std::string cursor_;
};

TEST_F(DropboxListings, ComeInPages) {
    for (int i = 0; i < 5; ++i) dropbox_.put("/d/f" + std::to_string(i), "x");
    dropbox_.put("/d/sub/deep", "x");
    std::vector<std::size_t> sizes;
    EXPECT_EQ(follow(call("files/list_folder", R"({"path":"/d","limit":2})"), &sizes).size(), 6u);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{2, 2, 2}));
    dropbox_.set_page_entries(3);
    EXPECT_EQ(follow(call("files/list_folder", R"({"path":"/d","recursive":true})"), &sizes).size(), 8u);
    EXPECT_THAT(follow(call("files/list_folder", R"({"path":""})")), testing::ElementsAre("folder /d"));
    EXPECT_EQ(refusal("files/list_folder", R"({"path":"/nothing"})"), "path/not_found");
    EXPECT_EQ(refusal("files/list_folder", R"({"path":"/d/f1"})"), "path/not_folder");
    dropbox_.make_cloud_document("/doc");
    EXPECT_THAT(follow(call("files/list_folder", R"({"path":"","include_non_downloadable_files":false})")),
                testing::ElementsAre("folder /d"));
}

TEST_F(DropboxListings, CursorsTellChangesInOrder) {
    dropbox_.put("/old", "x");
    follow(call("files/list_folder", R"({"path":"","recursive":true})"));
    EXPECT_TRUE(news().empty());
    dropbox_.put("/d/new", "x");
    dropbox_.remove("/old");
    dropbox_.move("/d", "/e");
    EXPECT_THAT(news(), testing::ElementsAre("folder /d", "file /d/new", "deleted /old", "deleted /d", "folder /e",
                                             "file /e/new"));
    EXPECT_TRUE(news().empty());
    dropbox_.reset_cursors();
    EXPECT_EQ(refusal("files/list_folder/continue", R"({"cursor":")" + cursor_ + R"("})"), "reset");
    EXPECT_EQ(rpc("files/list_folder/continue", R"({"cursor":"made up"})").status, 400);
}

TEST_F(DropboxListings, LongPollWaitsForAChangeAndTakesNoToken) {
    const std::string latest =
        call("files/list_folder/get_latest_cursor", R"({"path":"","recursive":true})")["cursor"].as_string();
    const std::string body = R"({"cursor":")" + latest + R"(","timeout":30})";
    EXPECT_EQ(rpc("files/list_folder/longpoll", body).status, 400);
    http::Request request = rpc_request("files/list_folder/longpoll", body);
    request.bearer.clear();
    request.url = dropbox_.notify_url() + "/2/files/list_folder/longpoll";
    std::jthread writer([&] {
        dropbox_.wait_for("files/list_folder/longpoll", 2);
        dropbox_.put("/x", "x");
    });
    EXPECT_TRUE(json_of(client_.send(request))["changes"].as_bool());
    const std::string impatient = R"({"cursor":")" + latest + R"(","timeout":29})";
    request.body = bytes_of(impatient);
    EXPECT_EQ(client_.send(request).status, 400);
}


}  // namespace
}  // namespace oracxfs::test
