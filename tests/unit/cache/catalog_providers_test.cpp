// Providers in the catalogue, and how long a local copy stays.

#include <algorithm>

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CatalogProvidersTest : public CatalogTest {
  protected:
    ProviderId p = provider("p");
    ProviderId q = provider("q");
};

// --- providers -------------------------------------------------------------------------------------------------------

TEST_F(CatalogProvidersTest, AProviderThatIsAddedLaterGetsWhatIsWanted) {
    const VersionId a = write("a", {p});
    write("b", {p});
    const VersionId b = write("b", {p});
    const VersionId local = write("c~", {}, {.local_only = true});
    const VersionId torn = write("d", {}, {.torn = true});
    const NodeId folder = mkdir("e", {p});
    const ProviderId late = provider("late");
    EXPECT_THAT(due_versions(late), ElementsAre(b.value, a.value));
    EXPECT_EQ(row(local, late), std::nullopt);
    EXPECT_EQ(row(torn, late), std::nullopt);
    const auto folders = catalog_->due_directories(late, now(), 10).value();
    ASSERT_THAT(folders, SizeIs(1));
    EXPECT_EQ(folders[0].row.node, folder);
    EXPECT_EQ(folders[0].want_key, "e");
}

TEST_F(CatalogProvidersTest, AProviderThatWasInactiveGetsWhatItMissed) {
    const VersionId a = write("a", {p});
    verified(a, p, "a");
    const VersionId moved = write("m", {p});
    verified(moved, p, "m");
    EXPECT_EQ(provider("p", false), p);
    EXPECT_EQ(catalog_->providers()->at(0).state, ProviderState::inactive);
    const VersionId b = write("b", {q});
    ASSERT_THAT(rename("m", "n"), IsOk());
    EXPECT_EQ(row(b, p), std::nullopt);
    clock_.advance(Millis(1));
    EXPECT_EQ(provider("p", true), p);
    EXPECT_EQ(due(a, p), std::nullopt) << "it has that one";
    EXPECT_EQ(due(b, p), now());
    EXPECT_TRUE(due(moved, p));
    EXPECT_EQ(catalog_->providers()->at(0).state, ProviderState::active);
    EXPECT_EQ(provider("p", true), p) << "again: nothing happens";
}

TEST_F(CatalogProvidersTest, ProvidersKeepTheirFactsAndNames) {
    ProviderRow facts = catalog_->providers()->at(0);
    facts.state = ProviderState::full;
    facts.reason = "E-QUOTA-FULL no room";
    facts.total_bytes = 10;
    facts.free_bytes = 0;
    facts.checked_at = now();
    facts.write_errors = 3;
    ASSERT_THAT(catalog_->update_provider(facts), IsOk());
    const ProviderRow found = catalog_->providers()->at(0);
    EXPECT_EQ(found.state, ProviderState::full);
    EXPECT_EQ(found.free_bytes, 0u);
    EXPECT_EQ(found.last_ok, std::nullopt);
    EXPECT_EQ(found.checked_at, now());
    EXPECT_EQ(found.write_errors, 3u);
    ASSERT_THAT(catalog_->rename_provider("p", "nas"), IsOk());
    EXPECT_EQ(catalog_->providers()->at(0).name, "nas");
    EXPECT_THAT(catalog_->rename_provider("p", "x"), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->rename_provider("nas", "q"), HasCode(Errc::exists));
    facts.id = ProviderId{9};
    EXPECT_THAT(catalog_->update_provider(facts), HasCode(Errc::not_found));
}

TEST_F(CatalogProvidersTest, AForgottenProviderTakesItsRowsWithIt) {
    const VersionId v = write("a", {p, q});
    mkdir("d", {p, q});
    ASSERT_THAT(catalog_->save_session({v, p, "a", "", 0}), IsOk());
    ASSERT_THAT(catalog_->forget_provider(p), IsOk());
    EXPECT_EQ(row(v, p), std::nullopt);
    EXPECT_TRUE(row(v, q));
    EXPECT_THAT(catalog_->providers().value(), SizeIs(1));
    EXPECT_THAT(catalog_->forget_provider(p), HasCode(Errc::not_found));
}

TEST_F(CatalogProvidersTest, ThereAreAtMostSixtyThreeProviders) {
    for (int i = 3; i <= 63; ++i) EXPECT_EQ(provider("n" + std::to_string(i)).value, i);
    EXPECT_THAT(catalog_->configure_provider("one-more", "local", true), HasCode(Errc::invalid));
    ASSERT_THAT(catalog_->forget_provider(ProviderId{17}), IsOk());
    EXPECT_EQ(provider("one-more").value, 17);
}

