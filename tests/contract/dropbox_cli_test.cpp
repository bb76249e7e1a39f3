// `oracxfs dropbox` as a person or a script runs it, against the emulated service.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>

#include "base/unique_fd.h"
#include "tests/contract/dropbox_setup.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Ran {
    int code = -1;
    std::string out, err;
};

std::string slurp(const std::string& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

class DropboxCliTest : public testing::Test {
  protected:
    std::vector<std::string> arguments(std::vector<std::string> more) {
        std::vector<std::string> all{ORACXFS_BINARY, "dropbox", "--name", "box", "--base-url", service_.base_url(), "--ca-file", service_.ca_file()};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    std::vector<std::string> environment() {
        return {"ORACXFS_HOME=" + (dir_ / "home"), "PATH=/usr/bin:/bin", "HOME=" + dir_.path(), "LANG=C.UTF-8", "ASAN_OPTIONS=detect_leaks=0"};
    }
    static std::vector<char*> pointers(std::vector<std::string>& texts) {
        std::vector<char*> all;
        for (std::string& text : texts) all.push_back(text.data());
        all.push_back(nullptr);
        return all;
    }
    static int exit_code(pid_t child) {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
    Ran run(std::vector<std::string> words, const std::string& input = "") {
        std::ofstream(dir_ / "in") << input;
        std::vector<std::string> variables = environment();
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, 0, (dir_ / "in").c_str(), O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::posix_spawn_file_actions_addopen(&actions, 2, (dir_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        pid_t child = 0;
        const int started = ::posix_spawn(&child, ORACXFS_BINARY, &actions, nullptr, pointers(words).data(), pointers(variables).data());
        ::posix_spawn_file_actions_destroy(&actions);
        if (started != 0) {
            ADD_FAILURE() << "cannot start " << ORACXFS_BINARY;
            return {};
        }
        Ran ran;
        ran.code = exit_code(child);
        ran.out = slurp(dir_ / "out");
        ran.err = slurp(dir_ / "err");
        return ran;
    }
    std::string secret_file(const std::string& name, const std::string& content) {
        std::ofstream(dir_ / name) << content << "\n";
        return dir_ / name;
    }

    TempDir dir_;
    DropboxEmulator service_;
};

TEST_F(DropboxCliTest, ARefreshTokenIsTestedAndStored) {
    const IssuedTokens tokens = service_.oauth().grant();
    const std::string file = secret_file("refresh", tokens.refresh);
    const Ran ran = run(arguments({"--folder", "/Backups", "--app-key", service_.oauth().client().id, "--refresh-token-file", file}));
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out + ran.err, HasSubstr("tested and saved"));
    EXPECT_THAT(ran.out + ran.err, Not(HasSubstr(tokens.refresh)));
    EXPECT_TRUE(service_.find("/Backups").has_value());
    EXPECT_THAT(slurp(dir_ / "home/cloud_config.json"), Not(HasSubstr(tokens.refresh)));
    const Ran again = run({ORACXFS_BINARY, "providers", "test", "box"});
    EXPECT_EQ(again.code, 0) << again.err;
    for (const DropboxEntry& entry : service_.tree()) EXPECT_TRUE(entry.folder) << "the test left " << entry.path;
}

TEST_F(DropboxCliTest, AShortLivedTokenWorksWithAWarning) {
    const IssuedTokens tokens = service_.oauth().grant();
    const Ran ran = run(arguments({"--token-stdin"}), tokens.access + "\n");
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("can't be renewed"));
    EXPECT_THAT(ran.out + ran.err, Not(HasSubstr(tokens.access)));
}

TEST_F(DropboxCliTest, AMissingPermissionIsNamedAndNothingIsSaved) {
    const IssuedTokens tokens = service_.oauth().grant(std::set<std::string>{"account_info.read", "files.metadata.read", "files.content.write"});
    const Ran ran = run(arguments({"--token-file", secret_file("token", tokens.access)}));
    EXPECT_EQ(ran.code, 4) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("files.content.read"));
    EXPECT_THAT(slurp(dir_ / "home/cloud_config.json"), Not(HasSubstr("\"box\"")));
}

TEST_F(DropboxCliTest, WithoutATokenOrATerminalTheWaysAreNamed) {
    const Ran ran = run(arguments({}));
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr("--token-file"));
    EXPECT_EQ(run(arguments({"--refresh-token-file", secret_file("refresh", "x")})).code, 2);  // of which app?
    EXPECT_EQ(service_.count("*"), 0u);
}

TEST_F(DropboxCliTest, TheWizardSignsInAtATerminal) {
    std::vector<std::string> words = arguments({});
    std::vector<std::string> variables = environment();
    const std::vector<char*> argv = pointers(words), envp = pointers(variables);
    int terminal = -1;
    const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::execve(ORACXFS_BINARY, argv.data(), envp.data());
        ::_exit(127);
    }
    const UniqueFd fd(terminal);
    std::string shown;
    // Reads what the program shows until `wanted` stands there, or until it has ended.
    const auto read_until = [&](const std::string& wanted) {
        while (wanted.empty() || shown.find(wanted) == std::string::npos) {
            pollfd ready{fd.get(), POLLIN, 0};
            if (::poll(&ready, 1, static_cast<int>(patient(std::chrono::seconds(60)).count())) != 1) return false;
            std::array<char, 4096> buffer{};
            const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
            if (got <= 0) return false;
            shown.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return true;
    };
    const auto type = [&](const std::string& line) {
        const std::string text = line + "\n";
        EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    };
    ASSERT_TRUE(read_until("1 or 2 [1]: ")) << shown;
    type("");
    ASSERT_TRUE(read_until("App key: ")) << shown;
    for (const char* permission : {"files.metadata.read", "files.content.read", "files.content.write", "account_info.read"})
        EXPECT_THAT(shown, HasSubstr(permission));
    type(service_.oauth().client().id);
    ASSERT_TRUE(read_until("Code: ")) << shown;
    const std::size_t at = shown.find(service_.base_url() + "/oauth2/authorize");
    ASSERT_NE(at, std::string::npos) << shown;
    type(service_.oauth().browse(shown.substr(at, shown.find_first_of("\r\n", at) - at)));
    read_until("");
    EXPECT_EQ(exit_code(child), 0) << shown;
    EXPECT_THAT(shown, HasSubstr("tested and saved"));
    EXPECT_EQ(service_.oauth().exchanges(), 1u);
    EXPECT_EQ(run({ORACXFS_BINARY, "providers", "test", "box"}).code, 0);
}

}  // namespace
}  // namespace oracxfs::test
