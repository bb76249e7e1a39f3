#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CatalogDirectoriesTest : public CatalogTest {
  protected:
    std::vector<DirectoryJob> jobs(std::size_t limit = 100) { return catalog_->due_directories(p, now(), limit).value(); }
    std::vector<std::string> due_paths(std::size_t limit = 100) {
        std::vector<std::string> paths;
        for (const DirectoryJob& job : jobs(limit)) paths.push_back(job.row.wanted ? job.want_key : "-" + job.row.key);
        return paths;
    }
    // As a lane does: makes what is due and says so.
    void make_all() {
        for (DirectoryJob& job : jobs()) {
            if (!job.row.wanted || !job.row.key.empty()) continue;
            job.row.key = job.want_key;
            job.row.due.reset();
            EXPECT_THAT(catalog_->record_directory(job.row), IsOk());
        }
    }
    std::vector<std::string> known() {
        std::vector<std::string> keys;
        for (const auto found = catalog_->known_objects(p); const auto& object : *found) keys.push_back(object.key);
        return keys;
    }
    DirectoryRow directory_row(const std::string& at, const std::string& key) {
        DirectoryRow row;
        row.node = find(at).id;
        row.provider = p;
        row.key = key;
        return row;
    }
    ProviderId p = provider("p");
};

TEST_F(CatalogDirectoriesTest, NewDirectoriesAreDueShallowFirst) {
    mkdir("b", {p});
    mkdir("b/c", {p});
    mkdir("b/c/d", {p});
    mkdir("a", {p});
    EXPECT_THAT(due_paths(), ElementsAre("a", "b", "b/c", "b/c/d"));
    EXPECT_THAT(due_paths(2), ElementsAre("a", "b"));
    make_all();
    EXPECT_THAT(due_paths(), IsEmpty());
    EXPECT_THAT(known(), ElementsAre("a", "b", "b/c", "b/c/d"));
}

TEST_F(CatalogDirectoriesTest, RemovedDirectoriesAreDueDeepFirstAfterTheGracePeriod) {
    mkdir("a", {p});
    mkdir("a/b", {p});
    make_all();
    ASSERT_THAT(remove("a/b"), IsOk());
    ASSERT_THAT(remove("a"), IsOk());
    mkdir("new", {p});
    EXPECT_THAT(due_paths(), ElementsAre("new"));
    clock_.advance(kGrace);
    EXPECT_THAT(due_paths(), ElementsAre("new", "-a/b", "-a"));
    const NodeId gone = jobs()[1].row.node;
    ASSERT_THAT(catalog_->drop_directory(gone, p), IsOk());
    EXPECT_THAT(due_paths(), ElementsAre("new", "-a"));
    EXPECT_THAT(catalog_->drop_directory(gone, p), IsOk()) << "absent is dropped";
}

TEST_F(CatalogDirectoriesTest, ADirectoryThatIsMadeAgainIsNotRemoved) {
    mkdir("a", {p});
    make_all();
    ASSERT_THAT(remove("a"), IsOk());
    mkdir("a", {p});
    clock_.advance(kGrace);
    EXPECT_THAT(due_paths(), ElementsAre("a"));
}

TEST_F(CatalogDirectoriesTest, AProviderThatComesBackKeepsTheGracePeriodOfDirectories) {
    mkdir("a", {p});
    make_all();
    ASSERT_THAT(remove("a"), IsOk());
    ASSERT_THAT(catalog_->make_due(p, now()), IsOk());
    EXPECT_THAT(due_paths(), IsEmpty());
    EXPECT_EQ(catalog_->next_due(p).value(), now() + kGrace);
}

TEST_F(CatalogDirectoriesTest, ADirectoryThatWasRemovedMeanwhileIsNotWantedAgain) {
    const NodeId node = mkdir("a", {p});
    DirectoryRow made = directory_row("a", "a");
    ASSERT_THAT(remove("a"), IsOk());
    ASSERT_THAT(catalog_->record_directory(made), IsOk());
    EXPECT_THAT(due_paths(), IsEmpty());
    clock_.advance(kGrace);
    EXPECT_THAT(due_paths(), ElementsAre("-a"));
    // Even if its row was dropped in between: what was made must go.
    ASSERT_THAT(catalog_->drop_directory(node, p), IsOk());
    ASSERT_THAT(catalog_->record_directory(made), IsOk());
    clock_.advance(kGrace);
    EXPECT_THAT(due_paths(), ElementsAre("-a"));
}

TEST_F(CatalogDirectoriesTest, ADirectoryThatWasRenamedMeanwhileIsNotSettled) {
    mkdir("a", {p});
    const DirectoryRow made = directory_row("a", "a");
    ASSERT_THAT(rename("a", "b"), IsOk());
    ASSERT_THAT(catalog_->record_directory(made), IsOk());
    ASSERT_THAT(jobs(), SizeIs(1));
    EXPECT_EQ(jobs()[0].want_key, "b");
    EXPECT_EQ(jobs()[0].row.key, "a");
}

