#include <algorithm>

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Catalog::DueFilter at_most(std::size_t limit, std::vector<VersionId> except = {}) {
    Catalog::DueFilter filter;
    filter.limit = limit;
    filter.except = std::move(except);
    return filter;
}
Catalog::DueFilter sized(std::optional<std::uint64_t> min, std::optional<std::uint64_t> max) {
    Catalog::DueFilter filter;
    filter.min_size = min;
    filter.max_size = max;
    return filter;
}

class CatalogReplicasTest : public CatalogTest {
  protected:
    ProviderId p = provider("p");
    ProviderId q = provider("q");
};

// --- committing ------------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicasTest, ACommittedFileIsQueuedEverywhereAtOnce) {
    const VersionId v = write("f", {p, q}, {.size = 200'000, .staged = "v1"});
    for (const ProviderId where : {p, q}) {
        const auto found = row(v, where);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->state, ReplicaState::queued);
        EXPECT_EQ(found->due, now());
        EXPECT_EQ(found->key, "");
    }
    const ReplicaJob todo = job(v, p);
    EXPECT_TRUE(todo.wanted);
    EXPECT_EQ(todo.want_key, "f");
    EXPECT_EQ(todo.size, 200'000u);
    EXPECT_EQ(todo.staged, "v1");
    EXPECT_EQ(todo.node, find("f").id);
    EXPECT_EQ(todo.sha256, made_up_digests(1, static_cast<std::uint8_t>(v.value)).sha256);
    EXPECT_FALSE(todo.occupant);
    EXPECT_FALSE(todo.session);
}

TEST_F(CatalogReplicasTest, DigestsComeBackWhole) {
    VersionCommit commit = prepare("f", {p}, {.size = 9'000'000});
    commit.digests.md5.emplace().fill(9);
    commit.digests.blocks.resize(3);
    for (std::size_t i = 0; i < 3; ++i) commit.digests.blocks[i].fill(static_cast<std::uint8_t>(i));
    ASSERT_THAT(catalog_->commit_version(commit), IsOk());
    const auto found = catalog_->digests(commit.version);
    ASSERT_THAT(found, IsOk());
    EXPECT_EQ(found->size, 9'000'000u);
    EXPECT_EQ(found->sha256, commit.digests.sha256);
    EXPECT_EQ(found->md5, commit.digests.md5);
    EXPECT_EQ(found->blocks, commit.digests.blocks);
    EXPECT_EQ(found->leaf_salt, commit.digests.leaf_salt);
    EXPECT_EQ(found->leaves, commit.digests.leaves);
    EXPECT_THAT(catalog_->digests(VersionId{5}), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->version(VersionId{5}), HasCode(Errc::not_found));
}

TEST_F(CatalogReplicasTest, StoredCopiesComePageByPage) {
    const ProviderId a = provider("a"), b = provider("b");
    std::vector<VersionId> held;
    for (int i = 0; i < 5; ++i) {
        const VersionId version = write("f" + std::to_string(i), {a, b});
        ASSERT_THAT(catalog_->record({{ReplicaChange::Kind::store, stored_row(version, a, "f" + std::to_string(i)), {}}}, false), IsOk());
        held.push_back(version);
    }
    ASSERT_THAT(remove("f3"), IsOk());  // unwanted from now on
    held.erase(held.begin() + 3);
    std::vector<VersionId> seen;
    for (VersionId after;;) {
        const auto page = catalog_->stored_copies(a, after, 3);
        ASSERT_THAT(page, IsOk());
        for (const auto& copy : *page) {
            seen.push_back(copy.version);
            EXPECT_EQ(copy.size, 10u);
        }
        if (page->size() < 3) break;
        after = page->back().version;
    }
    EXPECT_EQ(seen, held);
    EXPECT_EQ(catalog_->stored_copies(b, {}, 10)->size(), 0u);  // queued, not there
}

TEST_F(CatalogReplicasTest, CopiesOfAFoldersFilesComeAtOnce) {
    mkdir("d");
    const VersionId below = write("d/f", {p, q});
    const VersionId first = write("a", {p, q}), second = write("b", {q});
    const VersionId newer = write("a", {p, q});  // the old one is nobody's any more
    const auto found = catalog_->replicas_in(kRootNode);
    ASSERT_THAT(found, IsOk());
    std::vector<std::pair<VersionId, ProviderId>> rows;
    for (const ReplicaRow& row : *found) rows.emplace_back(row.version, row.provider);
    EXPECT_THAT(rows, ElementsAre(std::pair(second, q), std::pair(newer, p), std::pair(newer, q)));
    EXPECT_EQ(catalog_->replicas_in(find("d").id)->size(), 2u);
    EXPECT_NE(below, first);
}

TEST_F(CatalogReplicasTest, AVersionIsCommittedOnce) {
    const VersionCommit commit = prepare("f", {p}, {});
    ASSERT_THAT(catalog_->commit_version(commit), IsOk());
    EXPECT_THAT(catalog_->commit_version(commit), HasCode(Errc::exists));
    EXPECT_EQ(catalog_->version(commit.version)->fate, VersionFate::current);
}

TEST_F(CatalogReplicasTest, AnUploadThatWasBegunEarlyIsGoneOnWith) {
    const VersionCommit commit = prepare("f", {p, q}, {});
    ASSERT_THAT(catalog_->save_session({commit.version, p, "f", "resume", 7}), IsOk());
    ASSERT_THAT(catalog_->commit_version(commit), IsOk());
    EXPECT_EQ(row(commit.version, p)->state, ReplicaState::uploading);
    EXPECT_EQ(row(commit.version, p)->intent_key, "f") << "it may end any moment: look there first";
    EXPECT_EQ(row(commit.version, q)->state, ReplicaState::queued);
    EXPECT_EQ(row(commit.version, q)->intent_key, "");
    ASSERT_TRUE(job(commit.version, p).session);
    EXPECT_EQ(job(commit.version, p).session->resume_state, "resume");
}

TEST_F(CatalogReplicasTest, LocalAndTornFilesAreNotReplicated) {
    const VersionId local = write("a~", {p}, {.local_only = true, .staged = "v1"});
    const VersionId torn = write("b", {p}, {.torn = true, .staged = "v2"});
    EXPECT_THAT(catalog_->replicas(local).value(), IsEmpty());
    EXPECT_THAT(catalog_->replicas(torn).value(), IsEmpty());
    EXPECT_TRUE(find("b").torn);
    EXPECT_EQ(find("b").version, torn);
    EXPECT_EQ(catalog_->version(torn)->fate, VersionFate::torn);
    EXPECT_THAT(catalog_->mark_evicted(local, 1), HasCode(Errc::busy)) << "the only copy";
    EXPECT_THAT(catalog_->mark_evicted(torn, 1), HasCode(Errc::busy)) << "the only copy";
    EXPECT_THAT(catalog_->collect_dead_versions().value(), IsEmpty());
    EXPECT_THAT(catalog_->staged_versions().value(), SizeIs(2));
}

TEST_F(CatalogReplicasTest, ACommitKeepsTheNameThatARenameGaveMeanwhile) {
    write("x.part", {p}, {.local_only = true});
    VersionCommit late = prepare("x.part", {p}, {.local_only = true});
    ASSERT_THAT(rename("x.part", "x", false, {p}), IsOk());
    ASSERT_THAT(catalog_->commit_version(late), IsOk());
    EXPECT_EQ(find("x").version, late.version);
    EXPECT_FALSE(find("x").local_only);
    EXPECT_TRUE(job(late.version, p).wanted);
}

// --- recording -------------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicasTest, ARowComesBackAsItWasRecorded) {
    const VersionId v = write("f", {p});
    ReplicaRow full{.version = v,
                    .provider = p,
                    .state = ReplicaState::paused,
                    .key = "\xff/k",
                    .intent_key = "i\x01",
                    .attempts = 4'000'000'000u,
                    .due = now() + Millis(17),
                    .error_code = "E-QUOTA-FULL",
                    .error_text = "no \xff room",
                    .remote_id = "id",
                    .remote_rev = "rev",
                    .remote_mtime_ns = -1,
                    .verified_at = now()};
    ASSERT_THAT(record(full), IsOk());
    EXPECT_EQ(row(v, p), full);
    reopen();
    EXPECT_EQ(row(v, p), full);
    for (int state = 0; state <= static_cast<int>(ReplicaState::paused); ++state) {
        full.state = static_cast<ReplicaState>(state);
        ASSERT_THAT(record(full), IsOk());
        EXPECT_EQ(row(v, p), full);
        EXPECT_EQ(replica_state_from(to_string(full.state)), full.state);
    }
}

