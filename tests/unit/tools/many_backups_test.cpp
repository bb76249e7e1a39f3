// Ten thousand backups at five providers in a real catalogue: a page is a page, and not all of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/backup/backup_views.h"
#include "tools/config/document.h"
#include "tools/scheduler/package_name.h"

namespace oracxfs::test {
namespace {

constexpr std::size_t kBackups = 10'000, kProviders = 5, kPage = 500;
constexpr int kWriters = 128;

class ManyBackupsTest : public testing::Test {
  protected:
    static std::string provider_name(std::size_t i) { return "p" + std::to_string(i); }

    void SetUp() override {
        auto opened = Catalog::open({dir_ / "catalog.db", &clock_, Millis(0)});
        ASSERT_THAT(opened, IsOk());
        catalog_ = std::move(*opened);
        std::string providers;
        std::vector<ProviderId> ids;
        for (std::size_t i = 0; i < kProviders; ++i) {
            ids.push_back(catalog_->configure_provider(provider_name(i), "local", true).value());
            providers += (i > 0 ? ", \"" : "\"") + provider_name(i) + R"(": {"type": "local", "path": "/none/)" + provider_name(i) + "\"}";
        }
        const auto document = ConfigDocument::parse("{\"providers\": {" + providers + "}}", "cloud_config.json");
        ASSERT_THAT(document, IsOk());
        auto made = make_config(*document, [](const std::string&) { return std::optional<std::string>(); });
        ASSERT_THAT(made, IsOk());
        config_ = std::make_shared<const Config>(std::move(*made));
        const WallTime newest = clock_.wall();
        // Many at once, so that they share what it costs to be durable.
        std::atomic<std::size_t> next{0};
        {
            std::vector<std::jthread> writers;
            for (int n = 0; n < kWriters; ++n)
                writers.emplace_back([&] {
                    for (std::size_t i = next++; i < kBackups && !HasFailure(); i = next++) add(newest - std::chrono::hours(i), ids, i % 97 == 0);
                });
        }
        ASSERT_FALSE(HasFailure());
        add_backup_views(handlers_, [this] { return StateView{*catalog_, clock_, config_, nullptr, nullptr, {}, false}; });
    }
    void add(WallTime time, const std::vector<ProviderId>& ids, bool damaged) {
        VersionCommit commit;
        commit.node.id = catalog_->reserve_node().value();
        commit.node.parent = kRootNode;
        std::string stamp = format_utc(time);
        std::erase_if(stamp, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
        stamp[stamp.find('T')] = '_';
        commit.node.name = config_->backup.name_prefix + stamp + ".zip";
        ASSERT_TRUE(parse_package_name(config_->backup.name_prefix, commit.node.name)) << commit.node.name;
        commit.version = commit.node.version = catalog_->reserve_version().value();
        commit.node.size = commit.digests.size = 1'000;
        commit.wanted = ids;
        ASSERT_THAT(catalog_->commit_version(commit), IsOk());
        std::vector<ReplicaChange> changes;
        for (const ProviderId id : ids) {
            ReplicaRow row;
            row.version = commit.version;
            row.provider = id;
            row.state = damaged && id == ids.back() ? ReplicaState::damaged : ReplicaState::verified;
            row.key = commit.node.name;
            row.verified_at = time;
            changes.push_back({ReplicaChange::Kind::store, row, std::nullopt});
        }
        ASSERT_THAT(catalog_->record(changes, false), IsOk());
        PackageRow package;
        package.node = commit.node.id;
        package.version = commit.version;
        package.series = catalog_->instance();
        package.made = time;
        ASSERT_THAT(catalog_->record_package(package), IsOk());
    }
    Json page(std::size_t offset, std::size_t limit, Json more = Json::object()) {
        rows_.clear();
        more.set("limit", std::uint64_t{limit});
        more.set("offset", std::uint64_t{offset});
        const auto answer = handlers_.call("backups-list", more, {}, [this](const Json& event) {
            for (const Json& row : event["rows"].items()) rows_.push_back(row);
        });
        EXPECT_THAT(answer, IsOk());
        return answer ? *answer : Json();
    }

    TempDir dir_;
    FakeClock clock_;
    std::unique_ptr<Catalog> catalog_;
    std::shared_ptr<const Config> config_;
    HandlerRegistry handlers_;
    std::vector<Json> rows_;
};

TEST_F(ManyBackupsTest, EachIsOnOnePage) {
    std::set<std::string> names;
    std::string last = "~";
    Millis longest{0};
    for (std::size_t offset = 0; offset < kBackups; offset += kPage) {
        const auto began = std::chrono::steady_clock::now();
        const Json answer = page(offset, kPage);
        longest = std::max(longest, std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began));
        ASSERT_EQ(rows_.size(), kPage);
        EXPECT_EQ(answer["count"].as_int(), std::int64_t{kPage});
        EXPECT_EQ(answer["total"].as_int(), std::int64_t{kBackups});
        EXPECT_EQ(answer["more"].as_bool(), offset + kPage < kBackups);
        for (const Json& row : rows_) {
            EXPECT_EQ(row["replicas"].items().size(), kProviders);
            EXPECT_LT(row["name"].as_string(), last);  // newest first
            last = row["name"].as_string();
            names.insert(last);
        }
    }
    EXPECT_EQ(names.size(), kBackups);
    RecordProperty("longest_page_ms", static_cast<int>(longest.count()));
    std::cout << "the slowest page took " << longest.count() << " ms\n";

    const Json damaged = page(0, 100, Json::object({{"state", "damaged"}, {"provider", "p4"}}));
    EXPECT_EQ(damaged["matching"].as_int(), static_cast<std::int64_t>((kBackups + 96) / 97));
    EXPECT_EQ(rows_.size(), 100u);
}

}  // namespace
}  // namespace oracxfs::test
