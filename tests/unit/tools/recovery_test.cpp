#include "tools/oracxfs/recovery.h"

#include <gtest/gtest.h>

#include "base/disk.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;

class RecoveryTest : public testing::Test {
  protected:
    void SetUp() override { open("catalog.db"); }
    void open(const std::string& name) {
        catalog_.reset();
        auto catalog = Catalog::open({dir_ / name, &clock_, Millis(0)});
        ASSERT_THAT(catalog, IsOk());
        catalog_ = std::move(*catalog);
        provider_ = catalog_->configure_provider("a", "local", true).value();
        StagingOptions options;
        options.directory = dir_ / "staging";
        options.reserve_bytes = 0;
        options.leaf_key = catalog_->leaf_key();
        staging_.reset();
        auto staging = Staging::open(disk_, clock_, options);
        ASSERT_THAT(staging, IsOk());
        staging_ = std::move(*staging);
    }
    // A file that was sealed; `committed` as close() would have gone on.
    VersionId seal(const std::string& path, const std::string& content, bool committed) {
        const VersionId version = catalog_->reserve_version().value();
        auto writer = staging_->begin(version).value();
        EXPECT_THAT(writer->write_at(0, std::as_bytes(std::span(content))), IsOk());
        StagedMeta meta;
        meta.version = version;
        meta.path = path;
        meta.mtime_ns = 7'000'000'000;
        const auto digests = writer->seal(meta);
        EXPECT_THAT(digests, IsOk());
        if (committed) {
            VersionCommit commit;
            commit.node.id = catalog_->reserve_node().value();
            commit.node.parent = kRootNode;
            commit.node.name = path;
            commit.version = commit.node.version = version;
            commit.node.size = content.size();
            commit.digests = **digests;
            commit.staged = writer->name();
            commit.wanted = {provider_};
            EXPECT_THAT(catalog_->commit_version(commit), IsOk());
        }
        (void)writer->publish();  // otherwise dropping the writer deletes the file
        return version;
    }
    StagingRecovery recover(bool lost = false) { return recover_staging(*catalog_, *staging_, lost, {provider_}).value(); }

    test::TempDir dir_;
    test::FakeClock clock_;
    SystemDisk disk_;
    std::unique_ptr<Catalog> catalog_;
    std::unique_ptr<Staging> staging_;
    ProviderId provider_;
};

TEST_F(RecoveryTest, AFileSealedButNotCommittedIsCommittedUnderItsPath) {
    seal("old", "x", true);
    seal("deep/er/new", "content", false);
    EXPECT_EQ(recover().committed, 1u);
    const auto node = catalog_->find("deep/er/new").value();
    ASSERT_TRUE(node.has_value());
    EXPECT_EQ(node->size, 7u);
    EXPECT_EQ(node->mtime_ns, 7'000'000'000);
    EXPECT_EQ(catalog_->pending_versions("deep").value().size(), 1u);  // wanted at the provider
    EXPECT_EQ(recover().committed, 0u);                                // once
}

TEST_F(RecoveryTest, WhatWasOvertakenByALaterCommitIsRemovedNotBroughtBack) {
    seal("deleted", "secret", false);
    seal("later", "x", true);
    const StagingRecovery result = recover();
    EXPECT_EQ(result.committed, 0u);
    EXPECT_EQ(result.removed, 1u);
    EXPECT_FALSE(catalog_->find("deleted").value().has_value());
}

TEST_F(RecoveryTest, AnEvictedFileWhoseBytesWereStillThereIsRemoved) {
    const VersionId version = seal("f", "x", true);
    ASSERT_THAT(catalog_->set_staged(version, ""), IsOk());
    const StagingRecovery result = recover();
    EXPECT_EQ(result.removed, 1u);
    EXPECT_EQ(result.committed, 0u);
    EXPECT_EQ(catalog_->node(catalog_->find("f").value()->id).value().version, version);
}

TEST_F(RecoveryTest, ALostCatalogueIsRebuiltFromStagingOldestFirst) {
    seal("a", "one", true);
    seal("b", "two", true);
    seal("c/d", "three", false);
    seal("a2", "x", true);
    open("fresh.db");
    const StagingRecovery result = recover(true);
    EXPECT_EQ(result.committed, 4u);
    for (const char* path : {"a", "b", "c/d", "a2"}) EXPECT_TRUE(catalog_->find(path).value().has_value()) << path;
    const auto node = catalog_->find("b").value();
    EXPECT_THAT(staging_->open(catalog_->version(node->version)->staged, nullptr), IsOk());
}

TEST_F(RecoveryTest, TheNewerOfTwoContentsOfOnePathWins) {
    seal("same", "old content", false);
    const VersionId newer = seal("same", "new", false);
    open("fresh.db");
    EXPECT_EQ(recover(true).committed, 2u);
    EXPECT_EQ(catalog_->find("same").value()->version, newer);
    EXPECT_EQ(catalog_->find("same").value()->size, 3u);
}

}  // namespace
}  // namespace oracxfs
