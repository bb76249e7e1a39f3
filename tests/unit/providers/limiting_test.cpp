#include "providers/limiting.h"

#include <future>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kMiB = 1u << 20;

struct Limited {
    Limited(FakeClock::Sleep sleep, BandwidthLimits limits, std::uint32_t parallel = 4)
        : clock(sleep),
          provider(std::make_unique<MemoryProvider>(clock, MemoryOptions{.parallel_max = parallel}),
                   clock, limits) {}

    Result<PutResult> put(const ObjectKey& key, BlobReader& blob, const OpContext& ctx = {}) {
        PutOptions options;
        options.upload_id = "upload";
        return provider.put(ctx, key, blob, options);
    }

    FakeClock clock;
    LimitingProvider provider;
};

double seconds(SteadyTime::duration time) { return std::chrono::duration<double>(time).count(); }

TEST(Limiting, UploadTakesTheTimeThatTheLimitSays) {
    Limited limited(FakeClock::Sleep::advances, {.upload_bytes_per_second = kMiB});
    MemoryBlob blob(random_content(4 * kMiB, 1));
    const SteadyTime begin = limited.clock.steady();
    ASSERT_THAT(limited.put("file", blob), IsOk());
    EXPECT_NEAR(seconds(limited.clock.steady() - begin), 4.0, 0.2);
}

TEST(Limiting, DownloadTakesTheTimeThatTheLimitSays) {
    Limited limited(FakeClock::Sleep::advances, {.download_bytes_per_second = 2 * kMiB});
    MemoryBlob blob(random_content(4 * kMiB, 1));
    const auto result = limited.put("file", blob);
    ASSERT_THAT(result, IsOk());
    const SteadyTime begin = limited.clock.steady();
    std::size_t got = 0;
    ASSERT_THAT(limited.provider.read({}, result->object, 0, 4 * kMiB,
                                      [&](auto data) {
                                          got += data.size();
                                          return true;
                                      }),
                IsOk());
    EXPECT_EQ(got, 4 * kMiB);
    EXPECT_NEAR(seconds(limited.clock.steady() - begin), 2.0, 0.2);
}

TEST(Limiting, BatchSharesTheLimit) {
    Limited limited(FakeClock::Sleep::advances, {.upload_bytes_per_second = kMiB});
    std::vector<PutRequest> requests;
    for (int i = 0; i < 8; ++i)
        requests.push_back({std::to_string(i),
                            std::make_shared<MemoryBlob>(random_content(kMiB / 4, 1)),
                            {}});
    const SteadyTime begin = limited.clock.steady();
    limited.provider.put_batch(
        {}, requests, [](std::size_t, const Result<PutResult>& r) { EXPECT_THAT(r, IsOk()); });
    EXPECT_NEAR(seconds(limited.clock.steady() - begin), 2.0, 0.2);
}

TEST(Limiting, WithoutLimitsNothingWaits) {
    Limited limited(FakeClock::Sleep::advances, {});
    MemoryBlob blob(random_content(4 * kMiB, 1));
    ASSERT_THAT(limited.put("file", blob), IsOk());
    EXPECT_THAT(limited.clock.pauses(), testing::IsEmpty());
}

