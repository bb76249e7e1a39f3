// Uploads to DropboxEmulator: commits, sessions, batches, hashes, the write lock, faults.

#include <atomic>
#include <thread>

#include "tests/emulators/content.h"
#include "tests/unit/emulators/dropbox_fixture.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kBlock = 4u << 20;

TEST(DropboxContentHash, AgreesWithKnownValues) {
    const auto hash = [](std::string text) { return content_hash_of(Content(std::move(text))); };
    EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hash("abc"), "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358");
    EXPECT_EQ(hash(std::string(4194305, 'A')), "8f553da8d00d0bf509d8470e242888be33019c20c0544811f5b2b89e98360b92");
    std::string counted(9711423, '\0');
    for (std::size_t i = 0; i < counted.size(); ++i) counted[i] = static_cast<char>(static_cast<unsigned char>(i % 251));
    EXPECT_EQ(hash(counted), "c2548ae69e493dad26831aa86c34eaba870021782fadfe084c1116b3e421f79d");
}

class DropboxUploads : public DropboxEmulatorTest {
  protected:
    std::string why_not(const std::string& argument, const std::string& body) {
        const http::Response response = upload("files/upload", argument, body);
        EXPECT_EQ(response.status, 409) << response.body;
        return tags_of(response);
    }
};

TEST_F(DropboxUploads, CommitRules) {
    const Json made =
        json_of(upload("files/upload", R"({"path":"/D/a","client_modified":"2015-05-12T15:50:38Z","mute":true})", "one"));
    EXPECT_EQ(made["client_modified"].as_string(), "2015-05-12T15:50:38Z");
    EXPECT_EQ(made["content_hash"].as_string(), content_hash_of(Content("one")));
    const std::string rev = made["rev"].as_string();
    // The same content is no conflict, and nothing is written.
    EXPECT_EQ(json_of(upload("files/upload", R"({"path":"/d/a","mode":"add"})", "one"))["rev"].as_string(), rev);
    EXPECT_EQ(why_not(R"({"path":"/d/a","strict_conflict":true})", "one"), "path/conflict/file");
    EXPECT_EQ(why_not(R"({"path":"/d/a","mode":"add"})", "two"), "path/conflict/file");
    EXPECT_EQ(why_not(R"({"path":"/d","mode":"overwrite"})", "two"), "path/conflict/folder");
    EXPECT_EQ(why_not(R"({"path":"/d/a","mode":{".tag":"update","update":"123456789"}})", "two"), "path/conflict/file");
    const Json changed =
        json_of(upload("files/upload", R"({"path":"/d/A","mode":{".tag":"update","update":")" + rev + R"("}})", "two"));
    EXPECT_NE(changed["rev"].as_string(), rev);
    EXPECT_EQ(changed["id"].as_string(), made["id"].as_string());
    EXPECT_EQ(dropbox_.content("/d/a"), "two");
    const Json renamed = json_of(upload("files/upload", R"({"path":"/d/a.zip","autorename":true})", "1"));
    EXPECT_EQ(renamed["name"].as_string(), "a.zip");
    const Json twin = json_of(upload("files/upload", R"({"path":"/d/A.zip","autorename":true})", "2"));
    EXPECT_EQ(twin["name"].as_string(), "A (2).zip");
}

TEST_F(DropboxUploads, MalformedCommits) {
    for (const char* argument :
         {R"({"path":"/a","mode":"update"})", R"({"path":"/a","client_modified":"2015-05-12T15:50:38.5Z"})",
          R"({"path":"/a","client_modified":"2015-05-12T15:50:38+01:00"})", R"({"path":"/a","mode":{".tag":"replace"}})",
          R"({"path":"/a","size":1})", R"({"path":"/a","content_hash":"abc"})"})
        EXPECT_EQ(upload("files/upload", argument, "x").status, 400) << argument;
    const std::string wrong_hash = content_hash_of(Content("other"));
    EXPECT_EQ(why_not(R"({"path":"/a","content_hash":")" + wrong_hash + R"("})", "x"), "content_hash_mismatch");
    EXPECT_TRUE(dropbox_.tree().empty());
}

TEST_F(DropboxUploads, QuotaAndTheKeptData) {
    dropbox_.set_quota(10);
    const http::Response full = upload("files/upload", R"({"path":"/a"})", std::string(11, 'x'));
    EXPECT_EQ(tags_of(full), "path/insufficient_space");
    const std::string kept = json_of(full)["error"]["upload_session_id"].as_string();
    EXPECT_EQ(tags_of(finish(kept, 11, "/a")), "path/insufficient_space");
    dropbox_.set_quota(11);
    EXPECT_EQ(json_of(finish(kept, 11, "/a"))["size"].as_int(), 11);
}

