// Upload sessions of Dropbox: parallel pieces, growing contents, breaks at every place, and what is sent twice.

#include <gmock/gmock.h>

#include <future>

#include "tests/contract/dropbox_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using Kind = Fault::Kind;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr const char* kAppend = "files/upload_session/append_v2";
constexpr const char* kFinish = "files/upload_session/finish";
constexpr const char* kStart = "files/upload_session/start";

class DropboxUploadTest : public testing::Test {
  protected:
    DropboxUploadTest() : provider_(setup_.make()) {
        EXPECT_THAT(provider_->probe({}), IsOk());
        // What a folder is called has been found out.
        MemoryBlob blob("x");
        EXPECT_THAT(provider_->put({}, "first", blob, options()), IsOk());
        service().clear_log();
        acknowledged_ = 0;
    }

    DropboxEmulator& service() { return setup_.service; }
    Faults& faults() { return setup_.service.faults(); }
    PutOptions options() {
        PutOptions options;
        options.upload_id = "upload-1";
        options.mtime_ns = 1'600'000'000'000'000'000;
        options.on_progress = [this](std::uint64_t bytes, const std::string& state) {
            EXPECT_GE(bytes, acknowledged_);
            acknowledged_ = bytes;
            state_ = state;
        };
        return options;
    }
    // The provider as after a restart of the program, with the state that was persisted last.
    Result<PutResult> resume(BlobReader& blob) {
        provider_ = setup_.make();
        PutOptions again = options();
        again.resume_state = state_;
        acknowledged_ = 0;
        return provider_->put({}, "big", blob, again);
    }
    void expect_stored(const Result<PutResult>& result, const Bytes& data) {
        ASSERT_THAT(result, IsOk());
        EXPECT_TRUE(result->verified);
        EXPECT_EQ(result->object.mtime_ns, 1'600'000'000'000'000'000);
        const auto content = service().content(setup_.path("big"));
        ASSERT_TRUE(content.has_value());
        EXPECT_TRUE(std::equal(data.begin(), data.end(), content->begin(), content->end(),
                               [](std::byte a, char b) { return a == static_cast<std::byte>(b); }));
        EXPECT_EQ(service().revisions(setup_.path("big")), 1u);
        EXPECT_EQ(state_, "") << "a finished upload leaves nothing to resume";
    }
    // Stops the upload as soon as it reads at or beyond `offset`.
    Status interrupt(MemoryBlob& blob, std::uint64_t offset) {
        std::stop_source source;
        blob.on_read([&](std::uint64_t at) {
            if (at >= offset) source.request_stop();
        });
        PutOptions again = options();
        again.resume_state = state_;
        const auto result = provider_->put({.stop = source.get_token(), .deadline = {}}, "big", blob, again);
        blob.on_read({});
        return result ? Status() : Status(fail(result.error()));
    }

    DropboxSetup setup_;
    std::unique_ptr<Provider> provider_;
    std::string state_;
    std::uint64_t acknowledged_ = 0;
};

TEST_F(DropboxUploadTest, PiecesOfALargeFileGoInParallel) {
    service().set_latency(std::chrono::milliseconds(20));
    const Bytes data = random_content(70 * kMiB + 1234, 1);
    MemoryBlob blob(data);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_GT(service().concurrent_max(kAppend), 1u);
    EXPECT_LE(service().concurrent_max(kAppend), 4u);  // of 4 MiB each: 16 MiB of memory
    EXPECT_EQ(service().count(kAppend), 18u);
    EXPECT_EQ(service().count("*"), 20u);
    EXPECT_EQ(acknowledged_, data.size());
    // Start and finish carry no data: a refusal of them costs nothing.
    EXPECT_EQ(service().bytes_received(kStart) + service().bytes_received(kFinish), 0u);
}

TEST_F(DropboxUploadTest, AFileOfWholePiecesClosesItsSessionWithTheLast) {
    const Bytes data = random_content(12 * kMiB, 2);
    MemoryBlob blob(data);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_EQ(service().count(kAppend), 3u);
}

TEST_F(DropboxUploadTest, AGrowingFileIsSentWhileItGrows) {
    GrowingBlob blob;
    auto result = std::async(std::launch::async, [&] { return provider_->put({}, "big", blob, options()); });
    const Bytes data = random_content(21 * kMiB, 3);
    blob.append(std::span(data).first(13 * kMiB));
    ASSERT_TRUE(service().wait_for(kAppend, 3));  // 12 of 13 MiB, before the end is known
    blob.append(std::span(data).subspan(13 * kMiB));
    blob.seal();
    expect_stored(result.get(), data);
    EXPECT_EQ(service().bytes_received(kAppend), data.size());
}

