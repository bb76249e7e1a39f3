// What lies in a Google Drive that no other place has: twins, things in the trash, shortcuts, documents without bytes, files
// that this project may not see.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/contract/google_drive_setup.h"
#include "tests/support/blobs.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;
using Kind = Fault::Kind;

class GoogleDriveTreeTest : public testing::Test {
  protected:
    GoogleDriveTreeTest() { open(setup_.machine); }

    DriveEmulator& service() { return setup_.service; }
    Faults& faults() { return setup_.service.faults(); }
    void open(DriveMachine& machine, const Json& more = Json::object()) {
        provider_ = setup_.make(machine, nullptr, more);
        EXPECT_THAT(provider_->probe({}), IsOk());
        service().clear_log();
    }
    // Everything of the user's is visible.
    void open_whole_drive() {
        setup_.sign_in(setup_.machine, service().oauth().grant(std::set<std::string>{"https://www.googleapis.com/auth/drive"}));
        open(setup_.machine, Json::object({{"scope", "drive"}}));
    }
    Result<PutResult> put(const ObjectKey& key, std::string_view text) {
        MemoryBlob blob(text);
        PutOptions options;
        options.upload_id = "tree-" + std::to_string(++uploads_);
        return provider_->put({}, key, blob, options);
    }
    RemoteObject stored(const ObjectKey& key, std::string_view text) {
        const auto result = put(key, text);
        EXPECT_THAT(result, IsOk()) << key;
        return result ? result->object : RemoteObject{};
    }
    Result<std::vector<ObjectKey>> keys(const ObjectKey& directory = "") {
        std::vector<ObjectKey> keys;
        std::string cursor;
        do {
            ORACX_TRY(const ListPage page, provider_->list({}, directory, cursor));
            for (const RemoteObject& entry : page.entries) keys.push_back(entry.key);
            cursor = page.next;
        } while (!cursor.empty());
        return keys;
    }
    Result<std::string> text(const RemoteObject& object) {
        std::string out;
        ORACX_TRYV(provider_->read({}, object, 0, UINT64_MAX, [&](auto data) {
            for (const std::byte byte : data) out += static_cast<char>(byte);
            return true;
        }));
        return out;
    }

    GoogleDriveSetup setup_;
    std::unique_ptr<Provider> provider_;
    int uploads_ = 0;
};

// --- twins ---------------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveTreeTest, FoldersOfOneNameAreOne) {
    stored("d/ours", "1");
    const std::string twin = service().make_folder(setup_.folder(), "d").id;
    service().put(twin, "theirs", "2");
    open(setup_.machine);
    EXPECT_THAT(keys("d").value(), UnorderedElementsAre("d/ours", "d/theirs"));
    EXPECT_EQ(text(provider_->stat({}, "d/theirs").value()).value(), "2");
    EXPECT_THAT(put("d/theirs", "3"), HasCode(Errc::exists));
    stored("d/more", "4");
    EXPECT_THAT(setup_.at("d"), SizeIs(2)) << "and not a third one";
    EXPECT_THAT(provider_->remove_directory({}, "d"), HasCode(Errc::not_empty));
}

TEST_F(GoogleDriveTreeTest, EachOfTwoFilesOfOneNameIsReachedByItsId) {
    const RemoteObject ours = stored("f", "ours");
    service().put(setup_.folder(), "f", "theirs");
    open(setup_.machine);
    EXPECT_THAT(keys().value(), ElementsAre("f", "f"));
    EXPECT_EQ(text(ours).value(), "ours");
    const auto there = setup_.at("f");
    const auto oldest = std::min_element(there.begin(), there.end(), [](const DriveEntry& a, const DriveEntry& b) {
        return std::pair(a.created_time, a.id) < std::pair(b.created_time, b.id);
    });
    EXPECT_EQ(provider_->stat({}, "f")->id, oldest->id);
    EXPECT_THAT(provider_->remove({}, ours, RemoveMode::trash), IsOk());
    EXPECT_EQ(text(provider_->stat({}, "f").value()).value(), "theirs");
}

// Several machines that find no folder make one each, and agree afterwards.
TEST_F(GoogleDriveTreeTest, TwoMachinesUseOneFolder) {
    DriveMachine other;
    setup_.sign_in(other, service().oauth().grant());
    stored("from here", "1");
    open(other);
    EXPECT_THAT(keys().value(), ElementsAre("from here"));
    EXPECT_THAT(service().find_path("ORACXPRED"), SizeIs(1));
}

// --- the trash -------------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveTreeTest, WhatIsInTheTrashIsNotThere) {
    const RemoteObject object = stored("d/f", "old");
    service().trash(object.id);
    open(setup_.machine);
    EXPECT_THAT(keys().value(), ElementsAre("d"));
    EXPECT_THAT(provider_->stat({}, "d/f"), HasCode(Errc::not_found));
    EXPECT_THAT(text(object), HasCode(Errc::not_found));
    EXPECT_THAT(put("d/f", "new"), IsOk());
}

TEST_F(GoogleDriveTreeTest, AFolderInTheTrashIsNotFilledAnyMore) {
    stored("d/f", "old");
    service().trash(setup_.at("d").front().id);
    stored("d/g", "new");  // which the process has not heard of
    const auto found = setup_.at("d/g");
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_FALSE(found.front().trashed);
    EXPECT_THAT(keys("d").value(), ElementsAre("d/g"));
}

