#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

#include "base/hash.h"
#include "providers/http/oauth_wire.h"
#include "providers/http/service_account.h"
#include "tests/unit/providers/sign_in_fixture.h"

namespace oracxfs::test {
namespace {

using http::Response;
using testing::AllOf;
using testing::HasSubstr;
using std::chrono::hours;
using std::chrono::seconds;

std::span<const std::uint8_t> octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct TestKey {
    TestKey() : key(EVP_RSA_gen(2048), &EVP_PKEY_free) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
        PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* data = nullptr;
        const long size = BIO_get_mem_data(out.get(), &data);
        pem.assign(data, static_cast<std::size_t>(size));
    }
    bool verifies(const std::string& assertion) const {
        const auto dot = assertion.rfind('.');
        const std::string input = assertion.substr(0, dot);
        std::string text = assertion.substr(dot + 1);
        std::replace(text.begin(), text.end(), '-', '+');
        std::replace(text.begin(), text.end(), '_', '/');
        while (text.size() % 4 != 0) text += '=';
        std::vector<std::uint8_t> signature(text.size());
        EVP_DecodeBlock(signature.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
        signature.resize(256);
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
               EVP_DigestVerify(context.get(), signature.data(), signature.size(), octets(input).data(), input.size()) == 1;
    }
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key;
    std::string pem;
};

const TestKey& test_key() {
    static const TestKey key;
    return key;
}

std::string key_file(const std::string& pem) {
    return Json::object({{"type", "service_account"},
                         {"private_key_id", "kid-1"},
                         {"private_key", pem},
                         {"client_email", "svc@demo.iam.gserviceaccount.com"}})
        .dump();
}

TEST(ServiceAccount, SigningInputIsTheVector) {
    http::JwtClaims claims;
    claims.issuer = "svc@demo.iam.gserviceaccount.com";
    claims.scope = "https://www.googleapis.com/auth/drive.file";
    claims.audience = "https://oauth2.googleapis.com/token";
    claims.issued = wall_from_ms(1'700'000'000'000);
    const std::string input = http::jwt_signing_input(claims);
    EXPECT_TRUE(input.starts_with("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdmNAZGVtby5pYW0u"));
    EXPECT_EQ(to_hex(sha256_of(std::as_bytes(std::span(input)))),
              "e55a78b0c18ce17ed6bfba2e09c366d504c8bb82f5c981730283ba9c90dd5425");
}

class ServiceAccountTest : public SignInTest {
  protected:
    std::unique_ptr<http::TokenSource> make(const std::string& file) {
        auto source = http::make_service_account_source(service_, clock_, file, {"drive"}, "https://auth.example/token", "ada@example.com");
        EXPECT_THAT(source, IsOk());
        return std::move(*source);
    }
};

TEST_F(ServiceAccountTest, SignsItsRequestsAndKeepsTheToken) {
    for (const bool escaped : {false, true}) {
        std::string pem = test_key().pem;
        for (std::size_t at = 0; escaped && (at = pem.find('\n')) != std::string::npos;) pem.replace(at, 1, "\\n");
        const auto source = make(key_file(pem));
        const auto before = service_.requests();
        for (int i = 0; i < 3; ++i) {
            const auto token = source->token({});
            ASSERT_THAT(token, IsOk());
            EXPECT_EQ(*token, "access");
        }
        ASSERT_EQ(service_.requests(), before + 1);
        const auto fields = service_.calls().back().fields;
        EXPECT_EQ(fields.at("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
        EXPECT_TRUE(test_key().verifies(fields.at("assertion")));
    }
}

TEST_F(ServiceAccountTest, LearnsTheTimeFromARefusal) {
    std::vector<std::string> assertions;
    service_.handler = [&](const FakeService::Call& call) -> Response {
        assertions.push_back(call.fields.at("assertion"));
        Response response = assertions.size() == 1 ? oauth_error("invalid_grant", 400, "Invalid JWT") : answer_;
        // An hour behind ours (2026-11-23 20:36:28).
        response.headers.push_back({"date", "Mon, 23 Nov 2026 19:36:28 GMT"});
        return response;
    };
    EXPECT_THAT(make(key_file(test_key().pem))->token({}), IsOk());
    ASSERT_EQ(assertions.size(), 2u);
    EXPECT_NE(assertions[0], assertions[1]);
    http::JwtClaims claims;
    claims.key_id = "kid-1";
    claims.issuer = "svc@demo.iam.gserviceaccount.com";
    claims.scope = "drive";
    claims.audience = "https://oauth2.googleapis.com/token";
    claims.subject = "ada@example.com";
    claims.issued = clock_.wall() - hours(1) - seconds(10);
    EXPECT_TRUE(assertions[1].starts_with(http::jwt_signing_input(claims) + "."));
}

TEST_F(ServiceAccountTest, RefusalPointsToClockAndKey) {
    answer_ = oauth_error("invalid_grant", 400, "Invalid JWT Signature.");
    const auto source = make(key_file(test_key().pem));
    const auto token = source->token({});
    ASSERT_THAT(token, HasCode(Errc::unauthenticated));
    EXPECT_THAT(token.error().why, AllOf(HasSubstr("clock"), HasSubstr("key")));
    EXPECT_THAT(source->token({}), HasCode(Errc::unauthenticated));
    EXPECT_EQ(service_.requests(), 1u);
    answer_ = token_answer("access");
    clock_.advance(std::chrono::minutes(11));
    EXPECT_THAT(source->token({}), IsOk());
}

TEST_F(ServiceAccountTest, UselessKeyIsAConfigurationError) {
    const std::string encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for (const std::string& file : {std::string("x"), std::string("{}"), std::string(R"({"type":"authorized_user"})"),
                                    key_file(""), key_file("nonsense"), key_file(encrypted)})
        EXPECT_THAT(http::make_service_account_source(service_, clock_, file, {}, "https://auth.example/token"),
                    HasCode(Errc::config));
}

}  // namespace
}  // namespace oracxfs::test
