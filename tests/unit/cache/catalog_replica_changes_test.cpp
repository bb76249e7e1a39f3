// What becomes of copies when their file is written again, removed or renamed.

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;


class CatalogReplicaChangesTest : public CatalogTest {
  protected:
    ProviderId p = provider("p");
    ProviderId q = provider("q");
};

// --- superseding -----------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicaChangesTest, TheOldContentStaysUntilTheNewOneIsVerifiedAtTheSameProvider) {
    const VersionId v1 = write("f", {p, q});
    verified(v1, p, "f");
    const VersionId v2 = write("f", {p, q});
    EXPECT_EQ(catalog_->version(v1)->fate, VersionFate::superseded);
    EXPECT_FALSE(row(v1, q)) << "nothing is there";
    EXPECT_EQ(due(v1, p), std::nullopt) << "waits for version 2";
    EXPECT_FALSE(job(v1, p).successor_verified);
    EXPECT_EQ(job(v2, p).occupant->version, v1);
    EXPECT_FALSE(job(v2, p).occupant_wanted);

    verified(v2, q, "f");
    EXPECT_EQ(due(v1, p), std::nullopt) << "another provider";
    clock_.advance(Millis(5));
    verified(v2, p, "f.new");
    EXPECT_EQ(due(v1, p), now());
    EXPECT_TRUE(job(v1, p).successor_verified);
}

TEST_F(CatalogReplicaChangesTest, AReplacementIsRecordedInOneStep) {
    const VersionId v1 = write("f", {p});
    verified(v1, p, "f");
    const VersionId v2 = write("f", {p});
    EXPECT_THAT(record(stored_row(v2, p, "f")), HasCode(Errc::exists)) << "a key belongs to one version";
    ReplicaChange gone;
    gone.kind = ReplicaChange::Kind::drop;
    gone.row = *row(v1, p);
    ASSERT_THAT(catalog_->record({gone, {ReplicaChange::Kind::store, stored_row(v2, p, "f"), ReplicaState::queued}}, true), IsOk());
    EXPECT_EQ(row(v1, p), std::nullopt);
    EXPECT_EQ(row(v2, p)->key, "f");
    EXPECT_EQ(due(v2, p), std::nullopt);
}

TEST_F(CatalogReplicaChangesTest, ARunningUploadKeepsItsRowWhenTheFileIsWrittenAgain) {
    const VersionId v1 = write("f", {p, q});
    uploading(v1, p, "f");
    clock_.advance(Millis(10));
    const VersionId v2 = write("f", {p, q});
    ASSERT_TRUE(row(v1, p));
    EXPECT_EQ(due(v1, p), now()) << "for the plan to look";
    EXPECT_EQ(row(v1, q), std::nullopt);
    ASSERT_TRUE(job(v2, p).occupant) << "what is on its way to the key counts";
    EXPECT_EQ(job(v2, p).occupant->version, v1);
    EXPECT_EQ(job(v2, p).occupant->intent_key, "f");
    // The late uploader of q notices; that of p may still record its end.
    EXPECT_THAT(record(stored_row(v1, q, "f"), ReplicaState::uploading), HasCode(Errc::changed));
    EXPECT_THAT(record(stored_row(v1, p, "f"), ReplicaState::uploading), IsOk());
    EXPECT_EQ(due(v1, p), std::nullopt) << "version 2 is not verified yet and will wake it";
    verified(v2, p, "elsewhere");
    EXPECT_EQ(due(v1, p), now());
}

TEST_F(CatalogReplicaChangesTest, AnUploadThatEndsAfterItsSuccessorIsVerifiedIsCleanedUp) {
    const VersionId v1 = write("f", {p});
    uploading(v1, p, "f");
    const VersionId v2 = write("f", {p});
    verified(v2, p, "f");
    ASSERT_THAT(record(stored_row(v1, p, "f (copy)"), ReplicaState::uploading), IsOk());
    EXPECT_EQ(due(v1, p), now());
    EXPECT_TRUE(job(v1, p).successor_verified);
}

