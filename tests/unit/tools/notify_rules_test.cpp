// When is somebody told? The rules as a table of histories, without threads and without a clock.

#include "tools/notify/notify_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tools/notify/notice_language.h"
#include "tools/oracxfs/language.h"

namespace oracxfs::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kMinute{60'000}, kHour{3'600'000};

class NotifyRulesTest : public testing::Test {
  protected:
    NotifyRulesTest() {
        settings_.settle = kMinute * 5;
        settings_.remind = kHour * 24;
        facts_.instance = "host01";
        facts_.state = "protected";
        facts_.files = 10;
        facts_.providers = {{"a", "active", "", ""}, {"nas", "active", "", ""}};
    }
    // After so much time, the state of the whole is this; what is told.
    std::vector<std::string> look(Millis later, const std::string& state = "") {
        now_ += later;
        facts_.now = now_;
        if (!state.empty()) facts_.state = state;
        return words(after_look(memory_, facts_, settings_));
    }
    std::vector<std::string> entry(const std::string& category, const std::string& kind, ActivityLevel level = ActivityLevel::info, const std::string& provider = "") {
        ActivityEntry made;
        made.seq = ++seq_;
        made.at = now_;
        made.category = category;
        made.kind = kind;
        made.level = level;
        if (!provider.empty()) made.providers = {provider};
        made.path = "d/f";
        made.run = "r-1";
        made.message = "run r-1 " + kind;
        return words(after_entry(memory_, made, "host01"));
    }
    std::vector<std::string> words(std::vector<Notice> notices) {
        std::vector<std::string> all;
        for (const Notice& one : notices) all.push_back(one.topic + " " + one.kind + (one.reminder ? " again" : ""));
        if (!notices.empty()) last_ = notices.back();
        return all;
    }
    void provider_is(const std::string& state, const std::string& reason = "", const std::string& text = "") { facts_.providers[1] = {"nas", state, reason, text}; }

