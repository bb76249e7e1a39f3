// Views over all replicas: objects at a provider, listings, counts.

#include <algorithm>

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CatalogViewsTest : public CatalogTest {
  protected:
    ProviderId p = provider("p");
    ProviderId q = provider("q");
};

// --- views -----------------------------------------------------------------------------------------------------------

TEST_F(CatalogViewsTest, KnownObjectsAreAllThatAProviderHolds) {
    mkdir("d", {p});
    DirectoryRow made;
    made.node = find("d").id;
    made.provider = p;
    made.key = "d";
    ASSERT_THAT(catalog_->record_directory(made), IsOk());
    const VersionId v = write("d/f", {p}, {.size = 5});
    const VersionId old = write("a", {p});
    verified(old, p, "a");
    write("a", {p});
    ASSERT_THAT(record(stored_row(v, p, "d/f", ReplicaState::stored)), IsOk());
    const auto objects = catalog_->known_objects(p).value();
    ASSERT_THAT(objects, SizeIs(3));
    EXPECT_EQ(objects[0].key, "a");
    EXPECT_EQ(objects[0].version, old);
    EXPECT_EQ(objects[1].key, "d");
    EXPECT_TRUE(objects[1].directory);
    EXPECT_EQ(objects[2].key, "d/f");
    EXPECT_EQ(objects[2].size, 5u);
    EXPECT_EQ(objects[2].remote_id, "id-d/f");
    EXPECT_EQ(objects[2].state, ReplicaState::stored);
    EXPECT_THAT(catalog_->known_objects(q).value(), IsEmpty());
}

TEST_F(CatalogViewsTest, ObjectsAtAKeyAreItselfAndWhatIsBelowIt) {
    mkdir("d", {p});
    DirectoryRow made;
    made.node = find("d").id;
    made.provider = p;
    made.key = "d";
    ASSERT_THAT(catalog_->record_directory(made), IsOk());
    for (const char* path : {"d/f", "dx", "d/f.old"}) verified(write(path, {p}), p, path);
    const auto keys = [&](const std::string& key) {
        std::vector<std::string> found;
        const auto objects = catalog_->objects_at(p, key);
        EXPECT_THAT(objects, IsOk());
        for (const auto& object : *objects) found.push_back(object.key + (object.directory ? "/" : ""));
        return found;
    };
    EXPECT_THAT(keys("d"), testing::UnorderedElementsAre("d/", "d/f", "d/f.old"));
    EXPECT_THAT(keys("d/f"), ElementsAre("d/f"));
    EXPECT_THAT(keys("none"), IsEmpty());
    std::vector<std::string> visited;
    ASSERT_THAT(catalog_->visit_files(p, [&](const Catalog::KnownObject& file) { visited.push_back(file.key + ":" + file.remote_id); }), IsOk());
    EXPECT_THAT(visited, testing::UnorderedElementsAre("d/f:id-d/f", "d/f.old:id-d/f.old", "dx:id-dx"));
    EXPECT_THAT(catalog_->objects_at(q, "d").value(), IsEmpty());
}

TEST_F(CatalogViewsTest, KeysOfUploadsUnderWayAreKnown) {
    const VersionId v = write("f", {p});
    uploading(v, p, "f");
    ASSERT_THAT(catalog_->save_session({catalog_->reserve_version().value(), p, "growing", "r", 1}), IsOk());
    EXPECT_THAT(catalog_->begun_keys(p).value(), ElementsAre("f"));
    EXPECT_THAT(catalog_->upload_keys(p).value(), ElementsAre("growing"));
    EXPECT_THAT(catalog_->upload_keys(q).value(), IsEmpty());
}

TEST_F(CatalogViewsTest, APositionInAChangeFeedIsKeptUntilItsProviderIsForgotten) {
    EXPECT_EQ(catalog_->feed_position(p).value(), "");
    ASSERT_THAT(catalog_->set_feed_position(p, "here"), IsOk());
    ASSERT_THAT(catalog_->set_feed_position(q, "there"), IsOk());
    reopen();
    EXPECT_EQ(catalog_->feed_position(p).value(), "here");
    ASSERT_THAT(catalog_->forget_provider(p), IsOk());
    EXPECT_EQ(catalog_->feed_position(p).value(), "") << "another one may get its number";
    EXPECT_EQ(catalog_->feed_position(q).value(), "there");
}

