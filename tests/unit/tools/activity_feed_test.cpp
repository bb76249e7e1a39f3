// From the catalogue's events to the log: merged, each once, also when a program died in between. And those who follow.

#include "tools/activity/event_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"
#include "tools/activity/activity_follow.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kSingles = EventMerger::kSingles;

// --- merging -------------------------------------------------------------------------------------------------------------

class EventMergerTest : public testing::Test {
  protected:
    ActivityEntry file(const std::string& path, std::string kind = "verified", std::string message = "1024 bytes, at every active provider: a") {
        EventRow event;
        event.id = ++id_;
        event.level = "info";
        event.kind = std::move(kind);
        event.provider = "a";
        event.path = path;
        event.message = std::move(message);
        return activity_from_event(event, {});
    }
    void add(ActivityEntry entry) { keep(merger_.add(std::move(entry), clock_.steady())); }
    void pass(Millis time, bool all = false) {
        clock_.advance(time);
        keep(merger_.due(clock_.steady(), all));
    }
    void keep(std::vector<ActivityEntry> entries) {
        for (ActivityEntry& entry : entries) out_.push_back(std::move(entry));
    }
    std::vector<std::string> told() const {
        std::vector<std::string> lines;
        for (const ActivityEntry& entry : out_) lines.push_back(entry.path + ": " + entry.message);
        return lines;
    }

    FakeClock clock_;
    EventMerger merger_;
    std::int64_t id_ = 0;
    std::vector<ActivityEntry> out_;
};