    WallTime now_ = wall_from_ms(1'795'466'188'000);
    NotifyMemory memory_;
    NotifySettings settings_;
    NotifyFacts facts_;
    Notice last_;
    std::uint64_t seq_ = 0;
};

TEST_F(NotifyRulesTest, NothingIsToldWhileAllIsWell) {
    for (int i = 0; i < 100; ++i) EXPECT_THAT(look(kHour), IsEmpty());
    EXPECT_FALSE(next_look(memory_, settings_));
}

TEST_F(NotifyRulesTest, AWorseStateIsToldOnceWhenItHasSettled) {
    provider_is("offline", "E-UNAVAILABLE", "connect timed out");
    EXPECT_THAT(look(kMinute, "degraded"), IsEmpty());
    EXPECT_EQ(next_look(memory_, settings_), now_ + kMinute * 5);
    EXPECT_THAT(look(kMinute * 4), IsEmpty());
    EXPECT_THAT(look(kMinute), ElementsAre("state degraded"));
    EXPECT_EQ(last_.level, ActivityLevel::warning);
    EXPECT_EQ(last_.title, "host01: DEGRADED");
    EXPECT_THAT(last_.text, HasSubstr("nas is offline: connect timed out."));
    EXPECT_EQ(last_.next, "oracxfs providers test nas");
    EXPECT_THAT(look(kMinute), IsEmpty());
    EXPECT_THAT(look(kHour), IsEmpty());
}

TEST_F(NotifyRulesTest, AShortDipIsNotWorthAMessage) {
    provider_is("offline");
    EXPECT_THAT(look(kMinute, "degraded"), IsEmpty());
    provider_is("active");
    EXPECT_THAT(look(kMinute * 4, "protected"), IsEmpty());
    provider_is("offline");
    EXPECT_THAT(look(kMinute, "degraded"), IsEmpty());
    EXPECT_THAT(look(kMinute * 4), IsEmpty());
    EXPECT_THAT(look(kMinute), SizeIs(1));
}

TEST_F(NotifyRulesTest, GettingWorseIsToldFromEachStateToTheNext) {
    provider_is("offline");
    look(kMinute, "degraded");
    EXPECT_THAT(look(kMinute * 5), ElementsAre("state degraded"));
    EXPECT_THAT(look(kMinute, "at_risk"), IsEmpty());
    EXPECT_THAT(look(kMinute * 5), ElementsAre("state at_risk"));
    EXPECT_EQ(last_.level, ActivityLevel::error);
    EXPECT_EQ(last_.details["before"].as_string(), "degraded");
    look(kMinute, "unprotected");
    EXPECT_THAT(look(kMinute * 5), ElementsAre("state unprotected"));
}

TEST_F(NotifyRulesTest, ABadStateThatWandersStillSettles) {
    provider_is("offline");
    look(Millis(0), "degraded");
    look(kMinute * 2, "at_risk");
    look(kMinute * 2, "degraded");
    EXPECT_THAT(look(kMinute, "at_risk"), ElementsAre("state at_risk"));
}

TEST_F(NotifyRulesTest, RecoveryIsToldWhenItHasSettled) {
    provider_is("offline");
    look(kMinute, "degraded");
    look(kMinute * 5);
    provider_is("active");
    EXPECT_THAT(look(kMinute, "protected"), IsEmpty());
    EXPECT_THAT(look(kMinute * 5), ElementsAre("state recovered"));
    EXPECT_EQ(last_.title, "host01: protected again");
    EXPECT_THAT(look(kHour * 48), IsEmpty());
}

TEST_F(NotifyRulesTest, UploadsThatGetOnAreNoReasonForAMessage) {
    facts_.incomplete = 3;
    facts_.without_copy = 3;
    for (int i = 100; i > 0; --i) {
        facts_.pending_bytes = static_cast<std::uint64_t>(i) << 20;
        EXPECT_THAT(look(kMinute, "at_risk"), IsEmpty()) << i;
    }
    // And stuck uploads are, with every provider up.
    for (int i = 0; i < 4; ++i) EXPECT_THAT(look(kMinute), IsEmpty()) << i;
    EXPECT_THAT(look(kMinute), ElementsAre("state at_risk"));
    EXPECT_THAT(last_.text, HasSubstr("3 of 10 files are without any verified copy"));
}

TEST_F(NotifyRulesTest, UploadsThatGetOnHideNoOtherTrouble) {
    provider_is("offline");
    facts_.incomplete = 3;
    for (int i = 0; i < 5; ++i) {
        facts_.pending_bytes += 1'000;
        EXPECT_THAT(look(kMinute, "degraded"), IsEmpty());
    }
    facts_.pending_bytes += 1'000;
    EXPECT_THAT(look(kMinute), ElementsAre("state degraded"));
}

TEST_F(NotifyRulesTest, OneReminderADayWhileItIsNotWell) {
    provider_is("offline");
    look(kMinute, "degraded");
    look(kMinute * 5);
    EXPECT_EQ(next_look(memory_, settings_), now_ + kHour * 24);
    int reminders = 0;
    for (int hour = 0; hour < 72; ++hour) {
        const auto told = look(kHour);
        if (told.empty()) continue;
        EXPECT_THAT(told, ElementsAre("state degraded again"));
        EXPECT_EQ(last_.title, "host01: still DEGRADED");
        ++reminders;
    }
    EXPECT_EQ(reminders, 3);
}

TEST_F(NotifyRulesTest, NoReminderWhereNoneIsWanted) {
    settings_.remind = Millis(0);
    provider_is("offline");
    look(kMinute, "degraded");
    look(kMinute * 5);
    EXPECT_THAT(look(kHour * 100), IsEmpty());
}

TEST_F(NotifyRulesTest, AClockThatIsSetBackDelaysNothing) {
    provider_is("offline");
    look(kMinute, "degraded");
    look(kMinute * 5);
    now_ -= kHour * 1'000;
    EXPECT_THAT(look(kMinute), IsEmpty());
    EXPECT_THAT(look(kHour * 24), ElementsAre("state degraded again"));
}

TEST_F(NotifyRulesTest, AProviderThatNeedsSomebodyIsToldAtOnceAndOnce) {
    provider_is("auth_needed", "E-AUTH", "token expired");
    EXPECT_THAT(look(Millis(0), "degraded"), ElementsAre("provider:nas provider"));
    EXPECT_EQ(last_.title, "host01: nas needs a new sign-in");
    EXPECT_THAT(last_.text, HasSubstr("token expired"));
    EXPECT_THAT(look(kMinute), IsEmpty());
    provider_is("offline");  // the network is away as well
    EXPECT_THAT(look(kMinute), IsEmpty());
    provider_is("auth_needed", "E-AUTH", "token expired");
    EXPECT_THAT(look(kMinute), IsEmpty());
    provider_is("active");
    EXPECT_THAT(look(kMinute, "protected"), ElementsAre("provider:nas recovered"));
}

TEST_F(NotifyRulesTest, AnotherReasonOfAProviderIsNews) {
    provider_is("full", "E-QUOTA-FULL");
    EXPECT_THAT(look(Millis(0)), ElementsAre("provider:nas provider"));
    provider_is("blocked", "E-HOSTKEY-CHANGED");
    EXPECT_THAT(look(Millis(0)), ElementsAre("provider:nas provider"));
    EXPECT_THAT(last_.next, HasSubstr("ssh-keygen"));
    facts_.providers.pop_back();  // switched off: nobody waits for it any more
    EXPECT_THAT(look(Millis(0)), IsEmpty());
    EXPECT_TRUE(memory_.all_well());
}

TEST_F(NotifyRulesTest, AProviderThatWaitsForSomebodyIsRemindedOfThoughAllFilesAreSafe) {
    provider_is("blocked", "E-HOSTKEY-CHANGED");
    look(Millis(0));
    EXPECT_THAT(look(kHour * 24), ElementsAre("state provider again"));
    EXPECT_THAT(last_.text, HasSubstr("nas is blocked"));
}

TEST_F(NotifyRulesTest, SuccessfulRunsAreNotToldAndFailuresOnce) {
    EXPECT_THAT(entry("run", "run_started"), IsEmpty());
    EXPECT_THAT(entry("run", "run_succeeded"), IsEmpty());
    EXPECT_THAT(entry("run", "run_partial", ActivityLevel::warning), ElementsAre("run run"));
    EXPECT_THAT(entry("run", "run_partial", ActivityLevel::warning), IsEmpty());
    EXPECT_THAT(entry("run", "run_failed", ActivityLevel::error), ElementsAre("run run"));
    EXPECT_EQ(last_.level, ActivityLevel::error);
    EXPECT_EQ(last_.next, "oracxfs runs r-1");
    EXPECT_THAT(entry("run", "run_failed", ActivityLevel::error), IsEmpty());
    EXPECT_THAT(entry("run", "run_cancelled", ActivityLevel::warning), IsEmpty());
    EXPECT_THAT(entry("run", "run_partial", ActivityLevel::warning), IsEmpty());
    EXPECT_THAT(entry("run", "run_failed", ActivityLevel::error), ElementsAre("run run"));
    EXPECT_THAT(entry("run", "run_unchanged"), ElementsAre("run recovered"));
    EXPECT_THAT(entry("run", "run_succeeded"), IsEmpty());
}

TEST_F(NotifyRulesTest, AFailedRunIsRemindedOfUntilOneSucceeds) {
    entry("run", "run_failed", ActivityLevel::error);
    EXPECT_THAT(look(kHour * 24), ElementsAre("state run again"));
    EXPECT_THAT(last_.text, HasSubstr("The last backup run was a failure."));
    entry("run", "run_succeeded");
    EXPECT_THAT(look(kHour * 48), IsEmpty());
}

TEST_F(NotifyRulesTest, DamageIsGatheredAndToldTogether) {
    for (int i = 0; i < 3; ++i) EXPECT_THAT(entry("repair", "damaged", ActivityLevel::error, "nas"), IsEmpty());
    entry("repair", "missing", ActivityLevel::warning, "a");
    entry("repair", "healed", ActivityLevel::info, "nas");
    EXPECT_THAT(look(Millis(10'000)), IsEmpty());
    EXPECT_THAT(look(Millis(20'000)), ElementsAre("damage damage"));
    EXPECT_EQ(last_.title, "host01: damage found at nas, a");
    EXPECT_THAT(last_.text, HasSubstr("4 copies were found damaged, changed or missing at nas, a.\nOne of them is of \"d/f\"."));
    EXPECT_THAT(last_.text, HasSubstr("1 repaired"));
    // More of it is not a message each.
    entry("repair", "damaged", ActivityLevel::error, "nas");
    EXPECT_THAT(look(kMinute), IsEmpty());
    EXPECT_THAT(look(kHour), ElementsAre("damage damage"));
    EXPECT_THAT(last_.text, HasSubstr("1 copy was found"));
    EXPECT_THAT(look(kHour * 2), IsEmpty());
}

// Each notice there is, and each of its lines, in the other language; names and commands stay as they are.
TEST_F(NotifyRulesTest, EveryNoticeCanBeSaidInFrench) {
    const auto french = texts_of("fr");
    ASSERT_NE(french, nullptr);
    std::vector<Notice> told;
    const auto at = [&](const std::string& state, const std::string& provider, const std::string& reason, const std::string& text, std::uint64_t files) {
        NotifyMemory memory;
        NotifyFacts facts = facts_;
        facts.state = state;
        facts.files = files;
        facts.incomplete = files;
        facts.without_copy = state == "degraded" ? 0 : files;
        facts.pending_bytes = 1'975'684'956;
        facts.failing = true;
        facts.providers[1] = {"nas", provider, reason, text};
        const auto add = [&](std::vector<Notice> more) { told.insert(told.end(), more.begin(), more.end()); };
        for (const Millis later : {Millis(0), kMinute * 6, kHour * 25}) {
            facts.now += later;
            add(after_look(memory, facts, settings_));
        }
        facts.state = "protected";
        facts.incomplete = facts.without_copy = 0;
        facts.failing = false;
        facts.providers[1] = {"nas", "active", "", ""};
        for (const Millis later : {Millis(0), kMinute * 6}) {
            facts.now += later;
            add(after_look(memory, facts, settings_));
        }
        for (const char* kind : {"damaged", "damaged", "healed"}) {
            ActivityEntry entry;
            entry.seq = memory.through_seq + 1;
            entry.at = facts.now;
            entry.category = "repair";
            entry.kind = kind;
            entry.level = std::string_view(kind) == "damaged" ? ActivityLevel::error : ActivityLevel::info;
            if (files > 1) entry.providers = {"nas"};
            if (files > 1) entry.path = "d/f";
            after_entry(memory, entry, "host01");
            if (files == 1) break;
        }
        facts.now += kHour;
        add(after_look(memory, facts, settings_));
        for (const auto& [kind, message] : {std::pair("run_partial", "run r-1 partial, 4 of 5 copies verified, 1.84 GiB: ftp: E-UNAVAILABLE nas is offline"),
                                            std::pair("run_failed", "run r-2 failed: offline"), std::pair("run_succeeded", "run r-3 succeeded, 5 of 5 copies verified, 1.84 GiB")}) {
            ActivityEntry entry;
            entry.seq = memory.through_seq + 1;
            entry.at = facts.now;
            entry.category = "run";
            entry.kind = kind;
            entry.run = "r-1";
            entry.message = message;
            add(after_entry(memory, entry, "host01"));
            facts.now += kHour * 25;
            add(after_look(memory, facts, settings_));
        }
    };
    at("degraded", "offline", "E-UNAVAILABLE", "it is switched off", 10);
    at("degraded", "degraded", "E-UNAVAILABLE", "", 1);
    at("at_risk", "auth_needed", "E-AUTH", "the account is disabled", 10);
    at("unprotected", "full", "E-QUOTA-FULL", "", 1);
    at("unprotected", "blocked", "E-HOSTKEY-CHANGED", "", 10);
    ASSERT_GT(told.size(), 30u);
    for (const Notice& notice : told) {
        const Notice shown = notice_in(french.get(), notice);
        EXPECT_NE(shown.title, notice.title);
        std::istringstream before(notice.text), after(shown.text);
        for (std::string english, line; std::getline(before, english);) {
            ASSERT_TRUE(std::getline(after, line));
            EXPECT_NE(line, english);
            for (const char* word : {" is ", " the ", " are ", " at ", " of ", "copies were", "GiB"}) EXPECT_THAT(line, testing::Not(HasSubstr(word))) << english;
        }
        EXPECT_EQ(shown.next != notice.next, !notice.next.empty() && !notice.next.starts_with("oracxfs ")) << notice.next;
        EXPECT_EQ(shown.details, notice.details);
        EXPECT_EQ(shown.kind, notice.kind);
    }
}

TEST_F(NotifyRulesTest, WhatCameBeforeARestartDoesNotCountAgain) {
    entry("run", "run_failed", ActivityLevel::error);
    const NotifyMemory restored = memory_from_json(*parse_json(memory_to_json(memory_).dump()));
    EXPECT_EQ(restored, memory_);
    memory_ = restored;
    seq_ = 0;  // the same lines are read once more
    memory_.told_run.clear();
    EXPECT_THAT(entry("run", "run_failed", ActivityLevel::error), IsEmpty());
}

TEST_F(NotifyRulesTest, TheMemorySurvivesAsItIs) {
    provider_is("auth_needed", "E-AUTH");
    facts_.pending_bytes = 7;
    facts_.incomplete = 1;
    look(kMinute, "degraded");
    entry("repair", "damaged", ActivityLevel::error, "nas");
    EXPECT_EQ(memory_from_json(*parse_json(memory_to_json(memory_).dump())), memory_);
    // And nothing that was told is told again after it was read.
    memory_ = memory_from_json(memory_to_json(memory_));
    EXPECT_THAT(look(Millis(0)), IsEmpty());
}

TEST_F(NotifyRulesTest, WithoutAProviderThereIsNothingToTell) {
    EXPECT_THAT(look(kHour, "not_configured"), IsEmpty());
    EXPECT_THAT(look(kHour, "not_configured"), IsEmpty());
}

TEST(NotifyFactsTest, AreReadFromTheStatusReport) {
    const auto report = parse_json(R"({"state":"degraded","files":{"total":5,"incomplete":2,"without_copy":1},"pending_bytes":99,"providers":[
        {"name":"a","enabled":true,"state":"active","reason":null,"reason_text":null,"files":{"failed":0,"damaged":1}},
        {"name":"off","enabled":false,"state":"inactive","files":{"failed":7}},
        {"name":"nas","enabled":true,"state":"offline","reason":"E-UNAVAILABLE","reason_text":"no route","files":{"failed":0,"damaged":0}}]})");
    const NotifyFacts facts = notify_facts(*report, "m", wall_from_ms(5));
    EXPECT_EQ(facts.state, "degraded");
    EXPECT_EQ(facts.incomplete, 2u);
    EXPECT_EQ(facts.without_copy, 1u);
    EXPECT_EQ(facts.pending_bytes, 99u);
    ASSERT_THAT(facts.providers, SizeIs(2));
    EXPECT_EQ(facts.providers[1].text, "no route");
    EXPECT_TRUE(facts.failing);
}

}  // namespace
}  // namespace oracxfs::test
