// Dropbox: commits, contention, throttling, lost answers.

#include <atomic>
#include <thread>

#include "tests/contract/dropbox_provider_fixture.h"
#include "tests/support/patience.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using Kind = Fault::Kind;

// --- commits ---

TEST_F(DropboxProviderTest, CommitsNeverOverlap) {
    std::vector<std::jthread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            PutOptions put_options;
            put_options.upload_id = "parallel-" + std::to_string(i);
            MemoryBlob blob("content " + std::to_string(i));
            if (provider_->put({}, "f" + std::to_string(i), blob, put_options)) ++good;
            if (provider_->make_directory({}, "d" + std::to_string(i))) ++good;
        });
    threads.clear();
    EXPECT_EQ(good, 16);
    EXPECT_EQ(service().concurrent_max("files/upload"), 1u);
    for (const LoggedRequest& request : service().log()) EXPECT_LT(request.status, 300) << request.endpoint;
}

TEST_F(DropboxProviderTest, ContentionInsideA409IsWaitedFor) {
    faults().add("files/upload", Fault::answer(409, R"({"error_summary":"path/too_many_write_operations/.","error":{".tag":"path","reason":{".tag":"too_many_write_operations"}}})", "application/json"));
    EXPECT_THAT(put("x", "y"), IsOk());
    EXPECT_EQ(service().count("files/upload"), 2u);
}

TEST_F(DropboxProviderTest, ThrottlingInWordsOrJsonIsWaitedFor) {
    Fault fault = Fault::throttle(std::chrono::seconds(1));
    fault.as_text = true;
    faults().add("files/upload", fault);
    EXPECT_THAT(put("x", "y"), IsOk());
    faults().add("files/get_metadata", Fault::throttle(std::chrono::seconds(1)));
    EXPECT_THAT(provider_->stat({}, "x"), IsOk());
}

TEST_F(DropboxProviderTest, ALongThrottleGoesToTheCaller) {
    faults().add("files/upload", Fault::throttle(std::chrono::seconds(300)));
    const auto result = put("x", "y");
    ASSERT_THAT(result, HasCode(Errc::throttled));
    ASSERT_TRUE(result.error().retry_after.has_value());
    EXPECT_GE(*result.error().retry_after, std::chrono::seconds(200));
}

// Each further request would wait as long: whoever called finds out whether the service is there at all.
TEST_F(DropboxProviderTest, ASilentServiceIsAskedOnce) {
    ProviderConfig config = setup_.config();
    config.config.set("timeout", patience());
    auto provider = make_dropbox_provider(config);
    ASSERT_THAT(provider, IsOk());
    MemoryBlob blob("y");
    std::vector<PutRequest> requests = small_files(4, "");
    for (PutRequest& request : requests) request.key.erase(0, 1);
    faults().add("*", Fault::of(Kind::hang), 0, 0);
    service().clear_log();
    const auto put = (*provider)->put({}, "x", blob, options());
    ASSERT_THAT(put, HasCode(Errc::outcome_unknown));
    EXPECT_TRUE(put.error().silent);
    EXPECT_EQ(service().count("*"), 1u);
    EXPECT_THAT((*provider)->stat({}, "x"), HasCode(Errc::unavailable));
    EXPECT_EQ(service().count("*"), 2u);
    RemoteObject object;
    object.key = "x";
    object.rev = "0123456789";
    EXPECT_THAT((*provider)->remove({}, object, RemoveMode::trash), HasCode(Errc::unavailable));
    EXPECT_EQ(service().count("*"), 3u);
    (*provider)->put_batch({}, requests, [](std::size_t, const Result<PutResult>& result) { EXPECT_FALSE(result); });
    EXPECT_LE(service().count("*"), 3u + 4u);
}

TEST_F(DropboxProviderTest, ALostAnswerIsFoundByLooking) {
    faults().add("files/upload", Fault::of(Kind::lost_answer));
    const auto result = put("x", "y");
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->verified);
    EXPECT_EQ(service().count("files/upload"), 1u);
    EXPECT_EQ(service().revisions(setup_.path("x")), 1u);
    faults().add("files/upload", Fault::of(Kind::lost_answer));
    EXPECT_THAT(put("x", "z", result->object), IsOk());
    EXPECT_EQ(service().revisions(setup_.path("x")), 2u);
}

TEST_F(DropboxProviderTest, ALostRequestIsSentAgain) {
    faults().add("files/upload", Fault::of(Kind::reset_before));
    EXPECT_THAT(put("x", "y"), IsOk());
    EXPECT_EQ(service().revisions(setup_.path("x")), 1u);
}

