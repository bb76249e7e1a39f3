// SFTP: how what was stored is verified, with and without a shell at the server.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/contract/sftp_fixture.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

using sftp::ServerHash;
using ::testing::HasSubstr;

TEST_F(SftpTest, ServerThatHashesIsNotReadBack) {
    START_BEHIND({});
    ASSERT_EQ(settle(), ServerHash::State::works);
    MemoryBlob blob(random_content(24u << 20, 1));
    const auto down = proxy_->bytes_down();
    const auto stored =
        provider().put(ctx_, "it's a \"name\"\nwith $(everything) \\0101 %s", blob, options());
    ASSERT_THAT(stored, IsOk());
    EXPECT_TRUE(stored->verified);
    EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), IsOk());
    EXPECT_LT(proxy_->bytes_down() - down, 2u << 20);
}

// A server whose PATH holds only what is named here; each program notes that it was called.
struct SftpServerHashTest : SftpTest {
    void start_with(const std::map<std::string, std::string>& programs) {
        for (const auto& [name, text] : programs) {
            const std::string path = tools_ / name;
            std::ofstream(path) << "#!/bin/sh\necho " << name << " >>" << log() << "\n"
                                << text << "\n";
            ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
        }
        SshdOptions server;
        server.path = tools_.path();
        start_behind({}, server);
    }
    [[nodiscard]] std::string log() const { return tools_ / "log"; }
    std::set<std::string> called() const {
        std::set<std::string> names;
        std::ifstream file(log());
        for (std::string line; std::getline(file, line);) names.insert(line);
        return names;
    }
    // Uploads, checks, damages, checks.
    void expect_that_it_verifies() {
        ASSERT_EQ(settle(), ServerHash::State::works);
        MemoryBlob blob(random_content(6u << 20, 1));
        const auto down = proxy_->bytes_down();
        const auto stored = provider().put(ctx_, "file", blob, options());
        ASSERT_THAT(stored, IsOk());
        EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), IsOk());
        EXPECT_LT(proxy_->bytes_down() - down, 1u << 20);
        {
            std::fstream file(server_->folder() + "/replica/file",
                              std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(1 << 20);
            file.put(static_cast<char>(~static_cast<unsigned>(blob.data()[1 << 20])));
        }
        EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()),
                    HasCode(Errc::corrupt));
    }

    const std::string head_ = "exec /usr/bin/head \"$@\"",
                      sha256sum_ = "exec /usr/bin/sha256sum \"$@\"",
                      openssl_ = "exec /usr/bin/openssl \"$@\"";
    TempDir tools_;
};

TEST_F(SftpServerHashTest, OpensslIsTakenWhereItIsThere) {
    start_with({{"head", head_}, {"sha256sum", sha256sum_}, {"openssl", openssl_}});
    if (!server_) return;
    expect_that_it_verifies();
    EXPECT_EQ(called(), (std::set<std::string>{"head", "openssl"}));
}

TEST_F(SftpServerHashTest, Sha256sumIsEnough) {
    start_with({{"head", head_}, {"sha256sum", sha256sum_}});
    if (!server_) return;
    expect_that_it_verifies();
    EXPECT_EQ(called(), (std::set<std::string>{"head", "sha256sum"}));
}

TEST_F(SftpServerHashTest, OpensslThatCanNotIsNotTaken) {
    start_with({{"head", head_},
                {"sha256sum", sha256sum_},
                {"openssl", "echo unknown option -r >&2; exit 1"}});
    if (!server_) return;
    expect_that_it_verifies();
    EXPECT_EQ(called(), (std::set<std::string>{"head", "openssl", "sha256sum"}));
}

TEST_F(SftpServerHashTest, AServerThatWasTooSlowToSayIsAskedAgainLater) {
    start_with({{"head", "test -e " + (tools_ / "ready") + " || exec /bin/sleep 60\n" + head_},
                {"sha256sum", sha256sum_}});
    if (!server_) return;
    ASSERT_EQ(settle(), ServerHash::State::unknown);
    MemoryBlob blob(random_content(6u << 20, 1));
    auto down = proxy_->bytes_down();
    ASSERT_THAT(provider().put(ctx_, "before", blob, options()), IsOk());
    EXPECT_GE(proxy_->bytes_down() - down, 6u << 20) << "read back meanwhile";
    std::ofstream(tools_ / "ready").put('1');
    ASSERT_EQ(settle(), ServerHash::State::unknown) << "not with each upload";
    clock_.advance(std::chrono::minutes(11));
    expect_that_it_verifies();
}

