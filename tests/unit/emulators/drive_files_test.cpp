// DriveEmulator without uploads: ids, lists, queries, moves, trash, revisions, changes.

#include "tests/unit/emulators/drive_fixture.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

constexpr const char* kFolder = "application/vnd.google-apps.folder";

class DriveFiles : public DriveEmulatorTest {
  protected:
    std::string folder(const std::string& name, const std::string& parent = {}) {
        Json body = Json::object({{"name", name}, {"mimeType", kFolder}});
        if (!parent.empty()) body.set("parents", parse_json("[\"" + parent + "\"]").value());
        return call("POST", "/drive/v3/files?fields=id", body.dump())["id"].as_string();
    }
};

TEST_F(DriveFiles, AboutNeedsFieldsAndGivesTextNumbers) {
    EXPECT_EQ(refusal("GET", "/drive/v3/about"), "400 required");
    drive_.put("", "a", std::string(100, 'x'));
    const Json about = call("GET", "/drive/v3/about?fields=user(emailAddress),storageQuota");
    EXPECT_EQ(about["storageQuota"]["usage"].as_string(), "100");
    EXPECT_EQ(about["user"]["emailAddress"].as_string(), "ada@example.com");
    EXPECT_TRUE(about["user"]["displayName"].is_null());
}

TEST_F(DriveFiles, IdsAreUsedOnce) {
    const std::string id = new_id();
    const std::string body = R"({"id":")" + id + R"(","name":"d","mimeType":"application/vnd.google-apps.folder"})";
    const Json made = call("POST", "/drive/v3/files", body);
    EXPECT_EQ(made["id"].as_string(), id);
    EXPECT_TRUE(made["parents"].is_null());  // not asked for
    EXPECT_EQ(refusal("POST", "/drive/v3/files", body), "409 fileIdInUse");
    EXPECT_EQ(refusal("POST", "/drive/v3/files", R"({"id":"made-up","name":"d"})"), "400 invalid");
    EXPECT_EQ(refusal("GET", "/drive/v3/files/generateIds?count=0"), "400 invalidParameter");
}

TEST_F(DriveFiles, FieldMasks) {
    const std::string id = drive_.put("", "a", "abc").id;
    const Json file = call("GET", "/drive/v3/files/" + id + "?fields=size,parents,capabilities/canEdit,md5Checksum");
    EXPECT_EQ(file.members().size(), 4u);
    EXPECT_EQ(file["size"].as_string(), "3");
    EXPECT_EQ(file["md5Checksum"].as_string(), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(file["parents"].items().front().as_string(), drive_.root_id());
    EXPECT_EQ(file["capabilities"].members().size(), 1u);
    EXPECT_EQ(call("GET", "/drive/v3/files/" + id).members().size(), 4u);
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + id + "?fields=sizes"), "400 invalidParameter");
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + id + "?field=size"), "400 badRequest");
}

TEST_F(DriveFiles, TokensAndScopes) {
    const std::string id = drive_.put("", "a", "abc").id;
    drive_.oauth().expire_access_tokens();
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + id), "401 authError");
    token_ = drive_.oauth().grant(std::set<std::string>{"email"}).access;
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + id), "403 insufficientPermissions");
    token_.clear();
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + id), "401 required");
}

TEST_F(DriveFiles, DriveFileScopeSeesOnlyTheAppsOwn) {
    const std::string foreign = drive_.make_folder("", "theirs", Owner::somebody).id;
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + foreign), "404 notFound");
    EXPECT_EQ(refusal("GET", "/drive/v3/files/root"), "404 notFound");
    EXPECT_EQ(refusal("DELETE", "/drive/v3/files/trash"), "403 insufficientPermissions");
    EXPECT_EQ(refusal("POST", "/drive/v3/files", R"({"name":"x","parents":[")" + foreign + R"("]})"), "404 notFound");
    EXPECT_EQ(list(""), "") << "an empty query is not one";
}

TEST_F(DriveFiles, Queries) {
    const std::string parent = folder("Top");
    drive_.put(parent, "Report's \\ one.txt", "1");
    const std::string gone = drive_.put(parent, "report two.txt", "2").id;
    drive_.trash(gone);
    EXPECT_EQ(list("'" + parent + "' in parents and trashed=false"), "Report's \\ one.txt");
    EXPECT_EQ(list("name = 'REPORT\\'s \\\\ ONE.txt'"), "Report's \\ one.txt");
    EXPECT_EQ(list("name contains 'report t'"), "report two.txt");
    EXPECT_EQ(list("name contains 'two'"), "");
    EXPECT_EQ(list("mimeType = 'application/vnd.google-apps.folder' and not trashed = true"), "Top");
    EXPECT_EQ(list("('" + parent + "' in parents) or ('" + parent + "' in parents)"), "");
    call("PATCH", "/drive/v3/files/" + parent, R"({"appProperties":{"ox":"root"}})");
    EXPECT_EQ(list("appProperties has { key='ox' and value='root' }"), "Top");
    for (const char* bad : {"name like 'x'", "name = x", "name = 'x", "(trashed=false", "size > 3", "trashed=maybe"})
        EXPECT_EQ(refusal("GET", "/drive/v3/files?q=" + http::percent_encode(bad)), "400 invalid") << bad;
}

