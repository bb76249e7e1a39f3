// Uploads to DriveEmulator: multipart and resumable.

#include "tests/unit/emulators/drive_fixture.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

constexpr std::size_t kChunk = 256u << 10;

class DriveUploads : public DriveEmulatorTest {};

TEST_F(DriveUploads, MultipartMakesAndReplacesContent) {
    const std::string target = "/upload/drive/v3/files?uploadType=multipart&fields=id,size,mimeType,sha256Checksum,modifiedTime";
    const Json made = json_of(multipart("POST", target, R"({"name":"a.zip","modifiedTime":"2026-11-22T11:30:00.000Z"})", "abc"));
    EXPECT_EQ(made["size"].as_string(), "3");
    EXPECT_EQ(made["mimeType"].as_string(), "application/zip");
    EXPECT_EQ(made["sha256Checksum"].as_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(made["modifiedTime"].as_string(), "2026-11-22T11:30:00.000Z");
    const std::string id = made["id"].as_string();
    const std::string update = "/upload/drive/v3/files/" + id + "?uploadType=multipart";
    EXPECT_EQ(multipart("PATCH", update, "{}", "new\r\ncontent").status, 200);
    EXPECT_EQ(drive_.content(id), "new\r\ncontent");
    EXPECT_EQ(drive_.revisions(id), 2u);
    EXPECT_EQ(json_of(multipart("POST", target, R"({"name":"empty"})", ""))["size"].as_string(), "0");
    EXPECT_EQ(error_of(multipart("PATCH", update, R"({"id":")" + id + "\"}", "x")), "403 fieldNotWritable");
    EXPECT_EQ(error_of(multipart("POST", target, R"({"name":"big"})", std::string(5'000'001, 'x'))), "413 uploadTooLarge");
    http::Request form = request("POST", target, "--B\r\n\r\n{}\r\n--B\r\n\r\nx\r\n--B--\r\n");
    form.content_type = "multipart/form-data; boundary=B";
    EXPECT_EQ(client_.send(form).status, 400);
    EXPECT_EQ(send("POST", "/upload/drive/v3/files?uploadType=media", "{}").status, 404);
}

TEST_F(DriveUploads, ResumableInChunks) {
    const std::string id = new_id();
    const std::string data(2 * kChunk + 100, 'x');
    const std::string total = "/" + std::to_string(data.size());
    const std::string session = start_upload(R"({"id":")" + id + R"(","name":"a"})", data.size());
    http::Response state = put(session, "*" + total, "");
    EXPECT_EQ(state.status, 308);
    EXPECT_EQ(state.header("range"), "");
    state = put(session, "0-" + std::to_string(kChunk - 1) + total, data.substr(0, kChunk));
    EXPECT_EQ(state.status, 308);
    EXPECT_EQ(state.header("range"), "bytes=0-" + std::to_string(kChunk - 1));
    EXPECT_EQ(put(session, "0-" + std::to_string(kChunk - 1) + total, data.substr(0, kChunk)).status, 400) << "wrong offset";
    EXPECT_EQ(put(session, std::to_string(kChunk) + "-" + std::to_string(kChunk + 9) + total, data.substr(0, 10)).status, 400);
    state = put(session, "*/*", "");
    EXPECT_EQ(state.header("range"), "bytes=0-" + std::to_string(kChunk - 1));
    EXPECT_FALSE(drive_.find(id));
    const http::Response done =
        put(session, std::to_string(kChunk) + "-" + std::to_string(data.size() - 1) + total, data.substr(kChunk));
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(json_of(done)["size"].as_string(), std::to_string(data.size()));
    EXPECT_EQ(put(session, "*" + total, "").status, 200);
    EXPECT_EQ(drive_.content(id), data);
    EXPECT_EQ(error_of(client_.send(request("POST", "/upload/drive/v3/files?uploadType=resumable", R"({"id":")" + id + "\"}"))),
              "409 fileIdInUse");
    EXPECT_EQ(drive_.open_sessions(), 0u);
}

TEST_F(DriveUploads, ResumableOfUnknownSize) {
    const std::string data(kChunk, 'y');
    std::string session = start_upload(R"({"name":"a"})", std::nullopt);
    EXPECT_EQ(put(session, "0-" + std::to_string(kChunk - 1) + "/*", data).status, 308);
    const http::Response done = put(session, "*/" + std::to_string(kChunk), "");
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(drive_.content(json_of(done)["id"].as_string()), data);
    session = start_upload(R"({"name":"empty"})", std::nullopt);
    EXPECT_EQ(json_of(put(session, "*/0", ""))["size"].as_string(), "0");
}

TEST_F(DriveUploads, MistakesShowBeforeContentIsSent) {
    const std::string target = "/upload/drive/v3/files?uploadType=resumable";
    EXPECT_EQ(refusal("POST", target, R"({"name":"a","parents":["nowhere"]})"), "404 notFound");
    EXPECT_EQ(refusal("POST", target + "&fields=nonsense", R"({"name":"a"})"), "400 invalidParameter");
    drive_.set_quota(10);
    http::Request large = request("POST", target, R"({"name":"a"})");
    large.headers = {{"X-Upload-Content-Length", "11"}};
    EXPECT_EQ(error_of(client_.send(large)), "403 storageQuotaExceeded");
}

TEST_F(DriveUploads, SessionsExpire) {
    const std::string session = start_upload(R"({"name":"a"})", 3);
    drive_.expire_sessions(410);
    EXPECT_EQ(put(session, "*/3", "").status, 410);
    EXPECT_EQ(put(session + "x", "*/3", "").status, 404);
}

TEST_F(DriveUploads, KeepsPartOfAChunk) {
    const std::string data(4 * kChunk, 'z');
    const std::string total = "/" + std::to_string(data.size());
    const std::string session = start_upload(R"({"name":"a"})", data.size());
    drive_.faults().add("upload.put", Fault::of(Fault::Kind::partial_store, kChunk + 5));
    const http::Response part = put(session, "0-" + std::to_string(data.size() - 1) + total, data);
    EXPECT_EQ(part.status, 308);
    EXPECT_EQ(part.header("range"), "bytes=0-" + std::to_string(kChunk - 1));
    drive_.faults().add("upload.put", Fault::of(Fault::Kind::reset_before, kChunk + 5));
    EXPECT_FALSE(client_.attempt(
        chunk(session, std::to_string(kChunk) + "-" + std::to_string(data.size() - 1) + total, data.substr(kChunk))));
    EXPECT_EQ(put(session, "*" + total, "").header("range"), "bytes=0-" + std::to_string(2 * kChunk - 1));
    drive_.faults().add("upload.put", Fault::of(Fault::Kind::lost_answer));
    EXPECT_FALSE(client_.attempt(
        chunk(session, std::to_string(2 * kChunk) + "-" + std::to_string(data.size() - 1) + total, data.substr(2 * kChunk))));
    const http::Response done = put(session, "*" + total, "");
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ(drive_.content(json_of(done)["id"].as_string()), data);
}

TEST_F(DriveUploads, DamagedStoreIsToldByTheHash) {
    drive_.faults().add("upload.multipart", Fault::of(Fault::Kind::damage_store, 1));
    const Json made = json_of(multipart("POST", "/upload/drive/v3/files?uploadType=multipart&fields=id,md5Checksum",
                                        R"({"name":"a"})", "abc"));
    EXPECT_EQ(drive_.content(made["id"].as_string()), "acc");
    EXPECT_NE(made["md5Checksum"].as_string(), "900150983cd24fb0d6963f7d28e17f72");
}

}  // namespace
}  // namespace oracxfs::test
