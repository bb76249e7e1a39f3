#include "providers/retrying.h"

#include <deque>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

RemoteObject at(const ObjectKey& key) {
    RemoteObject object;
    object.key = key;
    return object;
}

// Answers with the planned errors first, then lets the calls through.
class Scripted final : public ForwardingProvider {
  public:
    using ForwardingProvider::ForwardingProvider;

    Result<Space> probe(const OpContext& ctx) override {
        ORACX_TRYV(next());
        return inner().probe(ctx);
    }
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override {
        ORACX_TRYV(next());
        return inner().stat(ctx, key);
    }
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override {
        ORACX_TRYV(next());
        return inner().remove(ctx, object, mode);
    }
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content,
                          const PutOptions& options) override {
        if (!planned.empty() && bytes_before_error > 0) {
            Bytes buffer(bytes_before_error);
            ORACX_TRYV(content.read_at(0, buffer, ctx.stop));
            if (options.on_progress) options.on_progress(bytes_before_error, "state");
        }
        resume_states.push_back(options.resume_state);
        ORACX_TRYV(next());
        return inner().put(ctx, key, content, options);
    }
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override {
        Provider::put_batch(ctx, requests, done);
    }
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset,
                std::uint64_t length, const ByteSink& sink) override {
        if (!planned.empty() && bytes_before_error > 0)
            ORACX_TRYV(inner().read(ctx, object, offset, bytes_before_error, sink));
        ORACX_TRYV(next());
        return inner().read(ctx, object, offset, length, sink);
    }

    std::deque<Error> planned;
    std::size_t bytes_before_error = 0;
    int calls = 0;
    std::vector<std::string> resume_states;

  private:
    Status next() {
        ++calls;
        if (planned.empty()) return {};
        Error error = std::move(planned.front());
        planned.pop_front();
        return fail(std::move(error));
    }
};

class RetryingTest : public testing::Test {
  protected:
    explicit RetryingTest(FakeClock::Sleep sleep = FakeClock::Sleep::advances) : clock_(sleep) {
        auto memory = std::make_unique<MemoryProvider>(clock_);
        memory_ = memory.get();
        auto scripted = std::make_unique<Scripted>(std::move(memory));
        scripted_ = scripted.get();
        provider_ = std::make_unique<RetryingProvider>(std::move(scripted), clock_, 1);
        memory_->add_behind("file", bytes_of("content"));
    }
    void plan(int count, Errc code, std::optional<Millis> retry_after = {}) {
        for (int i = 0; i < count; ++i) {
            Error error(code, "planned");
            error.retry_after = retry_after;
            scripted_->planned.push_back(error);
        }
    }
    Result<PutResult> put(const ObjectKey& key) {
        MemoryBlob blob(random_content(5000, 1));
        PutOptions options;
        options.upload_id = "upload-1";
        return provider_->put(ctx_, key, blob, options);
    }

    FakeClock clock_;
    MemoryProvider* memory_ = nullptr;
    Scripted* scripted_ = nullptr;
    std::unique_ptr<RetryingProvider> provider_;
    OpContext ctx_;
};

TEST_F(RetryingTest, RepeatsUnavailableUpToThreeTimes) {
    plan(3, Errc::unavailable);
    EXPECT_THAT(provider_->stat(ctx_, "file"), IsOk());
    EXPECT_EQ(scripted_->calls, 4);
    plan(4, Errc::unavailable);
    EXPECT_THAT(provider_->stat(ctx_, "file"), HasCode(Errc::unavailable));
    EXPECT_EQ(scripted_->calls, 8);
}

TEST_F(RetryingTest, DoesNotRepeatWhatMayHaveHappenedOrStaysTheSame) {
    for (const Errc code :
         {Errc::outcome_unknown, Errc::cancelled, Errc::deadline, Errc::not_found, Errc::exists,
          Errc::changed, Errc::unauthenticated, Errc::denied, Errc::quota_full, Errc::corrupt}) {
        scripted_->calls = 0;
        plan(1, code);
        EXPECT_THAT(provider_->remove(ctx_, at("file"), RemoveMode::trash), HasCode(code));
        EXPECT_EQ(scripted_->calls, 1);
    }
    EXPECT_THAT(clock_.pauses(), IsEmpty());
}

TEST_F(RetryingTest, DoesNotRepeatWhatEndedInSilence) {
    scripted_->planned.push_back(Error(Errc::unavailable, "stat", "no answer").with_silence());
    EXPECT_THAT(provider_->stat(ctx_, "file"), HasCode(Errc::unavailable));
    EXPECT_EQ(scripted_->calls, 1);
    EXPECT_THAT(clock_.pauses(), IsEmpty());
}

