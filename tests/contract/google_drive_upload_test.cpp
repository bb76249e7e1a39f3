// Uploads to Google Drive: what was taken of a chunk, breaks at every place, sessions that end, and what must not become two
// files.

#include <gmock/gmock.h>

#include <future>

#include "tests/contract/google_drive_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Kind = Fault::Kind;

constexpr std::uint64_t kMiB = 1u << 20;
constexpr const char* kStart = "upload.start";
constexpr const char* kPut = "upload.put";
constexpr const char* kSmall = "upload.multipart";

class GoogleDriveUploadTest : public testing::Test {
  protected:
    GoogleDriveUploadTest() : provider_(setup_.make(setup_.machine, &clock_)) {
        EXPECT_THAT(provider_->probe({}), IsOk());
        service().clear_log();
    }

    DriveEmulator& service() { return setup_.service; }
    Faults& faults() { return setup_.service.faults(); }
    PutOptions options(std::string upload_id = "upload-1") {
        acknowledged_ = 0;
        PutOptions options;
        options.upload_id = std::move(upload_id);
        options.on_progress = [this](std::uint64_t bytes, const std::string& state) {
            EXPECT_GE(bytes, acknowledged_);
            acknowledged_ = bytes;
            state_ = state;
            if (bytes == 0) first_state_ = state;
        };
        return options;
    }
    Result<PutResult> put(BlobReader& blob) { return provider_->put({}, "big", blob, options()); }
    // As after a restart of the program, with what was persisted last.
    Result<PutResult> resume(BlobReader& blob) {
        provider_ = setup_.make(setup_.machine, &clock_);
        PutOptions again = options();
        again.resume_state = state_;
        return provider_->put({}, "big", blob, again);
    }
    Status interrupt(MemoryBlob& blob, std::uint64_t offset) {
        std::stop_source source;
        blob.on_read([&](std::uint64_t at) {
            if (at >= offset) source.request_stop();
        });
        const auto result = provider_->put({.stop = source.get_token(), .deadline = {}}, "big", blob, options());
        blob.on_read({});
        return result ? Status() : Status(fail(result.error()));
    }
    void expect_stored(const Result<PutResult>& result, const Bytes& data) {
        ASSERT_THAT(result, IsOk());
        EXPECT_TRUE(result->verified);
        const auto files = setup_.at("big");
        ASSERT_EQ(files.size(), 1u) << "and no twin";
        const auto content = service().content(files.front().id);
        ASSERT_TRUE(content.has_value());
        EXPECT_TRUE(std::equal(data.begin(), data.end(), content->begin(), content->end(),
                               [](std::byte a, char b) { return a == static_cast<std::byte>(b); }));
        EXPECT_EQ(service().revisions(files.front().id), 1u);
        EXPECT_EQ(state_, "") << "a finished upload leaves nothing to resume";
    }

    FakeClock clock_{FakeClock::Sleep::advances};
    GoogleDriveSetup setup_;
    std::unique_ptr<Provider> provider_;
    std::string state_, first_state_;
    std::uint64_t acknowledged_ = 0;
};

// --- sessions ------------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveUploadTest, GoesOnBehindWhatTheServiceKept) {
    const Bytes data = random_content(20 * kMiB + 77, 1);
    MemoryBlob blob(data);
    faults().add(kPut, Fault::of(Kind::partial_store, 3 * kMiB));      // a 308 that tells of less than was sent
    faults().add(kPut, Fault::of(Kind::partial_store, 5 * kMiB), 0);
    expect_stored(put(blob), data);
    EXPECT_EQ(service().bytes_received(kPut), 8 * kMiB + 8 * kMiB + (data.size() - 8 * kMiB));
    EXPECT_EQ(acknowledged_, data.size());
}

TEST_F(GoogleDriveUploadTest, AnAnswerWithoutARangeMeansThatNothingWasKept) {
    const Bytes data = random_content(9 * kMiB, 2);
    MemoryBlob blob(data);
    faults().add(kPut, Fault::of(Kind::partial_store, 0));
    expect_stored(put(blob), data);
    EXPECT_EQ(service().bytes_received(kPut), 8 * kMiB + data.size());
    EXPECT_EQ(service().count(kStart), 1u);
}

TEST_F(GoogleDriveUploadTest, AServiceThatNeverKeepsAnythingIsNotAskedForEver) {
    MemoryBlob blob(random_content(9 * kMiB, 3));
    faults().add(kPut, Fault::of(Kind::partial_store, 0), 0, 0);
    EXPECT_THAT(put(blob), HasCode(Errc::unavailable));
    EXPECT_LE(service().count(kPut), 20u);
    EXPECT_THAT(setup_.at("big"), IsEmpty());
}

