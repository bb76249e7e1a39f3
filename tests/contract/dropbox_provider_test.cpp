// What Dropbox does that others don't, one trap after the other, and what requests may cost.

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "tests/contract/dropbox_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = Fault::Kind;

class DropboxProviderTest : public testing::Test {
  protected:
    explicit DropboxProviderTest(const DropboxOptions& options = {}) : setup_(options), provider_(setup_.make()) {
        EXPECT_THAT(provider_->probe({}), IsOk());
        service().clear_log();
    }

    DropboxEmulator& service() { return setup_.service; }
    Faults& faults() { return setup_.service.faults(); }

    PutOptions options(std::optional<RemoteObject> replaces = {}) {
        PutOptions options;
        options.replaces = std::move(replaces);
        options.upload_id = "box-" + std::to_string(++uploads_);
        return options;
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text, std::optional<RemoteObject> replaces = {}) {
        MemoryBlob blob(text);
        return provider_->put({}, key, blob, options(std::move(replaces)));
    }
    RemoteObject stored(const ObjectKey& key, std::string_view text) {
        const auto result = put(key, text);
        EXPECT_THAT(result, IsOk());
        return result ? result->object : RemoteObject{};
    }
    std::string text(const RemoteObject& object, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
        std::string out;
        const Status status = provider_->read({}, object, offset, length, [&](auto data) {
            for (const std::byte byte : data) out += static_cast<char>(byte);
            return true;
        });
        EXPECT_THAT(status, IsOk());
        return out;
    }
    std::vector<ObjectKey> keys(const ObjectKey& directory = "") {
        std::vector<ObjectKey> keys;
        std::string cursor;
        do {
            const auto page = provider_->list({}, directory, cursor);
            EXPECT_THAT(page, IsOk());
            if (!page) break;
            for (const RemoteObject& entry : page->entries) keys.push_back(entry.key);
            cursor = page->next;
        } while (!cursor.empty());
        return keys;
    }
    std::vector<PutRequest> small_files(std::size_t count, const std::string& folder) {
        std::vector<PutRequest> requests;
        for (std::size_t i = 0; i < count; ++i)
            requests.push_back({folder + "/" + std::to_string(i), std::make_shared<MemoryBlob>(random_content(1000 + i, i)), options()});
        return requests;
    }
    std::size_t put_all(std::vector<PutRequest>& requests) {
        std::size_t good = 0;
        provider_->put_batch({}, requests, [&](std::size_t i, const Result<PutResult>& result) {
            EXPECT_THAT(result, IsOk()) << requests[i].key;
            if (result && result->verified) ++good;
        });
        return good;
    }

    DropboxSetup setup_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

// --- what requests cost ---

TEST_F(DropboxProviderTest, ASmallFileIsOneRequest) {
    stored("first", "x");
    service().clear_log();
    stored("second", "y");
    EXPECT_EQ(service().count("*"), 1u);
    EXPECT_EQ(service().count("files/upload"), 1u);
}

TEST_F(DropboxProviderTest, AHundredSmallFilesShareTheirCommit) {
    auto requests = small_files(100, "folder");
    EXPECT_EQ(put_all(requests), 100u);
    EXPECT_LE(service().count("*"), 100u + 5u);
    EXPECT_EQ(service().count("files/upload_session/finish_batch_v2"), 1u);
    EXPECT_EQ(service().count("files/upload"), 0u);
}

TEST_F(DropboxProviderTest, TenThousandFilesAreListedInTwelveRequests) {
    std::set<ObjectKey> expected;
    for (int i = 0; i < 10'000; ++i) {
        const ObjectKey key = "d" + std::to_string(i % 20) + "/f" + std::to_string(i);
        service().put(setup_.path(key), "x");
        expected.insert(key);
    }
    for (int i = 0; i < 20; ++i) expected.insert("d" + std::to_string(i));
    const auto found = keys();
    EXPECT_EQ(std::set<ObjectKey>(found.begin(), found.end()), expected);
    EXPECT_EQ(found.size(), expected.size());
    EXPECT_LE(service().count("*"), 12u);
}

TEST_F(DropboxProviderTest, VerifyDownloadsNothing) {
    MemoryBlob blob(random_content(9u << 20, 3));
    const auto result = provider_->put({}, "big", blob, options());
    ASSERT_THAT(result, IsOk());
    EXPECT_TRUE(result->verified);
    service().clear_log();
    EXPECT_THAT(provider_->verify({}, result->object, *blob.digests()), IsOk());
    EXPECT_EQ(service().count("*"), 1u);
    EXPECT_EQ(service().count("files/get_metadata"), 1u);
    // Digests from before a Dropbox was configured: only reading back helps.
    ContentDigests without = *blob.digests();
    without.blocks.clear();
    EXPECT_THAT(provider_->verify({}, result->object, without), IsOk());
    without.sha256[0] ^= 1;
    EXPECT_THAT(provider_->verify({}, result->object, without), HasCode(Errc::corrupt));
}

TEST_F(DropboxProviderTest, SixteenCallsRefreshTheTokenOnce) {
    stored("a", "x");
    service().oauth().expire_access_tokens();
    std::vector<std::jthread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&] {
            if (provider_->stat({}, "a")) ++good;
        });
    threads.clear();
    EXPECT_EQ(good, 16);
    EXPECT_EQ(service().oauth().refreshes(), 1u);
    EXPECT_GE(setup_.drawer->stored, 1);
}

