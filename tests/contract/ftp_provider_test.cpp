// What only FTP has: TLS and certificates, sign-in, servers that lack or refuse things, broken and hung connections.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "providers/ftp/ftp_provider_impl.h"
#include "tests/support/blobs.h"
#include "tests/support/ftp_setup.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/scripted_ftp.h"

namespace oracxfs::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Steady = std::chrono::steady_clock;
using Act = FtpScript::Act;

// 0.2 s are promised; the rest is for a machine that is busy with other tests.
constexpr Millis kPrompt{200 + 400};

class FtpTestBase : public testing::Test {
  protected:
    Provider& provider() {
        if (!provider_) provider_ = ftp_provider(config_);
        return *provider_;
    }
    void restart() { provider_.reset(); }
    PutOptions options(std::optional<RemoteObject> replaces = {}) {
        PutOptions out;
        out.upload_id = "u" + std::to_string(++uploads_);
        out.replaces = std::move(replaces);
        return out;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text, std::optional<RemoteObject> replaces = {}) {
        MemoryBlob blob(text);
        return provider().put(ctx_, key, blob, options(std::move(replaces)));
    }
    std::string read(const ObjectKey& key) {
        const auto object = provider().stat(ctx_, key);
        if (!object) return "<" + object.error().to_string() + ">";
        std::string out;
        const Status status = provider().read(ctx_, *object, 0, UINT64_MAX, [&](auto data) {
            out.append(reinterpret_cast<const char*>(data.data()), data.size());
            return true;
        });
        return status ? out : "<" + status.error().to_string() + ">";
    }
    static std::string why(const auto& result) { return result ? "a success" : result.error().to_string(); }

    SystemClock clock_;
    OpContext ctx_;
    ProviderConfig config_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

class FtpTest : public FtpTestBase {
  protected:
    ~FtpTest() override { provider_.reset(); }
    void start(const FtpServerOptions& options) {
        server_ = FtpServer::start(options);
        if (!server_) GTEST_SKIP() << "this server cannot run here";
        config_ = ftp_config(*server_, clock_);
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
        blob.on_read([&](std::uint64_t offset) {
            if (offset > kBytes * 3 / 4) source.request_stop();
        });
        PutOptions broken = options();
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
    blob.on_read([&](std::uint64_t offset) {
        if (offset > kBytes * 3 / 4) std::call_once(once, [&] { server_->kill_connections(); });
    });
    PutOptions broken = options();
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
    config_.config.set("timeout", 1.0);
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

// --- A server that misbehaves on command ---

class ScriptedFtpTest : public FtpTestBase {
  protected:
    ~ScriptedFtpTest() override { provider_.reset(); }
    void start(ScriptedFtpOptions options) {
        ftp_ = std::make_unique<ScriptedFtp>(std::move(options));
        config_.name = "depot";
        config_.type = kFtpType;
        config_.config = Json::object({{"host", "127.0.0.1"}, {"port", ftp_->port()}, {"user", "ada"}, {"folder", "replica"}, {"allow_plain_ftp", true}});
        config_.secret = [](const std::string&) -> Result<std::string> { return std::string("hemligt-losenord"); };
        config_.clock = &clock_;
    }
    std::size_t count(std::string_view prefix) const {
        const auto commands = ftp_->commands();
        return static_cast<std::size_t>(
            std::count_if(commands.begin(), commands.end(), [&](const std::string& line) { return line.starts_with(prefix); }));
    }
    std::unique_ptr<ScriptedFtp> ftp_;
};

TEST_F(ScriptedFtpTest, WithoutTlsNothingIsSentUnlessAllowed) {
    start({});
    config_.config.set("allow_plain_ftp", false);
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::config));
    EXPECT_THAT(why(probed), AllOf(HasSubstr("TLS"), HasSubstr("502 no TLS here")));
    EXPECT_EQ(count("USER") + count("PASS"), 0u);
    config_.config.set("allow_plain_ftp", true);
    restart();
    ASSERT_THAT(put("file", "content"), IsOk());
    EXPECT_EQ(read("file"), "content");
}

TEST_F(ScriptedFtpTest, EveryPathLiesBelowTheFolder) {
    start({});
    ASSERT_THAT(put("a/file", "1"), IsOk());
    const auto object = provider().stat(ctx_, "a/file");
    ASSERT_THAT(object, IsOk());
    ASSERT_THAT(put("a/file", "22", *object), IsOk());
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    EXPECT_THAT(provider().remove_directory(ctx_, "a"), HasCode(Errc::not_empty));
    ASSERT_THAT(provider().purge_trash(ctx_, Millis(0)), IsOk());
    for (const std::string& line : ftp_->commands()) {
        const std::size_t slash = line.find('/');
        if (slash == std::string::npos) continue;
        EXPECT_TRUE(line.substr(slash).starts_with("/login/replica")) << line;
    }
}

TEST_F(ScriptedFtpTest, NamesThatFtpCannotCarryAreRefusedBeforeAnythingIsSent) {
    start({});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const std::size_t before = ftp_->commands().size();
    for (const char* name : {"line\nfeed", "carriage\rreturn", "tab\t", "\x7f", "\xff", "blank at the end ", "a /b"})
        EXPECT_THAT(put(name, "x"), HasCode(Errc::name_refused)) << name;
    EXPECT_THAT(put(std::string("nul\0l", 5), "x"), HasCode(Errc::invalid));
    EXPECT_EQ(ftp_->commands().size(), before);
}

TEST_F(ScriptedFtpTest, HostileListingsNameNothingOutside) {
    start({.hook = [](const std::string&) { return std::nullopt; }});
    ASSERT_THAT(put("good", "x"), IsOk());
    ftp_->set_file("/login/replica/..", "up");
    ftp_->set_file("/login/replica/bell\a", "bell");
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->entries.size(), 1u);
    EXPECT_EQ(page->entries[0].key, "good");
}