TEST_F(CatalogReplicaChangesTest, AChainOfVersionsEndsWithTheLast) {
    std::vector<VersionId> versions;
    for (int i = 0; i < 4; ++i) {
        versions.push_back(write("f", {p}, {.staged = "v" + std::to_string(i)}));
        if (i < 3) verified(versions.back(), p, "key" + std::to_string(i));
    }
    EXPECT_EQ(due(versions[2], p), std::nullopt);
    clock_.advance(Millis(1));
    const auto first = due(versions[0], p);
    ASSERT_TRUE(first) << "the second one was verified while it was the current one";
    EXPECT_FALSE(job(versions[0], p).successor_verified) << "but now it is the last one that counts";
    verified(versions.back(), p, "f");
    EXPECT_EQ(due(versions[0], p), first);
    EXPECT_EQ(due(versions[2], p), now());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(job(versions[static_cast<std::size_t>(i)], p).successor_verified);
    EXPECT_THAT(catalog_->collect_dead_versions().value(), IsEmpty()) << "they have replicas";
    for (int i = 0; i < 3; ++i) EXPECT_THAT(drop(versions[static_cast<std::size_t>(i)], p), IsOk());
    EXPECT_THAT(catalog_->collect_dead_versions().value(), testing::UnorderedElementsAre("v0", "v1", "v2"));
    EXPECT_THAT(catalog_->version(versions[0]), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->version(versions[3]), IsOk());
}

TEST_F(CatalogReplicaChangesTest, ATornWriteDoesNotCostTheLastGoodReplica) {
    const VersionId good = write("f", {p});
    verified(good, p, "f");
    write("f", {p}, {.torn = true});
    EXPECT_EQ(due(good, p), std::nullopt);
    EXPECT_FALSE(job(good, p).successor_verified);
    const VersionId again = write("f", {p});
    EXPECT_FALSE(job(good, p).successor_verified);
    verified(again, p, "f2");
    EXPECT_TRUE(job(good, p).successor_verified);
    EXPECT_EQ(due(good, p), now());
}

TEST_F(CatalogReplicaChangesTest, OldContentGoesWhenTheFileIsKeptLocalFromNowOn) {
    const VersionId good = write("f", {p});
    verified(good, p, "f");
    write("f", {p}, {.torn = true});
    ASSERT_THAT(rename("f", "f~", true), IsOk());
    ReplicaRow settled = *row(good, p);
    settled.due.reset();
    ASSERT_THAT(record(settled), IsOk());
    EXPECT_EQ(due(good, p), std::nullopt) << "still the last good content";
    write("f~", {}, {.local_only = true});
    EXPECT_EQ(due(good, p), now() + kGrace);
    EXPECT_TRUE(job(good, p).successor_verified);
}

// --- removing --------------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicaChangesTest, RemovedFilesKeepTheirReplicasForTheGracePeriod) {
    const VersionId v = write("f", {p, q}, {.staged = "v1"});
    verified(v, p, "f");
    const ProviderId r = provider("r");
    uploading(v, r, "f");
    ASSERT_THAT(remove("f"), IsOk());
    EXPECT_EQ(due(v, p), now() + kGrace);
    EXPECT_EQ(row(v, q), std::nullopt);
    EXPECT_EQ(due(v, r), now() + kGrace);
    const ReplicaJob todo = job(v, p);
    EXPECT_FALSE(todo.wanted);
    EXPECT_EQ(todo.want_key, "");
    EXPECT_EQ(todo.node, NodeId{});
    EXPECT_EQ(todo.fate, VersionFate::doomed);
    EXPECT_EQ(todo.doomed_at, now());
    EXPECT_TRUE(todo.successor_verified) << "nothing took its place";
    EXPECT_THAT(due_versions(p), IsEmpty());
    EXPECT_EQ(catalog_->next_due(p).value(), now() + kGrace);
    clock_.advance(kGrace);
    EXPECT_THAT(due_versions(p), ElementsAre(v.value));
    EXPECT_THAT(catalog_->mark_evicted(v, 1), IsOk());
}

