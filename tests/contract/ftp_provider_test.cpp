// FTP on real servers: TLS and certificates, sign-in, what servers lack, broken and hung connections.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>
#include <thread>

#include "tests/contract/ftp_fixture.h"

namespace oracxfs::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FtpTest : public FtpTestBase {
  protected:
    ~FtpTest() override { provider_.reset(); }
    void start(const FtpServerOptions& options) {
        server_ = FtpServer::start(options);
        if (!server_) GTEST_SKIP() << "this server cannot run here";
        config_ = ftp_config(*server_, clock_);
    }
    // Until so much of an upload lies at the server: what is on its way is lost with the connection, however much that is.
    void await_stored(const std::string& upload_id, std::uint64_t bytes) const {
        const std::string part = server_->folder() + "/replica/" + part_name(upload_id);
        const auto until = Steady::now() + patient(std::chrono::seconds(20));
        for (std::error_code absent; Steady::now() < until; std::this_thread::yield())
            if (const auto there = std::filesystem::file_size(part, absent); !absent && there >= bytes) return;
        ADD_FAILURE() << "the server does not write " << bytes << " bytes";
    }
    std::unique_ptr<FtpServer> server_;
};

TEST_F(FtpTest, WrongPasswordNeedsThePersonAndStaysSecret) {
    for (const FtpKind kind : {FtpKind::proftpd, FtpKind::vsftpd}) {
        ASSERT_NO_FATAL_FAILURE(start({.kind = kind}));
        if (!server_) return;
        restart();
        config_.secret = [](const std::string&) -> Result<std::string> { return std::string("not-the-password"); };
        const auto probed = provider().probe(ctx_);
        EXPECT_THAT(probed, HasCode(Errc::unauthenticated));
        EXPECT_THAT(why(probed), AllOf(HasSubstr("530"), Not(HasSubstr("not-the-password"))));
    }
}

TEST_F(FtpTest, MissingPasswordIsSaidWithoutAConnection) {
    config_.name = "depot";
    config_.config = Json::object({{"host", "127.0.0.1"}, {"port", 1}, {"user", "backup"}});
    config_.secret = [](const std::string&) -> Result<std::string> { return fail(Errc::not_found, "read secret"); };
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::unauthenticated));
}

TEST_F(FtpTest, UnknownAuthorityIsRefusedBeforeThePasswordIsSent) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    config_.config.erase("ca_file");
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::unavailable));
    EXPECT_THAT(why(probed), AllOf(HasSubstr("certificate"), HasSubstr("ca_file")));
    EXPECT_TRUE(std::filesystem::is_empty(server_->folder()));
}

TEST_F(FtpTest, CertificateOfAnotherHostIsRefused) {
    ASSERT_NO_FATAL_FAILURE(start({.wrong_host = true}));
    if (!server_) return;
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::unavailable));
    EXPECT_THAT(why(probed), HasSubstr("certificate"));
}

TEST_F(FtpTest, ImplicitTlsWorks) {
    ASSERT_NO_FATAL_FAILURE(start({.implicit_tls = true}));
    if (!server_) return;
    config_.config.set("tls", "implicit");
    ASSERT_THAT(put("file", "content"), IsOk());
    EXPECT_EQ(read("file"), "content");
}

TEST_F(FtpTest, ProbeMakesTheFolderAndNothingElse) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    EXPECT_TRUE(std::filesystem::is_empty(server_->folder() + "/replica"));
    config_.config.set("folder", "no/such/parent");
    restart();
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::config));
    EXPECT_FALSE(std::filesystem::exists(server_->folder() + "/no"));
}

