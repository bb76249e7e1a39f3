#include "tools/packager/command_input.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/log.h"

extern char** environ;

namespace oracxfs {
namespace {

constexpr std::size_t kLastWordsMax = 2000;

struct Pipe {
    UniqueFd read, write;
};

Result<Pipe> make_pipe(const std::string& name) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(error_from_errno(errno, "run the command of " + name));
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct SpawnSettings {
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

// One line, so that it fits into a message.
std::string on_one_line(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20) c = c == '\n' ? '|' : ' ';
    return log::redact(text);
}

}  // namespace

Result<std::unique_ptr<CommandInput>> CommandInput::start(const std::string& name, const std::vector<std::string>& words) {
    ORACX_TRY(Pipe output, make_pipe(name));
    ORACX_TRY(Pipe errors, make_pipe(name));
    UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return fail(error_from_errno(errno, "run the command of " + name));
    ::fcntl(errors.read.get(), F_SETFL, O_NONBLOCK);

    SpawnSettings settings;
    ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&settings.actions, output.write.get(), 1);
    ::posix_spawn_file_actions_adddup2(&settings.actions, errors.write.get(), 2);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&settings.attributes, &none);
    ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
    ::posix_spawnattr_setpgroup(&settings.attributes, 0);
    ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

    std::vector<std::string> copies = words;
    std::vector<char*> arguments;
    for (std::string& word : copies) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int code = words.empty() ? EINVAL : ::posix_spawnp(&pid, arguments[0], &settings.actions, &settings.attributes, arguments.data(), environ);
    if (code != 0) return fail(error_from_errno(code, fmt::format("run the command of {}", name)));
    return std::unique_ptr<CommandInput>(new CommandInput(name, pid, std::move(output.read), std::move(errors.read), std::move(wake)));
}

CommandInput::~CommandInput() { kill_group(); }

void CommandInput::kill_group() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
}

void CommandInput::take_errors() {
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t count = ::read(errors_.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count == 0) errors_.reset();
        if (count <= 0) return;
        last_words_.append(buffer.data(), static_cast<std::size_t>(count));
        if (last_words_.size() > kLastWordsMax) last_words_.erase(0, last_words_.size() - kLastWordsMax);
    }
}

// Also keeps its standard error empty, on which it would block.
Status CommandInput::wait_until_readable(int fd, const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(wake_.get(), &one, sizeof one));  // full: it is awake already
    });
    for (;;) {
        std::array<pollfd, 3> waiting{{{fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}, {errors_.get(), POLLIN, 0}}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
            return fail(error_from_errno(errno, "wait for the command of " + name_));
        if (stop.stop_requested()) return fail(Errc::cancelled, "run the command of " + name_);
        if (waiting[2].revents != 0) take_errors();
        if (waiting[0].revents != 0) return {};
    }
}

Result<std::size_t> CommandInput::read(std::span<std::byte> into, const std::stop_token& stop) {
    if (pid_ <= 0) return 0;
    for (;;) {
        if (Status waited = wait_until_readable(output_.get(), stop); !waited) {
            kill_group();
            return fail(std::move(waited).error());
        }
        const ssize_t count = ::read(output_.get(), into.data(), into.size());
        if (count > 0) return static_cast<std::size_t>(count);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(error_from_errno(errno, "read from the command of " + name_));
        return finish(stop);
    }
}

Result<std::size_t> CommandInput::finish(const std::stop_token& stop) {
    // It may have closed its output only, and say much more on its standard error, or stay.
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (ended) {
        if (Status waited = wait_until_readable(ended.get(), stop); !waited) {
            kill_group();
            return fail(std::move(waited).error());
        }
    }
    // The status first, then what it said last: its standard error may be held open by something it left behind.
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    ::kill(-pid_, SIGKILL);
    pid_ = 0;
    if (errors_) take_errors();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    std::string why = WIFSIGNALED(status) ? fmt::format("ended by signal {}", WTERMSIG(status)) : fmt::format("exit status {}", WEXITSTATUS(status));
    if (!last_words_.empty()) why += ": " + on_one_line(last_words_);
    return fail(Errc::local_io, "the command of " + name_ + " failed", std::move(why));
}

}  // namespace oracxfs
