// Runs of the backup job, and what is remembered of packages.

#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class CatalogBackupsTest : public CatalogTest {
  protected:
    std::int64_t begin(const std::string& kind) {
        const auto id = catalog_->begin_run({.kind = kind, .started = now()});
        EXPECT_THAT(id, IsOk());
        return id.value_or(0);
    }
    std::vector<std::int64_t> ids(const RunQuery& query) {
        std::vector<std::int64_t> list;
        for (const RunRow& row : catalog_->runs(query).value()) list.push_back(row.id);
        return list;
    }
    PackageRow packed(const std::string& name) {
        const ProviderId p = provider("p");
        const VersionId version = write(name, {p}, {.size = 1000});
        PackageRow package;
        package.node = find(name).id;
        package.version = version;
        package.series = "01234567";
        package.made = now();
        package.fingerprint = "f";
        package.members = 3;
        package.bytes_in = 5000;
        EXPECT_THAT(catalog_->record_package(package), IsOk());
        return package;
    }
};

TEST_F(CatalogBackupsTest, ARunIsRememberedWithItsEnd) {
    RunRow run;
    run.kind = "backup";
    run.started = now();
    run.label = "by hand";
    run.id = catalog_->begin_run(run).value();
    ASSERT_EQ(catalog_->run(run.id).value()->state, RunState::running);
    clock_.advance(Millis(5'000));
    run.state = RunState::partial;
    run.ended = now();
    run.package = "a\xff.zip";
    run.members = 7;
    run.bytes_in = 1ull << 40;
    run.bytes_out = 9;
    run.error_code = "E-PARTIAL";
    run.error_text = "nas is offline";
    run.detail = "{\"providers\":[]}";
    ASSERT_THAT(catalog_->update_run(run), IsOk());
    reopen();
    const RunRow read = catalog_->run(run.id).value().value();
    EXPECT_EQ(read.state, RunState::partial);
    EXPECT_EQ(read.ended, run.ended);
    EXPECT_EQ(read.package, "a\xff.zip");
    EXPECT_EQ(read.label, "by hand");
    EXPECT_EQ(read.members, 7u);
    EXPECT_EQ(read.bytes_in, 1ull << 40);
    EXPECT_EQ(read.error_text, "nas is offline");
    EXPECT_EQ(read.detail, "{\"providers\":[]}");
}

TEST_F(CatalogBackupsTest, RunsComeNewestFirstInPagesAndByKind) {
    const std::int64_t a = begin("backup"), b = begin("scrub"), c = begin("backup");
    EXPECT_THAT(ids({.kind = ""}), ElementsAre(c, b, a));
    EXPECT_THAT(ids({.kind = "backup"}), ElementsAre(c, a));
    EXPECT_THAT(ids({.kind = "backup", .before = c}), ElementsAre(a));
    EXPECT_THAT(ids({.kind = "", .limit = 1}), ElementsAre(c));
}

TEST_F(CatalogBackupsTest, WhatStillRanAtACrashIsCalledInterrupted) {
    const std::int64_t a = begin("backup");
    RunRow done = *catalog_->run(begin("backup")).value();
    done.state = RunState::succeeded;
    done.ended = now();
    ASSERT_THAT(catalog_->update_run(done), IsOk());
    EXPECT_EQ(catalog_->interrupt_runs().value(), 1);
    EXPECT_EQ(catalog_->run(a).value()->state, RunState::interrupted);
    EXPECT_TRUE(catalog_->run(a).value()->ended.has_value());
    EXPECT_EQ(catalog_->run(done.id).value()->state, RunState::succeeded);
    EXPECT_EQ(catalog_->interrupt_runs().value(), 0);
}

TEST_F(CatalogBackupsTest, AnUnknownRunCannotEnd) {
    RunRow run;
    run.id = 17;
    run.state = RunState::failed;
    run.ended = now();
    EXPECT_THAT(catalog_->update_run(run), HasCode(Errc::not_found));
}

TEST_F(CatalogBackupsTest, APackageIsPinnedAndLabelled) {
    const PackageRow package = packed("a.zip");
    EXPECT_FALSE(catalog_->package(package.node).value()->pinned);
    ASSERT_THAT(catalog_->mark_package(package.node, true, std::nullopt), IsOk());
    ASSERT_THAT(catalog_->mark_package(package.node, std::nullopt, "before the move"), IsOk());
    reopen();
    const PackageRow read = catalog_->package(package.node).value().value();
    EXPECT_TRUE(read.pinned);
    EXPECT_EQ(read.label, "before the move");
    EXPECT_EQ(read.members, 3u);
    EXPECT_EQ(read.series, "01234567");
    EXPECT_THAT(catalog_->mark_package(NodeId{999}, true, std::nullopt), HasCode(Errc::not_found));
}

TEST_F(CatalogBackupsTest, WhatIsRememberedOfAPackageGoesWithItsFile) {
    const PackageRow package = packed("a.zip");
    packed("b.zip");
    ASSERT_THAT(catalog_->packages().value(), SizeIs(2));
    ASSERT_THAT(remove("a.zip"), IsOk());
    EXPECT_THAT(catalog_->packages().value(), SizeIs(1));
    EXPECT_EQ(catalog_->package(package.node).value(), std::nullopt);
    EXPECT_THAT(catalog_->record_package(package), HasCode(Errc::not_found));
}

TEST_F(CatalogBackupsTest, AnIndexBelongsToOneContent) {
    const PackageRow package = packed("a.zip");
    EXPECT_EQ(catalog_->package_index(package.version).value(), std::nullopt);
    const std::string bytes("PK\x05\x06\0\xff", 6);
    ASSERT_THAT(catalog_->keep_package_index(package.version, bytes), IsOk());
    EXPECT_EQ(catalog_->package_index(package.version).value(), bytes);
    EXPECT_THAT(catalog_->keep_package_index(VersionId{17}, "x"), HasCode(Errc::not_found));
}

}  // namespace
}  // namespace oracxfs::test