TEST_F(DropboxUploads, SequentialSessions) {
    const std::string id = start_session("{}");
    EXPECT_EQ(append(id, 0, "abc").body, "null");
    http::Response wrong = append(id, 0, "abc");
    EXPECT_EQ(tags_of(wrong), "incorrect_offset");
    EXPECT_EQ(json_of(wrong)["error"]["correct_offset"].as_int(), 3);
    EXPECT_EQ(append(id, 3, "").status, 200);  // how a client asks for the offset
    wrong = finish(id, 5, "/a");
    EXPECT_EQ(tags_of(wrong), "lookup_failed/incorrect_offset");
    EXPECT_EQ(json_of(wrong)["error"]["lookup_failed"]["correct_offset"].as_int(), 3);
    EXPECT_EQ(append(id, 3, "def", true).status, 200);
    EXPECT_EQ(tags_of(append(id, 6, "ghi")), "closed");
    EXPECT_EQ(json_of(finish(id, 6, "/a"))["size"].as_int(), 6);
    EXPECT_EQ(finish(id, 6, "/a").status, 200);  // after a lost answer
    EXPECT_EQ(dropbox_.content("/a"), "abcdef");
    EXPECT_EQ(tags_of(append("pid_upload_session:unknown", 0, "x")), "not_found");
    const std::string old = start_session("{}");
    dropbox_.expire_sessions();
    EXPECT_EQ(tags_of(finish(old, 0, "/b")), "lookup_failed/not_found");
}

TEST_F(DropboxUploads, DataOfAFailedFinishStays) {
    dropbox_.put("/a", "other");
    const std::string id = start_session("{}");
    EXPECT_EQ(tags_of(finish(id, 0, "/a", "abc")), "path/conflict/file");
    EXPECT_EQ(finish(id, 3, "/b").status, 200);
    EXPECT_EQ(dropbox_.content("/b"), "abc");
}

TEST_F(DropboxUploads, ConcurrentSessions) {
    EXPECT_EQ(tags_of(upload("files/upload_session/start", R"({"session_type":"concurrent"})", "x")),
              "concurrent_session_data_not_allowed");
    const std::string id = start_session(R"({"session_type":{".tag":"concurrent"}})");
    const std::string block(kBlock, 'A');
    EXPECT_EQ(tags_of(append(id, 1, block)), "concurrent_session_invalid_offset");
    EXPECT_EQ(tags_of(append(id, 0, "short")), "concurrent_session_invalid_data_size");
    EXPECT_EQ(append(id, 2 * kBlock, "A", true).status, 200);
    EXPECT_EQ(tags_of(append(id, 2 * kBlock, "A", true)), "closed");
    EXPECT_EQ(append(id, 0, block).status, 200);
    const http::Response again = append(id, 0, block);
    EXPECT_EQ(tags_of(again), "incorrect_offset");
    EXPECT_EQ(json_of(again)["error"]["correct_offset"].as_int(), std::int64_t{kBlock});
    EXPECT_EQ(tags_of(finish(id, 2 * kBlock + 1, "/a")), "concurrent_session_missing_data");
    EXPECT_EQ(append(id, kBlock, block).status, 200);
    EXPECT_EQ(tags_of(finish(id, 2 * kBlock + 1, "/a", "more")), "concurrent_session_data_not_allowed");
    EXPECT_EQ(json_of(finish(id, 2 * kBlock + 1, "/a"))["content_hash"].as_string(),
              "02c8a4aefc2bfc9036f89a7098001865885938ca580e5c9e5db672385edd303c");
    const std::string open = start_session(R"({"session_type":"concurrent"})");
    EXPECT_EQ(tags_of(finish(open, 0, "/b")), "concurrent_session_not_closed");
}

TEST_F(DropboxUploads, Batches) {
    const Json ids = call("files/upload_session/start_batch", R"({"num_sessions":3,"session_type":"concurrent"})")["session_ids"];
    ASSERT_EQ(ids.items().size(), 3u);
    std::string entries;
    for (std::size_t i = 0; i < 3; ++i) {
        const std::string id = ids.items()[i].as_string();
        if (i < 2) append(id, 0, "data" + std::to_string(i), true);
        entries += (i == 0 ? "" : ",") + (R"({"cursor":)" + cursor(id, 5)) + R"(,"commit":{"path":"/f)" + std::to_string(i) +
                   R"(","mode":"add"}})";
    }
    dropbox_.put("/f1", "other");
    const Json results = call("files/upload_session/finish_batch_v2", R"({"entries":[)" + entries + "]}")["entries"];
    EXPECT_EQ(results.items().at(0)[".tag"].as_string(), "success");
    EXPECT_EQ(results.items().at(0)["name"].as_string(), "f0");
    EXPECT_EQ(results.items().at(1)["failure"]["path"]["conflict"][".tag"].as_string(), "file");
    EXPECT_EQ(results.items().at(2)["failure"][".tag"].as_string(), "concurrent_session_not_closed");
}

