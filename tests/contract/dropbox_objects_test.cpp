// Dropbox: names, reading, folders, and what others change.

#include <future>

#include "tests/contract/dropbox_provider_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = Fault::Kind;

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

}  // namespace
}  // namespace oracxfs::test