TEST_F(CatalogDirectoriesTest, FailuresAreRecorded) {
    mkdir("a", {p});
    DirectoryRow row = jobs()[0].row;
    row.attempts = 3;
    row.error_text = "no \xff";
    row.due = now() + Millis(50);
    ASSERT_THAT(catalog_->record_directory(row), IsOk());
    EXPECT_THAT(jobs(), IsEmpty());
    clock_.advance(Millis(50));
    ASSERT_THAT(jobs(), SizeIs(1));
    EXPECT_EQ(jobs()[0].row.attempts, 3u);
    EXPECT_EQ(jobs()[0].row.error_text, "no \xff");
}

TEST_F(CatalogDirectoriesTest, AFewFailuresAreWaitedFor) {
    mkdir("a", {p});
    DirectoryRow row = jobs()[0].row;
    row.error_text = "the folder above is not there";
    row.due = now() + Millis(50);
    for (std::uint32_t attempts : {1u, 3u}) {
        row.attempts = attempts;
        ASSERT_THAT(catalog_->record_directory(row), IsOk());
        EXPECT_THAT(catalog_->pending_directories().value(), ElementsAre(p));
    }
    row.attempts = 4;
    ASSERT_THAT(catalog_->record_directory(row), IsOk());
    EXPECT_THAT(catalog_->pending_directories().value(), IsEmpty());
}