TEST(Limiting, RateFollowsTheTimeOfDay) {
    FakeClock clock(FakeClock::Sleep::advances);
    const WallTime evening = clock.wall() + Millis(10'000);
    TokenBucket bucket(clock, 0, [&](WallTime now) -> std::uint64_t { return now < evening ? 100'000 : 400'000; });
    EXPECT_TRUE(bucket.is_limited());
    EXPECT_EQ(bucket.piece_bytes(), 5'000u);
    SteadyTime begin = clock.steady();
    for (int i = 0; i < 41; ++i) ASSERT_TRUE(bucket.take(10'000, {}));
    EXPECT_NEAR(seconds(clock.steady() - begin), 4.0, 0.01);
    clock.set_wall(evening);
    clock.advance(Millis(1'000));
    EXPECT_EQ(bucket.piece_bytes(), 20'000u);
    begin = clock.steady();
    for (int i = 0; i < 41; ++i) ASSERT_TRUE(bucket.take(10'000, {}));
    EXPECT_NEAR(seconds(clock.steady() - begin), 1.0, 0.01);
}

TEST(Limiting, HoursWithoutALimitDoNotWait) {
    FakeClock clock(FakeClock::Sleep::advances);
    TokenBucket bucket(clock, 1'000, [](WallTime) -> std::uint64_t { return 0; });
    EXPECT_EQ(bucket.piece_bytes(), SIZE_MAX);
    EXPECT_TRUE(bucket.take(1'000'000, {}));
    EXPECT_TRUE(bucket.take(1'000'000, {}));
    EXPECT_THAT(clock.pauses(), testing::IsEmpty());
}

TEST(Limiting, UploadsFollowTheTimeOfDayAlsoInTheMiddle) {
    FakeClock clock(FakeClock::Sleep::advances);
    const WallTime evening = clock.wall() + Millis(2'000);
    LimitingProvider provider(std::make_unique<MemoryProvider>(clock), clock, {},
                              [&](WallTime now) -> std::uint64_t { return now < evening ? kMiB : 4 * kMiB; });
    MemoryBlob blob(random_content(10 * kMiB, 1));
    PutOptions options;
    options.upload_id = "upload";
    const SteadyTime begin = clock.steady();
    ASSERT_THAT(provider.put({}, "file", blob, options), IsOk());
    // 2 MiB in the first two seconds, 8 MiB in the next two; a change is noticed within a second.
    const double took = seconds(clock.steady() - begin);
    EXPECT_GE(took, 3.8);
    EXPECT_LE(took, 4.9);
}

TEST(Limiting, IdleTimeIsNotSavedUp) {
    FakeClock clock(FakeClock::Sleep::advances);
    TokenBucket bucket(clock, 1'000'000);
    clock.advance(Millis(60'000));
    const SteadyTime begin = clock.steady();
    for (int i = 0; i < 11; ++i) ASSERT_TRUE(bucket.take(100'000, {}));
    EXPECT_NEAR(seconds(clock.steady() - begin), 1.0, 0.01);
}

TEST(Limiting, StopEndsAWaitForBandwidth) {
    Limited limited(FakeClock::Sleep::waits, {.upload_bytes_per_second = kMiB});
    MemoryBlob blob(random_content(4 * kMiB, 1));
    std::stop_source source;
    std::jthread stopper([&] {
        limited.clock.wait_for_sleepers(1);
        source.request_stop();
    });
    EXPECT_THAT(limited.put("file", blob, {.stop = source.get_token(), .deadline = {}}),
                HasCode(Errc::cancelled));
}

TEST(Limiting, DownloadThatIsStoppedWhileWaitingIsCancelled) {
    Limited limited(FakeClock::Sleep::waits, {.download_bytes_per_second = kMiB});
    MemoryBlob blob(random_content(4 * kMiB, 1));
    const auto result = limited.put("file", blob);
    ASSERT_THAT(result, IsOk());
    std::stop_source source;
    std::jthread stopper([&] {
        limited.clock.wait_for_sleepers(1);
        source.request_stop();
    });
    EXPECT_THAT(limited.provider.read({.stop = source.get_token(), .deadline = {}}, result->object,
                                      0, 4 * kMiB, [](auto) { return true; }),
                HasCode(Errc::cancelled));
}

// One call occupies the only place; what the other does is the test.
class LimitingPlaces : public testing::Test {
  protected:
    LimitingPlaces() : limited_(FakeClock::Sleep::waits, {}, 1) {
        first_ = std::async(std::launch::async, [&] { return limited_.put("first", blob_); });
        blob_.wait_for_reader();
    }
    ~LimitingPlaces() override { blob_.drop(); }

    Limited limited_;
    GrowingBlob blob_;
    std::future<Result<PutResult>> first_;
};

TEST_F(LimitingPlaces, TheNextCallWaitsForItsTurn) {
    auto second =
        std::async(std::launch::async, [&] { return limited_.provider.stat({}, "first"); });
    // Whenever it comes to its turn, the first one is done by then.
    blob_.append("x");
    blob_.seal();
    EXPECT_THAT(first_.get(), IsOk());
    EXPECT_THAT(second.get(), IsOk());
}

TEST_F(LimitingPlaces, StopEndsTheWait) {
    std::stop_source source;
    auto second = std::async(std::launch::async, [&] {
        return limited_.provider.stat({.stop = source.get_token(), .deadline = {}}, "first");
    });
    source.request_stop();
    EXPECT_THAT(second.get(), HasCode(Errc::cancelled));
}

TEST_F(LimitingPlaces, DeadlineEndsTheWait) {
    const OpContext soon{.stop = {}, .deadline = limited_.clock.steady() + Millis(10)};
    auto second = std::async(std::launch::async, [&] { return limited_.provider.stat(soon, "x"); });
    limited_.clock.wait_for_sleepers(1);
    limited_.clock.advance(Millis(10));
    EXPECT_THAT(second.get(), HasCode(Errc::deadline));
}

TEST_F(LimitingPlaces, FailedCallsGiveTheirPlaceBack) {
    blob_.drop();
    EXPECT_THAT(first_.get(), HasCode(Errc::cancelled));
    EXPECT_THAT(limited_.provider.stat({}, "nothing"), HasCode(Errc::not_found));
    EXPECT_THAT(limited_.provider.stat({}, "nothing"), HasCode(Errc::not_found));
}

}  // namespace
}  // namespace oracxfs::test
