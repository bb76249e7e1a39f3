// What a server's own hash is worth: it saves the reading back, in whichever of its three dialects, and where it cannot be
// had the bytes are read.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"
#include "providers/ftp/ftp_provider.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"
#include "tests/support/scripted_ftp.h"

namespace oracxfs::test {
namespace {

struct HashDialect {
    const char* name;
    const char* features;
    const char* command;
    std::function<std::string(const ContentDigests&)> answer;  // of a server that tells the truth
};

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
    return text;
}

class FtpHashTest : public testing::TestWithParam<HashDialect> {
  protected:
    // Stores a file; `answer` is the server's to the question for its hash.
    Result<PutResult> put(const std::string& answer) {
        server_ = std::make_unique<ScriptedFtp>(ScriptedFtpOptions{
            .features = std::string(" MLST type*;size*;\r\n") + GetParam().features,
            .hook = [answer](const std::string& line) -> std::optional<FtpScript> {
                if (line.starts_with("OPTS HASH")) return FtpScript{FtpScript::Act::reply, "200 SHA-256"};
                if (!line.starts_with(GetParam().command)) return std::nullopt;
                return FtpScript{FtpScript::Act::reply, answer};
            }});
        ProviderConfig config;
        config.name = "depot";
        config.type = kFtpType;
        config.config = Json::object({{"host", "127.0.0.1"}, {"port", server_->port()}, {"user", "ada"}, {"folder", "replica"}, {"allow_plain_ftp", true}});
        config.secret = [](const std::string&) -> Result<std::string> { return std::string("hemligt-losenord"); };
        config.clock = &clock_;
        auto provider = make_ftp_provider(config);
        if (!provider) return fail(provider.error());
        PutOptions options;
        options.upload_id = "hash-1";
        return (*provider)->put({}, "file", blob_, options);
    }
    std::size_t count(std::string_view prefix) const {
        const auto commands = server_->commands();
        return static_cast<std::size_t>(std::count_if(commands.begin(), commands.end(), [&](const auto& line) { return line.starts_with(prefix); }));
    }

    SystemClock clock_;
    MemoryBlob blob_{random_content(50'000, 1)};
    std::unique_ptr<ScriptedFtp> server_;
};

TEST_P(FtpHashTest, TheServersHashSavesTheReadingBack) {
    const auto result = put(GetParam().answer(*blob_.digests()));
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->verified);
    EXPECT_EQ(count(GetParam().command), 1u);
    EXPECT_EQ(count("RETR"), 0u);
    // HASH alone is of whatever algorithm the server prefers.
    EXPECT_EQ(count("OPTS HASH SHA-256"), std::string_view(GetParam().command) == "HASH" ? 1u : 0u);
}

TEST_P(FtpHashTest, WhereItCannotBeHadTheBytesAreRead) {
    for (const char* answer : {"500 unknown", "550 too large", "213 SHA-1 0-50000 da39a3ee5e6b4b0d3255bfef95601890afd80709 file", "250 none"}) {
        SCOPED_TRACE(answer);
        const auto result = put(answer);
        ASSERT_THAT(result, IsOk());
        EXPECT_TRUE(result->verified);
        EXPECT_EQ(count("RETR"), 1u);
    }
}

INSTANTIATE_TEST_SUITE_P(Dialects, FtpHashTest,
                         testing::Values(HashDialect{"Xsha256", " XSHA256\r\n", "XSHA256", [](const ContentDigests& d) { return "250 " + upper(to_hex(d.sha256)); }},
                                         HashDialect{"Hash", " HASH SHA-1*;SHA-256\r\n", "HASH",
                                                     [](const ContentDigests& d) { return "213 SHA-256 0-50000 " + to_hex(d.sha256) + " /login/replica/file"; }},
                                         HashDialect{"Xmd5", " XMD5\r\n", "XMD5", [](const ContentDigests& d) { return "250 " + upper(to_hex(*d.md5)); }}),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace oracxfs::test