TEST_F(CatalogDirectoriesTest, ARenamedDirectoryMovesAsAWhole) {
    mkdir("a", {p});
    mkdir("a/sub", {p});
    mkdir("ab", {p});
    make_all();
    const VersionId in = write("a/\xff", {p});
    const VersionId deep = write("a/sub/f", {p});
    const VersionId beside = write("ab/f", {p});
    verified(in, p, "a/\xff");
    verified(deep, p, "a/sub/f");
    verified(beside, p, "ab/f");
    ASSERT_THAT(rename("a", "z"), IsOk());
    EXPECT_THAT(due_paths(), ElementsAre("z"));
    EXPECT_EQ(due(in, p), std::nullopt) << "comes with the folder";
    EXPECT_EQ(due(deep, p), std::nullopt);
    EXPECT_EQ(job(deep, p).want_key, "z/sub/f");
    ASSERT_THAT(catalog_->record_directory_move(find("z").id, p, "a", "z"), IsOk());
    EXPECT_THAT(due_paths(), IsEmpty());
    EXPECT_THAT(known(), ElementsAre("ab", "ab/f", "z", "z/sub", "z/sub/f", "z/\xff"));
    EXPECT_EQ(due(in, p), std::nullopt);
    EXPECT_THAT(catalog_->record_directory_move(NodeId{999'999}, p, "a", "z"), HasCode(Errc::not_found));
}

TEST_F(CatalogDirectoriesTest, AMoveSettlesWhatFitsNowAndNothingElse) {
    mkdir("a", {p});
    make_all();
    const VersionId fits = write("a/f", {p});
    verified(fits, p, "a/f");
    ASSERT_THAT(catalog_->make_replica_due(fits, p, now()), IsOk());
    const VersionId renamed = write("a/g", {p});
    verified(renamed, p, "a/g");
    const VersionId unverified = write("a/h", {p});
    ReplicaRow stored = stored_row(unverified, p, "a/h", ReplicaState::stored);
    stored.due = now();
    ASSERT_THAT(record(stored), IsOk());
    ASSERT_THAT(rename("a/g", "a/g2"), IsOk());
    ASSERT_THAT(rename("a", "b"), IsOk());
    ASSERT_THAT(catalog_->record_directory_move(find("b").id, p, "a", "b"), IsOk());
    EXPECT_EQ(due(fits, p), std::nullopt);
    EXPECT_EQ(row(fits, p)->key, "b/f");
    EXPECT_TRUE(due(renamed, p));
    EXPECT_EQ(row(renamed, p)->key, "b/g");
    EXPECT_TRUE(due(unverified, p));
}

TEST_F(CatalogDirectoriesTest, ADirectoryThatWasRenamedTwiceIsStillDueAfterTheFirstMove) {
    mkdir("a", {p});
    make_all();
    const VersionId v = write("a/f", {p});
    verified(v, p, "a/f");
    ASSERT_THAT(rename("a", "b"), IsOk());
    ASSERT_THAT(rename("b", "c"), IsOk());
    ASSERT_THAT(catalog_->record_directory_move(find("c").id, p, "a", "b"), IsOk());
    ASSERT_THAT(jobs(), SizeIs(1));
    EXPECT_EQ(jobs()[0].row.key, "b");
    EXPECT_EQ(jobs()[0].want_key, "c");
    EXPECT_EQ(row(v, p)->key, "b/f");
}

TEST_F(CatalogDirectoriesTest, FilesInADirectoryThatWasNeverMadeMoveByThemselves) {
    mkdir("a", {p});
    const VersionId v = write("a/f", {p});
    verified(v, p, "a/f");  // the upload made the parents
    ASSERT_THAT(rename("a", "b"), IsOk());
    EXPECT_EQ(due(v, p), now());
    EXPECT_EQ(job(v, p).want_key, "b/f");
}

TEST_F(CatalogDirectoriesTest, FilesThatWereUploadedBetweenTwoRenamesMoveByThemselves) {
    mkdir("a", {p});
    make_all();
    ASSERT_THAT(rename("a", "b"), IsOk());
    const VersionId v = write("b/f", {p});
    verified(v, p, "b/f");
    EXPECT_EQ(due(v, p), std::nullopt);
    ASSERT_THAT(rename("b", "c"), IsOk());
    EXPECT_EQ(due(v, p), now()) << "the folder at the provider is still called a";
}

TEST_F(CatalogDirectoriesTest, AFolderThatLeavesAFolderStillToBeMovedTakesItsFilesAlong) {
    mkdir("a", {p});
    make_all();
    mkdir("a/sub", {p});
    const VersionId v = write("a/sub/f", {p});
    verified(v, p, "a/sub/f");
    ASSERT_THAT(rename("a", "b"), IsOk());
    EXPECT_EQ(due(v, p), std::nullopt) << "comes with a";
    ASSERT_THAT(rename("b/sub", "away"), IsOk());
    EXPECT_EQ(due(v, p), now()) << "a does not bring it to its place any more";
    EXPECT_EQ(job(v, p).want_key, "away/f");
}

TEST_F(CatalogDirectoriesTest, WhatWasBegunBelowAMovedFolderIsLookedForWhereItIsNow) {
    mkdir("a", {p});
    mkdir("a/sub", {p});
    make_all();
    const VersionId v = write("a/f", {p});
    uploading(v, p, "a/f");
    ASSERT_THAT(rename("a/sub", "a/sub2"), IsOk());
    DirectoryRow moving = jobs()[0].row;
    moving.intent_key = "a/sub2";
    ASSERT_THAT(catalog_->record_directory(moving), IsOk());
    ASSERT_THAT(rename("a", "b"), IsOk());
    ASSERT_THAT(catalog_->record_directory_move(find("b").id, p, "a", "b"), IsOk());
    EXPECT_EQ(row(v, p)->intent_key, "b/f");
    EXPECT_TRUE(due(v, p));
    ASSERT_THAT(jobs(), SizeIs(1));
    EXPECT_EQ(jobs()[0].row.key, "b/sub");
    EXPECT_EQ(jobs()[0].row.intent_key, "b/sub2");
}

TEST_F(CatalogDirectoriesTest, ADirectoryWhoseMoveWasBegunIsToldWheneverItIsDue) {
    mkdir("a", {p});
    make_all();
    ASSERT_THAT(rename("a", "b"), IsOk());
    DirectoryRow moving = jobs()[0].row;
    moving.intent_key = "b";
    moving.due = now() + Millis(10'000);  // nobody could say where it is
    ASSERT_THAT(catalog_->record_directory(moving), IsOk());
    ASSERT_THAT(jobs(), SizeIs(1));
    EXPECT_EQ(jobs()[0].row.due, now() + Millis(10'000));
    ASSERT_THAT(remove("b"), IsOk());
    ASSERT_THAT(jobs(), SizeIs(1)) << "its files would be looked for under keys that mean nothing";
    EXPECT_FALSE(jobs()[0].row.wanted);
    EXPECT_EQ(jobs()[0].row.due, now()) << "not only after the grace period";
}

TEST_F(CatalogDirectoriesTest, WhatWasBelievedToStandWhereAMoveWentIsMissing) {
    mkdir("a", {p});
    make_all();
    const VersionId v = write("a/f", {p});
    verified(v, p, "a/f");
    const VersionId other = write("other", {p});
    verified(other, p, "b/f");
    const VersionId beside = write("beside", {p});
    verified(beside, p, "b/g");
    ASSERT_THAT(rename("a", "b"), IsOk());
    ASSERT_THAT(catalog_->record_directory_move(find("b").id, p, "a", "b"), IsOk());
    EXPECT_EQ(row(v, p)->key, "b/f");
    EXPECT_EQ(row(v, p)->state, ReplicaState::verified);
    EXPECT_EQ(row(other, p)->key, "");
    EXPECT_EQ(row(other, p)->state, ReplicaState::missing);
    EXPECT_TRUE(due(other, p));
    EXPECT_EQ(row(beside, p)->key, "b/g") << "it may have come after the move";
}

TEST_F(CatalogDirectoriesTest, ANewFolderOfTheOldNameHasToBeMadeAgain) {
    mkdir("a", {p});
    make_all();
    ASSERT_THAT(rename("a", "b"), IsOk());
    mkdir("a", {p});
    // The provider answers that it is there already: that is the old one, still to be moved.
    make_all();
    EXPECT_THAT(due_paths(), ElementsAre("b"));
    ASSERT_THAT(catalog_->record_directory_move(find("b").id, p, "a", "b"), IsOk());
    EXPECT_THAT(due_paths(), ElementsAre("a"));
    EXPECT_THAT(known(), ElementsAre("b"));
}

}  // namespace
}  // namespace oracxfs::test
