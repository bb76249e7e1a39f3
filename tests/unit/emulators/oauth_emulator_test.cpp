// The OAuth server inside the emulated services.

#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tests/emulators/drive_emulator.h"
#include "tests/emulators/dropbox_emulator.h"
#include "tests/emulators/oauth_state.h"
#include "tests/unit/emulators/emulator_client.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr const char* kChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
constexpr const char* kDriveFile = "https://www.googleapis.com/auth/drive.file";

std::string address(const std::string& url, const Fields& fields) { return url + "?" + http::form(fields); }

std::string parameter(const std::string& location, const std::string& name) {
    HttpsRequest request;
    request.query = location.substr(location.find('?') + 1);
    return request.parameter(name).value_or("");
}

template <class Service>
class OAuthTest : public testing::Test {
  protected:
    http::Response token(const Fields& fields) { return client_.post_form(oauth().token_url(), fields); }
    std::string error_of(const http::Response& response) {
        return std::to_string(response.status) + " " + json_of(response)["error"].as_string();
    }
    OAuthEmulator& oauth() { return service_.oauth(); }

    Service service_;
    EmulatorClient client_{service_};
};

using DropboxOAuth = OAuthTest<DropboxEmulator>;
using GoogleOAuth = OAuthTest<DriveEmulator>;

TEST_F(DropboxOAuth, CodeWithPkceAndWithoutRedirect) {
    Fields ask{{"response_type", "code"},         {"client_id", oauth().client().id},
               {"code_challenge", kChallenge},    {"code_challenge_method", "S256"},
               {"token_access_type", "offline"}, {"state", "s1"}};
    const std::string code = oauth().browse(address(oauth().authorize_url(), ask));
    ASSERT_FALSE(code.empty());
    const Fields exchange{{"grant_type", "authorization_code"},
                          {"code", code},
                          {"client_id", oauth().client().id},
                          {"code_verifier", kVerifier}};
    Fields wrong = exchange;
    wrong.back().second[0] = 'X';
    EXPECT_EQ(error_of(token(wrong)), "400 invalid_grant");
    wrong = exchange;
    wrong.emplace_back("redirect_uri", "http://localhost:53682/");
    EXPECT_EQ(error_of(token(wrong)), "400 invalid_grant");
    const Json answer = json_of(token(exchange));
    EXPECT_EQ(answer["token_type"].as_string(), "bearer");
    EXPECT_EQ(answer["expires_in"].as_int(), 14400);
    EXPECT_EQ(answer["account_id"].as_string(), service_.account_id());
    EXPECT_FALSE(answer["refresh_token"].as_string().empty());
    EXPECT_THAT(answer["scope"].as_string(), HasSubstr("files.content.write"));
    EXPECT_EQ(oauth().look_up(answer["access_token"].as_string()).state, OAuthEmulator::TokenState::good);
    // A second presentation ends what came of the first one.
    EXPECT_EQ(error_of(token(exchange)), "400 invalid_grant");
    EXPECT_EQ(oauth().look_up(answer["access_token"].as_string()).state, OAuthEmulator::TokenState::invalid);
}

TEST_F(DropboxOAuth, RedirectsAreComparedByteForByte) {
    Fields ask{{"response_type", "code"}, {"client_id", oauth().client().id}, {"state", "a b"},
               {"redirect_uri", "http://localhost:53682/"}};
    const std::string location = oauth().browse(address(oauth().authorize_url(), ask));
    EXPECT_THAT(location, StartsWith("http://localhost:53682/?"));
    EXPECT_EQ(parameter(location, "state"), "a b");
    ask.back().second = "http://localhost:53682";
    EXPECT_EQ(oauth().browse(address(oauth().authorize_url(), ask)), "");
    OAuthOptions options = oauth().options();
    options.user_declines = true;
    oauth().set_options(options);
    ask.back().second = "http://localhost:53682/";
    EXPECT_EQ(parameter(oauth().browse(address(oauth().authorize_url(), ask)), "error"), "access_denied");
}

TEST_F(DropboxOAuth, WithoutOfflineThereIsNoRefreshToken) {
    const std::string code = oauth().browse(address(
        oauth().authorize_url(), {{"response_type", "code"}, {"client_id", oauth().client().id},
                                  {"code_challenge", kChallenge}, {"code_challenge_method", "S256"}}));
    const Json answer = json_of(token({{"grant_type", "authorization_code"}, {"code", code},
                                       {"client_id", oauth().client().id}, {"code_verifier", kVerifier}}));
    EXPECT_FALSE(answer["access_token"].as_string().empty());
    EXPECT_TRUE(answer["refresh_token"].is_null());
}