TEST_F(EventMergerTest, AFewFilesAreToldOneByOneAndAtOnce) {
    for (int i = 0; i < kSingles; ++i) add(file("f" + std::to_string(i)));
    EXPECT_THAT(out_, SizeIs(kSingles));
    EXPECT_EQ(out_[2].path, "f2");
    EXPECT_EQ(out_[2].events_through, 3);
    pass(Millis(60'000));
    EXPECT_THAT(out_, SizeIs(kSingles));
    EXPECT_FALSE(merger_.next());
}

TEST_F(EventMergerTest, TenThousandFilesAreAHandfulOfLines) {
    for (int i = 0; i < 10'000; ++i) {
        add(file("f" + std::to_string(i)));
        pass(Millis(12));  // two minutes of it
    }
    pass(Millis(120'000));
    EXPECT_LE(out_.size(), kSingles + 6u);
    std::int64_t files = 0;
    for (const ActivityEntry& entry : out_) files += entry.args["count"].as_int(1);
    EXPECT_EQ(files, 10'000);
    EXPECT_EQ(out_.back().events_through, 10'000);
    EXPECT_THAT(told().at(kSingles), testing::MatchesRegex(": [0-9]+ files, [0-9.]+ [KM]iB, at every active provider: a"));
    EXPECT_THAT(out_[kSingles].args["paths"].items(), SizeIs(5));
    EXPECT_EQ(out_[kSingles].args["paths"].items()[0]["path"].as_string(), "f10");
}

TEST_F(EventMergerTest, OneThatIsHeldBackAloneIsToldAsItIs) {
    for (int i = 0; i <= kSingles; ++i) add(file("f" + std::to_string(i)));
    EXPECT_EQ(out_.back().events_through, kSingles);
    pass(Millis(5'000));
    ASSERT_THAT(out_, SizeIs(kSingles + 1));
    EXPECT_EQ(out_.back().path, "f10");
}

TEST_F(EventMergerTest, WhatIsAboutOtherThingsIsNotHeldBack) {
    for (int i = 0; i < kSingles + 7; ++i) add(file("f"));
    add(file("bad", "damaged", "the copy did not match its hash; it is replaced"));
    EXPECT_EQ(out_.back().path, "bad");
    EXPECT_EQ(out_.back().events_through, kSingles) << "the seven are not written yet: a crash must not lose them";
    ActivityEntry plain = file("", "daemon", "started");
    add(plain);
    EXPECT_EQ(out_.back().message, "started");
}

TEST_F(EventMergerTest, ManyOfAnotherKindSayWhatHappenedToThem) {
    for (int i = 0; i < kSingles + 4; ++i) add(file("f", "healed", "replica is good again"));
    pass(Millis(0), true);
    EXPECT_EQ(out_.back().message, "4 files: replica is good again");
    EXPECT_EQ(out_.back().category, "repair");
}

TEST_F(EventMergerTest, AtTheEndEverythingIsTold) {
    for (int i = 0; i < kSingles + 2; ++i) add(file("f"));
    for (int i = 0; i < kSingles + 2; ++i) add(file("g", "stored", "7 bytes, on the way to 1 provider"));
    pass(Millis(0), true);
    ASSERT_THAT(out_, SizeIs(2 * kSingles + 2));
    EXPECT_EQ(out_[2 * kSingles].events_through, 2 * kSingles + 2) << "the last two follow";
    EXPECT_EQ(out_[2 * kSingles + 1].events_through, 2 * kSingles + 4);
}

TEST(EventWords, ARunBringsItsNumberAndItsResults) {
    EventRow event;
    event.level = "warning";
    event.kind = "run_partial";
    event.path = "p.zip";
    event.message = "run r-42 partial, 1 of 2 copies verified, 3 KiB: nas: offline";
    std::int64_t asked = 0;
    const ActivityEntry entry = activity_from_event(event, [&](std::int64_t run) {
        asked = run;
        return Json::object({{"providers", Json::array().push(Json::object({{"provider", "a"}})).push(Json::object({{"provider", "nas"}}))}});
    });
    EXPECT_EQ(asked, 42);
    EXPECT_EQ(entry.run, "r-42");
    EXPECT_EQ(entry.category, "run");
    EXPECT_THAT(entry.providers, ElementsAre("a", "nas"));
}

// --- the feed ------------------------------------------------------------------------------------------------------------

class EventFeedTest : public testing::Test {
  protected:
    EventFeedTest() { open(); }
    ~EventFeedTest() override { close(); }

    void open() {
        CatalogOptions options;
        options.path = directory_ / "catalog.db";
        options.clock = &clock_;
        options.on_event = [bell = bell_] { bell->ring(); };
        catalog_ = std::move(*Catalog::open(options));
        ActivityOptions activity;
        activity.directory = directory_.path();
        activity.first_seq = EventFeed::first_seq(*catalog_);
        log_ = std::move(*ActivityLog::open(disk_, clock_, activity));
        feed_ = std::make_unique<EventFeed>(*catalog_, *log_, clock_, bell_, nullptr);
    }
    void close() {
        feed_.reset();
        log_.reset();
        catalog_.reset();
    }
    void happens(const std::string& message, const std::string& path = "") {
        EventRow event;
        event.level = "info";
        event.kind = path.empty() ? "daemon" : "healed";
        event.path = path;
        event.message = message;
        ASSERT_THAT(catalog_->append_event(event), IsOk());
    }
    std::vector<std::string> told() {
        std::vector<std::string> lines;
        const auto page = log_->read({}, 100);
        EXPECT_THAT(page, IsOk());
        for (const ActivityEntry& entry : page->entries) lines.push_back(std::to_string(entry.seq) + " " + entry.path + entry.message);
        return lines;
    }

    TempDir directory_;
    SystemClock clock_;
    SystemDisk disk_;
    std::shared_ptr<EventBell> bell_ = std::make_shared<EventBell>();
    std::unique_ptr<Catalog> catalog_;
    std::unique_ptr<ActivityLog> log_;
    std::unique_ptr<EventFeed> feed_;
};

TEST_F(EventFeedTest, WhoReadsSeesWhatJustHappened) {
    happens("one");
    EXPECT_THAT(told(), ElementsAre("1 one"));
    happens("two");
    EXPECT_THAT(told(), ElementsAre("1 one", "2 two"));
}

TEST_F(EventFeedTest, SubscribersAreToldWithoutAsking) {
    std::mutex mutex;
    std::condition_variable changed;
    std::string heard;
    const auto subscription = log_->subscribe(0, [&](const ActivityEntry& entry) {
        const std::lock_guard lock(mutex);
        heard = entry.message;
        changed.notify_all();
    });
    happens("news");
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, patient(Millis(10'000)), [&] { return heard == "news"; }));
}

TEST_F(EventFeedTest, WhatWasHeldBackIsToldAtTheEndAndNothingTwice) {
    for (int i = 0; i < kSingles + 3; ++i) happens(" is good", "f" + std::to_string(i));
    close();
    open();
    const auto lines = told();
    ASSERT_THAT(lines, SizeIs(kSingles + 1));
    EXPECT_EQ(lines.front(), "1 f0 is good");
    EXPECT_EQ(lines.back(), "11 3 files:  is good");
}

TEST_F(EventFeedTest, WhatHappenedWithoutALogIsToldByTheNextOne) {
    happens("one");
    feed_.reset();
    happens("by a command that does not open the log");
    close();
    open();
    EXPECT_THAT(told(), ElementsAre("1 one", "2 by a command that does not open the log"));
}

TEST_F(EventFeedTest, ANewCatalogueBeginsItsEventsAnewAndTheLogGoesOn) {
    happens("one");
    happens("two");
    close();
    std::filesystem::remove(directory_ / "catalog.db");
    open();
    happens("three");
    EXPECT_THAT(told(), ElementsAre("1 one", "2 two", "3 three"));
    close();
    open();
    happens("four");
    EXPECT_THAT(told(), ElementsAre("1 one", "2 two", "3 three", "4 four"));
}

TEST_F(EventFeedTest, ARemovedLogIsNotFilledWithThePast) {
    happens("one");
    close();
    std::filesystem::remove(directory_ / "activity.jsonl");
    open();
    happens("two");
    EXPECT_THAT(told(), ElementsAre("2 two"));
}

// --- following -----------------------------------------------------------------------------------------------------------

class Follower {
  public:
    Follower(const std::string& directory, std::uint64_t after) {
        auto opened = ActivityFollower::open(directory, after);
        EXPECT_THAT(opened, IsOk());
        thread_ = std::jthread([this, follower = std::make_shared<ActivityFollower>(std::move(*opened))](const std::stop_token& stop) {
            EXPECT_THAT(follower->run(stop,
                                      [this](const ActivityEntry& entry) {
                                          const std::lock_guard lock(mutex_);
                                          seqs_.push_back(entry.seq);
                                          changed_.notify_all();
                                      }),
                        IsOk());
        });
    }
    std::vector<std::uint64_t> wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patient(Millis(20'000)), [&] { return seqs_.size() >= count; });
        return seqs_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::uint64_t> seqs_;
    std::jthread thread_;
};

TEST(ActivityFollowing, GoesOnThroughRotationsAndRestarts) {
    const TempDir directory;
    FakeClock clock;
    SystemDisk disk;
    ActivityOptions options;
    options.directory = directory.path();
    options.rotate_bytes = 2'000;
    options.rotated_files = 100;
    auto log = std::move(*ActivityLog::open(disk, clock, options));
    const auto publish = [&](int count) {
        for (int i = 0; i < count; ++i) {
            ActivityEntry entry;
            entry.message = "x";
            log->publish(entry);
        }
        log->flush();
    };
    publish(3);
    Follower follower(directory.path(), 2);
    EXPECT_THAT(follower.wait_for(1), ElementsAre(3));
    publish(200);  // many files
    EXPECT_THAT(follower.wait_for(201), SizeIs(201));
    log.reset();
    log = std::move(*ActivityLog::open(disk, clock, options));
    publish(50);
    const auto seqs = follower.wait_for(251);
    ASSERT_THAT(seqs, SizeIs(251));
    for (std::size_t i = 0; i < seqs.size(); ++i) ASSERT_EQ(seqs[i], i + 3);
}

TEST(ActivityFollowing, BeginsBeforeThereIsAFile) {
    const TempDir directory;
    Follower follower(directory.path(), 0);
    FakeClock clock;
    SystemDisk disk;
    ActivityOptions options;
    options.directory = directory.path();
    const auto log = std::move(*ActivityLog::open(disk, clock, options));
    ActivityEntry entry;
    entry.message = "first";
    log->publish(entry);
    EXPECT_THAT(follower.wait_for(1), ElementsAre(1));
}

}  // namespace
}  // namespace oracxfs::test
