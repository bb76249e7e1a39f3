// Deterministic simulation: catalogue, plan, lanes and breaker against three misbehaving providers, with a fake clock,
// crashes at every provider call, damage and deletions behind our back. One thread, one seed = one history.
//
//   ORACXFS_SIM_HISTORIES=20000   how many (default 2000)
//   ORACXFS_SIM_SEED=17           only this one, with a line per step
//
// After every step: a replica that is called verified is, byte for byte; nothing but whole contents is visible at a
// provider; no acknowledged content is lost. In the end, with the faults off, every provider holds exactly the tree,
// without leftovers, and every row is verified.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "cache/catalog.h"
#include "fs/replicator.h"
#include "tests/support/blobs.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_provider.h"
#include "tests/support/matchers.h"
#include "tests/support/memory_provider.h"

namespace oracxfs::test {
namespace {

struct Crash {};

// Dies before or after a call takes effect.
class CrashingProvider final : public ForwardingProvider {
  public:
    CrashingProvider(std::unique_ptr<Provider> inner, std::mt19937_64& random, double& rate)
        : ForwardingProvider(std::move(inner)), random_(random), rate_(rate) {}

    Result<PutResult> put(const OpContext& ctx, const ObjectKey& key, BlobReader& content, const PutOptions& options) override {
        die();
        auto result = inner().put(ctx, key, content, options);
        die();
        return result;
    }
    void put_batch(const OpContext& ctx, std::span<PutRequest> requests,
                   const std::function<void(std::size_t, Result<PutResult>)>& done) override {
        inner().put_batch(ctx, requests, [&](std::size_t i, Result<PutResult> result) {
            die();
            done(i, std::move(result));
        });
    }
    Status remove(const OpContext& ctx, const RemoteObject& object, RemoveMode mode) override {
        die();
        auto result = inner().remove(ctx, object, mode);
        die();
        return result;
    }
    Result<RemoteObject> rename(const OpContext& ctx, const RemoteObject& object, const ObjectKey& to,
                                const std::optional<RemoteObject>& replaces) override {
        die();
        auto result = inner().rename(ctx, object, to, replaces);
        die();
        return result;
    }

  private:
    void die() {
        if (rate_ > 0 && std::uniform_real_distribution<double>(0, 1)(random_) < rate_) throw Crash{};
    }
    std::mt19937_64& random_;
    double& rate_;
};

// Lanes only open what is staged.
class MemoryStaging final : public Staging {
  public:
    Result<std::unique_ptr<StagedWriter>> begin(VersionId, StagedBlob*, std::uint64_t) override { return fail(Errc::unsupported, "begin"); }
    Result<std::shared_ptr<StagedBlob>> open(const std::string& name, std::shared_ptr<const ContentDigests>) override {
        const auto found = blobs.find(name);
        if (found == blobs.end()) return fail(Errc::not_found, name);
        return std::shared_ptr<StagedBlob>(std::make_shared<Blob>(found->second));
    }
    Status remove(const std::string& name) override {
        blobs.erase(name);
        return {};
    }
    Result<std::vector<std::pair<std::string, StagedMeta>>> recover(const std::vector<std::string>&) override { return std::vector<std::pair<std::string, StagedMeta>>{}; }
    void set_digests(DigestSet) override {}
    Result<ContentDigests> digest(const std::string& name) override {
        const auto found = blobs.find(name);
        if (found == blobs.end()) return fail(Errc::not_found, name);
        return digests_of(found->second);
    }
    [[nodiscard]] StagingUsage usage() const override { return {}; }

    std::map<std::string, Bytes> blobs;

  private:
    class Blob final : public StagedBlob {
      public:
        explicit Blob(Bytes data) : blob_(std::move(data)) {}
        [[nodiscard]] std::optional<std::uint64_t> size() const override { return blob_.size(); }
        Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into, const std::stop_token& stop) override {
            return blob_.read_at(offset, into, stop);
        }
        [[nodiscard]] std::uint64_t available(std::uint64_t offset) const override { return blob_.available(offset); }
        [[nodiscard]] std::shared_ptr<const ContentDigests> digests() const override { return blob_.digests(); }
        [[nodiscard]] int fd() const override { return -1; }

