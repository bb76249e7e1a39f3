// Deterministic simulation: catalogue, plan, lanes and breaker against three misbehaving providers, with a fake clock,
// crashes at every provider call, damage and deletions behind our back. One thread, one seed = one history.
//
//   ORACXFS_SIM_HISTORIES=20000   how many (default 2000)
//   ORACXFS_SIM_FIRST=100000      the first seed (default 1)
//   ORACXFS_SIM_SEED=17           only this one, with a line per step
//
// After every step: a replica that is called verified is, byte for byte; nothing but whole contents is visible at a
// provider; no acknowledged content is lost; nothing of ours is taken for somebody else's work. In the end, with the
// faults off, every provider holds exactly the tree, without leftovers, and every row is verified.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "cache/catalog.h"
#include "fs/replicator.h"
#include "tests/sim/fresh_folder.h"
#include "tests/sim/marks.h"
#include "tests/sim/memory_staging.h"
#include "tests/sim/world.h"
#include "tests/support/matchers.h"

namespace oracxfs::test {
namespace {

class History {
  public:
    History(std::uint64_t seed, std::string folder, bool loud, Marks& marks)
        : random_(seed), seed_(seed), folder_(std::move(folder)), loud_(loud), marks_(marks) {
        marks_.begin(seed);
        crash_when_ = chance(0.5) ? 0.01 + 0.05 * uniform() : 0;
        reopen();
    }

    void run() {
        const int steps = 40 + static_cast<int>(random_() % 80);
        for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
            step();
            check();
        }
        settle();
        note_events();
    }

  private:
    double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
    bool chance(double p) { return uniform() < p; }
    std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    void say(const std::string& text) {
        marks_.hit("step " + text.substr(0, text.find(' ')));
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
            const std::size_t i = index_of(provider);
            const auto there = world_.content(i, object.key);
            if (there && !world_.was_spoiled(*there) && object.key.find("conflicted copy") == std::string::npos)
                ADD_FAILURE() << where() << object.key << " at p" << i << " is taken for somebody else's: " << describe(*there);
            replicator_->adoption_ended(provider, object.key, true);
        });
        replicator_->set_open_remote([this](VersionId version, ProviderId but) { return open_remote(version, but); });
        ids_.clear();
        for (std::size_t i = 0; i < World::kProviders; ++i) {
            const auto id = catalog_->configure_provider("p" + std::to_string(i), "memory", true);
            ASSERT_THAT(id, IsOk());
            ids_.push_back(*id);
            ProviderRow row;
            row.id = *id;
            row.name = "p" + std::to_string(i);
            row.type = "memory";
            replicator_->add_provider(row, world_.provider(i));
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
            if (read && data == contents_.at(version)) return std::shared_ptr<BlobReader>(std::make_shared<MemoryBlob>(std::move(data)));
            replicator_->report_read_failure(version, candidate.provider, read ? Error(Errc::corrupt, "read") : read.error());
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
        say("rename folder " + from + " -> " + to);
    }

    void remove_directory() {
        for (const std::string path : {"d", "e", "f"}) {
            const auto node = catalog_->find(path);
            if (!node || !*node || std::any_of(tree_.begin(), tree_.end(), [&](const auto& file) { return file.first.starts_with(path + "/"); })) continue;
            ASSERT_THAT(catalog_->remove_node((*node)->id), IsOk());
            return say("rmdir " + path);
        }
    }

    void step() {
        const double what = uniform();
        if (what < 0.12) return write(random_path());
        if (what < 0.17) return rename(random_path(), random_path());
        if (what < 0.185) return chance(0.5) ? rename_directory("d", "f") : rename_directory("f", "d");
        if (what < 0.195) return remove_directory();
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
            const bool down = world_.toggle(i);
            return say((down ? "down p" : "up p") + std::to_string(i));
        }
        if (what < 0.253) {
            const std::size_t i = pick(3);
            world_.forget_feed(i);
            return say("forgetful p" + std::to_string(i));
        }
        if (what < 0.27) return tamper();
        if (what < 0.30) return evict();
        if (what < 0.32) return read();
        if (what < 0.34) {
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
        world_.set_crash_rate(crash_when_);
        try {
            const auto did = replicator_->run_one(ids_[i], {});
            if (!did && did.error().code != Errc::cancelled) ADD_FAILURE() << did.error().to_string();
        } catch (const Crash&) {
            world_.set_crash_rate(0);
            say("crash at p" + std::to_string(i));
            reopen();
        }
        world_.set_crash_rate(0);
        use_old_name(i);
    }

