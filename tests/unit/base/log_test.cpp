#include "base/log.h"

#include <gmock/gmock.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"

namespace oracxfs {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Example {
    const char* text;
    const char* safe;
};

class Redaction : public testing::TestWithParam<Example> {};

TEST_P(Redaction, HidesTheSecretAndKeepsTheRest) { EXPECT_EQ(log::redact(GetParam().text), GetParam().safe); }

TEST_P(Redaction, IsStableWhenDoneTwice) { EXPECT_EQ(log::redact(GetParam().safe), GetParam().safe); }

INSTANTIATE_TEST_SUITE_P(
    Headers, Redaction,
    testing::Values(Example{"Authorization: Bearer sl.Ab-c_9~", "Authorization: ***"},
                    Example{"authorization: Basic dXNlcjpwYXNz=", "authorization: ***"},
                    Example{"Proxy-Authorization: Digest username=\"x\"", "Proxy-Authorization: ***\"x\""},
                    Example{"sent bearer abc.def, got 401", "sent bearer ***, got 401"},
                    Example{"-H 'Authorization: Bearer abc'", "-H 'Authorization: ***'"}));

INSTANTIATE_TEST_SUITE_P(
    Pairs, Redaction,
    testing::Values(Example{"password=hunter2 user=me", "password=*** user=me"},
                    Example{"x?access_token=abc&y=1", "x?access_token=***&y=1"},
                    Example{"client_secret = 'a b', next", "client_secret = '***', next"},
                    Example{"SFTP_PASSPHRASE=\"a\\\"b\" end", "SFTP_PASSPHRASE=\"***\" end"},
                    Example{"refresh-token=abc;", "refresh-token=***;"},
                    Example{"passwd=x", "passwd=***"},
                    Example{"password=", "password="}));

INSTANTIATE_TEST_SUITE_P(
    Json, Redaction,
    testing::Values(Example{R"({"access_token":"abc","n":1})", R"({"access_token":"***","n":1})"},
                    Example{R"({"refresh_token" : "a\"b\\", "n" : 1})", R"({"refresh_token" : "***", "n" : 1})"},
                    Example{R"({"client_secret":12345})", R"({"client_secret":***})"},
                    Example{"{'password': 'abc', 'b': 'c'}", "{'password': '***', 'b': 'c'}"},
                    Example{R"("body: {\"id_token\":\"abc\",\"n\":1}")", R"("body: {\"id_token\":\"***\",\"n\":1}")"},
                    Example{R"({"password":"never closed)", R"({"password":"***)"}));

INSTANTIATE_TEST_SUITE_P(Urls, Redaction,
                         testing::Values(Example{"ftp://me:secret@host/x", "ftp://me:***@host/x"},
                                         Example{"ftp://me:p@ss@host/x", "ftp://me:***@host/x"},
                                         Example{"sftp://me@host:22/x", "sftp://me@host:22/x"},
                                         Example{"http://host:80/a@b:c", "http://host:80/a@b:c"}));

INSTANTIATE_TEST_SUITE_P(
    PlainWords, Redaction,
    testing::Values(Example{"put a.zip: token refused (401)", "put a.zip: token refused (401)"},
                    Example{"password: refused by the server", "password: refused by the server"},
                    Example{"", ""}, Example{"tokens", "tokens"}, Example{"x=1", "x=1"}));

TEST(RedactValue, HidesARegisteredValueWhereverItTurnsUp) {
    log::redact_value("correct-horse");
    EXPECT_EQ(log::redact("a correct-horse, correct-horse"), "a ***, ***");
    EXPECT_EQ(log::redact("xcorrect-horsey"), "x***y");
}

TEST(RedactValue, HidesTheFormThatStandsInUrls) {
    log::redact_value("s3cr&t/+x");
    EXPECT_EQ(log::redact("GET /x?p=s3cr%26t%2F%2Bx&y=1"), "GET /x?p=***&y=1");
}

TEST(RedactValue, HidesTheLongerOfTwoThatOverlap) {
    log::redact_value("battery");
    log::redact_value("battery-staple");
    EXPECT_EQ(log::redact("battery-staple battery"), "*** ***");
}

TEST(RedactValue, IgnoresValuesTooShortToBeSecrets) {
    log::redact_value("abcde");
    EXPECT_EQ(log::redact("abcde"), "abcde");
    log::redact_value("");
    EXPECT_EQ(log::redact("x"), "x");
}

class LogFile : public testing::Test {
  protected:
    ~LogFile() override { log::configure({}); }

    void start(const std::function<void(log::Options&)>& change = [](log::Options&) {}) {
        log::Options options;
        change(options);
        options.file = path_;
        options.to_stderr = false;
        log::configure(options);
    }

    static std::string content(const std::string& path) {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }

    test::TempDir folder_;
    const std::string path_ = folder_ / "oracxfs.log";
};

TEST_F(LogFile, HoldsTimeLevelComponentAndMessage) {
    start();
    log::warn("sftp", "slow");
    EXPECT_THAT(content(path_), testing::ContainsRegex(
                    "^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z warn(ing)? +\\[sftp\\] slow\n$"));
}

TEST_F(LogFile, DropsWhatIsBelowItsLevel) {
    start([](log::Options& options) { options.level = log::Level::warn; });
    log::info("x", "quiet");
    log::error("x", "loud");
    EXPECT_THAT(content(path_), Not(HasSubstr("quiet")));
    EXPECT_THAT(content(path_), HasSubstr("loud"));
    EXPECT_FALSE(log::enabled(log::Level::info));
    EXPECT_TRUE(log::enabled(log::Level::warn));
}

TEST_F(LogFile, NeverHoldsASecret) {
    start();
    log::redact_value("tr0ub4dor&3");
    log::info("dropbox", R"(answer {"access_token": "abcdef"} for tr0ub4dor&3)");
    EXPECT_THAT(content(path_), HasSubstr(R"(answer {"access_token": "***"} for ***)"));
}

TEST_F(LogFile, KeepsOneEntryOnOneLine) {
    start();
    log::info("x", "first\n2026-01-01T00:00:00.000Z error [x] forged\x1b[31m");
    const std::string text = content(path_);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_THAT(text, HasSubstr("first\\x0a2026"));
    EXPECT_THAT(text, HasSubstr("\\x1b[31m"));
}

TEST_F(LogFile, BracesInAMessageAreNotAFormat) {
    start();
    log::info("x", "{} {0} {{ %s");
    EXPECT_THAT(content(path_), HasSubstr("{} {0} {{ %s"));
}

TEST_F(LogFile, IsReadableByItsOwnerOnly) {
    start();
    log::info("x", "y");
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path_).permissions(), perms::owner_read | perms::owner_write);
}