// --- signing in and permissions ---

TEST_F(DropboxProviderTest, AMissingPermissionIsNamedAndNotRefreshed) {
    auto tokens = service().oauth().grant(std::set<std::string>{"account_info.read", "files.metadata.read", "files.content.read"});
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    const auto probed = provider_->probe({});
    ASSERT_THAT(probed, HasCode(Errc::unauthenticated));
    EXPECT_THAT(probed.error().why, HasSubstr("files.content.write"));
    // The same where the record doesn't tell.
    tokens.scope.clear();
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    const auto result = put("x", "y");
    ASSERT_THAT(result, HasCode(Errc::unauthenticated));
    EXPECT_THAT(result.error().why, HasSubstr("files.content.write"));
    EXPECT_EQ(service().oauth().refreshes(), 0u);
}

TEST_F(DropboxProviderTest, ARevokedGrantEndsInUnauthenticated) {
    service().oauth().revoke_grants();
    EXPECT_THAT(provider_->stat({}, "a"), HasCode(Errc::unauthenticated));
    EXPECT_LE(service().count("oauth.token"), 2u);
}

TEST_F(DropboxProviderTest, NoErrorShowsTheToken) {
    const auto tokens = service().oauth().grant();
    setup_.set_token(token_of(service(), tokens));
    provider_ = setup_.make();
    faults().add("*", Fault::answer(400, "Error: bad header Authorization: Bearer " + tokens.access), 0, 0);
    const auto result = put("x", "y");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().to_string().find(tokens.access), std::string::npos) << "an error shows the token";
}

TEST_F(DropboxProviderTest, ProbeTellsTheSpace) {
    service().set_quota(1'000'000);
    const auto space = provider_->probe({});
    ASSERT_THAT(space, IsOk());
    EXPECT_EQ(space->total_bytes, 1'000'000u);
    service().set_quota(0);
    stored("nothing", "");
    EXPECT_EQ(provider_->probe({})->free_bytes, 0u);
}

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
    config.config.set("timeout", 1);
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

// --- names ---

TEST_F(DropboxProviderTest, CaseTwinsAreRefusedWithTheReason) {
    stored("Docs/Letter.txt", "x");
    for (const char* twin : {"Docs/letter.TXT", "docs/other.txt"}) {
        const auto result = put(twin, "y");
        ASSERT_THAT(result, HasCode(Errc::name_refused)) << twin;
        EXPECT_THAT(result.error().why, HasSubstr("upper and lower case"));
    }
    EXPECT_THAT(provider_->make_directory({}, "DOCS"), HasCode(Errc::name_refused));
    // Also where another instance, which hasn't seen the folder, is the one to ask.
    provider_ = setup_.make();
    EXPECT_THAT(put("docs/other.txt", "y"), HasCode(Errc::name_refused));
    EXPECT_THAT(keys(), UnorderedElementsAre("Docs", "Docs/Letter.txt"));
}

TEST_F(DropboxProviderTest, AChangeOfCaseTakesTwoMoves) {
    const RemoteObject object = stored("Docs/letter", "x");
    const auto moved = provider_->rename({}, object, "Docs/Letter", std::nullopt);
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(moved->key, "Docs/Letter");
    EXPECT_THAT(keys(), UnorderedElementsAre("Docs", "Docs/Letter"));
    EXPECT_EQ(text(*moved), "x");
    const auto folder = provider_->stat({}, "Docs");
    ASSERT_THAT(folder, IsOk());
    ASSERT_THAT(provider_->rename({}, *folder, "docs", std::nullopt), IsOk());
    EXPECT_THAT(keys(), UnorderedElementsAre("docs", "docs/Letter"));
}

