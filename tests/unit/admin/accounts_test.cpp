#include "tools/admin/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kPassword = "correct horse";
constexpr Millis kMinute{60'000};

class AccountsTest : public testing::Test {
  protected:
    std::unique_ptr<Accounts> open(AccountsOptions options = {}) {
        options.file = dir_ / "admin.json";
        auto opened = Accounts::open(options, clock_);
        EXPECT_THAT(opened, IsOk());
        return std::move(*opened);
    }
    // With a password, without the cost of asking for it.
    std::unique_ptr<Accounts> ready(AccountsOptions options = {}) {
        auto accounts = open(std::move(options));
        EXPECT_THAT(accounts->set_password(kPassword), IsOk());
        return accounts;
    }
    Accounts::SignedIn session(Accounts& accounts, bool remember = false) { return *accounts.begin_session(remember, "127.0.0.1", "test"); }
    std::string file_text() {
        std::ifstream file(dir_ / "admin.json");
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    TempDir dir_;
    FakeClock clock_;
};

TEST_F(AccountsTest, FirstPasswordNeedsTheCode) {
    const auto accounts = open();
    int left = 0;
    EXPECT_FALSE(accounts->has_password());
    EXPECT_THAT(accounts->set_up("AAAA-AAAA", kPassword, left), HasCode(Errc::pending));  // nobody asked for a code yet
    const Accounts::Code code = accounts->first_run_code();
    EXPECT_THAT(code.text, SizeIs(9));
    EXPECT_THAT(accounts->set_up("wrong", kPassword, left), HasCode(Errc::denied));
    EXPECT_EQ(left, 4);
    EXPECT_THAT(accounts->set_up(code.text, kPassword, left), IsOk());
    EXPECT_TRUE(accounts->has_password());
    EXPECT_THAT(accounts->set_up(code.text, "another password", left), HasCode(Errc::exists));
}

TEST_F(AccountsTest, CodeIsGoodAsPeopleTypeIt) {
    const auto accounts = open();
    std::string typed = accounts->first_run_code().text;
    for (char& c : typed) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    int left = 0;
    EXPECT_THAT(accounts->set_up(" " + typed.substr(0, 4) + " " + typed.substr(5), kPassword, left), IsOk());
}

TEST_F(AccountsTest, CodeEndsAfterFiveTries) {
    const auto accounts = open();
    const std::string code = accounts->first_run_code().text;
    int left = 0;
    for (int i = 0; i < 5; ++i) EXPECT_THAT(accounts->set_up("wrong", kPassword, left), HasCode(Errc::denied));
    EXPECT_EQ(left, 0);
    EXPECT_THAT(accounts->set_up(code, kPassword, left), HasCode(Errc::pending));
    EXPECT_NE(accounts->first_run_code().text, code);
}

TEST_F(AccountsTest, CodeEndsAfterAQuarterOfAnHour) {
    const auto accounts = open();
    const std::string code = accounts->first_run_code().text;
    clock_.advance(kMinute * 14);
    EXPECT_EQ(accounts->first_run_code().text, code);
    clock_.advance(kMinute);
    int left = 0;
    EXPECT_THAT(accounts->set_up(code, kPassword, left), HasCode(Errc::pending));
}

TEST_F(AccountsTest, ShortPasswordIsRefusedAndCostsNoTry) {
    const auto accounts = open();
    const std::string code = accounts->first_run_code().text;
    int left = 0;
    EXPECT_THAT(accounts->set_up(code, "short", left), HasCode(Errc::invalid));
    EXPECT_EQ(accounts->first_run_code().tries_left, 5);
}

TEST_F(AccountsTest, RightPasswordSignsInWrongOneDoesNot) {
    const auto accounts = ready();
    EXPECT_THAT(accounts->sign_in("wrong horse!", false, "a", ""), HasCode(Errc::unauthenticated));
    const auto in = accounts->sign_in(kPassword, false, "a", "");
    ASSERT_THAT(in, IsOk());
    EXPECT_EQ(accounts->by_cookie(in->cookie).scope, Scope::admin);
    EXPECT_EQ(accounts->by_cookie(in->cookie).csrf, in->who.csrf);
    EXPECT_EQ(accounts->by_cookie(std::string(64, '0')).scope, Scope::none);
    EXPECT_EQ(accounts->by_cookie("").scope, Scope::none);
}

TEST_F(AccountsTest, WrongPasswordsHoldTheirSourceBack) {
    const auto accounts = ready();
    for (int i = 0; i < 3; ++i) EXPECT_THAT(accounts->sign_in("wrong horse!", false, "a", ""), HasCode(Errc::unauthenticated));
    const auto held = accounts->sign_in(kPassword, false, "a", "");
    ASSERT_THAT(held, HasCode(Errc::throttled));
    EXPECT_EQ(held.error().retry_after, Millis(1'000));
    EXPECT_THAT(accounts->sign_in(kPassword, false, "b", ""), IsOk());  // another source
    clock_.advance(Millis(1'000));
    EXPECT_THAT(accounts->sign_in(kPassword, false, "a", ""), IsOk());
}

TEST_F(AccountsTest, SessionEndsWhenItIsIdleAndAtTheLatestAfterTwelveHours) {
    const auto accounts = ready();
    const auto idle = session(*accounts);
    clock_.advance(kMinute * 29);
    EXPECT_EQ(accounts->by_cookie(idle.cookie).session, idle.session.id);  // used: the half hour begins anew
    clock_.advance(kMinute * 29);
    EXPECT_EQ(accounts->by_cookie(idle.cookie).session, idle.session.id);
    clock_.advance(kMinute * 30);
    EXPECT_EQ(accounts->by_cookie(idle.cookie).scope, Scope::none);
    const auto busy = session(*accounts);
    for (int i = 0; i < 12 * 60 / 20 - 1; ++i) {
        clock_.advance(kMinute * 20);
        ASSERT_EQ(accounts->by_cookie(busy.cookie).session, busy.session.id);
    }
    clock_.advance(kMinute * 20);
    EXPECT_EQ(accounts->by_cookie(busy.cookie).scope, Scope::none);
}

TEST_F(AccountsTest, RememberedSessionLastsAWeek) {
    const auto accounts = ready();
    const auto in = session(*accounts, true);
    clock_.advance(kMinute * 60 * 24 * 6);
    EXPECT_EQ(accounts->by_cookie(in.cookie).session, in.session.id);
    clock_.advance(kMinute * 60 * 24);
    EXPECT_EQ(accounts->by_cookie(in.cookie).scope, Scope::none);
}

TEST_F(AccountsTest, OldestSessionGoesWhenThereAreTooMany) {
    AccountsOptions options;
    options.sessions_max = 3;
    const auto accounts = ready(options);
    const auto first = session(*accounts);
    for (int i = 0; i < 3; ++i) {
        clock_.advance(Millis(1'000));
        session(*accounts);
    }
    EXPECT_EQ(accounts->by_cookie(first.cookie).scope, Scope::none);
    EXPECT_THAT(accounts->sessions(), SizeIs(3));
}

TEST_F(AccountsTest, SessionsAndTokensSurviveANewStart) {
    std::string cookie, token;
    {
        const auto accounts = ready();
        cookie = session(*accounts).cookie;
        token = accounts->add_token("t", Scope::read, std::nullopt)->second;
    }
    const auto accounts = open();
    EXPECT_TRUE(accounts->has_password());
    EXPECT_EQ(accounts->by_cookie(cookie).scope, Scope::admin);
    EXPECT_EQ(accounts->by_token(token).scope, Scope::read);
}

TEST_F(AccountsTest, NothingThatLetsSomebodyInStandsInTheFile) {
    const auto accounts = ready();
    const auto in = session(*accounts);
    const auto token = accounts->add_token("t", Scope::admin, std::nullopt);
    ASSERT_THAT(accounts->flush(), IsOk());
    const std::string text = file_text();
    EXPECT_THAT(text, Not(HasSubstr(kPassword)));
    EXPECT_THAT(text, Not(HasSubstr(in.cookie)));
    EXPECT_THAT(text, Not(HasSubstr(in.who.csrf)));
    EXPECT_THAT(text, Not(HasSubstr(token->second)));
    struct stat status {};
    ASSERT_EQ(::stat((dir_ / "admin.json").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AccountsTest, FileThatOthersMayReadIsRefused) {
    { const auto accounts = ready(); }
    ASSERT_EQ(::chmod((dir_ / "admin.json").c_str(), 0644), 0);
    AccountsOptions options;
    options.file = dir_ / "admin.json";
    EXPECT_THAT(Accounts::open(options, clock_), HasCode(Errc::denied));
}

TEST_F(AccountsTest, DamagedFileIsNoFirstRun) {
    std::ofstream(dir_ / "admin.json") << "{";
    ASSERT_EQ(::chmod((dir_ / "admin.json").c_str(), 0600), 0);
    AccountsOptions options;
    options.file = dir_ / "admin.json";
    EXPECT_THAT(Accounts::open(options, clock_), HasCode(Errc::corrupt));
}

TEST_F(AccountsTest, NewPasswordEndsAllSessions) {
    const auto accounts = ready();
    const auto in = session(*accounts);
    ASSERT_THAT(accounts->set_password("another password"), IsOk());
    EXPECT_EQ(accounts->by_cookie(in.cookie).scope, Scope::none);
    EXPECT_THAT(accounts->sign_in(kPassword, false, "a", ""), HasCode(Errc::unauthenticated));
}

TEST_F(AccountsTest, ChangingThePasswordNeedsTheOldOneAndKeepsTheOwnSession) {
    const auto accounts = ready();
    const auto own = session(*accounts), other = session(*accounts);
    EXPECT_THAT(accounts->change_password("wrong horse!", "another password", own.who, "a"), HasCode(Errc::denied));
    EXPECT_THAT(accounts->change_password(kPassword, "another password", own.who, "a"), IsOk());
    EXPECT_EQ(accounts->by_cookie(own.cookie).scope, Scope::admin);
    EXPECT_EQ(accounts->by_cookie(other.cookie).scope, Scope::none);
}

TEST_F(AccountsTest, TokenEndsWhenItIsRemovedOrTooOld) {
    const auto accounts = ready();
    const auto lasting = accounts->add_token("a", Scope::operate, std::nullopt);
    const auto brief = accounts->add_token("b", Scope::read, kMinute);
    ASSERT_THAT(brief, IsOk());
    clock_.advance(kMinute);
    EXPECT_EQ(accounts->by_token(brief->second).scope, Scope::none);
    EXPECT_EQ(accounts->by_token(lasting->second).scope, Scope::operate);
    ASSERT_THAT(accounts->remove_token(lasting->first.id), IsOk());
    EXPECT_EQ(accounts->by_token(lasting->second).scope, Scope::none);
    EXPECT_THAT(accounts->remove_token(lasting->first.id), HasCode(Errc::not_found));
}

TEST_F(AccountsTest, EndedSessionIsOver) {
    const auto accounts = ready();
    const auto a = session(*accounts), b = session(*accounts), c = session(*accounts);
    EXPECT_THAT(accounts->end_session("s-nothing"), HasCode(Errc::not_found));
    ASSERT_THAT(accounts->end_session(a.session.id), IsOk());
    EXPECT_EQ(accounts->by_cookie(a.cookie).scope, Scope::none);
    EXPECT_EQ(*accounts->end_sessions(b.session.id), 1u);
    EXPECT_EQ(accounts->by_cookie(c.cookie).scope, Scope::none);
    EXPECT_EQ(accounts->by_cookie(b.cookie).scope, Scope::admin);
}

TEST(LoginDelayTest, DoublesUpToFiveMinutes) {
    FakeClock clock;
    LoginDelay delay(clock);
    EXPECT_EQ(delay.wait("a"), Millis(0));
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 14; ++i) {
        delay.failed("a");
        waits.push_back(delay.wait("a").count() / 1'000);
        clock.advance(Millis(300'000));
    }
    EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300}));
}

TEST(LoginDelayTest, ManySourcesTogetherAreHeldBackToo) {
    FakeClock clock;
    LoginDelay delay(clock);
    for (int i = 0; i < 11; ++i) delay.failed("source " + std::to_string(i));
    EXPECT_EQ(delay.wait("somebody else"), Millis(1'000));
    for (int i = 0; i < 20; ++i) delay.failed("other " + std::to_string(i));
    EXPECT_EQ(delay.wait("somebody else"), Millis(30'000));
}

TEST(LoginDelayTest, ForgetsWithTimeAndWithSuccess) {
    FakeClock clock;
    LoginDelay delay(clock);
    for (int i = 0; i < 4; ++i) delay.failed("a");
    delay.succeeded("a");
    EXPECT_EQ(delay.wait("a"), Millis(0));
    for (int i = 0; i < 4; ++i) delay.failed("a");
    clock.advance(Millis(900'001));
    delay.failed("a");
    EXPECT_EQ(delay.wait("a"), Millis(0));
}

}  // namespace
}  // namespace oracxfs::test
