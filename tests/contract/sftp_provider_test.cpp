// What only SFTP has: host keys, sign-in, broken and frozen connections, full disks, round trips.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "providers/sftp/sftp_provider_impl.h"
#include "providers/sftp/sftp_upload.h"
#include "tests/support/blobs.h"
#include "tests/support/delay_proxy.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/sftp_setup.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

using ::testing::HasSubstr;
using Steady = std::chrono::steady_clock;
using sftp::ServerHash;

class SftpTest : public testing::Test {
  protected:
    void start(const SshdOptions& options = {}) {
        server_ = Sshd::start(options);
        if (!server_) GTEST_SKIP() << "no sshd here";
        config_ = sftp_config(*server_, clock_);
    }
    void start_behind(DelayProxyOptions options, const SshdOptions& server = {}) {
        ASSERT_NO_FATAL_FAILURE(start(server));
        if (!server_) return;
        options.target_port = server_->port();
        proxy_ = std::make_unique<DelayProxy>(options);
        config_ = sftp_config(*server_, clock_, proxy_->port());
    }
    Provider& provider() {
        if (!provider_) provider_ = sftp_provider(config_);
        return *provider_;
    }
    // Probes and waits until it is known whether the server hashes.
    ServerHash::State settle() {
        EXPECT_THAT(provider().probe(ctx_), IsOk());
        const auto& sftp = dynamic_cast<SftpProvider&>(provider());
        const auto until = Steady::now() + patient(std::chrono::seconds(20));
        while (sftp.server_hash() == ServerHash::State::probing && Steady::now() < until) std::this_thread::yield();
        return sftp.server_hash();
    }
    PutOptions options() {
        PutOptions out;
        out.upload_id = "u" + std::to_string(++uploads_);
        return out;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text) {
        MemoryBlob blob(text);
        return provider().put(ctx_, key, blob, options());
    }
    Bytes read(const RemoteObject& object) {
        Bytes out;
        EXPECT_THAT(provider().read(ctx_, object, 0, UINT64_MAX,
                                    [&](auto data) {
                                        out.insert(out.end(), data.begin(), data.end());
                                        return true;
                                    }),
                    IsOk());
        return out;
    }

    SystemClock clock_;
    OpContext ctx_;
    ProviderConfig config_;
    std::unique_ptr<Sshd> server_;
    std::unique_ptr<DelayProxy> proxy_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

#define START(...)                         \
    do {                                   \
        start(__VA_ARGS__);                \
        if (!server_) return;              \
    } while (false)
#define START_BEHIND(...)                  \
    do {                                   \
        start_behind(__VA_ARGS__);         \
        if (!server_) return;              \
    } while (false)

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
    std::ofstream(file) << "[127.0.0.1]:" << server_->port() << " " << server_->host_key_line() << "\n";
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
    START({.internal_sftp = false, .host_key_type = "ed25519", .extra_lines = {"HostKey " + second}});
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
    ASSERT_EQ(std::system(("ssh-keygen -q -p -P '' -N 'open sesame' -f " + server_->key_file()).c_str()), 0);
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
    const std::string make = "useradd -m -s /bin/sh -p \"$(openssl passwd -6 " + password + ")\" " + user + " 2>/dev/null";
    if (std::system(make.c_str()) != 0) GTEST_SKIP() << "cannot make a user here";
    struct Remove {
        std::string user;
        ~Remove() { [[maybe_unused]] const int code = std::system(("userdel -r -f " + user + " 2>/dev/null").c_str()); }
    } const remove{user};
    // The first value of an option counts, and the support's own line says no: so a block of its own.
    START({.internal_sftp = false, .host_key_type = "ed25519", .extra_lines = {"Match User " + user, "PasswordAuthentication yes"}});
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

// ---- broken lines

TEST_F(SftpTest, KilledConnectionIsResumed) {
    START_BEHIND({.bytes_per_second = 40e6});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    MemoryBlob blob(random_content(24u << 20, 1));
    PutOptions put_options = options();
    std::string state;
    std::uint64_t acknowledged = 0;
    bool killed = false;
    put_options.on_progress = [&](std::uint64_t bytes, const std::string& resume_state) {
        state = resume_state;
        acknowledged = bytes;
    };
    blob.on_read([&](std::uint64_t offset) {
        if (offset < (14u << 20) || std::exchange(killed, true)) return;
        server_->kill_connections();
    });
    EXPECT_THAT(provider().put(ctx_, "file", blob, put_options), HasCode(Errc::unavailable));
    EXPECT_GT(acknowledged, 4u << 20);
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::not_found));
    put_options.resume_state = state;
    const std::uint64_t known = acknowledged;
    const auto resumed = provider().put(ctx_, "file", blob, put_options);
    ASSERT_THAT(resumed, IsOk());
    EXPECT_EQ(resumed->resumed_from, known);
    EXPECT_TRUE(read(resumed->object) == blob.data());
    EXPECT_TRUE(provider().list(ctx_, "", "")->leftovers.empty());
}

