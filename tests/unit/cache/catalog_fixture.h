#pragma once
// A catalogue in a fresh folder, with short words for the usual steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cache/catalog.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

inline constexpr Millis kGrace{60'000};

// Digests that are as different as `seed`; of a content of `size` bytes.
inline ContentDigests made_up_digests(std::uint64_t size, std::uint8_t seed) {
    ContentDigests digests;
    digests.size = size;
    digests.sha256.fill(seed);
    digests.leaf_salt = 0x8000'0000'0000'0000ull + seed;
    digests.leaves.resize(static_cast<std::size_t>((size + kLeafBytes - 1) / kLeafBytes));
    for (std::size_t i = 0; i < digests.leaves.size(); ++i) digests.leaves[i].fill(static_cast<std::uint8_t>(seed + i));
    return digests;
}

class CatalogTest : public testing::Test {
  protected:
    CatalogTest() { reopen(); }

    void reopen() {
        catalog_.reset();
        auto opened = Catalog::open({.path = path(), .clock = &clock_, .delete_grace = kGrace}, &report_);
        ASSERT_THAT(opened, IsOk());
        catalog_ = std::move(*opened);
    }
    [[nodiscard]] std::string path() const { return directory_ / "catalog.db"; }
    [[nodiscard]] WallTime now() const { return clock_.wall(); }

    ProviderId provider(const std::string& name, bool active = true) {
        const auto id = catalog_->configure_provider(name, "local", active);
        EXPECT_THAT(id, IsOk());
        return id.value_or(ProviderId{});
    }

    // --- tree --------------------------------------------------------------------------------------------------------
    NodeRow named(const std::string& at) {
        const std::size_t slash = at.rfind('/');
        NodeRow row;
        row.name = slash == std::string::npos ? at : at.substr(slash + 1);
        row.parent = slash == std::string::npos ? kRootNode : find(at.substr(0, slash)).id;
        return row;
    }
    NodeRow find(const std::string& at) {
        const auto found = catalog_->find(at);
        EXPECT_THAT(found, IsOk());
        if (!found || !*found) return {};
        return **found;
    }
    bool exists(const std::string& at) { return find(at).id != NodeId{}; }
    NodeId mkdir(const std::string& at, const std::vector<ProviderId>& wanted = {}) {
        NodeRow row = named(at);
        row.id = catalog_->reserve_node().value();
        row.kind = NodeKind::directory;
        row.mode = 0755;
        EXPECT_THAT(catalog_->make_directory(row, wanted), IsOk()) << at;
        return row.id;
    }

    struct Write {
        std::uint64_t size = 10;
        bool torn = false;
        bool local_only = false;
        std::string staged = {};
    };
    VersionCommit prepare(const std::string& at, const std::vector<ProviderId>& wanted, const Write& write) {
        VersionCommit commit;
        const NodeRow old = find(at);
        commit.node = old.id ? old : named(at);
        if (!old.id) commit.node.id = catalog_->reserve_node().value();
        commit.node.local_only = write.local_only;
        commit.version = catalog_->reserve_version().value();
        commit.digests = made_up_digests(write.size, static_cast<std::uint8_t>(commit.version.value));
        commit.staged = write.staged;
        commit.torn = write.torn;
        commit.wanted = wanted;
        return commit;
    }
    VersionId write(const std::string& at, const std::vector<ProviderId>& wanted = {}) { return write(at, wanted, Write()); }
    VersionId write(const std::string& at, const std::vector<ProviderId>& wanted, const Write& how) {
        const VersionCommit commit = prepare(at, wanted, how);
        EXPECT_THAT(catalog_->commit_version(commit), IsOk()) << at;
        return commit.version;
    }
    Status rename(const std::string& from, const std::string& to, bool local_only = false,
                  const std::vector<ProviderId>& wanted = {}) {
        const NodeRow target = named(to);
        const NodeRow there = find(to);
        return catalog_->rename_node(find(from).id, target.parent, target.name,
                                     there.id ? std::optional(there.id) : std::nullopt, local_only, wanted);
    }
    Status remove(const std::string& at) { return catalog_->remove_node(find(at).id); }

    // --- replicas ----------------------------------------------------------------------------------------------------
    std::optional<ReplicaRow> row(VersionId version, ProviderId provider) {
        const auto rows = catalog_->replicas(version);
        EXPECT_THAT(rows, IsOk());
        for (const ReplicaRow& one : *rows)
            if (one.provider == provider) return one;
        return std::nullopt;
    }
    std::optional<WallTime> due(VersionId version, ProviderId provider) {
        const auto found = row(version, provider);
        EXPECT_TRUE(found) << "no row";
        return found ? found->due : std::nullopt;
    }
    ReplicaRow stored_row(VersionId version, ProviderId provider, const std::string& key,
                          ReplicaState state = ReplicaState::verified) {
        ReplicaRow stored = row(version, provider).value_or(ReplicaRow{});
        stored.version = version;
        stored.provider = provider;
        stored.state = state;
        stored.key = key;
        stored.intent_key.clear();
        stored.remote_id = "id-" + key;
        stored.remote_rev = std::to_string(version.value);
        stored.due.reset();
        if (state == ReplicaState::verified) stored.verified_at = now();
        return stored;
    }
    Status record(const ReplicaRow& stored, std::optional<ReplicaState> was = std::nullopt) {
        return catalog_->record({{ReplicaChange::Kind::store, stored, was}}, false);
    }
    Status drop(VersionId version, ProviderId provider) {
        ReplicaChange change;
        change.kind = ReplicaChange::Kind::drop;
        change.row.version = version;
        change.row.provider = provider;
        return catalog_->record({change}, false);
    }
    void verified(VersionId version, ProviderId provider, const std::string& key) {
        EXPECT_THAT(record(stored_row(version, provider, key)), IsOk()) << key;
    }
    void uploading(VersionId version, ProviderId provider, const std::string& key) {
        ReplicaRow begun = row(version, provider).value();
        begun.state = ReplicaState::uploading;
        begun.intent_key = key;
        EXPECT_THAT(record(begun), IsOk());
    }
    ReplicaJob job(VersionId version, ProviderId provider) {
        const auto found = catalog_->replica_job(version, provider);
        EXPECT_THAT(found, IsOk());
        EXPECT_TRUE(found && *found) << "no row";
        return found && *found ? **found : ReplicaJob{};
    }
    std::vector<std::int64_t> due_versions(ProviderId provider, const Catalog::DueFilter& filter = {}) {
        std::vector<std::int64_t> ids;
        const auto jobs = catalog_->due_replicas(provider, now(), filter);
        EXPECT_THAT(jobs, IsOk());
        for (const ReplicaJob& one : *jobs) ids.push_back(one.row.version.value);
        return ids;
    }

    TempDir directory_;
    FakeClock clock_;
    CatalogOpenReport report_;
    std::unique_ptr<Catalog> catalog_;
};

}  // namespace oracxfs::test
