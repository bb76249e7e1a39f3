// SFTP: broken and frozen connections, full disks.

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "providers/sftp/sftp_upload.h"
#include "tests/contract/sftp_fixture.h"

namespace oracxfs::test {
namespace {

using ::testing::HasSubstr;

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
    std::ofstream(server_->folder() + "/replica/" + part_name(put_options.upload_id),
                  std::ios::binary)
        .write(reinterpret_cast<const char*>(part.data()),
               static_cast<std::streamsize>(part.size()));
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
    std::ofstream(server_->folder() + "/replica/" + part_name(put_options.upload_id),
                  std::ios::binary)
        .write(reinterpret_cast<const char*>(zeros.data()),
               static_cast<std::streamsize>(zeros.size()));
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
    settle();  // no further connection is on its way
    constexpr std::size_t kFiles = 120;
    std::vector<PutRequest> requests;
    for (std::size_t i = 0; i < kFiles; ++i)
        requests.push_back({"d/" + std::to_string(i),
                            std::make_shared<MemoryBlob>(random_content(16'384, i)), options()});
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
        EXPECT_TRUE(code == Errc::unavailable || code == Errc::outcome_unknown)
            << result.error().to_string();
        open.insert(requests[i].key);
    });
    EXPECT_THAT(answers, ::testing::Each(1));
    EXPECT_FALSE(open.empty());
    ASSERT_TRUE(server_->wait_for_ends(patient(std::chrono::seconds(20))));  // it goes on with what has reached it
    for (const PutRequest& request : requests) {
        const auto object = provider().stat(ctx_, request.key);
        if (stored.contains(request.key)) {
            ASSERT_THAT(object, IsOk());
        }
        if (object) {
            EXPECT_THAT(provider().verify(ctx_, *object, *request.content->digests()), IsOk());
        } else {
            EXPECT_THAT(provider().put(ctx_, request.key, *request.content, request.options),
                        IsOk());
        }
    }
    EXPECT_EQ(provider().list(ctx_, "d", "")->entries.size(), kFiles);
}

TEST_F(SftpTest, FrozenServerIsUnavailableWithinTheTimeout) {
    START();
    const double seconds = 2 * patience();
    config_.config.set("timeout", Json(seconds));
    ASSERT_THAT(put("file", "x"), IsOk());
    server_->freeze();
    const auto begin = Steady::now();
    EXPECT_THAT(provider().stat(ctx_, "file"), HasCode(Errc::unavailable));
    EXPECT_THAT(put("second", "x"),
                HasCode(Errc::unavailable));  // a new connection: no answer either
    EXPECT_LT(Steady::now() - begin, std::chrono::duration<double>(3.5 * seconds));
    server_->thaw();
    EXPECT_THAT(provider().stat(ctx_, "file"), IsOk());
}

// A disk that has much to write, also of others: the server answers everything but fsync at once.
TEST_F(SftpTest, AnFsyncMayTakeLongerThanTheTimeout) {
    const double seconds = patience();
    const std::string kSlowDisk =
        "strace -f -o /dev/null -e trace=fsync -e inject=fsync:delay_enter=" + std::to_string(static_cast<long>(2'500'000 * seconds)) + " ";
    const std::string server = "/usr/lib/openssh/sftp-server";
    if (!std::filesystem::exists(server) || std::system((kSlowDisk + "true").c_str()) != 0)
        GTEST_SKIP() << "sftp-server and strace are needed, and strace must be allowed to trace";
    SshdOptions slow;
    slow.sftp = kSlowDisk + server;
    START(slow);
    config_.config.set("timeout", Json(seconds));
    ASSERT_THAT(put("small", "x"), IsOk());
    MemoryBlob blob(random_content(3u << 20, 1));
    ASSERT_THAT(provider().put(ctx_, "larger", blob, options()), IsOk());
    server_->freeze();
    const auto begin = Steady::now();
    EXPECT_THAT(put("second", "x"), HasCode(Errc::unavailable)) << "a server that answers nothing at all is given up as before";
    EXPECT_LT(Steady::now() - begin, std::chrono::duration<double>(3.5 * seconds));
}

TEST_F(SftpTest, CallsAreCancelledPromptlyWhileTheServerIsFrozen) {
    START();
    ASSERT_THAT(put("file", "x"), IsOk());
    server_->freeze();
    for (int round = 0; round < 2; ++round) {  // on the pooled connection, then while connecting
        std::stop_source source;
        auto result = std::async(std::launch::async, [&] {
            return provider().stat({.stop = source.get_token(), .deadline = {}}, "file");
        });
        EXPECT_EQ(result.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
        const auto asked = Steady::now();
        source.request_stop();
        EXPECT_THAT(result.get(), HasCode(Errc::cancelled));
        EXPECT_LT(Steady::now() - asked, patient(kPrompt));
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
        if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=4m") != 0)
            GTEST_SKIP() << "cannot mount a tmpfs here";
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
    // The server gives the space back when it has closed the removed file, in a process of its own: until then the disk is
    // full, or was full when it refused ("Failure") and no longer when it was asked for its space.
    const auto patience_ends = Steady::now() + patient(std::chrono::seconds(20));
    auto small = put("small", "fits");
    while (!small && (small.error().code == Errc::quota_full || small.error().code == Errc::unavailable) && Steady::now() < patience_ends)
        small = put("small", "fits");
    EXPECT_THAT(small, IsOk());
}

TEST_F(SftpFullDisk, BatchStoresWhatFits) {
    std::vector<PutRequest> requests;
    for (int i = 0; i < 10; ++i)
        requests.push_back({"f" + std::to_string(i),
                            std::make_shared<MemoryBlob>(random_content(800'000, 1)), options()});
    int stored = 0, full = 0;
    provider().put_batch(ctx_, requests, [&](std::size_t, const Result<PutResult>& result) {
        if (result)
            ++stored;
        else if (result.error().code == Errc::quota_full)
            ++full;
        else
            ADD_FAILURE() << result.error().to_string();
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

}  // namespace
}  // namespace oracxfs::test