TEST_F(CatalogReplicasTest, AChangedRowStopsTheWholeList) {
    const VersionId a = write("a", {p});
    const VersionId b = write("b", {p});
    EXPECT_THAT(catalog_->record({{ReplicaChange::Kind::store, stored_row(a, p, "a"), ReplicaState::queued},
                                  {ReplicaChange::Kind::store, stored_row(b, p, "b"), ReplicaState::uploading}},
                                 true),
                HasCode(Errc::changed));
    EXPECT_EQ(row(a, p)->state, ReplicaState::queued);
    EXPECT_THAT(record(stored_row(a, q, "a"), ReplicaState::queued), HasCode(Errc::changed)) << "no such row";
    EXPECT_THAT(record(stored_row(VersionId{3}, p, "a")), HasCode(Errc::not_found));
    EXPECT_THAT(drop(a, q), IsOk()) << "absent is dropped";
}

TEST_F(CatalogReplicasTest, KeysBelongToOneVersionAtEachProvider) {
    const VersionId a = write("a", {p, q});
    const VersionId b = write("b", {p, q});
    verified(a, p, "x");
    EXPECT_THAT(record(stored_row(b, p, "x")), HasCode(Errc::exists));
    EXPECT_THAT(record(stored_row(b, q, "x")), IsOk()) << "another provider";
    verified(a, p, "y");
    EXPECT_THAT(record(stored_row(b, p, "x")), IsOk());
}