TEST_F(GoogleDriveUploadTest, ASlowButSteadyServiceIsNotGivenUp) {
    const Bytes data = random_content(9 * kMiB, 4);
    MemoryBlob blob(data);
    faults().add(kPut, Fault::of(Kind::partial_store, kMiB / 4), 0, 12);  // more often than it may keep nothing
    expect_stored(put(blob), data);
}

TEST_F(GoogleDriveUploadTest, ChunksOfAGrowingFileAreWholeUnits) {
    const Bytes data = random_content(12 * kMiB + 5, 5);
    GrowingBlob blob;
    auto result = std::async(std::launch::async, [&] { return put(blob); });
    blob.append(std::span(data).first(6 * kMiB + 123));
    ASSERT_TRUE(service().wait_for(kPut, 1)) << "sent before its end is known";
    blob.wait_for_reader();
    blob.append(std::span(data).subspan(6 * kMiB + 123));
    blob.seal();
    expect_stored(result.get(), data);
    for (const LoggedRequest& request : service().log()) {
        if (request.endpoint == kPut) {
            EXPECT_LT(request.status, 400) << "multiples of 256 KiB";
        }
    }
}

TEST_F(GoogleDriveUploadTest, ABreakAnywhereCostsLittle) {
    const Bytes data = random_content(30 * kMiB, 6);
    for (const std::uint64_t at : {8 * kMiB, 16 * kMiB, 24 * kMiB}) {
        SCOPED_TRACE(at / kMiB);
        for (const DriveEntry& file : setup_.at("big")) service().remove(file.id);
        provider_ = setup_.make(setup_.machine, &clock_);
        service().clear_log();
        state_.clear();
        MemoryBlob blob(data);
        ASSERT_THAT(interrupt(blob, at), HasCode(Errc::cancelled));
        const auto result = resume(blob);
        expect_stored(result, data);
        EXPECT_EQ(result->resumed_from, at);
        EXPECT_EQ(service().count(kStart), 1u);
        EXPECT_LE(service().bytes_received(), data.size() * 115 / 100);
    }
}

TEST_F(GoogleDriveUploadTest, APositionThatLagsBehindIsCorrectedByTheService) {
    const Bytes data = random_content(20 * kMiB, 7);
    MemoryBlob blob(data);
    ASSERT_THAT(interrupt(blob, 16 * kMiB), HasCode(Errc::cancelled));
    state_ = first_state_;  // of the start: nothing was known to be stored
    const auto result = resume(blob);
    expect_stored(result, data);
    EXPECT_EQ(result->resumed_from, 16 * kMiB);
    EXPECT_LE(service().bytes_received(kPut), data.size());
}

TEST_F(GoogleDriveUploadTest, ASessionThatEndedBeginsAnewWithTheSameId) {
    for (const int status : {404, 410}) {
        SCOPED_TRACE(status);
        for (const DriveEntry& file : setup_.at("big")) service().remove(file.id);
        provider_ = setup_.make(setup_.machine, &clock_);
        service().clear_log();
        state_.clear();
        const Bytes data = random_content(20 * kMiB, 8);
        MemoryBlob blob(data);
        Fault gone = Fault::of(Kind::session_gone);
        gone.status = status;
        faults().add(kPut, gone, 1);
        PutOptions any = options();
        any.on_progress = {};  // it falls back to nothing
        const auto result = provider_->put({}, "big", blob, any);
        expect_stored(result, data);
        EXPECT_EQ(service().count(kStart), 2u);
        EXPECT_LE(service().count("files.generateIds"), 1u);
    }
}

TEST_F(GoogleDriveUploadTest, ASessionThatTheServiceForgotMeanwhileBeginsAnew) {
    const Bytes data = random_content(20 * kMiB, 9);
    MemoryBlob blob(data);
    ASSERT_THAT(interrupt(blob, 16 * kMiB), HasCode(Errc::cancelled));
    service().expire_sessions();
    const auto result = resume(blob);
    expect_stored(result, data);
    EXPECT_EQ(result->resumed_from, 0u);
}

TEST_F(GoogleDriveUploadTest, AnOldSessionIsNotEvenAskedFor) {
    const Bytes data = random_content(20 * kMiB, 10);
    MemoryBlob blob(data);
    ASSERT_THAT(interrupt(blob, 16 * kMiB), HasCode(Errc::cancelled));
    clock_.advance(Millis(7 * 86'400'000LL));
    service().clear_log();
    expect_stored(resume(blob), data);
    EXPECT_EQ(service().count("upload.query"), 0u);
    EXPECT_EQ(service().count(kStart), 1u);
}