      private:
        MemoryBlob blob_;
    };
};

class History {
  public:
    History(std::uint64_t seed, std::string folder, bool loud) : random_(seed), seed_(seed), folder_(std::move(folder)), loud_(loud) {
        crash_when_ = chance(0.5) ? 0.01 + 0.05 * uniform() : 0;
        for (int i = 0; i < 3; ++i) {
            MemoryOptions options;
            options.resumable = chance(0.5);
            options.verifies_in_put = chance(0.5);
            options.keeps_versions = chance(0.3);
            options.batch_max = chance(0.5) ? 8 : 1;
            options.small_bytes = chance(0.7) ? 4096 : 0;
            options.change_feed = chance(0.5);
            options.feed_by_id = chance(0.5);
            options.feed_page = chance(0.3) ? 1 + pick(3) : 1'000;
            auto memory = std::make_unique<MemoryProvider>(clock_, options);
            memories_.push_back(memory.get());
            FaultRates rates;
            // Two stages: a kind of fault is on in some histories, and then strikes often.
            if (chance(0.3)) rates.unavailable = 0.2 * uniform();
            if (chance(0.2)) rates.throttled = 0.1 * uniform();
            if (chance(0.3)) rates.outcome_unknown = 0.3 * uniform();
            if (chance(0.3)) rates.unavailable_in_body = 0.2 * uniform();
            if (chance(0.2)) rates.silent_damage = 0.2 * uniform();
            MemoryProvider* target = memory.get();
            auto faulty = std::make_unique<FaultyProvider>(std::move(memory), clock_, random_(), rates, [this, target](const RemoteObject& object) {
                if (object.size > 0 && target->damage(object.key, 0)) damaged_.insert(*target->content(object.key));
            });
            faulty_.push_back(faulty.get());
            providers_.push_back(std::make_shared<CrashingProvider>(std::move(faulty), random_, crash_rate_));
        }
        reopen();
    }

    void run() {
        const int steps = 40 + static_cast<int>(random_() % 80);
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            step();
            check();
        }
        settle();
    }

  private:
    double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
    bool chance(double p) { return uniform() < p; }
    std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    void say(const std::string& text) {
        if (loud_) std::cerr << "  " << text << "\n";
    }