TEST_F(LogFile, RotatesAndKeepsTheGivenNumber) {
    start([](log::Options& options) {
        options.rotate_bytes = 2'000;
        options.rotate_files = 2;
    });
    for (int i = 0; i < 200; ++i) log::info("x", std::string(100, 'y'));
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
        ++files;
        EXPECT_LE(entry.file_size(), 2'200u);
    }
    EXPECT_EQ(files, 3u);
}

TEST_F(LogFile, TakesLinesFromSeveralThreadsWhole) {
    start();
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([] {
                for (int n = 0; n < 100; ++n) log::info("x", std::string(50, 'z'));
            });
    }
    std::istringstream text(content(path_));
    int lines = 0;
    for (std::string line; std::getline(text, line); ++lines)
        EXPECT_TRUE(line.ends_with("] " + std::string(50, 'z'))) << line;
    EXPECT_EQ(lines, 400);
}

TEST(Log, GoesOnWithoutAFileThatCannotBeOpened) {
    testing::internal::CaptureStderr();
    log::configure({.file = "/proc/no/such/file.log", .to_stderr = false});
    log::info("x", "still heard");
    log::flush();
    const std::string text = testing::internal::GetCapturedStderr();
    log::configure({});
    EXPECT_THAT(text, HasSubstr("without a log file"));
    EXPECT_THAT(text, HasSubstr("still heard"));
}

// --- old files ---------------------------------------------------------------------------------------------------------

void make_file(const std::string& path, WallTime written) {
    std::ofstream(path) << "line\n";
    const timespec time{to_ms(written) / 1000, 0};
    const timespec both[] = {time, time};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), both, 0), 0);
}

TEST(LogFiles, RotatedOnesThatAreTooOldAreRemoved) {
    const test::TempDir folder;
    const WallTime now = wall_from_ms(1'795'466'188'000), before = now - Millis(90 * 86'400'000ll);
    const std::string file = folder / "oracxfs.log";
    make_file(file, before - Millis(5'000));
    make_file(folder / "oracxfs.1.log", before + Millis(1'000));
    make_file(folder / "oracxfs.2.log", before - Millis(1'000));
    make_file(folder / "oracxfs.3.log", before - Millis(2'000));
    make_file(folder / "other.4.log", before - Millis(2'000));
    log::remove_rotated_files(file, before);
    EXPECT_TRUE(std::filesystem::exists(file)) << "it is in use";
    EXPECT_TRUE(std::filesystem::exists(folder / "oracxfs.1.log"));
    EXPECT_FALSE(std::filesystem::exists(folder / "oracxfs.2.log"));
    EXPECT_FALSE(std::filesystem::exists(folder / "oracxfs.3.log"));
    EXPECT_TRUE(std::filesystem::exists(folder / "other.4.log"));
}

TEST(LogFiles, TheirNamesAreThoseThatRotationGives) {
    const test::TempDir folder;
    const std::string file = folder / "oracxfs.log";
    log::configure({.level = log::Level::info, .file = file, .to_stderr = false, .rotate_bytes = 200, .rotate_files = 3});
    for (int i = 0; i < 20; ++i) log::info("test", "a line that is long enough to fill a file soon");
    log::configure({});
    ASSERT_TRUE(std::filesystem::exists(folder / "oracxfs.1.log"));
    log::remove_rotated_files(file, WallTime::max());
    EXPECT_FALSE(std::filesystem::exists(folder / "oracxfs.1.log"));
    EXPECT_FALSE(std::filesystem::exists(folder / "oracxfs.3.log"));
    EXPECT_TRUE(std::filesystem::exists(file));
}

TEST(LogLevel, ChangesWhileTheLogIsInUse) {
    const test::TempDir folder;
    const std::string file = folder / "oracxfs.log";
    log::configure({.level = log::Level::info, .file = file, .to_stderr = false});
    log::debug("test", "first");
    log::set_level(log::Level::debug);
    EXPECT_TRUE(log::enabled(log::Level::debug));
    log::debug("test", "second");
    log::set_level(log::Level::error);
    log::warn("test", "third");
    log::configure({});
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    EXPECT_THAT(text.str(), Not(HasSubstr("first")));
    EXPECT_THAT(text.str(), HasSubstr("second"));
    EXPECT_THAT(text.str(), Not(HasSubstr("third")));
}

}  // namespace
}  // namespace oracxfs