    // Somebody uses the name of a folder that may be gone from it or not: we don't know the end of its move.
    void use_old_name(std::size_t i) {
        for (const DirectoryJob& job : unclear_folders(i)) {
            if (!chance(0.1)) continue;
            static const std::vector<std::string> kPlaces = {"", "/a", "/b", "/x"};
            const std::string key = job.row.key + kPlaces[pick(kPlaces.size())];
            if (!world_.content(i, key) && world_.add(i, key, false)) say("squatter p" + std::to_string(i) + " " + key);
        }
    }
    std::vector<DirectoryJob> unclear_folders(std::size_t i) {
        auto folders = catalog_->due_directories(ids_[i], clock_.wall() + std::chrono::hours(24), 4096).value_or(std::vector<DirectoryJob>{});
        std::erase_if(folders, [](const DirectoryJob& job) { return job.row.intent_key.empty(); });
        return folders;
    }

    // One copy at most is spoiled or removed per version, and only when another provider holds it or it is staged.
    void tamper() {
        static const std::vector<std::string> kPlaces = {"a", "b", "c", "d/a", "d/b", "e/a", "f/b", "d", "f", "a/x"};
        const std::size_t i = pick(3);
        const auto files = world_.files(i);
        const bool stranger = chance(0.3);
        if (files.empty() && !stranger) return;
        const std::string key = stranger ? kPlaces[pick(kPlaces.size())] : files[pick(files.size())];
        const std::string folder(parent_key(key));
        const bool whole_folder = !stranger && !folder.empty() && chance(0.2);
        if (is_internal_name(base_name(key))) return;
        for (const std::string& at : whole_folder ? files : std::vector<std::string>{key}) {
            const auto there = world_.content(i, at);
            for (const auto& [path, version] : tree_)
                if (there == contents_.at(version) && !is_staged(version) && good_copies(version, i) == 0) return;
        }
        const std::string where = " p" + std::to_string(i) + " " + (whole_folder ? folder : key);
        if (whole_folder) {
            world_.remove_folder(i, folder);
            say("take-folder" + where);
        } else if (stranger) {
            if (world_.add(i, key, is_free(i, key))) say("stranger" + where);
        } else if (chance(0.5)) {
            world_.damage(i, key);
            say("damage" + where);
        } else {
            world_.remove(i, key);
            say("take" + where);
        }
    }
    // Does nobody here think that something of ours is there, or will be in a moment?
    bool is_free(std::size_t i, const std::string& key) {
        const auto ours = catalog_->files_at(ids_[i], key);
        const auto begun = catalog_->begun_keys(ids_[i]);
        return ours && ours->empty() && begun && begun->empty();
    }
    bool is_staged(VersionId version) { return staging_.blobs.contains("v" + std::to_string(version.value)); }

    // As somebody does who opens a file that is no longer staged.
    void read() {
        for (const auto& [path, version] : tree_) {
            if (is_staged(version)) continue;
            say("read " + path);
            (void)open_remote(version, ProviderId{});
        }
    }