// Sessions are resumed on data connections, and one control connection carries everything in turn.
TEST_F(FtpTest, AllKindsOfTransfersShareOneControlConnection) {
    ASSERT_NO_FATAL_FAILURE(start({.kind = FtpKind::vsftpd}));
    if (!server_) return;
    for (int i = 0; i < 10; ++i) {
        const std::string name = "file-" + std::to_string(i);
        ASSERT_THAT(put(name, std::string(100'000, 'a')), IsOk());
        ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
        EXPECT_EQ(read(name).size(), 100'000u);
    }
    const std::string log = server_->log();
    std::size_t logins = 0;
    for (std::size_t at = 0; (at = log.find("OK LOGIN", at)) != std::string::npos; ++at) ++logins;
    EXPECT_EQ(logins, 1u) << log;
}

TEST_F(FtpTest, Tls13FailsWithAHintWhereTheLibraryLosesTheSession) {
    ASSERT_NO_FATAL_FAILURE(start({.kind = FtpKind::vsftpd}));
    if (!server_) return;
    const auto mixed = [&](int i) -> Status {
        ORACX_TRYV(put("file-" + std::to_string(i), std::string(300'000, 'a')));
        ORACX_TRYV(provider().list(ctx_, "", ""));
        return {};
    };
    config_.config.set("tls_max", "1.3");
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    for (int i = 0; i < 20; ++i) {
        const auto done = mixed(i);
        if (done) continue;
        EXPECT_THAT(done, HasCode(Errc::unavailable));
        EXPECT_THAT(why(done), HasSubstr("tls_max"));
        config_.config.set("tls_max", "1.2");
        restart();
        for (int j = 100; j < 110; ++j) EXPECT_THAT(mixed(j), IsOk());
        return;
    }
    GTEST_SKIP() << "this libcurl keeps the session with TLS 1.3 too";
}

TEST_F(FtpTest, BrokenUploadGoesOnAfterARestartOnAllServers) {
    constexpr std::uint64_t kBytes = 48u << 20;
    for (const FtpKind kind : {FtpKind::proftpd, FtpKind::vsftpd, FtpKind::pure_ftpd}) {
        if (!FtpServer::available(kind)) continue;
        SCOPED_TRACE(static_cast<int>(kind));
        restart();
        ASSERT_NO_FATAL_FAILURE(start({.kind = kind}));
        MemoryBlob blob(random_content(kBytes, 21));
        std::stop_source source;
        PutOptions broken = options();
        blob.on_read([&](std::uint64_t offset) {
            if (offset <= kBytes * 3 / 4 || source.stop_requested()) return;
            await_stored(broken.upload_id, offset * 9 / 10);
            source.request_stop();
        });
        std::string state;
        broken.on_progress = [&](std::uint64_t, const std::string& resume) { state = resume; };
        ASSERT_THAT(provider().put({source.get_token(), {}}, "big", blob, broken), HasCode(Errc::cancelled));
        blob.on_read({});
        restart();
        broken.resume_state = state;
        const std::uint64_t read_before = blob.bytes_read();
        const auto result = provider().put(ctx_, "big", blob, broken);
        ASSERT_THAT(result, IsOk());
        EXPECT_TRUE(result->verified);
        // What was handed over before the break and had to be sent again.
        EXPECT_GE(static_cast<double>(result->resumed_from), 0.85 * static_cast<double>(read_before));
        EXPECT_EQ(result->object.size, kBytes);
        EXPECT_THAT(provider().verify(ctx_, result->object, *blob.digests()), IsOk());
    }
}

TEST_F(FtpTest, KilledServerProcessIsUnavailableAndTheUploadGoesOn) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    constexpr std::uint64_t kBytes = 48u << 20;
    MemoryBlob blob(random_content(kBytes, 22));
    std::once_flag once;
    PutOptions broken = options();
    blob.on_read([&](std::uint64_t offset) {
        if (offset <= kBytes * 3 / 4) return;
        std::call_once(once, [&] {
            await_stored(broken.upload_id, kBytes * 5 / 8);
            server_->kill_connections();
        });
    });
    broken.on_progress = [&](std::uint64_t, const std::string& resume) { broken.resume_state = resume; };
    const auto first = provider().put(ctx_, "big", blob, PutOptions(broken));
    ASSERT_THAT(first, HasCode(Errc::unavailable));
    const auto second = provider().put(ctx_, "big", blob, broken);
    ASSERT_THAT(second, IsOk());
    EXPECT_GT(second->resumed_from, kBytes / 2);
    EXPECT_THAT(provider().verify(ctx_, second->object, *blob.digests()), IsOk());
}

TEST_F(FtpTest, IdleConnectionThatDiedIsReplacedUnnoticed) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    ASSERT_THAT(put("first", "1"), IsOk());
    server_->kill_connections();
    ASSERT_THAT(put("second", "2"), IsOk());
    server_->kill_connections();
    EXPECT_EQ(read("first"), "1");
    server_->kill_connections();
    EXPECT_THAT(provider().list(ctx_, "", ""), IsOk());
}

// libcurl loses its place in the dialogue when proftpd refuses a STOR after the data connection was opened.
TEST_F(FtpTest, RefusedUploadDoesNotSpoilTheNext) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const std::string folder = server_->folder() + "/replica";
    for (int i = 0; i < 3; ++i) {
        std::filesystem::rename(folder, folder + "-away");
        EXPECT_FALSE(put("file-" + std::to_string(i), "x").has_value());
        std::filesystem::rename(folder + "-away", folder);
        ASSERT_THAT(put("file-" + std::to_string(i), "x"), IsOk());
        EXPECT_THAT(provider().list(ctx_, "", ""), IsOk());
    }
}

TEST_F(FtpTest, FullDiskIsQuotaFullAndLeavesNothing) {
    for (const FtpKind kind : {FtpKind::proftpd, FtpKind::vsftpd, FtpKind::pure_ftpd}) {
        if (!FtpServer::available(kind)) continue;
        SCOPED_TRACE(static_cast<int>(kind));
        const TempDir disk;
        ::chmod(disk.path().c_str(), 0755);
        if (::mount("tmpfs", disk.path().c_str(), "tmpfs", 0, "size=4m") != 0) GTEST_SKIP() << "cannot mount a tmpfs here";
        restart();
        server_ = FtpServer::start({.kind = kind, .folder = disk.path()});
        if (server_) {
            config_ = ftp_config(*server_, clock_);
            EXPECT_THAT(put("small", "fits"), IsOk());
            MemoryBlob large(random_content(8u << 20, 3));
            EXPECT_THAT(provider().put(ctx_, "large", large, options()), HasCode(Errc::quota_full));
            const auto listed = provider().list(ctx_, "", "");
            if (listed) {
                EXPECT_EQ(listed->entries.size(), 1u);
                EXPECT_THAT(listed->leftovers, IsEmpty());
            } else {
                ADD_FAILURE() << why(listed);
            }
            EXPECT_EQ(read("small"), "fits");
        }
        restart();
        server_.reset();
        ::umount2(disk.path().c_str(), MNT_DETACH);
    }
}

TEST_F(FtpTest, FewerConnectionsWhereTheServerWantsFewer) {
    ASSERT_NO_FATAL_FAILURE(start({.kind = FtpKind::vsftpd, .extra_lines = {"max_clients=1"}}));
    if (!server_) return;
    // The connection that found out whether it listens may still count.
    Result<Space> probed;
    const auto until = Steady::now() + patient(std::chrono::seconds(20));
    do probed = provider().probe(ctx_);
    while (!probed && probed.error().code == Errc::throttled && Steady::now() < until);
    ASSERT_THAT(probed, IsOk());
    std::vector<std::future<bool>> puts;
    std::vector<std::unique_ptr<MemoryBlob>> blobs;
    for (int i = 0; i < 4; ++i) {
        blobs.push_back(std::make_unique<MemoryBlob>(random_content(400'000, static_cast<std::uint64_t>(i))));
        puts.push_back(std::async(std::launch::async, [this, &blob = *blobs.back(), key = "f" + std::to_string(i), wish = options()] {
            return provider().put(ctx_, key, blob, wish).has_value();
        }));
    }
    for (auto& done : puts) EXPECT_TRUE(done.get());
    EXPECT_EQ(dynamic_cast<FtpProvider&>(provider()).connection_limit(), 1u);
}

TEST_F(FtpTest, FrozenServerEndsAtTheStopAndAtTheTimeout) {
    ASSERT_NO_FATAL_FAILURE(start({}));
    if (!server_) return;
    config_.config.set("timeout", 2 * patience());
    ASSERT_THAT(put("file", "x"), IsOk());
    server_->freeze();
    std::stop_source source;
    auto stopped = std::async(std::launch::async, [&] { return provider().stat({source.get_token(), {}}, "file"); });
    EXPECT_EQ(stopped.wait_for(Millis(100)), std::future_status::timeout);
    const auto asked = Steady::now();
    source.request_stop();
    EXPECT_THAT(stopped.get(), HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::unavailable));
    const auto begin = Steady::now();
    EXPECT_THAT(provider().stat({{}, clock_.steady() + Millis(100)}, "file"), HasCode(Errc::deadline));
    EXPECT_LT(Steady::now() - begin, Millis(100) + patient(kPrompt));
    server_->thaw();
    EXPECT_EQ(read("file"), "x");
}

}  // namespace
}  // namespace oracxfs::test