TEST_F(GoogleDriveUploadTest, AnotherFileDoesNotTakeUpTheSession) {
    MemoryBlob blob(random_content(20 * kMiB, 11));
    ASSERT_THAT(interrupt(blob, 16 * kMiB), HasCode(Errc::cancelled));
    const Bytes other = random_content(21 * kMiB, 12);
    MemoryBlob another(other);
    const auto result = resume(another);
    expect_stored(result, other);
    EXPECT_EQ(result->resumed_from, 0u);
}

TEST_F(GoogleDriveUploadTest, WhatIsPersistedShowsNobodyWhereToUpload) {
    MemoryBlob blob(random_content(20 * kMiB, 13));
    ASSERT_THAT(interrupt(blob, 16 * kMiB), HasCode(Errc::cancelled));
    ASSERT_THAT(state_, Not(IsEmpty()));
    for (const char* part : {"http", "upload_id", "localhost", "ORACXPRED", "big"}) EXPECT_THAT(state_, Not(HasSubstr(part)));
    // Damaged or of another machine, it is worth nothing, and does no harm.
    std::string broken = state_;
    broken[broken.size() / 2] = broken[broken.size() / 2] == '0' ? '1' : '0';
    state_ = broken;
    const auto result = resume(blob);
    ASSERT_THAT(result, IsOk());
    EXPECT_EQ(result->resumed_from, 0u);
}

TEST_F(GoogleDriveUploadTest, ALongUploadOutlivesItsToken) {
    const Bytes data = random_content(20 * kMiB, 14);
    MemoryBlob blob(data);
    faults().add(kPut, Fault::of(Kind::token_expired), 1);
    expect_stored(put(blob), data);
    EXPECT_EQ(service().oauth().refreshes(), 1u);
}

// --- answers that were lost ------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveUploadTest, LostAnswersMakeNoTwins) {
    const Bytes large = random_content(9 * kMiB, 15);
    MemoryBlob blob(large);
    faults().add(kPut, Fault::of(Kind::lost_answer), 1);  // of the last chunk: the file is there
    expect_stored(put(blob), large);
    EXPECT_EQ(service().count(kPut), 2u);

    MemoryBlob small("content");
    faults().add(kSmall, Fault::of(Kind::lost_answer));
    ASSERT_THAT(provider_->put({}, "small", small, options("upload-2")), IsOk());
    EXPECT_EQ(setup_.at("small").size(), 1u);
    EXPECT_EQ(service().count(kSmall), 1u) << "found by its id";

    MemoryBlob below("below");
    faults().add("files.create", Fault::of(Kind::lost_answer));
    ASSERT_THAT(provider_->put({}, "folder/file", below, options("upload-3")), IsOk());
    EXPECT_EQ(setup_.at("folder").size(), 1u);
}

// The query by name does not see what was made a moment ago.
TEST_F(GoogleDriveUploadTest, WhatWasJustMadeIsFoundWithoutASearch) {
    DriveOptions late;
    late.name_lag = Millis::max();
    GoogleDriveSetup setup(late);
    const auto provider = setup.make();
    MemoryBlob one("1"), two("2");
    ASSERT_THAT(provider->put({}, "folder/one", one, options("upload-1")), IsOk());
    ASSERT_THAT(provider->put({}, "folder/two", two, options("upload-2")), IsOk());
    EXPECT_EQ(setup.at("folder").size(), 1u);
    EXPECT_THAT(provider->put({}, "folder/one", two, options("upload-3")), HasCode(Errc::exists));
    EXPECT_EQ(setup.at("folder/one").size(), 1u);
}

TEST_F(GoogleDriveUploadTest, AnAnswerWithoutAChecksumIsNoProof) {
    MemoryBlob blob("some bytes");
    faults().add(kSmall, Fault::answer(200, R"({"id":"abc","name":"big","mimeType":"application/octet-stream","size":"10"})", "application/json"));
    const auto result = put(blob);
    ASSERT_THAT(result, IsOk());
    EXPECT_FALSE(result->verified);
}

TEST_F(GoogleDriveUploadTest, BytesDamagedAtTheServiceAreNotCalledStored) {
    MemoryBlob small("some bytes"), large(random_content(9 * kMiB, 16));
    faults().add(kSmall, Fault::of(Kind::damage_store, 3));
    EXPECT_THAT(put(small), HasCode(Errc::corrupt));
    EXPECT_THAT(setup_.at("big"), IsEmpty());
    faults().add(kPut, Fault::of(Kind::damage_store, 1000));
    EXPECT_THAT(put(large), HasCode(Errc::corrupt));
    EXPECT_THAT(setup_.at("big"), IsEmpty());
}