TEST_F(SftpTest, ResumeDoesNotTrustTheStoredSize) {
    START();
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    MemoryBlob blob(random_content(6u << 20, 1));
    PutOptions put_options = options();
    // Longer than the content, and wrong behind what was acknowledged.
    Bytes part(blob.data().begin(), blob.data().begin() + (2 << 20));
    part.resize(8u << 20, std::byte{7});
    std::ofstream(server_->folder() + "/replica/" + part_name(put_options.upload_id), std::ios::binary)
        .write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
    put_options.resume_state = sftp::encode_resume_state(2u << 20);
    const auto resumed = provider().put(ctx_, "file", blob, put_options);
    ASSERT_THAT(resumed, IsOk());
    EXPECT_EQ(resumed->resumed_from, 2u << 20);
    EXPECT_EQ(resumed->object.size, 6u << 20);
    EXPECT_TRUE(read(resumed->object) == blob.data());
}

TEST_F(SftpTest, DamagedPrefixOfAResumedUploadIsFoundBeforeItIsPublished) {
    START();
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    MemoryBlob blob(random_content(6u << 20, 1));
    PutOptions put_options = options();
    const Bytes zeros(2u << 20);
    std::ofstream(server_->folder() + "/replica/" + part_name(put_options.upload_id), std::ios::binary)
        .write(reinterpret_cast<const char*>(zeros.data()), static_cast<std::streamsize>(zeros.size()));
    put_options.resume_state = sftp::encode_resume_state(2u << 20);
    EXPECT_THAT(provider().put(ctx_, "file", blob, put_options), HasCode(Errc::corrupt));
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::not_found));
    EXPECT_TRUE(provider().list(ctx_, "", "")->leftovers.empty());
}

TEST_F(SftpTest, DeadIdleConnectionIsReplacedUnnoticed) {
    START();
    const auto stored = put("file", "text");
    ASSERT_THAT(stored, IsOk());
    server_->kill_connections();
    EXPECT_THAT(provider().stat(ctx_, "file"), IsOk());
    server_->kill_connections();
    EXPECT_THAT(put("second", "text"), IsOk());
    server_->kill_connections();
    EXPECT_EQ(read(stored->object), bytes_of("text"));
}