TEST_F(DropboxProviderTest, ALostAnswerThatNobodyClearsUpIsUnknown) {
    faults().add("files/upload", Fault::of(Kind::lost_answer), 0, 0);
    faults().add("files/get_metadata", Fault::html(503), 1, 0);  // the first one is about nothing
    stored("y", "");  // fails or not, it warms up the folder's name
    EXPECT_THAT(put("x", "y"), HasCode(Errc::outcome_unknown));
}

TEST_F(DropboxProviderTest, ALostAnswerOfABatchIsFoundByLooking) {
    auto requests = small_files(5, "folder");
    faults().add("files/upload_session/finish_batch_v2", Fault::of(Kind::lost_answer));
    EXPECT_EQ(put_all(requests), 5u);
    EXPECT_EQ(service().count("files/upload_session/finish_batch_v2"), 1u);
    auto more = small_files(5, "other");
    faults().add("files/upload_session/finish_batch_v2", Fault::of(Kind::reset_before));
    EXPECT_EQ(put_all(more), 5u);
}

TEST_F(DropboxProviderTest, EachFileOfABatchHasAnOutcomeOfItsOwn) {
    stored("folder/2", "taken");
    auto requests = small_files(5, "folder");
    requests[3].key = "folder/bad\\name";
    std::vector<std::optional<Errc>> outcomes(5);
    provider_->put_batch({}, requests, [&](std::size_t i, const Result<PutResult>& result) {
        if (!result) outcomes[i] = result.error().code;
    });
    EXPECT_THAT(outcomes, ElementsAre(std::nullopt, std::nullopt, Errc::exists, Errc::name_refused, std::nullopt));
    EXPECT_EQ(service().content(setup_.path("folder/2")), "taken");
}

TEST_F(DropboxProviderTest, AFullDropboxIsNotRetried) {
    service().set_quota(10);
    EXPECT_THAT(put("x", "more than ten bytes"), HasCode(Errc::quota_full));
    EXPECT_EQ(service().count("files/upload"), 1u);
    auto requests = small_files(3, "f");
    provider_->put_batch({}, requests, [&](std::size_t, const Result<PutResult>& result) { EXPECT_THAT(result, HasCode(Errc::quota_full)); });
}

TEST_F(DropboxProviderTest, BytesDamagedAtTheServiceAreNotCalledStored) {
    faults().add("files/upload", Fault::of(Kind::damage_store, 3));
    EXPECT_THAT(put("x", "some bytes"), HasCode(Errc::corrupt));
    EXPECT_FALSE(service().find(setup_.path("x")).has_value());
    const RemoteObject first = stored("x", "some bytes");
    faults().add("files/upload", Fault::of(Kind::damage_store, 3));
    EXPECT_THAT(put("x", "other bytes", first), HasCode(Errc::corrupt));
    EXPECT_EQ(service().content(setup_.path("x")), "some bytes");  // the earlier content came back
}

TEST_F(DropboxProviderTest, ANewerForeignVersionIsNeverOverwritten) {
    const RemoteObject first = stored("x", "ours");
    service().put(setup_.path("x"), "theirs");
    EXPECT_THAT(put("x", "ours again", first), HasCode(Errc::changed));
    EXPECT_THAT(provider_->remove({}, first, RemoveMode::trash), HasCode(Errc::changed));
    EXPECT_THAT(put("x", "ours again"), HasCode(Errc::exists));
    EXPECT_EQ(service().content(setup_.path("x")), "theirs");
    EXPECT_THAT(keys(), ElementsAre("x"));  // and no "x (1)"
}

TEST_F(DropboxProviderTest, ReplacingByTheSameBytesIsASuccess) {
    const RemoteObject first = stored("x", "same");
    const auto again = put("x", "same", first);
    ASSERT_THAT(again, IsOk());
    EXPECT_EQ(service().content(setup_.path("x")), "same");
}

class DropboxBackoffTest : public DropboxProviderTest {
  protected:
    static DropboxOptions patient() {
        DropboxOptions options;
        options.longpoll_wait_max = std::chrono::milliseconds(1);
        options.longpoll_backoff = 60;
        return options;
    }
    DropboxBackoffTest() : DropboxProviderTest(patient()) {}
};

TEST_F(DropboxBackoffTest, TheServicesWishForAPauseIsRespected) {
    const auto begin = provider_->changes({}, "");
    ASSERT_THAT(begin, IsOk());
    const auto changed = provider_->wait_for_changes({}, begin->next);
    ASSERT_THAT(changed, IsOk());
    EXPECT_FALSE(*changed);
    SystemClock clock;
    const OpContext soon{.stop = {}, .deadline = clock.steady() + Millis(100)};
    EXPECT_THAT(provider_->wait_for_changes(soon, begin->next), HasCode(Errc::deadline));
    EXPECT_EQ(service().count("files/list_folder/longpoll"), 1u);
}

}  // namespace
}  // namespace oracxfs::test
