#pragma once
// Catalogue and staging in a fresh folder, providers in memory that do what a test tells them, and a replicator whose
// steps the test takes itself.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/log.h"
#include "cache/block_cache.h"
#include "cache/catalog.h"
#include "cache/staging.h"
#include "fs/replica_reader.h"
#include "fs/replicator.h"
#include "providers/forwarding.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

// A provider in memory with a hook for each kind of call that the tests are about.
class ScriptedProvider final : public ForwardingProvider {
  public:
    explicit ScriptedProvider(std::unique_ptr<MemoryProvider> memory) : ForwardingProvider(std::move(memory)) {}

    MemoryProvider& memory() { return static_cast<MemoryProvider&>(inner()); }

    std::atomic<bool> down{false};  // every call fails
    // Called instead of the provider; it may call on. Set before the first call.
    std::function<Status(const OpContext&, const RemoteObject&, std::uint64_t offset, std::uint64_t length, const ByteSink&)> on_read;
    std::function<Status(const OpContext&, const RemoteObject&, const ContentDigests&)> on_verify;
    std::atomic<int> puts{0}, reads{0}, verifies{0}, stats{0}, lists{0}, feeds{0}, waits{0}, probes{0};
    std::atomic<bool> waits_fail{false};  // the long poll alone

    Result<Space> probe(const OpContext& ctx) override {
        probes += 1;
        if (down) return gone();
        return inner().probe(ctx);
    }
    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) override {
        puts += 1;
        if (down) return gone();
        return inner().put(ctx, key, content, options);
    }
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override {
        Provider::put_batch(ctx, requests, done);
    }
    Result<RemoteObject> stat(const OpContext& ctx, const ObjectKey& key) override {
        stats += 1;
        if (down) return gone();
        return inner().stat(ctx, key);
    }
    Status read(const OpContext& ctx, const RemoteObject& object, std::uint64_t offset, std::uint64_t length, const ByteSink& sink) override {
        reads += 1;
        if (down) return gone();
        return on_read ? on_read(ctx, object, offset, length, sink) : inner().read(ctx, object, offset, length, sink);
    }
    Status verify(const OpContext& ctx, const RemoteObject& object, const ContentDigests& expected) override {
        verifies += 1;
        if (down) return gone();
        return on_verify ? on_verify(ctx, object, expected) : inner().verify(ctx, object, expected);
    }
    Result<ListPage> list(const OpContext& ctx, const ObjectKey& directory, const std::string& cursor) override {
        lists += 1;
        if (down) return gone();
        return inner().list(ctx, directory, cursor);
    }
    Result<ChangePage> changes(const OpContext& ctx, const std::string& cursor) override {
        feeds += 1;
        if (down) return gone();
        return inner().changes(ctx, cursor);
    }
    Result<bool> wait_for_changes(const OpContext& ctx, const std::string& cursor) override {
        waits += 1;
        waits.notify_all();
        if (down || waits_fail) return gone();
        return inner().wait_for_changes(ctx, cursor);
    }
    using ForwardingProvider::inner;

  private:
    static tl::unexpected<Error> gone() { return fail(Errc::unavailable, "connect", "nobody answers"); }
};

