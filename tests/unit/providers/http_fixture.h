#pragma once
// A client and a scripted server that it trusts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "providers/http/http_client.h"
#include "tests/support/https_server.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {

inline std::unique_ptr<http::Client> make_client(const HttpsServer& server, http::ClientOptions options = {}) {
    if (options.ca_file.empty()) options.ca_file = server.ca_file();
    auto client = http::Client::create(std::move(options));
    if (!client) throw std::runtime_error(client.error().to_string());
    return std::move(*client);
}

inline http::Request request(std::string method, std::string url) {
    http::Request request;
    request.method = std::move(method);
    request.url = std::move(url);
    return request;
}

inline std::span<const std::byte> view_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Different at every place, so that a shifted or repeated piece shows.
inline std::string pattern(std::size_t size, std::uint32_t seed = 1) {
    std::string text(size, '\0');
    std::uint32_t state = seed;
    for (char& c : text) {
        state = state * 1664525u + 1013904223u;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

}  // namespace oracxfs::test
