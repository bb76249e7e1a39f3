// The real program, run with its own ORACXFS_HOME: command lines, envelopes, exit codes. Nothing is mounted here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/support/matchers.h"
#include "tests/unit/tools/program.h"
#include "tools/oracxfs/commands.h"
#include "tools/oracxfs/state_lock.h"

namespace oracxfs {
namespace {

using test::HasCode;
using test::IsOk;
using testing::HasSubstr;

using test::slurp;
using test::Ran;

class CliTest : public test::ProgramTest {
  protected:
    CliTest() : ProgramTest(ORACXFS_BINARY) {}
};

TEST_F(CliTest, HelpNamesEveryCommandAndGoesToStdout) {
    const Ran ran = run({"--help"});
    EXPECT_EQ(ran.code, 0);
    EXPECT_EQ(ran.err, "");
    for (const Command& command : command_table()) {
        if (command.path.find(' ') != std::string::npos || command.group.empty()) continue;
        EXPECT_THAT(ran.out, HasSubstr("\n  " + command.path + " "));
    }
}

TEST_F(CliTest, EveryCommandHasHelpThatShowsItsSummary) {
    for (const Command& command : command_table()) {
        std::vector<std::string> arguments;
        std::stringstream words(command.path);
        for (std::string word; words >> word;) arguments.push_back(word);
        arguments.emplace_back("--help");
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 0) << command.path;
        EXPECT_THAT(ran.out, HasSubstr(command.summary)) << command.path;
    }
}

TEST_F(CliTest, BareIsUsageOnStderr) {
    const Ran ran = run({});
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("Usage: oracxfs"));
}

TEST_F(CliTest, WrongUsageIsExplainedWithItsCode) {
    const Ran ran = run({"mount", "--nonsense"});
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_THAT(ran.err, HasSubstr("error: "));
    EXPECT_THAT(ran.err, HasSubstr("--nonsense"));
    EXPECT_THAT(ran.err, HasSubstr("[E-USAGE · exit 2]"));
}

TEST_F(CliTest, WrongUsageWithJsonIsAnEnvelope) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"status", "--nonsense", "--json"}, {"--json", "local", "--name", "a"}, {"config", "get", "--json"}}) {
        const Ran ran = run(arguments);
        expect_envelope(ran, arguments[0] == "--json" ? "local" : arguments[0], 2);
        EXPECT_EQ(ran.json["error"]["code"].as_string(), "E-USAGE");
    }
    expect_envelope(run({"--json"}), "", 2);
}

TEST_F(CliTest, SecretsOnTheCommandLineAreRefusedAndNotRepeated) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"sftp", "--name", "n", "--host", "h", "--user", "u", "--password", "hunter2222"},
          {"sftp", "--password=hunter2222"},
          {"dropbox", "--token", "hunter2222"},
          {"sftp", "--key-passphrase=hunter2222"}}) {
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 2);
        EXPECT_THAT(ran.err, HasSubstr("-file FILE"));
        EXPECT_EQ(ran.err.find("hunter2222"), std::string::npos) << ran.err;
        EXPECT_EQ(ran.out, "");
    }
    const Ran json = run({"sftp", "--password", "hunter2222", "--json"});
    expect_envelope(json, "sftp", 2);
    EXPECT_EQ(json.out.find("hunter2222"), std::string::npos);
}

TEST_F(CliTest, StatusWithoutAnythingSaysNotConfiguredAndCreatesNothing) {
    const Ran ran = run({"status", "--json"});
    expect_envelope(ran, "status", 0);
    EXPECT_EQ(ran.json["data"]["state"].as_string(), "not_configured");
    EXPECT_NE(::access(home_.c_str(), F_OK), 0);
    EXPECT_EQ(run({"status", "--check"}).code, 10);
    EXPECT_THAT(run({"status"}).out, HasSubstr("CLOUD STORAGE STATUS"));
}