TEST_F(DropboxProviderTest, NamesOutsideAsciiTravelInHeaders) {
    const ObjectKey key = "K\xc3\xb6ln/\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80.zip";
    const RemoteObject object = stored(key, "x");
    EXPECT_EQ(text(object), "x");
    EXPECT_THAT(keys(), UnorderedElementsAre("K\xc3\xb6ln", key));
}

TEST_F(DropboxProviderTest, BadNamesCostNoUpload) {
    MemoryBlob blob(random_content(12u << 20, 1));
    for (const char* name : {"cafe\xcc\x81", "a\\b", "blank ", "Thumbs.db", "latin-\xe9"})
        EXPECT_THAT(provider_->put({}, name, blob, options()), HasCode(Errc::name_refused)) << name;
    EXPECT_THAT(provider_->put({}, std::string(256, 'n'), blob, options()), HasCode(Errc::name_too_long));
    EXPECT_EQ(service().count("*"), 0u);
    EXPECT_EQ(blob.bytes_read(), 0u);
}

// --- reading ---

TEST_F(DropboxProviderTest, ARunningReadKeepsItsVersion) {
    const RemoteObject object = stored("x", "version one");
    service().put(setup_.path("x"), "VERSION TWO");
    EXPECT_EQ(text(object, 0, 7), "version");
    EXPECT_EQ(text(object, 8, 100), "one");
}

TEST_F(DropboxProviderTest, AnEmptyFileIsReadWithoutARange) {
    const RemoteObject object = stored("empty", "");
    service().clear_log();
    EXPECT_EQ(text(object), "");
    EXPECT_EQ(text(object, 5, 5), "");
    EXPECT_EQ(service().count("*"), 0u);
}

