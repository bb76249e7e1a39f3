#pragma once
// The real program, run with its own ORACXFS_HOME and an environment that a test chooses.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/temp_dir.h"

namespace oracxfs::test {

struct Ran {
    int code = -1;
    std::string out, err;
    Json json;  // of out, if it is JSON
};

inline std::string slurp(const std::string& file) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

class ProgramTest : public testing::Test {
  protected:
    explicit ProgramTest(std::string binary) : binary_(std::move(binary)) {}

    Ran run(std::vector<std::string> arguments, const std::string& input = "") {
        arguments.insert(arguments.begin(), binary_);
        std::ofstream(dir_ / "in") << input;
        std::vector<std::string> variables;
        for (const auto& [name, value] : environment_) variables.push_back(name + "=" + value);
        std::vector<char*> argv, envp;
        for (std::string& argument : arguments) argv.push_back(argument.data());
        for (std::string& variable : variables) envp.push_back(variable.data());
        argv.push_back(nullptr);
        envp.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, 0, (dir_ / "in").c_str(), O_RDONLY, 0);
        ::posix_spawn_file_actions_addopen(&actions, 1, (dir_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::posix_spawn_file_actions_addopen(&actions, 2, (dir_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        pid_t child = 0;
        const int started = ::posix_spawn(&child, binary_.c_str(), &actions, nullptr, argv.data(), envp.data());
        ::posix_spawn_file_actions_destroy(&actions);
        Ran ran;
        if (started != 0) {
            ADD_FAILURE() << "cannot start " << binary_;
            return ran;
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        ran.out = slurp(dir_ / "out");
        ran.err = slurp(dir_ / "err");
        if (auto parsed = parse_json(ran.out)) ran.json = std::move(*parsed);
        return ran;
    }
    void expect_envelope(const Ran& ran, const std::string& command, int code) {
        EXPECT_EQ(ran.json["schema"].as_string(), "oracxfs/1") << ran.out << ran.err;
        EXPECT_EQ(ran.json["command"].as_string(), command);
        EXPECT_EQ(ran.json["exit_code"].as_int(), code);
        EXPECT_EQ(ran.json["ok"].as_bool(), code == 0);
        for (const char* key : {"data", "warnings", "error"}) EXPECT_NE(ran.json.find(key), nullptr) << key;
        EXPECT_EQ(ran.code, code);
    }

    TempDir dir_;
    std::string home_ = dir_ / "home";
    std::map<std::string, std::string> environment_ = {
        {"ORACXFS_HOME", home_}, {"PATH", "/usr/bin:/bin"}, {"HOME", dir_.path()}, {"LANG", "C.UTF-8"}, {"ASAN_OPTIONS", "detect_leaks=0"}};

  private:
    const std::string binary_;
};

}  // namespace oracxfs::test