TEST_F(DropboxOAuth, RefreshKeepsOrRotates) {
    const IssuedTokens issued = oauth().grant_expired();
    EXPECT_EQ(oauth().look_up(issued.access).state, OAuthEmulator::TokenState::expired);
    const Fields refresh{{"grant_type", "refresh_token"}, {"refresh_token", issued.refresh}, {"client_id", oauth().client().id}};
    const Json answer = json_of(token(refresh));
    EXPECT_TRUE(answer["refresh_token"].is_null());
    EXPECT_EQ(oauth().look_up(answer["access_token"].as_string()).state, OAuthEmulator::TokenState::good);
    OAuthOptions options = oauth().options();
    options.rotate_refresh = true;
    options.expires_in = OAuthOptions::ExpiresIn::text;
    oauth().set_options(options);
    const Json rotated = json_of(token(refresh));
    EXPECT_EQ(rotated["expires_in"].as_string(), "14400");
    EXPECT_NE(rotated["refresh_token"].as_string(), issued.refresh);
    EXPECT_EQ(error_of(token(refresh)), "400 invalid_grant");
    EXPECT_EQ(oauth().refreshes(), 2u);
    oauth().remove_client();
    EXPECT_EQ(error_of(token(refresh)), "400 invalid_client");
}

TEST_F(DropboxOAuth, FormsOnly) {
    const std::string body = R"({"grant_type":"refresh_token"})";
    http::Request request;
    request.method = "POST";
    request.url = oauth().token_url();
    request.content_type = "application/json";
    request.body = bytes_of(body);
    EXPECT_EQ(error_of(client_.send(request)), "400 invalid_request");
    request.content_type = "application/x-www-form-urlencoded";
    request.body = {};
    request.url += "?grant_type=refresh_token";
    EXPECT_EQ(error_of(client_.send(request)), "400 invalid_request");
    EXPECT_EQ(error_of(token({{"grant_type", "a"}, {"grant_type", "b"}})), "400 invalid_request");
    EXPECT_EQ(error_of(token({{"grant_type", "password"}})), "400 unsupported_grant_type");
}

TEST_F(GoogleOAuth, LoopbackPortsAreFreeAndSecretsWanted) {
    const Fields ask{{"response_type", "code"},      {"client_id", oauth().client().id}, {"scope", kDriveFile},
                     {"code_challenge", kChallenge}, {"code_challenge_method", "S256"},   {"access_type", "offline"},
                     {"state", "s"},                 {"redirect_uri", "http://127.0.0.1:4711/"}};
    const std::string location = oauth().browse(address(oauth().authorize_url(), ask));
    EXPECT_EQ(parameter(location, "scope"), kDriveFile);
    Fields exchange{{"grant_type", "authorization_code"},
                    {"code", parameter(location, "code")},
                    {"client_id", oauth().client().id},
                    {"code_verifier", kVerifier},
                    {"redirect_uri", "http://127.0.0.1:4711/"}};
    EXPECT_EQ(error_of(token(exchange)), "400 invalid_request");
    exchange.emplace_back("client_secret", "wrong");
    EXPECT_EQ(error_of(token(exchange)), "401 invalid_client");
    exchange.back().second = oauth().client().secret;
    const Json answer = json_of(token(exchange));
    EXPECT_EQ(answer["expires_in"].as_int(), 3599);
    EXPECT_EQ(answer["scope"].as_string(), kDriveFile);
    EXPECT_FALSE(answer["refresh_token"].as_string().empty());
    EXPECT_EQ(client_.post_form(oauth().revoke_url(), {{"token", answer["refresh_token"].as_string()}}).status, 200);
    EXPECT_EQ(error_of(client_.post_form(oauth().revoke_url(), {{"token", answer["refresh_token"].as_string()}})),
              "400 invalid_token");
}