TEST_F(DropboxUploadTest, ABreakAnywhereCostsLittle) {
    const Bytes data = random_content(40 * kMiB, 4);
    for (const std::uint64_t at : {8 * kMiB, 16 * kMiB, 24 * kMiB, 36 * kMiB}) {
        SCOPED_TRACE(at / kMiB);
        service().remove(setup_.path("big"));
        service().clear_log();
        state_.clear();
        acknowledged_ = 0;
        MemoryBlob blob(data);
        ASSERT_THAT(interrupt(blob, at), HasCode(Errc::cancelled));
        const auto result = resume(blob);
        ASSERT_THAT(result, IsOk());
        EXPECT_GE(result->resumed_from, at - 8 * kMiB);
        EXPECT_TRUE(result->verified);
        EXPECT_THAT(provider_->verify({}, result->object, *blob.digests()), IsOk());
        EXPECT_LE(service().bytes_received(), data.size() * 115 / 100);
    }
}

TEST_F(DropboxUploadTest, ManyBreaksInOneUploadCostLittle) {
    const Bytes data = random_content(40 * kMiB, 5);
    MemoryBlob blob(data);
    for (const std::uint64_t at : {8 * kMiB, 20 * kMiB, 32 * kMiB}) {
        ASSERT_THAT(interrupt(blob, at), HasCode(Errc::cancelled));
        provider_ = setup_.make();
        acknowledged_ = 0;
    }
    expect_stored(resume(blob), data);
    // At each break one piece may be under way; on a busy machine it does not end in the moment that is left to it.
    EXPECT_LE(service().bytes_received(), data.size() + 3 * 4 * kMiB);
}

TEST_F(DropboxUploadTest, ACutLineInsideAPieceSendsThatPieceAgain) {
    const Bytes data = random_content(40 * kMiB, 6);
    MemoryBlob blob(data);
    faults().add(kAppend, Fault::of(Kind::reset_before, 2 * kMiB), 2);
    faults().add(kAppend, Fault::of(Kind::lost_answer), 4);
    faults().add(kAppend, Fault::html(502), 6);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_LE(service().bytes_received(), data.size() + 12 * kMiB);
}

TEST_F(DropboxUploadTest, TheLostAnswerOfTheClosingPieceIsNoHarm) {
    const Bytes data = random_content(12 * kMiB + 1, 7);
    MemoryBlob blob(data);
    faults().add(kAppend, Fault::of(Kind::lost_answer), 3);
    expect_stored(provider_->put({}, "big", blob, options()), data);
}

TEST_F(DropboxUploadTest, AGrowingUploadObeysTheOffsetOfTheService) {
    const Bytes data = random_content(17 * kMiB, 8);
    GrowingBlob blob;
    faults().add(kAppend, Fault::of(Kind::lost_answer), 1);
    auto result = std::async(std::launch::async, [&] { return provider_->put({}, "big", blob, options()); });
    blob.append(std::span(data).first(13 * kMiB));
    ASSERT_TRUE(service().wait_for(kAppend, 4));
    blob.append(std::span(data).subspan(13 * kMiB));
    blob.seal();
    expect_stored(result.get(), data);
    EXPECT_LE(service().bytes_received(kAppend), data.size() + 4 * kMiB);
}

TEST_F(DropboxUploadTest, AGrowingUploadGoesOnAfterARestart) {
    const Bytes data = random_content(17 * kMiB, 9);
    {
        GrowingBlob growing;
        std::stop_source source;
        auto result = std::async(std::launch::async, [&] { return provider_->put({.stop = source.get_token(), .deadline = {}}, "big", growing, options()); });
        growing.append(std::span(data).first(13 * kMiB));
        ASSERT_TRUE(service().wait_for(kAppend, 3));
        growing.wait_for_reader();
        source.request_stop();
        ASSERT_THAT(result.get(), HasCode(Errc::cancelled));
    }
    EXPECT_THAT(state_, HasSubstr("\"sequential\""));
    EXPECT_EQ(acknowledged_, 12 * kMiB);
    MemoryBlob blob(data);
    const auto result = resume(blob);
    expect_stored(result, data);
    EXPECT_EQ(result->resumed_from, 12 * kMiB);
    EXPECT_EQ(service().bytes_received(kAppend), data.size());
}

// The time of a file that is being written is not known before its end.
TEST_F(DropboxUploadTest, AnotherTimeOfTheSameBytesDoesNotStartAnew) {
    const Bytes data = random_content(17 * kMiB, 19);
    {
        GrowingBlob growing;
        std::stop_source source;
        PutOptions early = options();
        early.mtime_ns = 1'500'000'000'000'000'000;
        auto result = std::async(std::launch::async, [&] { return provider_->put({.stop = source.get_token(), .deadline = {}}, "big", growing, early); });
        growing.append(std::span(data).first(13 * kMiB));
        ASSERT_TRUE(service().wait_for(kAppend, 3));
        growing.wait_for_reader();
        source.request_stop();
        ASSERT_THAT(result.get(), HasCode(Errc::cancelled));
    }
    MemoryBlob blob(data);
    const auto result = resume(blob);
    expect_stored(result, data);
    EXPECT_EQ(result->resumed_from, 12 * kMiB);
}

