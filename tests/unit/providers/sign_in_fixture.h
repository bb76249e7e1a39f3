#pragma once
// A sign-in at a service whose answers the test writes.

#include <gtest/gtest.h>

#include <string>

#include "providers/http/oauth_wire.h"
#include "tests/unit/providers/oauth_fixture.h"

namespace oracxfs::test {

class SignInTest : public testing::Test {
  protected:
    SignInTest() {
        request_.client_id = "client";
        request_.client_secret = "hush-hush";
        request_.endpoints = test_endpoints();
        request_.endpoints.authorize_extra = {{"token_access_type", "offline"}};
        service_.handler = [this](const FakeService::Call&) { return answer_; };
    }
    Result<http::TokenRecord> finish(const std::string& redirect_uri = "http://127.0.0.1:53682/") {
        sign_in_ = http::begin_sign_in(request_, redirect_uri);
        return http::finish_sign_in(service_, {}, clock_, request_, sign_in_, "4/0A+code");
    }

    FakeClock clock_{FakeClock::Sleep::advances};
    FakeService service_;
    http::SignInRequest request_;
    http::SignIn sign_in_;
    http::Response answer_ = token_answer("access", R"(,"expires_in":14400,"refresh_token":"refresh-1",)"
                                              R"("scope":"files.write other files.read","account_id":"dbid:1")");
};

}  // namespace oracxfs::test
