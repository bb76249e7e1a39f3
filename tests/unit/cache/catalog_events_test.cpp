// What a file goes through is told once per step, and the list of it stays bounded.

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CatalogEventsTest : public CatalogTest {
  protected:
    // "kind provider path: message"
    std::vector<std::string> told(EventQuery query = {}) {
        std::vector<std::string> lines;
        const auto events = catalog_->events(query);
        EXPECT_THAT(events, IsOk());
        for (const EventRow& event : *events) {
            EXPECT_EQ(event.level, "info");
            lines.push_back(event.kind + " " + event.provider + " " + event.path + ": " + event.message);
        }
        return lines;
    }
    void append(const std::string& message) {
        EventRow event;
        event.level = "info";
        event.kind = "daemon";
        event.message = message;
        ASSERT_THAT(catalog_->append_event(event), IsOk());
    }
};

TEST_F(CatalogEventsTest, AFileIsStoredOnceAndVerifiedOnceWhenTheLastProviderHasIt) {
    const ProviderId a = provider("a"), b = provider("b");
    provider("off", false);
    mkdir("d", {a, b});
    const VersionId version = write("d/f", {a, b}, {.size = 4096});
    const std::string stored = "stored  d/f: 4096 bytes, on the way to 2 providers";
    EXPECT_THAT(told(), ElementsAre(stored));
    EXPECT_THAT(record(stored_row(version, a, "d/f")), IsOk());
    EXPECT_THAT(told(), ElementsAre(stored));
    EXPECT_THAT(record(stored_row(version, b, "d/f", ReplicaState::stored)), IsOk());
    EXPECT_THAT(told(), ElementsAre(stored));
    EXPECT_THAT(record(stored_row(version, b, "d/f")), IsOk());
    const std::string verified = "verified a,b d/f: 4096 bytes, at every active provider: a, b";
    EXPECT_THAT(told(), ElementsAre(stored, verified));
    EXPECT_THAT(record(stored_row(version, b, "d/f")), IsOk());  // nothing new
    EXPECT_THAT(told(), SizeIs(2));
}

TEST_F(CatalogEventsTest, AProviderWithoutARowKeepsAFileFromBeingCalledVerified) {
    const ProviderId a = provider("a");
    const VersionId version = write("f", {a});
    provider("b");  // gets its row
    ASSERT_THAT(drop(version, provider("b")), IsOk());
    EXPECT_THAT(record(stored_row(version, a, "f")), IsOk());
    EXPECT_THAT(told(), SizeIs(1));
}

TEST_F(CatalogEventsTest, AReplicaThatWasPutBackIsTold) {
    const ProviderId a = provider("a");
    const VersionId version = write("f", {a}, {.size = 1});
    EXPECT_THAT(record(stored_row(version, a, "f")), IsOk());
    EXPECT_THAT(record(stored_row(version, a, "f", ReplicaState::damaged)), IsOk());
    EXPECT_THAT(record(stored_row(version, a, "f")), IsOk());
    EXPECT_THAT(told(), ElementsAre("stored  f: 1 byte, on the way to 1 provider",
                                    "verified a f: 1 byte, at every active provider: a",
                                    "verified a f: 1 byte, at every active provider: a"));
}

TEST_F(CatalogEventsTest, ATemporaryFileIsStoredWhenItGetsItsName) {
    const ProviderId a = provider("a");
    write(".f.XXXXXX", {}, {.size = 7, .local_only = true});
    write("torn", {}, {.torn = true});
    EXPECT_THAT(told(), IsEmpty());
    EXPECT_THAT(rename(".f.XXXXXX", "f", false, {a}), IsOk());
    EXPECT_THAT(told(), ElementsAre("stored  f: 7 bytes, on the way to 1 provider"));
    EXPECT_THAT(rename("f", "g", false, {a}), IsOk());
    EXPECT_THAT(told(), SizeIs(1));
}

