// The activity log: numbers that never begin anew, files that stay bounded, a disk that is full, subscribers.

#include "tools/activity/activity_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "tests/support/fake_clock.h"
#include "tests/support/lossy_disk.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/activity/activity_files.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class ActivityLogTest : public testing::Test {
  protected:
    ActivityLogTest() {
        EXPECT_THAT(disk_.make_directories("/state"), IsOk());
        options_.directory = "/state";
        reopen();
    }
    void reopen() {
        log_.reset();
        auto opened = ActivityLog::open(disk_, clock_, options_);
        ASSERT_THAT(opened, IsOk());
        log_ = std::move(*opened);
    }
    static ActivityEntry entry(const std::string& message, std::string category = "service") {
        ActivityEntry made;
        made.category = std::move(category);
        made.kind = "word";
        made.message = message;
        return made;
    }
    void publish(const std::string& message) {
        log_->publish(entry(message));
        log_->flush();
    }
    void publish(int from, int to) {
        for (int i = from; i <= to; ++i) log_->publish(entry(std::to_string(i)));
        log_->flush();
    }
    static std::vector<std::string> messages(const std::vector<ActivityEntry>& entries) {
        std::vector<std::string> all;
        for (const ActivityEntry& one : entries) all.push_back(std::to_string(one.seq) + " " + one.message);
        return all;
    }
    std::vector<std::string> newest(std::size_t limit, std::uint64_t before = 0, const ActivityFilter& filter = {}) {
        const auto page = log_->read(filter, limit, before);
        EXPECT_THAT(page, IsOk());
        return page ? messages(page->entries) : std::vector<std::string>{};
    }
    std::vector<std::string> rotated() {
        std::vector<std::string> names;
        const auto files = rotated_activity(disk_, "/state");
        EXPECT_THAT(files, IsOk());
        for (const RotatedActivity& file : *files) names.push_back(file.name);
        return names;
    }
    std::string text() {
        const auto content = read_activity_text(disk_, "/state/activity.jsonl");
        EXPECT_THAT(content, IsOk());
        return (*content)->text;
    }

    FakeClock clock_;
    LossyDisk disk_;
    ActivityOptions options_;
    std::unique_ptr<ActivityLog> log_;
};

TEST_F(ActivityLogTest, WhatWasWrittenIsReadAgainWithAllThatItHolds) {
    ActivityEntry full = entry("two copies", "repair");
    full.level = ActivityLevel::warning;
    full.providers = {"a", "nas"};
    full.run = "r-7";
    full.path = "d/\xff.txt";
    full.code = "E-VERIFY";
    full.args = Json::object({{"count", 2}});
    log_->publish(full);
    log_->flush();
    options_.ring = 1;  // from the file
    reopen();
    publish("later");
    const auto page = log_->read({}, 10, 2);
    ASSERT_THAT(page, IsOk());
    ASSERT_THAT(page->entries, SizeIs(1));
    const ActivityEntry& read = page->entries.front();
    EXPECT_EQ(read.seq, 1u);
    EXPECT_EQ(read.at, clock_.wall());
    EXPECT_EQ(read.level, ActivityLevel::warning);
    EXPECT_EQ(read.category, "repair");
    EXPECT_EQ(read.kind, "word");
    EXPECT_THAT(read.providers, ElementsAre("a", "nas"));
    EXPECT_EQ(read.run, "r-7");
    EXPECT_EQ(read.path, "d/\xff.txt");
    EXPECT_EQ(read.code, "E-VERIFY");
    EXPECT_EQ(read.message, "two copies");
    EXPECT_EQ(read.args, full.args);
}

TEST_F(ActivityLogTest, NumbersGoOnOverRestartsAndRotations) {
    options_.rotate_bytes = 1'000;
    reopen();
    publish(1, 12);
    EXPECT_FALSE(rotated().empty());
    reopen();
    publish(13, 14);
    EXPECT_THAT(newest(3), ElementsAre("12 12", "13 13", "14 14"));
}

TEST_F(ActivityLogTest, ALogWhoseFilesAreGoneGoesOnWhereItIsTold) {
    publish(1, 3);
    log_.reset();
    ASSERT_THAT(disk_.remove("/state/activity.jsonl"), IsOk());
    options_.first_seq = 4;
    reopen();
    publish("four");
    EXPECT_THAT(newest(9), ElementsAre("4 four"));
}

