#include "tests/support/child_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fstream>

#include "base/unique_fd.h"

extern char** environ;

namespace oracxfs::test {

pid_t spawn_process(std::vector<std::string> words, const std::string& log, const std::string& input) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, input.c_str(), O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    const int code = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? pid : 0;
}

bool run_process(std::vector<std::string> words, const std::string& log, const std::string& input) {
    const pid_t pid = spawn_process(std::move(words), log, input);
    int status = -1;
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<pid_t> processes_below(pid_t parent) {
    std::vector<pid_t> out;
    const std::string id = std::to_string(parent);
    std::ifstream list("/proc/" + id + "/task/" + id + "/children");
    for (pid_t child = 0; list >> child;) {
        out.push_back(child);
        const auto below = processes_below(child);
        out.insert(out.end(), below.begin(), below.end());
    }
    return out;
}

void end_process(pid_t pid) {
    if (pid <= 0) return;
    const auto below = processes_below(pid);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    for (const pid_t child : below) ::kill(child, SIGKILL);
}

bool is_listening(int port) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace oracxfs::test
