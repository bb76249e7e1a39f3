#pragma once
// Requests to emulated services, as a client that makes no mistakes by itself.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "providers/http/http_client.h"
#include "tests/emulators/emulator.h"

namespace oracxfs::test {

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

inline Json json_of(const http::Response& response) {
    const auto parsed = parse_json(response.body);
    EXPECT_TRUE(parsed) << response.status << " " << response.body;
    return parsed.value_or(Json());
}

class EmulatorClient {
  public:
    explicit EmulatorClient(const Emulator& emulator) {
        http::ClientOptions options;
        options.ca_file = emulator.ca_file();
        options.stall_timeout = Millis(20'000);
        client_ = std::move(http::Client::create(options)).value();
    }

    Result<http::Response> attempt(const http::Request& request) { return client_->perform(OpContext{}, request); }
    Result<http::Response> perform(const OpContext& ctx, const http::Request& request) { return client_->perform(ctx, request); }
    http::Response send(const http::Request& request) {
        auto response = attempt(request);
        if (response) return *std::move(response);
        ADD_FAILURE() << request.url << ": " << response.error().message;
        return {};
    }
    http::Response post_form(const std::string& url, const std::vector<std::pair<std::string, std::string>>& fields) {
        const std::string body = http::form(fields);
        http::Request request;
        request.method = "POST";
        request.url = url;
        request.content_type = "application/x-www-form-urlencoded";
        request.body = bytes_of(body);
        return send(request);
    }

  private:
    std::unique_ptr<http::Client> client_;
};

}  // namespace oracxfs::test
