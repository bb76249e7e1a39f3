#pragma once

#include <gmock/gmock.h>

#include <deque>

#include "tests/emulators/dropbox_emulator.h"
#include "tests/unit/emulators/emulator_client.h"

namespace oracxfs::test {

class DropboxEmulatorTest : public testing::Test {
  protected:
    static DropboxOptions patient() {
        DropboxOptions options;
        options.commit_time = std::chrono::milliseconds(0);
        return options;
    }
    explicit DropboxEmulatorTest(DropboxOptions options = patient()) : dropbox_(options) {
        token_ = dropbox_.oauth().grant().access;
    }

    http::Request rpc_request(const std::string& route, const std::string& body) {
        http::Request request;
        request.method = "POST";
        request.url = dropbox_.base_url() + "/2/" + route;
        request.bearer = token_;
        request.content_type = "application/json";
        request.body = bytes_of(bodies_.emplace_back(body));
        return request;
    }
    http::Response rpc(const std::string& route, const std::string& body) { return client_.send(rpc_request(route, body)); }
    Json call(const std::string& route, const std::string& body) {
        const http::Response response = rpc(route, body);
        EXPECT_EQ(response.status, 200) << route << ": " << response.body;
        return json_of(response);
    }
    // The tags of a 409's error, from the outside to the inside.
    static std::string tags_of(const http::Response& response) {
        std::string tags;
        Json error = json_of(response)["error"];
        while (error.is_object()) {
            const std::string tag = error[".tag"].as_string();
            tags += (tags.empty() ? "" : "/") + tag;
            error = error[tag].is_object() ? Json(error[tag]) : Json(error["reason"]);
        }
        return tags;
    }
    std::string refusal(const std::string& route, const std::string& body) {
        const http::Response response = rpc(route, body);
        EXPECT_EQ(response.status, 409) << response.body;
        return tags_of(response);
    }
    http::Request content_request(const std::string& route, const std::string& argument, const std::string& body) {
        http::Request request = rpc_request(route, body);
        request.content_type = "application/octet-stream";
        request.headers = {{"Dropbox-API-Arg", argument}};
        return request;
    }
    http::Response upload(const std::string& route, const std::string& argument, const std::string& body) {
        return client_.send(content_request(route, argument, body));
    }
    http::Response download(const std::string& argument, const std::string& range = {}) {
        http::Request request = content_request("files/download", argument, {});
        request.content_type.clear();
        if (!range.empty()) request.headers.push_back({"Range", range});
        return client_.send(request);
    }
    std::string start_session(const std::string& argument) {
        const http::Response response = upload("files/upload_session/start", argument, "");
        EXPECT_EQ(response.status, 200) << response.body;
        return json_of(response)["session_id"].as_string();
    }
    static std::string cursor(const std::string& id, std::uint64_t offset) {
        return R"({"session_id":")" + id + R"(","offset":)" + std::to_string(offset) + "}";
    }
    http::Response append(const std::string& id, std::uint64_t offset, const std::string& data, bool close = false) {
        return upload("files/upload_session/append_v2",
                      R"({"cursor":)" + cursor(id, offset) + R"(,"close":)" + (close ? "true" : "false") + "}", data);
    }
    http::Response finish(const std::string& id, std::uint64_t offset, const std::string& path, const std::string& data = {}) {
        return upload("files/upload_session/finish",
                      R"({"cursor":)" + cursor(id, offset) + R"(,"commit":{"path":")" + path + R"(","mode":"add"}})", data);
    }

    DropboxEmulator dropbox_;
    EmulatorClient client_{dropbox_};
    std::string token_;
    std::deque<std::string> bodies_;  // of requests that are still to be sent
};

}  // namespace oracxfs::test