TEST_F(DropboxUploads, FaultsBeforeAndAfterTheEffect) {
    http::Request request = content_request("files/upload", R"({"path":"/a"})", "abc");
    request.idempotent = false;
    dropbox_.faults().add("files/upload", Fault::of(Fault::Kind::lost_answer));
    EXPECT_FALSE(client_.attempt(request));
    EXPECT_EQ(dropbox_.content("/a"), "abc");
    request = content_request("files/upload", R"({"path":"/b"})", "abc");
    request.idempotent = false;
    dropbox_.faults().add("files/upload", Fault::of(Fault::Kind::reset_before, 2));
    EXPECT_FALSE(client_.attempt(request));
    EXPECT_FALSE(dropbox_.find("/b"));
    dropbox_.faults().add("files/upload", Fault::throttle(std::chrono::seconds(7)));
    const http::Response throttled = upload("files/upload", R"({"path":"/b"})", "abc");
    EXPECT_EQ(throttled.status, 429);
    EXPECT_EQ(throttled.header("retry-after"), "7");
    EXPECT_EQ(json_of(throttled)["error"]["retry_after"].as_int(), 7);
    EXPECT_EQ(json_of(throttled)["error"]["reason"][".tag"].as_string(), "too_many_requests");
    dropbox_.faults().add("files/upload", Fault::of(Fault::Kind::damage_store, 1));
    const Json stored = json_of(upload("files/upload", R"({"path":"/b"})", "abc"));
    EXPECT_EQ(dropbox_.content("/b"), "acc");
    EXPECT_EQ(stored["content_hash"].as_string(), content_hash_of(Content("acc")));
    dropbox_.faults().add("files/upload", Fault::of(Fault::Kind::token_expired));
    EXPECT_EQ(tags_of(upload("files/upload", R"({"path":"/c"})", "abc")), "expired_access_token");
    EXPECT_EQ(dropbox_.faults().hits(), 5u);
}

TEST_F(DropboxUploads, FaultsOfDownloads) {
    dropbox_.put("/a", std::string(100'000, 'x'));
    const std::string argument = R"({"path":"/a"})";
    dropbox_.faults().add("files/download", Fault::of(Fault::Kind::damage_answer, 5));
    EXPECT_EQ(download(argument).body.find('y'), 5u);
    http::Request request = content_request("files/download", argument, {});
    request.content_type.clear();
    for (const auto kind : {Fault::Kind::truncate, Fault::Kind::reset_in_body, Fault::Kind::reset_after_head}) {
        dropbox_.faults().add("files/download", Fault::of(kind, 1000));
        EXPECT_FALSE(client_.attempt(request)) << fault_name(kind);
    }
    dropbox_.faults().add("files/download", Fault::of(Fault::Kind::shorten, 1000));
    EXPECT_EQ(download(argument).body.size(), 1000u);
    dropbox_.damage("/a", 3);
    EXPECT_EQ(download(argument).body.find('y'), 3u);
    EXPECT_EQ(dropbox_.count("files/download"), 6u);
}

class DropboxWriteLock : public DropboxEmulatorTest {
  protected:
    static DropboxOptions slow() {
        DropboxOptions options;
        options.commit_time = std::chrono::milliseconds(60'000);  // ends with the server
        return options;
    }
    DropboxWriteLock() : DropboxEmulatorTest(slow()) {}
};

TEST_F(DropboxWriteLock, RefusesASecondCommitByTurnsInBothForms) {
    std::optional<EmulatorClient> other(dropbox_);
    std::stop_source stop;
    const http::Request request = rpc_request("files/create_folder_v2", R"({"path":"/first"})");
    std::atomic<bool> ended = false;
    std::jthread first([&] {
        (void)other->perform(OpContext{stop.get_token(), {}}, request);
        ended = true;
    });
    while (!dropbox_.find("/first") && !ended) std::this_thread::yield();
    ASSERT_TRUE(dropbox_.find("/first"));
    const http::Response busy = rpc("files/create_folder_v2", R"({"path":"/second"})");
    EXPECT_EQ(busy.status, 429);
    EXPECT_EQ(json_of(busy)["error"]["reason"][".tag"].as_string(), "too_many_write_operations");
    EXPECT_EQ(busy.header("retry-after"), "1");
    EXPECT_EQ(refusal("files/create_folder_v2", R"({"path":"/second"})"), "path/too_many_write_operations");
    stop.request_stop();
}

}  // namespace
}  // namespace oracxfs::test