TEST_F(DriveFiles, ListsComeInPages) {
    for (int i = 0; i < 5; ++i) drive_.put("", "same", "x");
    EXPECT_EQ(list("trashed=false", "&pageSize=2"), "same,same,same,same,same");
    const Json page = call("GET", "/drive/v3/files?pageSize=2");
    EXPECT_EQ(page["files"].items().size(), 2u);
    const std::string next = "/drive/v3/files?pageSize=2&pageToken=" + http::percent_encode(page["nextPageToken"].as_string());
    EXPECT_EQ(call("GET", next)["files"].items().size(), 2u);
    EXPECT_EQ(refusal("GET", next + "&q=trashed=true"), "400 invalid");
    drive_.expire_page_tokens();
    EXPECT_EQ(refusal("GET", next), "400 invalid");
}

TEST_F(DriveFiles, RenamesAndMovesInOneRequest) {
    const std::string from = folder("from"), to = folder("to", from);
    const std::string id = drive_.put(from, "a", "x").id;
    drive_.put(to, "b", "y");
    EXPECT_EQ(refusal("PATCH", "/drive/v3/files/" + id, R"({"parents":["x"]})"), "403 fieldNotWritable");
    EXPECT_EQ(refusal("PATCH", "/drive/v3/files/" + id + "?addParents=" + to, "{}"), "403 cannotAddParent");
    call("PATCH", "/drive/v3/files/" + id + "?addParents=" + to + "&removeParents=" + from,
         R"({"name":"b","modifiedTime":"2026-11-22T12:30:00.1234+01:00"})");
    EXPECT_EQ(drive_.find_path("from/to/b").size(), 2u);  // nothing is replaced
    EXPECT_EQ(drive_.find(id)->modified_time, "2026-11-22T11:30:00.123Z");
    EXPECT_EQ(refusal("PATCH", "/drive/v3/files/" + id + "?addParents=" + to + "&removeParents=" + from, "{}"), "400 invalid");
    EXPECT_EQ(refusal("PATCH", "/drive/v3/files/" + from + "?addParents=" + to + "&removeParents=" + drive_.root_id(), "{}"),
              "403 cyclicMembershipsNotAllowed");
    EXPECT_EQ(refusal("PATCH", "/drive/v3/files/" + id, R"({"title":"x"})"), "400 badRequest");
}

TEST_F(DriveFiles, TrashAndDelete) {
    const std::string parent = folder("d");
    const std::string child = drive_.put(parent, "a", "x").id;
    call("PATCH", "/drive/v3/files/" + parent, R"({"trashed":true})");
    const Json file = call("GET", "/drive/v3/files/" + child + "?fields=trashed,explicitlyTrashed");
    EXPECT_TRUE(file["trashed"].as_bool());
    EXPECT_FALSE(file["explicitlyTrashed"].as_bool());
    EXPECT_EQ(drive_.used_bytes(), 1u);
    const http::Response deleted = send("DELETE", "/drive/v3/files/" + parent);
    EXPECT_EQ(deleted.status, 204);
    EXPECT_EQ(deleted.body, "");
    EXPECT_EQ(refusal("DELETE", "/drive/v3/files/" + child), "404 notFound");
    EXPECT_EQ(drive_.used_bytes(), 0u);
    const std::string locked = drive_.put("", "l", "x").id;
    drive_.set_writable(locked, false);
    EXPECT_EQ(refusal("DELETE", "/drive/v3/files/" + locked), "403 insufficientFilePermissions");
}

TEST_F(DriveFiles, Downloads) {
    const std::string id = drive_.put("", "a", "0123456789").id;
    const std::string media = "/drive/v3/files/" + id + "?alt=media";
    http::Request part = request("GET", media);
    part.headers = {{"Range", "bytes=2-5"}};
    const http::Response response = client_.send(part);
    EXPECT_EQ(response.status, 206);
    EXPECT_EQ(response.body, "2345");
    EXPECT_EQ(response.header("content-range"), "bytes 2-5/10");
    EXPECT_EQ(send("GET", media).body, "0123456789");
    http::Request empty = request("GET", "/drive/v3/files/" + drive_.put("", "e", "").id + "?alt=media");
    empty.headers = {{"Range", "bytes=0-0"}};
    EXPECT_EQ(error_of(client_.send(empty)), "416 requestedRangeNotSatisfiable");
    const std::string document = drive_.make_native_document("", "doc").id;
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + document + "?alt=media"), "403 fileNotDownloadable");
    EXPECT_TRUE(call("GET", "/drive/v3/files/" + document + "?fields=size,md5Checksum").members().empty());
    drive_.set_abusive(id, true);
    EXPECT_EQ(refusal("GET", media), "403 cannotDownloadAbusiveFile");
    EXPECT_EQ(send("GET", media + "&acknowledgeAbuse=true").status, 200);
}

