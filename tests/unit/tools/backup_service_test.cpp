// Whose turn it is: asking for a run while another one begins, works, has ended or clears up.

#include "tools/backup/backup_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

#include "base/log.h"
#include "tests/support/file_system_stack.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"
#include "tools/config/document.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;

// Where a run is held.
enum class Moment { nowhere, beginning, working, ended, clearing_up };

class BackupServiceTest : public testing::Test {
  protected:
    void SetUp() override {
        log::Options quiet;
        quiet.level = log::Level::error;
        log::configure(quiet);
        std::filesystem::create_directory(dir_ / "source");
        std::ofstream(dir_ / "source/file") << "content";
        const auto document = ConfigDocument::parse(R"({"backup": {"include_metadata": false, "sources": [{"path": ")" + (dir_ / "source") + R"("}]}})", "cloud_config.json");
        ASSERT_THAT(document, IsOk());
        auto made = make_config(*document, [](const std::string&) { return std::optional<std::string>(); });
        ASSERT_THAT(made, IsOk());
        config_ = std::make_shared<const Config>(std::move(*made));
        stack_ = std::make_unique<FileSystemStack>(dir_ / "home", 1);
        BackupEnvironment environment{*stack_->catalog, *stack_->filesystem, *stack_->replicator, stack_->clock, [this] { return config(); },
                                      [](const std::string& name) -> Result<std::string> { return fail(Errc::not_found, name); }, {}, {}, dir_ / "packing"};
        service_ = std::make_unique<BackupService>(std::move(environment));
        service_->observe([this](const Json& event) {
            const std::string& type = event["type"].as_string();
            if (type == "run_started") pass(Moment::working);
            if (type != "run_ended") return;
            run_ended_ = true;
            pass(Moment::ended);
        });
        service_->start();
    }
    void TearDown() override {
        let_go();
        service_.reset();
    }

    // The first run that comes by waits there until let_go().
    void hold_at(Moment moment) { moment_ = moment; }
    void wait_until_held() { held_.get_future().wait(); }
    void let_go() {
        if (!open_.exchange(true)) free_.set_value();
    }

    std::future<Result<Json>> ask(const std::string& label = "") {
        return std::async(std::launch::async, [this, label] {
            asks_ = true;
            return service_->sync({label, true}, {}, {});
        });
    }
    // By somebody who does not want to wait: only what is known at once is an answer.
    Result<Json> ask_without_patience() {
        asks_ = true;
        std::stop_source stop;
        stop.request_stop();
        return service_->sync({"", true}, {stop.get_token(), std::nullopt}, {});
    }
    void expect_a_turn_after(Moment moment) {
        hold_at(moment);
        auto first = ask("first");
        wait_until_held();
        EXPECT_THAT(ask_without_patience(), HasCode(Errc::cancelled));
        auto second = ask("second");
        let_go();
        const auto one = first.get(), two = second.get();
        ASSERT_THAT(one, IsOk());
        ASSERT_THAT(two, IsOk());
        EXPECT_EQ((*one)["run"].as_string(), "r-1");
        EXPECT_EQ((*one)["label"].as_string(), "first");
        EXPECT_EQ((*two)["run"].as_string(), "r-2");
        EXPECT_EQ((*two)["label"].as_string(), "second");
        EXPECT_EQ((*two)["state"].as_string(), "succeeded") << two->dump();
    }

    TempDir dir_;
    std::unique_ptr<BackupService> service_;

  private:
    std::shared_ptr<const Config> config() {
        // Who asks for a run looks at the settings, too. Of the others the scheduler's thread is the first; then only runs do.
        if (asks_) return config_;
        std::thread::id nobody;
        const bool is_first = scheduler_.compare_exchange_strong(nobody, std::this_thread::get_id());
        if (!is_first && scheduler_ != std::this_thread::get_id()) pass(run_ended_ ? Moment::clearing_up : Moment::beginning);
        return config_;
    }
    void pass(Moment moment) {
        if (!moment_.compare_exchange_strong(moment, Moment::nowhere)) return;
        held_.set_value();
        free_.get_future().wait();
    }

    std::shared_ptr<const Config> config_;
    std::unique_ptr<FileSystemStack> stack_;
    std::atomic<Moment> moment_ = Moment::nowhere;
    std::atomic<std::thread::id> scheduler_;
    std::atomic<bool> run_ended_ = false, open_ = false;
    std::promise<void> held_, free_;
    static inline thread_local bool asks_ = false;
};

TEST_F(BackupServiceTest, ARunUnderWayIsNamedToWhoAsksForAnother) {
    hold_at(Moment::working);
    auto first = ask();
    wait_until_held();
    const auto second = ask_without_patience();
    EXPECT_THAT(second, HasCode(Errc::busy));
    EXPECT_THAT(second.error().why, HasSubstr("run r-1 is under way"));
    let_go();
    EXPECT_THAT(first.get(), IsOk());
}

TEST_F(BackupServiceTest, WhoAsksWhileARunBeginsIsToldItsName) {
    hold_at(Moment::beginning);
    auto first = ask();
    wait_until_held();
    EXPECT_THAT(ask_without_patience(), HasCode(Errc::cancelled));  // it has no name yet
    EXPECT_EQ(service_->running(), std::nullopt);
    let_go();
    EXPECT_THAT(first.get(), IsOk());
}

TEST_F(BackupServiceTest, ARunWhoseEndIsOnRecordIsNotUnderWay) { expect_a_turn_after(Moment::ended); }

TEST_F(BackupServiceTest, WhoAsksWhileARunClearsUpGetsTheNextOne) { expect_a_turn_after(Moment::clearing_up); }

TEST_F(BackupServiceTest, OfManyWhoAskAtOnceEachGetsARunOrTheNameOfAnothers) {
    std::vector<std::future<Result<Json>>> all;
    for (int i = 0; i < 8; ++i) all.push_back(ask(std::to_string(i)));
    int own = 0;
    for (int i = 0; i < 8; ++i) {
        const auto answer = all[static_cast<std::size_t>(i)].get();
        if (answer) {
            ++own;
            EXPECT_EQ((*answer)["label"].as_string(), std::to_string(i));
            continue;
        }
        EXPECT_THAT(answer, HasCode(Errc::busy));
        EXPECT_THAT(answer.error().why, HasSubstr("is under way"));
    }
    EXPECT_GE(own, 1);
}

TEST_F(BackupServiceTest, WhoeverWaitsForHisTurnIsTurnedAwayWhenTheServiceStops) {
    hold_at(Moment::clearing_up);
    auto first = ask();
    wait_until_held();
    auto second = ask();
    auto stopping = std::async(std::launch::async, [this] { service_->stop(); });
    let_go();
    stopping.wait();
    EXPECT_THAT(first.get(), IsOk());  // it had ended before
    const auto answer = second.get();  // that it comes back; it may have had its run
    EXPECT_TRUE(answer || answer.error().code == Errc::cancelled) << answer.error().to_string();
}

}  // namespace
}  // namespace oracxfs::test
