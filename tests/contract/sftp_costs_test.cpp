// SFTP: round trips, and how many connections are used for what.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "tests/contract/sftp_fixture.h"

namespace oracxfs::test {
namespace {

using sftp::ServerHash;

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
    EXPECT_THAT(provider().stat(ctx_, ""), IsOk());  // what was said before on other connections has been counted by now
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
        return std::equal(got.begin(), got.end(),
                          blob.data().begin() + static_cast<std::ptrdiff_t>(offset)) &&
               got.size() == 4'096;
    };
    EXPECT_TRUE(read_at(0));
    const auto rounds = proxy_->rounds();
    const auto down = proxy_->bytes_down();
    for (const std::uint64_t offset : {700'000u, 5u, 500'000u, 999'999u})
        EXPECT_TRUE(read_at(offset));
    EXPECT_LE(proxy_->rounds() - rounds, 4u);
    EXPECT_LT(proxy_->bytes_down() - down, 4u * 8'192);
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
    auto stored = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "file", blob, options()); });
    blob.append(content);
    const auto until = Steady::now() + patient(std::chrono::seconds(60));
    while (proxy_->connections() < connections + 2 && Steady::now() < until)
        std::this_thread::yield();
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
    auto stored = std::async(std::launch::async,
                             [&] { return provider().put(ctx_, "file", blob, put_options); });
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
    EXPECT_LE(proxy_->rounds() - rounds,
              20u);  // the server gives 100 names an answer: 51 if asked one by one
}

TEST_F(SftpTest, AConnectionThatIsGivenBackIsTakenBeforeANewOneIsReady) {
    START_BEHIND({.one_way = std::chrono::milliseconds(50)});
    config_.config.set("verify",
                       Json("readback"));  // else the probe of the shell opens a connection, too
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
    while (proxy_->connections() < 2)
        std::this_thread::yield();  // it waits, and another connection is on its way
    const auto free = Steady::now();
    lets_go.set_value();
    EXPECT_THAT(second.get(), IsOk());
    // Had it waited for the new one, that alone would have taken as long as opening the first: ten
    // round trips and more. It needs one, of a handle that is open.
    EXPECT_LT(Steady::now() - free, opening / 2);
    EXPECT_THAT(first.get(), IsOk());
}

TEST_F(SftpTest, AFurtherConnectionThatTheServerRefusesIsNoFailure) {
    START();
    config_.config.set("verify", Json("readback"));
    const auto stored = put("file", "content");
    ASSERT_THAT(stored, IsOk());
    std::promise<void> holds, lets_go;
    auto first = std::async(std::launch::async, [&] {
        return provider().read(ctx_, stored->object, 0, 7, [&](auto) {
            holds.set_value();
            lets_go.get_future().wait();
            return true;
        });
    });
    holds.get_future().wait();
    server_->stop();
    auto second = std::async(std::launch::async, [&] { return provider().stat(ctx_, "file"); });
    // It waits for the one there is.
    EXPECT_EQ(second.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
    lets_go.set_value();
    EXPECT_THAT(first.get(), IsOk());
    EXPECT_THAT(second.get(), IsOk());
}

TEST_F(SftpTest, WaitingForAConnectionIsCancelledPromptly) {
    START();
    config_.config.set("connections", Json(1));
    GrowingBlob blob;
    auto first = std::async(std::launch::async,
                            [&] { return provider().put(ctx_, "growing", blob, options()); });
    blob.wait_for_reader();
    std::stop_source source;
    auto second = std::async(std::launch::async, [&] {
        return provider().stat({.stop = source.get_token(), .deadline = {}}, "x");
    });
    EXPECT_EQ(second.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    source.request_stop();
    EXPECT_EQ(second.wait_for(patient(kPrompt)), std::future_status::ready);
    EXPECT_THAT(second.get(), HasCode(Errc::cancelled));
    blob.append("text");
    blob.seal();
    EXPECT_THAT(first.get(), IsOk());
}

}  // namespace
}  // namespace oracxfs::test
