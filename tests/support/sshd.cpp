#include "tests/support/sshd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/unique_fd.h"

extern char** environ;

namespace oracxfs::test {
namespace {

constexpr const char* kServer = "/usr/sbin/sshd";

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

bool is_open(int port) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = loopback(port);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

pid_t spawn(std::vector<std::string> words, const std::string& log) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    const int code = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? pid : 0;
}

bool run(std::vector<std::string> words, const std::string& log) {
    const pid_t pid = spawn(std::move(words), log);
    int status = -1;
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> out;
    const std::string id = std::to_string(parent);
    std::istringstream list(read_file("/proc/" + id + "/task/" + id + "/children"));
    for (pid_t child = 0; list >> child;) {
        out.push_back(child);
        const auto below = children_of(child);
        out.insert(out.end(), below.begin(), below.end());
    }
    return out;
}

}  // namespace

int free_port(UniqueFd& held) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int one = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 0;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
    held = std::move(fd);
    return ntohs(address.sin_port);
}

bool Sshd::available() {
    if (::getpwuid(::getuid()) != nullptr && ::access(kServer, X_OK) == 0 && ::access("/usr/bin/ssh-keygen", X_OK) == 0)
        return true;
    std::fprintf(stderr, "skipped: sshd and ssh-keygen are needed (Debian: openssh-server)\n");
    return false;
}

std::unique_ptr<Sshd> Sshd::start(const SshdOptions& options) {
    std::unique_ptr<Sshd> server(new Sshd());
    if (!available()) return nullptr;
    server->user_ = ::getpwuid(::getuid())->pw_name;
    if (server->launch(options)) return server;
    std::fprintf(stderr, "skipped: sshd does not start here: %s\n", server->log().c_str());
    return nullptr;
}

bool Sshd::launch(const SshdOptions& options) {
    const std::string log = dir_ / "log";
    ::mkdir("/run/sshd", 0755);  // what sshd wants when it runs as root; harmless else
    ::mkdir(folder().c_str(), 0755);
    if (!run({"/usr/bin/ssh-keygen", "-q", "-t", options.host_key_type, "-N", "", "-f", dir_ / "hk"}, log)) return false;
    if (!run({"/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir_ / "id"}, log)) return false;
    for (int attempt = 0; attempt < 5; ++attempt) {
        port_ = options.port != 0 ? options.port : free_port(held_port_);
        std::ofstream conf(dir_ / "conf");
        conf << "Port " << port_ << "\nListenAddress 127.0.0.1\nHostKey " << dir_ / "hk" << "\nPidFile none\n"
             << "AuthorizedKeysFile " << dir_ / "id.pub" << "\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
             << "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 100\n"
             // Else a shell would run what the developer's own start-up files say, whatever time that takes.
             << "SetEnv HOME=" << folder() << (options.path.empty() ? "" : " PATH=" + options.path) << "\nSubsystem sftp " << options.sftp << "\n";
        if (options.internal_sftp) conf << "ForceCommand internal-sftp\n";
        for (const std::string& line : options.extra_lines) conf << line << "\n";
        conf.close();
        pid_ = spawn({kServer, "-D", "-e", "-f", dir_ / "conf"}, log);
        if (pid_ <= 0) return false;
        for (int i = 0; i < 200; ++i) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                pid_ = 0;
                break;  // somebody else took the port
            }
            if (is_open(port_)) return true;
            ::usleep(25'000);
        }
        stop();
    }
    return false;
}

Sshd::~Sshd() {
    const auto serving = children();
    stop();
    for (const pid_t child : serving) ::kill(child, SIGKILL);
}

void Sshd::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

std::vector<pid_t> Sshd::children() const { return pid_ > 0 ? children_of(pid_) : std::vector<pid_t>(); }

bool Sshd::wait_for_ends(std::chrono::milliseconds most) const {
    const auto until = std::chrono::steady_clock::now() + most;
    for (; !children().empty(); ::usleep(1'000))
        if (std::chrono::steady_clock::now() > until) return false;
    return true;
}

void Sshd::kill_connections() const {
    for (const pid_t child : children()) ::kill(child, SIGKILL);
}

void Sshd::signal_all(int number) const {
    if (pid_ <= 0) return;
    for (const pid_t child : children()) ::kill(child, number);
    ::kill(pid_, number);
}

void Sshd::freeze() const { signal_all(SIGSTOP); }
void Sshd::thaw() const { signal_all(SIGCONT); }

std::string Sshd::host_key_line() const {
    std::string line = read_file(dir_ / "hk.pub");
    while (!line.empty() && line.back() == '\n') line.pop_back();
    return line;
}

std::string Sshd::log() const { return read_file(dir_ / "log"); }

}  // namespace oracxfs::test