// --- local copies ----------------------------------------------------------------------------------------------------

TEST_F(CatalogProvidersTest, TheLocalCopyStaysUntilEnoughReplicasAreVerified) {
    const VersionId v = write("f", {p, q}, {.staged = "v1"});
    EXPECT_THAT(catalog_->mark_evicted(v, 1), HasCode(Errc::busy));
    EXPECT_THAT(catalog_->mark_evicted(v, 0), HasCode(Errc::busy)) << "never the only copy";
    verified(v, p, "f");
    EXPECT_THAT(catalog_->mark_evicted(v, 1), HasCode(Errc::busy)) << "q still needs it";
    ASSERT_THAT(record(stored_row(v, q, "f", ReplicaState::stored)), IsOk());
    EXPECT_THAT(catalog_->mark_evicted(v, 2), HasCode(Errc::busy)) << "stored is not verified";
    verified(v, q, "f");
    EXPECT_THAT(catalog_->mark_evicted(v, 3), HasCode(Errc::busy));
    EXPECT_THAT(catalog_->mark_evicted(v, 2), IsOk());
    EXPECT_EQ(catalog_->version(v)->staged, "");
    EXPECT_THAT(catalog_->staged_versions().value(), IsEmpty());
    ASSERT_THAT(catalog_->set_staged(v, "again"), IsOk());
    EXPECT_EQ(catalog_->staged_versions()->at(0).staged, "again");
    EXPECT_THAT(catalog_->set_staged(VersionId{2}, "x"), HasCode(Errc::not_found));
    EXPECT_THAT(catalog_->mark_evicted(VersionId{2}, 1), HasCode(Errc::not_found));
}

TEST_F(CatalogProvidersTest, ReplicasAtInactiveProvidersDoNotCountForEviction) {
    const VersionId v = write("f", {p, q}, {.staged = "v1"});
    verified(v, p, "f");
    provider("q", false);
    EXPECT_THAT(catalog_->mark_evicted(v, 2), HasCode(Errc::busy));
    EXPECT_THAT(catalog_->mark_evicted(v, 1), IsOk()) << "what waits for q does not hold it";
    provider("p", false);
    ASSERT_THAT(catalog_->set_staged(v, "v1"), IsOk());
    EXPECT_THAT(catalog_->mark_evicted(v, 1), HasCode(Errc::busy));
}

TEST_F(CatalogProvidersTest, StagedVersionsComeOldestFirst) {
    write("a", {p}, {.staged = "v1"});
    write("b", {p}, {.staged = "v2"});
    write("a", {p}, {.staged = "v3"});
    std::vector<std::string> staged;
    for (const auto found = catalog_->staged_versions(); const VersionRow& version : *found) staged.push_back(version.staged);
    EXPECT_THAT(staged, ElementsAre("v1", "v2", "v3"));
    EXPECT_THAT(catalog_->collect_dead_versions().value(), ElementsAre("v1")) << "nothing of it was uploaded";
}

TEST_F(CatalogProvidersTest, ASessionKeepsItsVersion) {
    const VersionId v = write("a", {p}, {.staged = "v1"});
    ASSERT_THAT(catalog_->save_session({v, p, "a", "s", 1}), IsOk());
    ASSERT_THAT(remove("a"), IsOk());
    EXPECT_THAT(catalog_->collect_dead_versions().value(), IsEmpty());
    ASSERT_THAT(catalog_->end_session(v, p), IsOk());
    EXPECT_THAT(catalog_->collect_dead_versions().value(), ElementsAre("v1"));
}

TEST_F(CatalogProvidersTest, SessionsAreOrphansWhenNoRowCanUseThem) {
    const VersionId used = write("a", {p});
    const VersionId done = write("b", {p});
    verified(done, p, "b");
    const VersionId uncommitted = catalog_->reserve_version().value();
    for (const VersionId v : {used, done, uncommitted}) ASSERT_THAT(catalog_->save_session({v, p, "k", "old", 1}), IsOk());
    ASSERT_THAT(catalog_->save_session({done, p, "k2", "new", 2}), IsOk());
    const auto orphans = catalog_->orphan_sessions(p).value();
    ASSERT_THAT(orphans, SizeIs(2));
    EXPECT_EQ(orphans[0].version, done);
    EXPECT_EQ(orphans[0].resume_state, "new");
    EXPECT_EQ(orphans[0].acknowledged_bytes, 2u);
    EXPECT_EQ(orphans[0].key, "k2");
    EXPECT_EQ(orphans[1].version, uncommitted);
    EXPECT_THAT(catalog_->orphan_sessions(q).value(), IsEmpty());
}

}  // namespace
}  // namespace oracxfs::test
