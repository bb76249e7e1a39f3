// FTP knows no ranges: pieces that are read one after the other are one transfer.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/contract/ftp_fixture.h"
#include "tests/support/scripted_ftp.h"

namespace oracxfs::test {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

std::string random_text(std::uint64_t size, std::uint64_t seed) {
    const Bytes bytes = random_content(size, seed);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class FtpReadingTest : public FtpTestBase {
  protected:
    ~FtpReadingTest() override { provider_.reset(); }
    void store(std::uint64_t size) {
        content_ = random_text(size, 7);
        ASSERT_THAT(put("file", content_), IsOk());
        const auto object = provider().stat(ctx_, "file");
        ASSERT_THAT(object, IsOk());
        object_ = *object;
    }
    Status piece(std::uint64_t offset, std::uint64_t length, std::uint64_t enough = UINT64_MAX) {
        got_.clear();
        return provider().read(ctx_, object_, offset, length, [&](auto data) {
            got_.append(reinterpret_cast<const char*>(data.data()), data.size());
            return got_.size() < enough;
        });
    }
    void expect_piece(std::uint64_t offset, std::uint64_t length) {
        ASSERT_THAT(piece(offset, length), IsOk()) << offset;
        ASSERT_TRUE(got_ == content_.substr(offset, length)) << got_.size() << " bytes at " << offset;
    }
    std::string content_, got_;
    RemoteObject object_;
};

// --- counted on a server of our own ---------------------------------------------------------------------------------

class ScriptedFtpReadingTest : public FtpReadingTest {
  protected:
    ~ScriptedFtpReadingTest() override { provider_.reset(); }
    void start(ScriptedFtpOptions options = {}) {
        ftp_ = std::make_unique<ScriptedFtp>(std::move(options));
        config_ = scripted_ftp_config(*ftp_, clock_);
    }
    std::size_t transfers() const {
        const auto commands = ftp_->commands();
        return static_cast<std::size_t>(
            std::count_if(commands.begin(), commands.end(), [](const std::string& line) { return line.starts_with("RETR"); }));
    }
    std::unique_ptr<ScriptedFtp> ftp_;
};

TEST_F(ScriptedFtpReadingTest, PiecesInARowAreOneTransfer) {
    start();
    store(20 * kMiB + 12'345);
    const std::size_t before = transfers();  // the look at what was uploaded
    for (std::uint64_t at = 0; at < content_.size(); at += kMiB) ASSERT_NO_FATAL_FAILURE(expect_piece(at, kMiB));
    EXPECT_LE(transfers() - before, 2u) << "and one for the rest behind the last full piece";
    EXPECT_EQ(ftp_->sessions(), 1u);
}

TEST_F(ScriptedFtpReadingTest, ShortGapsAreReadOverAndLongOnesAreNot) {
    start();
    store(20 * kMiB);
    const std::size_t before = transfers();
    expect_piece(0, 100'000);
    expect_piece(100'001, 5);
    expect_piece(500'000, kMiB);
    EXPECT_EQ(transfers() - before, 1u);
    expect_piece(10 * kMiB, kMiB);
    EXPECT_EQ(transfers() - before, 2u);
    expect_piece(0, 10);  // no way back
    EXPECT_EQ(transfers() - before, 3u);
    expect_piece(500'000 + kMiB, kMiB);  // each goes on where it is
    expect_piece(11 * kMiB, kMiB);
    EXPECT_EQ(transfers() - before, 3u);
}

TEST_F(ScriptedFtpReadingTest, WhoHadEnoughMayGoOnAtTheNextByte) {
    start();
    store(10 * kMiB);
    const std::size_t before = transfers();
    ASSERT_THAT(piece(0, UINT64_MAX, 3 * kMiB), IsOk());
    const std::uint64_t had = got_.size();
    ASSERT_GE(had, 3 * kMiB);
    ASSERT_LT(had, 5 * kMiB);
    ASSERT_TRUE(got_ == content_.substr(0, had));
    expect_piece(had, UINT64_MAX);
    EXPECT_EQ(transfers() - before, 1u);
    EXPECT_EQ(ftp_->sessions(), 1u);
}

TEST_F(ScriptedFtpReadingTest, NothingIsReadForNothing) {
    start();
    store(5 * kMiB);
    const std::size_t before = transfers();
    expect_piece(0, 1000);
    expect_piece(1500, 0);
    expect_piece(1000, 1000);
    EXPECT_EQ(transfers() - before, 1u);
}

TEST_F(ScriptedFtpReadingTest, ATransferGivesWayWhereThereIsOneConnection) {
    start({.connections_max = 1});
    store(10 * kMiB);
    for (std::uint64_t at = 0; at < content_.size(); at += kMiB) {
        ASSERT_NO_FATAL_FAILURE(expect_piece(at, kMiB));
        ASSERT_THAT(provider().stat(ctx_, "file"), IsOk());
    }
}

TEST_F(ScriptedFtpReadingTest, ANewVersionIsReadAnew) {
    start();
    store(5 * kMiB);
    expect_piece(0, kMiB);
    const std::string old = content_;
    content_ = random_text(6 * kMiB, 8);
    ASSERT_THAT(put("file", content_, object_), IsOk());
    EXPECT_THAT(piece(3 * kMiB, kMiB), HasCode(Errc::changed)) << "no transfer of it waits there";
    const auto now = provider().stat(ctx_, "file");
    ASSERT_THAT(now, IsOk());
    object_ = *now;
    expect_piece(kMiB, kMiB);
    expect_piece(2 * kMiB, kMiB);
}

// --- on real servers, encrypted -------------------------------------------------------------------------------------

class RealFtpReadingTest : public FtpReadingTest, public testing::WithParamInterface<FtpKind> {
  protected:
    ~RealFtpReadingTest() override { provider_.reset(); }
    void start() {
        server_ = FtpServer::start({.kind = GetParam()});
        if (!server_) GTEST_SKIP() << "this server cannot run here";
        config_ = ftp_config(*server_, clock_);
    }
    std::unique_ptr<FtpServer> server_;
};
INSTANTIATE_TEST_SUITE_P(Ftp, RealFtpReadingTest, testing::Values(FtpKind::proftpd, FtpKind::vsftpd, FtpKind::pure_ftpd), [](const auto& kind) {
    return kind.param == FtpKind::proftpd ? "ProFtpd" : kind.param == FtpKind::vsftpd ? "Vsftpd" : "PureFtpd";
});

TEST_P(RealFtpReadingTest, PiecesInARowAreRight) {
    ASSERT_NO_FATAL_FAILURE(start());
    if (!server_) return;
    store(20 * kMiB + 12'345);
    for (std::uint64_t at = 0; at < content_.size(); at += 700'001) ASSERT_NO_FATAL_FAILURE(expect_piece(at, 700'001));
}

TEST_P(RealFtpReadingTest, ATransferThatDiedWhileItWaitedIsReplacedUnnoticed) {
    ASSERT_NO_FATAL_FAILURE(start());
    if (!server_) return;
    store(40 * kMiB);
    expect_piece(0, kMiB);
    server_->kill_connections();
    // What had come already may still be good.
    for (std::uint64_t at = kMiB; at < content_.size(); at += 3 * kMiB) ASSERT_NO_FATAL_FAILURE(expect_piece(at, 3 * kMiB));
}

TEST_P(RealFtpReadingTest, ReadingOnCanBeCancelled) {
    ASSERT_NO_FATAL_FAILURE(start());
    if (!server_) return;
    store(40 * kMiB);
    expect_piece(0, kMiB);
    std::stop_source stop;
    OpContext ctx;
    ctx.stop = stop.get_token();
    std::uint64_t came = 0;
    const Status read = provider().read(ctx, object_, kMiB, 30 * kMiB, [&](auto data) {
        came += data.size();
        if (came > 2 * kMiB) stop.request_stop();
        return true;
    });
    EXPECT_THAT(read, HasCode(Errc::cancelled));
    expect_piece(kMiB, 30 * kMiB);
}

}  // namespace
}  // namespace oracxfs::test