TEST_F(RetryingTest, HonoursRetryAfter) {
    plan(1, Errc::throttled, Millis(5'000));
    const SteadyTime begin = clock_.steady();
    EXPECT_THAT(provider_->stat(ctx_, "file"), IsOk());
    EXPECT_GE(clock_.steady() - begin, Millis(5'000));
    EXPECT_LE(clock_.steady() - begin, Millis(5'250));
}

TEST_F(RetryingTest, LeavesLongWishesToTheCaller) {
    plan(1, Errc::throttled, Millis(60'000));
    const auto result = provider_->stat(ctx_, "file");
    ASSERT_THAT(result, HasCode(Errc::throttled));
    EXPECT_EQ(result.error().retry_after, Millis(60'000));
    EXPECT_THAT(clock_.pauses(), IsEmpty());
}

TEST_F(RetryingTest, StaysWithinThirtySecondsAltogether) {
    plan(3, Errc::throttled, Millis(14'000));
    const SteadyTime begin = clock_.steady();
    EXPECT_THAT(provider_->stat(ctx_, "file"), HasCode(Errc::throttled));
    EXPECT_LE(clock_.steady() - begin, Millis(30'000));
    EXPECT_EQ(scripted_->calls, 3);
}

TEST_F(RetryingTest, DoesNotSleepBeyondTheDeadline) {
    plan(1, Errc::throttled, Millis(5'000));
    ctx_.deadline = clock_.steady() + Millis(4'000);
    EXPECT_THAT(provider_->stat(ctx_, "file"), HasCode(Errc::throttled));
    EXPECT_THAT(clock_.pauses(), IsEmpty());
}

TEST_F(RetryingTest, SameSeedSamePauses) {
    plan(3, Errc::unavailable);
    ASSERT_THAT(provider_->stat(ctx_, "file"), IsOk());
    FakeClock other_clock(FakeClock::Sleep::advances);
    auto scripted =
        std::make_unique<Scripted>(std::make_unique<MemoryProvider>(other_clock));
    scripted->planned.assign(3, Error(Errc::unavailable, "planned"));
    RetryingProvider other(std::move(scripted), other_clock, 1);
    EXPECT_THAT(other.stat(ctx_, ""), IsOk());
    EXPECT_EQ(clock_.pauses(), other_clock.pauses());
}

TEST_F(RetryingTest, PutIsRepeatedOnlyBeforeTheFirstByte) {
    plan(1, Errc::unavailable);
    EXPECT_THAT(put("a"), IsOk());
    scripted_->bytes_before_error = 100;
    plan(1, Errc::unavailable);
    EXPECT_THAT(put("b"), HasCode(Errc::unavailable));
}

TEST_F(RetryingTest, ThrottledPutGoesOnFromTheReportedState) {
    scripted_->bytes_before_error = 100;
    plan(1, Errc::throttled);
    EXPECT_THAT(put("a"), IsOk());
    EXPECT_THAT(scripted_->resume_states, testing::ElementsAre("", "state"));
}

TEST_F(RetryingTest, ReadIsRepeatedOnlyBeforeTheFirstByte) {
    const auto object = memory_->stat(ctx_, "file");
    ASSERT_THAT(object, IsOk());
    std::size_t got = 0;
    const auto count = [&](std::span<const std::byte> data) {
        got += data.size();
        return true;
    };
    plan(1, Errc::unavailable);
    EXPECT_THAT(provider_->read(ctx_, *object, 0, 7, count), IsOk());
    EXPECT_EQ(got, 7u);
    for (const Errc code : {Errc::unavailable, Errc::throttled}) {
        got = 0;
        scripted_->bytes_before_error = 3;
        plan(1, code);
        EXPECT_THAT(provider_->read(ctx_, *object, 0, 7, count), HasCode(code));
        EXPECT_EQ(got, 3u);
    }
}

TEST_F(RetryingTest, ProbeDoesNotHideAnOutage) {
    plan(1, Errc::unavailable);
    EXPECT_THAT(provider_->probe(ctx_), HasCode(Errc::unavailable));
    plan(1, Errc::throttled, Millis(100));
    EXPECT_THAT(provider_->probe(ctx_), IsOk());
}

TEST_F(RetryingTest, BatchRepeatsOnlyWhatFailed) {
    std::vector<PutRequest> requests;
    for (int i = 0; i < 4; ++i) {
        requests.push_back({"f" + std::to_string(i), std::make_shared<MemoryBlob>("x"), {}});
        requests.back().options.upload_id = "upload-" + std::to_string(i);
    }
    plan(1, Errc::unavailable);
    plan(1, Errc::throttled);
    plan(1, Errc::quota_full);
    std::vector<std::optional<Errc>> outcome(4);
    std::vector<int> answers(4);
    provider_->put_batch(ctx_, requests, [&](std::size_t i, Result<PutResult> result) {
        ++answers[i];
        if (!result) outcome[i] = result.error().code;
    });
    EXPECT_THAT(answers, testing::Each(1));
    EXPECT_THAT(outcome,
                testing::ElementsAre(std::nullopt, std::nullopt, Errc::quota_full, std::nullopt));
    EXPECT_EQ(scripted_->calls, 6);
}

class RetryingWaitTest : public RetryingTest {
  protected:
    RetryingWaitTest() : RetryingTest(FakeClock::Sleep::waits) {}
};

TEST_F(RetryingWaitTest, StopEndsThePause) {
    plan(1, Errc::throttled, Millis(5'000));
    std::stop_source source;
    ctx_.stop = source.get_token();
    std::jthread stopper([&] {
        clock_.wait_for_sleepers(1);
        source.request_stop();
    });
    EXPECT_THAT(provider_->stat(ctx_, "file"), HasCode(Errc::cancelled));
}

}  // namespace
}  // namespace oracxfs::test