TEST_F(DropboxUploadTest, AStateThatLagsBehindIsCorrectedByTheService) {
    const Bytes data = random_content(17 * kMiB, 10);
    GrowingBlob growing;
    std::stop_source source;
    std::string early;
    PutOptions watched = options();
    watched.on_progress = [&](std::uint64_t, const std::string& state) {
        if (early.empty()) early = state;  // of the start: offset 0
    };
    auto result = std::async(std::launch::async, [&] { return provider_->put({.stop = source.get_token(), .deadline = {}}, "big", growing, watched); });
    growing.append(std::span(data).first(13 * kMiB));
    ASSERT_TRUE(service().wait_for(kAppend, 3));
    growing.wait_for_reader();
    source.request_stop();
    ASSERT_THAT(result.get(), HasCode(Errc::cancelled));
    state_ = early;
    MemoryBlob blob(data);
    const auto resumed = resume(blob);
    expect_stored(resumed, data);
    EXPECT_EQ(resumed->resumed_from, 12 * kMiB);
    EXPECT_EQ(service().bytes_received(kAppend), data.size());
}

TEST_F(DropboxUploadTest, AnExpiredSessionStartsAnew) {
    const Bytes data = random_content(40 * kMiB, 11);
    MemoryBlob blob(data);
    ASSERT_THAT(interrupt(blob, 24 * kMiB), HasCode(Errc::cancelled));
    service().expire_sessions();
    const auto result = resume(blob);
    expect_stored(result, data);
    EXPECT_EQ(result->resumed_from, 0u);
}

TEST_F(DropboxUploadTest, ASessionThatGoesInTheMiddleStartsAnew) {
    const Bytes data = random_content(24 * kMiB, 12);
    MemoryBlob blob(data);
    faults().add(kAppend, Fault::of(Kind::session_gone), 3);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_EQ(service().count(kStart), 2u);
}

TEST_F(DropboxUploadTest, AnotherFileDoesNotTakeUpTheSession) {
    const Bytes data = random_content(40 * kMiB, 13);
    MemoryBlob blob(data);
    ASSERT_THAT(interrupt(blob, 24 * kMiB), HasCode(Errc::cancelled));
    const Bytes other = random_content(41 * kMiB, 14);
    MemoryBlob another(other);
    const auto result = resume(another);
    expect_stored(result, other);
    EXPECT_EQ(result->resumed_from, 0u);
}

TEST_F(DropboxUploadTest, LostAnswersOfFinishAreFoundByLooking) {
    const Bytes data = random_content(9 * kMiB, 15);
    MemoryBlob blob(data);
    faults().add(kFinish, Fault::of(Kind::lost_answer));
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_EQ(service().count(kFinish), 1u);
}

TEST_F(DropboxUploadTest, FinishThatNeverArrivedIsSentAgainWithoutTheBytes) {
    const Bytes data = random_content(9 * kMiB, 16);
    MemoryBlob blob(data);
    faults().add(kFinish, Fault::html(500));
    faults().add(kFinish, Fault::of(Kind::reset_before), 1);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_EQ(service().bytes_received(kAppend), data.size());
}

TEST_F(DropboxUploadTest, PiecesDamagedOnTheWayAreSentAgain) {
    const Bytes data = random_content(9 * kMiB, 17);
    MemoryBlob blob(data);
    faults().add(kAppend, Fault::answer(409, R"({"error_summary":"content_hash_mismatch/..","error":{".tag":"content_hash_mismatch"}})", "application/json"));
    expect_stored(provider_->put({}, "big", blob, options()), data);
}

TEST_F(DropboxUploadTest, PiecesDamagedInStoreAreNotCalledStored) {
    MemoryBlob blob(random_content(9 * kMiB, 18));
    faults().add(kAppend, Fault::of(Kind::damage_store, 1000));
    EXPECT_THAT(provider_->put({}, "big", blob, options()), HasCode(Errc::corrupt));
    EXPECT_FALSE(service().find(setup_.path("big")).has_value());
}

TEST_F(DropboxUploadTest, AFullDropboxEndsTheUpload) {
    service().set_quota(1000);
    MemoryBlob blob(random_content(9 * kMiB, 19));
    EXPECT_THAT(provider_->put({}, "big", blob, options()), HasCode(Errc::quota_full));
    EXPECT_EQ(service().count(kFinish), 1u);
}

TEST_F(DropboxUploadTest, ALongUploadOutlivesItsToken) {
    const Bytes data = random_content(24 * kMiB, 20);
    MemoryBlob blob(data);
    faults().add(kAppend, Fault::of(Kind::token_expired), 2);
    expect_stored(provider_->put({}, "big", blob, options()), data);
    EXPECT_EQ(service().oauth().refreshes(), 1u);
}

TEST_F(DropboxUploadTest, ForeignFilesThatCameFirstStay) {
    GrowingBlob blob;
    auto result = std::async(std::launch::async, [&] { return provider_->put({}, "big", blob, options()); });
    blob.append(random_content(13 * kMiB, 21));
    ASSERT_TRUE(service().wait_for(kAppend, 3));
    service().put(setup_.path("big"), "theirs");
    blob.seal();
    EXPECT_THAT(result.get(), HasCode(Errc::exists));
    EXPECT_EQ(service().content(setup_.path("big")), "theirs");
}

}  // namespace
}  // namespace oracxfs::test