TEST_F(CatalogViewsTest, PresenceTellsWhoHasAFileUnderItsName) {
    mkdir("d");
    const VersionId a = write("d/a", {p, q});
    verified(a, p, "d/a");
    ASSERT_THAT(record(stored_row(a, q, "d/a", ReplicaState::stored)), IsOk());
    const VersionId b = write("d/b", {p});
    verified(b, p, "d/elsewhere");
    write("d/c", {p});
    const auto files = catalog_->presence(find("d").id).value();
    ASSERT_THAT(files, SizeIs(1));
    EXPECT_EQ(files[0].node, find("d/a").id);
    EXPECT_EQ(files[0].present, mask_of(p) | mask_of(q));
    EXPECT_EQ(files[0].verified, mask_of(p));
    const VersionId top = write("top", {p});
    verified(top, p, "top");
    ASSERT_THAT(catalog_->presence(kRootNode).value(), SizeIs(1));
}

TEST_F(CatalogViewsTest, ListingsHaveOneRowForEachFileAndProvider) {
    mkdir("d");
    mkdir("d/e");
    const VersionId a = write("d/e/a", {p, q}, {.size = 3});
    verified(a, q, "d/e/a");
    write("b", {p});
    write("d/t", {p}, {.torn = true});
    write("d/l~", {p}, {.local_only = true});
    const auto all = catalog_->list_replicas("").value();
    std::vector<std::string> seen;
    for (const ReplicaListing& one : all) seen.push_back(one.path + ":" + one.provider + ":" + std::string(to_string(one.replica.state)));
    EXPECT_THAT(seen, ElementsAre("b:p:queued", "d/t::queued", "d/e/a:p:queued", "d/e/a:q:verified"));
    EXPECT_TRUE(all[1].torn);
    EXPECT_EQ(all[2].size, 3u);
    EXPECT_EQ(all[2].sha256, catalog_->version(a)->sha256);
    EXPECT_THAT(catalog_->list_replicas("d/e").value(), SizeIs(2));
    EXPECT_THAT(catalog_->list_replicas("d/e/a").value(), SizeIs(2));
    EXPECT_THAT(catalog_->list_replicas("b").value(), SizeIs(1));
    EXPECT_THAT(catalog_->list_replicas("none"), HasCode(Errc::not_found));
}

TEST_F(CatalogViewsTest, PendingVersionsAreThoseThatAnEnabledProviderMisses) {
    mkdir("d");
    mkdir("d/e");
    const VersionId done = write("d/e/done", {p});
    verified(done, p, "d/e/done");
    const VersionId queued = write("d/e/queued", {p, q});
    const VersionId stored = write("top", {p});
    ASSERT_THAT(record(stored_row(stored, p, "top", ReplicaState::stored)), IsOk());
    write("d/removed", {p});
    ASSERT_THAT(remove("d/removed"), IsOk());
    const VersionId old = write("again", {p});
    uploading(old, p, "again");
    verified(write("again", {p}), p, "again");
    EXPECT_THAT(catalog_->pending_versions("").value(), ElementsAre(queued, stored));
    EXPECT_THAT(catalog_->pending_versions("d").value(), ElementsAre(queued));
    EXPECT_THAT(catalog_->pending_versions("d/e/queued").value(), ElementsAre(queued));
    EXPECT_THAT(catalog_->pending_versions("d/e/done").value(), IsEmpty());
    EXPECT_THAT(catalog_->pending_versions("none"), HasCode(Errc::not_found));
    verified(queued, p, "d/e/queued");
    EXPECT_THAT(catalog_->pending_versions("d").value(), ElementsAre(queued)) << "q has not";
    provider("q", false);
    EXPECT_THAT(catalog_->pending_versions("d").value(), IsEmpty());
}

TEST_F(CatalogViewsTest, CountsAreAboutWantedFiles) {
    const VersionId a = write("a", {p, q}, {.size = 100});
    verified(a, p, "a");
    const VersionId b = write("b", {p}, {.size = 10});
    ASSERT_THAT(record(stored_row(b, p, "b", ReplicaState::stored)), IsOk());
    write("b", {p}, {.size = 11});
    const auto counts = catalog_->counts().value();
    ASSERT_THAT(counts, SizeIs(2));
    EXPECT_EQ(counts[0].provider, p);
    EXPECT_EQ(counts[0].files_by_state[static_cast<int>(ReplicaState::verified)], 1u);
    EXPECT_EQ(counts[0].files_by_state[static_cast<int>(ReplicaState::queued)], 1u);
    EXPECT_EQ(counts[0].files_by_state[static_cast<int>(ReplicaState::stored)], 0u) << "superseded";
    EXPECT_EQ(counts[0].pending_files, 1u);
    EXPECT_EQ(counts[0].pending_bytes, 11u);
    EXPECT_EQ(counts[0].stored_bytes, 100u);
    EXPECT_EQ(counts[1].pending_bytes, 100u);
}

}  // namespace
}  // namespace oracxfs::test