    std::size_t good_copies(VersionId version, std::size_t except) {
        std::size_t good = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            if (i == except) continue;
            const auto job = catalog_->replica_job(version, ids_[i]);
            if (!job || !*job || (*job)->row.key.empty()) continue;
            good += world_.content(i, (*job)->row.key) == contents_.at(version);
        }
        return good;
    }

    void evict() {
        const auto staged = catalog_->staged_versions();
        if (!staged || staged->empty()) return;
        const VersionRow& version = (*staged)[pick(staged->size())];
        // Silent damage may have hit every verified copy after its check: RAID can't help then, so not here.
        if (good_copies(version.id, 3) < 2) return;
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
                const auto there = world_.content(i, row.key);
                if (there ? world_.was_spoiled(*there) : world_.was_removed(i, row.remote_id)) continue;
                if (!there && moved_along(i, row)) continue;
                ASSERT_TRUE(there.has_value()) << where() << path << " is called verified at p" << i << " under " << row.key << " but is not there";
                ASSERT_TRUE(*there == contents_.at(version)) << where() << path << " is called verified at p" << i << " but differs";
            }
            ASSERT_TRUE(is_staged(version) || good_copies(version, 3) > 0) << where() << path << " is lost";
        }
        for (std::size_t i = 0; i < 3; ++i)
            for (const ObjectKey& key : world_.files(i)) {
                const auto there = world_.content(i, key);
                ASSERT_TRUE(world_.was_spoiled(*there) || std::any_of(contents_.begin(), contents_.end(), [&](const auto& known) { return known.second == *there; }))
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
    // A folder that was moved with the answer lost took it along; the folder's row knows that it has to look.
    bool moved_along(std::size_t i, const ReplicaRow& row) {
        const auto folders = unclear_folders(i);
        if (std::none_of(folders.begin(), folders.end(), [&](const DirectoryJob& job) { return row.key.starts_with(job.row.key + "/"); }))
            return false;
        const auto key = world_.find(i, row.remote_id);
        if (!key) return false;
        marks_.hit("folder moved without our knowing");
        const auto there = world_.content(i, *key);
        return there == contents_.at(row.version) || world_.was_spoiled(*there);  // spoiled before it was taken along
    }
    std::size_t index_of(ProviderId id) {
        for (std::size_t i = 0; i < ids_.size(); ++i)
            if (ids_[i] == id) return i;
        return 0;
    }
    std::string where() { return "seed " + std::to_string(seed_) + ": "; }

    void settle() {
        world_.end_faults();
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
                for (int n = 0;; ++n) {
                    const auto did = replicator_->run_one(ids_[i], {});
                    ASSERT_THAT(did, IsOk()) << where();
                    if (!*did) break;
                    ASSERT_LT(n, 100) << where() << "p" << i << " never comes to rest\n" << report();
                }
            clock_.advance(Millis(20'000));
            done = round > 6 && converged();
        }
        ASSERT_TRUE(done) << "not converged: " << report();
    }

    std::string report() {
        std::string text = where() + "\n";
        for (const auto& [path, version] : tree_) {
            const auto rows = catalog_->replicas(version);
            for (const ReplicaRow& row : *rows)
                text += path + " v" + std::to_string(version.value) + " p" + std::to_string(index_of(row.provider)) + " " +
                        std::string(to_string(row.state)) + " key=" + row.key + " intent=" + row.intent_key + " " + row.error_text +
                        (row.due ? " due" : "") + "\n";
        }
        for (std::size_t i = 0; i < World::kProviders; ++i) {
            text += "p" + std::to_string(i) + ":";
            for (const ObjectKey& key : world_.files(i)) text += " " + key + (world_.was_spoiled(*world_.content(i, key)) ? "(spoiled)" : "");
            text += " leftovers=" + std::to_string(world_.leftovers(i)) + "\n";
        }
        return text;
    }

    void note_events() {
        EventQuery all;
        all.limit = 100'000;
        const auto events = catalog_->events(all);
        ASSERT_THAT(events, IsOk());
        for (const EventRow& event : *events) marks_.hit("event " + event.kind + (event.code.empty() ? "" : " " + event.code));
    }

    bool converged() {
        for (std::size_t i = 0; i < World::kProviders; ++i) {
            if (world_.leftovers(i) != 0) return false;
            std::set<Bytes> strange;
            for (const ObjectKey& key : world_.files(i)) {
                if (tree_.contains(key)) continue;
                // What nobody here knows stays: strangers, and what was spoiled before we could know that it was ours.
                const auto there = world_.content(i, key);
                const auto ours = catalog_->files_at(ids_[i], key);
                if (!world_.was_spoiled(*there) || !ours || !ours->empty()) return false;
                strange.insert(*there);
            }
            for (const auto& [path, version] : tree_) {
                if (world_.content(i, path) != contents_.at(version)) return false;
                const auto job = catalog_->replica_job(version, ids_[i]);
                if (!job || !*job || (*job)->row.state != ReplicaState::verified || (*job)->row.due) return false;
            }
            for (const Bytes& stranger : world_.strangers(i))
                if (!strange.contains(stranger)) return false;
        }
        return true;
    }

    std::mt19937_64 random_;
    const std::uint64_t seed_;
    const std::string folder_;
    const bool loud_;
    Marks& marks_;
    FakeClock clock_{FakeClock::Sleep::advances};
    double crash_when_ = 0;
    World world_{random_, clock_, marks_};
    MemoryStaging staging_;
    std::unique_ptr<Catalog> catalog_;
    std::unique_ptr<Replicator> replicator_;
    std::vector<ProviderId> ids_;
    std::map<std::string, VersionId> tree_;
    std::map<VersionId, Bytes> contents_;
};

std::optional<std::uint64_t> number_from(const char* variable) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

TEST(ReplicationSim, EveryHistoryKeepsItsPromises) {
    const auto only = number_from("ORACXFS_SIM_SEED");
    log::Options quiet;
    quiet.level = only ? log::Level::debug : log::Level::error;
    log::configure(quiet);
    const std::uint64_t first = only ? *only : number_from("ORACXFS_SIM_FIRST").value_or(1);
    const std::uint64_t count = only ? 1 : number_from("ORACXFS_SIM_HISTORIES").value_or(2000);
    std::cerr << "seeds " << first << ".." << first + count - 1 << " (replay one with ORACXFS_SIM_SEED=n)\n";
    Marks marks;
    std::size_t known = 0;
    for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
        const std::string folder = fresh_folder(seed);
        {
            SCOPED_TRACE("seed " + std::to_string(seed));
            History(seed, folder, only.has_value(), marks).run();
        }
        std::filesystem::remove_all(folder);
        if ((seed - first + 1) % 1000 == 0) {
            std::cerr << seed - first + 1 << " histories, " << marks.size() - known << " new marks\n";
            known = marks.size();
        }
    }
    marks.print(std::cerr);
    if (HasFailure() || count < 2000) return;
    for (const char* mark : kNeededMarks)
        EXPECT_GT(marks.hits(mark), 0u) << "no history came through \"" << mark << "\"";
}

}  // namespace
}  // namespace oracxfs::test