TEST_F(DriveFiles, ChangesTellTheLastStateOnce) {
    const std::string before = call("GET", "/drive/v3/changes/startPageToken")["startPageToken"].as_string();
    const auto read = [&](const std::string& token) {
        return call("GET", "/drive/v3/changes?pageSize=100&includeRemoved=true&restrictToMyDrive=true&pageToken=" + token +
                               "&fields=nextPageToken,newStartPageToken,changes(fileId,removed,file(name,trashed))");
    };
    const std::string kept = drive_.put("", "a", "x").id, gone = drive_.put("", "b", "x").id;
    drive_.put("", "theirs", "x", Owner::somebody);
    drive_.rename(kept, "c");
    drive_.trash(kept);
    drive_.remove(gone);
    const Json page = read(before);
    ASSERT_EQ(page["changes"].items().size(), 2u);
    EXPECT_EQ(page["changes"].items()[0]["file"]["name"].as_string(), "c");
    EXPECT_TRUE(page["changes"].items()[0]["file"]["trashed"].as_bool());
    EXPECT_TRUE(page["changes"].items()[1]["removed"].as_bool());
    EXPECT_TRUE(page["changes"].items()[1]["file"].is_null());
    const Json next = read(page["newStartPageToken"].as_string());
    EXPECT_TRUE(next["changes"].items().empty());
    EXPECT_EQ(refusal("GET", "/drive/v3/changes?pageToken=99999"), "400 invalid");
    EXPECT_EQ(refusal("GET", "/drive/v3/changes"), "400 required");
    drive_.hide(kept);
    EXPECT_TRUE(read(next["newStartPageToken"].as_string())["changes"].items().at(0)["removed"].as_bool());
    EXPECT_EQ(refusal("GET", "/drive/v3/files/" + kept), "404 notFound");
}

TEST_F(DriveFiles, RevisionsArePinnedAndRead) {
    const std::string id = drive_.put("", "a", "one").id;
    drive_.replace(id, "three");
    const std::string base = "/drive/v3/files/" + id + "/revisions";
    const Json revisions = call("GET", base + "?fields=revisions(id,size,keepForever)")["revisions"];
    ASSERT_EQ(revisions.items().size(), 2u);
    const std::string old = base + "/" + revisions.items()[0]["id"].as_string();
    EXPECT_EQ(refusal("GET", old + "?alt=media"), "403 cannotDownloadRevision");
    EXPECT_EQ(drive_.used_bytes(), 5u);
    call("PATCH", old, R"({"keepForever":true})");
    EXPECT_EQ(drive_.used_bytes(), 8u);
    EXPECT_EQ(send("GET", old + "?alt=media").body, "one");
    EXPECT_EQ(send("DELETE", old).status, 204);
    EXPECT_EQ(refusal("DELETE", base + "/head"), "400 cannotDeleteOnlyRevision");
}

TEST_F(DriveFiles, FaultsInGooglesWords) {
    drive_.faults().add("files.list", Fault::google_throttle_403());
    EXPECT_EQ(refusal("GET", "/drive/v3/files"), "403 userRateLimitExceeded");
    drive_.faults().add("files.*", Fault::google(403, "userRateLimitExceeded", "User rate limit exceeded."));
    EXPECT_EQ(json_of(send("GET", "/drive/v3/files"))["error"]["message"].as_string(), "User rate limit exceeded.");
    drive_.faults().add("*", Fault::throttle(std::chrono::seconds(3)), 1);
    EXPECT_EQ(send("GET", "/drive/v3/files").status, 200);
    const http::Response throttled = send("GET", "/drive/v3/files");
    EXPECT_EQ(throttled.status, 429);
    EXPECT_EQ(throttled.header("retry-after"), "3");
    drive_.faults().add("*", Fault::html(502));
    EXPECT_THAT(send("GET", "/drive/v3/files").body, HasSubstr("<html>"));
    EXPECT_EQ(drive_.faults().hits(), 4u);
}

class DriveLateNames : public DriveEmulatorTest {
  protected:
    static DriveOptions late() {
        DriveOptions options;
        options.name_lag = Millis::max();
        options.empty_pages = true;
        return options;
    }
    DriveLateNames() : DriveEmulatorTest(late()) {}
};

TEST_F(DriveLateNames, AppearInQueriesByNameLaterButInTheParentAtOnce) {
    const std::string id = drive_.put("", "a", "x").id;
    EXPECT_EQ(list("name = 'a'"), "");
    EXPECT_EQ(list("'root' in parents"), "a");
    drive_.index_names();
    EXPECT_EQ(list("name = 'a'"), "a");
    drive_.rename(id, "b");
    EXPECT_EQ(list("name = 'b'"), "");
    EXPECT_EQ(list("name = 'a'"), "b");  // found by its old name
    EXPECT_GT(drive_.count("files.list"), 5u) << "no empty pages";
}

}  // namespace
}  // namespace oracxfs::test
