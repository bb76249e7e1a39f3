#pragma once
// A token service without a network, and a place for records.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>

#include "providers/http/oauth.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {

// The fields of the form that a request carries; a doubled field fails the test.
inline std::map<std::string, std::string> fields_of(const http::Request& request) {
    std::map<std::string, std::string> fields;
    std::string_view text(reinterpret_cast<const char*>(request.body.data()), request.body.size());
    while (!text.empty()) {
        const std::string_view pair = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(pair.size() + 1, text.size()));
        const auto equals = pair.find('=');
        const auto name = http::percent_decode(pair.substr(0, equals), http::Decoding::form);
        const auto value = http::percent_decode(pair.substr(equals + 1), http::Decoding::form);
        EXPECT_TRUE(name && value) << pair;
        EXPECT_TRUE(fields.emplace(*name, *value).second) << "doubled: " << *name;
    }
    return fields;
}

class FakeService final : public http::Client {
  public:
    struct Call {
        std::string url, bearer, content_type, body;
        std::map<std::string, std::string> fields;
    };
    using Handler = std::function<Result<http::Response>(const Call&)>;

    Result<http::Response> perform(const OpContext& ctx, const http::Request& request) override {
        EXPECT_EQ(request.url.find('?'), std::string::npos) << "secrets belong into the body";
        Call call{request.url, request.bearer, request.content_type,
                  std::string(reinterpret_cast<const char*>(request.body.data()), request.body.size()),
                  {}};
        if (request.content_type == "application/x-www-form-urlencoded") call.fields = fields_of(request);
        Handler now;
        {
            const std::lock_guard lock(mutex_);
            calls_.push_back(call);
            now = handler;
        }
        if (ctx.stop.stop_requested()) return fail(Errc::cancelled, "cancelled");
        return now(call);
    }
    [[nodiscard]] std::uint64_t requests() const override { return calls().size(); }
    [[nodiscard]] std::vector<Call> calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

    Handler handler;

  private:
    mutable std::mutex mutex_;
    std::vector<Call> calls_;
};

inline http::Response json_answer(std::string body, int status = 200) {
    return {status, {{"content-type", "application/json"}}, std::move(body)};
}

inline http::Response token_answer(const std::string& token, const std::string& more = ",\"expires_in\":3600") {
    return json_answer("{\"access_token\":\"" + token + "\",\"token_type\":\"bearer\"" + more + "}");
}

inline http::Response oauth_error(const std::string& error, int status = 400, const std::string& description = "") {
    return json_answer("{\"error\":\"" + error + "\",\"error_description\":\"" + description + "\"}", status);
}

// The place of one record.
class MemoryStore {
  public:
    [[nodiscard]] http::TokenStore store() {
        return {[this]() -> Result<std::string> {
                    const std::lock_guard lock(mutex_);
                    if (!text_) return fail(Errc::not_found, "no token");
                    return *text_;
                },
                [this](const std::string& text) -> Status {
                    const std::lock_guard lock(mutex_);
                    if (broken_) return fail(Errc::local_full, "no room");
                    text_ = text;
                    ++saves_;
                    return {};
                }};
    }
    void put(const http::TokenRecord& record) { set(record.dump()); }
    void set(std::string text) {
        const std::lock_guard lock(mutex_);
        text_ = std::move(text);
    }
    void break_saving(bool broken) {
        const std::lock_guard lock(mutex_);
        broken_ = broken;
    }
    [[nodiscard]] http::TokenRecord record() const {
        const std::lock_guard lock(mutex_);
        return *http::TokenRecord::parse(text_.value());
    }
    [[nodiscard]] int saves() const {
        const std::lock_guard lock(mutex_);
        return saves_;
    }

  private:
    mutable std::mutex mutex_;
    std::optional<std::string> text_;
    bool broken_ = false;
    int saves_ = 0;
};

inline http::OAuthEndpoints test_endpoints() {
    http::OAuthEndpoints endpoints;
    endpoints.authorize_url = "https://auth.example/authorize";
    endpoints.token_url = "https://auth.example/token";
    endpoints.device_url = "https://auth.example/device";
    endpoints.revoke_url = "https://auth.example/revoke";
    endpoints.scopes = {"files.read", "files.write"};
    endpoints.sign_in_command = "oracxfs dropbox --name d";
    return endpoints;
}

}  // namespace oracxfs::test