TEST_F(DropboxProviderTest, ACutDownloadIsNoSuccess) {
    const RemoteObject object = stored("x", std::string(100'000, 'x'));
    for (const Kind kind : {Kind::reset_in_body, Kind::truncate, Kind::shorten}) {
        faults().add("files/download", Fault::of(kind, 5'000));
        std::uint64_t got = 0;
        EXPECT_THAT(provider_->read({}, object, 0, UINT64_MAX, [&](auto data) {
            got += data.size();
            return true;
        }), HasCode(Errc::unavailable));
        EXPECT_LT(got, 100'000u);
    }
}

TEST_F(DropboxProviderTest, VersionsAreListedAndReadable) {
    RemoteObject object = stored("x", "one");
    for (const char* content : {"two", "three"}) {
        const auto next = put("x", content, object);
        ASSERT_THAT(next, IsOk());
        object = next->object;
    }
    auto versions = provider_->versions({}, object);
    ASSERT_THAT(versions, IsOk());
    ASSERT_EQ(versions->size(), 2u);
    EXPECT_EQ(text((*versions)[0]), "two");
    EXPECT_EQ(text((*versions)[1]), "one");
    ASSERT_THAT(provider_->remove({}, object, RemoveMode::trash), IsOk());
    versions = provider_->versions({}, object);
    ASSERT_THAT(versions, IsOk());
    EXPECT_EQ(versions->size(), 3u);
    RemoteObject never;
    never.key = "never";
    EXPECT_THAT(provider_->versions({}, never), HasCode(Errc::not_found));
}

TEST_F(DropboxProviderTest, CloudDocumentsAreNotFilesButNotInTheWayEither) {
    ASSERT_THAT(provider_->make_directory({}, "folder"), IsOk());
    service().make_cloud_document(setup_.path("folder/Paper"));
    EXPECT_THAT(keys(), ElementsAre("folder"));
    EXPECT_THAT(provider_->stat({}, "folder/Paper"), HasCode(Errc::not_found));
    EXPECT_THAT(provider_->remove_directory({}, "folder"), HasCode(Errc::not_empty));
}

// --- folders, moves, removals ---

TEST_F(DropboxProviderTest, AFolderIsNotRemovedAsAFile) {
    stored("folder/file", "x");
    RemoteObject folder;
    folder.key = "folder";
    EXPECT_THAT(provider_->remove({}, folder, RemoveMode::permanent), HasCode(Errc::is_directory));
    EXPECT_TRUE(service().find(setup_.path("folder/file")).has_value());
}

TEST_F(DropboxProviderTest, AFailedReplacingMoveBringsTheTargetBack) {
    const RemoteObject source = stored("from", "source");
    const RemoteObject target = stored("to", "target");
    faults().add("files/move_v2", Fault::answer(409, R"({"error_summary":"from_write/no_write_permission/","error":{".tag":"from_write","from_write":{".tag":"no_write_permission"}}})", "application/json"));
    EXPECT_THAT(provider_->rename({}, source, "to", target), HasCode(Errc::denied));
    EXPECT_EQ(service().content(setup_.path("to")), "target");
    EXPECT_EQ(service().content(setup_.path("from")), "source");
}

TEST_F(DropboxProviderTest, LostAnswersOfMovesAndRemovals) {
    const RemoteObject object = stored("from", "x");
    faults().add("files/move_v2", Fault::of(Kind::lost_answer));
    const auto moved = provider_->rename({}, object, "to", std::nullopt);
    ASSERT_THAT(moved, IsOk());
    EXPECT_EQ(moved->key, "to");
    EXPECT_THAT(keys(), ElementsAre("to"));
    // Freshly moved, not found for a moment.
    faults().add("files/move_v2", Fault::answer(409, R"({"error_summary":"from_lookup/not_found/","error":{".tag":"from_lookup","from_lookup":{".tag":"not_found"}}})", "application/json"));
    const auto again = provider_->rename({}, *moved, "there", std::nullopt);
    ASSERT_THAT(again, IsOk());
    faults().add("files/delete_v2", Fault::of(Kind::lost_answer));
    const Status removed = provider_->remove({}, *again, RemoveMode::trash);
    EXPECT_TRUE(removed || removed.error().code == Errc::unavailable);
    EXPECT_FALSE(service().find(setup_.path("there")).has_value());
    EXPECT_THAT(provider_->remove({}, *again, RemoveMode::trash), IsOk());
}

TEST_F(DropboxProviderTest, ADeletedRootFolderIsEmptyAndComesBack) {
    stored("x", "y");
    service().remove("/ORACXPRED");
    EXPECT_THAT(keys(), IsEmpty());
    EXPECT_THAT(put("x", "z"), IsOk());
    EXPECT_THAT(keys(), ElementsAre("x"));
}

// --- the change feed ---

TEST_F(DropboxProviderTest, ChangesOfOthersAreTold) {
    const auto begin = provider_->changes({}, "");
    ASSERT_THAT(begin, IsOk());
    EXPECT_THAT(begin->changes, IsEmpty());
    service().put(setup_.path("Docs/new"), "x");
    service().put("/elsewhere", "x");
    stored("ours", "x");
    service().remove(setup_.path("ours"));
    std::vector<std::string> seen;
    std::string cursor = begin->next;
    for (bool more = true; more;) {
        const auto page = provider_->changes({}, cursor);
        ASSERT_THAT(page, IsOk());
        for (const Change& change : page->changes) seen.push_back((change.gone ? "-" : "+") + change.object.key);
        cursor = page->next;
        more = page->more;
    }
    EXPECT_THAT(seen, testing::IsSupersetOf({"+Docs/new", "-ours"}));
    EXPECT_THAT(seen, testing::Each(testing::Not(HasSubstr("elsewhere"))));
    const auto rest = provider_->changes({}, cursor);
    ASSERT_THAT(rest, IsOk());
    EXPECT_THAT(rest->changes, IsEmpty());
    service().reset_cursors();
    EXPECT_THAT(provider_->changes({}, cursor), HasCode(Errc::changed));
    EXPECT_THAT(provider_->wait_for_changes({}, cursor), HasCode(Errc::changed));
}

TEST_F(DropboxProviderTest, AWaitEndsWithAChangeOrWithTheCaller) {
    const auto begin = provider_->changes({}, "");
    ASSERT_THAT(begin, IsOk());
    auto waiting = std::async(std::launch::async, [&] { return provider_->wait_for_changes({}, begin->next); });
    ASSERT_TRUE(service().wait_for("files/list_folder/longpoll", 1));
    service().put(setup_.path("new"), "x");
    const auto changed = waiting.get();
    ASSERT_THAT(changed, IsOk());
    EXPECT_TRUE(*changed);
    const auto page = provider_->changes({}, begin->next);
    ASSERT_THAT(page, IsOk());

    std::stop_source source;
    service().clear_log();
    auto stopped = std::async(std::launch::async, [&] { return provider_->wait_for_changes({.stop = source.get_token(), .deadline = {}}, page->next); });
    ASSERT_TRUE(service().wait_for("files/list_folder/longpoll", 1));
    source.request_stop();
    EXPECT_THAT(stopped.get(), HasCode(Errc::cancelled));
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
