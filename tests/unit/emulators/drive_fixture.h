#pragma once

#include <gmock/gmock.h>

#include <deque>

#include "tests/emulators/drive_emulator.h"
#include "tests/unit/emulators/emulator_client.h"

namespace oracxfs::test {

class DriveEmulatorTest : public testing::Test {
  protected:
    explicit DriveEmulatorTest(const DriveOptions& options = {}) : drive_(options) {
        token_ = drive_.oauth().grant().access;
    }

    http::Request request(const std::string& method, const std::string& target, const std::string& body = {}) {
        http::Request request;
        request.method = method;
        request.url = target.starts_with("https://") ? target : drive_.base_url() + target;
        request.bearer = token_;
        if (!body.empty()) request.content_type = "application/json; charset=UTF-8";
        request.body = bytes_of(bodies_.emplace_back(body));
        return request;
    }
    http::Response send(const std::string& method, const std::string& target, const std::string& body = {}) {
        return client_.send(request(method, target, body));
    }
    Json call(const std::string& method, const std::string& target, const std::string& body = {}) {
        const http::Response response = send(method, target, body);
        EXPECT_EQ(response.status, 200) << target << ": " << response.body;
        return json_of(response);
    }
    // "404 notFound"
    static std::string error_of(const http::Response& response) {
        const Json errors = json_of(response)["error"]["errors"];
        if (errors.items().empty()) return std::to_string(response.status);
        return std::to_string(response.status) + " " + errors.items().front()["reason"].as_string();
    }
    std::string refusal(const std::string& method, const std::string& target, const std::string& body = {}) {
        return error_of(send(method, target, body));
    }
    std::string list(const std::string& q, const std::string& more = {}) {
        std::string names;
        std::string token;
        do {
            const Json page = call("GET", "/drive/v3/files?q=" + http::percent_encode(q) +
                                              "&fields=nextPageToken,files(name)" + more +
                                              (token.empty() ? "" : "&pageToken=" + http::percent_encode(token)));
            for (const Json& file : page["files"].items()) names += (names.empty() ? "" : ",") + file["name"].as_string();
            token = page["nextPageToken"].as_string();
        } while (!token.empty());
        return names;
    }
    std::string new_id() {
        return call("GET", "/drive/v3/files/generateIds?count=1")["ids"].items().front().as_string();
    }
    http::Response multipart(const std::string& method, const std::string& target, const std::string& metadata,
                             const std::string& content) {
        const std::string body = "--B7e1\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + metadata +
                                 "\r\n--B7e1\r\nContent-Type: application/zip\r\n\r\n" + content + "\r\n--B7e1--\r\n";
        http::Request upload = request(method, target, body);
        upload.content_type = "multipart/related; boundary=B7e1";
        return client_.send(upload);
    }
    // The session's address.
    std::string start_upload(const std::string& metadata, std::optional<std::uint64_t> total) {
        http::Request start = request("POST", "/upload/drive/v3/files?uploadType=resumable&fields=id,size,sha256Checksum", metadata);
        if (total) start.headers.push_back({"X-Upload-Content-Length", std::to_string(*total)});
        const http::Response response = client_.send(start);
        EXPECT_EQ(response.status, 200) << response.body;
        EXPECT_EQ(response.body, "");
        return std::string(response.header("location"));
    }
    http::Request chunk(const std::string& session, const std::string& range, const std::string& data) {
        http::Request put = request("PUT", session, data);
        put.content_type = "application/zip";
        put.idempotent = false;  // nobody sends it again behind the test's back
        put.headers.push_back({"Content-Range", "bytes " + range});
        return put;
    }
    http::Response put(const std::string& session, const std::string& range, const std::string& data) {
        return client_.send(chunk(session, range, data));
    }

    DriveEmulator drive_;
    EmulatorClient client_{drive_};
    std::string token_;
    std::deque<std::string> bodies_;  // of requests that are still to be sent
};

}  // namespace oracxfs::test
