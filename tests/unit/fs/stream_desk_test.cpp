// Uploads of growing files: who is slowed down, and what happens when everything ends at once.

#include "fs/stream_desk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <random>

namespace oracxfs::test {
namespace {

constexpr auto kLong = std::chrono::seconds(60);
constexpr VersionId kVersion{7};
constexpr std::uint64_t kAhead = 1'000;  // write_ahead_bytes

// An upload that a test moves forward; it ends on command or when it is stopped.
class Upload {
  public:
    StreamDesk::Target target(ProviderId provider) {
        return {provider, [this](const std::stop_token& stop, const std::function<void(std::uint64_t)>& on_bytes) {
            std::unique_lock lock(mutex_);
            running_ = true;
            changed_.notify_all();
            while (true) {
                const bool more = changed_.wait(lock, stop, [this] { return ends_ || bytes_ != told_; });
                if (!more) stopped_ = true;
                if (!more || (ends_ && bytes_ == told_)) break;
                const std::uint64_t bytes = bytes_;
                lock.unlock();
                on_bytes(bytes);
                lock.lock();
                told_ = bytes;
                changed_.notify_all();
            }
            running_ = false;
            ended_ = true;
            changed_.notify_all();
            if (throws_) throw std::runtime_error("the upload broke");
        }};
    }
    void wait_until_running() {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, kLong, [this] { return running_ || ended_; }));
    }
    // Returns when the desk has heard of it.
    void acknowledge(std::uint64_t bytes) {
        std::unique_lock lock(mutex_);
        bytes_ = bytes;
        changed_.notify_all();
        ASSERT_TRUE(changed_.wait_for(lock, kLong, [&] { return told_ == bytes || ended_; }));
    }
    void end(bool with_exception = false) {
        const std::lock_guard lock(mutex_);
        throws_ = with_exception;
        ends_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] bool ended() const {
        const std::lock_guard lock(mutex_);
        return ended_;
    }
    [[nodiscard]] bool stopped() const {
        const std::lock_guard lock(mutex_);
        return stopped_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool running_ = false, ended_ = false, stopped_ = false, ends_ = false, throws_ = false;
    std::uint64_t bytes_ = 0, told_ = 0;
};

// A writer that was told to pause.
class Pause {
  public:
    std::function<void()> resume() {
        return [state = state_] {
            if (state->calls.fetch_add(1) == 0) state->promise.set_value();
        };
    }
    [[nodiscard]] bool resumed_in_time() { return future_.wait_for(kLong) == std::future_status::ready; }
    [[nodiscard]] int calls() const { return state_->calls; }

  private:
    struct State {
        std::promise<void> promise;
        std::atomic<int> calls{0};
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
    std::future<void> future_ = state_->promise.get_future();
};

class StreamDeskTest : public testing::Test {
  protected:
    StreamDeskTest() {
        options.write_ahead_bytes = kAhead;
        options.streams_max = 2;
        desk = std::make_unique<StreamDesk>(options);
    }
    ~StreamDeskTest() override { desk->stop(); }

    void begin(std::size_t count, VersionId version = kVersion) {
        std::vector<StreamDesk::Target> targets;
        for (std::size_t i = 0; i < count; ++i) targets.push_back(uploads[i].target(ProviderId{static_cast<std::int64_t>(i) + 1}));
        desk->begin(version, std::move(targets));
        for (std::size_t i = 0; i < count; ++i) uploads[i].wait_until_running();
    }
    bool pauses(std::uint64_t written, Pause& pause, std::uint32_t needed = UINT32_MAX) {
        return desk->must_pause(kVersion, written, needed, pause.resume());
    }