TEST_F(ScriptedFtpTest, ListingsInTheDosDialectAgreeWithStat) {
    start({.features = " REST STREAM\r\n", .dos_lists = true});
    ASSERT_THAT(put("folder/two words", "content"), IsOk());
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->entries.size(), 2u);
    EXPECT_TRUE(page->entries[0].is_directory);
    EXPECT_EQ(page->entries[1].key, "folder/two words");
    EXPECT_EQ(page->entries[1].rev, provider().stat(ctx_, "folder/two words")->rev);
}

TEST_F(ScriptedFtpTest, TimesAreNotAskedForTwice) {
    start({.features = " REST STREAM\r\n"});
    for (int i = 0; i < 5; ++i) ASSERT_THAT(put("f" + std::to_string(i), "x"), IsOk());
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    const std::size_t before = count("MDTM /login/replica/f");
    EXPECT_GE(before, 5u);
    ASSERT_THAT(provider().list(ctx_, "", ""), IsOk());
    EXPECT_EQ(count("MDTM /login/replica/f"), before);
}

TEST_F(ScriptedFtpTest, TooManyConnectionsBeforeTheFirstIsThrottled) {
    start({.connections_max = 0});
    const auto probed = provider().probe(ctx_);
    EXPECT_THAT(probed, HasCode(Errc::throttled));
    EXPECT_THAT(why(probed), HasSubstr("421 too many connections"));
}

TEST_F(ScriptedFtpTest, ParallelCallsMakeDoWithOneConnection) {
    start({.connections_max = 1});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    std::vector<std::future<bool>> puts;
    for (int i = 0; i < 4; ++i)
        puts.push_back(std::async(std::launch::async, [this, key = "f" + std::to_string(i), wish = options()] {
            MemoryBlob blob("content of " + key);
            return provider().put(ctx_, key, blob, wish).has_value();
        }));
    for (auto& done : puts) EXPECT_TRUE(done.get());
    EXPECT_EQ(ftp_->sessions(), 1u);
}

// libcurl awaits this answer in one blocking call of up to a minute.
TEST_F(ScriptedFtpTest, MissingAnswerAfterTheLastByteCanBeCancelled) {
    start({.hook = [](const std::string& line) -> std::optional<FtpScript> {
        if (line.starts_with("226 STOR")) return FtpScript{Act::silence, ""};
        return std::nullopt;
    }});
    std::stop_source source;
    MemoryBlob blob("content");
    auto result = std::async(std::launch::async, [&, wish = options()] { return provider().put({source.get_token(), {}}, "file", blob, wish); });
    while (blob.bytes_read() < blob.data().size()) std::this_thread::yield();
    EXPECT_EQ(result.wait_for(Millis(300)), std::future_status::timeout);
    const auto asked = Steady::now();
    source.request_stop();
    EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
    EXPECT_LT(Steady::now() - asked, patient(kPrompt));
}