TEST_F(SftpTest, CutBatchAnswersForEachFileAndCanBeRepeated) {
    START_BEHIND({.one_way = std::chrono::milliseconds(5)});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    constexpr std::size_t kFiles = 120;
    std::vector<PutRequest> requests;
    for (std::size_t i = 0; i < kFiles; ++i)
        requests.push_back({"d/" + std::to_string(i), std::make_shared<MemoryBlob>(random_content(16'384, i)), options()});
    proxy_->cut_after(1u << 20);
    std::vector<int> answers(kFiles);
    std::set<ObjectKey> open;
    std::set<ObjectKey> stored;
    provider().put_batch(ctx_, requests, [&](std::size_t i, const Result<PutResult>& result) {
        ++answers[i];
        if (result) {
            stored.insert(requests[i].key);
            return;
        }
        const Errc code = result.error().code;
        EXPECT_TRUE(code == Errc::unavailable || code == Errc::outcome_unknown) << result.error().to_string();
        open.insert(requests[i].key);
    });
    EXPECT_THAT(answers, ::testing::Each(1));
    EXPECT_FALSE(open.empty());
    for (const PutRequest& request : requests) {
        const auto object = provider().stat(ctx_, request.key);
        if (stored.contains(request.key)) {
            ASSERT_THAT(object, IsOk());
        }
        if (object) {
            EXPECT_THAT(provider().verify(ctx_, *object, *request.content->digests()), IsOk());
        } else {
            EXPECT_THAT(provider().put(ctx_, request.key, *request.content, request.options), IsOk());
        }
    }
    EXPECT_EQ(provider().list(ctx_, "d", "")->entries.size(), kFiles);
}

TEST_F(SftpTest, FrozenServerIsUnavailableWithinTheTimeout) {
    START();
    config_.config.set("timeout", Json(1.0));
    ASSERT_THAT(put("file", "x"), IsOk());
    server_->freeze();
    const auto begin = Steady::now();
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::unavailable));
    EXPECT_THAT(put("second", "x"), HasCode(Errc::unavailable));  // a new connection: no answer either
    EXPECT_LT(Steady::now() - begin, patient(std::chrono::milliseconds(3'500)));
    server_->thaw();
    EXPECT_THAT(provider().stat(ctx_, "file"), IsOk());
}

TEST_F(SftpTest, CallsAreCancelledPromptlyWhileTheServerIsFrozen) {
    START();
    ASSERT_THAT(put("file", "x"), IsOk());
    server_->freeze();
    for (int round = 0; round < 2; ++round) {  // on the pooled connection, then while connecting
        std::stop_source source;
        auto result = std::async(std::launch::async,
                                 [&] { return provider().stat({.stop = source.get_token(), .deadline = {}}, "file"); });
        EXPECT_EQ(result.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
        const auto asked = Steady::now();
        source.request_stop();
        EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
        EXPECT_LT(Steady::now() - asked, patient(std::chrono::milliseconds(600)));
        // Whoever comes next must not wait for the answer that the first one did not want.
        const OpContext brief{.stop = {}, .deadline = clock_.steady() + Millis(100)};
        EXPECT_THAT(provider().stat(brief, "file"), HasCode(Errc::deadline));
    }
    server_->thaw();
    EXPECT_THAT(provider().stat(ctx_, "file"), IsOk());
}

TEST_F(SftpTest, StoppedServerIsUnavailableAtOnce) {
    START();
    server_->stop();
    EXPECT_THAT(provider().probe(ctx_), HasCode(Errc::unavailable));
}

// ---- full disks

class SftpFullDisk : public SftpTest {
  protected:
    void SetUp() override {
        START();
        folder_ = server_->folder() + "/small";
        std::filesystem::create_directory(folder_);
        if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=4m") != 0) GTEST_SKIP() << "cannot mount a tmpfs here";
        mounted_ = true;
        config_.config.set("folder", Json(folder_));
    }
    void TearDown() override {
        provider_.reset();
        if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    }
    std::string folder_;
    bool mounted_ = false;
};

TEST_F(SftpFullDisk, LargeFileIsQuotaFullAndLeavesNothing) {
    MemoryBlob blob(random_content(8u << 20, 1));
    const auto result = provider().put(ctx_, "big", blob, options());
    ASSERT_THAT(result, HasCode(Errc::quota_full));
    EXPECT_THAT(result.error().why, HasSubstr("full"));
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_TRUE(page->entries.empty());
    EXPECT_TRUE(page->leftovers.empty());
    // The server gives the space back when it has closed the removed file, in a process of its own.
    auto small = put("small", "fits");
    for (int i = 0; i < 500 && !small && small.error().code == Errc::quota_full; ++i) small = put("small", "fits");
    EXPECT_THAT(small, IsOk());
}

TEST_F(SftpFullDisk, BatchStoresWhatFits) {
    std::vector<PutRequest> requests;
    for (int i = 0; i < 10; ++i)
        requests.push_back({"f" + std::to_string(i), std::make_shared<MemoryBlob>(random_content(800'000, 1)), options()});
    int stored = 0, full = 0;
    provider().put_batch(ctx_, requests, [&](std::size_t, const Result<PutResult>& result) {
        if (result) ++stored;
        else if (result.error().code == Errc::quota_full) ++full;
        else ADD_FAILURE() << result.error().to_string();
    });
    EXPECT_GE(stored, 1);
    EXPECT_GE(full, 1);
    EXPECT_EQ(stored + full, 10);
    EXPECT_EQ(provider().list(ctx_, "", "")->entries.size(), static_cast<std::size_t>(stored));
    EXPECT_TRUE(provider().list(ctx_, "", "")->leftovers.empty());
}

TEST_F(SftpFullDisk, SpaceIsTold) {
    const auto space = provider().probe(ctx_);
    ASSERT_THAT(space, IsOk());
    EXPECT_EQ(space->total_bytes, 4u << 20);
    EXPECT_LE(*space->free_bytes, 4u << 20);
}

// ---- costs

TEST_F(SftpTest, SmallFileCostsThreeRoundTrips) {
    START_BEHIND({.one_way = std::chrono::milliseconds(20)});
    ASSERT_THAT(put("folder/warm", "x"), IsOk());
    MemoryBlob blob(random_content(16'384, 1));
    PutOptions put_options = options();
    put_options.mtime_ns = 1'700'000'000'000'000'000;
    const auto rounds = proxy_->rounds();
    ASSERT_THAT(provider().put(ctx_, "folder/file", blob, put_options), IsOk());
    EXPECT_LE(proxy_->rounds() - rounds, 3u);
}

TEST_F(SftpTest, FirstFileOfAFolderCostsNoMore) {
    START_BEHIND({.one_way = std::chrono::milliseconds(20)});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    settle();
    const auto rounds = proxy_->rounds();
    ASSERT_THAT(put("new/folder/file", "x"), IsOk());
    EXPECT_LE(proxy_->rounds() - rounds, 3u);
}

TEST_F(SftpTest, RandomReadsCostOneRoundTripEach) {
    START_BEHIND({.one_way = std::chrono::milliseconds(20)});
    MemoryBlob blob(random_content(1u << 20, 1));
    const auto stored = provider().put(ctx_, "file", blob, options());
    ASSERT_THAT(stored, IsOk());
    const auto read_at = [&](std::uint64_t offset) {
        Bytes got;
        EXPECT_THAT(provider().read(ctx_, stored->object, offset, 4'096,
                                    [&](auto data) {
                                        got.insert(got.end(), data.begin(), data.end());
                                        return true;
                                    }),
                    IsOk());
        return std::equal(got.begin(), got.end(), blob.data().begin() + static_cast<std::ptrdiff_t>(offset)) &&
               got.size() == 4'096;
    };
    EXPECT_TRUE(read_at(0));
    const auto rounds = proxy_->rounds();
    const auto down = proxy_->bytes_down();
    for (const std::uint64_t offset : {700'000u, 5u, 500'000u, 999'999u}) EXPECT_TRUE(read_at(offset));
    EXPECT_LE(proxy_->rounds() - rounds, 4u);
    EXPECT_LT(proxy_->bytes_down() - down, 4u * 8'192);
}

TEST_F(SftpTest, ServerThatHashesIsNotReadBack) {
    START_BEHIND({});
    ASSERT_EQ(settle(), ServerHash::State::works);
    MemoryBlob blob(random_content(24u << 20, 1));
    const auto down = proxy_->bytes_down();
    const auto stored = provider().put(ctx_, "it's a \"name\"\nwith $(everything) \\0101 %s", blob, options());
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
            std::ofstream(path) << "#!/bin/sh\necho " << name << " >>" << log() << "\n" << text << "\n";
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
            std::fstream file(server_->folder() + "/replica/file", std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(1 << 20);
            file.put(static_cast<char>(~static_cast<unsigned>(blob.data()[1 << 20])));
        }
        EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), HasCode(Errc::corrupt));
    }

    const std::string head_ = "exec /usr/bin/head \"$@\"", sha256sum_ = "exec /usr/bin/sha256sum \"$@\"", openssl_ = "exec /usr/bin/openssl \"$@\"";
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
    start_with({{"head", head_}, {"sha256sum", sha256sum_}, {"openssl", "echo unknown option -r >&2; exit 1"}});
    if (!server_) return;
    expect_that_it_verifies();
    EXPECT_EQ(called(), (std::set<std::string>{"head", "openssl", "sha256sum"}));
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
        std::fstream file(server_->folder() + "/replica/file", std::ios::in | std::ios::out | std::ios::binary);
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

TEST_F(SftpTest, ServerWithOneSessionAConnectionWorksToo) {
    START({.internal_sftp = false, .host_key_type = "ed25519", .extra_lines = {"MaxSessions 1"}});
    ASSERT_EQ(settle(), ServerHash::State::absent);
    MemoryBlob blob(random_content(6u << 20, 1));
    ASSERT_THAT(provider().put(ctx_, "file", blob, options()), IsOk());
}

TEST_F(SftpTest, LargeFilesUseSeveralConnectionsOnLongLines) {
    START_BEHIND({.one_way = std::chrono::milliseconds(15), .bytes_per_second = 30e6});
    settle();
    const auto connections = proxy_->connections();
    MemoryBlob blob(random_content(72u << 20, 1));
    const auto stored = provider().put(ctx_, "file", blob, options());
    ASSERT_THAT(stored, IsOk());
    EXPECT_GE(proxy_->connections(), connections + 2);
    EXPECT_THAT(provider().verify(ctx_, stored->object, *blob.digests()), IsOk());
}

TEST_F(SftpTest, LargeFilesUseSeveralConnectionsWhileTheyAreWritten) {
    START_BEHIND({.one_way = std::chrono::milliseconds(15), .bytes_per_second = 30e6});
    settle();
    const auto connections = proxy_->connections();
    const Bytes content = random_content(72u << 20, 1);
    GrowingBlob blob;
    auto stored = std::async(std::launch::async, [&] { return provider().put(ctx_, "file", blob, options()); });
    blob.append(content);
    const auto until = Steady::now() + patient(std::chrono::seconds(60));
    while (proxy_->connections() < connections + 2 && Steady::now() < until) std::this_thread::yield();
    EXPECT_GE(proxy_->connections(), connections + 2);
    blob.seal();
    const auto result = stored.get();
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->verified);
    EXPECT_EQ(result->object.size, content.size());
    EXPECT_THAT(provider().verify(ctx_, result->object, *blob.digests()), IsOk());
}

TEST_F(SftpTest, SlowWritersNeedOneConnection) {
    START_BEHIND({.one_way = std::chrono::milliseconds(15)});
    settle();
    const auto connections = proxy_->connections();
    GrowingBlob blob;
    std::uint64_t stored_bytes = 0;
    std::mutex mutex;
    std::condition_variable changed;
    PutOptions put_options = options();
    put_options.on_progress = [&](std::uint64_t bytes, const std::string&) {
        const std::lock_guard lock(mutex);
        stored_bytes = bytes;
        changed.notify_all();
    };
    auto stored = std::async(std::launch::async, [&] { return provider().put(ctx_, "file", blob, put_options); });
    const Bytes piece = random_content(512u << 10, 1);
    for (std::uint64_t written = 0; written < (40u << 20);) {
        blob.append(piece);
        written += piece.size();
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stored_bytes >= written; });
    }
    blob.seal();
    EXPECT_THAT(stored.get(), IsOk());
    EXPECT_EQ(proxy_->connections(), connections);
}

TEST_F(SftpTest, ListsFiveThousandFilesInFewRoundTrips) {
    START_BEHIND({.one_way = std::chrono::milliseconds(50)});
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const std::string folder = server_->folder() + "/replica/many";
    std::filesystem::create_directory(folder);
    for (int i = 0; i < 5'000; ++i) std::ofstream(folder + "/" + std::to_string(i)) << "";
    settle();
    const auto rounds = proxy_->rounds();
    const auto page = provider().list(ctx_, "", "");
    ASSERT_THAT(page, IsOk());
    EXPECT_EQ(page->entries.size(), 5'001u);
    EXPECT_LE(proxy_->rounds() - rounds, 20u);  // the server gives 100 names an answer: 51 if asked one by one
}

TEST_F(SftpTest, AConnectionThatIsGivenBackIsTakenBeforeANewOneIsReady) {
    START_BEHIND({.one_way = std::chrono::milliseconds(50)});
    config_.config.set("verify", Json("readback"));  // else the probe of the shell opens a connection, too
    const auto begin = Steady::now();
    ASSERT_THAT(provider().probe(ctx_), IsOk());
    const auto opening = Steady::now() - begin;
    const auto stored = put("file", "content");
    ASSERT_THAT(stored, IsOk());
    ASSERT_EQ(proxy_->connections(), 1u);
    const auto read_then = [&](const std::function<void()>& then) {
        return std::async(std::launch::async, [&, then] {
            return provider().read(ctx_, stored->object, 0, 7, [&](auto) {
                then();
                return true;
            });
        });
    };
    std::promise<void> holds, lets_go;
    auto first = read_then([&] {
        holds.set_value();
        lets_go.get_future().wait();
    });
    holds.get_future().wait();
    auto second = read_then([] {});
    while (proxy_->connections() < 2) std::this_thread::yield();  // it waits, and another connection is on its way
    const auto free = Steady::now();
    lets_go.set_value();
    EXPECT_THAT(second.get(), IsOk());
    // Had it waited for the new one, that alone would have taken as long as opening the first.
    EXPECT_LT(Steady::now() - free, opening * 9 / 10);
    EXPECT_THAT(first.get(), IsOk());
}

TEST_F(SftpTest, WaitingForAConnectionIsCancelledPromptly) {
    START();
    config_.config.set("connections", Json(1));
    GrowingBlob blob;
    auto first = std::async(std::launch::async, [&] { return provider().put(ctx_, "growing", blob, options()); });
    blob.wait_for_reader();
    std::stop_source source;
    auto second = std::async(std::launch::async,
                             [&] { return provider().stat({.stop = source.get_token(), .deadline = {}}, "x"); });
    EXPECT_EQ(second.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    source.request_stop();
    EXPECT_EQ(second.wait_for(patient(std::chrono::milliseconds(600))), std::future_status::ready);
    EXPECT_THAT(second.get(), HasCode(Errc::cancelled));
    blob.append("text");
    blob.seal();
    EXPECT_THAT(first.get(), IsOk());
}

}  // namespace
}  // namespace oracxfs::test