TEST_F(CatalogEventsTest, ACommitThatFailedIsNotTold) {
    const ProviderId a = provider("a");
    VersionCommit commit = prepare("f", {a}, {});
    commit.node.name = "..";
    EXPECT_FALSE(catalog_->commit_version(commit).has_value());
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(CatalogEventsTest, AFilterByProviderFindsThoseThatNameSeveral) {
    const ProviderId a = provider("a"), nas = provider("nas");
    const VersionId version = write("f", {a, nas});
    EXPECT_THAT(record(stored_row(version, a, "f")), IsOk());
    EXPECT_THAT(record(stored_row(version, nas, "f")), IsOk());
    EventQuery query;
    query.provider = "nas";
    EXPECT_THAT(told(query), SizeIs(1));
    query.provider = "na";
    EXPECT_THAT(told(query), IsEmpty());
    query.provider = "a,nas";
    query.kind = "stored";
    EXPECT_THAT(told(query), IsEmpty());
}

TEST_F(CatalogEventsTest, OldOnesAreForgottenAndTheNewestKeepsItsNumber) {
    append("first");
    clock_.advance(Millis(1000));
    append("second");
    clock_.advance(Millis(1000));
    append("third");
    EXPECT_THAT(catalog_->forget_events(now() - Millis(1000)), IsOk());
    EXPECT_THAT(told(), ElementsAre("daemon  : second", "daemon  : third"));
    EXPECT_THAT(catalog_->forget_events(now() + Millis(1)), IsOk());
    EXPECT_THAT(told(), ElementsAre("daemon  : third"));  // whoever follows the log goes on after its number
    append("fourth");
    EXPECT_EQ(catalog_->events({})->back().id, 4);
    EXPECT_THAT(catalog_->forget_events(now() - Millis(1)), IsOk());
    EXPECT_THAT(told(), SizeIs(2));
}

TEST_F(CatalogEventsTest, TheirNumberIsBounded) {
    catalog_.reset();
    catalog_ = std::move(*Catalog::open({.path = path(), .clock = &clock_, .events_kept = 10}));
    for (int i = 0; i < 200; ++i) append(std::to_string(i));
    EventQuery query;
    query.limit = 1'000;
    const auto events = catalog_->events(query);
    ASSERT_THAT(events, IsOk());
    EXPECT_GE(events->size(), 10u);
    EXPECT_LT(events->size(), 10u + 64);
    EXPECT_EQ(events->back().message, "199");
    EXPECT_EQ(events->back().id, 200);
}

TEST_F(CatalogEventsTest, FromTheOldestOnTheyAreReadInPages) {
    for (int i = 1; i <= 5; ++i) append(std::to_string(i));
    EventQuery query;
    query.after_id = 1;
    query.limit = 2;
    query.from_oldest = true;
    EXPECT_THAT(told(query), ElementsAre("daemon  : 2", "daemon  : 3"));
    query.from_oldest = false;
    EXPECT_THAT(told(query), ElementsAre("daemon  : 4", "daemon  : 5"));
}

TEST_F(CatalogEventsTest, ATransactionRingsOnceAfterItHasWrittenEvents) {
    catalog_.reset();
    int rung = 0;
    catalog_ = std::move(*Catalog::open({.path = path(), .clock = &clock_, .on_event = [&] { ++rung; }}));
    const ProviderId a = provider("a");
    EXPECT_EQ(rung, 0);
    write("f", {a});
    EXPECT_EQ(rung, 1);
    VersionCommit commit = prepare("g", {a}, {});
    commit.node.name = "..";
    EXPECT_FALSE(catalog_->commit_version(commit).has_value());
    EXPECT_EQ(rung, 1);
}

TEST_F(CatalogEventsTest, ForgettingInAnEmptyListIsFine) { EXPECT_THAT(catalog_->forget_events(now()), IsOk()); }

}  // namespace
}  // namespace oracxfs::test