TEST_F(CliTest, SetupDemoAddsTwoProvidersOnce) {
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    const std::string first = slurp(home_ + "/cloud_config.json");
    EXPECT_THAT(first, HasSubstr("local-a"));
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    EXPECT_EQ(slurp(home_ + "/cloud_config.json"), first);
    struct stat info {};
    ASSERT_EQ(::stat(home_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0u);
    const Ran list = run({"providers", "list", "--json"});
    expect_envelope(list, "providers list", 0);
    ASSERT_EQ(list.json["data"].items().size(), 2u);
    EXPECT_EQ(list.json["data"].items()[1]["name"].as_string(), "local-b");
}

TEST_F(CliTest, AddingALocalProviderTestsItAndSavesIt) {
    const Ran ran = run({"local", "--name", "disk2", "--path", dir_ / "disk2", "--json"});
    expect_envelope(ran, "local", 0);
    EXPECT_TRUE(ran.json["data"]["tested"].as_bool());
    ASSERT_EQ(ran.json["data"]["steps"].items().size(), 5u);
    EXPECT_EQ(run({"config", "get", "providers.disk2.path"}).out, dir_ / "disk2\n");
    EXPECT_EQ(run({"providers", "test", "disk2"}).code, 0);
    EXPECT_EQ(run({"local", "--name", "disk2", "--path", dir_ / "disk2"}).code, 0) << "the same again is no error";
    const Ran other = run({"local", "--name", "disk2", "--path", dir_ / "elsewhere"});
    EXPECT_EQ(other.code, 1);
    EXPECT_THAT(other.err, HasSubstr("E-EXISTS"));
}

TEST_F(CliTest, AFailedTestNamesTheStepAndSavesNothing) {
    std::ofstream(dir_ / "file") << "not a folder";
    const Ran ran = run({"local", "--name", "bad", "--path", dir_ / "file", "--json"});
    EXPECT_NE(ran.code, 0);
    EXPECT_THAT(ran.json["error"]["message"].as_string(), HasSubstr("step \"folder\""));
    EXPECT_EQ(ran.json["error"]["provider"].as_string(), "bad");
    EXPECT_FALSE(ran.json["data"]["saved"].as_bool(true));
    EXPECT_NE(::access((home_ + "/cloud_config.json").c_str(), F_OK), 0);
    EXPECT_EQ(run({"local", "--name", "bad", "--path", dir_ / "file", "--no-test"}).code, 0);
}

TEST_F(CliTest, AnUnreachableSftpServerFailsAtConnectAndKeepsThePasswordOutOfSight) {
    std::ofstream(dir_ / "pw") << "hunter2222\n";
    const Ran ran = run({"sftp", "--name", "nas", "--host", "127.0.0.1", "--port", "1", "--user", "u", "--password-file", dir_ / "pw",
                         "--host-key-fingerprint", "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "-vv"});
    EXPECT_EQ(ran.code, 5) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("connect"));
    EXPECT_EQ((ran.out + ran.err).find("hunter2222"), std::string::npos);
    EXPECT_NE(::access((home_ + "/secrets.db").c_str(), F_OK), 0);
}

TEST_F(CliTest, APasswordIsStoredEncryptedAndNeverInTheConfiguration) {
    const Ran ran = run({"sftp", "--name", "nas", "--host", "nas.invalid", "--user", "u", "--password-stdin", "--no-test"}, "hunter2222\n");
    ASSERT_EQ(ran.code, 0) << ran.err;
    for (const char* file : {"/cloud_config.json", "/secrets.db", "/secrets.db-wal"})
        EXPECT_EQ(slurp(home_ + file).find("hunter2222"), std::string::npos) << file;
    EXPECT_EQ(run({"providers", "show", "nas"}).out.find("hunter2222"), std::string::npos);
    ASSERT_EQ(run({"providers", "rename", "nas", "tower"}).code, 0);
    EXPECT_EQ(run({"config", "get", "providers.tower.host"}).out, "nas.invalid\n");
    EXPECT_EQ(run({"providers", "show", "nas"}).code, 8);
}

TEST_F(CliTest, RemovingAProviderNeedsAYes) {
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    const Ran refused = run({"providers", "remove", "local-a"});
    EXPECT_EQ(refused.code, 14);
    EXPECT_THAT(refused.err, HasSubstr("--yes"));
    EXPECT_EQ(run({"providers", "remove", "local-a", "--yes"}).code, 0);
    EXPECT_EQ(run({"providers", "list", "--json"}).json["data"].items().size(), 1u);
    EXPECT_EQ(run({"providers", "disable", "local-b"}).code, 14) << "the only active one";
}

TEST_F(CliTest, AnUnknownProviderGetsASuggestion) {
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    const Ran ran = run({"providers", "test", "locla-a"});
    EXPECT_EQ(ran.code, 8);
    EXPECT_THAT(ran.err, HasSubstr("did you mean `local-a`?"));
}

TEST_F(CliTest, ConfigCommandsReadAndWriteOneValue) {
    EXPECT_EQ(run({"config", "path"}).out, home_ + "/cloud_config.json\n");
    EXPECT_EQ(run({"config", "check"}).code, 0);
    EXPECT_EQ(run({"config", "get", "mount.cache_size"}).out, "5GiB\n");
    ASSERT_EQ(run({"config", "set", "mount.cache_size", "1GiB"}).code, 0);
    EXPECT_EQ(run({"config", "get", "mount.cache_size"}).out, "1GiB\n");
    EXPECT_THAT(run({"config", "show", "--origin"}).out, HasSubstr("cloud_config.json:3:"));
    EXPECT_EQ(run({"config", "unset", "mount.cache_size"}).code, 0);
    EXPECT_EQ(run({"config", "get", "mount.cache_size"}).out, "5GiB\n");
    const Ran wrong = run({"config", "set", "mount.cach_size", "1GiB", "--json"});
    expect_envelope(wrong, "config set", 10);
    EXPECT_EQ(wrong.json["error"]["why"].as_string(), "did you mean `mount.cache_size`?");
    EXPECT_EQ(run({"config", "set", "mount.cache_size", "lots"}).code, 10);
}

TEST_F(CliTest, ABrokenConfigurationIsReportedWithItsPlaceByEveryCommand) {
    ASSERT_EQ(::mkdir(home_.c_str(), 0700), 0);
    std::ofstream(home_ + "/cloud_config.json") << "{\n  \"mount\": { \"dri\": \"/x\" }\n}";
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"status"}, {"mount", dir_ / "m"}, {"providers", "list"}, {"config", "check"}}) {
        const Ran ran = run(arguments);
        EXPECT_EQ(ran.code, 10) << arguments[0];
        EXPECT_THAT(ran.out + ran.err, HasSubstr("cloud_config.json:2:14: unknown key `dri` in `mount`")) << arguments[0];
    }
}

