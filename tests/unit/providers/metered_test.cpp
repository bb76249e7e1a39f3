#include "providers/metered.h"

#include <future>

#include "tests/support/fake_clock.h"
#include "tests/support/faulty_provider.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

struct MeteredTest : testing::Test {
    MeteredTest() {
        auto faulty =
            std::make_unique<FaultyProvider>(std::make_unique<MemoryProvider>(clock), clock, 1);
        down = faulty.get();
        metered = std::make_unique<MeteredProvider>(std::move(faulty), clock);
    }
    Result<PutResult> put(const ObjectKey& key, BlobReader& blob) {
        PutOptions options;
        options.upload_id = "upload";
        return metered->put({}, key, blob, options);
    }

    FakeClock clock;
    FaultyProvider* down = nullptr;
    std::unique_ptr<MeteredProvider> metered;
};

TEST_F(MeteredTest, CountsBytesAndCalls) {
    MemoryBlob blob(random_content(3'000'000, 1));
    const auto result = put("file", blob);
    ASSERT_THAT(result, IsOk());
    ASSERT_THAT(metered->read({}, result->object, 1'000'000, 500'000, [](auto) { return true; }),
                IsOk());
    const MeterSnapshot now = metered->snapshot();
    EXPECT_EQ(now.uploaded_bytes, 3'000'000u);
    EXPECT_EQ(now.downloaded_bytes, 500'000u);
    EXPECT_EQ(now.files_put, 1u);
    EXPECT_EQ(now.of(ProviderCall::put).calls, 1u);
    EXPECT_EQ(now.of(ProviderCall::read).calls, 1u);
    EXPECT_EQ(now.of(ProviderCall::stat).calls, 0u);
    EXPECT_EQ(now.of(ProviderCall::put).error_count(), 0u);
}

TEST_F(MeteredTest, CountsErrorsByCode) {
    EXPECT_THAT(metered->stat({}, "nothing"), HasCode(Errc::not_found));
    down->down(true);
    EXPECT_THAT(metered->stat({}, "nothing"), HasCode(Errc::unavailable));
    EXPECT_THAT(metered->stat({}, "nothing"), HasCode(Errc::unavailable));
    const CallMeter meter = metered->snapshot().of(ProviderCall::stat);
    EXPECT_EQ(meter.calls, 3u);
    EXPECT_EQ(meter.error_count(), 3u);
    EXPECT_EQ(meter.errors.at(Errc::unavailable), 2u);
}

TEST_F(MeteredTest, ShowsWhatIsUnderWayAndHowLongItTook) {
    GrowingBlob blob;
    auto result = std::async(std::launch::async, [&] { return put("file", blob); });
    blob.append("hello");
    blob.wait_for_reader();
    EXPECT_EQ(metered->snapshot().of(ProviderCall::put).in_flight, 1u);
    EXPECT_EQ(metered->snapshot().of(ProviderCall::put).calls, 0u);
    clock.advance(Millis(100));
    blob.seal();
    ASSERT_THAT(result.get(), IsOk());
    const CallMeter meter = metered->snapshot().of(ProviderCall::put);
    EXPECT_EQ(meter.in_flight, 0u);
    EXPECT_EQ(meter.calls, 1u);
    EXPECT_EQ(meter.time_max, Millis(100));
    EXPECT_EQ(meter.by_time[7], 1u);  // 64..127 ms
}

TEST_F(MeteredTest, CountsTheFilesOfABatch) {
    std::vector<PutRequest> requests;
    for (const char* key : {"a", "b", "a"})
        requests.push_back({key, std::make_shared<MemoryBlob>("12345"), {}});
    metered->put_batch({}, requests, [](std::size_t, const Result<PutResult>&) {});
    const MeterSnapshot now = metered->snapshot();
    EXPECT_EQ(now.files_put, 2u);
    EXPECT_EQ(now.of(ProviderCall::put_batch).calls, 1u);
    EXPECT_EQ(now.of(ProviderCall::put_batch).errors.at(Errc::exists), 1u);
    EXPECT_EQ(now.uploaded_bytes, 10u);
}

TEST(ProviderCallNames, AreComplete) {
    EXPECT_EQ(to_string(ProviderCall::probe), "probe");
    EXPECT_EQ(to_string(ProviderCall::purge_trash), "purge_trash");
}

}  // namespace
}  // namespace oracxfs::test
