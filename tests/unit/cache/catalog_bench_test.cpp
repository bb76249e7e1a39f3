// Times of the calls that users feel, printed, never asserted. By hand:
//   test_unit_cache --gtest_also_run_disabled_tests --gtest_filter='CatalogBench.*'

#include <chrono>
#include <cstdio>
#include <ctime>
#include <thread>

#include "cache/sqlite.h"
#include "tests/unit/cache/catalog_fixture.h"

namespace oracxfs::test {
namespace {

class CatalogBench : public CatalogTest {
  protected:
    template <class Work>
    void measure(const char* what, int times, Work work) {
        const auto wall = std::chrono::steady_clock::now();
        const std::clock_t cpu = std::clock();
        for (int i = 0; i < times; ++i) work(i);
        const double cpu_ms = 1e3 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
        const double wall_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - wall).count();
        std::printf("%-46s %10.4f ms CPU %10.4f ms wall (of %d)\n", what, cpu_ms / times, wall_ms / times, times);
    }
    // `count` verified files in the root, made with SQL in one transaction.
    void fill(int count) {
        catalog_.reset();
        {
            auto db = sqlite::Database::open({.path = path()});
            ASSERT_THAT(db, IsOk());
            const std::string n = std::to_string(count);
            ASSERT_THAT(
                (*db)->execute(
                    "BEGIN;"
                    "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM c WHERE i<" + n + ") INSERT INTO node SELECT 1, "
                    "CAST(printf('picture-%08d.jpg', i) AS BLOB), 1000+i, 'file', 420, 0, 0, i, i, i, i, 65536*3, 0, 0 FROM c;"
                    "INSERT INTO version SELECT version, id, 'current', 1, size, randomblob(32), '', 0, NULL FROM node WHERE id>1;"
                    "INSERT INTO digest SELECT id, NULL, x'', 0, randomblob(48) FROM version;"
                    "INSERT INTO replica SELECT n.version, p.id, 'verified', n.name, x'', 0, NULL, '', '', 'id', 'rev', 0, 1, n.size "
                    "FROM node n, provider p WHERE n.id>1;"
                    "UPDATE installation SET next_node = 1000000, next_version = 1000000;"
                    "COMMIT"),
                IsOk());
        }
        reopen();
    }
};

TEST_F(CatalogBench, DISABLED_HundredThousandFiles) {
    std::vector<ProviderId> all = {provider("a"), provider("b"), provider("c")};
    fill(100'000);
    measure("open (clean, quick_check)", 3, [&](int) { reopen(); });
    measure("children of 100,000", 5, [&](int) { ASSERT_EQ(catalog_->children(kRootNode)->size(), 100'000u); });
    measure("child", 20'000, [&](int i) {
        ASSERT_TRUE(*catalog_->child(kRootNode, "picture-000" + std::to_string(10'000 + i) + ".jpg"));
    });
    measure("node", 20'000, [&](int i) { ASSERT_TRUE(catalog_->node(NodeId{1001 + i})); });
    measure("version", 20'000, [&](int i) { ASSERT_TRUE(catalog_->version(VersionId{1 + i})); });
    measure("replicas", 20'000, [&](int i) { ASSERT_TRUE(catalog_->replicas(VersionId{1 + i})); });
    measure("commit_version, 3 replicas, new file", 500, [&](int i) { write("new" + std::to_string(i), all); });
    measure("commit_version, 3 replicas, again", 500, [&](int i) { write("new" + std::to_string(i), all); });
    measure("reserve + commit of 100 MiB (1,600 leaves)", 50, [&](int i) { write("big" + std::to_string(i), all, {.size = 100 << 20}); });
    measure("due_replicas, 64 of 550", 100, [&](int) { ASSERT_EQ(catalog_->due_replicas(all[0], now(), {})->size(), 64u); });
    const auto jobs = catalog_->due_replicas(all[0], now(), {}).value();
    measure("record, lazy, one row", 64, [&](int i) {
        const ReplicaJob& job = jobs[static_cast<std::size_t>(i)];
        verified(job.row.version, all[0], job.want_key);
    });
    measure("append_event", 2'000, [&](int) {
        EventRow event;
        event.level = "info";
        ASSERT_TRUE(catalog_->append_event(event));
    });
    measure("set_attributes", 2'000, [&](int i) {
        NodeRow node = catalog_->node(NodeId{1001 + i}).value();
        ASSERT_TRUE(catalog_->set_attributes(node));
    });
    measure("remove_node", 200, [&](int i) { ASSERT_TRUE(catalog_->remove_node(NodeId{1001 + i})); });
    measure("collect_dead_versions", 5, [&](int) { ASSERT_TRUE(catalog_->collect_dead_versions()); });
    measure("tree_counts", 5, [&](int) { ASSERT_TRUE(catalog_->tree_counts()); });
    measure("counts", 5, [&](int) { ASSERT_TRUE(catalog_->counts()); });
    measure("presence of 100,000", 3, [&](int) { ASSERT_TRUE(catalog_->presence(kRootNode)); });
    measure("known_objects", 3, [&](int) { ASSERT_TRUE(catalog_->known_objects(all[1])); });
    measure("list_replicas", 1, [&](int) { ASSERT_TRUE(catalog_->list_replicas("")); });
    measure("pending_versions", 5, [&](int) { ASSERT_TRUE(catalog_->pending_versions("")); });
    measure("configure_provider: 100,000 due rows", 1, [&](int) { all.push_back(provider("late")); });
    measure("due_replicas, 64 of 100,000", 100, [&](int) { ASSERT_EQ(catalog_->due_replicas(all[3], now(), {})->size(), 64u); });
    Catalog::DueFilter large;
    large.min_size = 1ull << 40;
    measure("due_replicas, none of 100,000 is large", 20, [&](int) { ASSERT_TRUE(catalog_->due_replicas(all[3], now(), large)->empty()); });
    measure("due_replicas, 100,000 wait", 100, [&](int) { ASSERT_TRUE(catalog_->due_replicas(all[3], now() - Millis(1), {})->empty()); });
    measure("make_due of 100,000", 1, [&](int) { ASSERT_TRUE(catalog_->make_due(all[3], now() - Millis(5))); });
    measure("checkpoint", 1, [&](int) { ASSERT_TRUE(catalog_->checkpoint()); });
}

TEST_F(CatalogBench, DISABLED_ManyWriters) {
    const std::vector<ProviderId> all = {provider("a"), provider("b"), provider("c")};
    for (const int threads : {1, 2, 8}) {
        constexpr int kEach = 200;
        const auto begin = std::chrono::steady_clock::now();
        {
            std::vector<std::jthread> running;
            for (int t = 0; t < threads; ++t)
                running.emplace_back([&, t] {
                    for (int i = 0; i < kEach; ++i)
                        write(std::to_string(threads) + "-" + std::to_string(t) + "-" + std::to_string(i), all);
                });
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        std::printf("%d threads: %.0f durable commits/s\n", threads, threads * kEach / seconds);
    }
}

}  // namespace
}  // namespace oracxfs::test