class ReplicationTest : public testing::Test {
  protected:
    // One provider for each element.
    explicit ReplicationTest(const std::vector<MemoryOptions>& options = {{}, {}}, ReplicatorOptions replicator_options = {},
                             Disk* disk = nullptr) {
        log::Options quiet;
        quiet.level = log::Level::error;
        log::configure(quiet);
        if (disk == nullptr) disk = &system_disk;
        auto opened = Catalog::open({directory / "catalog.db", &clock, Millis(60'000)});
        if (!opened) throw std::runtime_error(opened.error().to_string());
        catalog = std::move(*opened);
        StagingOptions staging_options;
        staging_options.directory = disk == &system_disk ? directory / "staging" : "/staging";
        staging_options.reserve_bytes = 0;
        staging_options.leaf_key = catalog->leaf_key();
        auto staged = Staging::open(*disk, clock, staging_options);
        if (!staged) throw std::runtime_error(staged.error().to_string());
        staging = std::move(*staged);
        BlockCacheOptions cache_options;
        cache_options.directory = directory / "cache";
        cache_options.leaf_key = catalog->leaf_key();
        auto blocks = system_disk.make_directories(cache_options.directory) ? BlockCache::open(system_disk, cache_options)
                                                                            : fail(Errc::local_io, "make folder");
        if (!blocks) throw std::runtime_error(blocks.error().to_string());
        cache = std::move(*blocks);
        replicator_options.probe_pause_max = Millis(8'000);
        options_of_replicator = replicator_options;
        make_replicator();
        for (const MemoryOptions& one : options) add_provider(one);
    }
    ~ReplicationTest() override {
        replicator->stop();
        fetchers.stop();
    }

    void make_replicator() {
        replicator = std::make_unique<Replicator>(*catalog, *staging, clock, options_of_replicator);
        replicator->set_open_remote([this](VersionId version, ProviderId but) -> Result<std::shared_ptr<BlobReader>> {
            const auto candidates = replicator->read_candidates(version, std::nullopt);
            if (std::none_of(candidates.begin(), candidates.end(), [&](const ReadCandidate& c) { return c.provider != but; }))
                return fail(Errc::not_found, "heal", "no other provider holds this file");
            ORACX_TRY(ContentDigests digests, catalog->digests(version));
            auto shared = std::make_shared<const ContentDigests>(std::move(digests));
            auto source = reader(version);
            source->except(but);
            return std::shared_ptr<BlobReader>(std::make_shared<ReplicaBlob>(std::move(source), std::move(shared)));
        });
    }
    // As after a restart of the program: the catalogue and the providers are what they were.
    void restart() {
        replicator->stop();
        make_replicator();
        const auto rows = catalog->providers();
        ASSERT_THAT(rows, IsOk());
        for (std::size_t i = 0; i < ids.size(); ++i)
            for (const ProviderRow& row : *rows)
                if (row.id == ids[i]) replicator->add_provider(row, providers[i]);
    }

    void add_provider(const MemoryOptions& options) {
        const std::string name = "p" + std::to_string(providers.size());
        providers.push_back(std::make_shared<ScriptedProvider>(std::make_unique<MemoryProvider>(clock, options)));
        const auto id = catalog->configure_provider(name, "memory", true);
        if (!id) throw std::runtime_error(id.error().to_string());
        ids.push_back(*id);
        ProviderRow row;
        row.id = *id;
        row.name = name;
        row.type = "memory";
        replicator->add_provider(row, providers.back());
    }

    // A file as close() leaves it: staged, committed, due at every provider.
    VersionId commit(const std::string& name, const Bytes& content) {
        const auto existing = catalog->find(name);
        VersionCommit commit;
        if (existing && *existing) commit.node = **existing;
        if (!commit.node.id) commit.node.id = catalog->reserve_node().value();
        commit.node.parent = kRootNode;
        commit.node.name = name;
        commit.version = catalog->reserve_version().value();
        auto writer = staging->begin(commit.version);
        EXPECT_THAT(writer, IsOk());
        EXPECT_THAT((*writer)->write_at(0, content), IsOk());
        StagedMeta meta;
        meta.version = commit.version;
        meta.path = name;
        const auto sealed = (*writer)->seal(meta);
        EXPECT_THAT(sealed, IsOk());
        commit.digests = **sealed;
        commit.staged = (*writer)->name();
        commit.node.version = commit.version;
        commit.node.size = content.size();
        commit.wanted = ids;
        EXPECT_THAT(catalog->commit_version(commit), IsOk());
        (*writer)->publish();
        return commit.version;
    }
    std::string staged_path(VersionId version) { return directory / ("staging/" + catalog->version(version)->staged); }
    bool is_staged(VersionId version) { return !catalog->version(version)->staged.empty(); }

    // Works at one provider until nothing is due; a busy loop is a failure.
    void drive(std::size_t i) {
        for (int n = 0; n < 300; ++n) {
            const auto did = replicator->run_one(ids[i], {});
            ASSERT_THAT(did, IsOk());
            if (!*did) return;
        }
        FAIL() << "p" << i << " never comes to rest";
    }
    void drive_all() {
        for (std::size_t i = 0; i < ids.size(); ++i) drive(i);
    }
    // The same, over and over while time passes.
    void drive_for(Millis time, Millis step = Millis(1'000)) {
        for (Millis passed{0}; passed < time && !HasFailure(); passed += step) {
            drive_all();
            clock.advance(step);
        }
        drive_all();
    }
    ReplicaRow row(VersionId version, std::size_t i) {
        const auto rows = catalog->replicas(version);
        for (const ReplicaRow& one : rows.value_or(std::vector<ReplicaRow>{}))
            if (one.provider == ids[i]) return one;
        return {};
    }
    ReplicaState state(VersionId version, std::size_t i) { return row(version, i).state; }
    ProviderStatus status(std::size_t i) { return replicator->provider_status().at(i); }
    std::size_t events(const std::string& kind) {
        EventQuery query;
        query.kind = kind;
        return catalog->events(query).value_or(std::vector<EventRow>{}).size();
    }

    std::shared_ptr<ReplicaReader> reader(VersionId version, std::optional<ProviderId> only = std::nullopt) {
        return std::make_shared<ReplicaReader>(
            ReaderEnvironment{*replicator, *cache, clock, fetchers, read_watch, catalog->leaf_key(), buffered}, version,
            std::make_shared<const ContentDigests>(catalog->digests(version).value()), only);
    }

    TempDir directory;
    FakeClock clock{FakeClock::Sleep::advances};
    SystemDisk system_disk;
    std::unique_ptr<Catalog> catalog;
    std::unique_ptr<Staging> staging;
    std::unique_ptr<BlockCache> cache;
    ReadWatch read_watch{clock};
    Executor fetchers{4};
    std::atomic<std::uint64_t> buffered{0};
    ReplicatorOptions options_of_replicator;
    std::unique_ptr<Replicator> replicator;
    std::vector<std::shared_ptr<ScriptedProvider>> providers;
    std::vector<ProviderId> ids;
};

}  // namespace oracxfs::test
