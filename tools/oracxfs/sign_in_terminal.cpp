#include "tools/oracxfs/sign_in_terminal.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/translate.h"
#include "tools/oracxfs/output.h"

extern char** environ;

namespace oracxfs {

Result<std::string> ask_line(const std::string& question) {
    constexpr std::size_t kLineMax = 8u << 10;
    Output::write_stderr(tr_sentence(question) + ": ");
    std::string line;
    for (char c = 0;;) {
        const ssize_t got = ::read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR) return fail(Errc::cancelled, "ask: " + question);
        if (got < 0) return fail(error_from_errno(errno, "read the answer"));
        if (got == 0 || c == '\n') break;
        if (line.size() < kLineMax) line += c;
    }
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos) return fail(Errc::usage, "ask: " + question, "nothing was entered");
    return line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
}

bool has_desktop() { return std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr; }

void open_browser(const std::string& url) {
    if (!has_desktop()) return;
    posix_spawn_file_actions_t actions;
    if (::posix_spawn_file_actions_init(&actions) != 0) return;
    for (const int fd : {0, 1, 2}) (void)::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
    std::string program = "xdg-open", argument = url;
    std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
    pid_t child = 0;
    const int started = ::posix_spawnp(&child, "xdg-open", &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    // It hands the address to a browser and ends; a zombie until this program ends does no harm, waiting could.
    if (started == 0) (void)::waitpid(child, nullptr, WNOHANG);
}

}  // namespace oracxfs