TEST_F(GoogleDriveTreeTest, TheTrashIsLeftToItsOwner) {
    ASSERT_THAT(provider_->remove({}, stored("f", "x"), RemoveMode::trash), IsOk());
    EXPECT_THAT(provider_->purge_trash({}, Millis(0)), IsOk());
    EXPECT_EQ(service().count("files.emptyTrash"), 0u) << "with this scope it is refused, and it would take everything";
    EXPECT_EQ(service().count("files.delete"), 0u);
}

TEST_F(GoogleDriveTreeTest, OurFolderInTheTrashIsNoReasonForANewOne) {
    stored("f", "x");
    service().trash(setup_.folder());
    const auto provider = setup_.make();
    const auto probed = provider->probe({});
    ASSERT_THAT(probed, HasCode(Errc::unavailable));
    EXPECT_THAT(probed.error().why, HasSubstr("trash"));
    EXPECT_THAT(service().find_path("ORACXPRED"), IsEmpty());
}

TEST_F(GoogleDriveTreeTest, AFolderThatTheProjectMayNotSeeIsNoReasonForANewOne) {
    stored("f", "x");
    service().hide(setup_.folder());
    const auto provider = setup_.make();
    const auto probed = provider->probe({});
    ASSERT_THAT(probed, HasCode(Errc::unavailable));
    EXPECT_THAT(probed.error().why, HasSubstr("project"));
}

// --- what has no bytes -----------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveTreeTest, DocumentsAndShortcutsAreNoFilesAndNotInTheWay) {
    open_whole_drive();
    stored("d/f", "bytes");
    const std::string folder = setup_.at("d").front().id;
    const DriveEntry document = service().make_native_document(folder, "doc");
    service().make_shortcut(folder, "circle", folder);  // into itself
    service().make_shortcut(folder, "link", setup_.at("d/f").front().id);
    open(setup_.machine, Json::object({{"scope", "drive"}}));
    EXPECT_THAT(keys().value(), UnorderedElementsAre("d", "d/f"));
    EXPECT_THAT(provider_->stat({}, "d/doc"), HasCode(Errc::not_found));
    EXPECT_THAT(provider_->stat({}, "d/circle"), HasCode(Errc::not_found));
    RemoteObject object;
    object.key = "d/doc";
    object.id = document.id;
    EXPECT_THAT(text(object), HasCode(Errc::unsupported)) << "and not read as an empty file";
    EXPECT_THAT(provider_->remove({}, object, RemoveMode::trash), HasCode(Errc::changed));
    EXPECT_THAT(put("d/doc", "a file of that name"), IsOk());
    EXPECT_FALSE(service().find(document.id)->trashed);
    EXPECT_THAT(provider_->remove_directory({}, "d"), HasCode(Errc::not_empty));
}

TEST_F(GoogleDriveTreeTest, AnEmptyFileIsReadWithoutADownload) {
    const RemoteObject empty = stored("empty", "");
    EXPECT_EQ(text(empty).value(), "");
    EXPECT_EQ(service().count("files.download"), 0u) << "any range of nothing is refused";
}

TEST_F(GoogleDriveTreeTest, WhatGoogleTakesForMalwareIsDeniedNotRetried) {
    const RemoteObject object = stored("f", "x");
    service().set_abusive(object.id, true);
    EXPECT_THAT(text(object), HasCode(Errc::denied));
    EXPECT_EQ(service().count("files.download"), 1u);
}

// --- listings --------------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveTreeTest, ASearchThatWasNotCompleteIsNoListing) {
    stored("f", "x");
    faults().add("files.list", Fault::answer(200, R"({"incompleteSearch":true,"files":[]})", "application/json"), 0, 0);
    EXPECT_THAT(keys(), HasCode(Errc::unavailable)) << "f would be taken for removed";
    faults().clear();
    EXPECT_THAT(keys().value(), ElementsAre("f"));
}

TEST_F(GoogleDriveTreeTest, AListingThatTheServiceForgotBeginsAnew) {
    for (int i = 0; i < 5; ++i) stored("f" + std::to_string(i), "x");
    service().set_page_entries(2);
    const auto first = provider_->list({}, "", "");
    ASSERT_THAT(first, IsOk());
    ASSERT_FALSE(first->next.empty());
    service().expire_page_tokens();
    EXPECT_THAT(provider_->list({}, "", first->next), HasCode(Errc::changed));
    EXPECT_THAT(keys().value(), SizeIs(5));
}

TEST_F(GoogleDriveTreeTest, QueriesHoldNothingBack) {
    DriveMachine machine;
    setup_.sign_in(machine, service().oauth().grant());
    open(machine, Json::object({{"folder", "it's a \\ folder & more + #1"}}));
    stored("f", "x");
    DriveMachine again;
    setup_.sign_in(again, service().oauth().grant());
    open(again, Json::object({{"folder", "it's a \\ folder & more + #1"}}));
    EXPECT_THAT(keys().value(), ElementsAre("f"));
}

// --- the account -----------------------------------------------------------------------------------------------------------

TEST_F(GoogleDriveTreeTest, ASignInOfAnotherAccountIsRefused) {
    stored("f", "x");
    faults().add("about.get", Fault::answer(200, R"({"user":{"permissionId":"somebody"},"storageQuota":{"usage":"5"}})", "application/json"), 0, 0);
    const auto probed = setup_.make()->probe({});
    ASSERT_THAT(probed, HasCode(Errc::config));
    EXPECT_THAT(probed.error().why, HasSubstr("another Google account"));
}

}  // namespace
}  // namespace oracxfs::test
