// SFTP: host keys, sign-in and the folder.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/contract/sftp_fixture.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

using ::testing::HasSubstr;

// ---- host keys

TEST_F(SftpTest, UnknownHostKeyStopsBeforeSignIn) {
    START();
    config_.config.erase("host_key");
    config_.config.set("known_hosts", Json(server_->folder() + "/no_known_hosts"));
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::host_key_unknown));
    EXPECT_THAT(probed.error().why, HasSubstr("SHA256:"));
    EXPECT_EQ(server_->log().find("Accepted"), std::string::npos);
}

TEST_F(SftpTest, KnownHostsFileWithPortIsEnough) {
    START();
    config_.config.erase("host_key");
    const std::string file = server_->folder() + "/known_hosts";
    std::ofstream(file) << "[127.0.0.1]:" << server_->port() << " " << server_->host_key_line()
                        << "\n";
    config_.config.set("known_hosts", Json(file));
    EXPECT_THAT(provider().probe(ctx_), IsOk());
}

TEST_F(SftpTest, StateDirectoryHoldsKnownHostsToo) {
    START();
    config_.config.erase("host_key");
    config_.state_directory = server_->folder();
    std::ofstream(server_->folder() + "/known_hosts")
        << "[127.0.0.1]:" << server_->port() << " " << server_->host_key_line() << "\n";
    EXPECT_THAT(provider().probe(ctx_), IsOk());
}

TEST_F(SftpTest, SwappedHostKeyIsNoticedByTheNextConnection) {
    START();
    EXPECT_THAT(provider().probe(ctx_), IsOk());
    const int port = server_->port();
    const ProviderConfig trusted = config_;
    provider_.reset();
    server_.reset();
    START({.internal_sftp = false, .host_key_type = "ed25519", .extra_lines = {}, .port = port});
    config_.config.set("host_key", trusted.config["host_key"]);
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::host_key_changed));
    EXPECT_EQ(server_->log().find("Accepted"), std::string::npos);
}

TEST_F(SftpTest, FingerprintOfAnyKeyTypeOfTheServerFits) {
    const TempDir keys;
    const std::string second = keys / "ecdsa";
    ASSERT_EQ(std::system(("ssh-keygen -q -t ecdsa -N '' -f " + second).c_str()), 0);
    START(
        {.internal_sftp = false, .host_key_type = "ed25519", .extra_lines = {"HostKey " + second}});
    std::ifstream file(second + ".pub");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    config_.config.set("host_key", Json(sftp::parse_pinned_key(line)->fingerprint));
    EXPECT_THAT(provider().probe(ctx_), IsOk());
}

TEST_F(SftpTest, RsaOnlyServerIsExplained) {
    if (sftp::kRsaWorks) GTEST_SKIP() << "this libssh2 can do RSA";
    START({.internal_sftp = false, .host_key_type = "rsa", .extra_lines = {}});
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr("Ed25519"));
}

// ---- sign-in

TEST_F(SftpTest, WrongKeyIsUnauthenticated) {
    START();
    const std::string other = server_->folder() + "/other";
    ASSERT_EQ(std::system(("ssh-keygen -q -t ed25519 -N '' -f " + other).c_str()), 0);
    config_.config.set("key_file", Json(other));
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr(other));
}

TEST_F(SftpTest, MissingKeyFileIsNamed) {
    START();
    config_.config.set("key_file", Json("/nonexistent/key"));
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr("/nonexistent/key"));
}

TEST_F(SftpTest, EncryptedKeyNeedsItsPassphrase) {
    START();
    ASSERT_EQ(
        std::system(("ssh-keygen -q -p -P '' -N 'open sesame' -f " + server_->key_file()).c_str()),
        0);
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::unauthenticated));
    provider_.reset();
    config_.secret = [](const std::string& what) -> Result<std::string> {
        if (what == "key_passphrase") return std::string("open sesame");
        return fail(Errc::not_found, "read secret");
    };
    EXPECT_THAT(provider().probe(ctx_), IsOk());
}

TEST_F(SftpTest, RsaKeyIsExplained) {
    if (sftp::kRsaWorks) GTEST_SKIP() << "this libssh2 can do RSA";
    START();
    const std::string rsa = server_->folder() + "/rsa";
    ASSERT_EQ(std::system(("ssh-keygen -q -t rsa -N '' -f " + rsa).c_str()), 0);
    config_.config.set("key_file", Json(rsa));
    const auto probed = provider().probe(ctx_);
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr("Ed25519"));
}

TEST_F(SftpTest, PasswordSignsInAndNeverShows) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a user";
    const std::string user = "oracx" + std::to_string(::getpid());
    const std::string password = "Pa55-word-of-test";
    const std::string make = "useradd -m -s /bin/sh -p \"$(openssl passwd -6 " + password + ")\" " +
                             user + " 2>/dev/null";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "cannot make a user here";
    struct Remove {
        std::string user;
        ~Remove() {
            [[maybe_unused]] const int code =
                std::system(("userdel -r -f " + user + " 2>/dev/null").c_str());
        }
    } const remove{user};
    // The first value of an option counts, and the support's own line says no: so a block of its
    // own.
    START({.internal_sftp = false,
           .host_key_type = "ed25519",
           .extra_lines = {"Match User " + user, "PasswordAuthentication yes"}});
    config_.config.set("user", Json(user));
    config_.config.set("folder", Json("ORACXPRED"));
    config_.config.erase("key_file");
    std::string given = password;
    config_.secret = [&](const std::string& what) -> Result<std::string> {
        if (what == "password") return given;
        return fail(Errc::not_found, "read secret");
    };
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    EXPECT_THAT(put("file", "text"), IsOk());
    EXPECT_TRUE(std::filesystem::exists("/home/" + user + "/ORACXPRED/file"));
    provider_.reset();
    given = "another-password";
    const auto refused = provider().probe(ctx_);
    ASSERT_THAT(refused, HasCode(Errc::unauthenticated));
    EXPECT_EQ(refused.error().to_string().find(given), std::string::npos);
}

// ---- the folder

TEST_F(SftpTest, FolderIsCreatedButNotItsParents) {
    START();
    config_.config.set("folder", Json(server_->folder() + "/no/such"));
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::config));
    EXPECT_FALSE(std::filesystem::exists(server_->folder() + "/no"));
}

TEST_F(SftpTest, FolderThatIsAFileIsRefused) {
    START();
    std::ofstream(server_->folder() + "/replica") << "x";
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::config));
}

TEST_F(SftpTest, VanishedFolderIsUnavailableUntilProbed) {
    START();
    ASSERT_THAT(put("a", "x"), IsOk());
    std::filesystem::remove_all(server_->folder() + "/replica");
    EXPECT_THAT(put("b", "x"), HasCode(Errc::unavailable));
    EXPECT_THAT(provider().probe(ctx_), IsOk());
    EXPECT_THAT(put("folder/b", "x"), IsOk());
}

TEST_F(SftpTest, LinksAreNeitherListedNorFollowed) {
    START();
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const std::string root = server_->folder() + "/replica";
    std::filesystem::create_symlink("/etc/passwd", root + "/link");
    std::filesystem::create_directory_symlink("/etc", root + "/dirlink");
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_TRUE(page->entries.empty());
    EXPECT_THAT(provider().stat(ctx_, "link"), HasCode(Errc::not_found));
    EXPECT_THAT(put("link", "x"), HasCode(Errc::exists));
    RemoteObject link;
    link.key = "link";
    EXPECT_FALSE(provider().read(ctx_, link, 0, 10, [](auto) { return true; }).has_value());
}

}  // namespace
}  // namespace oracxfs::test