TEST_F(CliTest, CommentsAreNotDroppedWithoutAYes) {
    ASSERT_EQ(::mkdir(home_.c_str(), 0700), 0);
    std::ofstream(home_ + "/cloud_config.json") << "{ // mine\n}";
    EXPECT_EQ(run({"config", "set", "log.level", "debug"}).code, 14);
    EXPECT_EQ(slurp(home_ + "/cloud_config.json"), "{ // mine\n}");
    EXPECT_EQ(run({"config", "set", "log.level", "debug", "--yes"}).code, 0);
}

TEST_F(CliTest, WithoutADaemonWaitHasNothingToDoAndUnmountSaysSo) {
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    EXPECT_EQ(run({"wait"}).code, 0);
    EXPECT_EQ(run({"unmount", dir_ / "m"}).code, 11);
    EXPECT_EQ(run({"replicas", "nothing-here"}).code, 8);
}

TEST_F(CliTest, ReplicasOfNothingIsAnEmptyList) {
    const Ran ran = run({"replicas", "--json"});
    expect_envelope(ran, "replicas", 0);
    EXPECT_TRUE(ran.json["data"].is_array());
    EXPECT_TRUE(ran.json["data"].items().empty());
}

TEST_F(CliTest, ExplainKnowsEveryCode) {
    EXPECT_THAT(run({"explain", "E-QUOTA-FULL"}).out, HasSubstr("exit:  7"));
    EXPECT_EQ(run({"explain", "E-NOPE"}).code, 8);
    EXPECT_THAT(run({"help", "exit-codes"}).out, HasSubstr("15  mount failed"));
    EXPECT_EQ(run({"help", "nothing"}).code, 2);
}