TEST_F(ActivityLogTest, FilesAreBoundedInSizeAndNumber) {
    options_.rotate_bytes = 2'000;
    options_.rotated_files = 3;
    reopen();
    publish(1, 200);
    EXPECT_THAT(rotated(), SizeIs(3));
    for (const auto& files = rotated(); const std::string& name : files) {
        const auto content = read_activity_text(disk_, "/state/" + name);
        ASSERT_THAT(content, IsOk());
        EXPECT_LE((*content)->text.size(), 2'000u);
        EXPECT_EQ(name, rotated_activity_name(activity_from_line((*content)->lines.front())->seq));
    }
    // Through the ring and all the files, without a gap and without a repetition.
    options_.ring = 5;
    reopen();
    const auto page = log_->read({}, 1'000);
    ASSERT_THAT(page, IsOk());
    for (std::size_t i = 1; i < page->entries.size(); ++i) ASSERT_EQ(page->entries[i].seq, page->entries[i - 1].seq + 1);
    EXPECT_EQ(page->entries.back().seq, 200u);
    EXPECT_LT(page->entries.size(), 100u);
    EXPECT_GT(page->entries.size(), 20u);
    EXPECT_EQ(page->older, 0u);
}

TEST_F(ActivityLogTest, AFileThatIsOldIsRotatedAndForgottenLater) {
    options_.rotate_age = Millis(86'400'000);
    reopen();
    publish("monday");
    clock_.advance(Millis(90'000'000));
    publish("tuesday");
    EXPECT_THAT(rotated(), ElementsAre("activity-000000000001.jsonl"));
    log_->forget(clock_.wall() - Millis(90'000'000));
    EXPECT_THAT(rotated(), SizeIs(1)) << "it is just as old as what is kept";
    log_->forget(clock_.wall() - Millis(80'000'000));
    EXPECT_THAT(rotated(), IsEmpty());
    EXPECT_THAT(newest(9), ElementsAre("2 tuesday"));
    EXPECT_EQ(text().find("monday"), std::string::npos);
}

TEST_F(ActivityLogTest, PagesGoBackByCursor) {
    options_.ring = 3;
    reopen();
    publish(1, 10);
    const auto first = log_->read({}, 4);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(messages(first->entries), ElementsAre("7 7", "8 8", "9 9", "10 10"));
    EXPECT_EQ(first->older, 7u);
    EXPECT_THAT(newest(4, first->older), ElementsAre("3 3", "4 4", "5 5", "6 6"));
    const auto last = log_->read({}, 4, 3);
    EXPECT_THAT(messages(last->entries), ElementsAre("1 1", "2 2"));
    EXPECT_EQ(last->older, 0u);
}

TEST_F(ActivityLogTest, FiltersChooseByWhatALineSays) {
    ActivityEntry warned = entry("warned", "provider");
    warned.level = ActivityLevel::warning;
    warned.providers = {"nas"};
    log_->publish(warned);
    ActivityEntry failed = entry("failed", "run");
    failed.level = ActivityLevel::error;
    failed.run = "r-2";
    log_->publish(failed);
    ActivityEntry many = entry("many", "file");
    many.args = Json::object({{"paths", Json::array().push(Json::object({{"path", "d/one"}}))}});
    log_->publish(many);
    log_->flush();
    const auto found = [&](auto set) {
        ActivityFilter filter;
        set(filter);
        return newest(9, 0, filter);
    };
    EXPECT_THAT(found([](auto& f) { f.at_least = ActivityLevel::warning; }), ElementsAre("1 warned", "2 failed"));
    EXPECT_THAT(found([](auto& f) { f.at_least = ActivityLevel::error; }), ElementsAre("2 failed"));
    EXPECT_THAT(found([](auto& f) { f.provider = "nas"; }), ElementsAre("1 warned"));
    EXPECT_THAT(found([](auto& f) { f.provider = "na"; }), IsEmpty());
    EXPECT_THAT(found([](auto& f) { f.run = "r-2"; }), ElementsAre("2 failed"));
    EXPECT_THAT(found([](auto& f) { f.category = "file"; }), ElementsAre("3 many"));
    EXPECT_THAT(found([](auto& f) { f.path = "d/one"; }), ElementsAre("3 many"));
    EXPECT_THAT(found([&](auto& f) { f.since = clock_.wall() + Millis(1); }), IsEmpty());
}

TEST_F(ActivityLogTest, WhoAsksForWhatIsNewGetsNothingElse) {
    options_.ring = 3;
    options_.rotate_bytes = 1'000;
    reopen();
    publish(1, 20);
    const auto after = [&](std::uint64_t seq, std::size_t limit) {
        ActivityFilter filter;
        filter.after_seq = seq;
        return newest(limit, 0, filter);
    };
    EXPECT_THAT(after(20, 100), IsEmpty());
    EXPECT_THAT(after(18, 100), ElementsAre("19 19", "20 20"));
    EXPECT_THAT(after(5, 100), SizeIs(15));
    EXPECT_THAT(after(5, 2), ElementsAre("19 19", "20 20"));
}

TEST_F(ActivityLogTest, HalfALineThatACrashLeftIsCutOff) {
    publish("whole");
    log_.reset();
    {
        const auto file = disk_.open("/state/activity.jsonl", OpenMode::read_write);
        ASSERT_THAT(file, IsOk());
        ASSERT_THAT((*file)->write_at((*file)->size().value(), std::as_bytes(std::span("{\"seq\":2,\"at\":", 14))), IsOk());
    }
    EXPECT_THAT(messages(read_activity(disk_, "/state", {}, 9)->entries), ElementsAre("1 whole"));
    reopen();
    publish("next");
    EXPECT_THAT(newest(9), ElementsAre("1 whole", "2 next"));
    EXPECT_EQ(text().find("\"at\":{"), std::string::npos);
}

TEST_F(ActivityLogTest, AFullDiskKeepsEntriesWaitingAndNobodyElse) {
    publish("before");
    disk_.limit_free_bytes(0);
    publish("while it was full" + std::string(5'000, ' '));  // more than the page holds that the file has already
    EXPECT_EQ(log_->health().waiting, 1u);
    EXPECT_FALSE(log_->health().error.empty());
    EXPECT_THAT(newest(9), ElementsAre("1 before", StartsWith("2 while it was full"))) << "it is shown all the same";
    disk_.limit_free_bytes(std::nullopt);
    publish("after");
    EXPECT_EQ(log_->health().waiting, 0u);
    EXPECT_EQ(log_->health().error, "");
    reopen();
    EXPECT_THAT(newest(9), ElementsAre("1 before", StartsWith("2 while it was full"), "3 after"));
}

TEST_F(ActivityLogTest, WhatAFullDiskMadeUsGiveUpIsCounted) {
    disk_.limit_free_bytes(0);
    publish(1, 10'050);
    const auto health = log_->health();
    EXPECT_LE(health.waiting, 10'000u);
    EXPECT_GE(health.lost, 50u);
    disk_.limit_free_bytes(std::nullopt);
    log_->flush();
    options_.ring = 1;
    reopen();
    ActivityFilter warnings;
    warnings.at_least = ActivityLevel::warning;
    const auto told = newest(1, 0, warnings);
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_NE(told.front().find("lost"), std::string::npos) << told.front();
}

TEST_F(ActivityLogTest, SecretsAreNotWritten) {
    log::redact_value("correct-horse-battery");
    ActivityEntry told = entry("password is correct-horse-battery");
    told.args = Json::object({{"list", Json::array().push("correct-horse-battery")}});
    log_->publish(told);
    log_->flush();
    EXPECT_EQ(text().find("horse"), std::string::npos);
}

class Heard {
  public:
    ActivityLog::Listener listener() {
        return [this](const ActivityEntry& entry) {
            const std::lock_guard lock(mutex_);
            seqs_.push_back(entry.seq);
        };
    }
    std::vector<std::uint64_t> seqs() {
        const std::lock_guard lock(mutex_);
        return seqs_;
    }

  private:
    std::mutex mutex_;
    std::vector<std::uint64_t> seqs_;
};

TEST_F(ActivityLogTest, ASubscriberGetsWhatItMissedAndThenWhatIsNew) {
    publish(1, 3);
    Heard heard;
    const auto subscription = log_->subscribe(1, heard.listener());
    EXPECT_FALSE(subscription->missed());
    EXPECT_THAT(heard.seqs(), ElementsAre(2, 3));
    publish("new");
    EXPECT_THAT(heard.seqs(), ElementsAre(2, 3, 4));
}

TEST_F(ActivityLogTest, ASubscriberWhoWasAwayTooLongIsTold) {
    options_.ring = 2;
    reopen();
    publish(1, 5);
    Heard heard;
    EXPECT_TRUE(log_->subscribe(2, heard.listener())->missed());
    EXPECT_THAT(heard.seqs(), ElementsAre(4, 5));
    EXPECT_FALSE(log_->subscribe(3, heard.listener())->missed());
    EXPECT_TRUE(log_->subscribe(77, heard.listener())->missed()) << "a number of another log";
}

TEST_F(ActivityLogTest, TheRingIsFilledFromTheFilesAtTheStart) {
    publish(1, 3);
    reopen();
    Heard heard;
    EXPECT_FALSE(log_->subscribe(0, heard.listener())->missed());
    EXPECT_THAT(heard.seqs(), ElementsAre(1, 2, 3));
}

TEST_F(ActivityLogTest, WhoEndedItsSubscriptionHearsNoMore) {
    Heard heard;
    log_->subscribe(0, heard.listener()).reset();
    publish("x");
    EXPECT_THAT(heard.seqs(), IsEmpty());
}

TEST_F(ActivityLogTest, AListenerMayPublish) {
    const auto subscription = log_->subscribe(0, [&](const ActivityEntry& heard) {
        if (heard.message == "ask") log_->publish(entry("answer"));
    });
    publish("ask");
    log_->flush();
    EXPECT_THAT(newest(9), ElementsAre("1 ask", "2 answer"));
}

TEST_F(ActivityLogTest, ManyPublishersGetManyNumbers) {
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 250; ++i) log_->publish(entry("x"));
            });
    }
    log_->flush();
    const auto page = log_->read({}, 2'000);
    ASSERT_THAT(page->entries, SizeIs(1'000));
    for (std::size_t i = 0; i < 1'000; ++i) ASSERT_EQ(page->entries[i].seq, i + 1);
}

TEST(ActivityFile, IsForItsOwnerOnly) {
    const TempDir directory;
    FakeClock clock;
    SystemDisk disk;
    ActivityOptions options;
    options.directory = directory.path();
    const auto log = ActivityLog::open(disk, clock, options);
    ASSERT_THAT(log, IsOk());
    struct stat status {};
    ASSERT_EQ(::stat((directory / "activity.jsonl").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace oracxfs::test