TEST_F(ScriptedFtpTest, UnansweredRenameIsOutcomeUnknown) {
    bool lost = false;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("RNTO") || std::exchange(lost, true)) return std::nullopt;
        return FtpScript{Act::do_and_close, ""};
    }});
    EXPECT_THAT(put("file", "content"), HasCode(Errc::outcome_unknown));
    EXPECT_EQ(read("file"), "content");  // a look tells
}

TEST_F(ScriptedFtpTest, OldVersionComesBackWhenTheNewOneGetsNoName) {
    bool armed = false;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!armed || line != "RNTO /login/replica/doc") return std::nullopt;
        armed = false;
        return FtpScript{Act::reply, "553 not this time"};
    }});
    const auto first = put("doc", "version 1");
    ASSERT_THAT(first, IsOk());
    armed = true;
    const auto second = put("doc", "version two", first->object);
    ASSERT_FALSE(second.has_value());
    EXPECT_THAT(why(second), HasSubstr("not this time"));
    EXPECT_EQ(read("doc"), "version 1");
}

TEST_F(ScriptedFtpTest, DamageOnTheWayIsFoundAndThePartRemoved) {
    start({.on_store = [](std::string data) {
        if (!data.empty()) data[0] ^= 1;
        return data;
    }});
    EXPECT_THAT(put("file", "content"), HasCode(Errc::corrupt));
    EXPECT_THAT(ftp_->files(), IsEmpty());
}

TEST_F(ScriptedFtpTest, AServersWrongHashIsConfirmedByReading) {
    start({.features = " MLST type*;size*;\r\n XSHA256\r\n", .hook = [](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("XSHA256")) return std::nullopt;
        return FtpScript{Act::reply, "250 " + std::string(64, '0')};
    }});
    EXPECT_THAT(put("file", "content"), IsOk());
    EXPECT_EQ(count("RETR"), 1u);
}

TEST_F(ScriptedFtpTest, ResumesByAppendingWhereRestIsUnknown) {
    bool cut = true;
    start({.features = " MLST type*;size*;modify*;\r\n",
           .hook = [&](const std::string& line) -> std::optional<FtpScript> {
               if (line.starts_with("REST")) return FtpScript{Act::reply, "502 unknown"};
               if (line.starts_with("226 STOR")) return FtpScript{Act::close, ""};
               return std::nullopt;
           },
           .on_store = [&](std::string data) {
               if (std::exchange(cut, false)) data.resize(data.size() / 2);
               return data;
           }});
    MemoryBlob blob(random_content(400'000, 5));
    PutOptions broken = options();
    broken.on_progress = [&](std::uint64_t, const std::string& resume) { broken.resume_state = resume; };
    ASSERT_FALSE(provider().put(ctx_, "file", blob, PutOptions(broken)).has_value());
    const auto result = provider().put(ctx_, "file", blob, broken);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->resumed_from, 200'000u);
    EXPECT_EQ(count("APPE"), 1u);
}

TEST_F(ScriptedFtpTest, RefusalsCarryTheServersWordsAndTheirMeaning) {
    struct Case {
        const char* reply;
        Errc code;
    };
    std::string reply;
    start({.hook = [&](const std::string& line) -> std::optional<FtpScript> {
        if (!line.starts_with("STOR")) return std::nullopt;
        return FtpScript{Act::reply, reply};
    }});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    for (const Case& expected : {Case{"552 over quota", Errc::quota_full}, Case{"452 disk full", Errc::quota_full},
                                 Case{"550 read-only", Errc::denied}, Case{"532 need an account", Errc::denied},
                                 Case{"450 busy", Errc::unavailable}, Case{"425 no data connection", Errc::unavailable}}) {
        reply = expected.reply;
        const auto result = put("file", "content");
        EXPECT_THAT(result, HasCode(expected.code)) << reply;
        EXPECT_THAT(why(result), HasSubstr(reply));
    }
}

}  // namespace
}  // namespace oracxfs::test
