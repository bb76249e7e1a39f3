// Random histories of the catalogue against a model that is too simple to be wrong: maps in memory. What exists must be
// equal; what is due must obey the rules below. A failure prints the seed; ORACXFS_SEED=n runs that one alone.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <set>

#include "tests/unit/cache/catalog_fixture.h"
#include "tests/unit/cache/catalog_model.h"

namespace oracxfs::test {
namespace {

class CatalogModelTest : public CatalogTest {
  protected:
    // --- random choices ----------------------------------------------------------------------------------------------
    std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
    bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
    template <class Map>
    auto any_of(Map& map) {
        return std::next(map.begin(), static_cast<std::ptrdiff_t>(below(map.size())));
    }
    std::int64_t any_directory() {
        std::vector<std::int64_t> all;
        for (const auto& [id, node] : model_.nodes)
            if (node.directory) all.push_back(id);
        return all[below(all.size())];
    }
    std::string any_name() {
        static const char* const kNames[] = {"a", "b", "c", "a0", "a.", "\xff", "d d"};
        return kNames[below(std::size(kNames))];
    }

    // --- steps -------------------------------------------------------------------------------------------------------
    void step() {
        clock_.advance(Millis(static_cast<std::int64_t>(below(20'000))));
        const std::size_t dice = below(100);
        if (dice < 12) make_one_directory();
        else if (dice < 32) commit_one();
        else if (dice < 44) rename_one();
        else if (dice < 52) remove_one();
        else if (dice < 82) replicate_one();
        else if (dice < 92) one_directory_at_provider();
        else if (dice < 95) configure_one();
        else if (dice < 97) collect();
        else if (dice < 99) come_back();
        else reopen();
    }

    void come_back() { EXPECT_THAT(catalog_->make_due({any_of(model_.providers)->first}, now()), IsOk()); }

    void make_one_directory() {
        const std::int64_t parent = any_directory();
        const std::string path = model_.path_in(parent, any_name());
        if (path.size() > 12) return;
        NodeRow row;
        row.id = catalog_->reserve_node().value();
        row.parent = {parent};
        row.name = path.substr(path.rfind('/') + 1);
        row.kind = NodeKind::directory;
        trace_ += "mkdir " + path + "\n";
        const Status made = catalog_->make_directory(row, model_.active());
        if (model_.at(path) != 0) {
            EXPECT_THAT(made, HasCode(Errc::exists));
            return;
        }
        ASSERT_THAT(made, IsOk());
        model_.nodes[row.id.value] = {.parent = parent, .name = row.name, .directory = true};
        std::erase_if(model_.directories, [&](const auto& one) { return !one.second.wanted && one.second.key == path; });
        for (const ProviderId provider : model_.active()) model_.directories[{row.id.value, provider.value}] = {};
    }

    void commit_one() {
        const std::string path = model_.path_in(any_directory(), any_name());
        const std::int64_t old = model_.at(path);
        if (old != 0 && model_.nodes.at(old).directory) return;
        Write how;
        how.size = below(200'000);
        how.torn = chance(10);
        how.local_only = old != 0 ? model_.nodes.at(old).local_only : chance(15);
        trace_ += "commit " + path + (how.torn ? " torn" : "") + (how.local_only ? " local" : "") + "\n";
        VersionCommit commit = prepare(path, model_.active(), how);
        const std::int64_t version = commit.version.value;
        std::vector<ProviderId> early;
        if (!commit.wanted.empty() && chance(20)) {
            early = {commit.wanted[below(commit.wanted.size())]};
            EXPECT_THAT(catalog_->save_session({commit.version, early[0], path, "", 0}), IsOk());
        }
        ASSERT_THAT(catalog_->commit_version(commit), IsOk());
        for (const ProviderId provider : early) EXPECT_THAT(catalog_->end_session(commit.version, provider), IsOk());
        ModelNode& node = model_.nodes[commit.node.id.value];
        if (old == 0) {
            node.parent = commit.node.parent.value;
            node.name = commit.node.name;
        } else {
            model_.versions.at(node.version).fate = VersionFate::superseded;
            model_.drop_empty_rows(node.version);
        }
        node.version = version;
        node.size = how.size;
        node.local_only = how.local_only;
        node.torn = how.torn;
        model_.versions[version] = {.node = commit.node.id.value, .fate = how.torn ? VersionFate::torn : VersionFate::current, .doomed_at = {}, .size = how.size};
        if (!model_.wanted(version)) return;
        model_.add_rows(version, model_.active());
        for (const ProviderId provider : early) model_.rows[{version, provider.value}] = {ReplicaState::uploading, "", path};
    }

    void rename_one() {
        const auto chosen = any_of(model_.nodes);
        const std::int64_t id = chosen->first;
        if (id == kRootNode.value) return;
        const ModelNode before = chosen->second;
        const std::int64_t parent = any_directory();
        const std::string from = model_.path(id), to = model_.path_in(parent, any_name());
        const std::int64_t there = model_.at(to);
        const bool local_only = !before.directory && chance(15);
        trace_ += "rename " + from + " -> " + to + (local_only ? " local" : "") + "\n";
        const Status renamed = rename(from, to, local_only, model_.active());
        std::optional<Errc> expected;
        bool nonempty = false;
        for (const auto& [other, node] : model_.nodes) nonempty = nonempty || (there != 0 && other != kRootNode.value && node.parent == there);
        if (before.directory && (to == from || to.starts_with(from + "/"))) expected = to == from ? std::optional<Errc>() : Errc::invalid;
        else if (there != 0 && there != id && before.directory && !model_.nodes.at(there).directory) expected = Errc::not_directory;
        else if (there != 0 && there != id && !before.directory && model_.nodes.at(there).directory) expected = Errc::is_directory;
        else if (there != 0 && there != id && nonempty) expected = Errc::not_empty;
        if (expected) {
            EXPECT_THAT(renamed, HasCode(*expected));
            return;
        }
        ASSERT_THAT(renamed, IsOk());
        if (there != 0 && there != id) model_.remove(there, now());
        const bool was = model_.replicated(id);
        ModelNode& node = model_.nodes.at(id);
        node.parent = parent;
        node.name = to.substr(to.rfind('/') + 1);
        node.local_only = local_only;
        if (!was && model_.replicated(id)) model_.add_rows(node.version, model_.active());
        if (was && !model_.replicated(id))
            for (const auto& [version, facts] : model_.versions)
                if (facts.node == id) model_.drop_empty_rows(version);
    }

    void remove_one() {
        const std::int64_t id = any_of(model_.nodes)->first;
        if (id == kRootNode.value) return;
        for (const auto& [other, node] : model_.nodes) {
            if (node.parent != id) continue;
            EXPECT_THAT(catalog_->remove_node({id}), HasCode(Errc::not_empty));
            return;
        }
        trace_ += "remove " + model_.path(id) + "\n";
        ASSERT_THAT(catalog_->remove_node({id}), IsOk());
        model_.remove(id, now());
    }

    // What a lane might do next with some row; not always the wisest thing.
    void replicate_one() {
        if (model_.rows.empty()) return;
        const auto chosen = any_of(model_.rows);
        const auto [version, provider] = chosen->first;
        const ModelRow before = chosen->second;
        ModelRow after = before;
        std::optional<std::int64_t> replaced;
        bool work_left = false;
        if (!before.intent.empty()) {
            after.intent.clear();
            replaced = model_.holder(provider, before.intent);
            if (replaced == version) replaced.reset();
            if (chance(60) && !(replaced && model_.wanted(*replaced))) {
                after.key = before.intent;
                after.state = ReplicaState::verified;
            } else {
                replaced.reset();
                after.state = before.key.empty() ? ReplicaState::queued : ReplicaState::stored;
                work_left = true;
            }
        } else if (!model_.wanted(version)) {
            const bool may_go = model_.successor_verified(version, provider) &&
                                (model_.versions.at(version).fate != VersionFate::doomed ||
                                 now() >= model_.versions.at(version).doomed_at + kGrace);
            if (before.key.empty() || may_go) {
                trace_ += "drop " + std::to_string(version) + "@" + std::to_string(provider) + "\n";
                ASSERT_THAT(drop({version}, {provider}), IsOk());
                model_.rows.erase({version, provider});
                return;
            }
        } else {
            const std::string path = model_.path(model_.versions.at(version).node);
            const auto holder = model_.holder(provider, path);
            if (holder && *holder != version && model_.wanted(*holder)) {
                ModelRow& aside = model_.rows.at({*holder, provider});
                if (!aside.intent.empty()) return;
                aside.key = ".aside-" + std::to_string(*holder);
                trace_ += "aside " + std::to_string(*holder) + "\n";
                store(*holder, provider, aside, true, {});
                return;
            }
            if (before.key.empty()) {
                after.state = ReplicaState::uploading;
                after.intent = path;
                work_left = true;
            } else if (before.key == path && before.state == ReplicaState::verified && chance(20)) {
                after.state = ReplicaState::damaged;
                work_left = true;
            } else {
                if (holder && *holder != version) replaced = holder;
                after.key = path;
                after.state = ReplicaState::verified;
            }
        }
        trace_ += "store " + std::to_string(version) + "@" + std::to_string(provider) + " " + std::string(to_string(after.state)) + " key=" + after.key + " intent=" + after.intent + "\n";
        store(version, provider, after, work_left, replaced);
        if (replaced) model_.rows.erase({*replaced, provider});
        model_.rows[{version, provider}] = after;
    }
    void store(std::int64_t version, std::int64_t provider, const ModelRow& after, bool work_left, std::optional<std::int64_t> replaced) {
        std::vector<ReplicaChange> changes;
        if (replaced) {
            ReplicaChange& gone = changes.emplace_back();
            gone.kind = ReplicaChange::Kind::drop;
            gone.row.version = {*replaced};
            gone.row.provider = {provider};
        }
        ReplicaChange& change = changes.emplace_back();
        change.row.version = {version};
        change.row.provider = {provider};
        change.row.state = after.state;
        change.row.key = after.key;
        change.row.intent_key = after.intent;
        if (work_left) change.row.due = now();
        change.was = row({version}, {provider}).value().state;
        ASSERT_THAT(catalog_->record(changes, chance(50)), IsOk());
    }

    void one_directory_at_provider() {
        const ProviderId provider{any_of(model_.providers)->first};
        const auto due = catalog_->due_directories(provider, now(), 100).value();
        if (due.empty()) return;
        const DirectoryJob& job = due[below(due.size())];
        const ModelKey id{job.row.node.value, provider.value};
        ModelDirectory& directory = model_.directories.at(id);
        if (!job.row.wanted) {
            ASSERT_THAT(catalog_->drop_directory(job.row.node, provider), IsOk());
            model_.directories.erase(id);
            return;
        }
        const std::string to = model_.path(job.row.node.value);
        EXPECT_EQ(job.want_key, to);
        trace_ += "directory " + job.row.key + " -> " + to + " @" + std::to_string(provider.value) + "\n";
        if (job.row.key.empty() || job.row.key == to) {
            DirectoryRow made = job.row;
            made.key = to;
            made.due.reset();
            ASSERT_THAT(catalog_->record_directory(made), IsOk());
            directory.key = to;
            return;
        }
        const std::string from = job.row.key;
        if (to.starts_with(from + "/")) return;  // no provider can do that; its parents move first
        const auto moved = [&](const std::string& key) {
            return key.starts_with(from + "/") ? to + key.substr(from.size()) : key;
        };
        std::set<std::string> targets;
        for (const auto& [row, replica] : model_.rows)
            if (row.second == provider.value && replica.key.starts_with(from + "/")) targets.insert(moved(replica.key));
        ASSERT_THAT(catalog_->record_directory_move(job.row.node, provider, from, to), IsOk());
        for (auto& [row, replica] : model_.rows) {
            if (row.second != provider.value || !targets.contains(replica.key)) continue;
            replica.key.clear();
            replica.state = ReplicaState::missing;
        }
        for (auto& [row, other] : model_.directories)
            if (row.second == provider.value && row.first != job.row.node.value && other.key == from && other.wanted) other.key.clear();
        for (auto& [row, replica] : model_.rows) {
            if (row.second != provider.value) continue;
            replica.key = moved(replica.key);
            replica.intent = moved(replica.intent);
        }
        for (auto& [row, other] : model_.directories)
            if (row.second == provider.value) other.key = row.first == job.row.node.value ? to : moved(other.key);
    }

    void configure_one() {
        const std::int64_t id = 1 + static_cast<std::int64_t>(below(3));
        if (id > static_cast<std::int64_t>(model_.providers.size()) + 1) return;
        const bool known = model_.providers.contains(id);
        const bool on = !known || chance(70);
        const bool begins = on && !(known && model_.providers.at(id));
        trace_ += "provider " + std::to_string(id) + (on ? " on\n" : " off\n");
        ASSERT_EQ(provider("p" + std::to_string(id), on).value, id);
        model_.providers[id] = on;
        if (!begins) return;
        for (const auto& [version, facts] : model_.versions)
            if (model_.wanted(version)) model_.add_rows(version, {{id}});
        for (const auto& [node, facts] : model_.nodes)
            if (facts.directory && node != kRootNode.value) model_.directories.try_emplace({node, id});
    }

    void collect() {
        ASSERT_THAT(catalog_->collect_dead_versions(), IsOk());
        std::erase_if(model_.versions, [&](const auto& one) {
            if (one.second.fate != VersionFate::superseded && one.second.fate != VersionFate::doomed) return false;
            return std::none_of(model_.rows.begin(), model_.rows.end(), [&](const auto& row) { return row.first.first == one.first; });
        });
    }

    // --- comparing ---------------------------------------------------------------------------------------------------
    void compare() {
        compare_tree();
        compare_rows();
        compare_directories();
        compare_due();
        compare_views();
    }

    void compare_tree() {
        std::size_t listed = 0;
        for (const auto& [id, node] : model_.nodes) {
            const auto found = catalog_->node({id});
            ASSERT_THAT(found, IsOk());
            EXPECT_EQ(found->name, node.name);
            EXPECT_EQ(found->version.value, node.version);
            EXPECT_EQ(found->size, node.size);
            EXPECT_EQ(found->local_only, node.local_only);
            EXPECT_EQ(found->torn, node.torn);
            EXPECT_EQ(catalog_->path_of({id}).value(), model_.path(id));
            EXPECT_EQ(find(model_.path(id)).id.value, id);
            if (!node.directory) continue;
            const auto below_it = catalog_->children({id}).value();
            listed += below_it.size();
            for (std::size_t i = 1; i < below_it.size(); ++i) EXPECT_LT(below_it[i - 1].name, below_it[i].name);
        }
        EXPECT_EQ(listed + 1, model_.nodes.size());
        for (const auto& [id, version] : model_.versions) {
            const auto found = catalog_->version({id});
            ASSERT_THAT(found, IsOk());
            EXPECT_EQ(found->fate, version.fate);
            EXPECT_EQ(found->node.value, version.node);
        }
    }

    void compare_rows() {
        std::size_t listed = 0;
        for (const auto& [version, facts] : model_.versions) listed += catalog_->replicas({version})->size();
        EXPECT_EQ(listed, model_.rows.size());
        for (const auto& [id, expected] : model_.rows) {
            SCOPED_TRACE("version " + std::to_string(id.first) + " at " + std::to_string(id.second));
            const auto [version, provider] = id;
            const ReplicaJob todo = job({version}, {provider});
            EXPECT_EQ(todo.row.state, expected.state);
            EXPECT_EQ(todo.row.key, expected.key);
            EXPECT_EQ(todo.row.intent_key, expected.intent);
            const bool wanted = model_.wanted(version);
            ASSERT_EQ(todo.wanted, wanted);
            const std::string path = wanted ? model_.path(model_.versions.at(version).node) : "";
            EXPECT_EQ(todo.want_key, path);
            EXPECT_EQ(todo.successor_verified, !wanted && model_.successor_verified(version, provider));
            if (!expected.intent.empty()) {
                EXPECT_TRUE(todo.row.due) << "what was begun must be looked at";
            } else if (!todo.row.due && wanted) {
                EXPECT_EQ(expected.state, ReplicaState::verified);
                EXPECT_TRUE(expected.key == path || moves_along(expected.key, path, provider)) << expected.key << " is not " << path;
            } else if (!todo.row.due) {
                EXPECT_FALSE(todo.successor_verified) << "nobody will wake it";
                EXPECT_NE(expected.key, "");
            }
            const bool removed = model_.versions.at(version).fate == VersionFate::doomed;
            if (!todo.row.due || !removed || !expected.intent.empty() || expected.key.empty()) continue;
            EXPECT_GE(*todo.row.due, model_.versions.at(version).doomed_at + kGrace);
        }
    }
    // A folder above, whose move at the provider is still to be done, will bring `key` to `path`.
    bool moves_along(const std::string& key, const std::string& path, std::int64_t provider) {
        for (const auto& [id, directory] : model_.directories) {
            if (id.second != provider || !directory.wanted || directory.key.empty()) continue;
            const std::string above = model_.path(id.first);
            if (!path.starts_with(above + "/") || key != directory.key + path.substr(above.size())) continue;
            const auto due_there = catalog_->due_directories({provider}, now(), 1'000).value();
            for (const DirectoryJob& todo : due_there)
                if (todo.row.node.value == id.first) return true;
        }
        return false;
    }

    void compare_directories() {
        for (const auto& [provider, on] : model_.providers) {
            std::map<ModelKey, DirectoryJob> due;
            const auto soon = catalog_->due_directories({provider}, now() + kGrace, 1'000).value();
            for (const DirectoryJob& todo : soon) due[{todo.row.node.value, provider}] = todo;
            for (const auto& [id, directory] : model_.directories) {
                if (id.second != provider) continue;
                const bool is_due = due.contains(id);
                if (is_due) {
                    EXPECT_EQ(due.at(id).row.key, directory.key);
                    EXPECT_EQ(due.at(id).row.wanted, directory.wanted);
                }
                if (!directory.wanted) {
                    EXPECT_TRUE(is_due);
                } else if (!is_due) {
                    const std::string path = model_.path(id.first);
                    EXPECT_TRUE(directory.key == path || moves_along(directory.key, path, provider)) << directory.key << " is not " << path;
                }
                due.erase(id);
            }
            EXPECT_TRUE(due.empty());
        }
    }

    void compare_due() {
        for (const auto& [provider, on] : model_.providers) {
            std::vector<std::int64_t> expected;
            for (const auto& [id, row_of] : model_.rows) {
                if (id.second != provider) continue;
                const auto when = due({id.first}, {provider});
                if (when && *when <= now()) expected.insert(expected.begin(), id.first);
            }
            Catalog::DueFilter filter;
            filter.limit = 1'000;
            EXPECT_EQ(due_versions({provider}, filter), expected);
        }
    }

    void compare_views() {
        Catalog::Counts expected;
        for (const auto& [id, node] : model_.nodes) {
            if (id == kRootNode.value) continue;
            (node.directory ? expected.directories : expected.files) += 1;
            expected.bytes += node.size;
        }
        const auto counts = catalog_->tree_counts().value();
        EXPECT_EQ(counts.files, expected.files);
        EXPECT_EQ(counts.directories, expected.directories);
        EXPECT_EQ(counts.bytes, expected.bytes);

        std::set<std::int64_t> pending;
        std::map<std::int64_t, std::uint64_t> pending_bytes;
        for (const auto& [id, replica] : model_.rows) {
            if (!model_.wanted(id.first) || replica.state == ReplicaState::verified) continue;
            pending_bytes[id.second] += model_.versions.at(id.first).size;
            if (model_.providers.at(id.second)) pending.insert(id.first);
        }
        std::set<std::int64_t> found;
        const auto versions = catalog_->pending_versions("").value();
        for (const VersionId version : versions) found.insert(version.value);
        // Verified, but still to be moved: only the catalogue knows what is due.
        for (const auto& [id, replica] : model_.rows) {
            if (!model_.wanted(id.first) || replica.state != ReplicaState::verified || !model_.providers.at(id.second)) continue;
            const auto rows = catalog_->replicas({id.first}).value();
            for (const ReplicaRow& row : rows)
                if (row.provider.value == id.second && row.due) pending.insert(id.first);
        }
        EXPECT_EQ(found, pending);
        const auto by_provider = catalog_->counts().value();
        for (const ProviderCounts& one : by_provider) EXPECT_EQ(one.pending_bytes, pending_bytes[one.provider.value]);
    }

    void run(std::uint32_t seed, int steps) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        random_.seed(seed);
        model_ = {};
        trace_.clear();
        model_.nodes[kRootNode.value].directory = true;
        for (std::int64_t id = 1; id <= 2; ++id) {
            ASSERT_EQ(provider("p" + std::to_string(id)).value, id);
            model_.providers[id] = true;
        }
        for (int i = 0; i < steps && !HasFailure(); ++i) {
            step();
            compare();
        }
        if (HasFailure()) std::printf("seed %u, the last steps:\n%s\n", seed, trace_.substr(trace_.size() > 3'000 ? trace_.size() - 3'000 : 0).c_str());
    }

    std::mt19937 random_;
    Model model_;
    std::string trace_;
};

TEST_F(CatalogModelTest, RandomHistoriesAreLikeTheModel) {
    const char* one = std::getenv("ORACXFS_SEED");  // NOLINT(concurrency-mt-unsafe)
    if (one != nullptr) {
        run(static_cast<std::uint32_t>(std::strtoul(one, nullptr, 10)), 400);
        return;
    }
    const char* many = std::getenv("ORACXFS_SEEDS");  // NOLINT(concurrency-mt-unsafe)
    const std::uint32_t seeds = many != nullptr ? static_cast<std::uint32_t>(std::strtoul(many, nullptr, 10)) : 3;
    for (std::uint32_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
        catalog_.reset();
        for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path() + suffix);
        reopen();
        run(seed, 200);
    }
}

}  // namespace
}  // namespace oracxfs::test