    ReplicatorOptions options;
    std::vector<Upload> uploads{4};
    std::unique_ptr<StreamDesk> desk;
};

TEST_F(StreamDeskTest, AWriterWithoutUploadsIsNeverSlowed) {
    Pause pause;
    EXPECT_FALSE(pauses(1u << 30, pause));
    desk->end(kVersion);
    EXPECT_EQ(pause.calls(), 0);
}

TEST_F(StreamDeskTest, TheSlowestUploadSetsThePaceWhenAllAreAwaited) {
    begin(2);
    Pause within, pause;
    EXPECT_FALSE(pauses(kAhead, within));
    uploads[0].acknowledge(5'000);
    EXPECT_TRUE(pauses(kAhead + 1, pause));
    uploads[0].acknowledge(6'000);
    EXPECT_EQ(pause.calls(), 0);
    uploads[1].acknowledge(1);
    EXPECT_TRUE(pause.resumed_in_time());
    EXPECT_EQ(pause.calls(), 1);
    Pause again;
    EXPECT_TRUE(pauses(kAhead + 2, again));
    EXPECT_EQ(within.calls(), 0);
}

TEST_F(StreamDeskTest, OnlyAsManyAsNeededMustKeepUp) {
    begin(3);
    Pause pause;
    // Nobody is awaited: journal.
    EXPECT_FALSE(pauses(50'000, pause, 0));
    // One: the fastest counts.
    uploads[2].acknowledge(50'000);
    EXPECT_FALSE(pauses(50'000, pause, 1));
    // Two: the second fastest.
    EXPECT_TRUE(pauses(50'000, pause, 2));
    uploads[0].acknowledge(49'000);
    EXPECT_TRUE(pause.resumed_in_time());
    Pause all;
    EXPECT_TRUE(pauses(50'000, all, 3));
    uploads[1].acknowledge(49'000);
    EXPECT_TRUE(all.resumed_in_time());
}

TEST_F(StreamDeskTest, AnUploadThatEndsSlowsNobody) {
    for (const bool with_exception : {false, true}) {
        uploads = std::vector<Upload>(4);
        begin(2);
        uploads[0].acknowledge(100'000);
        Pause pause;
        EXPECT_TRUE(pauses(100'000, pause));
        uploads[1].end(with_exception);
        EXPECT_TRUE(pause.resumed_in_time());
        uploads[0].end();
        desk->cancel(ProviderId{1});  // until it has ended
        desk->end(kVersion);
    }
}

TEST_F(StreamDeskTest, OneWriterIsPausedAtATime) {
    begin(1);
    Pause first, second;
    EXPECT_TRUE(pauses(5'000, first));
    EXPECT_FALSE(pauses(6'000, second)) << "there is one place to wait in";
    uploads[0].acknowledge(5'000);
    EXPECT_TRUE(first.resumed_in_time());
    EXPECT_EQ(second.calls(), 0);
}

TEST_F(StreamDeskTest, EndFreesTheWriterAndTheUploadGoesOn) {
    begin(1);
    Pause pause;
    EXPECT_TRUE(pauses(5'000, pause));
    desk->end(kVersion);
    EXPECT_TRUE(pause.resumed_in_time());
    EXPECT_FALSE(uploads[0].ended());
    Pause late;
    EXPECT_FALSE(pauses(1u << 30, late));
    uploads[0].end();
    desk->stop();
    EXPECT_FALSE(uploads[0].stopped());
}

TEST_F(StreamDeskTest, AProviderTakesOnlySoManyStreams) {
    for (std::int64_t v = 0; v < 3; ++v) desk->begin(VersionId{v + 1}, {uploads[static_cast<std::size_t>(v)].target(ProviderId{1})});
    uploads[0].wait_until_running();
    uploads[1].wait_until_running();
    // The third has no stream: its writer is not slowed, its file is sent when it is closed.
    Pause pause;
    EXPECT_FALSE(desk->must_pause(VersionId{3}, 1u << 30, UINT32_MAX, pause.resume()));
    EXPECT_TRUE(desk->must_pause(VersionId{2}, 1u << 30, UINT32_MAX, pause.resume()));
    uploads[0].end();
    desk->begin(VersionId{4}, {uploads[3].target(ProviderId{2})});  // another provider has its own
    uploads[3].wait_until_running();
}

TEST_F(StreamDeskTest, AVersionIsStreamedOnce) {
    begin(1);
    Upload second;
    desk->begin(kVersion, {second.target(ProviderId{2})});
    desk->stop();
    EXPECT_TRUE(uploads[0].stopped());
    EXPECT_FALSE(second.ended());
}

TEST_F(StreamDeskTest, CancelStopsOneProviderAndWaitsForIt) {
    begin(2);
    Pause pause;
    uploads[1].acknowledge(50'000);
    EXPECT_TRUE(pauses(50'000, pause));
    desk->cancel(ProviderId{1});
    EXPECT_TRUE(uploads[0].ended());
    EXPECT_TRUE(uploads[0].stopped());
    EXPECT_FALSE(uploads[1].ended());
    EXPECT_TRUE(pause.resumed_in_time());
    desk->cancel(ProviderId{9});
    EXPECT_FALSE(uploads[1].ended());
}

TEST_F(StreamDeskTest, StopResumesThePausedWriterAndEndsTheUploads) {
    begin(2);
    Pause pause;
    EXPECT_TRUE(pauses(50'000, pause));
    desk->stop();
    EXPECT_TRUE(pause.resumed_in_time());
    EXPECT_EQ(pause.calls(), 1);
    for (const std::size_t i : {0u, 1u}) EXPECT_TRUE(uploads[i].stopped());
    Pause late;
    EXPECT_FALSE(pauses(100'000, late));
    Upload too_late;
    desk->begin(VersionId{99}, {too_late.target(ProviderId{1})});
    desk->stop();
    EXPECT_FALSE(too_late.ended());
}

TEST_F(StreamDeskTest, AResumedWriterMayEndItsStreamAtOnce) {
    // From the upload's own thread: it must not wait for itself.
    begin(1);
    std::promise<void> ended;
    EXPECT_TRUE(desk->must_pause(kVersion, 50'000, UINT32_MAX, [&] {
        desk->end(kVersion);
        ended.set_value();
    }));
    uploads[0].end();
    EXPECT_EQ(ended.get_future().wait_for(kLong), std::future_status::ready);
    desk->stop();
}

// Uploads that end by themselves, are cancelled and stopped, all at the same moment; writers that pause and end meanwhile.
TEST(StreamDeskRace, EverythingEndsAtOnce) {
    ReplicatorOptions options;
    options.write_ahead_bytes = kAhead;
    options.streams_max = 100;
    std::mt19937 random(4711);
    for (int round = 0; round < 200; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        constexpr int kVersions = 4, kProviders = 3;
        std::atomic<int> begun{0}, ended{0}, paused{0}, resumed{0};
        std::atomic<bool> go{false};
        {
            StreamDesk desk(options);
            for (int v = 1; v <= kVersions; ++v) {
                std::vector<StreamDesk::Target> targets;
                for (int p = 1; p <= kProviders; ++p) {
                    const int steps = static_cast<int>(random() % 20);
                    targets.push_back({ProviderId{p}, [&, steps](const std::stop_token& stop, const std::function<void(std::uint64_t)>& on_bytes) {
                        begun += 1;
                        while (!go && !stop.stop_requested()) std::this_thread::yield();
                        for (int i = 1; i <= steps && !stop.stop_requested(); ++i) on_bytes(static_cast<std::uint64_t>(i) * 500);
                        ended += 1;
                    }});
                }
                desk.begin(VersionId{v}, std::move(targets));
            }
            const bool stops = random() % 2 == 0;
            std::vector<std::jthread> threads;
            for (int v = 1; v <= kVersions; ++v)
                threads.emplace_back([&, v] {
                    while (!go) std::this_thread::yield();
                    for (std::uint64_t written = 500; written < 10'000; written += 500)
                        if (desk.must_pause(VersionId{v}, written, static_cast<std::uint32_t>(v - 1), [&] { resumed += 1; })) paused += 1;
                    desk.end(VersionId{v});
                });
            for (int p = 1; p < kProviders; ++p)
                threads.emplace_back([&, p] {
                    while (!go) std::this_thread::yield();
                    desk.cancel(ProviderId{p});
                });
            if (stops)
                threads.emplace_back([&] {
                    while (!go) std::this_thread::yield();
                    desk.stop();
                });
            go = true;
            threads.clear();
        }
        EXPECT_EQ(begun, kVersions * kProviders);
        EXPECT_EQ(ended, begun) << "a thread was left behind";
        EXPECT_EQ(resumed, paused) << "a writer hangs, or was called twice";
    }
}

// The same versions and providers again and again, with the threads of earlier ones still being collected.
TEST(StreamDeskRace, BeginsAndEndsFromManyWriters) {
    ReplicatorOptions options;
    options.write_ahead_bytes = kAhead;
    options.streams_max = 3;
    std::atomic<int> begun{0}, ended{0};
    {
        StreamDesk desk(options);
        std::vector<std::jthread> writers;
        for (std::int64_t w = 0; w < 4; ++w)
            writers.emplace_back([&, w] {
                for (std::int64_t n = 0; n < 100; ++n) {
                    const VersionId version{w * 1'000 + n + 1};
                    std::vector<StreamDesk::Target> targets;
                    for (std::int64_t p = 1; p <= 2; ++p)
                        targets.push_back({ProviderId{p}, [&](const std::stop_token&, const std::function<void(std::uint64_t)>& on_bytes) {
                            begun += 1;
                            on_bytes(2'000);
                            ended += 1;
                        }});
                    desk.begin(version, std::move(targets));
                    std::promise<void> resumed;
                    if (desk.must_pause(version, 1'500, UINT32_MAX, [&] { resumed.set_value(); })) {
                        ASSERT_EQ(resumed.get_future().wait_for(kLong), std::future_status::ready);
                    }
                    desk.end(version);
                    if (n % 10 == w) desk.cancel(ProviderId{1});
                }
            });
        writers.clear();
    }
    EXPECT_GT(begun, 0);
    EXPECT_EQ(ended, begun);
}

}  // namespace
}  // namespace oracxfs::test