TEST_F(CatalogReplicaChangesTest, OlderVersionsOfARemovedFileGoWithIt) {
    const VersionId v1 = write("f", {p});
    verified(v1, p, "f");
    const VersionId v2 = write("f", {p}, {.staged = "v2"});
    EXPECT_EQ(due(v1, p), std::nullopt);
    ASSERT_THAT(remove("f"), IsOk());
    EXPECT_EQ(due(v1, p), now() + kGrace) << "nobody would wake it any more";
    EXPECT_TRUE(job(v1, p).successor_verified);
    EXPECT_EQ(row(v2, p), std::nullopt);
    EXPECT_THAT(catalog_->collect_dead_versions().value(), ElementsAre("v2"));
}

TEST_F(CatalogReplicaChangesTest, ANewFileOfTheSameNameTakesTheOldOnesPlace) {
    const VersionId v1 = write("f", {p});
    verified(v1, p, "f");
    ASSERT_THAT(remove("f"), IsOk());
    const VersionId v2 = write("f", {p});
    EXPECT_FALSE(job(v1, p).successor_verified) << "the new one is not there yet";
    EXPECT_EQ(job(v2, p).occupant->version, v1);
    verified(v2, p, "f (2)");
    EXPECT_TRUE(job(v1, p).successor_verified);
}

TEST_F(CatalogReplicaChangesTest, AReplacedFileWaitsForWhatReplacedIt) {
    const VersionId old = write("f", {p});
    verified(old, p, "f");
    const VersionId fresh = write("f.part", {p}, {.local_only = true});
    ASSERT_THAT(rename("f.part", "f", false, {p}), IsOk());
    EXPECT_EQ(catalog_->version(old)->fate, VersionFate::doomed);
    EXPECT_EQ(due(old, p), now() + kGrace);
    EXPECT_EQ(due(fresh, p), now());
    EXPECT_FALSE(job(old, p).successor_verified);
    EXPECT_EQ(job(fresh, p).occupant->version, old);
}

// A plan that settles a row because its successor is not there yet relies on being woken.
TEST_F(CatalogReplicaChangesTest, WhoWaitsForASuccessorIsWokenWhenThereWillBeNone) {
    const auto waiting = [&](const std::string& name) {
        const VersionId old = write(name, {p});
        verified(old, p, name);
        EXPECT_THAT(remove(name), IsOk());
        write(name, {p});
        ReplicaRow settled = *row(old, p);
        settled.due.reset();
        EXPECT_THAT(record(settled), IsOk());
        EXPECT_EQ(due(old, p), std::nullopt);
        return old;
    };
    const VersionId removed = waiting("a");
    ASSERT_THAT(remove("a"), IsOk());
    EXPECT_TRUE(due(removed, p));
    const VersionId renamed = waiting("b");
    ASSERT_THAT(rename("b", "elsewhere"), IsOk());
    EXPECT_TRUE(due(renamed, p));
    mkdir("d", {p});
    const VersionId moved = waiting("d/c");
    ASSERT_THAT(rename("d", "e"), IsOk());
    EXPECT_TRUE(due(moved, p));
    const VersionId torn = waiting("t");
    write("t", {p}, {.torn = true});
    EXPECT_TRUE(due(torn, p));
    const VersionId taken_over = waiting("g");
    verified(find("g").version, p, "g (2)");
    EXPECT_TRUE(due(taken_over, p));
    EXPECT_TRUE(job(taken_over, p).successor_verified);
}