TEST_F(GoogleOAuth, DeviceFlow) {
    EXPECT_EQ(error_of(client_.post_form(oauth().device_url(), {{"client_id", oauth().client().id}, {"scope", kDriveFile}})),
              "401 invalid_client");
    const std::string& id = oauth().device_client().id;
    EXPECT_EQ(error_of(client_.post_form(oauth().device_url(),
                                         {{"client_id", id}, {"scope", "https://www.googleapis.com/auth/drive"}})),
              "400 invalid_scope");
    OAuthOptions options = oauth().options();
    options.device_interval = std::chrono::seconds(3600);
    oauth().set_options(options);
    const Json device = json_of(client_.post_form(oauth().device_url(), {{"client_id", id}, {"scope", kDriveFile}}));
    const Fields poll{{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                      {"device_code", device["device_code"].as_string()},
                      {"client_id", id},
                      {"client_secret", oauth().device_client().secret}};
    EXPECT_EQ(error_of(token(poll)), "428 authorization_pending");
    EXPECT_EQ(error_of(token(poll)), "403 slow_down");
    const std::string user_code = device["user_code"].as_string();
    EXPECT_EQ(oauth().device_interval(user_code), std::chrono::seconds(3605));
    oauth().deny_device(user_code);
    EXPECT_EQ(error_of(token(poll)), "403 access_denied");
    options.device_interval = std::chrono::seconds(0);
    oauth().set_options(options);
    const Json other = json_of(client_.post_form(oauth().device_url(), {{"client_id", id}, {"scope", kDriveFile}}));
    oauth().approve_device(other["user_code"].as_string());
    Fields granted = poll;
    granted[1].second = other["device_code"].as_string();
    EXPECT_FALSE(json_of(token(granted))["refresh_token"].as_string().empty());
}

// Signs as a client would, with the key file's own words.
std::string assertion(const std::string& key_json, Json claims) {
    const Json key = parse_json(key_json).value();
    claims.set("iss", key["client_email"].as_string());
    const std::string header =
        Json::object({{"alg", "RS256"}, {"typ", "JWT"}, {"kid", key["private_key_id"].as_string()}}).dump();
    const std::string input = base64url(header) + "." + base64url(claims.dump());
    const std::string& pem = key["private_key"].as_string();
    BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    const KeyHandle handle(PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr));
    BIO_free(bio);
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, handle.get());
    std::string signature(512, '\0');
    std::size_t bytes = signature.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &bytes,
                   reinterpret_cast<const unsigned char*>(input.data()), input.size());
    EVP_MD_CTX_free(context);
    signature.resize(bytes);
    return input + "." + base64url(signature);
}

TEST_F(GoogleOAuth, ServiceAccounts) {
    const std::string key = oauth().make_service_account("svc@demo.iam.gserviceaccount.com", {"ada@example.com"});
    const std::int64_t now = to_ms(oauth().service_time()) / 1000;
    const auto ask = [&](std::int64_t issued, std::int64_t life, const std::string& subject = {},
                         const std::string& audience = "https://oauth2.googleapis.com/token") {
        Json claims = Json::object({{"scope", kDriveFile}, {"aud", audience}, {"iat", issued}, {"exp", issued + life}});
        if (!subject.empty()) claims.set("sub", subject);
        return token({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion(key, claims)}});
    };
    const Json answer = json_of(ask(now, 3600));
    EXPECT_TRUE(answer["refresh_token"].is_null());
    EXPECT_EQ(oauth().look_up(answer["access_token"].as_string()).service_account, "svc@demo.iam.gserviceaccount.com");
    EXPECT_EQ(error_of(ask(now + 480, 3600)), "400 invalid_grant");
    EXPECT_EQ(error_of(ask(now, 3601)), "400 invalid_grant");
    EXPECT_EQ(error_of(ask(now, 3600, {}, "https://example.com")), "400 invalid_grant");
    EXPECT_EQ(error_of(ask(now, 3600, "eve@example.com")), "401 unauthorized_client");
    EXPECT_EQ(oauth().look_up(json_of(ask(now, 3600, "ada@example.com"))["access_token"].as_string()).subject, "ada@example.com");
    std::string forged = assertion(key, Json::object({{"scope", kDriveFile}}));
    forged[forged.size() - 5] = forged[forged.size() - 5] == 'A' ? 'B' : 'A';
    EXPECT_EQ(error_of(token({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", forged}})),
              "400 invalid_grant");
    // It has no storage of its own.
    http::Request upload;
    upload.method = "POST";
    upload.url = service_.base_url() + "/upload/drive/v3/files?uploadType=resumable";
    upload.bearer = answer["access_token"].as_string();
    upload.content_type = "application/json";
    const std::string metadata = R"({"name":"a"})";
    upload.body = bytes_of(metadata);
    const http::Response refused = client_.send(upload);
    EXPECT_EQ(refused.status, 403);
    EXPECT_THAT(refused.body, HasSubstr("storageQuotaExceeded"));
}

TEST_F(GoogleOAuth, ClockOfTheServiceIsInTheDateHeader) {
    OAuthOptions options = oauth().options();
    options.date_skew = std::chrono::hours(1);
    oauth().set_options(options);
    const http::Response response = token({});
    const auto date = http::parse_http_date(response.header("date"));
    ASSERT_TRUE(date);
    EXPECT_GT(*date, SystemClock().wall() + std::chrono::minutes(50));
}

TEST_F(GoogleOAuth, FaultsReachTheTokenEndpoint) {
    service_.faults().add("oauth.token", Fault::html(200));
    EXPECT_THAT(token({}).body, HasSubstr("<html>"));
    service_.faults().add("oauth.token", Fault::answer(400, R"({"error":"invalid_grant"})", "application/json"));
    EXPECT_EQ(error_of(token({})), "400 invalid_grant");
    EXPECT_EQ(service_.count("oauth.token"), 2u);
}

}  // namespace
}  // namespace oracxfs::test