TEST_F(GoogleDriveUploadTest, ReplacingKeepsTheIdAndTheHistory) {
    MemoryBlob one("one"), two("two");
    const auto first = put(one);
    ASSERT_THAT(first, IsOk());
    PutOptions over = options("upload-2");
    over.replaces = first->object;
    over.on_progress = {};
    const auto second = provider_->put({}, "big", two, over);
    ASSERT_THAT(second, IsOk());
    EXPECT_EQ(second->object.id, first->object.id);
    EXPECT_EQ(service().revisions(first->object.id), 2u);
}

// --- refusals --------------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveUploadTest, AFullDriveIsNotAskedAgain) {
    service().set_quota(10);
    MemoryBlob small(random_content(1'000, 17)), large(random_content(9 * kMiB, 18));
    EXPECT_THAT(put(small), HasCode(Errc::quota_full));
    EXPECT_EQ(service().count(kSmall), 1u);
    EXPECT_THAT(put(large), HasCode(Errc::quota_full));
    EXPECT_EQ(service().count(kStart), 1u) << "before any byte";
}

// 750 GB a day: said in words that otherwise mean haste.
TEST_F(GoogleDriveUploadTest, TheEndOfTheDailyVolumePausesForAnHour) {
    MemoryBlob blob("x");
    faults().add(kSmall, Fault::google(403, "userRateLimitExceeded", "User rate limit exceeded."), 0, 0);
    const auto result = put(blob);
    ASSERT_THAT(result, HasCode(Errc::throttled));
    EXPECT_EQ(result.error().retry_after, Millis(3'600'000));
    EXPECT_LE(service().count(kSmall), 3u);
    EXPECT_THAT(provider_->stat({}, "other"), HasCode(Errc::not_found)) << "everything else goes on";
}

TEST_F(GoogleDriveUploadTest, HasteIsWaitedFor) {
    MemoryBlob blob("x");
    faults().add(kSmall, Fault::google_throttle_403("userRateLimitExceeded"));
    faults().add(kSmall, Fault::google_throttle_403("rateLimitExceeded"), 0);
    ASSERT_THAT(put(blob), IsOk());
    EXPECT_EQ(setup_.at("big").size(), 1u);
}

TEST_F(GoogleDriveUploadTest, A403IsWhatItsReasonSays) {
    const std::pair<const char*, Errc> reasons[] = {{"dailyLimitExceeded", Errc::throttled},
                                                    {"storageQuotaExceeded", Errc::quota_full},
                                                    {"insufficientPermissions", Errc::unauthenticated},
                                                    {"accessNotConfigured", Errc::config},
                                                    {"insufficientFilePermissions", Errc::denied},
                                                    {"numChildrenInNonRootLimitExceeded", Errc::too_large},
                                                    {"somethingNew", Errc::denied}};
    for (const auto& [reason, code] : reasons) {
        SCOPED_TRACE(reason);
        faults().clear();
        faults().add(kSmall, Fault::google(403, reason, "no"), 0, 0);
        service().clear_log();
        MemoryBlob blob("x");
        EXPECT_THAT(provider_->put({}, reason, blob, options(reason)), HasCode(code));
        EXPECT_LE(service().count(kSmall), 3u);
        EXPECT_EQ(service().oauth().refreshes(), 0u) << "a new token would not help";
    }
}

TEST_F(GoogleDriveUploadTest, AServiceAccountWithoutADriveOfItsOwnIsTold) {
    MemoryBlob blob("x");
    faults().add(kSmall, Fault::google(403, "storageQuotaExceeded", "Service Accounts do not have storage quota."));
    const auto result = put(blob);
    ASSERT_THAT(result, HasCode(Errc::quota_full));
    EXPECT_THAT(result.error().why, HasSubstr("Service Accounts"));
}

TEST_F(GoogleDriveUploadTest, ErrorsNeedNotBeJson) {
    for (const int status : {400, 403, 500, 503}) {
        SCOPED_TRACE(status);
        faults().clear();
        faults().add(kSmall, Fault::html(status), 0, 0);
        MemoryBlob blob("x");
        const auto result = provider_->put({}, "html", blob, options("html-" + std::to_string(status)));
        ASSERT_FALSE(result.has_value());
        EXPECT_THAT(result.error().to_string(), Not(HasSubstr("<html")));
    }
}

}  // namespace
}  // namespace oracxfs::test