TEST_F(CatalogReplicasTest, SwappedNamesAreWantedOccupants) {
    const VersionId a = write("a", {p});
    const VersionId b = write("b", {p});
    verified(a, p, "a");
    verified(b, p, "b");
    ASSERT_THAT(rename("a", "tmp"), IsOk());
    ASSERT_THAT(rename("b", "a"), IsOk());
    ASSERT_THAT(rename("tmp", "b"), IsOk());
    EXPECT_EQ(job(a, p).occupant->version, b);
    EXPECT_TRUE(job(a, p).occupant_wanted);
    EXPECT_EQ(job(b, p).occupant->version, a);
    EXPECT_TRUE(job(b, p).occupant_wanted);
}

// --- what is due -----------------------------------------------------------------------------------------------------

TEST_F(CatalogReplicasTest, TheNewestIsDueFirst) {
    const VersionId a = write("a", {p}, {.size = 10});
    const VersionId b = write("b", {p}, {.size = 1'000});
    const VersionId c = write("c", {p}, {.size = 20});
    EXPECT_THAT(due_versions(p), ElementsAre(c.value, b.value, a.value));
    EXPECT_THAT(due_versions(p, at_most(2)), ElementsAre(c.value, b.value));
    EXPECT_THAT(due_versions(p, sized({}, 20)), ElementsAre(c.value, a.value));
    EXPECT_THAT(due_versions(p, sized(21, {})), ElementsAre(b.value));
    EXPECT_THAT(due_versions(p, at_most(64, {c, a})), ElementsAre(b.value));
    EXPECT_THAT(due_versions(p, at_most(0)), IsEmpty());
    EXPECT_THAT(due_versions(q), IsEmpty());
    verified(c, p, "c");
    ASSERT_THAT(catalog_->make_replica_due(b, p, now() + Millis(1)), IsOk());
    EXPECT_THAT(due_versions(p), ElementsAre(a.value));
}

TEST_F(CatalogReplicasTest, TheNewestIsDueFirstAmongMany) {
    std::vector<std::int64_t> expected;
    for (int i = 0; i < 600; ++i) {
        const VersionId v = write("f" + std::to_string(i), {p}, {.size = static_cast<std::uint64_t>(i)});
        if (i % 100 == 7)
            ASSERT_THAT(catalog_->make_replica_due(v, p, now() + Millis(1)), IsOk());
        else
            expected.insert(expected.begin(), v.value);
    }
    EXPECT_EQ(due_versions(p, at_most(1'000)), expected);
    expected.resize(64);
    EXPECT_EQ(due_versions(p), expected);
    const std::vector<VersionId> except = {{expected[0]}, {expected[2]}};
    EXPECT_THAT(due_versions(p, at_most(2, except)), ElementsAre(expected[1], expected[3]));
    EXPECT_THAT(due_versions(p, sized({}, 1)), SizeIs(2));
}

TEST_F(CatalogReplicasTest, AProviderThatComesBackGetsEverythingButKeepsGracePeriods) {
    const VersionId waits = write("a", {p});
    ReplicaRow later = *row(waits, p);
    later.due = now() + Millis(500'000);
    ASSERT_THAT(record(later), IsOk());
    const VersionId removed = write("b", {p});
    verified(removed, p, "b");
    ASSERT_THAT(remove("b"), IsOk());
    const VersionId settled = write("c", {p});
    verified(settled, p, "c");
    clock_.advance(Millis(10'000));
    ASSERT_THAT(catalog_->make_due(p, now()), IsOk());
    EXPECT_EQ(due(waits, p), now());
    EXPECT_EQ(due(removed, p), now() + kGrace - Millis(10'000));
    EXPECT_EQ(due(settled, p), std::nullopt);
    EXPECT_THAT(catalog_->make_replica_due(settled, q, now()), HasCode(Errc::not_found));
}

TEST_F(CatalogReplicasTest, NextDueIsTheEarliestOfFilesAndDirectories) {
    EXPECT_EQ(catalog_->next_due(p).value(), std::nullopt);
    const VersionId v = write("a", {p});
    ASSERT_THAT(catalog_->make_replica_due(v, p, now() + Millis(100)), IsOk());
    EXPECT_EQ(catalog_->next_due(p).value(), now() + Millis(100));
    mkdir("d", {p});
    EXPECT_EQ(catalog_->next_due(p).value(), now());
}

}  // namespace
}  // namespace oracxfs::test