TEST_F(CatalogReplicaChangesTest, SettlingARemovedRowTooEarlyMakesItDueAfterTheGracePeriod) {
    const VersionId v = write("f", {p});
    uploading(v, p, "f");
    ASSERT_THAT(remove("f"), IsOk());
    clock_.advance(Millis(1'000));
    ASSERT_THAT(record(stored_row(v, p, "f"), ReplicaState::uploading), IsOk());
    EXPECT_EQ(due(v, p), now() + kGrace - Millis(1'000));
}

// --- renaming --------------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicaChangesTest, ARenamedFileHasToMove) {
    const VersionId v = write("a", {p, q});
    verified(v, p, "a");
    clock_.advance(Millis(3));
    ASSERT_THAT(rename("a", "b"), IsOk());
    EXPECT_EQ(due(v, p), now());
    EXPECT_EQ(job(v, p).want_key, "b");
    EXPECT_EQ(row(v, p)->key, "a");
    EXPECT_EQ(due(v, q), now());
}

TEST_F(CatalogReplicaChangesTest, AnUploadThatEndsUnderTheOldNameIsNotSettled) {
    mkdir("d", {p});
    const VersionId v = write("d/a", {p});
    uploading(v, p, "d/a");
    ASSERT_THAT(rename("d", "e"), IsOk());
    ASSERT_THAT(record(stored_row(v, p, "d/a"), ReplicaState::uploading), IsOk());
    EXPECT_EQ(due(v, p), now());
    ASSERT_THAT(record(stored_row(v, p, "e/a")), IsOk());
    EXPECT_EQ(due(v, p), std::nullopt);
}

TEST_F(CatalogReplicaChangesTest, ATemporaryNameThatBecomesFinalIsReplicated) {
    const VersionId v = write("f.part", {}, {.local_only = true});
    ASSERT_THAT(rename("f.part", "f", false, {p}), IsOk());
    EXPECT_TRUE(job(v, p).wanted);
    EXPECT_EQ(due(v, p), now());
    EXPECT_FALSE(find("f").local_only);
    write("t.part", {}, {.torn = true, .local_only = true});
    const VersionId torn = find("t.part").version;
    ASSERT_THAT(rename("t.part", "t", false, {p}), IsOk());
    EXPECT_THAT(catalog_->replicas(torn).value(), IsEmpty());
}

TEST_F(CatalogReplicaChangesTest, ANameThatBecomesTemporaryIsGoneForTheProviders) {
    const VersionId v = write("f", {p, q});
    verified(v, p, "f");
    ASSERT_THAT(rename("f", "f~", true), IsOk());
    EXPECT_EQ(due(v, p), now() + kGrace);
    EXPECT_EQ(row(v, q), std::nullopt);
    EXPECT_FALSE(job(v, p).wanted);
    EXPECT_EQ(catalog_->version(v)->fate, VersionFate::current);
    EXPECT_THAT(catalog_->mark_evicted(v, 1), HasCode(Errc::busy));
    ASSERT_THAT(rename("f~", "f", false, {p, q}), IsOk());
    EXPECT_EQ(due(v, p), now());
    EXPECT_TRUE(job(v, p).wanted);
    EXPECT_EQ(due(v, q), now());
}

TEST_F(CatalogReplicaChangesTest, AddReplicasFillsInWhatIsMissing) {
    const VersionId v = write("f", {p});
    verified(v, p, "f");
    ASSERT_THAT(catalog_->add_replicas(v, {p, q}), IsOk());
    EXPECT_EQ(due(v, p), std::nullopt);
    EXPECT_EQ(due(v, q), now());
    const VersionId local = write("g~", {}, {.local_only = true});
    ASSERT_THAT(catalog_->add_replicas(local, {p}), IsOk());
    EXPECT_TRUE(job(local, p).wanted);
    EXPECT_FALSE(find("g~").local_only);
    const VersionId torn = write("t", {}, {.torn = true});
    EXPECT_THAT(catalog_->add_replicas(torn, {p}), HasCode(Errc::torn));
    write("f", {p});
    EXPECT_THAT(catalog_->add_replicas(v, {p}), HasCode(Errc::changed));
    EXPECT_THAT(catalog_->add_replicas(VersionId{1}, {p}), HasCode(Errc::not_found));
}

}  // namespace
}  // namespace oracxfs::test
