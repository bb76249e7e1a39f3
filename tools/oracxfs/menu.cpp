#include "tools/oracxfs/menu.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/translate.h"

extern char** environ;

namespace oracxfs {
namespace {

// While a command runs, Ctrl-C is for the command.
class WithoutInterrupt {
  public:
    WithoutInterrupt() { ::signal(SIGINT, SIG_IGN); }
    ~WithoutInterrupt() { ::signal(SIGINT, SIG_DFL); }
    WithoutInterrupt(const WithoutInterrupt&) = delete;
    WithoutInterrupt& operator=(const WithoutInterrupt&) = delete;
};

std::vector<std::string> global_arguments(const GlobalFlags& flags) {
    std::vector<std::string> arguments;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) arguments.push_back(std::string(name) + "=" + value);
    };
    add("--config", flags.config_file);
    add("--socket", flags.socket);
    add("--lang", flags.lang);
    add("--color", flags.no_color ? "never" : flags.color);
    if (flags.quiet) arguments.emplace_back("--quiet");
    return arguments;
}

Result<int> run_command(const GlobalFlags& flags, const std::vector<std::string>& words) {
    std::vector<std::string> arguments = {"oracxfs"};
    for (const auto& list : {global_arguments(flags), words}) arguments.insert(arguments.end(), list.begin(), list.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const WithoutInterrupt guard;
    posix_spawnattr_t attributes;
    if (const int error = ::posix_spawnattr_init(&attributes); error != 0) return fail(error_from_errno(error, "start a command"));
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGINT);
    ::posix_spawnattr_setsigdefault(&attributes, &defaults);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    pid_t child = 0;
    const int error = ::posix_spawn(&child, "/proc/self/exe", nullptr, &attributes, argv.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0) return fail(error_from_errno(error, "start a command"));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail(error_from_errno(errno, "wait for a command"));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Nothing at the end of input.
std::optional<std::string> read_choice() {
    std::string line;
    for (char c = 0;;) {
        const ssize_t got = ::read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        if (c == '\n') break;
        if (c != ' ' && c != '\t' && c != '\r' && line.size() < 64) line += c;
    }
    return line;
}

std::string command_line(const std::vector<std::string>& arguments) {
    std::string text = "oracxfs";
    for (const std::string& argument : arguments) text += " " + argument;
    return text;
}

void show(const Output& out, const std::vector<MenuEntry>& entries) {
    std::vector<std::vector<std::string>> rows;
    for (const MenuEntry& entry : entries)
        rows.push_back({"  " + out.paint(Paint::bold, entry.key), tr(entry.text), entry.arguments.empty() ? "" : out.paint(Paint::dim, command_line(entry.arguments))});
    Output::write_stdout("\n" + out.paint(Paint::bold, tr("oracxfs - your files at several clouds")) + "\n" + format_table({"", "", ""}, rows));
}

}  // namespace

std::vector<MenuEntry> menu_entries(bool automatic_sync, bool mounted) {
    return {
        {"1", ORACX_TEXT("Status of the cloud storage"), {"status"}},
        {"2", ORACX_TEXT("Back up now"), {"sync"}},
        automatic_sync ? MenuEntry{"3", ORACX_TEXT("Switch the automatic sync off"), {"auto-sync", "off"}}
                       : MenuEntry{"3", ORACX_TEXT("Switch the automatic sync on"), {"auto-sync", "on"}},
        {"4", ORACX_TEXT("Backups in the cloud"), {"backups", "list"}},
        {"5", ORACX_TEXT("Connect Google Drive"), {"google-drive"}},
        {"6", ORACX_TEXT("Connect Dropbox"), {"dropbox"}},
        {"7", ORACX_TEXT("Connect an FTP server"), {"ftp"}},
        {"8", ORACX_TEXT("Connect an SFTP server"), {"sftp"}},
        mounted ? MenuEntry{"9", ORACX_TEXT("Unmount the folder"), {"unmount"}} : MenuEntry{"9", ORACX_TEXT("Mount the folder"), {"mount"}},
        {"d", ORACX_TEXT("Check everything"), {"doctor"}},
        {"h", ORACX_TEXT("All commands"), {"help"}},
        {"q", ORACX_TEXT("Quit"), {}},
    };
}

int run_menu(Cli& cli) {
    for (;;) {
        const auto config = cli.config();
        const auto owner = cli.owner();
        const auto entries = menu_entries(config && config->auto_sync.enabled, owner && owner->daemon && !owner->mount_point.empty());
        show(cli.out(), entries);
        Output::write_stdout(tr("Your choice: "));
        auto choice = read_choice();
        if (!choice) {
            Output::write_stdout("\n");
            return 0;
        }
        if (choice->empty()) continue;
        if (*choice == "0") choice = "q";
        const auto entry = std::find_if(entries.begin(), entries.end(), [&](const MenuEntry& e) { return e.key == *choice; });
        if (entry == entries.end()) {
            Output::write_stdout(trf("There is no \"{}\" in the menu.", printable(*choice)) + "\n");
            continue;
        }
        if (entry->arguments.empty()) return 0;
        Output::write_stdout("\n");
        const auto code = run_command(cli.flags(), entry->arguments);
        if (!code) return cli.out().finish("menu", code.error());
        const std::string command = command_line(entry->arguments);
        Output::write_stdout("\n" + cli.out().paint(Paint::dim, *code == 0 ? trf("The same from a shell: {}", command) : trf("The same from a shell: {} (it ended with code {})", command, *code)) + "\n");
    }
}

}  // namespace oracxfs