    void reopen() {
        replicator_.reset();
        catalog_.reset();
        auto opened = Catalog::open({folder_ + "/catalog.db", &clock_, Millis(60'000)});
        ASSERT_THAT(opened, IsOk());
        catalog_ = std::move(*opened);
        ReplicatorOptions options;
        options.seed = seed_;
        options.heal_after = Millis(10'000);
        replicator_ = std::make_unique<Replicator>(*catalog_, staging_, clock_, options);
        // What we did ourselves must never be taken for somebody else's work, however late a listing or a feed tells of it.
        replicator_->set_on_foreign([this](ProviderId provider, const RemoteObject& object) {
            const auto there = memories_[index_of(provider)]->content(object.key);
            const bool kept_aside = object.key.find("conflicted copy") != std::string::npos;
            if (!object.is_directory && !kept_aside && there)
                ADD_FAILURE() << where() << object.key << " at p" << index_of(provider) << " is taken for somebody else's: " << describe(*there);
            replicator_->adoption_ended(provider, object.key, true);
        });
        replicator_->set_open_remote([this](VersionId version, ProviderId but) { return open_remote(version, but); });
        ids_.clear();
        for (std::size_t i = 0; i < memories_.size(); ++i) {
            const auto id = catalog_->configure_provider("p" + std::to_string(i), "memory", true);
            ASSERT_THAT(id, IsOk());
            ids_.push_back(*id);
            ProviderRow row;
            row.id = *id;
            row.name = "p" + std::to_string(i);
            row.type = "memory";
            replicator_->add_provider(row, providers_[i]);
        }
    }

    Result<std::shared_ptr<BlobReader>> open_remote(VersionId version, ProviderId but) {
        for (const ReadCandidate& candidate : replicator_->read_candidates(version, std::nullopt)) {
            if (candidate.provider == but) continue;
            Bytes data;
            const Status read = candidate.via->read({}, candidate.object, 0, candidate.object.size, [&](std::span<const std::byte> part) {
                data.insert(data.end(), part.begin(), part.end());
                return true;
            });
            if (!read) continue;
            if (data == contents_.at(version)) return std::shared_ptr<BlobReader>(std::make_shared<MemoryBlob>(std::move(data)));
        }
        return fail(Errc::not_found, "open remote");
    }

    std::string random_path() {
        static const std::vector<std::string> kNames = {"a", "b", "c", "d/a", "d/b", "e/a"};
        return kNames[pick(kNames.size())];
    }
    Result<NodeId> parent_of(const std::string& path) {
        const std::string directory(parent_key(path));
        if (directory.empty()) return kRootNode;
        ORACX_TRY(const auto found, catalog_->find(directory));
        if (found) return found->id;
        NodeRow row;
        ORACX_TRY(row.id, catalog_->reserve_node());
        row.parent = kRootNode;
        row.name = directory;
        row.kind = NodeKind::directory;
        ORACX_TRYV(catalog_->make_directory(row, ids_));
        directories_.insert(directory);
        return row.id;
    }

    void write(const std::string& path) {
        const auto parent = parent_of(path);
        ASSERT_THAT(parent, IsOk());
        const auto existing = catalog_->find(path);
        ASSERT_THAT(existing, IsOk());
        VersionCommit commit;
        commit.node = *existing ? **existing : NodeRow{};
        if (!*existing) commit.node.id = catalog_->reserve_node().value();
        commit.node.parent = *parent;
        commit.node.name = base_name(path);
        commit.version = catalog_->reserve_version().value();
        // Sometimes the same bytes as another file, or nothing.
        Bytes data = chance(0.1) ? Bytes() : random_content(1 + pick(6000), chance(0.1) ? 7 : random_());
        commit.digests = digests_of(data);
        commit.node.version = commit.version;
        commit.node.size = data.size();
        commit.staged = "v" + std::to_string(commit.version.value);
        commit.wanted = ids_;
        staging_.blobs[commit.staged] = data;
        contents_[commit.version] = data;
        ASSERT_THAT(catalog_->commit_version(commit), IsOk());
        tree_[path] = commit.version;
        say("write " + path + " = v" + std::to_string(commit.version.value) + " (" + std::to_string(data.size()) + ")");
    }

    void rename(const std::string& from, const std::string& to) {
        if (from == to || !tree_.contains(from)) return;
        const auto parent = parent_of(to);
        ASSERT_THAT(parent, IsOk());
        const auto source = catalog_->find(from), target = catalog_->find(to);
        std::optional<NodeId> replaced;
        if (*target) replaced = (*target)->id;
        ASSERT_THAT(catalog_->rename_node((*source)->id, *parent, base_name(to), replaced, false, ids_), IsOk());
        tree_[to] = tree_.at(from);
        tree_.erase(from);
        say("rename " + from + " -> " + to);
    }

    void rename_directory(const std::string& from, const std::string& to) {
        const auto source = catalog_->find(from), target = catalog_->find(to);
        if (!source || !*source || !target || *target) return;
        ASSERT_THAT(catalog_->rename_node((*source)->id, kRootNode, to, std::nullopt, false, ids_), IsOk());
        std::map<std::string, VersionId> renamed;
        for (const auto& [path, version] : tree_)
            renamed[path.starts_with(from + "/") ? to + path.substr(from.size()) : path] = version;
        tree_ = std::move(renamed);
        directories_.erase(from);
        directories_.insert(to);
        say("rename folder " + from + " -> " + to);
    }

    void step() {
        const double what = uniform();
        if (what < 0.12) return write(random_path());
        if (what < 0.17) return rename(random_path(), random_path());
        if (what < 0.19) return chance(0.5) ? rename_directory("d", "f") : rename_directory("f", "d");
        if (what < 0.22) {
            const std::string path = random_path();
            if (!tree_.contains(path)) return;
            const auto node = catalog_->find(path);
            ASSERT_THAT(catalog_->remove_node((*node)->id), IsOk());
            tree_.erase(path);
            return say("remove " + path);
        }
        if (what < 0.25) {
            const std::size_t i = pick(3);
            if (down_.contains(i))
                down_.erase(i);
            else
                down_.insert(i);
            faulty_[i]->down(down_.contains(i));
            return say("p" + std::to_string(i) + (down_.contains(i) ? " down" : " up"));
        }
        if (what < 0.255) {
            const std::size_t i = pick(3);
            memories_[i]->forget_feed();
            return say("p" + std::to_string(i) + " forgets its feed");
        }
        if (what < 0.27) return tamper();
        if (what < 0.29) return evict();
        if (what < 0.31) {
            reopen();
            return say("restart");
        }
        if (what < 0.45) {
            clock_.advance(Millis(static_cast<std::int64_t>(random_() % 20'000)));
            return;
        }
        drive(pick(3));
    }

    void drive(std::size_t i) {
        crash_rate_ = crash_when_;
        try {
            const auto did = replicator_->run_one(ids_[i], {});
            if (!did && did.error().code != Errc::cancelled) ADD_FAILURE() << did.error().to_string();
        } catch (const Crash&) {
            crash_rate_ = 0;
            say("crash at p" + std::to_string(i));
            reopen();
        }
        crash_rate_ = 0;
    }

    // One copy at most is damaged or removed per version, and only when another provider holds it or it is staged.
    void tamper() {
        const std::size_t i = pick(3);
        const auto files = memories_[i]->files();
        if (files.empty()) return;
        const std::string& key = files[pick(files.size())];
        for (const auto& [path, version] : tree_) {
            if (path != key) continue;
            if (!staging_.blobs.contains("v" + std::to_string(version.value)) && good_copies(path, version, i) == 0) return;
        }
        if (is_internal_name(base_name(key))) return;
        if (chance(0.5)) {
            if (memories_[i]->damage(key, 0)) damaged_.insert(*memories_[i]->content(key));
            say("damage p" + std::to_string(i) + " " + key);
        } else {
            memories_[i]->remove_behind(key);
            // By version: a folder that moves takes the hole along.
            for (const auto& [version, content] : contents_) {
                const auto job = catalog_->replica_job(version, ids_[i]);
                if (job && *job && (*job)->row.key == key) removed_.insert({i, version});
            }
            say("remove behind p" + std::to_string(i) + " " + key);
        }
    }
    std::size_t good_copies(const std::string&, VersionId version, std::size_t except) {
        std::size_t good = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            if (i == except) continue;
            const auto job = catalog_->replica_job(version, ids_[i]);
            if (!job || !*job || (*job)->row.key.empty()) continue;
            good += memories_[i]->content((*job)->row.key) == contents_.at(version);
        }
        return good;
    }

    void evict() {
        const auto staged = catalog_->staged_versions();
        if (!staged || staged->empty()) return;
        const VersionRow& version = (*staged)[pick(staged->size())];
        // Silent damage may have hit every verified copy after its check: RAID can't help then, so not here.
        if (good_copies("", version.id, 3) < 2) return;
        if (catalog_->mark_evicted(version.id, 2)) {
            staging_.blobs.erase(version.staged);
            say("evict v" + std::to_string(version.id.value));
        }
    }

    void check() {
        for (const auto& [path, version] : tree_) {
            const auto rows = catalog_->replicas(version);
            ASSERT_THAT(rows, IsOk());
            for (const ReplicaRow& row : *rows) {
                if (row.state != ReplicaState::verified || !row.intent_key.empty()) continue;
                const std::size_t i = index_of(row.provider);
                const auto there = memories_[i]->content(row.key);
                if (there ? damaged_.contains(*there) : removed_.contains({i, version})) continue;
                // A folder that was moved with the answer lost took it along; its row knows that it has to look.
                if (!there && holds(i, contents_.at(version))) continue;
                ASSERT_TRUE(there.has_value()) << where() << path << " is called verified at p" << i << " under " << row.key << " but is not there";
                ASSERT_TRUE(*there == contents_.at(version)) << where() << path << " is called verified at p" << i << " but differs";
            }
            const bool staged = staging_.blobs.contains("v" + std::to_string(version.value));
            ASSERT_TRUE(staged || good_copies(path, version, 3) > 0) << where() << path << " is lost";
        }
        for (std::size_t i = 0; i < 3; ++i)
            for (const ObjectKey& key : memories_[i]->files()) {
                const auto there = memories_[i]->content(key);
                ASSERT_TRUE(damaged_.contains(*there) || std::any_of(contents_.begin(), contents_.end(), [&](const auto& known) { return known.second == *there; }))
                    << where() << "something partial is visible at p" << i << " under " << key << ": " << describe(*there);
            }
    }

    std::string describe(const Bytes& data) {
        std::string text = std::to_string(data.size()) + " bytes";
        for (const auto& [version, known] : contents_) {
            const std::size_t size = std::min(known.size(), data.size());
            std::size_t differ = 0;
            for (std::size_t i = 0; i < size; ++i) differ += known[i] != data[i];
            if (size > 16 && differ < size / 2) text += ", like v" + std::to_string(version.value) + " of " + std::to_string(known.size()) + " but for " + std::to_string(differ);
        }
        return text;
    }
    bool holds(std::size_t i, const Bytes& data) {
        const auto files = memories_[i]->files();
        return std::any_of(files.begin(), files.end(), [&](const ObjectKey& key) { 
            const auto there = memories_[i]->content(key);
            return there == data || damaged_.contains(*there);  // spoiled before it was taken along
        });
    }
    std::size_t index_of(ProviderId id) {
        for (std::size_t i = 0; i < ids_.size(); ++i)
            if (ids_[i] == id) return i;
        return 0;
    }
    std::string where() { return "seed " + std::to_string(seed_) + ": "; }

    void settle() {
        for (FaultyProvider* provider : faulty_) {
            provider->set_rates({});
            provider->down(false);
        }
        down_.clear();
        crash_when_ = 0;
        say("settle");
        reopen();
        // Quiet: listings find what was tampered with (a change of rev or a missing name), a data check the rest.
        for (std::size_t i = 0; i < 3; ++i)
            for (const auto& [path, version] : tree_) {
                const auto job = catalog_->replica_job(version, ids_[i]);
                if (job && *job && !(*job)->row.key.empty() && (*job)->row.intent_key.empty() && (*job)->row.state == ReplicaState::verified) {
                    ReplicaRow row = (*job)->row;
                    row.state = ReplicaState::stored;  // as a scrub does
                    row.due = clock_.wall();
                    ASSERT_THAT(catalog_->record({{ReplicaChange::Kind::store, row, ReplicaState::verified}}, false), IsOk());
                }
            }
        bool done = false;
        for (int round = 0; round < 400 && !done; ++round) {
            for (std::size_t i = 0; i < 3; ++i)
                for (int n = 0; n < 200; ++n) {
                    const auto did = replicator_->run_one(ids_[i], {});
                    ASSERT_THAT(did, IsOk()) << where();
                    if (!*did) break;
                }
            clock_.advance(Millis(20'000));
            done = round > 6 && converged();
        }
        const auto report = [&] {
            std::string text = where() + "not converged:\n";
            for (const auto& [path, version] : tree_) {
                const auto rows = catalog_->replicas(version);
                for (const ReplicaRow& row : *rows)
                    text += path + " v" + std::to_string(version.value) + " p" + std::to_string(index_of(row.provider)) + " " +
                            std::string(to_string(row.state)) + " key=" + row.key + " intent=" + row.intent_key + " " + row.error_text +
                            (row.due ? " due" : "") + "\n";
            }
            for (std::size_t i = 0; i < 3; ++i) {
                text += "p" + std::to_string(i) + ":";
                for (const auto& key : memories_[i]->files()) text += " " + key;
                text += " leftovers=" + std::to_string(memories_[i]->leftover_count()) + "\n";
            }
            for (const ProviderStatus& status : replicator_->provider_status())
                text += status.row.name + " is " + std::string(to_string(status.row.state)) + " " + status.row.reason + "\n";
            return text;
        };
        ASSERT_TRUE(done) << report();
    }

    bool converged() {
        std::map<std::string, VersionId> expected = tree_;
        for (std::size_t i = 0; i < 3; ++i) {
            std::set<std::string> there;
            for (const ObjectKey& key : memories_[i]->files()) {
                if (key.find("conflicted copy") != std::string::npos) continue;  // a stranger that was kept, as promised
                there.insert(key);
            }
            if (memories_[i]->leftover_count() != 0 || there.size() != tree_.size()) return false;
            for (const auto& [path, version] : tree_) {
                if (!there.contains(path) || memories_[i]->content(path) != contents_.at(version)) return false;
                const auto job = catalog_->replica_job(version, ids_[i]);
                if (!job || !*job || (*job)->row.state != ReplicaState::verified || (*job)->row.due) return false;
            }
        }
        return true;
    }

    std::mt19937_64 random_;
    const std::uint64_t seed_;
    const std::string folder_;
    const bool loud_;
    FakeClock clock_{FakeClock::Sleep::advances};
    double crash_rate_ = 0;
    double crash_when_ = 0;
    std::vector<MemoryProvider*> memories_;   // owned by providers_, which outlive the program's crashes
    MemoryStaging staging_;
    std::unique_ptr<Catalog> catalog_;
    std::unique_ptr<Replicator> replicator_;
    std::vector<FaultyProvider*> faulty_;
    std::vector<std::shared_ptr<Provider>> providers_;
    std::vector<ProviderId> ids_;
    std::set<std::size_t> down_;
    std::map<std::string, VersionId> tree_;
    std::set<std::string> directories_;
    std::map<VersionId, Bytes> contents_;
    std::set<Bytes> damaged_;  // contents that we spoiled
    std::set<std::pair<std::size_t, VersionId>> removed_;
};

std::string fresh_folder(std::uint64_t seed) {
    // In memory where there is one: thousands of databases, none of which has to survive.
    const std::string root = std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    const std::string folder = root + "/oracxfs-sim-" + std::to_string(::getpid()) + "-" + std::to_string(seed);
    std::filesystem::create_directories(folder);
    return folder;
}

TEST(ReplicationSim, EveryHistoryKeepsItsPromises) {
    const char* only = std::getenv("ORACXFS_SIM_SEED");
    log::Options quiet;
    quiet.level = only != nullptr ? log::Level::debug : log::Level::error;
    log::configure(quiet);
    const char* count_text = std::getenv("ORACXFS_SIM_HISTORIES");
    const std::uint64_t first = only != nullptr ? std::strtoull(only, nullptr, 10) : 1;
    const std::uint64_t count = only != nullptr ? 1 : count_text != nullptr ? std::strtoull(count_text, nullptr, 10) : 2000;
    std::cerr << "seeds " << first << ".." << first + count - 1 << " (replay one with ORACXFS_SIM_SEED=n)\n";
    for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
        const std::string folder = fresh_folder(seed);
        {
            SCOPED_TRACE("seed " + std::to_string(seed));
            History(seed, folder, only != nullptr).run();
        }
        std::filesystem::remove_all(folder);
    }
}

}  // namespace
}  // namespace oracxfs::test