TEST_F(CliTest, ColourIsOnlyUsedWhenAskedFor) {
    EXPECT_EQ(run({"status"}).out.find('\x1b'), std::string::npos);
    EXPECT_NE(run({"status", "--color", "always"}).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(run({"status", "--color", "always", "--no-color"}).out.find('\x1b'), std::string::npos);
}

// Whatever a command says, it says it in the envelope too: on success, on failure, and as help.
TEST_F(CliTest, EveryCommandAnswersInJson) {
    for (const Command& command : command_table()) {
        std::vector<std::string> words;
        std::stringstream path(command.path);
        for (std::string word; path >> word;) words.push_back(word);
        std::vector<std::string> bare = words, help = words;
        bare.emplace_back("--json");
        help.insert(help.end(), {"--help", "--json"});
        const Ran ran = run(bare);
        // A run streams its events; the envelope is the last line.
        const std::string last = ran.out.substr(ran.out.rfind('\n', ran.out.size() < 2 ? 0 : ran.out.size() - 2) + 1);
        const auto envelope = parse_json(last);
        ASSERT_TRUE(envelope) << command.path << ": " << ran.out << ran.err;
        EXPECT_EQ((*envelope)["schema"].as_string(), "oracxfs/1") << command.path;
        EXPECT_EQ((*envelope)["exit_code"].as_int(), ran.code) << command.path;
        EXPECT_EQ((*envelope)["ok"].as_bool(), ran.code == 0) << command.path;
        for (const char* key : {"command", "data", "warnings", "error"}) EXPECT_NE(envelope->find(key), nullptr) << command.path << " lacks " << key;
        const Ran explained = run(help);
        EXPECT_EQ(explained.code, 0) << command.path;
        EXPECT_THAT(explained.json["data"]["text"].as_string(), HasSubstr(command.summary)) << command.path;
    }
}

// --- the lock ------------------------------------------------------------------------------------------------------------

TEST_F(CliTest, AStateInUseByADaemonIsRefusedWithItsProcess) {
    ASSERT_EQ(run({"setup", "--demo"}).code, 0);
    auto lock = StateLock::acquire(home_ + "/run/lock", {4242, true, home_ + "/run/control.sock", "/mnt/elsewhere"}, Millis(0));
    ASSERT_THAT(lock, IsOk());
    const Ran ran = run({"mount", dir_ / "m"});
    EXPECT_EQ(ran.code, 9);
    EXPECT_THAT(ran.err, HasSubstr("process 4242"));
    EXPECT_EQ(run({"status"}).code, 11) << "it holds the state but does not answer";
}

TEST(StateLock, HasOneOwnerAtATime) {
    const test::TempDir dir;
    const std::string file = dir / "run/lock";
    EXPECT_FALSE(StateLock::owner(file).has_value());
    {
        auto lock = StateLock::acquire(file, {7, true, "/s", "/m"}, Millis(0));
        ASSERT_THAT(lock, IsOk());
        const auto owner = StateLock::owner(file);
        ASSERT_TRUE(owner.has_value());
        EXPECT_EQ(owner->pid, 7);
        EXPECT_EQ(owner->mount_point, "/m");
        EXPECT_THAT(StateLock::acquire(file, {8, false, "", ""}, Millis(60'000)), HasCode(Errc::busy)) << "a daemon is not waited for";
        EXPECT_THAT(StateLock::wait_until_free(file, Millis(0)), HasCode(Errc::deadline));
    }
    EXPECT_FALSE(StateLock::owner(file).has_value());
    EXPECT_THAT(StateLock::wait_until_free(file, Millis(0)), IsOk());
    EXPECT_THAT(StateLock::acquire(file, {8, false, "", ""}, Millis(0)), IsOk());
}

TEST(Printable, NamesCannotSteerTheTerminal) {
    EXPECT_EQ(printable("plain é"), "plain é");
    EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(format_table({"A", ">B"}, {{"x", "10"}, {"longer", "9"}}), "A        B\nx       10\nlonger   9\n");
}

}  // namespace
}  // namespace oracxfs