TEST_F(SftpTest, ServerWithoutShellIsReadBack) {
    START_BEHIND({}, {.internal_sftp = true, .host_key_type = "ed25519", .extra_lines = {}});
    ASSERT_EQ(settle(), ServerHash::State::absent);
    MemoryBlob blob(random_content(6u << 20, 1));
    const auto down = proxy_->bytes_down();
    ASSERT_THAT(provider().put(ctx_, "file", blob, options()), IsOk());
    EXPECT_GE(proxy_->bytes_down() - down, 6u << 20);
}

TEST_F(SftpTest, VerifyHashWithoutShellIsRefusedClearly) {
    START({.internal_sftp = true, .host_key_type = "ed25519", .extra_lines = {}});
    config_.config.set("verify", Json("hash"));
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::config));
    EXPECT_THAT(probed.error().why, HasSubstr("sha256sum"));
    EXPECT_EQ(probed.error().provider, config_.name);
    // Nor is anything stored that could not be checked that way.
    EXPECT_THAT(put("small", "x"), HasCode(Errc::config));
    MemoryBlob large(random_content(3u << 20, 1));
    EXPECT_THAT(provider().put(ctx_, "large", large, options()), HasCode(Errc::config));
    std::vector<PutRequest> requests{{"batch", std::make_shared<MemoryBlob>("x"), options()}};
    int answers = 0;
    provider().put_batch(ctx_, requests, [&](std::size_t, const Result<PutResult>& result) {
        EXPECT_THAT(result, HasCode(Errc::config));
        ++answers;
    });
    EXPECT_EQ(answers, 1);
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_TRUE(page->entries.empty());
    EXPECT_TRUE(page->leftovers.empty());
}

TEST_F(SftpTest, VerifyHashIsKnownAfterTheProbeAndNothingLargeIsReadBack) {
    START_BEHIND({});
    config_.config.set("verify", Json("hash"));
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    EXPECT_EQ(dynamic_cast<SftpProvider&>(provider()).server_hash(), ServerHash::State::works);
    MemoryBlob blob(random_content(6u << 20, 1));
    const auto down = proxy_->bytes_down();
    const auto stored = provider().put(ctx_, "file", blob, options());
    ASSERT_THAT(stored, IsOk());
    EXPECT_TRUE(stored->verified);
    EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), IsOk());
    EXPECT_LT(proxy_->bytes_down() - down, 1u << 20);
}

TEST_F(SftpTest, VerifyHashFindsOutByItselfWithoutAProbe) {
    START();
    config_.config.set("verify", Json("hash"));
    MemoryBlob blob(random_content(3u << 20, 1));
    ASSERT_THAT(provider().put(ctx_, "file", blob, options()), IsOk());
    EXPECT_EQ(dynamic_cast<SftpProvider&>(provider()).server_hash(), ServerHash::State::works);
}

TEST_F(SftpTest, VerifyHashNoticesDamageAtTheServer) {
    START();
    config_.config.set("verify", Json("hash"));
    MemoryBlob blob(random_content(3u << 20, 1));
    const auto stored = provider().put(ctx_, "file", blob, options());
    ASSERT_THAT(stored, IsOk());
    {
        std::fstream file(server_->folder() + "/replica/file",
                          std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(1 << 20);
        file.put(static_cast<char>(~static_cast<unsigned>(blob.data()[1 << 20])));
    }
    EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), HasCode(Errc::corrupt));
}

TEST_F(SftpTest, VerifyReadbackNeverAsksTheShell) {
    START_BEHIND({});
    config_.config.set("verify", Json("readback"));
    EXPECT_TRUE(provider().capabilities().reads_back);
    EXPECT_EQ(settle(), ServerHash::State::unknown);
    MemoryBlob blob(random_content(6u << 20, 1));
    const auto down = proxy_->bytes_down();
    const auto stored = provider().put(ctx_, "file", blob, options());
    ASSERT_THAT(stored, IsOk());
    EXPECT_GE(proxy_->bytes_down() - down, 6u << 20);
    EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), IsOk());
    EXPECT_GE(proxy_->bytes_down() - down, 12u << 20);
    EXPECT_EQ(dynamic_cast<SftpProvider&>(provider()).server_hash(), ServerHash::State::unknown);
}

}  // namespace
}  // namespace oracxfs::test
